"""Detail for close-ups: a texture of differences over the atlas, which every Gaussian reads at the fragment's own place.

A Gaussian keeps its color. What it adds is read from the detail atlas at `place + slope · (pixel − centre)`, from the mip level at which a
texel is about a pixel. The slope is that of the mesh triangle under the Gaussian. The atlas has no mean over the Gaussians' own texels, so
that coarser levels fade to 0."""

from ctypes import c_int, c_void_p
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..headmodel.model import HeadModel
from ..headmodel.texels import TexelTable
from ..native import load
from ..rasterizer.avatar_splatter import AvatarSplatter
from ..rasterizer.project import Ellipses, project, rotation_matrices
from ..rasterizer.tiles import sort_into_tiles
from ..synth.raster import SCALE_LIMITS
from .atlas import Atlas
from .views import View

REGIONS = ("face", "lips")  # that have detail
EDGE_ON = 4.0  # a surface whose texel is longer in one direction by this factor gets no detail
LEVELS = 4  # of the atlas


class Tangents(NamedTuple):
    """Where Gaussians lie in the atlas (0..1, y down), and how a surface at rest moves with it."""

    place: Tensor  # [n, 2]
    frame: Tensor  # [n, 2, 2]: edges of its triangle times this = d position / d place
    corners: Tensor  # [n, 3]


