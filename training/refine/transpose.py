"""Pictures as linear functions of colors: geometry is held, so that picture = W color, and W^T is all the gradient that
is needed."""

from ctypes import c_int, c_void_p

import torch
from torch import Tensor

from ..native import load
from ..rasterizer.project import Ellipses
from ..rasterizer.tiles import sort_into_tiles


class LinearPicture:
    """W of one view: weights w_ij >= 0 of Gaussian j in pixel i, blended front to back. On the processor, in
    float32."""

    def __init__(self, ellipses: Ellipses, size: int):
        parts = (ellipses.center, ellipses.conic, ellipses.opacity)
        self.size, self.count = size, len(ellipses.center)
        self.parts = [part.detach().float().contiguous() for part in parts]
        self.ids, self.start = sort_into_tiles(ellipses, size, size)
        self._pairs = torch.empty(max(len(self.ids), 1), 3)

    def draw(self, color: Tensor) -> Tensor:
        """color [n, 3] of any value -> [4, size, size]: sum_j w_ij color_j, and coverage sum_j w_ij."""
        picture = torch.empty(4, self.size, self.size)
        self._call(
            "rasterize_forward",
            [],
            [*self.parts, color.float().contiguous(), self.ids, self.start, torch.zeros(3), picture],
        )
        return picture

    def transpose(self, pixels: Tensor) -> Tensor:
        """pixels [3, size, size] -> [n, 3]: sum_i w_ij pixels_i. The same bytes for any number of threads."""
        out = torch.empty(self.count, 3)
        given = [*self.parts, self.ids, self.start, pixels.float().contiguous(), self._pairs, out]
        self._call("rasterize_transpose", [c_int(self.count)], given)
        return out

    def _call(self, name: str, numbers: list, tensors: list[Tensor]) -> None:
        pointers = [c_void_p(tensor.data_ptr()) for tensor in tensors]
        getattr(load("rasterizer/tiles.cpp"), name)(c_int(self.size), c_int(self.size), *numbers, *pointers)
