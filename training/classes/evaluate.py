"""Measures mattes and, with `--model`, an exported network: `python -m training.classes.evaluate --model
training/runs/classes/classes.onnx`.

Held-out synthetic people (samples.py --held-out) against their truth, odd portraits against the teacher where it agrees with itself, and
the matte of today (assets/models/face) beside it. Writes training/results/classes.json."""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import binary_dilation

from ..evaluate.real_photos import soften
from ..native import PACKAGE
from ..synth.lighting import camera_flaws
from . import matting
from .backgrounds import plate, sample_background
from .dataset import composed, even, relit
from .labelled import Labels
from .labels import load_labels
from .portraits import Labelled
from .samples import FOLDER, load
from .vocabulary import BACKGROUND, HAIR, INPUT, NAMES, UNKNOWN

ASSETS = PACKAGE.parent / "assets/models"
HAIRY = 2000  # pixels of hair from which a portrait's own overlap counts
BAND = 4  # pixels around partial alpha in which mattes are compared


def resized(plane: np.ndarray, size: int) -> np.ndarray:
    """f32 [h,w] -> [size,size]"""
    return np.asarray(Image.fromarray(np.asarray(plane, np.float32)).resize((size, size), Image.Resampling.BILINEAR))


def session(path: Path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def planar(image: np.ndarray, size: int = INPUT) -> np.ndarray:
    """u8 [S,S,3] -> [1,3,size,size] 0..1"""
    picture = Image.fromarray(image).resize((size, size), Image.Resampling.BOX if len(image) % size == 0 else Image.Resampling.BICUBIC)
    return np.ascontiguousarray((np.asarray(picture, np.float32) / 255).transpose(2, 0, 1)[None])


class Ours:
    """Classes and alpha at a picture's own size."""

    def __init__(self, path: Path):
        self.session = session(path)

    def __call__(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """u8 [S,S,3] -> probabilities [5,S,S], alpha [S,S]"""
        classes, alpha = self.session.run(None, {"image": planar(image)})
        return np.stack([resized(p, len(image)) for p in classes[0]]), resized(alpha[0, 0], len(image)).clip(0, 1)


class Today:
    """The person's matte of MediaPipe's network, as the page softens it."""

    def __init__(self):
        self.session = session(ASSETS / "face/matte.onnx")

    def __call__(self, image: np.ndarray) -> np.ndarray:
        return soften(self.session.run(None, {"image": planar(image)})[0][0, 0].astype(np.float32), len(image)).astype(np.float32)


class Overlap:
    """Intersection over union per class, summed over pictures."""

    def __init__(self):
        self.shared, self.either = np.zeros(len(NAMES)), np.zeros(len(NAMES))

    def add(self, seen: np.ndarray, truth: np.ndarray, where: np.ndarray) -> None:
        for k in range(len(NAMES)):
            a, b = (seen == k) & where, (truth == k) & where
            self.shared[k] += (a & b).sum()
            self.either[k] += (a | b).sum()

    def report(self) -> dict[str, float]:
        values = self.shared / np.maximum(self.either, 1)
        return {name: round(float(v), 4) for name, v in zip(NAMES, values)} | {"mean": round(float(values.mean()), 4)}


def matte_errors(matte: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Mean absolute error everywhere and in the band of partial alpha; mean absolute error of the gradient in the band."""
    band = binary_dilation((truth > 0.02) & (truth < 0.98), iterations=BAND)
    slope = np.abs(np.stack(np.gradient(matte)) - np.stack(np.gradient(truth))).sum(0)
    error = np.abs(matte - truth)
    hard = ((matte > 0.5) & (truth > 0.5)).sum() / max(((matte > 0.5) | (truth > 0.5)).sum(), 1)
    return {
        "mae": float(error.mean()),
        "maeBand": float(error[band].mean()),
        "gradientBand": float(slope[band].mean()),
        "overlap": float(hard),
    }


def photographs(samples: list[Labels], plates: list[np.ndarray], seed: int = 5) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Held-out people before backgrounds, as a camera takes them: image u8 [S,S,3], label, alpha."""
    rng, out = np.random.default_rng(seed), []
    for s in samples:
        alpha = s.alpha.astype(np.float32) / 255
        image = composed(relit(rng, s.color), alpha, sample_background(rng, len(alpha), plates)).astype(np.float32) / 255
        image = camera_flaws(rng, image) if rng.random() < 0.7 else image
        label = np.where(alpha >= 0.5, s.label, BACKGROUND)
        out.append(((255 * image.clip(0, 1) + 0.5).astype(np.uint8), label, alpha))
    return out


def ways(ours: Ours | None, today: Today) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Mattes [S,S] of u8 [S,S,3] by name: each network's own, and as the page solves it (matting.py)."""

    def refined(coarse):
        return lambda image: matting.refine_matte(image.astype(np.float32) / 255, coarse(image))

    out = {"coarse": today, "solved": refined(today)}
    if ours is not None:
        alpha = lambda image: ours(image)[1]  # noqa: E731
        out |= {"classes": alpha, "classes, solved": refined(alpha)}
    return out


def against_truth(ours: Ours | None, today: Today, samples: list[Labels], plates: list[np.ndarray]) -> dict:
    overlap, errors = Overlap(), {name: [] for name in ways(ours, today)}
    for image, label, alpha in photographs(samples, plates):
        if ours is not None:
            overlap.add(ours(image)[0].argmax(0), label, np.ones_like(label, bool))
        for name, way in ways(ours, today).items():
            errors[name].append(matte_errors(way(image), alpha))
    means = {name: {key: round(float(np.mean([r[key] for r in rows])), 4) for key in rows[0]} for name, rows in errors.items()}
    return {"people": len(samples), "mattes": means} | ({} if ours is None else {"overlap": overlap.report()})


def summary(values: list[float]) -> dict[str, float]:
    return {"mean": round(float(np.mean(values)), 4), "worst": round(float(np.min(values)), 4)}


def against_teacher(ours: Ours | None, today: Today, portraits: list[Labelled]) -> dict:
    overlap, hair = Overlap(), []
    person: dict[str, list[float]] = {name: [] for name in ways(ours, today)}
    for p in portraits:
        where = p.inside & (p.label != UNKNOWN)
        truth = (p.label != BACKGROUND) & where
        for name, way in ways(ours, today).items():
            seen = (way(p.image) > 0.5) & where
            person[name].append(float((seen & truth).sum() / max((seen | truth).sum(), 1)))
        if ours is not None:
            own, seen = Overlap(), ours(p.image)[0].argmax(0)
            for counted in (overlap, own):
                counted.add(seen, p.label, where)
            hair += [own.shared[HAIR] / own.either[HAIR]] if own.either[HAIR] > HAIRY else []
    report = {
        "portraits": len(portraits),
        "agreedShare": round(float(np.mean([(p.label != UNKNOWN)[p.inside].mean() for p in portraits])), 4),
        "personOverlap": {name: summary(values) for name, values in person.items()},
    }
    return report | ({} if ours is None else {"overlap": overlap.report(), "hairPerPortrait": summary(hair)})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, help="an exported network; without it only the mattes of today are measured")
    parser.add_argument("--out", type=Path, default=PACKAGE / "results/classes.json")
    parser.add_argument("--most", type=int, default=1000, help="of pictures of each kind")
    arguments = parser.parse_args()
    ours, today = arguments.model and Ours(arguments.model), Today()
    odd = [p for p in load_labels() if not even(p.name)][: arguments.most]
    plates = [plate(p.image, (p.mask > 0.03) | ~p.inside) for p in odd[:20]]
    samples = load(FOLDER / "held-out", set())[: arguments.most]
    report = {"truth": against_truth(ours, today, samples, plates), "teacher": against_teacher(ours, today, odd)}
    if ours is not None:
        start = time.process_time()
        for _ in range(5):
            ours(odd[0].image)
        seconds = round((time.process_time() - start) / 5, 3)
        report = {"bytes": arguments.model.stat().st_size, "secondsOnOneCore": seconds} | report
    arguments.out.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
