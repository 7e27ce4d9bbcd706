"""What may be behind a person: gradients, noise of several scales, walls with shapes, and plates of portraits without
their person."""

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

from ..synth.lighting import blur

SPREADS = (3, 9, 27, 60)  # pixels


def plate(image: np.ndarray, person: np.ndarray) -> np.ndarray:
    """image [S,S,3] u8 with the pixels of `person` [S,S] bool filled from around, from fine to coarse."""
    known = (~person).astype(np.float32)
    known_color = np.dstack([image * known[..., None], known]).astype(np.float32)
    out, done = image * known[..., None], known.copy()
    for sigma in SPREADS:
        spread = gaussian_filter(known_color, (sigma, sigma, 0), truncate=2)
        take = np.clip(spread[..., 3] * 4, 0, 1) * (1 - done)
        out += take[..., None] * spread[..., :3] / np.maximum(spread[..., 3:], 1e-5)
        done += take
    mean = (image * known[..., None]).sum((0, 1)) / max(known.sum(), 1)
    return (out + (1 - done)[..., None] * mean).clip(0, 255).astype(np.uint8)


def sample_background(rng: np.random.Generator, size: int, plates: list[np.ndarray]) -> np.ndarray:
    """u8 [size,size,3]"""
    kind = rng.random()
    if plates and kind < 0.45:
        picture = plates[rng.integers(len(plates))]
        edge = int(len(picture) * rng.uniform(0.4, 1))
        x, y = rng.integers(0, len(picture) - edge + 1, 2)
        picture = Image.fromarray(picture[y : y + edge, x : x + edge]).resize((size, size), Image.Resampling.BILINEAR)
        out = np.asarray(picture, np.float32)
        if rng.random() < 0.5:
            out = out[:, ::-1]
        gain = np.exp(rng.normal(0, 0.25) + rng.normal(0, 0.12, 3))
        return np.clip(out * gain, 0, 255).astype(np.uint8)
    a, b = (
        (255 * rng.random(3) ** rng.choice([0.6, 1, 1.6])).astype(np.float32),
        (255 * rng.random(3)).astype(np.float32),
    )
    b = a + (b - a) * rng.uniform(0.05, 0.8)
    angle = rng.uniform(0, 2 * np.pi)
    u = np.linspace(-0.5, 0.5, size, dtype=np.float32)
    ramp = np.clip(0.5 + np.cos(angle) * u[None] + np.sin(angle) * u[:, None], 0, 1)[..., None]
    out = a + (b - a) * ramp
    if kind < 0.75:  # noise: leaves, walls, cloth
        for cell in (3, 8, 20, 50):
            if rng.random() < 0.6:
                small = rng.normal(0, 1, (size // cell + 2, size // cell + 2, 3)).astype(np.float32)
                small = 0.7 * small.mean(2, keepdims=True) + 0.3 * small
                grown = Image.Resampling.BICUBIC if rng.random() < 0.7 else Image.Resampling.NEAREST
                layers = [np.asarray(Image.fromarray(small[..., c]).resize((size, size), grown)) for c in range(3)]
                out = out + np.stack(layers, -1) * rng.gamma(1.5, 14)
    else:  # rooms and streets: boxes, ellipses, lines
        picture = Image.fromarray(out.clip(0, 255).astype(np.uint8))
        draw = ImageDraw.Draw(picture)
        for _ in range(rng.integers(2, 18)):
            color = tuple(int(v) for v in np.clip(out.mean((0, 1)) + rng.normal(0, 60, 3), 0, 255))
            x, y = rng.uniform(-0.2, 1, 2) * size
            w, h = rng.gamma(1.5, 0.15, 2) * size
            shape = rng.random()
            if shape < 0.5:
                draw.rectangle([x, y, x + w, y + h], fill=color)
            elif shape < 0.75:
                draw.ellipse([x, y, x + w, y + h], fill=color)
            else:
                draw.line(
                    [x, y, x + rng.normal(0, size), y + rng.normal(0, size)], fill=color, width=int(rng.integers(1, 9))
                )
        out = np.asarray(picture, np.float32)
    return blur(out, rng.choice([0.0, 0.8, 2.0, 5.0]) * rng.random()).clip(0, 255).astype(np.uint8)
