"""The rasteriser in plain PyTorch: every pixel against every ellipse, gradients by autograd. Slow; what the kernels are
tested against."""

import torch
from torch import Tensor

from .project import ALPHA_CUT, Ellipses


def rasterize_reference(ellipses: Ellipses, width: int, height: int, background: Tensor) -> Tensor:
    """-> [4, height, width]: color over `background` [3], coverage. Memory grows with n * width * height."""
    order = torch.argsort(ellipses.depth, stable=True)
    center, conic, opacity, color = (part[order] for part in ellipses[:4])
    rows, columns = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    dx, dy = columns[None] - center[:, 0, None, None], rows[None] - center[:, 1, None, None]
    a, b, c = (part[:, None, None] for part in conic.unbind(-1))
    alpha = opacity[:, None, None] * torch.exp(-0.5 * (a * dx * dx + 2 * b * dx * dy + c * dy * dy))
    alpha = torch.where(alpha >= ALPHA_CUT, alpha, torch.zeros_like(alpha))
    after = torch.cumprod(1 - alpha, dim=0)
    weight = alpha * torch.cat([torch.ones_like(after[:1]), after[:-1]])
    picture = torch.einsum("nhw,nc->chw", weight, color) + after[-1] * background[:, None, None]
    return torch.cat([picture, 1 - after[-1:]])
