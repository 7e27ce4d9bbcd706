"""Texel table and UV sampling; the twin of src/flame/texelTable.ts (same rule, same float64 order of operations, same
Gaussian order)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .model import HeadModel
from .raster import candidates

OPEN_REGION = "neck"  # open at its end, where its inside is seen: two-sided whatever the head model says


@dataclass
class TexelTable:
    """n Gaussians of one map size. `texel` = row * map_size + column, row 0 at the top (v = 1)."""

    map_size: int
    texel: np.ndarray  # i64 [n]
    face: np.ndarray  # i64 [n]
    corners: np.ndarray  # i64 [n,3] vertices of that face
    bary: np.ndarray  # f32 [n,3]
    weights: np.ndarray  # f32 [n,5]
    region: np.ndarray  # u8 [n]
    dynamic: np.ndarray  # bool [n]
    two_sided: np.ndarray  # bool [n]

    @property
    def count(self) -> int:
        return len(self.texel)

    def valid_mask(self) -> np.ndarray:
        """bool [map_size, map_size]."""
        mask = np.zeros(self.map_size**2, bool)
        mask[self.texel] = True
        return mask.reshape(self.map_size, self.map_size)

    def dynamic_mask(self) -> np.ndarray:
        """bool [map_size, map_size]: texels that the driver may change."""
        mask = np.zeros(self.map_size**2, bool)
        mask[self.texel] = self.dynamic
        return mask.reshape(self.map_size, self.map_size)

    def sample(self, vertex_values: np.ndarray) -> np.ndarray:
        """Values [n,k] at the Gaussians from values [V,k] at the vertices."""
        return np.einsum("nj,njk->nk", self.bary, vertex_values[self.corners])


def morton_code(row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Column bits at 0, 2, 4, ..., row bits at 1, 3, 5, ..."""
    code = np.zeros(len(row), np.int64)
    for bit in range(16):
        code |= ((column >> bit) & 1) << (2 * bit) | ((row >> bit) & 1) << (2 * bit + 1)
    return code


def build_texel_table(model: HeadModel, map_size: int) -> TexelTable:
    """For each face in order, each texel whose centre passes the three inclusive barycentric tests and has no face yet
    takes that face."""
    if not 1 <= map_size <= 2048:
        raise ValueError(f"map size {map_size} is not between 1 and 2048")
    uv = model.uv.astype(np.float64)
    corners = uv[model.uv_faces]
    pixels = corners * [map_size, -map_size] + [0, map_size]
    # one texel of margin: the tests decide, the box only saves time
    low, high = pixels.min(1) - 1, pixels.max(1) + 1
    face, column, row = candidates(np.stack([low, high, high], 1), map_size, map_size)
    x, y = (column + 0.5) / map_size, 1 - (row + 0.5) / map_size
    (ax, ay), (bx, by), (cx, cy) = (corners[face, k].T for k in range(3))
    with np.errstate(divide="ignore", invalid="ignore"):
        double_area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        wa = ((bx - x) * (cy - y) - (cx - x) * (by - y)) / double_area
        wb = ((cx - x) * (ay - y) - (ax - x) * (cy - y)) / double_area
        wc = ((ax - x) * (by - y) - (bx - x) * (ay - y)) / double_area
        hit = (wa >= 0) & (wb >= 0) & (wc >= 0) & (double_area != 0)
    texel, bary, face = (row * map_size + column)[hit], np.stack([wa, wb, wc], 1)[hit], face[hit]
    # candidates come in face order, so the first entry has the lowest face
    _, first = np.unique(texel, return_index=True)
    texel, bary, face = texel[first], bary[first], face[first]
    order = np.argsort(morton_code(texel // map_size, texel % map_size), kind="stable")
    texel, bary, face = texel[order], bary[order], face[order]
    region = model.face_region[face]
    names = model.regions
    dynamic = np.isin(region, [names.index(name) for name in model.meta["dynamicRegions"]])
    two_sided = np.isin(
        region, [names.index(name) for name in (*model.meta["twoSidedRegions"], OPEN_REGION) if name in names]
    )
    vertices = model.faces[face]
    weights = np.einsum("nk,nkj->nj", bary, model.weights[vertices].astype(np.float64))
    return TexelTable(
        map_size, texel, face, vertices, bary.astype(np.float32), weights.astype(np.float32), region, dynamic, two_sided
    )


@lru_cache(4)
def head_texels(size: int) -> tuple[HeadModel, TexelTable]:
    """The default head model and its texel table; cached, since the table takes a second."""
    model = HeadModel.load()
    return model, build_texel_table(model, size)


def sample_to_uv(table: TexelTable, vertex_values: np.ndarray) -> np.ndarray:
    """Map [k, map_size, map_size] of values [V,k] at the vertices; 0 at texels without a face."""
    out = np.zeros((vertex_values.shape[1], table.map_size**2), np.float32)
    out[:, table.texel] = table.sample(vertex_values).T
    return out.reshape(-1, table.map_size, table.map_size)


def position_map(
    model: HeadModel, table: TexelTable, expression: np.ndarray | None = None, pose: np.ndarray | None = None
) -> np.ndarray:
    """Driver input [3, map_size, map_size]: expression, jaw and eyes applied; no global, neck or identity; normalised;
    0 where invalid."""
    full = model.pose(expression, pose).copy()
    vertices = model.corrected(model.vertices(None, expression), full)
    full[:2] = 0
    moved = model.lbs(vertices, full)
    normal = model.meta["positionMap"]
    return sample_to_uv(table, (moved - np.asarray(normal["center"])) / normal["scale"])
