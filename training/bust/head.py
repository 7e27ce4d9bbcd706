"""What the filling must know of the person's own head: how far it reaches in every direction, and what it hides from
the camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .grids import blur, mean_where
from .photo import Photo

AZIMUTHS = 90  # bins of 4 degrees
SOLID = 0.4  # opacity from which a Gaussian counts


@dataclass(frozen=True)
class Head:
    """Gaussians of the person's head at rest, canonical space: means [n,3], color [n,3], opacity [n], `scalp`, `neck`
    and `ears` [n] by region; face, scalp, neck and ears only. `place` [n,2]: column and row in the atlas, 0..1;
    `normals` [n,3] of the template's faces."""

    means: np.ndarray
    color: np.ndarray
    opacity: np.ndarray
    scalp: np.ndarray
    neck: np.ndarray
    ears: np.ndarray
    place: np.ndarray
    normals: np.ndarray


def view_axes(yaw: float) -> np.ndarray:
    """Rows: right of the picture (the head's left), up, towards the camera; the head's vertical is kept."""
    c, s = np.cos(yaw), np.sin(yaw)
    return np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])


def table(values: np.ndarray, row: np.ndarray, column: np.ndarray, shape: tuple[int, int], wrap: bool) -> np.ndarray:
    """Largest value per bin [rows, columns]; empty bins from their neighbours."""
    out = np.full(shape, -np.inf)
    keep = (row >= 0) & (row < shape[0]) & (wrap | ((column >= 0) & (column < shape[1])))
    np.maximum.at(out, (row[keep], column[keep] % shape[1]), values[keep])
    known = np.isfinite(out)
    filled = mean_where(np.where(known, out, 0), known.astype(float), 1.0, 1, wrap)
    seen = known.any(1)
    filled = mean_where(filled, np.repeat(seen[:, None], shape[1], 1).astype(float), 1.0, 0)
    return np.where(known, out, filled)


class Reach:
    """Extents of the head about a vertical axis through `center`, in the frame of `view_axes`."""

    def __init__(self, head: Head, center: np.ndarray, axes: np.ndarray):
        self.local = (head.means[head.opacity > SOLID] - center) @ axes.T
        self.center = center

    def by_height(self, heights: np.ndarray) -> np.ndarray:
        """Radius [len(heights), AZIMUTHS] about the axis; heights above the centre, evenly spaced and falling."""
        x, y, z = self.local.T
        step = heights[0] - heights[1]
        row = np.round((heights[0] - y) / step).astype(int)
        column = np.floor(np.arctan2(x, z) / (2 * np.pi) * AZIMUTHS).astype(int)
        out = table(np.hypot(x, z), row, column, (len(heights), AZIMUTHS), True)
        return blur(out, 1.0, 1, True)

    def by_elevation(self, elevations: np.ndarray) -> np.ndarray:
        """Radius [len(elevations), AZIMUTHS] about the centre; elevations in radians, evenly spaced and falling from
        near the pole."""
        x, y, z = self.local.T
        step = elevations[0] - elevations[1]
        row = np.round((elevations[0] - np.arctan2(y, np.hypot(x, z))) / step).astype(int)
        column = np.floor(np.arctan2(x, z) / (2 * np.pi) * AZIMUTHS).astype(int)
        out = table(np.linalg.norm(self.local, axis=1), row, column, (len(elevations), AZIMUTHS), True)
        return blur(blur(out, 1.0, 1, True), 1.0, 0)

    @staticmethod
    def look_up(radii: np.ndarray, row: np.ndarray, azimuth: np.ndarray) -> np.ndarray:
        """Bilinear in rows (fractional) and azimuth (radians, any turn)."""
        column = (azimuth / (2 * np.pi) * AZIMUTHS - 0.5) % AZIMUTHS
        c0 = np.floor(column).astype(int) % AZIMUTHS
        share = column - np.floor(column)
        row = np.clip(row, 0, len(radii) - 1)
        r0 = np.minimum(row.astype(int), len(radii) - 2)
        t = row - r0
        pick = lambda r: radii[r, c0] * (1 - share) + radii[r, (c0 + 1) % AZIMUTHS] * share
        return pick(r0) * (1 - t) + pick(r0 + 1) * t


DEPTH_SIZE = 192  # pixels of the depth picture over the crop


def depth_picture(head: Head, photo: Photo) -> np.ndarray:
    """`depth_of` solid Gaussians of the head over the crop."""
    return depth_of(head.means[head.opacity > SOLID], photo)


def depth_of(points: np.ndarray, photo: Photo, wider: float = 1) -> np.ndarray:
    """Least depth [DEPTH_SIZE,DEPTH_SIZE] of points [n,3] over a square `wider` times the crop, infinite where none is;
    every one marks 3 x 3 pixels."""
    u, v, depth = depth_place(points, photo, wider)
    out = np.full((DEPTH_SIZE, DEPTH_SIZE), np.inf)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            ok = (u + dx >= 0) & (u + dx < DEPTH_SIZE) & (v + dy >= 0) & (v + dy < DEPTH_SIZE)
            np.minimum.at(out, (v[ok] + dy, u[ok] + dx), depth[ok])
    return out


def depth_place(points: np.ndarray, photo: Photo, wider: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Column and row in a depth picture, and depth, of points [...,3]."""
    camera = points @ photo.R.T + photo.t
    depth = np.maximum(-camera[..., 2], 0.05)
    scale = photo.focal / wider / depth
    u = np.floor((0.5 + scale * camera[..., 0]) * DEPTH_SIZE).astype(int)
    v = np.floor((0.5 - scale * camera[..., 1]) * DEPTH_SIZE).astype(int)
    return u, v, depth


def hidden_by(
    points: np.ndarray, picture: np.ndarray, photo: Photo, slack: float = 0.01, wider: float = 1
) -> np.ndarray:
    """Whether points [...,3] lie more than `slack` meters behind the surface of a depth picture."""
    u, v, depth = depth_place(points, photo, wider)
    ok = (u >= 0) & (u < DEPTH_SIZE) & (v >= 0) & (v < DEPTH_SIZE)
    return ok & (depth > picture[np.clip(v, 0, DEPTH_SIZE - 1), np.clip(u, 0, DEPTH_SIZE - 1)] + slack)
