"""VALID colors in our UV atlas: every texel of the open head's skin looks up where it lies on the foreign head."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.ndimage import distance_transform_edt

from ..headmodel.model import HeadModel
from ..headmodel.texels import TexelTable, build_texel_table
from .fit import OUTER, vertex_normals
from .sources import Source
from .surface import Surface
from .textures import color_map, sample

BAKE_SIZE = 512


class Atlas:
    """Texels of the outer skin at BAKE_SIZE and what pads the rest."""

    def __init__(self, model: HeadModel, size: int = BAKE_SIZE):
        self.size = size
        self.table: TexelTable = build_texel_table(model, size)
        names = list(model.regions)
        self.outer = np.isin(self.table.region, [names.index(n) for n in OUTER])
        self.texel, self.corners, self.bary = (
            self.table.texel[self.outer],
            self.table.corners[self.outer],
            self.table.bary[self.outer],
        )
        self.region = self.table.region[self.outer]
        known = np.zeros(size * size, bool)
        known[self.texel] = True
        _, (rows, columns) = distance_transform_edt(~known.reshape(size, size), return_indices=True)
        slot = np.zeros(size * size, np.int64)
        slot[self.texel] = np.arange(len(self.texel))
        self.pad = slot[(rows * size + columns).ravel()]

    def at(self, vertex_values: np.ndarray) -> np.ndarray:
        """Values [n,k] at the outer texels from values [V,k]."""
        return np.einsum("nk,nkc->nc", self.bary, vertex_values[self.corners])

    def image(self, values: np.ndarray) -> np.ndarray:
        """Values [n,k] of the outer texels -> padded picture [S,S,k]."""
        return values[self.pad].reshape(self.size, self.size, -1)


def lookup(atlas: Atlas, faces: np.ndarray, vertices: np.ndarray, surface: Surface) -> tuple[np.ndarray, np.ndarray]:
    """Foreign face [n] and barycentrics [n,3] of each outer texel; `vertices` [V,3] are the open head on the foreign
    mean."""
    point = atlas.at(vertices)
    normal = atlas.at(vertex_normals(vertices, faces))
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    face, bary = np.full(len(point), -1), np.zeros((len(point), 3))
    for start in range(0, len(point), 20000):
        part = slice(start, start + 20000)
        face[part], bary[part] = surface.nearest(point[part], normal[part], 0.3)
    lost = face < 0
    face[lost], bary[lost] = surface.nearest(point[lost])
    return face, bary


def bake(root: Path, source: Source, uv: np.ndarray, face: np.ndarray, bary: np.ndarray) -> np.ndarray:
    """sRGB colors [P,n,3] u8 of all people at the outer texels."""
    where = np.einsum("nk,nkc->nc", bary, uv[source.faces[face]])
    out = np.zeros((len(source.people), len(face), 3), np.uint8)
    for i, name in enumerate(source.people):
        out[i] = sample(color_map(root / "valid" / "glb" / f"{name}_Casual.glb"), where) * 255 + 0.5
    return out
