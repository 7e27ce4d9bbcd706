"""A photo brought to the avatar, instead of the avatar to the photo: where the reconstructor sees each texel, against
where it is drawn.

The reconstructor says for every texel where it is in each photo (photo coordinates, models/pixel_skip.py). The camera
of a landmark fit draws the avatar a few pixels beside that, and colors would be solved a few pixels beside their place.
A smooth flow takes the photo, its matte and its landmarks there; no geometry, no camera, no gradient. Beside `refine`,
not a part of it: training/EXPERIMENTS.md."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from ..rasterizer.avatar_splatter import AvatarSplatter
from .atlas import Atlas
from .settings import RefineSettings
from .views import Seen, View


@dataclass(frozen=True)
class WarpSettings:
    sure: float = 0.5  # least confidence of a photo coordinate
    smooth: float = 0.025  # crop sides on either side of a box; the flow is a mean of two
    least: float = 0.05  # added to what the mean rests on: the flow ends where nothing is sure


def warp_photo(
    splatter: AvatarSplatter,
    static: Tensor,
    view: View,
    coordinates: Tensor,
    settings: WarpSettings | None = None,
    refining: RefineSettings | None = None,
) -> View:
    """coordinates [3, a, a] of the reconstructor for this photo: x, y in crop sides, confidence 0..1 -> the view, its
    picture taken from where the avatar's points are seen. Eyes, lids, mouth and teeth follow the skin around them."""
    settings, refining = settings or WarpSettings(), refining or RefineSettings()
    atlas = Atlas(splatter.head, splatter.table, refining)
    flow = photo_flow(atlas, Seen(splatter, static, view, refining), coordinates, settings)
    size = view.size
    middle = (torch.arange(size) + 0.5) / size
    place = torch.stack([middle.expand(size, size), middle[:, None].expand(size, size)], -1)
    source = 2 * (place + flow.permute(1, 2, 0))[None] - 1
    taken = lambda maps: F.grid_sample(maps[None], source, "bicubic", "border", align_corners=False)[0].clamp(0, 1)
    landmarks = torch.from_numpy(view.landmarks)
    there = F.grid_sample(flow[None], (2 * landmarks - 1)[None, None], padding_mode="border", align_corners=False)[
        0, :, 0
    ].T
    return replace(
        view,
        image=taken(view.image),
        matte=taken(view.matte[None])[0],
        inside=(F.grid_sample(view.inside[None, None], source, align_corners=False)[0, 0] > 0.999).float(),
        landmarks=(landmarks - there).numpy(),
    )


def photo_flow(atlas: Atlas, seen: Seen, coordinates: Tensor, settings: WarpSettings) -> Tensor:
    """[2, S, S] crop sides: from where a point of the avatar is drawn to where the photo shows it; 0 where nothing is
    sure."""
    size = seen.view.size
    wide = F.interpolate(coordinates[None], size=(atlas.size, atlas.size), mode="bilinear", align_corners=False)[0]
    at = atlas.to_list(wide)
    weight = at[:, 2:] * (at[:, 2:] > settings.sure) * (seen.facing * seen.occlusion * atlas.outer_texels)[:, None]
    drawn = seen.picture.draw(torch.cat([(at[:, :2] - seen.center / size) * weight, weight], 1))[:3]
    reach = max(1, round(settings.smooth * size))
    box = lambda x: F.avg_pool2d(x[None], 2 * reach + 1, 1, reach)[0]
    drawn = box(box(drawn))
    return drawn[:2] / (drawn[2:] + settings.least)
