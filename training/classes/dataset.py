"""Training pictures: a stored person before some background, moved, in other light and with a camera's flaws, and what
is known of it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import binary_erosion, maximum_filter, minimum_filter

from ..synth.lighting import camera_flaws
from . import matting
from .backgrounds import plate, sample_background
from .labelled import Labels
from .portraits import Labelled
from .vocabulary import BACKGROUND, BODY, FACE, INPUT, STORED, UNKNOWN

REPLACED = 0.6  # ours: share of portraits that get another background
FRAMED = 0.3  # ours: share of synthetic pictures that end before the crop does
SKINLIKE = 0.2  # ours: share of other backgrounds that have the color of the person's skin
LOST = 0.35  # of the picture: a portrait with more unknown pixels keeps its background
GREY = 128
SURE = 0.95
LEAST_SKIN = 200  # pixels
WIDE = 0.3  # ours: share of pictures that show more than the crop, down to
WIDEST, NARROW, NARROWEST = 0.45, 0.88, 1.5  # sizes of the crop in the picture


@dataclass(frozen=True)
class Portrait:
    """What training keeps of a labelled portrait, all [S,S]: image and color u8 [S,S,3], alpha u8, label u8, sure bool
    (a person for certain), inside bool, and whether another background may be put behind it."""

    image: np.ndarray
    color: np.ndarray
    alpha: np.ndarray
    label: np.ndarray
    sure: np.ndarray
    inside: np.ndarray
    replaceable: bool

    @staticmethod
    def of(portrait: Labelled, size: int = STORED) -> "Portrait":
        """The labels at `size` pixels, and from them alpha and the colors of the person alone."""

        def small(x: np.ndarray, how=Image.Resampling.BOX) -> np.ndarray:
            return np.asarray(Image.fromarray(x).resize((size, size), how))

        n, nearest = size, Image.Resampling.NEAREST
        pixels, label = small(portrait.image), small(portrait.label, nearest)
        inside = small(portrait.inside.astype(np.uint8), nearest) > 0
        mask = small(portrait.mask.astype(np.float32), Image.Resampling.BILINEAR)
        known = label != UNKNOWN
        sure = binary_erosion(mask > SURE, iterations=n // 64) | (known & (label != BACKGROUND))
        coarse = np.where(sure, 1.0, np.where(known, 0.0, 0.5)).astype(np.float32)
        rim = 2 * (n // 128) + 1
        band = (maximum_filter(coarse, rim) > 0.1) & (minimum_filter(coarse, rim) < 0.9)
        soft = np.where(band & ~sure, np.clip(mask, 0.02, 0.98), coarse)
        image = pixels.astype(np.float32) / 255
        alpha = matting.refine_matte(image, np.asarray(soft, np.float32))
        color = matting.foreground(image, alpha)
        lost = float(((coarse == 0.5) & inside).sum() / max(inside.sum(), 1))
        alpha, color = (255 * alpha + 0.5).astype(np.uint8), (255 * color + 0.5).astype(np.uint8)
        return Portrait(pixels, color, alpha, label, sure, inside, lost < LOST)


@dataclass(frozen=True)
class Example:
    """image f32 [3,S,S] 0..1; label u8 [S,S]; alpha f32 [S,S]; trust f32 [S,S] of alpha; sure bool [S,S]: a person
    whatever the label says."""

    image: np.ndarray
    label: np.ndarray
    alpha: np.ndarray
    trust: np.ndarray
    sure: np.ndarray


class Mixer:
    """Draws examples from stored people."""

    def __init__(self, portraits: list[Portrait], portrait_share: float = 0.4):
        self.portraits, self.share = portraits, portrait_share
        self.synthetic: list[Labels] = []
        self.plates = [plate(p.image, (p.alpha > 8) | ~p.inside) for p in portraits if p.replaceable]

    def example(self, rng: np.random.Generator, size: int = INPUT) -> Example:
        """One random example of `size` pixels."""
        if self.portraits and (not self.synthetic or rng.random() < self.share):
            layers = self._portrait(rng, self.portraits[rng.integers(len(self.portraits))])
        else:
            layers = self._synthetic(rng, self.synthetic[rng.integers(len(self.synthetic))])
        return photographed(rng, *moved(rng, *layers, size))

    def _synthetic(self, rng, s: Labels):
        alpha = s.alpha.astype(np.float32) / 255
        color = relit(rng, s.color)
        image = composed(color, alpha, self._background(rng, color, s.label))
        label = np.where(s.alpha > 0, s.label, BACKGROUND).astype(np.uint8)
        trust = np.ones_like(alpha)
        if rng.random() < FRAMED:
            image, label, alpha = framed(rng, image, label, alpha)
        return image, label, alpha, trust, alpha > SURE

    def _background(self, rng, color: np.ndarray, label: np.ndarray) -> np.ndarray:
        """f32 [S,S,3] behind a person of `color`; some in the color of its skin, as some walls are."""
        background = sample_background(rng, len(label), self.plates)
        skin = color[(label == FACE) | (label == BODY)]
        if len(skin) < LEAST_SKIN or rng.random() >= SKINLIKE:
            return background
        wanted = np.median(skin, 0) * np.exp(rng.normal(0, 0.12)) * np.exp(rng.normal(0, 0.05, 3))
        contrast = rng.uniform(0.3, 1.0)
        mean = background.reshape(-1, 3).mean(0)
        return (wanted * (1 + contrast * (background - mean) / np.maximum(mean, 20))).clip(0, 255)

    def _portrait(self, rng, p: Portrait):
        alpha, label = p.alpha.astype(np.float32) / 255, p.label
        outside = ~p.inside & (np.abs(p.image.astype(int) - GREY).max(2) <= 3)
        below = ~p.inside & ~outside
        trust = np.where(label == UNKNOWN, 0.3, 1.0).astype(np.float32) * p.inside
        if p.replaceable and rng.random() < REPLACED:
            color = relit(rng, p.color)
            image = composed(color, alpha, self._background(rng, color, label))
            trust = p.inside.astype(np.float32)
            image[outside] = GREY
            image = continued(image, below)
        else:
            image = p.image.copy()
        label = np.where(outside, BACKGROUND, continued(np.where(below, UNKNOWN, label), below)).astype(np.uint8)
        alpha = np.where(outside, 0, continued(alpha, below))
        return image, label, alpha.astype(np.float32), np.where(outside, 1, trust).astype(np.float32), p.sure & p.inside


def composed(color: np.ndarray, alpha: np.ndarray, background: np.ndarray) -> np.ndarray:
    a = alpha[..., None]
    return (color * a + background * (1 - a) + 0.5).clip(0, 255).astype(np.uint8)


def continued(values: np.ndarray, below: np.ndarray) -> np.ndarray:
    """`below` [S,S] takes the value [S,S,...] of the last row above it, as the page continues a photo that ends too
    early."""
    rows = np.arange(len(values))[:, None]
    last = np.maximum.accumulate(np.where(below, 0, rows), axis=0)
    return values[last, np.arange(values.shape[1])[None]]


def framed(rng, image, label, alpha):
    """A photo that ends before the crop does: grey around it, below it its last row goes on."""
    n = len(alpha)
    left, right, top = (rng.integers(0, n // 5) if rng.random() < 0.6 else 0 for _ in range(3))
    bottom = rng.integers(0, n // 6) if rng.random() < 0.6 else 0
    below = np.zeros((n, n), bool)
    below[n - bottom :] = True
    image, label, alpha = (continued(x, below) for x in (image, label, alpha))
    outside = np.zeros((n, n), bool)
    outside[:, :left] = outside[:top] = True
    outside[:, n - right :] = True
    image[outside], label[outside], alpha[outside] = GREY, BACKGROUND, 0
    return image, label, alpha


def relit(rng, color: np.ndarray) -> np.ndarray:
    """Another exposure, white balance, contrast and saturation of u8 [S,S,3]; f32 0..255."""
    x = color.astype(np.float32)
    if rng.random() < 0.15:
        return x
    grey = x.mean(2, keepdims=True)
    x = grey + (x - grey) * np.float32(np.clip(rng.normal(1, 0.25), 0, 1.8) if rng.random() < 0.92 else 0)
    x = 255 * (x.clip(0, 255) / 255) ** np.float32(np.exp(rng.normal(0, 0.22)))
    return (x * np.exp(rng.normal(0, 0.14) + rng.normal(0, 0.07, 3)).astype(np.float32)).clip(0, 255)


def moved(rng, image, label, alpha, trust, sure, size: int = INPUT):
    """Turned, shifted, zoomed and mirrored to `size` pixels; what comes in from outside is grey background, below it
    the last row goes on, as the page continues a photo."""
    n = len(label)
    wide = rng.random() < WIDE
    zoom = n / size / np.exp(rng.uniform(*np.log((WIDEST, NARROW) if wide else (NARROW, NARROWEST))))
    if wide:
        image, label, alpha, trust, sure = (
            np.pad(x, ((0, n),) + ((0, 0),) * (x.ndim - 1), mode="edge") for x in (image, label, alpha, trust, sure)
        )
    roll = np.radians(rng.normal(0, 9))
    c, s = zoom * np.cos(roll), zoom * np.sin(roll)
    free = n - zoom * size
    center = n / 2 + rng.uniform(-0.5, 0.5, 2) * (max(free, 0) + 0.06 * n)
    affine = (c, -s, center[0] - size / 2 * (c - s), s, c, center[1] - size / 2 * (s + c))
    affine = tuple(float(v) for v in affine)

    def turn(x, how, fill):
        return np.asarray(
            Image.fromarray(x).transform((size, size), Image.Transform.AFFINE, affine, how, fillcolor=fill)
        )

    soft, hard = Image.Resampling.BILINEAR, Image.Resampling.NEAREST
    image = turn(image, Image.Resampling.BICUBIC if zoom < 1.3 else soft, (GREY,) * 3)
    out = [
        image,
        turn(label, hard, BACKGROUND),
        turn(alpha, soft, 0),
        turn(trust, hard, 1),
        turn(sure.astype(np.uint8), hard, 0) > 0,
    ]
    if rng.random() < 0.5:
        out = [x[:, ::-1] for x in out]
    return out


def photographed(rng, image, label, alpha, trust, sure) -> Example:
    """The whole picture in another light and with a camera's flaws."""
    x = relit(rng, image) / 255 if rng.random() < 0.7 else image.astype(np.float32) / 255
    x = camera_flaws(rng, x) if rng.random() < 0.7 else x
    return Example(
        np.ascontiguousarray(x.transpose(2, 0, 1), np.float32),
        np.ascontiguousarray(label),
        np.ascontiguousarray(alpha, np.float32),
        np.ascontiguousarray(trust, np.float32),
        np.ascontiguousarray(sure),
    )


def even(name: str) -> bool:
    """Portraits that may be trained on."""
    return int(Path(name).stem.split("_")[-1]) % 2 == 0
