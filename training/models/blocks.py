"""Small building blocks that two or more networks share: convolution with batch norm, attention layer, positions,
sampling by gathers."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Linear(nn.Module):
    """`x @ weight + bias` with weight [in, out]: the ONNX initialiser then keeps this name and layout, which the resume
    path relies on."""

    def __init__(self, inputs: int, outputs: int, bias: bool = True):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        nn.init.trunc_normal_(self.weight, std=1 / math.sqrt(inputs))

    def forward(self, x: Tensor) -> Tensor:
        """[..., in] -> [..., out]"""
        y = x @ self.weight
        return y if self.bias is None else y + self.bias


class ConvBn(nn.Module):
    """Convolution, batch norm, optional ReLU. `fold` merges the norm into the convolution; batch norm is then an
    identity."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, groups: int = 1, activation: str = "relu"
    ):
        super().__init__()
        padding = kernel // 2 if stride == 1 or kernel % 2 else 0
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs, momentum=0.05)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """[b, in, h, w] -> [b, out, h / stride, w / stride]"""
        x = self.bn(self.conv(x))
        if self.activation == "relu":
            return F.relu(x)
        return F.relu6(x) if self.activation == "relu6" else x

    def fold(self) -> None:
        """Merge the running statistics into the convolution (evaluation mode only afterwards)."""
        if isinstance(self.bn, nn.Identity):
            return
        self.conv = torch.nn.utils.fusion.fuse_conv_bn_eval(self.conv.eval(), self.bn.eval())
        self.bn = nn.Identity()


def fold_batch_norm(module: nn.Module) -> nn.Module:
    """Fold every ConvBn of `module` in place and return it."""
    for child in module.modules():
        if isinstance(child, ConvBn):
            child.fold()
    return module


class Attention(nn.Module):
    """Multi-head attention without masks. Queries [b, q, d], context [b, k, d] -> [b, q, d]."""

    def __init__(self, dim: int, heads: int):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (Linear(dim, dim) for _ in range(4))

    def _split(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)  # b heads n d/heads

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        query, key, value = self._split(self.query(x)), self._split(self.key(context)), self._split(self.value(context))
        if torch.onnx.is_in_onnx_export():
            weights = torch.softmax(query @ key.transpose(-1, -2) * (1 / math.sqrt(query.shape[-1])), dim=-1)
            attended = weights @ value
        else:
            attended = F.scaled_dot_product_attention(query, key, value)
        return self.out(attended.transpose(1, 2).reshape(x.shape))


class AttentionLayer(nn.Module):
    """Pre-norm transformer layer: attention to `context` (self-attention when none is given), then a ReLU MLP."""

    def __init__(self, dim: int, heads: int, mlp_ratio: int, cross: bool = False):
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.context_norm = nn.LayerNorm(dim) if cross else None
        self.attention = Attention(dim, heads)
        self.mlp_norm = nn.LayerNorm(dim)
        self.expand, self.contract = Linear(dim, dim * mlp_ratio), Linear(dim * mlp_ratio, dim)

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """x [b, n, d], context [b, k, d] -> [b, n, d]"""
        normed = self.norm(x)
        x = x + self.attention(normed, normed if self.context_norm is None else self.context_norm(context))
        return x + self.contract(F.relu(self.expand(self.mlp_norm(x))))


def sincos_positions(grid: int, dim: int) -> Tensor:
    """Fixed 2-D sine-cosine positions of a grid x grid raster, row major: [grid², dim]."""
    # ours: up to the Nyquist rate of the grid
    frequencies = math.pi * 2 ** torch.linspace(0, math.log2(grid), dim // 4)
    centre = (torch.arange(grid) + 0.5) / grid
    angles = centre[:, None] * frequencies
    wave = torch.cat([angles.sin(), angles.cos()], dim=1)  # grid dim/2
    rows = wave[:, None].expand(grid, grid, -1)
    columns = wave[None].expand(grid, grid, -1)
    return torch.cat([columns, rows], dim=-1).reshape(grid * grid, -1)


def grid_centres(grid: int) -> Tensor:
    """x, y in 0..1 (right, down) of the cells of a grid x grid raster, row major: [grid², 2]."""
    centre = (torch.arange(grid) + 0.5) / grid
    return torch.stack([centre[None].expand(grid, grid), centre[:, None].expand(grid, grid)], dim=-1).reshape(-1, 2)


def upsample(x: Tensor, factor: int, mode: str = "bilinear") -> Tensor:
    """[b, c, h, w] -> [b, c, h * factor, w * factor]; bilinear with half-pixel centres."""
    if factor == 1:
        return x
    return F.interpolate(x, scale_factor=factor, mode=mode, align_corners=False if mode == "bilinear" else None)


def space_to_depth(x: Tensor, factor: int) -> Tensor:
    """Inverse of depth-to-space by reshape and transpose (SpaceToDepth has no WebGPU kernel): [b, c, h, w] -> [b, c f²,
    h / f, w / f]."""
    b, c, h, w = x.shape
    x = x.reshape(b, c, h // factor, factor, w // factor, factor).permute(0, 1, 3, 5, 2, 4)
    return x.reshape(b, c * factor * factor, h // factor, w // factor)


def sample_bilinear(images: Tensor, xy: Tensor) -> Tensor:
    """Bilinear samples by four gathers (GridSample has no WebGPU kernel). Outside coordinates take the nearest edge
    pixel.

    images [m, c, s, s], xy [m, 2, h, w] in 0..1 (right, down; pixel centres at (i + 0.5) / s) -> [m, c, h, w]
    """
    m, c, s, _ = images.shape
    h, w = xy.shape[-2:]
    table = images.permute(0, 2, 3, 1).reshape(m * s * s, c)
    position = (xy * s - 0.5).clamp(0, s - 1)
    corner = position.detach().floor().clamp(max=s - 2)
    fraction = position - corner
    start = (torch.arange(m, dtype=torch.float32, device=xy.device) * (s * s)).reshape(m, 1, 1)
    index = (start + corner[:, 1] * s + corner[:, 0]).reshape(-1).to(torch.int32)  # exact in f32 up to 2^24
    fx, fy = (fraction[:, i].reshape(-1, 1) for i in (0, 1))
    top = F.embedding(index, table) * (1 - fx) + F.embedding(index + 1, table) * fx
    bottom = F.embedding(index + s, table) * (1 - fx) + F.embedding(index + s + 1, table) * fx
    return (top * (1 - fy) + bottom * fy).reshape(m, h, w, c).permute(0, 3, 1, 2)
