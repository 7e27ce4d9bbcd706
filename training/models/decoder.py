"""UV features to identity features and Gaussian attribute residuals (paper eq. 5): upsampling convolution stages."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import ConvBn, upsample


@dataclass(frozen=True)
class DecoderConfig:
    dim: int = 128  # channels of the UV features
    widths: tuple[int, ...] = (96, 32)  # one stage per entry, each doubles the resolution
    convs: int = 2  # convolutions per stage
    two_towers: bool = False  # separate stages for identity features and attributes, as the paper
    prior_channels: int = 4  # landmark-fit prior, joined at the entry of stage `prior_stage`; 0 = none
    prior_stage: int = 1  # the stage whose size is the anchor size
    identity_channels: int = 16
    attribute_width: int = 0  # one more convolution before the attribute head; 0 = none
    depth_to_space: int = 2  # attributes are predicted at stage size and shuffled up by this
    upsample: int = 2  # then resized bilinearly by this


class Stages(nn.Module):
    """Nearest upsampling by two, then `convs` convolutions, per stage."""

    def __init__(self, config: DecoderConfig):
        super().__init__()
        self.stages = nn.ModuleList()
        before = config.dim
        self.prior_stage = config.prior_stage
        for i, width in enumerate(config.widths):
            extra = config.prior_channels if i == config.prior_stage else 0
            self.stages.append(
                nn.ModuleList([ConvBn(before + extra if k == 0 else width, width) for k in range(config.convs)])
            )
            before = width

    def forward(self, x: Tensor, prior: Tensor | None) -> list[Tensor]:
        """x [b, D, g, g], prior [b, 4, a, a] or None -> features after each stage"""
        features = []
        for i, convs in enumerate(self.stages):
            x = upsample(x, 2, "nearest")
            if prior is not None and i == self.prior_stage:
                x = torch.cat([x, prior], dim=1)
            for conv in convs:
                x = conv(x)
            features.append(x)
        return features


class Decoder(nn.Module):
    def __init__(self, config: DecoderConfig):
        super().__init__()
        self.config = config
        self.stages = Stages(config)
        self.identity_stages = Stages(config) if config.two_towers else None
        width = config.widths[-1]
        self.identity = nn.Conv2d(width, config.identity_channels, 3, padding=1)
        self.middle = ConvBn(width, config.attribute_width) if config.attribute_width else None
        self.attributes = nn.Conv2d(config.attribute_width or width, 14 * config.depth_to_space**2, 3, padding=1)
        nn.init.normal_(self.attributes.weight, std=1e-3)
        nn.init.zeros_(self.attributes.bias)

    def forward(self, features: Tensor, prior: Tensor | None = None) -> tuple[Tensor, Tensor, list[Tensor]]:
        """features [b, D, g, g] -> identity features [b, C, h, w], attribute residuals [b, 14, H, W], features after
        each stage"""
        stages = self.stages(features, prior)
        identity = self.identity((self.identity_stages(features, prior) if self.identity_stages else stages)[-1])
        x = stages[-1] if self.middle is None else self.middle(stages[-1])
        attributes = self.attributes(x)
        if self.config.depth_to_space > 1:
            attributes = F.pixel_shuffle(attributes, self.config.depth_to_space)
        return identity, upsample(attributes, self.config.upsample), stages
