"""Writes tests/fixtures/matting.json: what the page's twin of matting.py has to find in a small picture of strands."""

import json
from pathlib import Path

import numpy as np

from ..native import PACKAGE
from . import matting

FIXTURE = PACKAGE.parent / "tests/fixtures/matting.json"
SIZE = 40
EVERY = 3  # each so many pixels are compared


def scene(seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """A dark disc with rays before a colorful ramp: image u8 [S,S,3], and a matte u8 [S,S] that knows the disc alone, blurred."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    radius, angle = np.hypot(x - SIZE / 2, y - SIZE * 0.6), np.arctan2(y - SIZE * 0.6, x - SIZE / 2)
    alpha = np.clip((SIZE * 0.25 + 5 * np.maximum(0, np.sin(7 * angle)) - radius) / 2 + 0.5, 0, 1)
    back = np.stack([0.9 - 0.3 * x / SIZE, 0.5 + 0.4 * y / SIZE, 0.7 + 0 * x], -1)
    image = back + alpha[..., None] * (np.array([0.2, 0.12, 0.1]) - back) + rng.normal(0, 0.01, (SIZE, SIZE, 3))
    coarse = np.clip((SIZE * 0.3 - radius) / 5 + 0.5, 0, 1)
    return (255 * image.clip(0, 1) + 0.5).astype(np.uint8), (255 * coarse + 0.5).astype(np.uint8)


def expected() -> dict:
    image, coarse = scene()
    refined = matting.refine_matte(image.astype(np.float32) / 255, coarse.astype(np.float32) / 255)
    colors = matting.foreground(image.astype(np.float32) / 255, refined)
    solved = np.where(((refined > 0) & (refined < 1))[..., None], colors, image / 255)
    pick = np.arange(0, SIZE * SIZE, EVERY)
    return {
        "size": SIZE,
        "every": EVERY,
        "image": image.ravel().tolist(),
        "matte": coarse.ravel().tolist(),
        "refined": [round(float(v), 4) for v in refined.ravel()[pick]],
        "colors": [round(float(255 * v), 1) for v in solved.reshape(-1, 3)[pick].ravel()],
    }


def main(path: Path = FIXTURE) -> None:
    path.write_text(json.dumps(expected(), separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
