"""Blending of ellipses front to back, with gradients.

Backends: `cpu` (tiles.cpp), `cuda` (tiles.cu, built by nvcc on first use), `gsplat` (if installed); `auto` takes the
device's."""

import ctypes
from ctypes import c_int, c_void_p

import torch
from torch import Tensor

from ..native import load
from .project import Ellipses
from .tiles import sort_into_tiles


def rasterize(ellipses: Ellipses, width: int, height: int, background: Tensor, backend: str = "auto") -> Tensor:
    """-> [4, height, width]: color over `background` [3], coverage. Gradients reach center, conic, opacity and color.

    Raises RuntimeError when the backend cannot be built or launched, ValueError for an unknown one."""
    if backend == "auto":
        backend = "cuda" if ellipses.center.is_cuda else "cpu"
    if backend == "gsplat":
        return _gsplat(ellipses, width, height, background)
    if backend not in ("cpu", "cuda"):
        raise ValueError(f"rasterizer backend {backend!r}: wanted auto, cpu, cuda or gsplat")
    ids, start = sort_into_tiles(ellipses, width, height)
    return _Blend.apply(*ellipses[:4], ids, start, background, width, height)


class _Blend(torch.autograd.Function):
    @staticmethod
    def forward(ctx, center, conic, opacity, color, ids, start, background, width, height):
        parts = [p.detach().float().contiguous() for p in (center, conic, opacity, color)]
        picture = center.new_empty(4, height, width, dtype=torch.float32)
        _call("rasterize_forward", width, height, *parts, ids, start, background.float().contiguous(), picture)
        ctx.save_for_backward(*parts, ids, start, picture)
        ctx.size = width, height
        return picture

    @staticmethod
    def backward(ctx, gradient):
        *parts, ids, start, picture = ctx.saved_tensors
        gradients = [torch.zeros_like(p) for p in parts]
        _call("rasterize_backward", *ctx.size, *parts, ids, start, picture, gradient.float().contiguous(), *gradients)
        return *gradients, None, None, None, None, None


def _call(name: str, width: int, height: int, *tensors: Tensor) -> None:
    pointers = [c_void_p(tensor.data_ptr()) for tensor in tensors]
    if not tensors[0].is_cuda:
        getattr(load("rasterizer/tiles.cpp"), name)(c_int(width), c_int(height), *pointers)
        return
    stream = c_void_p(torch.cuda.current_stream(tensors[0].device).cuda_stream)
    function = getattr(load("rasterizer/tiles.cu"), name)
    function.restype = ctypes.c_int
    with torch.cuda.device(tensors[0].device):
        status = function(c_int(width), c_int(height), *pointers, stream)
    if status:
        raise RuntimeError(f"{name} failed with CUDA error {status}")


def _gsplat(ellipses: Ellipses, width: int, height: int, background: Tensor) -> Tensor:
    import gsplat  # optional: pip install gsplat

    tile = 16
    across, down = (width + tile - 1) // tile, (height + tile - 1) // tile
    radii = ellipses.reach.ceil().int()[None]
    _, crossings, flat = gsplat.isect_tiles(ellipses.center[None], radii, ellipses.depth[None], tile, across, down)
    offsets = gsplat.isect_offset_encode(crossings, 1, across, down)
    picture, coverage = gsplat.rasterize_to_pixels(
        ellipses.center[None],
        ellipses.conic[None],
        ellipses.color[None],
        ellipses.opacity[None],
        width,
        height,
        tile,
        offsets,
        flat,
        backgrounds=background[None],
    )
    return torch.cat([picture[0], coverage[0]], dim=-1).permute(2, 0, 1)
