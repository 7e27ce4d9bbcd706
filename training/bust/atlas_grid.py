"""Values of the head's Gaussians on a coarse grid over the atlas: smoothed, and spread to where nothing is known."""

from __future__ import annotations

import numpy as np

from .grids import blur, wrapped_push_pull

CELLS = 64  # of the grid over the atlas, to either side
FULL = 4  # Gaussians from which on a cell is known
MIRROR, MOST_LIGHT = 0.3, 2.0  # how much the other side of the head counts; most that its light differs by


class AtlasGrid:
    """Values of the head's Gaussians on a coarse grid over the atlas, whose first and last column are neighbours."""

    def __init__(self, place: np.ndarray):
        at = place * CELLS - 0.5
        self.column, self.row = at[:, 0] % CELLS, np.clip(at[:, 1], 0, CELLS - 1)
        self.cell = np.floor(self.row + 0.5).astype(int), np.floor(self.column + 0.5).astype(int) % CELLS

    def sums(self, values: np.ndarray) -> np.ndarray:
        out = np.zeros((CELLS, CELLS, *values.shape[1:]))
        np.add.at(out, self.cell, values)
        return out

    def smooth(self, values: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
        """Means [n,k] around of values [n,k], by weight [n]."""
        weight = np.ones(len(values)) if weight is None else weight
        around = lambda sums: blur(blur(sums, 1.0, 0), 1.0, 1, True)
        total = np.maximum(around(self.sums(weight[:, None])), 1e-9)
        return self.look_up(around(self.sums(values * weight[:, None])) / total)

    def spread(self, values: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Values [n,k] everywhere, from those that have a weight [n]; the other side's, in this side's light, count
        less."""
        count = self.sums(weight)
        mean = self.sums(values * weight[:, None]) / np.maximum(count, 1e-9)[..., None]
        known = np.minimum(count / FULL, 1)
        other, other_known = mean[:, ::-1].copy(), known[:, ::-1]
        aside = np.abs((np.arange(CELLS) + 0.5) / CELLS - 0.5) ** 2
        both = (known * other_known * aside)[..., None]
        total = lambda colors, half: (colors * both)[:, half].sum((0, 1)) + 0.02
        for half in (slice(None, CELLS // 2), slice(CELLS // 2, None)):
            other[:, half] *= np.clip(total(mean, half) / total(other, half), 1 / MOST_LIGHT, MOST_LIGHT)
        more = np.maximum(0, MIRROR * other_known - known)[..., None]
        known = known[..., None]
        mean = (mean * known + other * more) / np.maximum(known + more, 1e-9)
        return self.look_up(wrapped_push_pull(mean, (known + more)[..., 0]))

    def look_up(self, grid: np.ndarray) -> np.ndarray:
        r0, c0 = np.minimum(self.row.astype(int), CELLS - 2), np.floor(self.column).astype(int)
        fr, fc = (self.row - r0)[:, None], (self.column - c0)[:, None]
        at = lambda r, c: grid[r, c % CELLS]
        line = lambda r: at(r, c0) * (1 - fc) + at(r, c0 + 1) * fc
        return line(r0) * (1 - fr) + line(r0 + 1) * fr
