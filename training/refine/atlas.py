"""Smoothing and spreading on the atlas: box means over the outer chart, push-pull, and the mirrored half."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..headmodel.model import HeadModel
from ..headmodel.texels import TexelTable
from ..models.avatar import OUTER_CHART
from ..synth.mesh import vertex_normals
from .settings import RefineSettings
from .views import DETACHED, EYES, TEETH, log_area_ratio, ramp

BLINK = ("eyeBlinkLeft", "eyeBlinkRight")


class Atlas:
    """Lists [n, c] per Gaussian <-> maps [c, U, U]. `outer` [U, U]: skin and scalp, its own mirror image, without lids;
    eyes, mouth, teeth and tongue lie below it. `sides` [U, U]: 1 on the sides of the face, by the resting normal.
    `folded` [U, U]: 1 on skin of the lids that open eyes hide in a fold: closed eyes stretch it so much that what a
    photo of open ones shows there are shadow and lashes."""

    def __init__(self, head: HeadModel, table: TexelTable, settings: RefineSettings):
        self.size, self.table = table.map_size, table
        self.texel = torch.as_tensor(table.texel)
        self.is_region = lambda *names: torch.as_tensor(np.isin(table.region, [head.regions.index(n) for n in names]))
        self.detached, self.apart = self.is_region(*DETACHED), self.is_region(*EYES, *TEETH, "lids")
        rows = torch.as_tensor(table.texel // table.map_size) < round(OUTER_CHART * table.map_size)
        self.outer_texels = ~(self.detached | self.apart) & rows
        self.outer = self.to_map(self.outer_texels.float()[:, None])[0]
        normals = table.sample(vertex_normals(head.template, head.faces))
        sideways = torch.as_tensor(
            np.abs(normals[:, 0] / np.maximum(np.linalg.norm(normals, axis=1), 1e-9)).astype(np.float32)
        )
        self.sides = self.to_map((ramp(sideways, *settings.side) * self.is_region("face"))[:, None])[0]

        # ours: a texel wider on either side than what closed eyes stretch
        shut = head.expression_vector(**{name: 1.0 for name in BLINK if name in head.expressions})
        stretched = ramp(torch.as_tensor(log_area_ratio(head, table, shut)), *settings.lids)
        sums = self.box(self.to_map(torch.stack([stretched, torch.ones_like(stretched)], 1)), 1)
        self.folded = (2 * sums[0] / sums[1].clamp(min=1e-6)).clamp(max=1) * self.outer

    def to_map(self, values: Tensor) -> Tensor:
        """[n, c] -> [c, U, U]; 0 where no Gaussian is."""
        out = torch.zeros(values.shape[1], self.size**2)
        out[:, self.texel] = values.T
        return out.reshape(-1, self.size, self.size)

    def to_list(self, maps: Tensor) -> Tensor:
        return maps.flatten(1)[:, self.texel].T.contiguous()

    def reach(self, at_256: int) -> int:
        """Texels on either side of a box that has `at_256` of them at a map of 256; at least 1."""
        return max(1, at_256 * self.size // 256)

    def box(self, maps: Tensor, at_256: int) -> Tensor:
        """Mean of maps [c, U, U] over a square; outside the map is 0."""
        reach = self.reach(at_256)
        return F.avg_pool2d(maps[None], 2 * reach + 1, 1, reach)[0]

    def mean(self, maps: Tensor, weight: Tensor, at_256: int) -> tuple[Tensor, Tensor]:
        """Weighted mean over two boxes, one after the other, and the weight that it rests on: [c, U, U], [U, U]."""
        twice = lambda x: self.box(self.box(x, at_256), at_256)
        rests_on = twice(weight[None])
        return twice(maps * weight) / (rests_on + 1e-4), rests_on[0]


def push_pull(values: Tensor, weight: Tensor, fade: float) -> Tensor:
    """Fill maps [c, U, U] where weight [U, U] 0..1 is below 1 from coarser levels (Gortler et al. 1996); a level counts
    `fade` times as much as the one below, so that what is far from anything known goes to 0. U is a power of two."""
    x, w = (values * weight)[None], weight[None, None]
    levels = []
    while True:
        levels.append((x, w))
        if x.shape[-1] == 1:
            break
        x, w = 4 * F.avg_pool2d(x, 2), 4 * F.avg_pool2d(w, 2)
        most = w.clamp(min=1)
        x, w = x / most, w / most
    current = torch.zeros_like(levels[-1][0])
    for x, w in reversed(levels):
        if current.shape[-1] < x.shape[-1]:
            current = F.interpolate(current, scale_factor=2, mode="bilinear", align_corners=False)
        current = x + (1 - w) * fade * current
    return current[0]
