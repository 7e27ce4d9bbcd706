"""Colors of the head's own neck where a collar stands on it in the photo."""

from __future__ import annotations

import numpy as np

from .grids import ramp, smooth_step, wrapped_push_pull
from .head import Head, hidden_by
from .page import Page
from .photo import SKIN, Photo, bilinear
from .torso import NECK_AXIS

COLUMNS, ROWS, ROW_HEIGHT = 48, 26, 0.004  # grid around the neck: columns of 7.5 degrees, rows in meters
RIM = (0.15, 0.4)  # cosines to the camera, up to which and from which on a photo is believed
# a collar stands where so much of the neck's front is clothes: radians from the camera, meters above the ring
STANDING_SHARE, AROUND, ABOVE = 0.5, np.pi / 3, 0.008
FAINT = 0.05  # opacity from which a Gaussian counts
LEAST_DRESSED = 4  # grid cells of clothes below which the neck stays as it is


class Around:
    """Values of points on a grid around the head: sums, filled by push-pull, looked up again."""

    def __init__(self, rows: int, columns: int, row: np.ndarray, column: np.ndarray):
        """Grid coordinates [n] of the points."""
        self.shape, self.row, self.column = (rows, columns), row, column

    def weight(self, weight: np.ndarray) -> np.ndarray:
        out = np.zeros(self.shape)
        np.add.at(out, self._cells(), weight)
        return out

    def filled(self, values: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Grid [rows,columns,k] from values [n,k] by weight [n]."""
        out, total = np.zeros((*self.shape, values.shape[1])), self.weight(weight)
        np.add.at(out, self._cells(), values * weight[:, None])
        return wrapped_push_pull(out / np.maximum(total, 1e-9)[..., None], np.minimum(total, 1))

    def look_up(self, grid: np.ndarray) -> np.ndarray:
        """[n,k] bilinear."""
        r0 = np.minimum(self.row.astype(int), self.shape[0] - 2)
        c0 = np.floor(self.column).astype(int)
        fr, fc = (self.row - r0)[:, None], (self.column - c0)[:, None]
        at = lambda r, c: grid[r, c % self.shape[1]]
        line = lambda r: at(r, c0) * (1 - fc) + at(r, c0 + 1) * fc
        return line(r0) * (1 - fr) + line(r0 + 1) * fr

    def _cells(self) -> tuple[np.ndarray, np.ndarray]:
        return np.floor(self.row + 0.5).astype(int), np.floor(self.column + 0.5).astype(int) % self.shape[1]


def neck_color(page: Page, head: Head, photo: Photo, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """The head's colors [n,3] where a collar stands on its neck, and which part [n] of each is the collar's; from the
    first photo and the head's depth in it. None where none stands."""
    ring = page.meta["bust"]["ring"]
    use = head.neck & (head.opacity > FAINT)
    p, own = head.means[use], head.color[use]
    off = p - NECK_AXIS
    azimuth = np.arctan2(off[:, 0], off[:, 2])
    turn = np.abs(np.arctan2(np.sin(azimuth - photo.yaw), np.cos(azimuth - photo.yaw)))
    above = p[:, 1] - (ring[0] - ring[1] * p[:, 2])
    row = np.clip(ROWS - above / ROW_HEIGHT - 0.5, 0, ROWS - 1)
    around = Around(ROWS, COLUMNS, row, (azimuth / (2 * np.pi) * COLUMNS - 0.5) % COLUMNS)

    px, _ = photo.project(p)
    classes, garment, shown = bilinear(photo.classes, px), bilinear(photo.garment, px), bilinear(photo.image, px)
    to = photo.eye - p
    facing = (off[:, 0] * to[:, 0] + off[:, 2] * to[:, 2]) / np.maximum(np.hypot(off[:, 0], off[:, 2]), 1e-6)
    trust = photo.inside(px, 2) * ~hidden_by(p, depth, photo, 0.012) * ramp(bilinear(photo.sure, px), 0.5, 0.9)
    trust = trust * ramp(facing / np.linalg.norm(to, axis=1), *RIM)
    dressed = trust * ramp(garment, 0.4, 0.7)
    bare = trust * ramp(classes[:, SKIN], 0.5, 0.8) * (1 - ramp(garment, 0.2, 0.5))
    if (around.weight(dressed) > 0.5).sum() < LEAST_DRESSED or not (around.weight(bare) > 0.5).any():
        return None
    front = (turn < AROUND) & (above > ABOVE)
    if dressed[front].sum() <= STANDING_SHARE * (dressed[front].sum() + bare[front].sum()):
        return None
    cloth = around.look_up(around.filled(shown, dressed))
    skin = around.look_up(around.filled(own, bare))
    twice = Around(ROWS, COLUMNS, np.tile(around.row, 2), np.tile(around.column, 2))
    is_cloth = np.repeat([1.0, 0.0], len(p))[:, None]
    share = around.look_up(twice.filled(is_cloth, np.concatenate([dressed, bare])))
    edge = smooth_step(share, 0.35, 0.65)
    color, collar = head.color.copy(), np.zeros(len(head.color))
    color[use] = own + edge * (edge * cloth + (1 - edge) * skin - own)
    collar[use] = edge[:, 0]
    return color, collar
