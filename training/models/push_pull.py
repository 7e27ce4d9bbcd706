"""Push-pull interpolation (Gortler et al., The Lumigraph, 1996): known values carried to unknown places, near ones
first."""

import torch
from torch import Tensor
from torch.nn import functional as F

from .blocks import upsample

FULL = 0.25  # mean weight from which a level no longer asks the coarser one


def push_pull(values: Tensor, weight: Tensor) -> Tensor:
    """values [b, c, s, s] times their weight, weight [b, 1, s, s] in 0..1, s a power of two -> [b, c, s, s]; 0 where
    all weights are 0."""
    levels = [torch.cat([values, weight], dim=1)]
    while levels[-1].shape[-1] > 1:
        levels.append(F.avg_pool2d(levels[-1], 2))
    mean = lambda level: level[:, :-1] / (level[:, -1:] + 1e-4)
    out = mean(levels[-1])
    for level in reversed(levels[:-1]):
        share = (level[:, -1:] / FULL).clamp(max=1)
        out = upsample(out, 2)
        out = out + share * (mean(level) - out)
    return out
