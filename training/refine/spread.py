"""What becomes of solved colors where a photo is not to be believed: a low band without seams, detail of the other
side, no highlights."""

import torch
from torch import Tensor

from .atlas import Atlas, push_pull
from .settings import RefineSettings
from .views import LUMA, TEETH, ramp

SHINY = ("face", "scalp", "neck", "ears")
LID_BOX = 1  # texels at a map of 256 on either side of a box: folds take the color of the nearest skin
LEAST_TEETH = 16  # texels of teeth that must be shown


def spread(atlas: Atlas, given: Tensor, change: Tensor, trust: Tensor, settings: RefineSettings) -> Tensor:
    """Colors before [3, U, U], solved change [3, U, U], trust [U, U] -> the change that is kept [3, U, U].

    Outer chart: low band L everywhere, the own high band by trust, where the mirrored side is believed more its high
    band. On the sides of the face, near what is believed, the reconstructor's colors (there the rim of the silhouette,
    drawn out) give way to the neighbours'. What open eyes hide in a fold of the lids takes the color of the skin
    around. Eyes, teeth and the edges of the lids: by trust alone, and they give nothing to the low band; teeth that no
    photo shows take the tone of those that one shows."""
    outer = trust * atlas.outer
    low = fill(atlas, change, outer, settings.low_box, settings.fade)
    high = (change - low) * (outer > 0)
    more = (settings.mirror * outer.flip(-1) - outer).clamp(min=0)
    kept = low + outer * high + more * high.flip(-1)
    near = (settings.near * atlas.box(atlas.box(outer[None], settings.near_box), settings.near_box)[0]).clamp(
        max=1
    ) * atlas.sides
    shown = given + change
    kept = kept + (1 - outer) * near * (fill(atlas, shown, outer, settings.low_box, 1.0) - given - low)
    skin = fill(atlas, shown, outer * (1 - atlas.folded) * lit(atlas, shown, outer, settings), LID_BOX, 1.0)
    kept = kept + atlas.folded * (skin - given - kept)
    return torch.where(atlas.outer > 0, kept, trust * change + (1 - trust) * row_of_teeth(atlas, change, trust))


def row_of_teeth(atlas: Atlas, change: Tensor, trust: Tensor) -> Tensor:
    """Change [3, U, U] of teeth that no photo shows: per channel the median of those that one shows; a row has one
    tone."""
    teeth = atlas.is_region(*TEETH)
    shown = atlas.to_list(change)[teeth & (atlas.to_list(trust[None])[:, 0] > 0.5)]
    middle = shown.sort(0).values[len(shown) // 2] if len(shown) >= LEAST_TEETH else torch.zeros(3)
    return middle[:, None, None] * atlas.to_map(teeth.float()[:, None])


def lit(atlas: Atlas, shown: Tensor, trust: Tensor, settings: RefineSettings) -> Tensor:
    """[U, U] 0..1: how much a texel's color is that of lit skin; brows and shadows are darker than what is around
    them."""
    around, _ = atlas.mean(shown, trust, settings.light_box)
    luma = lambda maps: torch.einsum("chw,c->hw", maps, LUMA)
    return ramp(luma(shown) / luma(around).clamp(min=1e-3), *settings.lid_light)


def fill(atlas: Atlas, values: Tensor, weight: Tensor, box: int, fade: float) -> Tensor:
    """Low band of maps [3, U, U] where weight [U, U] is, spread to all the rest. Squared: what is half believed may be
    something else."""
    mean, rests_on = atlas.mean(values, weight**2, box)
    return push_pull(mean, rests_on.clamp(max=1) * atlas.outer, fade)


def without_highlights(atlas: Atlas, color: Tensor, settings: RefineSettings) -> Tensor:
    """color [n, 3]: takes away a part of what is brighter than its surroundings and less saturated than they are;
    highlights would stick to the skin when light or head moves. Eyes, lids and lips keep theirs."""
    most, part = settings.highlight
    surroundings, _ = atlas.mean(atlas.to_map(color), atlas.outer, 2 * settings.low_box)
    base = atlas.to_list(surroundings)
    excess = (color - base) @ LUMA
    saturation = lambda c: 1 - c.amin(1) / c.amax(1).clamp(min=1e-3)
    paler = ((saturation(base) - saturation(color)) / 0.1).clamp(0, 1)
    amount = part * paler * (excess - most).clamp(min=0) / excess.clamp(min=1e-3)
    amount = amount * atlas.is_region(*SHINY)
    return color + amount[:, None] * (base - color)
