"""What a configuration file says of a model: sizes, and which of our additions it has (training/configs)."""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class EncoderConfig:
    trunk: str = "conv"  # conv | efficientnet-lite0 | dino-vit (the paper's)
    photo_size: int = 256  # pixels per side of the input photo
    trunk_size: int = 128  # the photo is average-pooled to this before the trunk
    token_grid: int = 16  # tokens per side: L = token_grid²
    dim: int = 128  # D, width of a token
    widths: tuple[int, ...] = (16, 48, 96)  # conv trunk: channels at trunk_size / 2, / 4, / 8
    vit_width: int = 1024  # dino-vit: ViT-L/16; the paper does not say which variant
    vit_layers: int = 24
    vit_heads: int = 16
    vit_taps: tuple[int, ...] = (5, 11, 17, 23)  # block outputs that form the "dense multi-scale features"
    vit_patch: int = 16  # 14 for DINOv2; the photo is resized to token_grid * vit_patch
    vit_positions: str = "rotary"  # learned for DINOv2
    vit_registers: int = 4
    vit_checkpoint: str = ""  # file or folder in Hugging Face layout; random weights without one


@dataclass(frozen=True)
class FusionConfig:
    dim: int = 128
    heads: int = 4
    mlp_ratio: int = 2
    self_layers: int = 3
    cross_layers: int = 3
    query_grid: int = 16  # head query tokens per side of the UV map


@dataclass(frozen=True)
class DecoderConfig:
    dim: int = 128  # channels of the UV features
    widths: tuple[int, ...] = (96, 32)  # one stage per entry, each doubles the resolution
    convs: int = 2  # convolutions per stage
    two_towers: bool = False  # the paper's: stages of their own for identity features and attributes, and none of what
    # follows here but `identity_channels`
    prior_channels: int = 4  # landmark-fit prior, joined at the entry of stage `prior_stage`; 0 = none
    prior_stage: int = 1  # the stage whose size is the anchor size
    identity_channels: int = 16
    attribute_width: int = 0  # one more convolution before the attribute head; 0 = none
    depth_to_space: int = 2  # attributes are predicted at stage size and shuffled up by this
    upsample: int = 2  # then resized bilinearly by this


@dataclass(frozen=True)
class DriverConfig:
    # light (ours: half size, strided 2x2 downs, residual levels) | plain (paper: two convolutions per level)
    kind: str = "light"
    identity_channels: int = 16
    # per level, from fine to coarse; the paper gives the depth (4 downs), not the width
    widths: tuple[int, ...] = (32, 40, 64, 96)
    # light: millimeters of an expression against decimeters of a head; without it the lids did not learn
    displacement_gain: float = 20.0


@dataclass(frozen=True)
class PixelSkipConfig:
    dim: int = 128  # token width
    token_grid: int = 16
    match_channels: int = 96  # channels of the UV features that form the match queries (coarse stage)
    match_dim: int = 64
    value_dim: int = 16  # token content carried to each texel
    cross_mlp_ratio: int = 0  # > 0: queries first attend to each photo's own tokens (web-256)
    fine_channels: int = 32  # channels of the UV features at anchor size
    hidden: int = 32
    match_upsample: int = 2  # match grid to anchor grid
    color_upsample: int = 4  # anchor grid to map size
    refine_width: int = 16
    align_widths: tuple[int, ...] = ()  # levels of the second look's UNet; empty = none
    inpaint_widths: tuple[int, ...] = ()  # levels of a UNet that carries seen colors to unseen texels; empty = none


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
