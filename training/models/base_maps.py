"""Constants of a model that come from the head model: rest surfels and mean color per texel, and the masks of the
driver's losses."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..headmodel.model import HeadModel
from ..headmodel.texels import TexelTable, build_texel_table, position_map
from .avatar import DELTA_UNIT, Avatar
from .driver import LightDriver

if TYPE_CHECKING:
    from ..samples import Batches

DELTA_REGIONS = {
    "lids": ("lids",),
    "lips": ("lips",),
    "mouth": ("mouthInterior", "teethUpper", "teethLower", "tongue"),
    "eyes": ("eyeLeft", "eyeRight"),
    "face": ("face", "scalp", "neck", "ears"),
}
MOUTH = DELTA_REGIONS["lips"] + DELTA_REGIONS["mouth"]
BOOSTED_REGIONS = (*DELTA_REGIONS["lids"], *DELTA_REGIONS["eyes"], *MOUTH)


@lru_cache(4)
def head_texels(size: int) -> tuple[HeadModel, TexelTable]:
    """The default head model and its texel table; cached, since the table takes a second."""
    model = HeadModel.load()
    return model, build_texel_table(model, size)


def rest_map(size: int) -> Tensor:
    """[7, size, size]: log scale 3 (ln m) and quaternion 4 (x, y, z, w) of a surfel per texel of the mean head.

    In-plane scale is 0.65 of the texel spacing along u and v, normal scale a quarter of that; axes are the surface
    tangents and the normal. Texels without a face get the median scale and the identity rotation (no Gaussian uses
    them; resizing must not see extreme values).
    """
    from ..synth.mesh import surfels

    model, table = head_texels(size)
    log_scale, quaternion = surfels(table.face, model.faces, model.uv_faces, model.uv, model.template, size)
    out = np.concatenate(
        [np.broadcast_to(np.median(log_scale, 0), (size * size, 3)), np.tile([0.0, 0, 0, 1], (size * size, 1))], axis=1
    )
    out[table.texel] = np.concatenate([log_scale, quaternion], axis=1)
    out[:, :3] = out[:, :3].clip(math.log(1e-5), math.log(0.02))
    return torch.from_numpy(out.T.reshape(7, size, size).astype(np.float32))


def driver_masks(size: int, deltas: Tensor) -> dict[str, Tensor]:
    """What the driver's losses need: texels that it may change (`dynamic`) and of mouth and eyes, whose errors count
    more (`boosted`), [1, 1, size, size]; `spread` of the true `deltas` [m, 14, size, size]; `parts`
    [len(DELTA_REGIONS), size * size] for the log."""
    model, table = head_texels(size)
    numbers = lambda names: [model.regions.index(name) for name in names]
    masks = {"dynamic": table.dynamic, "boosted": np.isin(table.region, numbers(BOOSTED_REGIONS))}
    masks |= {name: table.dynamic & np.isin(table.region, numbers(names)) for name, names in DELTA_REGIONS.items()}
    maps = {name: torch.zeros(size * size) for name in masks}
    for name, values in masks.items():
        maps[name][torch.from_numpy(table.texel)] = torch.from_numpy(values.astype(np.float32))
    whole = {name: maps[name].reshape(1, 1, size, size) for name in ("dynamic", "boosted")}
    parts = torch.stack([maps[name] for name in DELTA_REGIONS])
    return whole | {"spread": delta_spread(deltas, size), "parts": parts}


OUTER_REGIONS = ("scalp", "neck", "ears")


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


def mirror_map(size: int) -> Tensor:
    """[1, 1, size, size]: 1 where the texel in the mirrored column of the same row shows the mirrored point of the head
    (within 0.1 mm)."""
    model, table = head_texels(size)
    points = np.full((size * size, 3), np.inf, np.float32)
    points[table.texel] = table.sample(model.template)
    points = points.reshape(size, size, 3)
    across = points[:, ::-1] * np.array([-1, 1, 1], np.float32)
    with np.errstate(invalid="ignore"):
        near = np.linalg.norm(points - across, axis=2) < 1e-4
    return torch.from_numpy(near.astype(np.float32))[None, None]


CARRIED_PARTS = (("scalp",), ("face", "lids", "lips", "ears"), ("neck",))


def part_map(size: int) -> Tensor:
    """[3, 1, size, size] for pixel_skip.Inpaint: 1 where a texel belongs to scalp, face or neck."""
    model, table = head_texels(size)
    parts = np.zeros((len(CARRIED_PARTS), size * size), np.float32)
    for part, names in zip(parts, CARRIED_PARTS):
        part[table.texel[np.isin(table.region, [model.regions.index(name) for name in names])]] = 1
    return torch.from_numpy(parts).reshape(-1, 1, size, size)


def set_head_maps(avatar: Avatar) -> None:
    """Fill what depends on the head model alone, so that weights trained before follow a head model that was built
    anew: rest surfels, neutral position map, mirror map, parts and surface maps."""
    if isinstance(avatar.driver, LightDriver):
        model, table = head_texels(avatar.config.position_map_size)
        avatar.driver.rest_position.copy_(torch.from_numpy(position_map(model, table).astype(np.float32)))
    avatar.base_rest.copy_(rest_map(avatar.config.map_size))
    if avatar.pixel_skip is not None:
        avatar.pixel_skip.mirrored.copy_(mirror_map(avatar.config.map_size))
        if avatar.pixel_skip.inpaint is not None:
            avatar.pixel_skip.inpaint.parts.copy_(part_map(avatar.config.anchor_size))
    set_surface_maps(avatar)


LINKED_REGIONS = ("face", "scalp", "neck", "ears")  # lips and lids close before what must stay visible between them
FARTHEST = 0.006  # meters between texels that belong together


def link_map(size: int) -> Tensor:
    """[1, 1, size, size] for spacing.py: 1 where a texel and its right neighbour lie on the same surface, plus 2 for
    the one below."""
    model, table = head_texels(size)
    chosen = np.isin(table.region, [model.regions.index(name) for name in LINKED_REGIONS])
    points = np.full((size * size, 3), np.nan, np.float32)
    points[table.texel[chosen]] = table.sample(model.template)[chosen]
    points = points.reshape(size, size, 3)
    links = np.zeros((size, size), np.float32)
    # false where either has no point
    links[:, :-1] += np.linalg.norm(points[:, 1:] - points[:, :-1], axis=-1) < FARTHEST
    links[:-1] += 2.0 * (np.linalg.norm(points[1:] - points[:-1], axis=-1) < FARTHEST)
    return torch.from_numpy(links)[None, None]


def set_surface_maps(avatar: Avatar) -> None:
    """Fill which texels belong together (spacing.py), and what a second look knows of the mean head (alignment.py)."""
    from ..synth.mesh import vertex_normals

    avatar.spacing.links.copy_(link_map(avatar.config.map_size))
    align = avatar.pixel_skip.align if avatar.pixel_skip is not None else None
    if align is not None:
        model, table = head_texels(avatar.config.anchor_size)
        side = avatar.config.anchor_size
        texel = torch.from_numpy(table.texel)
        normals = table.sample(vertex_normals(model.template, model.faces))
        inside = torch.zeros(1, side * side)
        inside[:, texel] = 1
        for target, values in ((align.rest, table.sample(model.template)), (align.outward, normals)):
            filled = torch.zeros(3, side * side)
            filled[:, texel] = torch.from_numpy(values.T.astype(np.float32))
            target.copy_(filled.reshape(1, 3, side, side))
        length = align.outward.norm(dim=1, keepdim=True)
        align.outward.div_(torch.where(length > 0, length, 1.0))
        align.inside.copy_(inside.reshape(1, 1, side, side))


def set_base_maps(avatar: Avatar, batches: Batches, count: int = 16) -> None:
    """Fill the base maps of a new model: rest surfels of the mean head with the data's quaternion signs, mean color of
    `count` batches."""
    set_head_maps(avatar)
    color, weight, rotation = 0.0, 0.0, 0.0
    for _ in range(count):
        batch = batches.take()
        color = color + F.avg_pool2d(batch["static"][:, 4:7] * batch["valid"], 2).sum(0, keepdim=True)
        weight = weight + F.avg_pool2d(batch["valid"], 2).sum(0, keepdim=True)
        rotation = rotation + batch["static"][:, 10:].sum(0)
    avatar.base_rest[3:] *= torch.where((avatar.base_rest[3:] * rotation).sum(0) < 0, -1.0, 1.0)
    overall = color.sum((2, 3), keepdim=True) / weight.sum((2, 3), keepdim=True)
    avatar.base_color.copy_(torch.where(weight > 0, color / weight.clamp(min=1e-6), overall))
