"""The whole model: encoder, reconstructor (fusion, decoder, pixel skip) and driver, with the base maps they add
residuals to."""

import dataclasses
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import upsample
from .decoder import Decoder, DecoderConfig
from .driver import DriverConfig, build_driver
from .encoder import Encoder, EncoderConfig
from .fusion import Fusion, FusionConfig
from .pixel_skip import PixelSkip, PixelSkipConfig
from .spacing import Spacing

CHANNELS = {
    "position": slice(0, 3),
    "opacity": slice(3, 4),
    "color": slice(4, 7),
    "log_scale": slice(7, 10),
    "rotation": slice(10, 14),
}
OUTER_CHART = 0.875  # of the atlas, from the top: face, scalp, ears, neck; eyes and mouth lie below
PRIOR_UNIT = 0.02  # meters per unit of the `prior` input
# ours: one unit of network output in each channel's own unit (m, logit, color, ln m, quaternion)
STATIC_UNIT = (0.02,) * 3 + (1.0,) + (0.5,) * 3 + (0.5,) * 3 + (0.2,) * 4
DELTA_UNIT = (0.01,) * 3 + (1.0,) + (0.2,) * 3 + (0.2,) * 3 + (0.2,) * 4


@dataclass(frozen=True)
class ModelConfig:
    name: str = "nano-128"
    map_size: int = 256  # texels per side of the static and delta maps
    anchor_size: int = 64  # texels per side of anchors, prior and photo coordinates; 0 = no pixel skip
    position_map_size: int = 128
    max_photos: int = 4
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    fusion: FusionConfig = field(default_factory=FusionConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    driver: DriverConfig = field(default_factory=DriverConfig)
    pixel_skip: PixelSkipConfig | None = field(default_factory=PixelSkipConfig)

    @staticmethod
    def load(name: str) -> "ModelConfig":
        """Read training/configs/<name with underscores>.json; missing keys keep their default, unknown keys raise
        TypeError."""
        path = Path(__file__).parents[1] / "configs" / f"{name.replace('-', '_')}.json"
        return ModelConfig.from_dict(json.loads(path.read_text())["model"])

    @staticmethod
    def from_dict(values: dict) -> "ModelConfig":
        parts = {
            f.name: f.default_factory
            for f in dataclasses.fields(ModelConfig)
            if f.default_factory is not dataclasses.MISSING
        }
        tuples = lambda d: {k: tuple(v) if isinstance(v, list) else v for k, v in d.items()}
        return ModelConfig(
            **{k: parts[k](**tuples(v)) if k in parts and v is not None else v for k, v in values.items()}
        )

    def to_dict(self) -> dict:
        return dataclasses.asdict(self)


class Reconstruction(NamedTuple):
    static_map: Tensor  # b 14 H W, before activation
    identity_features: Tensor  # b C h w
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


class Avatar(nn.Module):
    """Base maps are buffers: `base_rest` [7, H, W] (log scale 3, quaternion 4 of a surfel of the mean head), and
    `base_color` [1, 3, H/2, W/2]."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config
        self.encoder = Encoder(config.encoder)
        self.fusion = Fusion(config.fusion)
        self.decoder = Decoder(config.decoder)
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

    def encode(self, photo: Tensor) -> Tensor:
        """[b, 3, S, S] -> [b, L, D]"""
        return self.encoder(photo)

    def reconstruct(
        self, tokens: Tensor, photos: Tensor, anchors: Tensor | None = None, prior: Tensor | None = None
    ) -> Reconstruction:
        """tokens [b, n, L, D], photos [b, n, 3, S, S], anchors [b, n, 3, a, a], prior [b, 4, a, a] (offset / 0.02 m,
        valid)"""
        features, fused = self.fusion(tokens)
        use_prior = prior if self.config.decoder.prior_channels else None
        identity, residual, stages = self.decoder(features, use_prior)
        static = residual * self.static_unit
        position, opacity, color, log_scale, rotation = (static[:, channels] for channels in CHANNELS.values())
        if use_prior is not None:
            factor = self.config.map_size // self.config.anchor_size
            offset = upsample(prior[:, :3] * prior[:, 3:], factor)
            valid = upsample(prior[:, 3:], factor)
            position = position + offset / (valid + 1e-4) * PRIOR_UNIT  # normalised, so that chart edges do not shrink
        color = color + upsample(self.base_color, 2)
        coordinates = own = visibility = decoded = None
        if self.pixel_skip is not None:
            by_size = {int(stage.shape[-1]): stage for stage in (features, *stages)}
            anchor = self.config.anchor_size
            coarse, fine = by_size[anchor // self.config.pixel_skip.match_upsample], by_size[anchor]
            own, xy, visibility, narrow, offset = self.pixel_skip.locate(photos, position, coarse, fine, fused, anchors)
            position = position + upsample(offset, self.config.map_size // anchor)
            color, decoded, shown = self.pixel_skip.paint(photos, xy, visibility, color, narrow)
            # teeth are dark in a mouth at rest: only what a smiling photo shows of them tells the driver how bright
            # they become
            identity = identity + self.shown(F.avg_pool2d(shown, self.config.map_size // int(identity.shape[-1])))
            coordinates = torch.cat([xy, torch.sigmoid(visibility)], dim=2)
        position, opacity, color, log_scale, rotation = (
            x.index_select(2, self.rows) for x in (position, opacity, color, log_scale, rotation)
        )
        rotation = rotation + self.base_rest[3:]
        log_scale = self.spacing(log_scale + self.base_rest[:3], position, rotation, self.base_rest)
        maps = torch.cat([position, opacity + 3.0, color, log_scale, rotation], dim=1)
        return Reconstruction(maps, identity, coordinates, own, visibility, decoded)

    def drive(self, identity: Tensor, position_map: Tensor) -> Tensor:
        """identity features [b, C, h, w], position map [b, 3, P, P] -> delta map [b, 14, H, W]"""
        return upsample(self.drive_small(identity, position_map), self.config.map_size // self.config.position_map_size)

    def drive_small(self, identity: Tensor, position_map: Tensor) -> Tensor:
        """`drive` at the position map's size, as the losses need it: [b, 14, P, P]"""
        return self.driver(identity, position_map) * self.delta_unit

    def forward(self, photos: Tensor, anchors: Tensor | None, prior: Tensor | None) -> Reconstruction:
        """photos [b, n, 3, S, S] -> Reconstruction"""
        b, n = photos.shape[:2]
        tokens = self.encode(photos.flatten(0, 1))
        return self.reconstruct(tokens.reshape(b, n, *tokens.shape[1:]), photos, anchors, prior)
