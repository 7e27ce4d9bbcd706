"""Measures the network and its mattes: `python -m training.classes.evaluate [--model FILE]`.

Held-out synthetic people (samples.py --held-out) against their truth, and odd portraits against the teacher where it
agrees with itself: alone, and with the veto of the matte that was at hand when the labels were made. Mattes: ours,
MediaPipe's, and both together as the page has it. Writes training/results/classes.json."""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import binary_dilation, convolve1d

from ..native import PACKAGE
from ..synth.lighting import camera_flaws
from . import matting
from .backgrounds import plate, sample_background
from .dataset import GREY, composed, even, relit
from .labelled import Labels
from .labels import load_labels
from .person import ASSET, PersonFinder
from .portraits import NONE_OUT, Labelled
from .samples import FOLDER, load
from .vocabulary import BACKGROUND, HAIR, NAMES, UNKNOWN

HAIRY = 2000  # pixels of hair from which a portrait's own overlap counts
BAND = 4  # pixels around partial alpha in which mattes are compared
WIDER = 2  # edge of the wide picture in crops
SEED = 5
BINOMIAL, STRETCHED = (0.25, 0.5, 0.25), (0.1, 0.9)

Way = Callable[[np.ndarray], np.ndarray]


def resized(plane: np.ndarray, size: int) -> np.ndarray:
    """f32 [h,w] -> [size,size]"""
    return np.asarray(Image.fromarray(np.asarray(plane, np.float32)).resize((size, size), Image.Resampling.BILINEAR))


