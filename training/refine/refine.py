"""Photos and a static map -> the static map with the photos' detail."""

from typing import NamedTuple

import torch
from torch import Tensor

from ..rasterizer.avatar_splatter import AvatarSplatter
from .atlas import Atlas
from .colors import Solution, solve, tones
from .settings import RefineSettings
from .spread import spread, without_highlights
from .views import Seen, View, ramp

COLOR = slice(4, 7)
MOST_PHOTOS = 4


class Refined(NamedTuple):
    static: Tensor  # [14, U, U]; differs from the given map in its color alone
    trust: Tensor  # [U, U] 0..1, of all photos together
    trusts: list[Tensor]  # [n] per photo
    solution: Solution


def refine(
    splatter: AvatarSplatter, static: Tensor, views: list[View], settings: RefineSettings | None = None
) -> Refined:
    """static [14, U, U] of the reconstructor, one to four photos.

    Raises ValueError for another number of photos.

    The same input gives the same bytes; photos may come in any order; the same photo twice is the same as once (to
    rounding)."""
    if not 1 <= len(views) <= MOST_PHOTOS:
        raise ValueError(f"refine got {len(views)} photos and needs 1 to {MOST_PHOTOS}")
    settings = settings or RefineSettings()
    atlas = Atlas(splatter.head, splatter.table, settings)
    given = atlas.to_list(static[COLOR])
    seen = [Seen(splatter, static, view, settings) for view in views]
    trust = [view.trust for view in seen]
    gains = tones(seen, given, trust, atlas.is_region("face"), settings.gain_limit)
    trust = [
        smooth(atlas, t * likeness(atlas, view, given, gain, settings)) for t, view, gain in zip(trust, seen, gains)
    ]
    free = 1 - atlas.detached.float()
    solution = solve(seen, given, trust, gains, free, settings.rounds, settings)
    together = torch.stack(trust).amax(0)
    map_of_trust = atlas.to_map(together[:, None])[0]
    change = atlas.to_map(solution.color - given)
    kept = spread(atlas, atlas.to_map(given), change, map_of_trust, settings)
    # what is believed takes up what spreading took away beside it
    free = free * together**2 * (1 - atlas.to_list(atlas.folded[None])[:, 0])
    last = solve(seen, (given + atlas.to_list(kept)).clamp(0, 1), trust, gains, free, settings.last_rounds, settings)
    color = without_highlights(atlas, last.color, settings).clamp(0, 1)
    out = static.clone()
    out[COLOR].flatten(1)[:, atlas.texel[~atlas.detached]] = color[~atlas.detached].T
    return Refined(out, map_of_trust, trust, solution)


def smooth(atlas: Atlas, trust: Tensor) -> Tensor:
    """[n] -> [n]: rises from 0 over a few texels, and is 0 where it was. Texels without a Gaussian do not count."""
    sums = atlas.to_list(atlas.box(atlas.to_map(torch.stack([trust, torch.ones_like(trust)], 1)), 2))
    return sums[:, 0] / sums[:, 1] * (trust > 0)


def likeness(atlas: Atlas, view: Seen, color: Tensor, gain: Tensor, settings: RefineSettings) -> Tensor:
    """[n] 0..1: 0 where photo and avatar differ in the low band so much that something else is seen there."""
    apart = view.mean_of(gain[:, None, None] * view.view.image) - view.mean_of(
        view.draw(color)[:3] / view.draw(color)[3:].clamp(min=1e-3)
    )
    known = atlas.to_map(view.seen[:, None].clamp(max=1))[0] * atlas.outer
    low, _ = atlas.mean(atlas.to_map(apart), known, settings.low_box)
    far = atlas.to_list(low).abs().amax(1)
    far = far / (settings.oblique + (1 - settings.oblique) * view.facing)
    return torch.where(atlas.outer_texels, ramp(far, settings.unlike[1], settings.unlike[0]), torch.ones(()))
