"""A ViT of DINOv2's and DINOv3's shape (patch embedding, class and register tokens, layer scale), frozen in paper-400.

No weights ship; dino_checkpoint.py loads a user's own. Random weights serve tests and dry runs."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

REGISTERS = 4  # DINOv3 has four register tokens


class VitBlock(nn.Module):
    def __init__(self, dim: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.fc1, self.fc2 = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)
        self.scale1, self.scale2 = nn.Parameter(torch.full((dim,), 1e-5)), nn.Parameter(torch.full((dim,), 1e-5))

    def forward(self, x: Tensor, rotation: tuple[Tensor, Tensor] | None) -> Tensor:
        """[b, n, d] -> [b, n, d]; rotation: cosine and sine [patches, d / heads], None for learned positions"""
        b, n, d = x.shape
        # b heads n d/heads
        all_three = self.qkv(self.norm1(x)).reshape(b, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        query, key, value = all_three[0], all_three[1], all_three[2]
        if rotation is not None:
            query, key = rotate(query, rotation), rotate(key, rotation)
        attended = F.scaled_dot_product_attention(query, key, value)
        x = x + self.scale1 * self.proj(attended.transpose(1, 2).reshape(b, n, d))
        return x + self.scale2 * self.fc2(F.gelu(self.fc1(self.norm2(x))))


def rotate(x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """Rotary positions on the patch tokens (the last ones) of [b, heads, n, c]."""
    cosine, sine = rotation
    extra = x.shape[2] - cosine.shape[0]
    patches = x[:, :, extra:]
    half = patches.shape[-1] // 2
    first, second = patches[..., :half], patches[..., half:]
    # by slices and a product: these have WebGPU kernels, Split and Neg have none here
    turned = patches * cosine + torch.cat([second * -1, first], dim=-1) * sine
    return torch.cat([x[:, :, :extra], turned], dim=2)


def rotary_table(grid: int, channels: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosine and sine [grid², channels] of axial rotary positions, patch centres in -1..1, base 100."""
    centre = (torch.arange(grid, device=device) + 0.5) / grid * 2 - 1
    rows, columns = torch.meshgrid(centre, centre, indexing="ij")
    periods = 100.0 ** (torch.arange(channels // 4, device=device) * 4 / channels)
    angles = torch.cat([2 * torch.pi * axis.reshape(-1, 1) / periods for axis in (rows, columns)], dim=1).repeat(1, 2)
    return angles.cos(), angles.sin()


class DinoVit(nn.Module):
    """`positions`: rotary (DINOv3) or learned (DINOv2). DINOv2 without registers has `registers` 0."""

    def __init__(
        self,
        width: int,
        layers: int,
        heads: int,
        patch: int,
        grid: int,
        taps: tuple[int, ...],
        positions: str = "rotary",
        registers: int = REGISTERS,
    ):
        super().__init__()
        if positions not in ("rotary", "learned"):
            raise ValueError(f"ViT positions {positions!r}: wanted rotary or learned")
        self.patch_embed = nn.Conv2d(3, width, patch, patch)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.register_tokens = nn.Parameter(torch.zeros(1, registers, width))
        self.position_embed = nn.Parameter(torch.zeros(1, 1 + grid * grid, width)) if positions == "learned" else None
        if positions == "rotary":
            table = torch.stack(rotary_table(grid, width // heads, self.cls_token.device))
            self.register_buffer("rotary", table, persistent=False)
        self.blocks = nn.ModuleList(VitBlock(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        if positions == "learned":
            for module in self.modules():
                if isinstance(module, nn.LayerNorm):
                    module.eps = 1e-6  # DINOv2's; DINOv3 has PyTorch's 1e-5
        self.taps, self.head_channels, self.registers = taps, width // heads, registers

    def forward(self, x: Tensor) -> list[Tensor]:
        """[b, 3, s, s] normalised -> patch tokens [b, (s / patch)², width] of each tapped block, normalised, without
        class and registers"""
        patches = self.patch_embed(x)
        tokens = patches.flatten(2).transpose(1, 2)
        class_token, rotation = self.cls_token, None
        if self.position_embed is None:
            rotation = (self.rotary[0], self.rotary[1])
        else:
            class_token, tokens = class_token + self.position_embed[:, :1], tokens + self.position_embed[:, 1:]
        x = torch.cat([class_token.expand(len(x), -1, -1), self.register_tokens.expand(len(x), -1, -1), tokens], dim=1)
        outputs = []
        for i, block in enumerate(self.blocks):
            x = block(x, rotation)
            if i in self.taps:
                outputs.append(self.norm(x)[:, 1 + self.registers :])
        return outputs
