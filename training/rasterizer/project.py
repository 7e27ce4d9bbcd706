"""EWA projection of Gaussians (Zwicker et al. 2001, as in 3D Gaussian Splatting), differentiable by autograd.

The maths of synth/raster.cpp and of src/shaders/splatProject.wgsl: 0.3 px^2 dilation, falloff exp(-d^2/2), cut at
1/255."""

from typing import NamedTuple

import torch
from torch import Tensor

DILATION_PX2 = 0.3
NEAR = 0.05  # meters
ALPHA_CUT = 1 / 255


class Ellipses(NamedTuple):
    """Gaussians on the screen. Pixel centres are at (column + 0.5, row + 0.5)."""

    center: Tensor  # [n, 2] px, x right, y down
    conic: Tensor  # [n, 3] a, b, c of d^2 = a dx^2 + 2 b dx dy + c dy^2
    opacity: Tensor  # [n]; 0 behind the camera
    color: Tensor  # [n, 3]
    reach: Tensor  # [n, 2] px, half the box in which alpha is at least 1/255; no gradient
    depth: Tensor  # [n] meters in front of the camera; no gradient


def rotation_matrices(quaternion: Tensor) -> Tensor:
    """Quaternions [n, 4] x, y, z, w of any length -> [n, 3, 3]."""
    x, y, z, w = torch.nn.functional.normalize(quaternion, dim=-1, eps=1e-10).unbind(-1)
    rows = [
        torch.stack([1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)], -1),
        torch.stack([2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)], -1),
        torch.stack([2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)], -1),
    ]
    return torch.stack(rows, -2)


def project(
    mean: Tensor,
    rotation: Tensor,
    scale: Tensor,
    opacity: Tensor,
    color: Tensor,
    R: Tensor,
    t: Tensor,
    f: float,
    size: int,
) -> Ellipses:
    """mean and scale [n, 3] m, rotation [n, 3, 3], opacity [n], color [n, 3]; camera R [3, 3], t [3] m, f px; size in
    px."""
    camera = mean @ R.T + t
    depth = -camera[:, 2]
    safe = depth.clamp(min=NEAR)
    x, y = camera[:, 0] / safe, camera[:, 1] / safe
    center = torch.stack([0.5 * size + f * x, 0.5 * size - f * y], -1)
    zero = torch.zeros_like(x)
    jacobian = (f / safe)[:, None, None] * torch.stack(
        [torch.stack([zero + 1, zero, x], -1), torch.stack([zero, zero - 1, -y], -1)], -2
    )
    spread = (jacobian @ R) @ rotation * scale[:, None, :]  # [n, 2, 3]
    covariance = spread @ spread.transpose(1, 2)
    xx, xy, yy = covariance[:, 0, 0] + DILATION_PX2, covariance[:, 0, 1], covariance[:, 1, 1] + DILATION_PX2
    determinant = (xx * yy - xy * xy).clamp(min=1e-9)
    conic = torch.stack([yy, -xy, xx], -1) / determinant[:, None]
    shown = opacity * (depth > NEAR)
    with torch.no_grad():
        limit = 2 * torch.log((shown / ALPHA_CUT).clamp(min=1))
        reach = torch.sqrt(limit[:, None] * torch.stack([xx, yy], -1))
    return Ellipses(center, conic, shown, color, reach, depth.detach())
