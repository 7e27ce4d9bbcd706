"""Which ellipses touch which 16x16 tile, front to back."""

import torch
from torch import Tensor

from .project import ALPHA_CUT, Ellipses

TILE = 16


def tiles_across(size: int) -> int:
    return (size + TILE - 1) // TILE


@torch.no_grad()
def sort_into_tiles(ellipses: Ellipses, width: int, height: int) -> tuple[Tensor, Tensor]:
    """Returns ids [p] int32, ellipses per tile in order of depth, and start [tiles + 1] int32, row-major over tiles."""
    center, reach = ellipses.center, ellipses.reach
    across, down = tiles_across(width), tiles_across(height)
    limit = torch.tensor([across - 1, down - 1], device=center.device)
    # a pixel counts when its centre lies within reach; half a pixel of slack costs little
    low = torch.floor((center - reach - 0.5) / TILE).clamp(-1, 1 << 20).long()
    high = torch.floor((center + reach + 0.5) / TILE).clamp(-1, 1 << 20).long()
    low, high = low.clamp(min=0), torch.minimum(high, limit)
    extent = (high - low + 1).clamp(min=0)
    count = extent[:, 0] * extent[:, 1] * (ellipses.opacity >= ALPHA_CUT)
    order = torch.argsort(ellipses.depth, stable=True)
    count = count[order]
    owner = torch.repeat_interleave(order, count)
    first = torch.repeat_interleave(count.cumsum(0) - count, count)
    place = torch.arange(len(owner), device=owner.device) - first
    columns = extent[owner, 0]
    tile = (low[owner, 1] + place // columns) * across + low[owner, 0] + place % columns
    tile, rank = torch.sort(tile, stable=True)
    start = torch.searchsorted(tile, torch.arange(across * down + 1, device=tile.device))
    return owner[rank].int().contiguous(), start.int().contiguous()
