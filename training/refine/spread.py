"""What becomes of solved colors where a photo is not to be believed: a low band without seams, detail of the other side, no highlights."""

import torch
from torch import Tensor

from .atlas import Atlas, push_pull
from .settings import RefineSettings
from .views import LUMA

SHINY = ("face", "scalp", "neck", "ears")


def spread(atlas: Atlas, given: Tensor, change: Tensor, trust: Tensor, settings: RefineSettings) -> Tensor:
    """Colors before [3, U, U], solved change [3, U, U], trust [U, U] -> the change that is kept [3, U, U].

    Outer chart: low band L everywhere, the own high band by trust, where the mirrored side is believed more its high band. On the sides of
    the face, near what is believed, the reconstructor's colors (there the rim of the silhouette, drawn out) give way to the neighbours'.
    Eyes, teeth and lids: by trust alone, and they give nothing to the low band."""
    outer = trust * atlas.outer
    low = fill(atlas, change, outer, settings)
    high = (change - low) * (outer > 0)
    more = (settings.mirror * outer.flip(-1) - outer).clamp(min=0)
    kept = low + outer * high + more * high.flip(-1)
    near = (settings.near * atlas.box(atlas.box(outer[None], settings.near_box), settings.near_box)[0]).clamp(max=1) * atlas.sides
    smooth = fill(atlas, given + change, outer, settings, fade=1.0)
    kept = kept + (1 - outer) * near * (smooth - given - low)
    return torch.where(atlas.outer > 0, kept, trust * change)


def fill(atlas: Atlas, values: Tensor, weight: Tensor, settings: RefineSettings, fade: float | None = None) -> Tensor:
    """Low band of maps [3, U, U] where weight [U, U] is, spread to all the rest. Squared: what is half believed may be something else."""
    mean, rests_on = atlas.mean(values, weight**2, settings.low_box)
    return push_pull(mean, rests_on.clamp(max=1) * atlas.outer, settings.fade if fade is None else fade)


def without_highlights(atlas: Atlas, color: Tensor, settings: RefineSettings) -> Tensor:
    """color [n, 3]: takes away a part of what is brighter than its surroundings and less saturated than they are; highlights would stick to
    the skin when light or head moves. Eyes, lids and lips keep theirs."""
    most, part = settings.highlight
    surroundings, _ = atlas.mean(atlas.to_map(color), atlas.outer, 2 * settings.low_box)
    base = atlas.to_list(surroundings)
    excess = (color - base) @ LUMA
    saturation = lambda c: 1 - c.amin(1) / c.amax(1).clamp(min=1e-3)  # noqa: E731
    paler = ((saturation(base) - saturation(color)) / 0.1).clamp(0, 1)
    amount = part * paler * (excess - most).clamp(min=0) / excess.clamp(min=1e-3)
    amount = amount * atlas.is_region(*SHINY)
    return color + amount[:, None] * (base - color)
