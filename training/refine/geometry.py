"""Geometry by the same render: identity, smooth offsets, the photos' cameras and expressions, by a few steps of Adam on
small pictures.

Beside the colors (colors.py), not a part of `refine`: training/EXPERIMENTS.md says what it is worth. Every unknown is
counted in units of the spread that is expected of it, so one rate and one prior serve all. What photos cannot tell is
anchored: offsets have no mean, are as smooth as their grid and bounded, and are there only where a photo sees the
surface squarely; cameras stay close to the fit.

Compared per photo: colors inside the person, the outline (coverage against the matte, only near the avatar's own
outline, so that long hair and clothes pull nothing), and MediaPipe's landmarks. Neither opacity, size, rotation nor
color changes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor
from torch.nn import functional as F

from ..models.base_maps import head_texels
from ..models.landmarks import Landmarks
from ..rasterizer.avatar_splatter import AvatarSplatter
from ..rasterizer.project import project, rotation_matrices
from ..rasterizer.rasterize import rasterize
from ..synth.raster import SCALE_LIMITS
from .atlas import Atlas
from .settings import RefineSettings
from .views import Seen, View, pixel_weight

PARTS = ("camera", "shape", "expression", "offsets")
# MediaPipe's face oval: points of the outline, which slide along the skin as the head turns
OVAL = [10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377]
OVAL += [152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109]
IRISES = range(468, 478)
EYE_CORNERS = ([33, 133], [362, 263])
CHIN = 152


@dataclass(frozen=True)
class GeometrySettings:
    parts: tuple[str, ...] = PARTS
    steps: int = 24
    rate: float = 0.15  # of Adam, in spreads a step; falls to 0
    size: int = 256  # pixels of the pictures that are compared
    turn: float = 0.02  # radians: spread of a camera's rotation about the head
    shift: float = 0.003  # meters: spread of a camera's place
    shape: float = 0.5  # spread of an identity coefficient
    shapes: int = 50  # identity coefficients
    expression: float = 0.1  # spread of an expression coefficient
    offset: float = 0.003  # meters: spread of an offset
    most_offset: float = 0.008  # meters: bound of an offset
    grid: int = 32  # controls of the offsets on a side of the atlas
    band: float = 0.03  # crop sides from the avatar's outline within which the matte counts
    photometric: float = 20.0  # weights: of a mean absolute difference of color,
    silhouette: float = 20.0  # of a mean squared difference of coverage,
    landmarks: float = 0.1  # of a mean Huber distance in `landmark` units,
    landmark: float = 0.02  # eye distances: what MediaPipe's landmarks are off by
    prior: float = 0.02  # of the mean square of each part's unknowns
    smooth: float = 0.2  # of the mean squared difference of neighbouring offsets


class Fitted(NamedTuple):
    static: Tensor  # [14, U, U]; differs from the given map in position alone
    views: list[View]  # with their cameras, expressions and the driver's maps for them


def resized(view: View, size: int) -> View:
    """The view with pictures [.., size, size]; a pixel is inside only if all of it is."""
    if view.size == size:
        return view
    scale = lambda x: F.interpolate(x[None], size=(size, size), mode="bilinear", antialias=True, align_corners=False)[0]
    return replace(
        view,
        image=scale(view.image),
        matte=scale(view.matte[None])[0],
        inside=(scale(view.inside[None])[0] > 0.999).float(),
    )


def fit_geometry(
    splatter: AvatarSplatter,
    static: Tensor,
    views: list[View],
    drive: Callable[[np.ndarray], Tensor] | None = None,
    settings: GeometrySettings | None = None,
    refining: RefineSettings | None = None,
) -> Fitted:
    """static [14, U, U] and its photos; `drive` gives the driver's map for an expression, None keeps the views' maps.

    Raises ValueError for an unknown part."""
    settings = settings or GeometrySettings()
    if unknown := set(settings.parts) - set(PARTS):
        raise ValueError(f"fit_geometry got the parts {sorted(unknown)} and knows {', '.join(PARTS)}")
    surface = Surface(splatter, static, settings, views, refining or RefineSettings())
    sights = [Sight(surface, static, view, settings, refining or RefineSettings()) for view in views]
    unknowns = [surface.unknowns, *(sight.unknowns for sight in sights)]
    free = [u for part in unknowns for name, u in part.items() if name in settings.parts]
    optimizer = torch.optim.Adam([u.requires_grad_() for u in free], lr=settings.rate, betas=(0.9, 0.95))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / settings.steps)
    for _ in range(settings.steps if free else 0):
        moved = surface.moved()
        loss = sum(sight.loss(moved) for sight in sights) / len(sights)
        loss = loss + settings.prior * sum(u.square().mean() for u in free) + settings.smooth * surface.roughness()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        out = static.clone()
        out[:3].flatten(1)[:, splatter.texel] += surface.moved().T
        return Fitted(out, [sight.result(view, drive) for sight, view in zip(sights, views)])


class Surface:
    """What all photos share: identity coefficients and the grid of offsets, as one offset [n, 3] per Gaussian, meters,
    without a mean."""

    def __init__(
        self,
        splatter: AvatarSplatter,
        static: Tensor,
        settings: GeometrySettings,
        views: list[View],
        refining: RefineSettings,
    ):
        self.splatter, self.settings = splatter, settings
        table, head = splatter.table, splatter.head
        self.atlas = atlas = Atlas(head, table, refining)
        count = min(settings.shapes, len(head.shape_dirs))
        shapes = np.stack([table.sample(direction) for direction in head.shape_dirs[:count]])  # [k, n, 3]
        self.shapes = torch.from_numpy(np.ascontiguousarray(shapes - shapes.mean(1, keepdims=True), np.float32))
        self.unknowns = {"shape": torch.zeros(count), "offsets": torch.zeros(1, 3, settings.grid, settings.grid)}
        # eyes, lids, teeth and the mouth hang on the skin: they go where the nearest of it goes
        outer = np.flatnonzero(atlas.outer_texels.numpy())
        rest = table.sample(head.template)
        self.carrier = torch.from_numpy(outer[cKDTree(rest[outer]).query(rest)[1]])
        trust = torch.stack(
            [Seen(splatter, static, resized(view, settings.size), refining).trust for view in views]
        ).amax(0)
        self.gate = atlas.to_list(atlas.box(atlas.box(atlas.to_map((trust * atlas.outer_texels)[:, None]), 6), 6))[
            self.carrier, 0
        ]

    def moved(self) -> Tensor:
        """[n, 3] meters"""
        s, out = self.settings, torch.zeros(len(self.gate), 3)
        if "shape" in s.parts:
            out = out + torch.einsum("k,knc->nc", self.unknowns["shape"] * s.shape, self.shapes)
        if "offsets" in s.parts:
            size = self.atlas.size
            field = F.interpolate(self.unknowns["offsets"], size=(size, size), mode="bicubic", align_corners=False)[0]
            field = s.most_offset * torch.tanh(field * (s.offset / s.most_offset))
            field = self.atlas.to_list(field)[self.carrier]
            mean = (field * self.gate[:, None]).sum(0) / self.gate.sum().clamp(min=1e-3)
            out = out + (field - mean) * self.gate[:, None]
        return out

    def roughness(self) -> Tensor:
        u = self.unknowns["offsets"]
        return (u[..., 1:] - u[..., :-1]).square().mean() + (u[..., 1:, :] - u[..., :-1, :]).square().mean()


class Sight:
    """One photo: its camera and expression, and how far the avatar is from it."""

    def __init__(
        self, surface: Surface, static: Tensor, view: View, settings: GeometrySettings, refining: RefineSettings
    ):
        self.settings, splatter = settings, surface.splatter
        self.view = view = resized(view, settings.size)
        self.skin = splatter.skin(view.expression, np.zeros(15))
        maps = (static + view.delta * _dynamic(splatter, static)).flatten(1)[:, splatter.texel].T
        self.position, self.color = maps[:, :3], maps[:, 4:7].clamp(0, 1)
        self.scale, self.opacity = maps[:, 7:10].exp().clamp(*SCALE_LIMITS), torch.sigmoid(maps[:, 3])
        self.rotation = self.skin.rotation @ rotation_matrices(maps[:, 10:14])
        self.unknowns = {"camera": torch.zeros(2, 3), "expression": torch.zeros(len(view.expression))}
        self.faces = _expression_steps(splatter, view.expression) if "expression" in settings.parts else None
        self.start = self._mean(torch.zeros(len(self.position), 3)).detach()
        self.middle = (view.R @ self.start.mean(0) + view.t).detach()
        self.weight = pixel_weight(view, refining)
        landmarks = Landmarks(splatter.head)
        offsets = static[:3] + view.delta[:3] * _dynamic(splatter, static)
        self.points = torch.from_numpy(
            landmarks.points(offsets.numpy(), view.expression, np.zeros(15)).astype(np.float32)
        )
        self.corners, self.shares = _corners(landmarks, splatter)
        counted = torch.from_numpy(landmarks.mapped.copy()).float()
        counted[[*OVAL, *IRISES]] = 0
        self.counted = counted
        at = view.landmarks
        self.apart = float(np.hypot(*(at[EYE_CORNERS[0]].mean(0) - at[EYE_CORNERS[1]].mean(0))))
        with torch.no_grad():
            picture = self._draw(self.start, view.R, view.t)
            w, person = self.weight, picture[3] * view.image
            self.gain = ((picture[:3] * w).sum((1, 2)) / (person * w).sum((1, 2)).clamp(min=1e-3)).clamp(0.5, 2)
            self.edge = self._near_outline(picture[3])

    def _near_outline(self, coverage: Tensor) -> Tensor:
        """[S,S] 1 near the avatar's outline, above the chin and inside the photo."""
        size = self.view.size
        reach = max(1, round(self.settings.band * size))
        grown = F.max_pool2d(coverage[None, None], 2 * reach + 1, 1, reach)[0, 0]
        shrunk = -F.max_pool2d(-coverage[None, None], 2 * reach + 1, 1, reach)[0, 0]
        near = ((grown > 0.5) & (shrunk < 0.5)).float() * self.view.inside
        near[min(size, max(0, round(float(self.view.landmarks[CHIN, 1]) * size))) :] = 0
        return near

    def camera(self) -> tuple[Tensor, Tensor]:
        """R, t: turned about the head's middle, then shifted."""
        view, s = self.view, self.settings
        if "camera" not in s.parts:
            return view.R, view.t
        turn, shift = self.unknowns["camera"] * torch.tensor([[s.turn], [s.shift]])
        zero = torch.zeros(())
        cross = torch.stack([zero, -turn[2], turn[1], turn[2], zero, -turn[0], -turn[1], turn[0], zero]).reshape(3, 3)
        turned = torch.linalg.matrix_exp(cross)
        return turned @ view.R, turned @ (view.t - self.middle) + self.middle + shift

    def expression(self) -> np.ndarray:
        change = (self.unknowns["expression"].detach() * self.settings.expression).numpy()
        return (self.view.expression + change).clip(min(0.0, float(self.view.expression.min())), 1).astype(np.float32)

    def _mean(self, moved: Tensor) -> Tensor:
        """Posed means [n, 3] for offsets [n, 3]; what an expression does is taken as linear."""
        mean = (
            torch.einsum("nkl,nl->nk", self.skin.matrix, self.skin.surface + self.position + moved)
            + self.skin.translation
        )
        if self.faces is not None:
            mean = mean + torch.einsum("e,enc->nc", self.unknowns["expression"] * self.settings.expression, self.faces)
        return mean

    def _draw(self, mean: Tensor, R: Tensor, t: Tensor) -> Tensor:
        view = self.view
        ellipses = project(
            mean, self.rotation, self.scale, self.opacity, self.color, R, t, view.focal * view.size, view.size
        )
        return rasterize(ellipses, view.size, view.size, torch.zeros(3))

    def loss(self, moved: Tensor) -> Tensor:
        s, view = self.settings, self.view
        R, t = self.camera()
        mean = self._mean(moved)
        out = s.landmarks * self._landmark_error(mean, R, t) if s.landmarks else torch.zeros(())
        if s.photometric or s.silhouette:
            picture = self._draw(mean, R, t)
            apart = (picture[3] * self.gain[:, None, None] * view.image - picture[:3]).abs() * self.weight
            out = out + s.photometric * apart.sum() / (3 * self.weight.sum()).clamp(min=1)
            wrong = (picture[3] - view.matte).square() * self.edge
            out = out + s.silhouette * wrong.sum() / self.edge.sum().clamp(min=1)
        return out

    def _landmark_error(self, mean: Tensor, R: Tensor, t: Tensor) -> Tensor:
        view = self.view
        points = self.points + ((mean - self.start)[self.corners] * self.shares[..., None]).sum(1)
        camera = points @ R.T + t
        at = torch.stack(
            [0.5 - view.focal * camera[:, 0] / camera[:, 2], 0.5 + view.focal * camera[:, 1] / camera[:, 2]], 1
        )
        off = (at - torch.from_numpy(view.landmarks)) / (self.apart * self.settings.landmark)
        return (
            F.huber_loss(off, torch.zeros_like(off), reduction="none").sum(1) * self.counted
        ).sum() / self.counted.sum()

    def result(self, view: View, drive: Callable[[np.ndarray], Tensor] | None) -> View:
        """`view` at its own size with what was found."""
        R, t = (x.detach() for x in self.camera())
        if "expression" not in self.settings.parts:
            return replace(view, R=R, t=t)
        expression = self.expression()
        return replace(view, R=R, t=t, expression=expression, delta=view.delta if drive is None else drive(expression))


