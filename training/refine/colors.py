"""Colors by back-projection: geometry held, no learning rate. Each photo has its own tone, and shares texels with the
others by trust."""

from typing import NamedTuple

import torch
from torch import Tensor

from .settings import RefineSettings
from .views import Seen

TONE_FLOOR = 0.02  # added to both colors before their ratio
TONE_TEXELS = 64  # a photo with fewer believed texels of the face keeps its tone


class Solution(NamedTuple):
    color: Tensor  # [n, 3] static colors, 0..1
    rounds: list[Tensor]  # the same after each round
    gains: Tensor  # [p, 3]


def tones(seen: list[Seen], color: Tensor, trust: list[Tensor], face: Tensor, limit: float) -> Tensor:
    """Factor [p, 3] by which each photo is multiplied: median over the face of avatar over photo, its geometric mean
    over photos set to 1. One photo has 1."""
    logs = torch.zeros(len(seen), 3)
    for k, (view, believed) in enumerate(zip(seen, trust)):
        chosen = face & (believed > 0.5)
        if int(chosen.sum()) < TONE_TEXELS:
            continue
        avatar, photo = view.mean_of(view.draw(color)[:3])[chosen], view.mean_of(view.view.image)[chosen]
        logs[k] = torch.log((avatar + TONE_FLOOR) / (photo + TONE_FLOOR)).sort(0).values[int(chosen.sum()) // 2]
    return torch.exp(logs - logs.mean(0)).clamp(1 / limit, limit)


def solve(
    seen: list[Seen],
    color: Tensor,
    trust: list[Tensor],
    gains: Tensor,
    free: Tensor,
    count: int,
    settings: RefineSettings,
) -> Solution:
    """color [n, 3] to begin with, trust [n] per view, free [n]: part of a step that a color may take, 0 where it must
    stay."""
    shares = [settings.least_weight + (1 - settings.least_weight) * believed**settings.sharpness for believed in trust]
    below = sum(share * (view.seen + settings.damping) for share, view in zip(shares, seen))
    rounds = []
    for _ in range(count):
        above = torch.zeros_like(color)
        for view, share, gain in zip(seen, shares, gains):
            drawn = view.draw(color)
            residual = (drawn[3] * gain[:, None, None] * view.view.image - drawn[:3]) * view.weight
            above += share[:, None] * view.picture.transpose(residual) * view.area
        step = above / below[:, None]
        color = torch.where(free[:, None] > 0, (color + free[:, None] * step).clamp(0, 1), color)
        rounds.append(color)
    return Solution(color, rounds, gains)
