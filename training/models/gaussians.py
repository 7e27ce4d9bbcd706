"""The 14 channels of a Gaussian attribute map: the paper's G = {P, alpha, C, S, R}, before activation. The paper leaves
order and activations open; ours are in docs/conventions.md, "Maps"."""

from typing import NamedTuple

import torch
from torch import Tensor

CHANNELS = {
    "position": slice(0, 3),
    "opacity": slice(3, 4),
    "color": slice(4, 7),
    "log_scale": slice(7, 10),
    "rotation": slice(10, 14),
}
OUTER_CHART = 0.875  # of the atlas, from the top: face, scalp, ears, neck; eyes and mouth lie below


class Gaussians(NamedTuple):
    """Attribute maps, one per key of CHANNELS."""

    position: Tensor  # b 3 H W, meters from the mean head
    opacity: Tensor  # b 1 H W, logit
    color: Tensor  # b 3 H W
    log_scale: Tensor  # b 3 H W, ln m
    rotation: Tensor  # b 4 H W, quaternion x, y, z, w of any length

    @staticmethod
    def of(maps: Tensor) -> "Gaussians":
        """The parts of maps [b, 14, H, W]."""
        return Gaussians(*(maps[:, channels] for channels in CHANNELS.values()))

    def maps(self) -> Tensor:
        """[b, 14, H, W]"""
        return torch.cat(self, dim=1)
