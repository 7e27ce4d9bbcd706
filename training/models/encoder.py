"""Photo to tokens. One photo at a time: photos meet only in fusion.py.

Three trunks behind one contract `photo [b, 3, S, S] (RGB 0..1) -> tokens [b, L, D]`:
`conv` (nano-128), `efficientnet-lite0` (web-256) and `dino-vit` (paper-400, frozen)."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import ConvBn, Linear, sincos_positions


@dataclass(frozen=True)
class EncoderConfig:
    trunk: str = "conv"  # conv | efficientnet-lite0 | dino-vit
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


class DinoTrunk(nn.Module):
    """Frozen ViT; several block outputs concatenated and projected to D by the only trained weights of the encoder."""

    def __init__(self, config: EncoderConfig):
        super().__init__()
        from .dino_vit import DinoVit

        c, self.size = config, config.token_grid * config.vit_patch
        self.backbone = DinoVit(
            c.vit_width,
            c.vit_layers,
            c.vit_heads,
            c.vit_patch,
            c.token_grid,
            c.vit_taps,
            c.vit_positions,
            c.vit_registers,
        )
        if c.vit_checkpoint:
            from .dino_checkpoint import load_dino

            load_dino(self.backbone, Path(c.vit_checkpoint))
        self.backbone.requires_grad_(False)
        # ImageNet's, as DINO wants
        mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        self.register_buffer("mean", mean[:, None, None], persistent=False)
        self.register_buffer("deviation", deviation[:, None, None], persistent=False)
        self.project = Linear(config.vit_width * len(config.vit_taps), config.dim)
        self.grid = config.token_grid

    def forward(self, x: Tensor) -> Tensor:
        """[b, 3, 512, 512] -> [b, D, 32, 32]"""
        with torch.no_grad():
            photo = x / 4 + 0.5  # undo the encoder's scaling
            if photo.shape[-1] != self.size:
                photo = F.interpolate(photo, size=(self.size, self.size), mode="bilinear", antialias=True)
            taps = self.backbone((photo - self.mean) / self.deviation)
        return self.project(torch.cat(taps, dim=-1)).transpose(1, 2).reshape(x.shape[0], -1, self.grid, self.grid)


TRUNKS = {"conv": ConvTrunk, "efficientnet-lite0": LiteTrunk, "dino-vit": DinoTrunk}


class Encoder(nn.Module):
    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.config = config
        self.trunk = TRUNKS[config.trunk](config)
        learned = sincos_positions(config.token_grid, config.dim)
        self.positions = nn.Parameter(learned) if config.trunk != "dino-vit" else None

    def forward(self, photo: Tensor) -> Tensor:
        """photo [b, 3, S, S], RGB 0..1 sRGB-encoded -> tokens [b, L, D]"""
        factor = self.config.photo_size // self.config.trunk_size
        x = photo if factor == 1 else F.avg_pool2d(photo, factor)
        x = self.trunk((x - 0.5) * 4)  # ours: roughly unit variance
        tokens = x.flatten(2).transpose(1, 2)  # b (h w) d
        return tokens if self.positions is None else tokens + self.positions
