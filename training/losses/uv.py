"""UV-space losses (stage S1b): everything the networks predict has dense ground truth per texel, so no rasteriser is
needed.

Maps are [b, 14, H, W] before activation; masks are [b, 1, H, W] in 0..1; photo coordinates are 0..1. All return a
scalar."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ..models.avatar import CHANNELS, Reconstruction
from ..models.blocks import upsample

DELTA_GROUPS = ("position", "color", "log_scale", "rotation")
POSITION_UNIT = 0.02  # meters; position errors are measured in this unit


@dataclass(frozen=True)
class LossWeights:
    color: float = 1.0
    unseen: float = 0.7  # weight of texels that no photo shows, inside the color terms
    decoded_color: float = 0.2  # color before the photo's pixels enter
    color_gradient: float = 0.5
    color_ssim: float = 0.1
    position: float = 0.4
    position_laplacian: float = 0.1
    log_scale: float = 0.1
    opacity: float = 0.1
    rotation: float = 0.1
    # factor on texels of the mouth in the terms of color and position: few, dark, and mostly hidden in photos
    mouth: float = 1.0
    own_coordinates: float = 2.0
    coordinates: float = 2.0
    visibility: float = 0.1
    delta_color: float = 0.1
    delta_position: float = 0.05
    delta_rest: float = 0.03
    delta_boost: float = 5.0  # factor on texels of mouth and eyes


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of [b, c, h, w] over the texels of [b, 1, h, w]; 0 where the mask is empty."""
    return (values * mask).sum() / (mask.sum() * values.shape[1]).clamp(min=1e-6)


