"""Where MediaPipe's landmarks of a head are, from maps alone: in space, in pictures, and on a map of photo
coordinates."""

from functools import cached_property

import numpy as np
from scipy.ndimage import map_coordinates

from ..headmodel.model import HeadModel
from .base_maps import head_texels

# in order around the opening
INNER_LIPS = [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95]
NOSE_TIP = 1


class Landmarks:
    """The landmarks of one head model as points of its atlas."""

    def __init__(self, head: HeadModel):
        self.head = head
        face, self.bary = head.media_pipe
        self.mapped = face >= 0
        self.face = np.maximum(face, 0)

    @cached_property
    def uv(self) -> np.ndarray:
        """[478,2] u right, v up."""
        return np.einsum("nk,nkc->nc", self.bary, self.head.uv[self.head.uv_faces[self.face]])

    @cached_property
    def weights(self) -> np.ndarray:
        """[478,5] of the joints."""
        return np.einsum("nk,nkj->nj", self.bary, self.head.weights[self.head.faces[self.face]])

    def sample(self, maps: np.ndarray) -> np.ndarray:
        """Maps [c,h,w] at the landmarks [478,c]: bilinear over texels that have a face."""
        size = maps.shape[-1]
        _, table = head_texels(size)
        valid = table.valid_mask().astype(np.float64)
        at = np.stack([(1 - self.uv[:, 1]) * size - 0.5, self.uv[:, 0] * size - 0.5])
        read = lambda x: map_coordinates(x, at, order=1, mode="nearest")
        share = np.maximum(read(valid), 1e-6)
        return np.stack([read(m * valid) / share for m in maps.astype(np.float64)], 1)

    def points(self, offsets: np.ndarray, expression: np.ndarray, pose: np.ndarray) -> np.ndarray:
        """[478,3] canonical, meters: `offsets` [3,h,w] from the template, static and delta together."""
        head = self.head
        surface = np.einsum(
            "nk,nkc->nc", self.bary, head.vertices(None, expression)[head.faces[self.face]]
        ) + self.sample(offsets)
        blended = np.einsum("nj,jkl->nkl", self.weights, head.joint_matrices(head.pose(expression, pose)))
        return np.einsum("nkl,nl->nk", blended[:, :3, :3], surface) + blended[:, :3, 3]


def project(points: np.ndarray, R: np.ndarray, t: np.ndarray, f: float, size: int) -> np.ndarray:
    """[n,3] -> pixels [n,2] (docs/conventions.md "Camera of a crop")."""
    p = points @ R.T + t
    return np.stack([size / 2 - f * p[:, 0] / p[:, 2], size / 2 + f * p[:, 1] / p[:, 2]], 1)
