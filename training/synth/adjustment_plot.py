"""Writes docs/images/distribution-adjustment.png, the paper's Fig. 5c for our expressions: random and adjusted ones in
the plane of the anchors' two principal components.

python -m training.synth.adjustment_plot [--out docs/images/distribution-adjustment.png]
"""

import argparse
import colorsys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..headmodel.model import HeadModel
from .adjustment import ANCHORS, RANDOM, Adjustment
from .expressions import sample_expression

ROOT = Path(__file__).resolve().parents[2]
POINTS = 10_000
SIDE, MARGIN, GAP, SCALE = 420, 34, 16, 2


def plane(anchors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean [E] and the first two principal directions [2,E] of the anchors."""
    mean = anchors.mean(0)
    return mean, np.linalg.svd(anchors - mean, full_matrices=False)[2][:2]


def spread(points: np.ndarray, low: np.ndarray, high: np.ndarray, cells: int = 24) -> float:
    """Share of the cells of a grid over the plane that hold 1 in 2000 of the points or more."""
    counts = np.histogram2d(*points.T, bins=cells, range=list(zip(low, high)))[0]
    return float((counts >= len(points) / 2000).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description="Plot random and adjusted expressions.")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images" / "distribution-adjustment.png")
    out = parser.parse_args().out
    names = list(HeadModel.load().expressions)
    adjustment = Adjustment(lambda rng: sample_expression(rng, names))
    rng = np.random.default_rng(1)
    people = [adjustment.timesteps(rng) for _ in range(-(-POINTS // (ANCHORS + RANDOM)))]
    adjusted, label = np.concatenate(people)[:POINTS], np.tile(np.arange(ANCHORS + RANDOM), len(people))[:POINTS]
    plain = np.stack([sample_expression(rng, names) for _ in range(POINTS)])
    mean, axes = plane(adjustment.anchors)
    flat = [(x - mean) @ axes.T for x in (plain, adjusted, adjustment.anchors)]
    both = np.concatenate(flat)
    low, high = both.min(0) - 0.05, both.max(0) + 0.05

    width, height = 2 * SIDE + GAP + 2 * MARGIN, SIDE + 2 * MARGIN
    image = Image.new("RGB", (width * SCALE, height * SCALE), "white")
    draw = ImageDraw.Draw(image)
    font, small = ImageFont.load_default(13 * SCALE), ImageFont.load_default(10 * SCALE)
    hue = lambda k: tuple(int(255 * c) for c in colorsys.hsv_to_rgb(k / ANCHORS, 0.75, 0.8))
    colors = [hue(k) for k in range(ANCHORS)] + [(150, 150, 150)] * RANDOM

    def place(points: np.ndarray, panel: int) -> np.ndarray:
        unit = (points - low) / (high - low)
        return (
            np.stack([MARGIN + panel * (SIDE + GAP) + unit[:, 0] * SIDE, MARGIN + (1 - unit[:, 1]) * SIDE], 1) * SCALE
        ).round()

    for panel, (points, title) in enumerate(
        zip(flat[:2], (f"random: {POINTS:,}", f"adjusted: {ANCHORS} like the anchors, {RANDOM} random"))
    ):
        x = (MARGIN + panel * (SIDE + GAP)) * SCALE
        draw.rectangle([x, MARGIN * SCALE, x + SIDE * SCALE, (MARGIN + SIDE) * SCALE], outline=(190, 190, 190))
        draw.text((x, 10 * SCALE), title, fill="black", font=font)
        for (px, py), k in zip(place(points, panel), label if panel else np.full(POINTS, ANCHORS)):
            draw.ellipse([px - 1.6, py - 1.6, px + 1.6, py + 1.6], fill=colors[k] if panel else (200, 160, 20))
        for k, (px, py) in enumerate(place(flat[2], panel)):
            r = 4 * SCALE
            draw.ellipse([px - r, py - r, px + r, py + r], outline="black", fill=colors[k], width=SCALE)
            draw.text((px + r + 2, py - r - 4), f"{k:02d}", fill="black", font=small)
    draw.text(
        (MARGIN * SCALE, (MARGIN + SIDE + 8) * SCALE),
        "first (right) and second (up) principal component of the anchors",
        fill="black",
        font=small,
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    image.quantize(64).save(out, optimize=True)
    shares = [spread(points, low, high) for points in flat[:2]]
    print(
        f"{out}: {out.stat().st_size / 1e3:.0f} kB; cells of the plane in use: random {shares[0]:.0%}, adjusted "
        f"{shares[1]:.0%}"
    )
    strength = [float(np.linalg.norm(x, axis=1).mean()) for x in (plain, adjusted)]
    print(f"mean strength: random {strength[0]:.2f}, adjusted {strength[1]:.2f}")


if __name__ == "__main__":
    main()
