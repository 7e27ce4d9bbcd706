"""Photo to tokens, equation 1. One photo at a time: photos meet only in paper.Fusion.

Three trunks behind one contract `photo [b, 3, S, S] (RGB 0..1) -> tokens [b, L, D]`: `dino-vit` is the paper's
(paper-400, frozen), `conv` (nano-128) and `efficientnet-lite0` (web-256) are ours."""

from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import sincos_positions
from .config import EncoderConfig
from .ours.trunks import ConvTrunk, LiteTrunk
from .paper import FoundationTransformer

TRUNKS = {"conv": ConvTrunk, "efficientnet-lite0": LiteTrunk, "dino-vit": FoundationTransformer}


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
