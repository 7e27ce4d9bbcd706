"""Detail for close-ups: shades over the atlas, which every Gaussian reads at the fragment's own place.

A Gaussian keeps its color. The shade that it adds is read at `place + slope · (pixel − centre)`, from the mip level at
which a texel is about a pixel. The slope is that of the mesh triangle under the Gaussian. Shades have no mean over a
Gaussian's own texels, so that coarser levels fade to 0. Twin of src/runtime/refine/solveCloseUp.ts;
docs/notes/close-up-detail.md has the study that chose it."""

from ctypes import c_int, c_void_p
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..headmodel.model import HeadModel
from ..headmodel.texels import TexelTable
from ..models.avatar import OUTER_CHART
from ..native import load
from ..rasterizer.avatar_splatter import AvatarSplatter
from ..rasterizer.project import Ellipses, project, rotation_matrices
from ..rasterizer.tiles import sort_into_tiles
from ..synth.raster import SCALE_LIMITS
from .atlas import Atlas
from .colors import Solution
from .settings import RefineSettings
from .views import LUMA, Seen, View, ramp

REGIONS = ("face", "lips", "eyeLeft", "eyeRight")  # that have detail
EDGE = 1024  # texels per side of the atlas
EDGE_ON = (3.0, 4.0)  # how much longer than wide a texel may be on the screen: full detail, none
LEVELS = 4  # of the atlas
SHADE_REACH = 0.25  # of colors 0..1
BOOST = 1.3  # reading between texels and overlapping Gaussians dim what is added by about as much
MEAN_REACH = 1.5  # texels of the maps
SHARPNESS = 8  # power of trust by which photos share a texel
LEAST_KNOWN = 0.25


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
    """An avatar under one camera. `slope` [n, 2, 2] d place / d pixel, `pixels` [n, 2, 2] its inverse, `stretch` [n]
    pixels per atlas along its most foreshortened direction; `shows` [n] whether it has detail."""

    def __init__(self, splatter: AvatarSplatter, static: Tensor, view: View, detailed: Tensor):
        size, skin = view.size, splatter.skin(view.expression, np.zeros(15))
        change = view.delta.flatten(1)[:, splatter.texel].T * splatter.dynamic
        maps = static.flatten(1)[:, splatter.texel].T + change
        self.size, self.tangents = size, tangents(splatter.head, splatter.table)
        mean = torch.einsum("nkl,nl->nk", skin.matrix, skin.surface + maps[:, :3]) + skin.translation
        rotation, scale = skin.rotation @ rotation_matrices(maps[:, 10:14]), maps[:, 7:10].exp().clamp(*SCALE_LIMITS)
        focal = view.focal * size
        self.ellipses = project(
            mean, rotation, scale, torch.sigmoid(maps[:, 3]), maps[:, 4:7].clamp(0, 1), view.R, view.t, focal, size
        )
        vertices = torch.as_tensor(splatter.head.vertices(None, view.expression), dtype=torch.float32)[
            self.tangents.corners
        ]
        edges = torch.stack([vertices[:, 1] - vertices[:, 0], vertices[:, 2] - vertices[:, 0]], 2)
        camera = mean @ view.R.T + view.t
        depth = -camera[:, 2]
        x, y, zero = camera[:, 0] / depth, camera[:, 1] / depth, torch.zeros_like(depth)
        rows = torch.stack([zero + 1, zero, x], -1), torch.stack([zero, zero - 1, -y], -1)
        jacobian = (focal / depth)[:, None, None] * torch.stack(rows, -2)
        self.pixels = jacobian @ view.R @ skin.matrix @ edges @ self.tangents.frame  # [n, 2, 2] d pixel / d place
        values = torch.linalg.svdvals(self.pixels)
        self.stretch = values[:, 1]
        ratio = values[:, 0] / values[:, 1].clamp(min=1e-9)
        self.strength = ramp(ratio, EDGE_ON[1], EDGE_ON[0]) * detailed
        self.shows = self.strength > 0
        self.slope = torch.linalg.inv(torch.where(self.shows[:, None, None], self.pixels, torch.eye(2)))
        self.ids, self.start = sort_into_tiles(self.ellipses, size, size)

    def draw(self, color: Tensor, levels: list[Tensor]) -> Tensor:
        """color [n, 3] with the driver's change, mip levels [e, e] -> [4, size, size] over black."""
        edge = levels[0].shape[-1]
        level = torch.log2(edge / self.stretch.clamp(min=1e-6)).clamp(0, len(levels) - 1)

        texels = torch.cat([x.flatten() for x in levels])
        picture = torch.empty(4, self.size, self.size)
        e: Ellipses = self.ellipses
        reads = self.tangents.place, self.slope, level, self.strength, texels
        given = [e.center, e.conic, e.opacity, color, self.ids, self.start, *reads]
        tensors = [x.contiguous() if x.dtype == torch.int32 else x.float().contiguous() for x in given] + [picture]
        numbers = [c_int(self.size), c_int(self.size), c_int(edge), c_int(len(levels))]
        load("refine/close_up.cpp").textured_forward(*numbers, *(c_void_p(x.data_ptr()) for x in tensors))
        return picture

    def gather(self, atlas: Atlas, pixels: Tensor, trust: Tensor, edge: int) -> tuple[Tensor, Tensor]:
        """pixels [c, S, S] as the atlas sees them [c, edge, edge], and how much that is believed [edge, edge], by trust
        [n]. Where a texel lies in the picture its four Gaussians say together, each by its own slope."""
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
            w = (
                (1 - (x - column - (k & 1)).abs()).clamp(min=0)
                * (1 - (y - row - (k >> 1)).abs()).clamp(min=0)
                * shown[r, c]
            )
            du, dv = u - places[0][r, c], v - places[1][r, c]
            a, b, d, e = slopes[:, r, c]
            spot += w * (center[:, r, c] + torch.stack([a * du + b * dv, d * du + e * dv]))
            total += w
            known += w * believed[r, c]
        spot = spot / total.clamp(min=1e-6)
        grid = (2 * spot / self.size - 1).permute(1, 2, 0)[None]
        seen = F.grid_sample(pixels[None], grid, mode="bilinear", padding_mode="zeros", align_corners=False)[0]
        return torch.where(total > LEAST_KNOWN, seen, torch.zeros(())), torch.where(
            total > LEAST_KNOWN, known, torch.zeros(())
        )


