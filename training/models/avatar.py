"""The whole model: the paper's networks one after the other (paper.py), and at marked places what is ours (ours/)."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import upsample
from .config import DecoderConfig, ModelConfig
from .driver import build_driver
from .encoder import Encoder
from .gaussians import OUTER_CHART, Gaussians
from .ours.decoder import LightDecoder
from .ours.pixel_skip import PixelSkip
from .ours.spacing import Spacing
from .paper import Decoder, Fusion

PRIOR_UNIT = 0.02  # meters per unit of the `prior` input
# ours: one unit of network output in each channel's own unit (m, logit, color, ln m, quaternion)
STATIC_UNIT = (0.02,) * 3 + (1.0,) + (0.5,) * 3 + (0.5,) * 3 + (0.2,) * 4
DELTA_UNIT = (0.01,) * 3 + (1.0,) + (0.2,) * 3 + (0.2,) * 3 + (0.2,) * 4


class Reconstruction(NamedTuple):
    static_map: Tensor  # b 14 H W, before activation: the paper's G_st
    identity_features: Tensor  # b C h w: the paper's F_id
    # what the pixel skip saw, None without one
    photo_coordinates: Tensor | None  # b n 3 a a: x, y, confidence 0..1
    own_coordinates: Tensor | None  # b n 2 m m: the soft-argmax alone, for its loss
    visibility_logit: Tensor | None  # b n 1 a a
    decoded_color: Tensor | None  # b 3 H W: color before the photo's pixels enter


def rows_beside_seam(size: int) -> Tensor:
    """For each row of a map the row it takes its values from: itself, but for the neck's last three of 256. Below them
    in the atlas lie eyes and teeth, and what is resized across the seam is neither (a light line around the neck)."""
    rows, end, width = torch.arange(size), round(OUTER_CHART * size), round(3 * size / 256)
    rows[end - width : end] = end - width - 1
    return rows


def build_decoder(config: DecoderConfig) -> nn.Module:
    """The paper's decoder where the config wants two towers, else ours. Raises ValueError where the paper's is wanted
    with what only ours has."""
    if not config.two_towers:
        return LightDecoder(config)
    if config.prior_channels or config.attribute_width or (config.depth_to_space, config.upsample) != (1, 1):
        raise ValueError("a decoder with two towers has neither prior nor attribute width, and resizes nothing")
    return Decoder(config.dim, config.widths, config.convs, config.identity_channels)


class Avatar(nn.Module):
    """Base maps are buffers: `base_rest` [7, H, W] (log scale 3, quaternion 4 of a surfel of the mean head), and
    `base_color` [1, 3, H/2, W/2]."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config
        f = config.fusion
        self.encoder = Encoder(config.encoder)
        self.fusion = Fusion(f.dim, f.heads, f.mlp_ratio, f.self_layers, f.cross_layers, f.query_grid)
        self.decoder = build_decoder(config.decoder)
        self.pixel_skip = (
            PixelSkip(config.pixel_skip, config.map_size, config.anchor_size) if config.pixel_skip else None
        )
        # photo pixels for the driver
        self.shown = nn.Conv2d(4, config.decoder.identity_channels, 1) if config.pixel_skip else None
        if self.shown is not None:
            nn.init.zeros_(self.shown.weight)
            nn.init.zeros_(self.shown.bias)
        self.driver = build_driver(config.driver, config.position_map_size)
        size = config.map_size
        rest = torch.tensor([math.log(0.001)] * 2 + [math.log(0.00025), 0.0, 0.0, 0.0, 1.0])
        self.register_buffer("base_rest", rest[:, None, None].repeat(1, size, size))
        color = torch.tensor([0.62, 0.46, 0.40])  # until the mean of the data replaces it (base_maps.py)
        self.register_buffer("base_color", color[None, :, None, None].repeat(1, 1, size // 2, size // 2))
        self.spacing = Spacing(size)
        self.register_buffer("rows", rows_beside_seam(size), persistent=False)
        self.register_buffer("static_unit", torch.tensor(STATIC_UNIT)[:, None, None])
        self.register_buffer("delta_unit", torch.tensor(DELTA_UNIT)[:, None, None])

    def forward(self, photos: Tensor, anchors: Tensor | None, prior: Tensor | None) -> Reconstruction:
        """photos [b, n, 3, S, S] -> Reconstruction"""
        b, n = photos.shape[:2]
        tokens = self.encode(photos.flatten(0, 1))
        return self.reconstruct(tokens.reshape(b, n, *tokens.shape[1:]), photos, anchors, prior)

    def encode(self, photo: Tensor) -> Tensor:
        """Equation 1: photo [b, 3, S, S] -> tokens [b, L, D]"""
        return self.encoder(photo)

    def reconstruct(
        self, tokens: Tensor, photos: Tensor, anchors: Tensor | None = None, prior: Tensor | None = None
    ) -> Reconstruction:
        """tokens [b, n, L, D], photos [b, n, 3, S, S], anchors [b, n, 3, a, a], prior [b, 4, a, a] (offset / 0.02 m,
        valid)"""
        features, aggregated = self.fusion(tokens)  # equations 2 to 4
        identity, residual, stages = self._decode(features, prior)  # equation 5
        gaussians = self._beside_mean(residual, prior)  # ours
        seen = (None,) * 4
        if self.pixel_skip is not None:  # ours
            gaussians, identity, seen = self._anchored(gaussians, identity, photos, anchors, aggregated, stages)
        return Reconstruction(self._closed(gaussians).maps(), identity, *seen)  # ours

    def drive(self, identity: Tensor, position_map: Tensor) -> Tensor:
        """Equations 6 and 7: identity features [b, C, h, w], position map [b, 3, P, P] -> delta map [b, 14, H, W]"""
        return upsample(self.drive_small(identity, position_map), self.config.map_size // self.config.position_map_size)

    def drive_small(self, identity: Tensor, position_map: Tensor) -> Tensor:
        """`drive` at the position map's size, as the losses need it: [b, 14, P, P]"""
        return self.driver(identity, position_map) * self.delta_unit

    # ------------------------------------------------------------------------------------------------------------ ours
    def _decode(self, features: Tensor, prior: Tensor | None) -> tuple[Tensor, Tensor, list[Tensor]]:
        """F_UV -> F_id, residuals of G_st, and the features by stage that the pixel skip matches with, F_UV first."""
        if isinstance(self.decoder, Decoder):
            return *self.decoder(features), [features]
        identity, residual, stages = self.decoder(features, self._used(prior))
        return identity, residual, [features, *stages]

    def _used(self, prior: Tensor | None) -> Tensor | None:
        return prior if self.config.decoder.prior_channels else None

    def _beside_mean(self, residual: Tensor, prior: Tensor | None) -> Gaussians:
        """Residuals in their units, position beside what the landmark fit says, color beside the mean color."""
        g = Gaussians.of(residual * self.static_unit)
        position, prior = g.position, self._used(prior)
        if prior is not None:
            factor = self.config.map_size // self.config.anchor_size
            offset = upsample(prior[:, :3] * prior[:, 3:], factor)
            valid = upsample(prior[:, 3:], factor)
            position = position + offset / (valid + 1e-4) * PRIOR_UNIT  # normalised, so that chart edges do not shrink
        return g._replace(position=position, color=g.color + upsample(self.base_color, 2))

    def _anchored(
        self,
        g: Gaussians,
        identity: Tensor,
        photos: Tensor,
        anchors: Tensor,
        aggregated: Tensor,
        stages: list[Tensor],
    ) -> tuple[Gaussians, Tensor, tuple[Tensor, ...]]:
        """Position and color corrected by the photos' own pixels (pixel_skip.py), identity features with what the
        photos show of each texel, and what a Reconstruction tells of it."""
        by_size = {int(stage.shape[-1]): stage for stage in stages}
        anchor = self.config.anchor_size
        coarse, fine = by_size[anchor // self.config.pixel_skip.match_upsample], by_size[anchor]
        own, xy, visibility, narrow, offset = self.pixel_skip.locate(
            photos, g.position, coarse, fine, aggregated, anchors
        )
        position = g.position + upsample(offset, self.config.map_size // anchor)
        color, decoded, shown = self.pixel_skip.paint(photos, xy, visibility, g.color, narrow)
        # teeth are dark in a mouth at rest: only what a smiling photo shows of them tells the driver how bright they
        # become
        identity = identity + self.shown(F.avg_pool2d(shown, self.config.map_size // int(identity.shape[-1])))
        coordinates = torch.cat([xy, torch.sigmoid(visibility)], dim=2)
        return g._replace(position=position, color=color), identity, (coordinates, own, visibility, decoded)

    def _closed(self, g: Gaussians) -> Gaussians:
        """No seam at the neck; shapes beside those of the mean head, opacity beside 0.95, and no gaps between Gaussians
        (spacing.py)."""
        g = Gaussians(*(x.index_select(2, self.rows) for x in g))
        rotation = g.rotation + self.base_rest[3:]
        log_scale = self.spacing(g.log_scale + self.base_rest[:3], g.position, rotation, self.base_rest)
        return g._replace(opacity=g.opacity + 3.0, log_scale=log_scale, rotation=rotation)