class Ours:
    """Classes and alpha at a picture's own size."""

    def __init__(self, path: Path):
        self.finder = PersonFinder(path)

    def __call__(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """u8 [S,S,3] -> probabilities [5,S,S], alpha [S,S]"""
        classes, alpha = self.finder.look(image)
        return np.stack([resized(p, len(image)) for p in classes]), resized(alpha, len(image)).clip(0, 1)

    def wide(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The same from a picture of twice the edge around it, as of a photo that ends there: grey, below it the last
        row goes on."""
        size = len(image)
        start = (WIDER - 1) * size // 2
        picture = np.full((WIDER * size, WIDER * size, 3), GREY, np.uint8)
        picture[start : start + size, start : start + size] = image
        picture[start + size :, start : start + size] = image[-1]
        part = (slice(start, start + size), slice(start, start + size))
        classes, alpha = self(picture)
        return classes[:, part[0], part[1]], alpha[part]

    def together(self, image: np.ndarray) -> np.ndarray:
        """The person's mask [S,S] of both networks."""
        return resized(self.finder.person(image)[0], len(image))

    def matte(self, image: np.ndarray) -> np.ndarray:
        """MediaPipe's alone, its rim stretched to 0..1 and softened, as the page did when it had no other."""
        mask = resized(self.finder.matte(image), len(image))
        mask = convolve1d(convolve1d(mask, BINOMIAL, 0, mode="nearest"), BINOMIAL, 1, mode="nearest")
        t = np.clip((mask - STRETCHED[0]) / (STRETCHED[1] - STRETCHED[0]), 0, 1)
        return (t * t * (3 - 2 * t)).astype(np.float32)


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


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two bool masks."""
    return float((a & b).sum() / max((a | b).sum(), 1))


def matte_errors(matte: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Mean absolute error everywhere and in the band of partial alpha; mean absolute error of the gradient in the
    band."""
    band = binary_dilation((truth > 0.02) & (truth < 0.98), iterations=BAND)
    slope = np.abs(np.stack(np.gradient(matte)) - np.stack(np.gradient(truth))).sum(0)
    error = np.abs(matte - truth)
    return {
        "mae": float(error.mean()),
        "maeBand": float(error[band].mean()),
        "gradientBand": float(slope[band].mean()),
        "overlap": overlap(matte > 0.5, truth > 0.5),
    }


def photographs(samples: list[Labels], plates: list[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Held-out people before backgrounds, as a camera takes them: image u8 [S,S,3], label, alpha."""
    rng, out = np.random.default_rng(SEED), []
    for s in samples:
        alpha = s.alpha.astype(np.float32) / 255
        image = (
            composed(relit(rng, s.color), alpha, sample_background(rng, len(alpha), plates)).astype(np.float32) / 255
        )
        image = camera_flaws(rng, image) if rng.random() < 0.7 else image
        label = np.where(alpha >= 0.5, s.label, BACKGROUND)
        out.append(((255 * image.clip(0, 1) + 0.5).astype(np.uint8), label, alpha))
    return out


def ways(ours: Ours) -> dict[str, Way]:
    """Mattes [S,S] of u8 [S,S,3] by name: each network's own, and as the page solves it (matting.py)."""

    def solved(coarse: Way) -> Way:
        return lambda image: matting.refine_matte(image.astype(np.float32) / 255, coarse(image))

    own: dict[str, Way] = {"ours": lambda image: ours(image)[1], "ours, wide": lambda image: ours.wide(image)[1]}
    own |= {"MediaPipe": ours.matte, "together": ours.together}
    return {
        f"{name}{how}": make(way)
        for name, way in own.items()
        for how, make in (("", lambda w: w), (", solved", solved))
    }


def against_truth(ours: Ours, samples: list[Labels], plates: list[np.ndarray]) -> dict:
    seen, wide = Overlap(), Overlap()
    errors: dict[str, list] = {name: [] for name in ways(ours)}
    for image, label, alpha in photographs(samples, plates):
        seen.add(ours(image)[0].argmax(0), label, label != UNKNOWN)
        wide.add(ours.wide(image)[0].argmax(0), label, label != UNKNOWN)
        for name, way in ways(ours).items():
            errors[name].append(matte_errors(way(image), alpha))
    means = {
        name: {key: round(float(np.mean([r[key] for r in rows])), 4) for key in rows[0]}
        for name, rows in errors.items()
    }
    return {"people": len(samples), "mattes": means, "overlap": seen.report(), "overlapWide": wide.report()}


def summary(values: list[float]) -> dict[str, float]:
    return {"mean": round(float(np.mean(values)), 4), "worst": round(float(np.min(values)), 4)}


def against_teacher(ours: Ours, portraits: list[Labelled]) -> dict:
    seen, wide, hair = Overlap(), Overlap(), []
    alone: dict[str, list[float]] = {name: [] for name in ways(ours)}
    vetoed: dict[str, list[float]] = {name: [] for name in alone}
    for p in portraits:
        known, said = p.inside & (p.label != UNKNOWN), p.inside & (p.agreed != UNKNOWN)
        for name, way in ways(ours).items():
            matte = way(p.image) > 0.5
            alone[name].append(overlap(matte & said, (p.agreed != NONE_OUT) & said))
            vetoed[name].append(overlap(matte & known, (p.label != BACKGROUND) & known))
        own, classes = Overlap(), ours(p.image)[0].argmax(0)
        for counted in (seen, own):
            counted.add(classes, p.label, known)
        wide.add(ours.wide(p.image)[0].argmax(0), p.label, known)
        hair += [own.shared[HAIR] / own.either[HAIR]] if own.either[HAIR] > HAIRY else []
    return {
        "portraits": len(portraits),
        "agreedShare": round(float(np.mean([(p.agreed != UNKNOWN)[p.inside].mean() for p in portraits])), 4),
        "personOverlap": {name: summary(values) for name, values in alone.items()},
        "personOverlapWithVeto": {name: summary(values) for name, values in vetoed.items()},
        "overlap": seen.report(),
        "overlapWide": wide.report(),
        "hairPerPortrait": summary(hair),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=ASSET)
    parser.add_argument("--out", type=Path, default=PACKAGE / "results/classes.json")
    parser.add_argument("--most", type=int, default=1000, help="of pictures of each kind")
    parser.add_argument(
        "--even", action="store_true", help="portraits that may be tuned on instead of those for the report"
    )
    arguments = parser.parse_args()
    ours = Ours(arguments.model)
    portraits = [p for p in load_labels() if even(p.name) == arguments.even][: arguments.most]
    plates = [plate(p.image, (p.mask > 0.03) | ~p.inside) for p in portraits[:20]]
    samples = load(FOLDER / "held-out", set())[: arguments.most]
    start = time.process_time()
    for _ in range(5):
        ours(portraits[0].image)
    seconds = round((time.process_time() - start) / 5, 3)
    report = {
        "bytes": arguments.model.stat().st_size,
        "secondsOnOneCore": seconds,
        "truth": against_truth(ours, samples, plates),
        "teacher": against_teacher(ours, portraits),
    }
    arguments.out.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
