"""The paper's refinement (section 3.4, eq. 14): the reconstructor's own parameters, for one person, on the photos it
reconstructs from.

    theta_E* = argmin  L1 + SSIM + perceptual of R(LBS(G)) against the photos,   20 iterations

theta_E: everything but the driver, which is frozen; the identity features change with theta_E, and so does what the
driver makes of them. Gaussians of the mouth take no gradient. Adam, the paper's training rate and weights of terms
(section 4); its perceptual term is LPIPS, ours losses/perceptual.py. Beside `refine`, not a part of it:
training/EXPERIMENTS.md says what it is worth."""

import copy
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..headmodel.texels import position_map
from ..losses.image import ssim
from ..losses.perceptual import PerceptualDistance
from ..models.avatar import Avatar
from ..models.base_maps import head_texels
from ..rasterizer.avatar_splatter import AvatarSplatter
from .geometry import resized
from .views import View

SHADE = 0.5  # behind the person, in photo and picture alike


@dataclass(frozen=True)
class ParameterSettings:
    steps: int = 20
    rate: float = 3e-5  # of Adam; the paper says it for training alone
    size: int = 256  # pixels of the pictures that are compared  # ours
    l1: float = 1.0
    ssim: float = 0.1
    perceptual: float = 0.2


class Adapted(NamedTuple):
    static: Tensor  # [14, U, U]
    identity: Tensor  # [1, C, h, w] identity features
    losses: list[float]  # before each step


def refine_parameters(
    avatar: Avatar,
    splatter: AvatarSplatter,
    photos: Tensor,
    anchors: Tensor,
    prior: Tensor,
    views: list[View],
    net: PerceptualDistance | None,
    settings: ParameterSettings | None = None,
) -> Adapted:
    """photos [n, 3, S, S], anchors [n, 3, A, A] and prior [4, A, A] as the reconstructor takes them, and the same
    photos as views: camera, expression, matte. `avatar` stays as it is; a copy learns. `net` None leaves out the
    perceptual term."""
    settings = settings or ParameterSettings()
    views = [resized(view, settings.size) for view in views]
    learner = copy.deepcopy(avatar).eval().requires_grad_(False)  # running statistics stay
    parameters = [p.requires_grad_() for name, p in learner.named_parameters() if not name.startswith("driver.")]
    optimizer = torch.optim.Adam(parameters, lr=settings.rate)
    head, table = head_texels(avatar.config.position_map_size)
    tensor = lambda x: torch.from_numpy(np.ascontiguousarray(x, np.float32))
    maps = torch.stack([tensor(position_map(head, table, view.expression, np.zeros(15))) for view in views])
    skins = [splatter.skin(view.expression, np.zeros(15)) for view in views]
    truths = [SHADE + view.matte * view.inside * (view.image - SHADE) for view in views]
    mouth = torch.zeros(avatar.config.map_size**2)
    mouth[splatter.texel] = splatter.mouth[:, 0]
    mouth = mouth.reshape(avatar.config.map_size, -1) > 0
    apart = lambda x: torch.where(mouth, x.detach(), x)
    shade, losses = torch.full((3,), SHADE), []
    for _ in range(settings.steps):
        made = learner(photos[None], anchors[None], prior[None])
        deltas = learner.drive(made.identity_features.expand(len(views), -1, -1, -1), maps)
        loss = torch.zeros(())
        for view, skin, truth, delta in zip(views, skins, truths, deltas):
            focal = view.focal * view.size
            drawn = splatter.picture(
                apart(made.static_map[0]), apart(delta), skin, view.R, view.t, focal, view.size, shade
            )[:3]
            shown, wanted = (SHADE + (x - SHADE) * view.inside for x in (drawn, truth))
            loss = loss + settings.l1 * (shown - wanted).abs().mean()
            loss = loss + settings.ssim * (1 - ssim(shown[None], wanted[None])).mean()
            if net is not None:
                loss = loss + settings.perceptual * net(shown[None], wanted[None])
        loss = loss / len(views)
        losses.append(float(loss.detach()))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        made = learner(photos[None], anchors[None], prior[None])
    return Adapted(made.static_map[0], made.identity_features, losses)
