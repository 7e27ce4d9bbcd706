"""The paper by itself: its equations 1 to 9 in their order, with their names. Ours is beside it, in `ours`.

    f_i        = E(I_i)                     (1)   FoundationTransformer
    F_agg      = SelfAttn(f_1, ..., f_N)    (2)   Fusion.self_attention
    F_Q        = CrossAttn(Q_H, F_agg)      (3)   Fusion.cross_attention; Q_H are the head query tokens
    F_UV       = F_Q as a map               (4)   Fusion.forward
    F_id, G_st = Decoder(F_UV)              (5)   Decoder
    F~_UV      = F_id + P_driving, stacked  (6)   driver_input; P_driving is `position_map` of headmodel/texels.py
    dG_dyn     = UNet(F~_UV)                (7)   UNet
    G_dyn      = G_st + M_dyn dG_dyn        (8)   dynamic_gaussians
    I          = R(LBS(G_dyn), camera)      (9)   linear_blend_skinning; R is rasterizer/

The rest of the paper: distribution adjustment (3.2) in synth/adjustment.py; losses of pictures, regularization and
their sum (10, 12, 13) in losses/image.py; mouth loss (11) in losses/mouth.py; refinement (14) in refine/parameters.py.
`Avatar` (avatar.py) runs them one after the other."""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import AttentionLayer, ConvBn, Linear, sincos_positions, upsample
from .config import EncoderConfig
from .dino_vit import DinoVit


class FoundationTransformer(nn.Module):
    """Equation 1: E, a frozen vision transformer (DINOv3). Outputs of several blocks are concatenated and projected to
    D by the only trained weights. Without a checkpoint its weights are random."""

    def __init__(self, config: EncoderConfig):
        super().__init__()
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
        """photo I_i [b, 3, 512, 512], scaled by encoder.py -> f_i as a map [b, D, 32, 32]"""
        with torch.no_grad():
            photo = x / 4 + 0.5  # undo the encoder's scaling
            if photo.shape[-1] != self.size:
                photo = F.interpolate(photo, size=(self.size, self.size), mode="bilinear", antialias=True)
            taps = self.backbone((photo - self.mean) / self.deviation)
        return self.project(torch.cat(taps, dim=-1)).transpose(1, 2).reshape(x.shape[0], -1, self.grid, self.grid)


class Fusion(nn.Module):
    """Equations 2 to 4: tokens of any number of photos to one UV feature map of fixed size.

    No token says which photo it is of, so neither the order of the photos nor their number is fixed."""

    def __init__(self, dim: int, heads: int, mlp_ratio: int, self_layers: int, cross_layers: int, query_grid: int):
        super().__init__()
        self.self_layers = nn.ModuleList(AttentionLayer(dim, heads, mlp_ratio) for _ in range(self_layers))
        self.cross_layers = nn.ModuleList(
            AttentionLayer(dim, heads, mlp_ratio, cross=True) for _ in range(cross_layers)
        )
        self.queries = nn.Parameter(sincos_positions(query_grid, dim))
        self.norm = nn.LayerNorm(dim)
        self.grid = query_grid

    @property
    def head_query_tokens(self) -> Tensor:
        """Q_H [N_H, D]: learned anchors in UV space that ask the photos' tokens. They start as positions (ours). Files
        of weights know them as `queries`."""
        return self.queries

    def self_attention(self, tokens: Tensor) -> Tensor:
        """Equation 2: tokens f_1 .. f_N of all photos [b, N·L, D] -> F_agg [b, N·L, D], each heard by all others."""
        for layer in self.self_layers:
            tokens = layer(tokens)
        return tokens

    def cross_attention(self, queries: Tensor, aggregated: Tensor) -> Tensor:
        """Equation 3: Q_H [b, N_H, D], F_agg [b, N·L, D] -> F_Q [b, N_H, D], what the head query tokens find."""
        for layer in self.cross_layers:
            queries = layer(queries, aggregated)
        return queries

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """f_1 .. f_N [b, N, L, D] -> F_UV [b, D, H, W], F_agg by photo [b, N, L, D]"""
        b, n, length, dim = tokens.shape
        aggregated = self.self_attention(tokens.reshape(b, n * length, dim))
        found = self.cross_attention(self.head_query_tokens.expand(b, -1, -1), aggregated)
        # equation 4: F_Q is a map, N_H = H·W; the layer norm is ours
        features = self.norm(found).transpose(1, 2).reshape(b, dim, self.grid, self.grid)
        return features, aggregated.reshape(b, n, length, dim)


