"""Colors of the head's own scalp where no photo shows it: those of the hair around it."""

from __future__ import annotations

import numpy as np

from ..headmodel.page2 import hair_rows
from .atlas_grid import AtlasGrid
from .grain import hair_grain
from .grids import ramp
from .hair import Hair
from .head import Head
from .neck import Around
from .page import Page
from .photo import HAIR, Photo, bilinear

ROWS, COLUMNS, STEP = 20, 48, np.radians(7.5)  # grid over the head from its top to below the ears
RIM = (0.3, 0.6)  # cosines to the camera, up to which and from which on a photo's colors of it are believed
BORDER = (0.5, 0.95)  # share of scalp around, up to which and from which on it goes with the hair


def scalp_color(page: Page, head: Head, layer: Hair, color: np.ndarray, photo: Photo) -> np.ndarray:
    """The head's colors [n,3] with a scalp that goes with the hair's colors [rows,columns,3]; of the first photo."""
    dome = np.array(page.meta["hair"]["dome"])

    def around(points: np.ndarray) -> Around:
        x, y, z = (points - dome).T
        row = np.clip((np.pi / 2 - np.arctan2(y, np.hypot(x, z))) / STEP - 0.5, 0, ROWS - 1)
        return Around(ROWS, COLUMNS, row, (np.arctan2(x, z) / STEP - 0.5) % COLUMNS)

    elevation, _ = hair_rows(page.coordinates("hair")[0])
    rows = slice(None) if layer.curtain else elevation > 1e-6
    hair = around(layer.points[rows].reshape(-1, 3))
    values = color[rows].reshape(-1, 3)
    grid = hair.filled(values, np.ones(len(values)))
    p, own = head.means[head.scalp], head.color[head.scalp]
    px, _ = photo.project(p)
    out, to = p - dome, photo.eye - p
    facing = (out * to).sum(1) / np.linalg.norm(out, axis=1) / np.linalg.norm(to, axis=1)
    trust = photo.inside(px, 2) * ramp(facing, *RIM) * ramp(bilinear(photo.sure, px), 0.5, 0.9)
    trust = trust * ramp(bilinear(photo.classes, px)[:, HAIR], 0.3, 0.6)
    grain = np.zeros(len(p)) if layer.curtain else hair_grain(p, dome, own, trust)
    border = ramp(AtlasGrid(head.place).smooth(head.scalp[:, None].astype(float))[head.scalp], *BORDER)
    trust = np.maximum(trust[:, None], 1 - border)
    result = head.color.copy()
    result[head.scalp] = own * trust + around(p).look_up(grid) * np.exp(grain)[:, None] * (1 - trust)
    return result
