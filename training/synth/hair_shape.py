"""Other shapes for a drawn or registered hairstyle: fuller, flatter, uneven, between two styles.

A few dozen registered styles, each always of its own volume, can be learned by heart instead of being read off the
photos. The numbers are ours."""

import numpy as np

from .canvas import Canvas, step

LEAST = 0.006  # meters; thinner hair and beards keep their shape
MOST = 0.075  # meters; the largest thickness is below
KEPT = 0.2  # how often a style stays as it is
BETWEEN = 0.35  # how often it takes part of another's thickness


def reshaped(
    rng: np.random.Generator, thickness: np.ndarray, canvas: Canvas, styles: np.ndarray | None = None
) -> np.ndarray:
    """Thickness [V] (m) of other hair over the same part of the head; `styles` [H,V] are thicknesses to go towards."""
    if thickness.max() < LEAST or rng.random() < KEPT:
        return thickness
    out = thickness
    if styles is not None and rng.random() < BETWEEN:
        other = styles[rng.integers(len(styles))] * step(thickness, 0.0, LEAST)
        out = out + rng.uniform(0.2, 0.9) * (other - out)
    uneven = rng.uniform(0, 0.35) * canvas.smooth(rng, 0)[0] + rng.uniform(0, 0.12) * canvas.smooth(rng, 1)[0]
    slope = canvas.up @ rng.normal(0, [0.12, 0.25, 0.25])  # a parting, a quiff, a full back
    out = out * np.exp(np.clip(rng.normal(0.05, 0.3) + uneven + slope, -1.1, 0.9))
    grown = np.where(thickness > LEAST, out, thickness + step(thickness, 0.0, LEAST) * (out - thickness))
    grown = np.where(canvas.is_region["ears"], np.minimum(grown, np.maximum(thickness, LEAST)), grown)
    return (MOST * np.tanh(grown / MOST)).astype(np.float32)