class Stages(nn.Module):
    """Convolutions that double a map's resolution, stage by stage."""

    def __init__(self, dim: int, widths: tuple[int, ...], convs: int):
        super().__init__()
        self.stages = nn.ModuleList()
        for before, width in zip((dim, *widths), widths):
            self.stages.append(nn.ModuleList([ConvBn(before if k == 0 else width, width) for k in range(convs)]))

    def forward(self, x: Tensor) -> Tensor:
        """[b, D, g, g] -> [b, widths[-1], g·2^n, g·2^n]"""
        for convs in self.stages:
            x = upsample(x, 2, "nearest")
            for conv in convs:
                x = conv(x)
        return x


class Decoder(nn.Module):
    """Equation 5: convolutional heads that turn F_UV into identity features and static Gaussian attributes."""

    def __init__(self, dim: int, widths: tuple[int, ...], convs: int, identity_channels: int):
        super().__init__()
        self.stages = Stages(dim, widths, convs)
        self.identity_stages = Stages(dim, widths, convs)
        self.identity = nn.Conv2d(widths[-1], identity_channels, 3, padding=1)
        self.attributes = nn.Conv2d(widths[-1], 14, 3, padding=1)
        nn.init.normal_(self.attributes.weight, std=1e-3)
        nn.init.zeros_(self.attributes.bias)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """F_UV [b, D, g, g] -> F_id [b, C, H, W], G_st [b, 14, H, W], as a residual to the mean head (ours)"""
        return self.identity(self.identity_stages(features)), self.attributes(self.stages(features))


def driver_input(identity: Tensor, position_map: Tensor) -> Tensor:
    """Equation 6: F_id [b, C, H, W] and P_driving [b, 3, H, W] along the channels -> [b, C + 3, H, W]"""
    return torch.cat([identity, position_map], dim=1)


class UNet(nn.Module):
    """Equations 6 and 7: the driver. Four downs, four ups; two convolutions per level and the base width are ours."""

    def __init__(self, identity_channels: int, widths: tuple[int, ...]):
        super().__init__()
        w = widths
        double = lambda a, b: nn.Sequential(ConvBn(a, b), ConvBn(b, b))
        self.enter = double(identity_channels + 3, w[0])
        self.down = nn.ModuleList(double(a, b) for a, b in zip(w, w[1:]))
        self.up = nn.ModuleList(double(b + a, a) for a, b in zip(w, w[1:]))
        self.out = nn.Conv2d(w[0], 14, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, identity: Tensor, position_map: Tensor) -> Tensor:
        """F_id [b, C, H, W], P_driving [b, 3, H, W] -> dG_dyn [b, 14, H, W]; H must be a multiple of 16"""
        x = self.enter(driver_input(identity, position_map))
        skips = [x]
        for level in self.down:
            x = level(F.max_pool2d(x, 2))
            skips.append(x)
        for skip, level in zip(reversed(skips[:-1]), reversed(self.up)):
            x = level(torch.cat([upsample(x, 2, "nearest"), skip], dim=1))
        return self.out(x)


def dynamic_gaussians(static: Tensor, delta: Tensor, dynamic: Tensor) -> Tensor:
    """Equation 8: G_dyn = G_st + M_dyn · dG_dyn, element by element; M_dyn is 1 on face, mouth and eyes, else 0."""
    return static + delta * dynamic


def linear_blend_skinning(
    position: Tensor, rotation: Tensor, matrix: Tensor, translation: Tensor, turn: Tensor
) -> tuple[Tensor, Tensor]:
    """Equation 9, LBS(G_dyn): positions [n, 3] (m) and rotations [n, 3, 3] of Gaussians, moved by their blended joints.

    matrix [n, 3, 3] and translation [n, 3] are the joints' matrices blended by the skinning weights. A blend of
    rotations is no rotation: `turn` [n, 3, 3] is the one nearest to `matrix` (ours)."""
    return torch.einsum("nkl,nl->nk", matrix, position) + translation, turn @ rotation
