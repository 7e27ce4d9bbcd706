"""The driver, the network of every frame: identity features and position map to delta map (paper eq. 6-7), a UNet with
nearest upsampling and skips. At run time it is src/runtime/driver/frameDriver.ts."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import ConvBn, space_to_depth, upsample


@dataclass(frozen=True)
class DriverConfig:
    # light (ours: half size, strided 2x2 downs, residual levels) | plain (paper: two convolutions per level)
    kind: str = "light"
    identity_channels: int = 16
    # per level, from fine to coarse; the paper gives the depth (4 downs), not the width
    widths: tuple[int, ...] = (32, 40, 64, 96)
    # light: millimeters of an expression against decimeters of a head; without it the lids did not learn
    displacement_gain: float = 20.0


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


class PlainDriver(nn.Module):
    """The paper's UNet: 35 channels in at full size, four downs, four ups; base width 32 is ours."""

    def __init__(self, config: DriverConfig):
        super().__init__()
        w = config.widths
        double = lambda a, b: nn.Sequential(ConvBn(a, b), ConvBn(b, b))
        self.enter = double(config.identity_channels + 3, w[0])
        self.down = nn.ModuleList(double(a, b) for a, b in zip(w, w[1:]))
        self.up = nn.ModuleList(double(b + a, a) for a, b in zip(w, w[1:]))
        self.out = nn.Conv2d(w[0], 14, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, identity: Tensor, position_map: Tensor) -> Tensor:
        """identity [b, 32, H, W], position map [b, 3, H, W] -> delta [b, 14, H, W]; H must be a multiple of 16"""
        x = self.enter(torch.cat([identity, position_map], dim=1))
        skips = [x]
        for level in self.down:
            x = level(F.max_pool2d(x, 2))
            skips.append(x)
        for skip, level in zip(reversed(skips[:-1]), reversed(self.up)):
            x = level(torch.cat([upsample(x, 2, "nearest"), skip], dim=1))
        return self.out(x)


def build_driver(config: DriverConfig, position_map_size: int) -> nn.Module:
    """The network that `config.kind` names; raises ValueError for an unknown kind."""
    if config.kind == "light":
        return LightDriver(config, position_map_size)
    if config.kind == "plain":
        return PlainDriver(config)
    raise ValueError(f"driver kind {config.kind!r} is neither light nor plain")
