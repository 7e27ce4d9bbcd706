"""Who the head is: a random population of plausible adults from MakeHuman's sliders, its mean and its principal
directions."""

from __future__ import annotations

import numpy as np

from .source import BaseMesh, target, target_names

SLIDER_FOLDERS = ("head", "eyes", "mouth", "nose", "chin", "cheek", "forehead", "ears", "eyebrows", "neck", "asym")
OPPOSITES = (
    ("incr", "decr"),
    ("up", "down"),
    ("in", "out"),
    ("forward", "backward"),
    ("convex", "concave"),
    ("compress", "uncompress"),
)
# ours: standard deviation of a slider's weight (sliders run from -1 to 1), chosen by eye so that two deviations stay
# plausible
SLIDER_SIGMA = {
    "head": 0.14,
    "eyes": 0.2,
    "mouth": 0.2,
    "nose": 0.22,
    "chin": 0.22,
    "cheek": 0.2,
    "forehead": 0.2,
    "ears": 0.22,
    "eyebrows": 0.24,
}
SLIDER_SIGMA |= {"neck": 0.2, "asym": 0.08}


def _sliders() -> list[tuple[str, str | None, float]]:
    """(target, its opposite or None, sigma) for every identity slider."""
    sliders = []
    for folder in SLIDER_FOLDERS:
        names = target_names(folder)
        taken: set[str] = set()
        for name in names:
            if name in taken or (folder == "asym" and "asymm-" in name) or "double" in name:
                continue
            opposite = None
            for plus, minus in OPPOSITES:
                for a, b in ((plus, minus), (minus, plus)):
                    if name.endswith(f"-{a}") and f"{name[: -len(a)]}{b}" in names:
                        opposite = f"{name[: -len(a)]}{b}"
            if folder == "asym" and name.endswith("-l"):
                opposite = f"{name[:-2]}-r"
            taken |= {name, opposite or name}
            sliders.append((name, opposite, SLIDER_SIGMA[folder]))
    return sliders


def average_adult(base: BaseMesh) -> np.ndarray:
    """Base vertices [19158,3] of the mean of six young adults at average muscle and weight, decimeters."""
    vertices = base.vertices.copy()
    for sex in ("female", "male"):
        vertices += target(f"macrodetails/universal-{sex}-young-averagemuscle-averageweight") / 2
        for people in ("caucasian", "asian", "african"):
            vertices += target(f"macrodetails/{people}-{sex}-young") / 6
    return vertices


def population(base: BaseMesh, size: int, seed: int) -> tuple[np.ndarray, list[str]]:
    """Random mixture weights [size, n] of the n identity targets, relative to the bare base mesh, and the target
    names."""
    rng = np.random.default_rng(seed)
    names: list[str] = []
    columns: list[np.ndarray] = []

    def add(name: str, weight: np.ndarray) -> None:
        names.append(name)
        columns.append(weight)

    people = rng.dirichlet([0.6, 0.6, 0.6], size)
    male = rng.beta(0.4, 0.4, size)
    old = np.clip(rng.normal(0.12, 0.18, size), 0, 0.6)
    muscle = np.clip(rng.normal(0, 0.25, size), -1, 1)
    weight = np.clip(rng.normal(0, 0.25, size), -1, 1)
    steps = {"min": lambda x: np.maximum(-x, 0), "average": lambda x: 1 - np.abs(x), "max": lambda x: np.maximum(x, 0)}
    for sex, share in (("female", 1 - male), ("male", male)):
        for age, part in (("young", 1 - old), ("old", old)):
            for index, group in enumerate(("caucasian", "asian", "african")):
                add(f"macrodetails/{group}-{sex}-{age}", share * part * people[:, index])
            for m, m_weight in steps.items():
                for w, w_weight in steps.items():
                    add(
                        f"macrodetails/universal-{sex}-{age}-{m}muscle-{w}weight",
                        share * part * m_weight(muscle) * w_weight(weight),
                    )
    # paired organs move together: the same draw for l- and r-, plus a small difference
    draws: dict[str, np.ndarray] = {}
    for name, opposite, sigma in _sliders():
        stem = name.split("/")[1]
        both = stem[2:] if stem[:2] in ("l-", "r-") else stem
        if both not in draws:
            draws[both] = rng.normal(0, sigma, size)
        value = draws[both] + (rng.normal(0, 0.15 * sigma, size) if both != stem else 0)
        if opposite:
            value = np.clip(value, -0.9, 0.9)
            add(name, np.maximum(value, 0))
            add(opposite, np.maximum(-value, 0))
        else:
            add(name, np.clip(value + 0.5 * sigma, 0, 0.9))
    return np.stack(columns, 1), names


def principal_directions(samples: np.ndarray, importance: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Principal directions of `samples` [n,V,3] (already centred), one standard deviation each.

    `importance` [V] weighs vertices. Returns directions [count,V,3] and the share of the weighted variance that each
    explains.
    """
    size = len(samples)
    weighted = (samples * np.sqrt(importance)[None, :, None]).reshape(size, -1)
    values, vectors = np.linalg.eigh(weighted @ weighted.T / size)
    order = np.argsort(values)[::-1][:count]
    scores = vectors[:, order] * np.sqrt(size)  # unit variance per column
    directions = np.einsum("nk,nvc->kvc", scores, samples) / size
    # deterministic sign: the largest entry is positive
    flat = directions.reshape(count, -1)
    sign = np.sign(flat[np.arange(count), np.abs(flat).argmax(1)])
    return directions * sign[:, None, None], values[order] / values.sum()