def _dynamic(splatter: AvatarSplatter, static: Tensor) -> Tensor:
    """[1, U, U]: 1 where the driver's map counts."""
    out = torch.zeros(1, static[0].numel())
    out[:, splatter.texel] = splatter.dynamic.T
    return out.reshape(1, *static.shape[1:])


def _expression_steps(splatter: AvatarSplatter, expression: np.ndarray, step: float = 0.05) -> Tensor:
    """[E, n, 3]: how posed points move with each coefficient (differences; the jaw and the eyes turn)."""
    head, table = splatter.head, splatter.table
    base, out = head.posed(None, expression), []
    for k in range(len(expression)):
        other = expression.copy()
        other[k] += step
        out.append(table.sample((head.posed(None, other) - base) / step))
    return torch.from_numpy(np.ascontiguousarray(np.stack(out), np.float32))


def _corners(landmarks: Landmarks, splatter: AvatarSplatter) -> tuple[Tensor, Tensor]:
    """The Gaussians [478, 4] around each landmark and their shares: bilinear, of texels that have one."""
    size = splatter.table.map_size
    _, table = head_texels(size)
    place = np.full(size * size, -1)
    place[table.texel] = np.arange(len(table.texel))
    x, y = landmarks.uv[:, 0] * size - 0.5, (1 - landmarks.uv[:, 1]) * size - 0.5
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    texels, shares = [], []
    for dx in (0, 1):
        for dy in (0, 1):
            column, row = (left + dx).clip(0, size - 1), (top + dy).clip(0, size - 1)
            at = place[row * size + column]
            texels.append(at.clip(min=0))
            shares.append(np.abs(1 - dx - (x - left)) * np.abs(1 - dy - (y - top)) * (at >= 0))
    share = np.stack(shares, 1)
    share = share / np.maximum(share.sum(1, keepdims=True), 1e-6)
    return torch.from_numpy(np.stack(texels, 1)), torch.from_numpy(share.astype(np.float32))
