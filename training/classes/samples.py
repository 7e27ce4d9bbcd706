"""Stored samples of labelled people: `python -m training.classes.samples --count 4000` writes training/cache/classes;
runs beside the trainer.

Seeds from HELD_OUT_SEED on are for reports: `--held-out` draws the four registered people that no training sees."""

import argparse
from pathlib import Path

import numpy as np

from ..synth.lighting import linear
from ..synth.native import CACHE
from .labelled import Labels, Photographer
from .vocabulary import BODY, CLOTHES, FACE, UNKNOWN

FOLDER = CACHE / "classes"
SHARD = 50
HELD_OUT_SEED = 20_000_000
VARIANTS = 3
ALIKE_HUE, ALIKE_LIGHT = 0.25, 1.15  # ours: log distances of colors below which cloth could as well be skin
MANY = 300  # pixels of cloth and of skin from which their colors are compared


def load(folder: Path, known: set[str]) -> list[Labels]:
    """Samples of the shards that are not in `known` yet, which is updated."""
    out = []
    for path in sorted(folder.glob("*.npz")):
        if path.name not in known:
            known.add(path.name)
            data = np.load(path)
            out += [doubtful(Labels(*parts)) for parts in zip(data["color"], data["alpha"], data["label"])]
    return out


def doubtful(labels: Labels) -> Labels:
    """Cloth in the color of the person's own skin has no class: nobody could tell. Of a registered person whose neck
    was taken for a collar the whole torso has that color."""
    whole = labels.alpha > 250
    cloth = labels.color[whole & (labels.label == CLOTHES)]
    skin = labels.color[whole & ((labels.label == FACE) | (labels.label == BODY))]
    if min(len(cloth), len(skin)) < MANY:
        return labels
    middle = [np.log(linear(np.median(part, 0) / 255) + 0.004) for part in (cloth, skin)]
    away = middle[0] - middle[1]
    if np.linalg.norm(away - away.mean()) > ALIKE_HUE or abs(away.mean()) > ALIKE_LIGHT:
        return labels
    unclear = (labels.label == CLOTHES) | (labels.label == BODY)
    return Labels(labels.color, labels.alpha, np.where(unclear, UNKNOWN, labels.label).astype(np.uint8))


def write(path: Path, samples: list[Labels]) -> None:
    """Atomic: a trainer may be reading the folder."""
    temporary = path.with_suffix(".part")
    with open(temporary, "wb") as file:
        np.savez(
            file,
            color=np.stack([s.color for s in samples]),
            alpha=np.stack([s.alpha for s in samples]),
            label=np.stack([s.label for s in samples]),
        )
    temporary.rename(path)


def produce(folder: Path, count: int, first_seed: int, held_out: bool) -> None:
    """Shards of samples; those already there are skipped."""
    folder.mkdir(parents=True, exist_ok=True)
    photographer = None
    for start in range(first_seed, first_seed + count, SHARD):
        path = folder / f"{start:08d}.npz"
        if path.exists():
            continue
        photographer = photographer or Photographer(held_out)
        samples = []
        for seed in range(start, min(start + SHARD, first_seed + count)):
            photographer.choice = (seed % 4, seed // 4 % VARIANTS)
            samples.append(photographer.photograph(seed))
        write(path, samples)
        print(path.name, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--held-out", action="store_true")
    arguments = parser.parse_args()
    first = arguments.first_seed + (HELD_OUT_SEED if arguments.held_out else 0)
    produce(FOLDER / ("held-out" if arguments.held_out else "train"), arguments.count, first, arguments.held_out)


if __name__ == "__main__":
    main()
