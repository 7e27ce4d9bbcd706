"""Small encoders (ours, in place of the paper's frozen transformer): `ConvTrunk` of nano-128 learns from scratch on a
processor, `LiteTrunk` of web-256 starts from EfficientNet-Lite0."""

import torch
from torch import Tensor, nn

from ..blocks import ConvBn
from ..config import EncoderConfig


class ConvTrunk(nn.Module):
    """A small residual network for CPU training: /8 in three strided stages."""

    def __init__(self, config: EncoderConfig):
        super().__init__()
        w = config.widths
        self.stem = ConvBn(3, w[0], 3, 2)
        self.stages = nn.ModuleList()
        self.residuals = nn.ModuleList([ConvBn(w[0], w[0], 3)])
        for before, after in zip(w, w[1:]):
            self.stages.append(ConvBn(before, after, 3, 2))
            self.residuals.append(ConvBn(after, after, 3))
        self.project = nn.Conv2d(w[-1], config.dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[b, 3, s, s] -> [b, D, s / 8, s / 8]"""
        x = self.stem(x)
        x = x + self.residuals[0](x)
        for down, residual in zip(self.stages, self.residuals[1:]):
            x = down(x)
            x = x + residual(x)
        return self.project(x)


class LiteTrunk(nn.Module):
    """EfficientNet-Lite0 with taps at /8, /16 and /32 brought to one token grid."""

    def __init__(self, config: EncoderConfig):
        super().__init__()
        from .efficientnet_lite import EfficientNetLite0

        self.backbone = EfficientNetLite0()
        self.tap8 = nn.Conv2d(40, 64, 4, 4)
        self.tap16 = nn.Conv2d(112, 128, 2, 2)
        self.project = nn.Conv2d(64 + 128 + 320, config.dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[b, 3, 512, 512] -> [b, D, 16, 16]"""
        f8, f16, f32 = self.backbone(x)
        return self.project(torch.cat([self.tap8(f8), self.tap16(f16), f32], dim=1))
