"""Measures an exported network: `python -m training.classes.evaluate --model training/runs/classes/classes.onnx`.

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
from .vocabulary import BACKGROUND, INPUT, NAMES, UNKNOWN

ASSETS = PACKAGE.parent / "assets/models"
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


def ways(ours: Ours, today: Today) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Mattes [S,S] of u8 [S,S,3] by name."""

    def refined(coarse):
        return lambda image: matting.refine_matte(image.astype(np.float32) / 255, coarse(image))

    alpha = lambda image: ours(image)[1]  # noqa: E731
    return {"today": today, "today, refined": refined(today), "ours": alpha, "ours, refined": refined(alpha)}


def against_truth(ours: Ours, today: Today, samples: list[Labels], plates: list[np.ndarray]) -> dict:
    overlap, errors = Overlap(), {name: [] for name in ways(ours, today)}
    for image, label, alpha in photographs(samples, plates):
        overlap.add(ours(image)[0].argmax(0), label, np.ones_like(label, bool))
        for name, way in ways(ours, today).items():
            errors[name].append(matte_errors(way(image), alpha))
    means = {name: {key: round(float(np.mean([r[key] for r in rows])), 4) for key in rows[0]} for name, rows in errors.items()}
    return {"people": len(samples), "overlap": overlap.report(), "mattes": means}


def against_teacher(ours: Ours, today: Today, portraits: list[Labelled]) -> dict:
    overlap = Overlap()
    person = {"today": [], "ours": []}
    each = []
    for p in portraits:
        where = p.inside & (p.label != UNKNOWN)
        probabilities, alpha = ours(p.image)
        seen = probabilities.argmax(0)
        overlap.add(seen, p.label, where)
        own = Overlap()
        own.add(seen, p.label, where)
        each.append(own)
        truth = p.label != BACKGROUND
        for name, matte in (("today", today(p.image)), ("ours", alpha)):
            shared, either = ((matte > 0.5) & truth & where).sum(), (((matte > 0.5) | truth) & where).sum()
            person[name].append(float(shared / max(either, 1)))
    known = float(np.mean([(p.label != UNKNOWN)[p.inside].mean() for p in portraits]))
    hair = [o.shared[0] / o.either[0] for o in each if o.either[0] > 2000]
    return {
        "portraits": len(portraits),
        "agreedShare": round(known, 4),
        "overlap": overlap.report(),
        "hairPerPortrait": {"mean": round(float(np.mean(hair)), 4), "worst": round(float(np.min(hair)), 4)},
        "personOverlap": {n: {"mean": round(float(np.mean(v)), 4), "worst": round(float(np.min(v)), 4)} for n, v in person.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=PACKAGE / "results/classes.json")
    parser.add_argument("--most", type=int, default=1000, help="of pictures of each kind")
    arguments = parser.parse_args()
    ours, today = Ours(arguments.model), Today()
    odd = [p for p in load_labels() if not even(p.name)][: arguments.most]
    plates = [plate(p.image, (p.mask > 0.03) | ~p.inside) for p in odd[:20]]
    samples = load(FOLDER / "held-out", set())[: arguments.most]
    start = time.process_time()
    for _ in range(5):
        ours(odd[0].image)
    report = {
        "bytes": arguments.model.stat().st_size,
        "secondsOnOneCore": round((time.process_time() - start) / 5, 3),
        "truth": against_truth(ours, today, samples, plates),
        "teacher": against_teacher(ours, today, odd),
    }
    arguments.out.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
