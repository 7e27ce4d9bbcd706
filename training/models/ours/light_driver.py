"""The driver that a page can afford (ours, in place of the paper's UNet): half the position map's size, strided downs,
residual levels. At run time it is src/runtime/driver/frameDriver.ts."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..blocks import ConvBn, space_to_depth, upsample
from ..config import DriverConfig


class LightLevel(nn.Module):
    """Optional 1x1 convolution, then a residual 3x3 convolution."""

    def __init__(self, inputs: int, width: int, project: bool = True):
        super().__init__()
        self.project = ConvBn(inputs, width, 1) if project else None
        self.residual = ConvBn(width, width, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = x if self.project is None else self.project(x)
        return x + self.residual(x)


def light_levels(widths: tuple[int, ...]) -> tuple[nn.Module, nn.ModuleList, nn.ModuleList, nn.ModuleList]:
    """Modules of a light UNet, fine to coarse: first level, downs, coarser levels, ups. See `hourglass`."""
    pairs = list(zip(widths, widths[1:]))
    return (
        LightLevel(widths[0], widths[0], project=False),
        nn.ModuleList(ConvBn(fine, coarse, 2, 2, activation="none") for fine, coarse in pairs),
        nn.ModuleList(LightLevel(coarse, coarse) for _, coarse in pairs),
        nn.ModuleList(LightLevel(coarse + fine, fine) for fine, coarse in pairs),
    )


def hourglass(x: Tensor, first: nn.Module, downs: nn.ModuleList, levels: nn.ModuleList, ups: nn.ModuleList) -> Tensor:
    """Down through the levels and back with skips: [b, widths[0], h, w] -> the same shape."""
    x = first(x)
    skips = [x]
    for down, level in zip(downs, levels):
        x = level(down(x))
        skips.append(x)
    for skip, up in zip(reversed(skips[:-1]), reversed(ups)):
        x = up(torch.cat([upsample(x, 2, "nearest"), skip], dim=1))
    return x


class LightDriver(nn.Module):
    """UNet that works at half the position map's size; about 0.5 GFLOP for nano-128, 4.1 GFLOP for web-256.

    Of the position map it sees, amplified, how far each texel is from its neutral place: `rest_position` [1, 3, P, P],
    set from the head model."""

    def __init__(self, config: DriverConfig, position_map_size: int):
        super().__init__()
        self.config = config
        w = config.widths
        self.register_buffer("rest_position", torch.zeros(1, 3, position_map_size, position_map_size))
        self.position = ConvBn(12, w[0], 3, activation="none")
        self.identity = nn.Conv2d(config.identity_channels, w[0], 1)
        self.first, self.down, self.level, self.up = light_levels(w)
        self.out = nn.Conv2d(w[0], 14 * 4, 3, padding=1)
        nn.init.normal_(self.out.weight, std=1e-3)
        nn.init.zeros_(self.out.bias)

    def forward(self, identity: Tensor, position_map: Tensor) -> Tensor:
        """identity [b, C, p / 2, p / 2], position map [b, 3, p, p] (normalised, see the head model) -> delta residual
        [b, 14, p, p]"""
        displacement = (position_map - self.rest_position) * self.config.displacement_gain
        x = F.relu(self.position(space_to_depth(displacement, 2)) + self.identity(identity))
        return F.pixel_shuffle(self.out(hourglass(x, self.first, self.down, self.level, self.up)), 2)
