"""Pictures of a person with head and second page, as the renderer would draw them."""

from __future__ import annotations

import numpy as np
import torch

from ..headmodel.model import HeadModel
from ..rasterizer.avatar_splatter import AvatarSplatter
from ..rasterizer.project import Ellipses, project, rotation_matrices
from ..rasterizer.rasterize import rasterize
from ..synth.raster import SCALE_LIMITS, nearest_rotations
from .fill import OFF
from .head import Head
from .outline import KEPT
from .page import Page


class Painter:
    """Draws head maps and second maps together."""

    def __init__(self, model: HeadModel, page: Page, map_size: int):
        self.model, self.page = model, page
        self.splatter = AvatarSplatter(model, map_size)

    def head(self, static: np.ndarray) -> Head:
        """What the filling asks of the person's head, from its static map [14,U,U]."""
        table = self.splatter.table
        keep = self._kept()
        maps = static.reshape(14, -1)[:, table.texel].T[keep]
        is_region = lambda name: table.region[keep] == self.model.regions.index(name)
        surface = table.sample(self.model.template)[keep]
        a, b, c = np.moveaxis(self.model.template[table.corners[keep]].astype(np.float64), 1, 0)
        normals = np.cross(b - a, c - a)
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        row, column = np.divmod(table.texel[keep], table.map_size)
        return Head(
            surface + maps[:, :3],
            np.clip(maps[:, 4:7], 0, 1),
            1 / (1 + np.exp(-maps[:, 3])),
            is_region("scalp"),
            is_region("neck"),
            is_region("ears"),
            (np.stack([column, row], 1) + 0.5) / table.map_size,
            normals,
        )

    def recolored(self, static: np.ndarray, head: Head, color: np.ndarray) -> np.ndarray:
        """The static map with other colors [n,3] of the Gaussians of `head`."""
        out = static.reshape(14, -1).copy()
        out[4:7, self.splatter.table.texel[self._kept()]] += (color - head.color).T
        return out.reshape(static.shape)

    def _kept(self) -> np.ndarray:
        return np.isin(self.splatter.table.region, [self.model.regions.index(name) for name in KEPT])

    def _ellipses(self, maps, surface, matrices, turns, R, t, f, size) -> Ellipses:
        to = lambda a: torch.as_tensor(np.ascontiguousarray(a, np.float32))
        maps = to(maps)
        mean = torch.einsum("nkl,nl->nk", to(matrices[:, :3, :3]), to(surface) + maps[:, :3]) + to(matrices[:, :3, 3])
        rotation = to(turns) @ rotation_matrices(maps[:, 10:14])
        scale = maps[:, 7:10].exp().clamp(*SCALE_LIMITS)
        return project(
            mean, rotation, scale, torch.sigmoid(maps[:, 3]), maps[:, 4:7].clamp(0, 1), to(R), to(t), f, size
        )

    def draw(
        self, static, delta, second, expression, pose, R, t, f: float, size: int, background=0.5, parts: bool = False
    ) -> np.ndarray:
        """[4,size,size]: color over `background`, coverage. `second` [14,U2,U2] or None; f in pixels."""
        table = self.splatter.table
        maps = static.reshape(14, -1)[:, table.texel].T.astype(np.float64)
        if delta is not None:
            maps = maps + delta.reshape(14, -1)[:, table.texel].T * table.dynamic[:, None]
        joints = self.model.joint_matrices(self.model.pose(expression, pose))
        matrices = np.einsum("nj,jkl->nkl", self.splatter.weights, joints)
        surface = table.sample(self.model.vertices(None, expression))
        lists = [self._ellipses(maps, surface, matrices, nearest_rotations(matrices[:, :3, :3]), R, t, f, size)]
        if second is not None:
            page = self.page.table
            maps = second.reshape(14, -1)[:, page.texel].T
            on = maps[:, 3] > OFF + 1
            maps = maps[on]
            matrices = np.einsum("nj,jkl->nkl", page.weights[on].astype(np.float64), joints)
            surface = page.sample(self.page.template)[on]
            lists.append(self._ellipses(maps, surface, matrices, nearest_rotations(matrices[:, :3, :3]), R, t, f, size))
        with torch.no_grad():
            joined = Ellipses(*(torch.cat(p) for p in zip(*lists)))
            return rasterize(joined, size, size, torch.full((3,), float(background))).numpy()
