"""From maps to pictures, with gradients to the maps (docs/conventions.md "Maps"); the twin of
synth/raster.render_maps."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..headmodel.model import HeadModel
from ..headmodel.texels import build_texel_table
from ..models.base_maps import MOUTH
from ..synth.raster import SCALE_LIMITS, nearest_rotations
from .project import project, rotation_matrices
from .rasterize import rasterize


class Skin(NamedTuple):
    """What expression and pose do to the Gaussians: mean = matrix (surface + offset) + translation; rotation turns
    their axes."""

    surface: Tensor  # [n, 3]
    matrix: Tensor  # [n, 3, 3]
    translation: Tensor  # [n, 3]
    rotation: Tensor  # [n, 3, 3]


class AvatarSplatter:
    """Draws avatars of one head model and map size on one device."""

    def __init__(self, head: HeadModel, map_size: int, device: torch.device | str = "cpu", backend: str = "auto"):
        self.head, self.backend = head, backend
        self.table = table = build_texel_table(head, map_size)
        tensor = lambda a: torch.as_tensor(a, device=device)
        self.texel = tensor(table.texel)
        self.dynamic = tensor(table.dynamic)[:, None].float()
        self.mouth = tensor(np.isin(table.region, [head.regions.index(name) for name in MOUTH]))[:, None].float()
        self.weights = table.weights.astype(np.float64)

    def skin(self, expression: np.ndarray, pose: np.ndarray) -> Skin:
        """expression [E], pose [15] without what the expression adds."""
        matrices = np.einsum("nj,jkl->nkl", self.weights, self.head.joint_matrices(self.head.pose(expression, pose)))
        parts = (
            self.table.sample(self.head.vertices(None, expression)),
            matrices[:, :3, :3],
            matrices[:, :3, 3],
            nearest_rotations(matrices[:, :3, :3]),
        )
        return Skin(*(torch.as_tensor(np.ascontiguousarray(p, np.float32), device=self.texel.device) for p in parts))

    def picture(
        self,
        static: Tensor,
        delta: Tensor | None,
        skin: Skin,
        R: Tensor,
        t: Tensor,
        f: float,
        size: int,
        background: Tensor,
    ) -> Tensor:
        """static and delta [14, H, W] -> [5, size, size]: color over `background` [3], coverage, share of the mouth (no
        gradient)."""
        maps = static.flatten(1)[:, self.texel].T
        if delta is not None:
            maps = maps + delta.flatten(1)[:, self.texel].T * self.dynamic
        mean = torch.einsum("nkl,nl->nk", skin.matrix, skin.surface + maps[:, :3]) + skin.translation
        scale = maps[:, 7:10].exp().clamp(*SCALE_LIMITS)
        rotation = skin.rotation @ rotation_matrices(maps[:, 10:14])
        ellipses = project(mean, rotation, scale, torch.sigmoid(maps[:, 3]), maps[:, 4:7].clamp(0, 1), R, t, f, size)
        picture = rasterize(ellipses, size, size, background, self.backend)
        with torch.no_grad():
            marked = ellipses._replace(color=self.mouth.expand(-1, 3))
            mouth = rasterize(marked, size, size, torch.zeros_like(background), self.backend)[:1]
        return torch.cat([picture, mouth])
