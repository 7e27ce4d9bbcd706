"""Where the losses of UV space count, and how much: maps that come from the head model, one class per loss that takes
them. `Explained` is no map but a meter: what share of its truth the driver explains."""

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from ..headmodel.regions import DELTA_REGIONS, MOUTH
from ..headmodel.texels import head_texels
from ..models.avatar import DELTA_UNIT
from ..models.gaussians import CHANNELS

BOOSTED_REGIONS = (*DELTA_REGIONS["lids"], *DELTA_REGIONS["eyes"], *MOUTH)
DELTA_GROUPS = ("position", "color", "log_scale", "rotation")
OUTER_REGIONS = ("scalp", "neck", "ears")


@dataclass(frozen=True)
class Maps:
    """Tensors that go to a device together."""

    def to(self, device: torch.device):
        return type(self)(*(getattr(self, f.name).to(device) for f in fields(self)))


@dataclass(frozen=True)
class StaticMaps(Maps):
    """For `static_losses`, [1, 1, H, W]."""

    surface: Tensor  # how much a texel's position counts
    mouth: Tensor  # 1 on lips, mouth, teeth and tongue


@dataclass(frozen=True)
class DriverMaps(Maps):
    """For `delta_losses`, at the position map's size."""

    dynamic: Tensor  # [1, 1, h, w]: texels that the driver may change, M_dyn
    boosted: Tensor  # [1, 1, h, w]: of mouth and eyes, whose errors count more
    spread: Tensor  # [1, 14, h, w]: root mean square of the truth
    parts: Tensor  # [len(DELTA_REGIONS), h·w], for the log


class Explained:
    """Sums squared error and squared truth of deltas, [2, groups, regions], of DELTA_GROUPS in DELTA_REGIONS."""

    def __init__(self, parts: Tensor):
        self.parts = parts
        self.energy = torch.zeros(2, len(DELTA_GROUPS), len(parts), device=parts.device)

    @torch.no_grad()
    def add(self, delta: Tensor, truth: Tensor) -> None:
        """delta and truth [m, 14, h, w]"""
        sums = lambda x: torch.stack([(x[:, CHANNELS[g]] ** 2).sum((0, 1)).flatten() for g in DELTA_GROUPS])
        self.energy += torch.stack([sums(delta - truth) @ self.parts.T, sums(truth) @ self.parts.T])

    def overall(self) -> float:
        """Share of the truth that the driver explains: 0 is as good as skinning alone, 1 perfect."""
        return float(1 - self.energy[0].sum() / self.energy[1].sum().clamp(min=1e-12))

    def by_group(self) -> dict[str, dict[str, float]]:
        """The same by group of channels and by region, not below -1."""
        share = (1 - self.energy[0] / self.energy[1].clamp(min=1e-12)).clamp(min=-1)
        return {g: dict(zip(DELTA_REGIONS, [round(v, 3) for v in row])) for g, row in zip(DELTA_GROUPS, share.tolist())}

    def reset(self) -> None:
        self.energy.zero_()


def static_maps(size: int) -> StaticMaps:
    """Maps of one map size."""
    return StaticMaps(surface_weight(size), mouth_map(size))


def driver_maps(size: int, deltas: Tensor) -> DriverMaps:
    """Maps of one position map size, with the spread of true `deltas` [m, 14, size, size]."""
    model, table = head_texels(size)
    numbers = lambda names: [model.regions.index(name) for name in names]

    def flat(texels: np.ndarray) -> Tensor:
        out = torch.zeros(size * size)
        out[torch.from_numpy(table.texel)] = torch.from_numpy(texels.astype(np.float32))
        return out

    whole = lambda texels: flat(texels).reshape(1, 1, size, size)
    parts = [flat(table.dynamic & np.isin(table.region, numbers(names))) for names in DELTA_REGIONS.values()]
    boosted = np.isin(table.region, numbers(BOOSTED_REGIONS))
    return DriverMaps(whole(table.dynamic), whole(boosted), delta_spread(deltas, size), torch.stack(parts))


def surface_weight(size: int, most: float = 3.0) -> Tensor:
    """[1, 1, size, size]: how much a texel's position counts. The face has half of all texels and a quarter of the
    skin: a texel of scalp, neck or ear counts as many times more as it is larger than one of the face (scalp 3 times),
    every other texel once."""
    model, table = head_texels(size)
    corners = model.template[model.faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    share = (area / np.maximum(np.bincount(table.face, minlength=len(area)), 1))[table.face]
    of_region = lambda name: table.region == model.regions.index(name)
    weight = np.ones(size * size, np.float32)
    for name in OUTER_REGIONS:
        weight[table.texel[of_region(name)]] = np.clip(
            share[of_region(name)].mean() / share[of_region("face")].mean(), 1, most
        )
    return torch.from_numpy(weight).reshape(1, 1, size, size)


def mouth_map(size: int) -> Tensor:
    """[1, 1, size, size]: 1 on texels of lips, mouth, teeth and tongue."""
    model, table = head_texels(size)
    inside = torch.zeros(size * size)
    inside[torch.from_numpy(table.texel[np.isin(table.region, [model.regions.index(name) for name in MOUTH])])] = 1
    return inside.reshape(1, 1, size, size)


def delta_spread(deltas: Tensor, size: int, floor: float = 0.3) -> Tensor:
    """[1, 14, size, size]: root mean square of true deltas [m, 14, size, size] per channel and region; at least `floor`
    of all."""
    model, table = head_texels(size)
    flat = (deltas**2).mean(0).flatten(1)  # 14 hw
    moving = torch.from_numpy(table.texel[table.dynamic])
    overall = flat[:, moving].mean(1).sqrt().maximum(torch.tensor(DELTA_UNIT) * 0.02)
    spread = overall[:, None].repeat(1, size * size)
    for region in np.unique(table.region[table.dynamic]):
        here = torch.from_numpy(table.texel[table.dynamic & (table.region == region)])
        spread[:, here] = torch.maximum(flat[:, here].mean(1).sqrt(), floor * overall)[:, None]
    return spread.reshape(1, -1, size, size)