def tangents(head: HeadModel, table: TexelTable) -> Tangents:
    at = torch.as_tensor(table.texel)
    place = (torch.stack([at % table.map_size, at // table.map_size], 1) + 0.5) / table.map_size
    uv = head.uv[head.uv_faces[table.face]].astype(np.float64) * [1, -1] + [0, 1]  # [n, 3, 2]
    edges = np.stack([uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]], 2)
    frame = np.linalg.inv(edges).astype(np.float32)
    return Tangents(place.float(), torch.from_numpy(frame), torch.as_tensor(table.corners))


class TexturedPicture:
    """An avatar under one camera. `slope` [n, 2, 2] d place / d pixel, `pixels` [n, 2, 2] its inverse, `stretch` [n] pixels per atlas
    along its most foreshortened direction; `shows` [n] whether it has detail."""

    def __init__(self, splatter: AvatarSplatter, static: Tensor, view: View, detailed: Tensor):
        size, skin = view.size, splatter.skin(view.expression, np.zeros(15))
        change = view.delta.flatten(1)[:, splatter.texel].T * splatter.dynamic
        maps = static.flatten(1)[:, splatter.texel].T + change
        self.size, self.tangents = size, tangents(splatter.head, splatter.table)
        mean = torch.einsum("nkl,nl->nk", skin.matrix, skin.surface + maps[:, :3]) + skin.translation
        rotation, scale = skin.rotation @ rotation_matrices(maps[:, 10:14]), maps[:, 7:10].exp().clamp(*SCALE_LIMITS)
        focal = view.focal * size
        self.ellipses = project(mean, rotation, scale, torch.sigmoid(maps[:, 3]), maps[:, 4:7].clamp(0, 1), view.R, view.t, focal, size)
        vertices = torch.as_tensor(splatter.head.vertices(None, view.expression), dtype=torch.float32)[self.tangents.corners]
        edges = torch.stack([vertices[:, 1] - vertices[:, 0], vertices[:, 2] - vertices[:, 0]], 2)
        camera = mean @ view.R.T + view.t
        depth = -camera[:, 2]
        x, y, zero = camera[:, 0] / depth, camera[:, 1] / depth, torch.zeros_like(depth)
        jacobian = (focal / depth)[:, None, None] * torch.stack([torch.stack([zero + 1, zero, x], -1), torch.stack([zero, zero - 1, -y], -1)], -2)
        self.pixels = jacobian @ view.R @ skin.matrix @ edges @ self.tangents.frame  # [n, 2, 2] d pixel / d place
        values = torch.linalg.svdvals(self.pixels)
        self.stretch = values[:, 1]
        self.shows = detailed & (values[:, 0] < EDGE_ON * values[:, 1])
        self.slope = torch.linalg.inv(torch.where(self.shows[:, None, None], self.pixels, torch.eye(2)))
        self.ids, self.start = sort_into_tiles(self.ellipses, size, size)

    def draw(self, color: Tensor, levels: list[Tensor]) -> Tensor:
        """color [n, 3] with the driver's change, atlas levels [3, e, e] -> [4, size, size] over black."""
        edge = levels[0].shape[-1]
        level = torch.log2(edge / self.stretch.clamp(min=1e-6)).clamp(0, len(levels) - 1)
        level = torch.where(self.shows, level, torch.full_like(level, -1))
        texels = torch.cat([x.permute(1, 2, 0).reshape(-1) for x in levels]).contiguous()
        picture = torch.empty(4, self.size, self.size)
        e: Ellipses = self.ellipses
        given = [e.center, e.conic, e.opacity, color, self.ids, self.start, self.tangents.place, self.slope, level, texels, picture]
        tensors = [x.contiguous() if x.dtype == torch.int32 else x.float().contiguous() for x in given[:-1]] + [picture]
        numbers = [c_int(self.size), c_int(self.size), c_int(edge), c_int(len(levels))]
        load("refine/close_up.cpp").textured_forward(*numbers, *(c_void_p(x.data_ptr()) for x in tensors))
        return picture

    def gather(self, atlas: Atlas, pixels: Tensor, trust: Tensor, edge: int) -> Tensor:
        """pixels [3, S, S] as the atlas sees them, times trust [n]: [3, edge, edge]. Where a texel lies in the picture its four Gaussians
        say together, each by its own slope."""
        at = (torch.arange(edge) + 0.5) / edge
        v, u = torch.meshgrid(at, at, indexing="ij")
        U = atlas.size
        x, y = u * U - 0.5, v * U - 0.5
        column, row = x.floor().long(), y.floor().long()
        center = atlas.to_map(self.ellipses.center)
        slopes = atlas.to_map(self.pixels.reshape(-1, 4))
        places = atlas.to_map(self.tangents.place)
        shown = atlas.to_map((self.shows * (trust > 0)).float()[:, None])[0]
        believed = atlas.to_map(trust[:, None])[0]
        total, spot, known = torch.zeros(edge, edge), torch.zeros(2, edge, edge), torch.zeros(edge, edge)
        for k in range(4):
            c, r = (column + (k & 1)).clamp(0, U - 1), (row + (k >> 1)).clamp(0, U - 1)
            w = (1 - (x - column - (k & 1)).abs()).clamp(min=0) * (1 - (y - row - (k >> 1)).abs()).clamp(min=0) * shown[r, c]
            du, dv = u - places[0][r, c], v - places[1][r, c]
            a, b, d, e = slopes[:, r, c]
            spot += w * (center[:, r, c] + torch.stack([a * du + b * dv, d * du + e * dv]))
            total += w
            known += w * believed[r, c]
        spot = spot / total.clamp(min=1e-6)
        grid = (2 * spot / self.size - 1).permute(1, 2, 0)[None]
        seen = F.grid_sample(pixels[None], grid, mode="bilinear", padding_mode="zeros", align_corners=False)[0]
        return torch.where(total > 0.25, seen * known, torch.zeros(()))


def without_mean(detail: Tensor, weight: Tensor, reach: int) -> Tensor:
    """Takes the mean over squares of 2 reach + 1 texels, where there is detail, away: [3, e, e] -> the same."""
    box = lambda x: F.avg_pool2d(x[None], 2 * reach + 1, 1, reach)[0]  # noqa: E731
    return (detail - box(detail) / box(weight[None]).clamp(min=1e-3)) * weight


def mip_levels(detail: Tensor, count: int = LEVELS) -> list[Tensor]:
    levels = [detail]
    while len(levels) < count:
        levels.append(F.avg_pool2d(levels[-1][None], 2)[0])
    return levels
