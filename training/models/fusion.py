"""Tokens of all photos to one UV feature map: self-attention over the concatenated tokens, then the head query tokens
cross-attend to them (paper eq. 2-4; Q_H is `Fusion.queries`).

There is no per-photo position term, so the result does not depend on the order of the photos."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .blocks import AttentionLayer, sincos_positions


@dataclass(frozen=True)
class FusionConfig:
    dim: int = 128
    heads: int = 4
    mlp_ratio: int = 2
    self_layers: int = 3
    cross_layers: int = 3
    query_grid: int = 16  # head query tokens per side of the UV map


class Fusion(nn.Module):
    def __init__(self, config: FusionConfig):
        super().__init__()
        self.config = config
        self.self_layers = nn.ModuleList(
            AttentionLayer(config.dim, config.heads, config.mlp_ratio) for _ in range(config.self_layers)
        )
        self.cross_layers = nn.ModuleList(
            AttentionLayer(config.dim, config.heads, config.mlp_ratio, cross=True) for _ in range(config.cross_layers)
        )
        self.queries = nn.Parameter(sincos_positions(config.query_grid, config.dim))
        self.norm = nn.LayerNorm(config.dim)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """tokens [b, n, L, D] of n photos -> UV features [b, D, g, g], fused tokens [b, n, L, D]"""
        b, n, length, dim = tokens.shape
        fused = tokens.reshape(b, n * length, dim)
        for layer in self.self_layers:
            fused = layer(fused)
        queries = self.queries.expand(b, -1, -1)
        for layer in self.cross_layers:
            queries = layer(queries, fused)
        grid = self.config.query_grid
        features = self.norm(queries).transpose(1, 2).reshape(b, dim, grid, grid)
        return features, fused.reshape(b, n, length, dim)


def repeat_photos(tokens: Tensor, times: int) -> Tensor:
    """Every photo `times` times, [b, n, L, D] -> [b, n * times, L, D]: an exact no-op for softmax attention over
    keys."""
    return torch.cat([tokens] * times, dim=1)
