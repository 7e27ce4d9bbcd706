"""The head's own outline, drawn in to the photo's. Twin of src/runtime/bust/headOutline.ts (ALGORITHM.md, 0b)."""

from __future__ import annotations

import numpy as np

from ..headmodel.model import HeadModel
from ..headmodel.texels import TexelTable
from .grids import blur, mean_where, ramp, smooth_step
from .head import SOLID
from .photo import bilinear

KEPT = ("face", "scalp", "neck", "ears")
MIDDLE = np.array([0.0, 0.02, -0.015])  # meters: from here the outline is measured
ANGLES = 180  # of 2 degrees
STEP, GAP = 0.001, 0.008  # meters along a ray through the matte, and that it may be interrupted
SOFT = 0.0015  # meters that Gaussians reach beyond their means
MOST = (0.012, 0.02)  # meters: what would move more is no outline, the matte errs there
REACH = 0.03  # meters from the outline inwards in which what moves it fades out
FROM, TO = -0.075, -0.035  # heights between which it begins: below is the jaw, which an expression moves


def draw_in(
    model: HeadModel,
    table: TexelTable,
    static: np.ndarray,
    matte: np.ndarray,
    inside: np.ndarray,
    camera: tuple[np.ndarray, np.ndarray, float],
) -> np.ndarray:
    """The static map [14,U,U] of a head that is drawn in to a photo's matte; see `drawn_in`."""
    keep = np.isin(table.region, [model.regions.index(name) for name in KEPT])
    out = static.reshape(14, -1).copy()
    at = table.texel[keep]
    means = table.sample(model.template)[keep] + out[:3, at].T
    solid = 1 / (1 + np.exp(-out[3, at])) > SOLID
    out[:3, at] += drawn_in(means.astype(np.float64), solid, matte, inside, *camera).T
    return out.reshape(static.shape)


def drawn_in(
    means: np.ndarray, solid: np.ndarray, matte: np.ndarray, inside: np.ndarray, R: np.ndarray, t: np.ndarray, f: float
) -> np.ndarray:
    """How Gaussians [n,3] of the head at rest move [n,3], so that those that are `solid` [n] stay within the matte
    [S,S] of the crop; `inside` [S,S]: where the photo is. R, t, f (crop sides) of the crop's camera."""
    eye = R @ MIDDLE + t
    camera = means @ R.T + t
    scale = eye[2] / camera[:, 2]
    flat = camera[:, :2] * scale[:, None] - eye[:2]
    radius, at = np.hypot(*flat.T), np.arctan2(flat[:, 1], flat[:, 0]) / (2 * np.pi) * ANGLES
    column = np.floor(at).astype(int) % ANGLES
    rim = np.zeros(ANGLES)
    np.maximum.at(rim, column[solid], radius[solid])
    if (rim == 0).any():
        rim = mean_where(rim, (rim > 0).astype(float), 1.0, 0, True)
    a = (np.arange(ANGLES) + 0.5) / ANGLES * 2 * np.pi
    excess, known = np.zeros(ANGLES), np.zeros(ANGLES)
    gap = round(GAP / STEP)
    for k in range(ANGLES):
        r = np.arange(0.5 * rim[k], rim[k] + SOFT + 2 * STEP, STEP)
        place = eye[:2] + r[:, None] * [np.cos(a[k]), np.sin(a[k])]
        px = (0.5 + f / -eye[2] * place * [1, -1]) * len(matte)
        on, shown = bilinear(matte, px) > 0.5, bilinear(inside, px) > 0.999
        if not on[0]:
            continue
        last, misses = 0, 0
        for m, person in enumerate(on):
            misses = 0 if person else misses + 1
            last = m if person else last
            if misses > gap:
                break
        excess[k] = max(0.0, rim[k] + SOFT - r[last] - STEP / 2) if last < len(r) - 1 else 0.0
        known[k] = shown[: last + 3].all() * ramp(excess[k], *MOST[::-1])
    if not known.any():
        return np.zeros_like(means)
    change = blur(mean_where(excess, known, 1.0, 0, True), 1.0, 0, True)
    low, share = np.floor(at - 0.5).astype(int), (at - 0.5) % 1
    mix = lambda values: values[low % ANGLES] * (1 - share) + values[(low + 1) % ANGLES] * share
    moved = mix(change) * (1 - smooth_step(mix(rim) - radius, 0, REACH)) * smooth_step(means[:, 1], FROM, TO)
    inwards = -moved / np.maximum(radius * scale, 1e-9)
    return np.concatenate([flat * inwards[:, None], np.zeros((len(flat), 1))], 1) @ R