def color_l1(predicted: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    return masked_mean((predicted - truth).abs(), weight)


def color_error(predicted: Tensor, truth: Tensor, weight: Tensor, seen: Tensor, bend: float = 0.12) -> Tensor:
    """Absolute error where a photo shows the texel, Huber elsewhere: of what can only be guessed the mean is wanted,
    not the likeliest."""
    error = (predicted - truth).abs()
    guessed = torch.where(error < bend, error**2 / (2 * bend), error - bend / 2)
    return masked_mean(error * seen + guessed * (1 - seen), weight)


def color_gradient_l1(predicted: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """L1 between finite differences, on texel pairs of which both count."""
    error = predicted - truth
    across = masked_mean((error[..., 1:] - error[..., :-1]).abs(), weight[..., 1:] * weight[..., :-1])
    down = masked_mean((error[..., 1:, :] - error[..., :-1, :]).abs(), weight[..., 1:, :] * weight[..., :-1, :])
    return across + down


def color_dissimilarity(predicted: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """1 - SSIM in 8x8 boxes with stride 4, weighted by how much of the box counts."""
    pool = lambda x: F.avg_pool2d(x, 8, 4)
    inside = pool(weight) + 1e-4
    mean = lambda x: pool(x * weight) / inside
    mp, mt = mean(predicted), mean(truth)
    vp, vt = mean(predicted**2) - mp**2, mean(truth**2) - mt**2
    covariance = mean(predicted * truth) - mp * mt
    c1, c2 = 0.01**2, 0.03**2
    ssim = (
        (2 * mp * mt + c1) * (2 * covariance + c2) / ((mp**2 + mt**2 + c1) * (vp.clamp(min=0) + vt.clamp(min=0) + c2))
    )
    return masked_mean(1 - ssim, inside)


def position_l1(predicted: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
    """In units of 2 cm."""
    return masked_mean((predicted - truth).abs(), valid) / POSITION_UNIT


def position_laplacian_l1(predicted: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
    """Second differences of the error along rows and columns, in units of 2 cm: keeps surfaces smooth without
    flattening them."""
    e = (predicted - truth) / POSITION_UNIT
    across = masked_mean(
        (e[..., 2:] - 2 * e[..., 1:-1] + e[..., :-2]).abs(), valid[..., 2:] * valid[..., 1:-1] * valid[..., :-2]
    )
    inside = valid[..., 2:, :] * valid[..., 1:-1, :] * valid[..., :-2, :]
    return across + masked_mean((e[..., 2:, :] - 2 * e[..., 1:-1, :] + e[..., :-2, :]).abs(), inside)


def opacity_bce(predicted: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
    """Both are logits."""
    return masked_mean(F.binary_cross_entropy_with_logits(predicted, torch.sigmoid(truth), reduction="none"), valid)


def rotation_l1(predicted: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
    """Quaternions before normalisation; the generator gives every person the signs of one base map, so that deltas
    fit."""
    return masked_mean((predicted - truth).abs(), valid)


def coordinates_l1(predicted: Tensor, truth: Tensor, visible: Tensor) -> Tensor:
    """[m, 2, a, a] photo coordinates where the texel is visible."""
    return masked_mean((predicted - truth).abs(), visible)


def visibility_bce(logit: Tensor, visible: Tensor, valid: Tensor) -> Tensor:
    return masked_mean(F.binary_cross_entropy_with_logits(logit, visible, reduction="none"), valid)


def static_losses(
    r: Reconstruction, batch: dict[str, Tensor], weights: LossWeights, masks: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Unweighted terms of the reconstruction. `batch`: static, valid, seen, anchors_true, anchors_near
    (training/samples.py); `masks` [1, 1, H, W]: `surface`, how much a texel's position counts, and `mouth`
    (base_maps.py)."""
    truth, valid, seen = batch["static"], batch["valid"], batch["seen"]
    emphasis = 1 + (weights.mouth - 1) * masks["mouth"]
    counted = valid * (seen + (1 - seen) * weights.unseen) * emphasis
    color, color_truth = r.static_map[:, CHANNELS["color"]], truth[:, CHANNELS["color"]]
    # geometry varies slowly: every second texel is enough and halves the cost of these terms
    part = lambda maps, key: maps[:, CHANNELS[key], ::2, ::2]
    coarse = valid[..., ::2, ::2]
    position, position_truth = part(r.static_map, "position"), part(truth, "position")
    terms = {
        "color": color_error(color, color_truth, counted, seen),
        "color_gradient": color_gradient_l1(color, color_truth, counted),
        "color_ssim": color_dissimilarity(color, color_truth, counted),
        "position": position_l1(position, position_truth, coarse * (masks["surface"] * emphasis)[..., ::2, ::2]),
        "position_laplacian": position_laplacian_l1(position, position_truth, coarse),
        "log_scale": masked_mean((part(r.static_map, "log_scale") - part(truth, "log_scale")).abs(), coarse),
        "opacity": opacity_bce(part(r.static_map, "opacity"), part(truth, "opacity"), coarse),
        "rotation": rotation_l1(part(r.static_map, "rotation"), part(truth, "rotation"), coarse),
    }
    if r.photo_coordinates is not None:
        anchors = batch["anchors_true"].flatten(0, 1)
        near = batch["anchors_near"].flatten(0, 1)  # gutter filled
        xy, visible, inside = near[:, :2], anchors[:, 2:], near[:, 2:]
        own = upsample(r.own_coordinates.flatten(0, 1), xy.shape[-1] // r.own_coordinates.shape[-1])
        coarse_valid = (
            (F.avg_pool2d(valid, valid.shape[-1] // xy.shape[-1]) > 0.5)
            .float()
            .repeat_interleave(len(xy) // len(valid), 0)
        )
        terms |= {
            "decoded_color": color_l1(r.decoded_color, color_truth, valid),
            "own_coordinates": coordinates_l1(own, xy, inside),
            "coordinates": coordinates_l1(r.photo_coordinates.flatten(0, 1)[:, :2], xy, inside),
            "visibility": visibility_bce(r.visibility_logit.flatten(0, 1), visible, coarse_valid),
        }
    return terms


def delta_losses(delta: Tensor, truth: Tensor, masks: dict[str, Tensor], weights: LossWeights) -> dict[str, Tensor]:
    """Unweighted terms of the driver: Charbonnier penalty of the error in units of the truth's spread, so that small
    channels count too.

    An absolute error has the median of sparse truths, zero, as its optimum. `masks`: `dynamic` and `boosted` (mouth and
    eyes) [1, 1, h, w], `spread` [1, 14, h, w], the root mean square of the truth (base_maps.py)."""
    weight = masks["dynamic"] * (1 + (weights.delta_boost - 1) * masks["boosted"])
    weight = weight.expand(len(delta), -1, -1, -1)
    error = (delta - truth) / masks["spread"]
    error = 2 * ((1 + 0.5 * error**2).sqrt() - 1)  # 0.5 e² near 0, about 1.4 |e| far away
    rest = torch.cat([error[:, CHANNELS["opacity"]], error[:, 7:]], dim=1)
    return {
        "delta_color": masked_mean(error[:, CHANNELS["color"]], weight),
        "delta_position": masked_mean(error[:, CHANNELS["position"]], weight),
        "delta_rest": masked_mean(rest, weight),
    }


@torch.no_grad()
def delta_energy(delta: Tensor, truth: Tensor, parts: Tensor) -> Tensor:
    """Squared error and squared truth, [2, groups, regions], of position, color, log scale and rotation in regions
    `parts` [regions, h w].

    1 - first / second is the share of the driver's truth that it explains (0: as good as skinning alone)."""
    sums = lambda x: torch.stack([(x[:, CHANNELS[g]] ** 2).sum((0, 1)).flatten() for g in DELTA_GROUPS]) @ parts.T
    return torch.stack([sums(delta - truth), sums(truth)])


def total(terms: dict[str, Tensor], weights: LossWeights) -> Tensor:
    """Weighted sum; a term without a weight of its name is an AttributeError."""
    return sum(value * getattr(weights, name) for name, value in terms.items())
