"""Shapes, sizes and invariances of the three configurations. Large models are built on the meta device: no memory, no
time."""

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from training.models.avatar import CHANNELS, Avatar, ModelConfig, rows_beside_seam
from training.models.base_maps import head_texels, set_head_maps
from training.models.blocks import ConvBn, fold_batch_norm, grid_centres, sample_bilinear, space_to_depth
from training.models.pixel_skip import photo_gains
from training.models.push_pull import push_pull


def parameters(module: torch.nn.Module, trained_only: bool = False) -> float:
    return sum(p.numel() for p in module.parameters() if p.requires_grad or not trained_only) / 1e6


def build(name: str, device: str = "meta") -> Avatar:
    with torch.device(device):
        return Avatar(ModelConfig.load(name)).eval()


def inputs(config: ModelConfig, photos: int, device: str = "meta") -> tuple[torch.Tensor, ...]:
    size, anchor = config.encoder.photo_size, max(1, config.anchor_size)
    make = lambda *shape: torch.rand(*shape, device=device)
    return make(1, photos, 3, size, size), make(1, photos, 3, anchor, anchor), make(1, 4, anchor, anchor)


@pytest.mark.parametrize(
    "name, total, trained", [("paper-400", 353.0, 50.0), ("web-256", 12.4, 12.4), ("nano-128", 1.86, 1.86)]
)
def test_parameter_counts(name, total, trained):
    avatar = build(name)
    assert parameters(avatar) == pytest.approx(total, rel=0.02)
    assert parameters(avatar, trained_only=True) == pytest.approx(trained, rel=0.02)


def test_paper_model_has_the_parts_of_table_3():
    avatar = build("paper-400")
    config = avatar.config
    photos = inputs(config, 4)[0]
    tokens = avatar.encode(photos[0])
    assert tokens.shape == (4, 1024, 512)
    assert avatar.fusion.queries.shape == (2500, 512)
    assert len(avatar.fusion.self_layers) == len(avatar.fusion.cross_layers) == 6
    features, _ = avatar.fusion(tokens[None])
    assert features.shape == (1, 512, 50, 50)
    r = avatar.reconstruct(tokens[None], photos)
    assert r.identity_features.shape == (1, 32, 400, 400)
    assert r.static_map.shape == (1, 14, 400, 400)
    assert r.photo_coordinates is None
    assert len(avatar.driver.down) == len(avatar.driver.up) == 4
    assert avatar.drive(r.identity_features, torch.rand(1, 3, 400, 400, device="meta")).shape == (1, 14, 400, 400)
    assert parameters(avatar.decoder) == pytest.approx(4.7, rel=0.02)
    assert parameters(avatar.driver) == pytest.approx(4.9, rel=0.02)


def test_backbone_of_the_paper_model_is_frozen_and_only_its_projection_learns():
    avatar = build("paper-400")
    trained = {name for name, p in avatar.encoder.named_parameters() if p.requires_grad}
    assert trained == {"trunk.project.weight", "trunk.project.bias"}


@pytest.mark.parametrize("name, features", [("web-256", (1, 32, 128, 128)), ("nano-128", (1, 16, 64, 64))])
def test_compact_models_keep_the_contract_shapes(name, features):
    avatar = build(name)
    r = avatar(*inputs(avatar.config, 2))
    size = avatar.config.position_map_size
    assert r.static_map.shape == (1, 14, 256, 256)
    assert r.identity_features.shape == features
    assert r.photo_coordinates.shape == (1, 2, 3, 64, 64)
    assert avatar.drive(r.identity_features, torch.rand(1, 3, size, size, device="meta")).shape == (1, 14, 256, 256)