def solve(
    splatter: AvatarSplatter, atlas: Atlas, static: Tensor, views: list[View], solution: Solution, trusts: list[Tensor]
) -> Tensor:
    """Shades [EDGE, EDGE] of one to four photos. What the solved colors leave missing is read into the atlas where
    photos are believed."""
    detailed, settings = atlas.is_region(*REGIONS), RefineSettings()
    total, shares, most = (torch.zeros(EDGE, EDGE) for _ in range(3))
    for view, gain, trust in zip(views, solution.gains, trusts):
        seen = Seen(splatter, static, view, settings)
        drawn = seen.draw(solution.color)
        missing = (drawn[3] * gain[:, None, None] * view.image - drawn[:3]) * seen.weight
        picture = TexturedPicture(splatter, static, view, detailed)
        read, known = picture.gather(atlas, torch.einsum("chw,c->hw", missing, LUMA)[None], trust, EDGE)
        share = known**SHARPNESS
        total += share * read[0]
        shares += share
        most = torch.maximum(most, known)
    shades = torch.where(shares > 0, BOOST * most * total / shares.clamp(min=1e-30), torch.zeros(()))
    shades = without_mean(shades, most, max(1, round(MEAN_REACH * EDGE / atlas.size)))
    return (shades + mirrored(shades, most, settings.mirror)).clamp(-SHADE_REACH, SHADE_REACH)


def without_mean(shades: Tensor, weight: Tensor, reach: int) -> Tensor:
    """Takes the mean over squares of 2 reach + 1 texels away, as far as weight [e, e] goes."""
    box = lambda x: F.avg_pool2d(x[None, None], 2 * reach + 1, 1, reach)[0, 0]
    return shades - weight * box(shades) / box(weight).clamp(min=1e-3)


def mirrored(shades: Tensor, weight: Tensor, part: float) -> Tensor:
    """What is added where the other side is known better: one cheek sharp beside a smooth one is seen at once."""
    other = weight.flip(-1)
    more = (part * other - weight).clamp(min=0) / other.clamp(min=1e-6)
    more[round(OUTER_CHART * len(weight)) :] = 0
    return more * shades.flip(-1)


def mip_levels(shades: Tensor) -> list[Tensor]:
    levels = [shades]
    while len(levels) < LEVELS:
        levels.append(F.avg_pool2d(levels[-1][None, None], 2)[0, 0])
    return levels
