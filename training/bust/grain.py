"""Grain of short hair: what no photo shows of it is as rough as what one shows, band by band. Strands run away from the
whorl."""

from __future__ import annotations

import numpy as np

WHORL = np.radians(35)  # from the top of the head back to the whorl
BANDS = (320, 160, 80, 40)  # cells around the whorl's axis: about 2, 4, 8 and 16 mm where they are widest
STRETCH = 6  # cells are so many times longer down the strands
WAVE_AROUND, WAVE_ALONG, WAVE = 24, 12, 0.09  # strands wave: cells around and along, and by how much (radians)
# most of each band's spread, and of the sum, in logarithms: what is wide is light and shade, and not strands
MOST_SPREAD, MOST_VALUE = (0.12, 0.1, 0.06, 0.03), 0.4
NOISE_SPREAD = 0.43  # root mean square of the noise
LUMA = np.array([0.299, 0.587, 0.114])
FLOOR = 0.04  # added to light before its logarithm


def hair_grain(means: np.ndarray, center: np.ndarray, color: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Logarithms of light [n] that belong to hair. `color` [n,3] of the head; `seen` [n] weight of hair that photos
    show."""
    x, y, z = (means - center).T
    c, s = np.cos(WHORL), np.sin(WHORL)
    up, front = c * y - s * z, s * y + c * z
    around = np.arctan2(x, front) / (2 * np.pi)
    along = np.arctan2(np.hypot(x, front), up) / (2 * np.pi)
    wanted = spreads(np.log(color @ LUMA + FLOOR), around, along, seen)
    wave = noise(around * WAVE_AROUND, along * WAVE_ALONG, WAVE_AROUND, len(BANDS))
    moved = around + wave * WAVE / (2 * np.pi)
    grain = np.zeros(len(seen))
    for band, cells in enumerate(BANDS):
        gain = min(wanted[band], MOST_SPREAD[band]) / NOISE_SPREAD
        grain += gain * noise(moved * cells, along * cells / STRETCH, cells, band)
    return np.clip(grain, -MOST_VALUE, MOST_VALUE)


def spreads(values: np.ndarray, around: np.ndarray, along: np.ndarray, seen: np.ndarray) -> list[float]:
    """Root mean squares of what each band adds to the next, where hair is seen."""
    fine, found = values, []
    for cells in BANDS:
        count = cells // 2
        cell = np.floor(along * count).astype(int) * count + np.floor(around * count).astype(int) % count
        sums = np.bincount(cell, seen * values, count * count)
        weights = np.bincount(cell, seen, count * count)
        coarse = sums[cell] / np.maximum(weights[cell], 1e-9)
        found.append(float(np.sqrt((seen * (fine - coarse) ** 2).sum() / max(seen.sum(), 1e-9))))
        fine = coarse
    return found


def noise(x: np.ndarray, y: np.ndarray, columns: int, seed: int) -> np.ndarray:
    """Value noise, -1..1, that wraps after so many columns."""
    i, j = np.floor(x).astype(int), np.floor(y).astype(int)
    ease = lambda t: t * t * (3 - 2 * t)
    u, v = ease(x - i), ease(y - j)
    line = lambda row: hashed(i % columns, row, seed) * (1 - u) + hashed((i + 1) % columns, row, seed) * u
    return line(j) * (1 - v) + line(j + 1) * v


def hashed(i: np.ndarray, j: np.ndarray, seed: int) -> np.ndarray:
    """-1..1, the same for the same numbers."""
    number = lambda a: np.asarray(a).astype(np.uint64)
    value = (number(i) * 374761393 + number(j) * 668265263 + seed * 974634817) & 0xFFFFFFFF
    value = ((value ^ (value >> 13)) * 1274126177) & 0xFFFFFFFF
    return (value ^ (value >> 16)) / 2.0**31 - 1
