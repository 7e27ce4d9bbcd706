"""The network: a mobile trunk and a U-shaped decoder, from a picture to five class logits and alpha at the picture's
own size."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .vocabulary import INPUT, NAMES


@dataclass(frozen=True)
class Config:
    """Channels after each halving of the picture, blocks per level, widening inside a block, channels at the picture's
    own size."""

    widths: tuple[int, ...] = (16, 32, 64, 112, 144)
    depths: tuple[int, ...] = (0, 1, 2, 3, 2)
    expand: int = 3
    detail: int = 12
    input_size: int = INPUT


def _conv(
    inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1, active: bool = True
) -> nn.Sequential:
    layers = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*layers, *([nn.ReLU(inplace=True)] if active else []))


class Block(nn.Module):
    """Widen, look around, narrow (inverted residual)."""

    def __init__(self, inputs: int, outputs: int, stride: int, expand: int):
        super().__init__()
        wide = inputs * expand
        self.body = nn.Sequential(
            _conv(inputs, wide), _conv(wide, wide, 3, stride, wide), _conv(wide, outputs, active=False)
        )
        self.same = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.same else self.body(x)


class Merge(nn.Module):
    """The coarser level, enlarged, with the trunk's level beside it."""

    def __init__(self, coarse: int, skip: int, outputs: int):
        super().__init__()
        self.down, self.skip = _conv(coarse, outputs, active=False), _conv(skip, outputs, active=False)
        self.mix = nn.Sequential(_conv(outputs, outputs, 3, 1, outputs), _conv(outputs, outputs, active=False))

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        coarse = nn.functional.interpolate(self.down(coarse), scale_factor=2, mode="bilinear", align_corners=False)
        x = torch.relu(coarse + self.skip(skip))
        return x + self.mix(x)


class ClassNetwork(nn.Module):
    """image [B,3,S,S] sRGB 0..1 -> class logits [B,5,S,S] in the order of vocabulary.NAMES, and the logit of alpha
    [B,1,S,S]."""

    def __init__(self, config: Config = Config()):
        super().__init__()
        self.config = config
        w, e = config.widths, config.expand
        self.stem = _conv(3, w[0], 3, 2)
        self.levels = nn.ModuleList()
        for inputs, outputs, depth in zip(w, w[1:], config.depths[1:]):
            self.levels.append(
                nn.Sequential(Block(inputs, outputs, 2, e), *(Block(outputs, outputs, 1, e) for _ in range(depth)))
            )
        self.whole = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(w[-1], w[-1], 1))  # what kind of picture it is
        self.merges = nn.ModuleList(
            Merge(w[k + 1], w[k], max(w[k], 24)) if k == len(w) - 2 else Merge(max(w[k + 1], 24), w[k], max(w[k], 24))
            for k in reversed(range(len(w) - 1))
        )
        d = config.detail
        self.own = _conv(3, d, 3)
        self.rise = nn.Conv2d(24, d, 1)
        self.join = nn.Sequential(_conv(2 * d, 2 * d, 3, 1, 2 * d), _conv(2 * d, 2 * d))
        self.head = nn.Conv2d(2 * d, len(NAMES) + 1, 3, padding=1)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        image = 2 * image - 1
        skips = [self.stem(image)]
        for level in self.levels:
            skips.append(level(skips[-1]))
        x = skips.pop()
        x = torch.relu(x + self.whole(x))
        for merge in self.merges:
            x = merge(x, skips.pop())
        x = nn.functional.interpolate(self.rise(x), scale_factor=2, mode="bilinear", align_corners=False)
        out = self.head(self.join(torch.cat([x, self.own(image)], 1)))
        return out[:, :-1], out[:, -1:]


def parameter_count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())
