"""Second look at where texels are seen (ours, not in the paper): photos are unwrapped with the first coordinates, and
what is out of place in the unwrapped picture corrects coordinates, visibility and surface.

Each photo's camera follows in closed form from where texels are and where they are seen (`fit_camera`). What a surface
point must move across the line of sight to be seen where it is seen is a displacement that photos agree on or complete:
`triangulate`. Smooth hair has nothing to be recognised by, but it ends where the background begins: points above and
below the surface are looked up in the photos too (`Alignment.outlined`), and what any photo shows as background is not
hair. Photos are treated alike and only summed over."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import ConvBn, sample_bilinear
from .driver import hourglass, light_levels

METERS = 0.02  # unit of displacements
TRUST = 4.0  # greatest weight of one photo in `triangulate`, whose ridge is RIDGE
RIDGE = 0.2
# meters along the mean head's normal, from the surface as it is known so far
HEIGHTS = (-0.015, -0.006, 0.006, 0.015, 0.03)
GREY = 0.003  # squared distance from the background's grey at which a pixel is as likely head as background


class PhotoCamera(NamedTuple):
    """x, y = affine [m, 2, 3] (point - centre) + shift, less perspective * (q - its affine part), q = depth * affine
    (point - centre)."""

    centre: Tensor  # m 3 1
    affine: Tensor  # m 2 3, photo sides per meter
    shift: Tensor  # m 2 1
    perspective: Tensor  # m 1 1, 1 / m
    q_affine: Tensor  # m 2 3
    q_shift: Tensor  # m 2 1
    view: Tensor  # m 3 1, unit vector along the line of sight


def cross(a: Tensor, b: Tensor, dim: int) -> Tensor:
    """Cross product along `dim` from slices (ONNX has no operator for it)."""
    ax, ay, az = (a.narrow(dim, i, 1) for i in range(3))
    bx, by, bz = (b.narrow(dim, i, 1) for i in range(3))
    return torch.cat([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], dim)


def inverse3(rows: tuple[Tensor, Tensor, Tensor], dim: int) -> tuple[Tensor, Tensor, Tensor]:
    """Rows of the inverse of symmetric 3x3 matrices given as rows, each with its three entries along `dim`."""
    a, b, c = rows
    bc, ca, ab = cross(b, c, dim), cross(c, a, dim), cross(a, b, dim)
    determinant = (a * bc).sum(dim, keepdim=True)
    return bc / determinant, ca / determinant, ab / determinant


@torch.no_grad()
def fit_camera(points: Tensor, xy: Tensor, weight: Tensor) -> PhotoCamera:
    """Weighted least squares of photo coordinates on points, affine first and then one perspective strength
    (Frisch-Waugh).

    points [m, 3, k] (meters), xy [m, 2, k] (0..1), weight [m, 1, k]. Ridged: with no weight at all every part is zero.
    """
    share = weight / (weight.sum(2, keepdim=True) + 1e-3)
    centre, middle = (points * share).sum(2, keepdim=True), (xy * share).sum(2, keepdim=True)
    p, r = points - centre, xy - middle
    moments = (p * share) @ p.transpose(1, 2)  # m 3 3, m²
    ridge = torch.tensor([[1e-6, 0.0, 0.0], [0.0, 1e-6, 0.0], [0.0, 0.0, 1e-6]], device=points.device)  # (1 mm)²
    rows = tuple((moments + ridge)[:, i : i + 1] for i in range(3))
    inverse = torch.cat(inverse3(rows, dim=2), dim=1)
    affine = (r * share) @ p.transpose(1, 2) @ inverse  # m 2 3
    along = cross(affine[:, :1], affine[:, 1:], 2)
    view = (along / (along.square().sum(2, keepdim=True) + 1e-12).sqrt()).transpose(1, 2)  # m 3 1
    flat = affine @ p
    q = (view * p).sum(1, keepdim=True) * flat  # m 2 k
    q_shift = (q * share).sum(2, keepdim=True)
    q_affine = ((q - q_shift) * share) @ p.transpose(1, 2) @ inverse
    q = q - q_shift - q_affine @ p
    strength = ((flat - r) * q * share).sum((1, 2), keepdim=True) / ((q * q * share).sum((1, 2), keepdim=True) + 1e-8)
    return PhotoCamera(centre, affine, middle, strength.clamp(-6, 6), q_affine, q_shift, view)


def project(camera: PhotoCamera, points: Tensor) -> Tensor:
    """points [m, 3, k] -> photo coordinates [m, 2, k]"""
    p = points - camera.centre
    flat = camera.affine @ p
    q = (camera.view * p).sum(1, keepdim=True) * flat - camera.q_shift - camera.q_affine @ p
    return flat + camera.shift - camera.perspective * q


def across(camera: PhotoCamera, change: Tensor) -> Tensor:
    """Change of photo coordinates [m, 2, k] -> displacement across the line of sight [m, 3, k] (meters) that explains
    it."""
    scale = camera.affine.square().sum((1, 2), keepdim=True) / 2
    return camera.affine.transpose(1, 2) @ change / (scale + 0.01)


def triangulate(displacement: Tensor, view: Tensor, trust: Tensor) -> Tensor:
    """Displacement on which photos agree best, each heard only across its own line of sight; ridge towards zero.

    displacement [b, n, 3, k], view [b, n, 3, 1] unit, trust [b, n, 1, k] -> [b, 3, k]
    """
    rows = []
    for i in range(3):
        unit = torch.tensor([[float(j == i)] for j in range(3)], device=view.device)  # 3 1
        projector = unit - view * view[:, :, i : i + 1]  # b n 3 1: row i of I - v vᵀ
        rows.append((trust * projector).sum(1) + RIDGE * unit)  # b 3 k
    pull = (trust * (displacement - view * (view * displacement).sum(2, keepdim=True))).sum(1)
    return torch.cat([(row * pull).sum(1, keepdim=True) for row in inverse3(tuple(rows), dim=1)], dim=1)


class Alignment(nn.Module):
    """`rest`, `outward` [1, 3, a, a] and `inside` [1, 1, a, a] are the mean head's points (m), its normals and the
    texels with a face, set from the head model."""

    def __init__(self, widths: tuple[int, ...], narrow: int, content: int, size: int, features: int = 12):
        super().__init__()
        self.register_buffer("rest", torch.zeros(1, 3, size, size))
        self.register_buffer("outward", torch.zeros(1, 3, size, size))
        self.register_buffer("inside", torch.zeros(1, 1, size, size))
        self.look = ConvBn(3, features, 3, 2)
        self.enter = ConvBn(features + narrow + content + 11 + 2 * len(HEIGHTS), widths[0])
        self.first, self.down, self.level, self.up = light_levels(widths)
        self.out = nn.Conv2d(widths[0], 7, 3, padding=1)
        nn.init.zeros_(self.out.weight)
        with torch.no_grad():
            self.out.bias.copy_(torch.tensor([0.0] * 6 + [-6.0]))  # photos are not trusted at first

    def outlined(self, photos: Tensor, camera: PhotoCamera, points: Tensor) -> tuple[Tensor, Tensor]:
        """How much like a head, 0..1, photos [b, n, 3, S, S] look where they show points [bn, 3, a²] (m) raised by
        HEIGHTS: in each photo [bn, len(HEIGHTS), a, a], and in all photos at once (their product)"""
        b, n, _, size, _ = photos.shape
        a, count = int(self.rest.shape[-1]), len(HEIGHTS)
        away = F.avg_pool2d((photos.flatten(0, 1) - 0.5).square().sum(1, keepdim=True), 2)
        head = away / (away + GREY)
        outward = self.outward.reshape(1, 3, a * a)
        raised = torch.cat([project(camera, points + outward * height) for height in HEIGHTS], dim=2)
        shown = sample_bilinear(head, raised.reshape(b * n, 2, count * a, a)).reshape(b * n, count, a, a)
        hull = (shown + 0.02).log().reshape(b, n, count, a, a).sum(1, keepdim=True).exp()
        return shown, hull.expand(b, n, count, a, a).reshape(b * n, count, a, a)

    def forward(
        self,
        photos: Tensor,
        position: Tensor,
        xy: Tensor,
        logit: Tensor,
        toward: Tensor,
        confidence: Tensor,
        narrow: Tensor,
        content: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """photos [b, n, 3, S, S], position [b, 3, a, a] (offset from the mean head, m), and per photo, flat over b and
        n: xy [bn, 2, a, a], visibility logit [bn, 1, a, a], what the landmark fit would change `toward` [bn, 2, a, a]
        with its confidence [bn, 1, a, a], narrow UV features and token content -> xy, logit, and change of the position
        [b, 3, a, a] (m)"""
        b, n = photos.shape[:2]
        a = xy.shape[-1]
        flat = lambda x: x.reshape(x.shape[0], x.shape[1], a * a)
        points = flat(position + self.rest).reshape(b, 1, 3, a * a).expand(b, n, 3, a * a).reshape(b * n, 3, a * a)
        camera = fit_camera(points, flat(xy), flat((confidence + 0.2 * torch.sigmoid(logit)) * self.inside))
        expected = project(camera, points)
        shift = across(camera, flat(xy) - expected).reshape(b * n, 3, a, a)
        view = camera.view.reshape(b * n, 3, 1, 1).expand(b * n, 3, a, a)
        unwrapped = sample_bilinear(self.look(photos.flatten(0, 1) - 0.5), xy)
        known = [
            shift.clamp(-0.04, 0.04) / METERS,
            view,
            torch.sigmoid(logit),
            confidence,
            toward * 8,
            self.inside.expand(b * n, 1, a, a),
        ]
        x = self.enter(torch.cat([unwrapped, narrow, content, *known, *self.outlined(photos, camera, points)], dim=1))
        x = self.out(hourglass(x, self.first, self.down, self.level, self.up))
        xy, logit = xy + x[:, :2] * 0.1, logit + x[:, 2:3]
        split = lambda t: t.reshape(b, n, *t.shape[1:])
        offset = (split(x[:, 3:6]) * torch.softmax(split(logit), dim=1)).sum(dim=1) * METERS
        trust = TRUST * torch.sigmoid(x[:, 6:]) * torch.sigmoid(logit)
        shift = across(camera, flat(xy) - expected).clamp(-0.04, 0.04)
        met = triangulate(split(shift), split(camera.view), split(flat(trust)))
        return xy, logit, offset + met.reshape(b, 3, a, a)