@pytest.mark.parametrize("name, limit", [("web-256", 4.1), ("nano-128", 0.5)])
def test_driver_stays_within_its_budget_per_frame(name, limit):
    driver = fold_batch_norm(build(name)).driver
    config = ModelConfig.load(name)
    size = config.position_map_size
    identity = torch.rand(1, config.driver.identity_channels, size // 2, size // 2, device="meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        driver.requires_grad_(False)(identity, torch.rand(1, 3, size, size, device="meta"))
    assert 0 < counter.get_total_flops() / 1e9 <= limit


@pytest.fixture(scope="module")
def nano() -> Avatar:
    torch.manual_seed(0)
    avatar = build("nano-128", "cpu").requires_grad_(False)
    avatar.pixel_skip.mirrored.fill_(1)
    for head in (
        avatar.decoder.attributes,
        avatar.pixel_skip.coordinates,
        avatar.pixel_skip.color,
        avatar.pixel_skip.offset,
    ):
        torch.nn.init.normal_(head.weight, std=0.02)
    return avatar


def test_gives_the_same_maps_for_photos_in_any_order(nano):
    photos, anchors, prior = inputs(nano.config, 3, "cpu")
    order = [2, 0, 1]
    a, b = nano(photos, anchors, prior), nano(photos[:, order], anchors[:, order], prior)
    assert (a.static_map - b.static_map).abs().max() < 1e-4
    assert (a.photo_coordinates[:, order] - b.photo_coordinates).abs().max() < 1e-4
    other = nano(photos.flip(-1), anchors, prior)
    assert (a.static_map - other.static_map).abs().max() > 1e-2, "the maps do not depend on the photos at all"


def test_gains_bring_photos_of_other_exposure_together():
    """Photos that share texels pairwise, with unknown gains per color: what they show agrees afterwards, in their mean
    tone."""
    torch.manual_seed(5)
    truth = torch.rand(1, 1, 3, 16, 16) * 0.6 + 0.2
    exposure = torch.tensor([[1.0, 1.0, 1.0], [1.3, 1.2, 1.1], [0.8, 0.9, 1.0], [1.0, 0.8, 0.9]]).reshape(1, 4, 3, 1, 1)
    weight = torch.zeros(1, 4, 1, 16, 16)
    for i in range(4):
        weight[:, i, :, :, 3 * i : 3 * i + 7] = 1  # each overlaps its neighbours
    photos = truth * exposure
    gains = photo_gains(photos, weight, rounds=60, ridge=0.0)
    mean = exposure.log().mean(1, keepdim=True).exp()
    assert (photos * gains - truth * mean).abs().max() < 0.01
    quick = photo_gains(photos, weight)
    assert (photos * quick - truth * mean).abs().mean() < 0.6 * (photos - truth * mean).abs().mean()
    order = [2, 0, 3, 1]
    assert torch.allclose(photo_gains(photos[:, order], weight[:, order]), quick[:, order], atol=1e-6)
    assert torch.allclose(photo_gains(photos, torch.zeros_like(weight)), torch.ones(1), atol=1e-6), "nothing shared"


def test_a_photo_from_behind_does_not_set_the_exposure_of_the_face():
    """One photo shows the face, the other dark hair where it is not sure (0.15) of seeing it: both keep their exposure
    within 5 %."""
    face, hair = torch.full((1, 1, 3, 16, 16), 0.6), torch.full((1, 1, 3, 16, 16), 0.1)
    weight = torch.stack([torch.full((1, 1, 16, 16), 0.95), torch.full((1, 1, 16, 16), 0.15)], 1)
    weight[..., 12:] = 0.01  # what neither shows
    assert (photo_gains(torch.cat([face, hair], 1), weight) - 1).abs().max() < 0.05
    sure = torch.full_like(weight, 0.95)
    assert (photo_gains(torch.cat([face, hair], 1), sure) - 1).abs().max() > 0.4, "what both surely show does"


def test_repeating_every_photo_changes_nothing(nano):
    photos, anchors, prior = inputs(nano.config, 1, "cpu")
    once, twice = nano(photos, anchors, prior), nano(photos.repeat(1, 2, 1, 1, 1), anchors.repeat(1, 2, 1, 1, 1), prior)
    assert (once.static_map - twice.static_map).abs().max() < 1e-4


def test_untrained_model_renders_a_sane_head():
    """Fresh weights: opacity, scale and rotation stay near the base maps, positions near the template plus the fit's
    offsets."""
    torch.manual_seed(1)
    avatar = build("nano-128", "cpu").requires_grad_(False)
    photos, anchors, _ = inputs(avatar.config, 1, "cpu")
    offset = torch.tensor([0.1, -0.2, 0.3])[:, None, None].expand(3, 64, 64)
    prior = torch.cat([offset, torch.ones(1, 64, 64)])[None]
    maps = avatar(photos, anchors, prior).static_map[0]
    assert (maps[CHANNELS["position"]] - torch.tensor([0.002, -0.004, 0.006])[:, None, None]).abs().max() < 2e-3
    assert (maps[CHANNELS["opacity"]] - 3).abs().max() < 0.2
    assert (maps[CHANNELS["log_scale"]] - avatar.base_rest[:3]).abs().max() < 0.1
    assert (maps[CHANNELS["rotation"]] - avatar.base_rest[3:]).abs().max() < 0.05


def test_sampling_a_coordinate_ramp_gives_the_coordinates():
    ramp = grid_centres(64).T.reshape(1, 2, 64, 64)
    xy = torch.rand(1, 2, 32, 32) * 0.8 + 0.1
    assert (sample_bilinear(ramp, xy) - xy).abs().max() < 1e-5


def test_confident_anchors_move_the_sampling_point_towards_them(nano):
    photos, anchors, prior = inputs(nano.config, 1, "cpu")
    with torch.no_grad():
        nano.pixel_skip.coordinates.weight.zero_()
    anchors[:, :, 2] = 0
    own = nano(photos, anchors, prior).photo_coordinates[:, :, :2]
    anchors[:, :, 2] = 1
    pulled = nano(photos, anchors, prior).photo_coordinates[:, :, :2]
    given = anchors[:, :, :2]
    assert (pulled - given).abs().mean() < 0.2 * (own - given).abs().mean()


def test_bilinear_gathers_agree_with_grid_sample():
    torch.manual_seed(3)
    images, xy = torch.rand(2, 3, 16, 16), torch.rand(2, 2, 9, 9) * 1.4 - 0.2
    wanted = torch.nn.functional.grid_sample(
        images, (xy * 2 - 1).permute(0, 2, 3, 1), padding_mode="border", align_corners=False
    )
    assert (sample_bilinear(images, xy) - wanted).abs().max() < 1e-5


def test_space_to_depth_is_undone_by_pixel_shuffle():
    x = torch.rand(2, 3, 8, 8)
    assert torch.equal(torch.nn.functional.pixel_shuffle(space_to_depth(x, 2), 2), x)


def test_folding_batch_norm_keeps_the_function():
    torch.manual_seed(4)
    layer = ConvBn(3, 5).eval()
    layer.bn.running_mean.normal_()
    layer.bn.running_var.uniform_(0.5, 2)
    x = torch.rand(1, 3, 8, 8)
    wanted = layer(x)
    assert (fold_batch_norm(torch.nn.Sequential(layer))(x) - wanted).abs().max() < 1e-5


def test_driver_sees_an_expression_as_its_displacement_from_rest(nano):
    """The same step away from rest gives the same delta, wherever rest is."""
    driver = nano.driver
    identity, step = torch.rand(1, 16, 64, 64), torch.rand(1, 3, 128, 128) * 0.02
    torch.nn.init.normal_(driver.out.weight, std=0.02)
    rest = torch.rand(1, 3, 128, 128)
    driver.rest_position.zero_()
    wanted, neutral = driver(identity, step), driver(identity, torch.zeros_like(step))
    driver.rest_position.copy_(rest)
    assert (driver(identity, rest + step) - wanted).abs().max() < 1e-3
    assert (wanted - neutral).abs().max() > 1e-2, (
        "a displacement of two percent of the head must be visible to the driver"
    )


def test_push_pull_keeps_what_is_known_and_carries_near_values_first():
    weight = torch.zeros(1, 1, 32, 32)
    weight[..., :4, :] = 1
    weight[..., 28:, :] = 1
    values = torch.zeros(1, 2, 32, 32)
    values[:, 0, :4], values[:, 1, 28:] = 0.8, -0.4
    filled = push_pull(values, weight)
    assert (filled - values)[..., weight[0, 0] > 0].abs().max() < 1e-3
    down = filled[0].mean(2)
    assert (down[0, 4:12] > 0.5).all() and (down[0, 20:28] < 0.3).all(), (
        "the upper band reaches down, and not to the other end"
    )
    assert (down[1, 20:28] < -0.25).all() and (down[1, 4:12] > -0.15).all()
    assert (push_pull(torch.zeros(1, 2, 32, 32), torch.zeros(1, 1, 32, 32)) == 0).all()


def test_a_rare_hair_color_is_carried_over_the_scalp_and_no_further():
    avatar = build("nano-128", "cpu").requires_grad_(False)
    set_head_maps(avatar)
    inpaint, size = avatar.pixel_skip.inpaint, avatar.config.anchor_size
    scalp, face, neck = inpaint.parts.flatten(1) > 0
    assert scalp.sum() > 300 and face.sum() > 1000 and neck.sum() > 200
    assert not (scalp & face).any() and not (scalp & neck).any() and not (face & neck).any()
    pink, skin = torch.tensor([0.3, -0.4, 0.0]), torch.tensor([0.2, 0.0, -0.1])
    known = torch.zeros(1, 8, size * size)
    # a tenth of each part
    shown = torch.randperm(size * size, generator=torch.Generator().manual_seed(0)) < size * size // 10
    for part, color in ((scalp, pink), (face, skin)):
        known[0, :3, part & shown], known[0, 3, part & shown] = color[:, None], 1.0
    color, any_seen = inpaint.carried(known.reshape(1, 8, size, size))
    color, any_seen = color[0].flatten(1), any_seen.flatten()
    assert (color[:, scalp] - pink[:, None]).abs().max() < 0.02 and (color[:, face] - skin[:, None]).abs().max() < 0.02
    assert (any_seen[scalp] == 1).all() and (any_seen[face] == 1).all()
    assert (any_seen[neck] == 0).all() and (color[:, neck] == 0).all(), "of the neck nothing is seen"
    mirrored = torch.cat([torch.zeros_like(known[:, :4]), known[:, :4]], dim=1)
    color, any_seen = inpaint.carried(mirrored.reshape(1, 8, size, size))
    assert (color[0].flatten(1)[:, scalp] - pink[:, None]).abs().max() < 0.02, (
        "what only the mirror image shows is carried too"
    )


@pytest.mark.parametrize("size", [256, 400])
def test_rows_of_the_neck_at_the_seam_are_those_above_it(size):
    model, table = head_texels(size)
    outer = np.isin(
        table.region, [model.regions.index(name) for name in ("face", "scalp", "neck", "ears", "lips", "lids")]
    )
    last = (table.texel[outer] // size).max()
    rows, same = rows_beside_seam(size), torch.arange(size)
    changed = rows != same
    assert changed.nonzero().flatten().tolist() == list(range(last - changed.sum() + 1, last + 1)), (
        "the last rows of the outer chart"
    )
    assert (rows[changed] == same[changed].min() - 1).all() and 3 <= changed.sum() <= size // 64


def test_maps_repeat_the_row_above_the_seam(nano):
    # position, opacity, color: no base map per row is added
    maps = nano(*inputs(nano.config, 1, "cpu")).static_map[:, :7]
    end = round(0.875 * nano.config.map_size)
    assert (maps[:, :, end - 3 : end] == maps[:, :, end - 4 : end - 3]).all()
    assert (maps[:, :, end - 4] != maps[:, :, end - 5]).any() and (maps[:, :, end] != maps[:, :, end - 1]).any()
