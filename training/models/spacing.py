"""Gaussians are at least as wide as their distance from the next ones (ours, not in the paper).

What the network says about scales is learned from synthetic people; a face that is longer than any of theirs tears rows
of Gaussians apart, and what lies behind shows between them as thin lines. Positions are known better: their differences
say how wide a surfel is, and how thick: where the surface runs obliquely through its surfels, as on hair, flat ones
would stand apart like the boards of a blind."""

import math

import torch
from torch import Tensor, nn

IN_PLANE = 0.65  # scale of a surfel over the distance to the next texel (synth/mesh.py "surfels")
SLACK = 0.1  # ln: so much below the distance is left as it is
MOST = 0.7  # ln: nothing is widened by more
THICKEST = 1.4  # ln: nothing is thickened by more; a surfel is four times wider than thick


def axes(quaternion: Tensor) -> tuple[Tensor, Tensor]:
    """First and second column [3, H, W] of the rotations of unit quaternions [4, H, W]."""
    x, y, z, w = (quaternion[i : i + 1] for i in range(4))
    first = torch.cat([1 - 2 * (y * y + z * z), 2 * (x * y + z * w), 2 * (x * z - y * w)])
    return first, torch.cat([2 * (x * y - z * w), 1 - 2 * (x * x + z * z), 2 * (y * z + x * w)])


def normal(quaternion: Tensor) -> Tensor:
    """Third column [b, 3, H, W] of the rotations of quaternions [b, 4, H, W] of any length."""
    x, y, z, w = (quaternion[:, i : i + 1] for i in range(4))
    column = torch.cat([2 * (x * z + y * w), 2 * (y * z - x * w), w * w + z * z - x * x - y * y], 1)
    return column / (x * x + y * y + z * z + w * w + 1e-6)


def at_least(own: Tensor, wanted: Tensor, most: float) -> Tensor:
    """`own` raised to `wanted`, by `most` at most."""
    return own + torch.relu(wanted - own).clamp(max=most)


def step_along(values: Tensor, linked: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Mean difference of values [b, 3, H, W] from texel to next texel along `dim`, over the one or two neighbours on
    the same surface.

    linked [1, 1, H, W] is 1 where a texel and the next belong together -> difference [b, 3, H, W], whether there is any
    [1, 1, H, W]
    """
    size = int(values.shape[dim])
    ahead = (values.narrow(dim, 1, size - 1) - values.narrow(dim, 0, size - 1)) * linked.narrow(dim, 0, size - 1)
    behind = values.narrow(dim, 0, 1) * 0
    before = lambda x, nothing: torch.cat([nothing, x], dim)
    after = lambda x, nothing: torch.cat([x, nothing], dim)
    link, none = linked.narrow(dim, 0, size - 1), linked.narrow(dim, 0, 1) * 0
    count = before(link, none) + after(link, none)
    return (before(ahead, behind) + after(ahead, behind)) / count.clamp(min=1.0), count.clamp(max=1.0)


class Spacing(nn.Module):
    """`links` [1, 1, H, W]: 1 where a texel and its right neighbour lie on the same surface, plus 2 for the one below;
    set from the head model (base_maps.py). 0, as in a fresh model, changes nothing."""

    def __init__(self, size: int):
        super().__init__()
        self.register_buffer("links", torch.zeros(1, 1, size, size))

    def forward(self, log_scale: Tensor, position: Tensor, rotation: Tensor, rest: Tensor) -> Tensor:
        """log_scale [b, 3, H, W] (ln m), position [b, 3, H, W] (offset from the mean head, m), rotation [b, 4, H, W]
        (quaternion), rest [7, H, W] (surfels of the mean head: log scale, quaternion; axes along u, v, normal) ->
        log_scale, not below what the distances ask for: the first two by the distance itself, the third by how far the
        next texels lie off the surfel's plane"""
        down = (self.links - 1).clamp(0, 1)
        right = self.links - 2 * down
        across, widened, off = normal(rotation), [], []
        # v points up, rows go down
        for k, (axis, linked, dim, sign) in enumerate(zip(axes(rest[3:]), (right, down), (3, 2), (1.0, -1.0))):
            moved, known = step_along(position, linked, dim)
            apart = axis * (rest[k : k + 1].exp() / IN_PLANE) + sign * moved
            wanted = (apart.square().sum(1, keepdim=True) + 1e-12).sqrt().log() + math.log(IN_PLANE) - SLACK
            own = log_scale[:, k : k + 1]
            widened.append(own + (at_least(own, wanted, MOST) - own) * known)
            off.append((apart * across).sum(1, keepdim=True).square() * known)
        farther = off[0] + torch.relu(off[1] - off[0])
        thickness = at_least(log_scale[:, 2:], 0.5 * (farther + 1e-12).log() + math.log(IN_PLANE), THICKEST)
        return torch.cat([*widened, thickness], dim=1)
