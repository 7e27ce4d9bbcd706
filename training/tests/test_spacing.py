"""Gaussians of a stretched or oblique surface grow with it; the rest stay as they are."""

import math

import torch

from training.models.avatar import Avatar
from training.models.base_maps import link_map, rest_map, set_head_maps
from training.models.config import ModelConfig
from training.models.ours.spacing import IN_PLANE, MOST, SLACK, THICKEST, Spacing, step_along

SIZE = 16
STEP = 0.001  # meters from texel to texel


def flat() -> torch.Tensor:
    """Surfels of a plane: u to +X, v to +Y, so rows go to -Y."""
    rest = torch.tensor([math.log(IN_PLANE * STEP)] * 2 + [math.log(0.0002), 0, 0, 0, 1])
    return rest[:, None, None].repeat(1, SIZE, SIZE)


def linked() -> Spacing:
    spacing = Spacing(SIZE)
    spacing.links[..., :-1] += 1
    spacing.links[..., :-1, :] += 2
    return spacing


def widened(scale: torch.Tensor, position: torch.Tensor, rest: torch.Tensor) -> torch.Tensor:
    """What a linked surface makes of `scale`, its surfels turned as `rest` has them."""
    return linked()(scale, position, rest[None, 3:], rest)


def stretched(along_u: float, along_v: float) -> torch.Tensor:
    """Offsets [1, 3, SIZE, SIZE] that pull texels apart by these factors."""
    row, column = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    return torch.stack([(along_u - 1) * STEP * column, -(along_v - 1) * STEP * row, 0.0 * row])[None]


def test_scales_follow_the_stretch_of_each_axis_and_never_shrink():
    rest = flat()
    scale = rest[None, :3]
    out = widened(scale, stretched(1.5, 1.0), rest) - scale
    assert torch.allclose(out[:, 0], torch.tensor(math.log(1.5) - SLACK), atol=1e-4)
    assert out[:, 1:].abs().max() == 0
    out = widened(scale, stretched(0.5, 1.3), rest) - scale
    assert out[:, 0].abs().max() == 0 and torch.allclose(out[:, 1], torch.tensor(math.log(1.3) - SLACK), atol=1e-4)
    assert torch.allclose(widened(scale, stretched(9.0, 1.0), rest)[:, 0] - scale[:, 0], torch.tensor(MOST), atol=1e-5)


def test_a_gaussian_that_is_already_wide_enough_stays():
    rest = flat()
    wide = rest[None, :3] + 0.5
    assert torch.equal(widened(wide, stretched(1.5, 1.5), rest), wide)


def oblique(slope: float) -> torch.Tensor:
    """Offsets [1, 3, SIZE, SIZE] of a plane that rises by `slope` along u."""
    rise = slope * STEP * torch.arange(SIZE).expand(SIZE, SIZE)
    return torch.stack([0 * rise, 0 * rise, rise])[None]


def test_surfels_that_lie_obliquely_in_their_surface_become_thick_enough_to_meet():
    rest = flat()
    scale, slope = rest[None, :3], 0.6
    thickness = widened(scale, oblique(slope), rest)[:, 2]
    assert torch.allclose(thickness, torch.tensor(math.log(IN_PLANE * slope * STEP)), atol=0.01)
    assert torch.equal(widened(scale, oblique(0.1), rest)[:, 2], scale[:, 2])  # thick enough as it is
    assert torch.allclose(widened(scale, oblique(9.0), rest)[:, 2] - scale[:, 2], torch.tensor(THICKEST), atol=1e-5)
    turned, half = rest.clone(), math.atan(slope) / 2  # about -Y: the normal stands on the plane again
    turned[4], turned[6] = -math.sin(half), math.cos(half)
    spacing = linked()
    along = spacing(scale, oblique(slope), 3 * turned[None, 3:], rest)  # a quaternion of any length
    assert torch.equal(along[:, 2], scale[:, 2])


def test_what_is_not_linked_is_another_surface():
    rest = flat()
    scale, torn = rest[None, :3], torch.zeros(1, 3, SIZE, SIZE)
    torn[:, 2, :, SIZE // 2 :] = 0.05  # two charts, 5 cm apart
    spacing = linked()
    spacing.links[..., SIZE // 2 - 1] -= 1
    assert torch.equal(spacing(scale, torn, rest[None, 3:], rest), scale)
    assert (widened(scale, torn, rest) - scale).max() > 0.5  # with the link it would matter
    assert torch.equal(Spacing(SIZE)(scale, stretched(2, 2), rest[None, 3:], rest), scale)  # a fresh model


def test_links_join_near_points_of_one_surface_and_steps_give_the_mean_heads_own_spacing():
    from training.headmodel.texels import head_texels

    links, (model, table) = link_map(128), head_texels(128)
    right, down = links[0, 0] % 2, (links[0, 0] >= 2).float()
    assert 0.6 < right.mean() / 0.9 and right[:, -1].sum() == down[-1].sum() == 0
    teeth = torch.from_numpy(table.texel[table.region == model.regions.index("teethUpper")])
    assert links.flatten()[teeth].sum() == 0
    points = torch.zeros(3, 128 * 128)
    points[:, torch.from_numpy(table.texel)] = torch.from_numpy(table.sample(model.template).T).float()
    rest, inside = rest_map(128), (right * right.roll(1, 1)) > 0
    along = step_along(points.reshape(1, 3, 128, 128), right[None, None], 3)[0][0].norm(dim=0)[inside]
    expected = rest[0].exp()[inside] / IN_PLANE
    assert ((along - expected).abs() / along).median() < 0.05


def test_a_model_widens_the_gaussians_of_a_long_face():
    torch.manual_seed(0)
    avatar = Avatar(ModelConfig.load("nano-128")).eval()
    set_head_maps(avatar)
    photos, anchors = torch.rand(1, 1, 3, 256, 256), torch.zeros(1, 1, 3, 64, 64)
    prior = torch.zeros(1, 4, 64, 64)
    prior[:, 3] = 1
    longer = prior.clone()
    longer[:, 1] = -torch.linspace(0, 3, 64)[None, :, None]  # 6 cm longer over the atlas
    with torch.no_grad():
        usual, long = (avatar(photos, anchors, p).static_map[0, 8] for p in (prior, longer))
        avatar.spacing.links.zero_()
        alone = avatar(photos, anchors, longer).static_map[0, 8]
    down = link_map(256)[0, 0] >= 2
    assert (long - alone)[down].mean() > 0.05 > (usual - alone)[down].mean().abs() + 1e-3
