"""Training lowers the loss, can be cut off and resumed, and released weights are a resume point that keeps the
function."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from training import average
from training.average import averaged, fold_into_identity, forward
from training.export.export_onnx import export
from training.export.load_weights import load_released, unfold_batch_norm
from training.losses import uv
from training.models.avatar import Avatar, ModelConfig, Reconstruction
from training.models.base_maps import head_texels, mouth_map, rest_map, surface_weight
from training.samples import (
    HELD_OUT_SEED,
    Batches,
    claim,
    fill_gutter,
    in_mean_tone,
    make_batch,
    photo_count_of,
    read_sample,
    write_sample,
)
from training.train import DRIVER_PARTS, TrainConfig, Trainer, batch_losses, learning_rate, load_settings, start

torch.set_num_threads(1)  # small tensors on a shared machine: a second thread mostly waits


def random_sample(seed: int, photos: int = 2) -> dict:
    """The contract's shapes with smooth random content; no head model needed."""
    rng = np.random.default_rng(seed)
    noise = lambda *shape: rng.random(shape, dtype=np.float32)
    static = np.concatenate(
        [
            noise(3, 256, 256) * 0.01,
            noise(1, 256, 256) + 3,
            noise(3, 256, 256),
            noise(3, 256, 256) - 7.5,
            noise(4, 256, 256),
        ]
    )
    return {
        "photos": noise(photos, 3, 256, 256),
        "photo_tones": 0.6 + 0.5 * noise(photos, 4),
        "anchors_true": noise(photos, 3, 64, 64).round(1),
        "anchors_in": noise(photos, 3, 64, 64),
        "prior_in": noise(4, 64, 64),
        "static": static,
        "valid": np.ones((256, 256), np.float32),
        "seen": np.ones((256, 256), np.float32),
        "position_maps": noise(2, 3, 128, 128) - 0.5,
        "deltas": noise(2, 14, 256, 256) * 0.01,
        "cameras": {"R": noise(2, 3, 3), "t": noise(2, 3), "f": noise(2)},
    }


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    for seed in range(3):
        write_sample(folder / f"{seed:08d}_n{seed % 2 + 1}.npz", random_sample(seed, seed % 2 + 1))
    return folder


@pytest.fixture(scope="module")
def batch(cache):
    return make_batch([read_sample(f) for f in sorted(cache.glob("*.npz"))][:2], 1, 1, np.random.default_rng(0))


def masks(size: int = 128, spread: float = 0.1) -> dict[str, torch.Tensor]:
    return {
        "dynamic": torch.ones(1, 1, size, size),
        "boosted": torch.zeros(1, 1, size, size),
        "spread": torch.full((1, 14, size, size), spread),
        "surface": torch.ones(1, 1, 256, 256),
        "mouth": mouth_map(256),
    }


def trainer(**settings) -> Trainer:
    return Trainer(ModelConfig.load("nano-128"), TrainConfig(warmup_steps=1, **settings), uv.LossWeights(), masks())


def test_bfloat16_trains_with_exact_photo_coordinates(batch):
    single, half = trainer(), trainer(precision="bfloat16")
    half.avatar.load_state_dict(single.avatar.state_dict())
    a, b = (t.avatar.eval() and t.objective(batch) for t in (single, half))
    a, b = ({k: v.detach() for k, v in terms.items()} for terms in (a, b))
    assert float((a["color"] - b["color"]).abs()) > 0, "the networks do run in bfloat16"
    for name in a:
        assert abs(float(a[name]) - float(b[name])) < 0.02 * abs(float(a[name])) + 1e-3, name
    assert half.avatar.pixel_skip.locate.__name__ == "exact"
    assert half.average.pixel_skip.locate.__self__ is half.average.pixel_skip
    before = half.avatar.driver.out.weight.detach().clone()
    half.step(batch, 0.1)
    assert not torch.equal(half.avatar.driver.out.weight, before)


def test_the_driver_can_be_trained_alone(batch, tmp_path):
    first = trainer()
    first.step(batch, 0.0)  # the moving average and the model part
    first.save(tmp_path / "last.pt")
    one = trainer(static_lr=0.0)
    assert one.warm_start(tmp_path / "last.pt") == 0
    state = lambda module: {k: v.detach().clone() for k, v in module.state_dict().items()}
    released = state(first.average)
    assert all(torch.equal(v, released[k]) for k, v in state(one.avatar).items()), "what stays is what is released"
    one.step(batch, 0.0)
    for k, v in state(one.avatar).items():
        assert k.startswith(DRIVER_PARTS) or torch.equal(v, released[k]), k
    changed = [k for k, v in one.avatar.named_parameters() if not torch.equal(v, released[k])]
    assert len(changed) > 10 and "shown.weight" in changed, "what photos show of teeth is learned with the driver"


def test_samples_survive_the_cache(cache):
    stored, sample = read_sample(cache / "00000001_n2.npz"), random_sample(1)
    assert photo_count_of(cache / "00000001_n2.npz") == 2
    assert stored["deltas"].shape == (2, 14, 128, 128), "deltas are kept at the position map's size"
    assert stored["cameras_f"].shape == (2,)
    assert np.abs(stored["photos"] - sample["photos"]).max() < 1 / 255
    assert np.abs(stored["static"] - sample["static"]).max() < 4e-3
    assert np.abs(stored["static"][:3] - sample["static"][:3]).max() < 1e-5, (
        "positions keep a hundredth of a millimeter"
    )


def test_batches_pick_photo_zero_and_count_only_its_visible_texels(batch):
    assert batch["photos"].shape == (2, 1, 3, 256, 256)
    sample = random_sample(1)
    assert np.abs(batch["photos"][1, 0].numpy() - sample["photos"][0]).max() < 1 / 255
    visible = torch.from_numpy(sample["anchors_true"][0, 2]).repeat_interleave(4, 0).repeat_interleave(4, 1)
    assert (batch["seen"][1, 0] - visible).abs().max() < 1e-3


def test_cached_batches_hold_identities_with_enough_photos(cache):
    batches = Batches(cache, 2, (0.0, 1.0, 0.0, 0.0), 1, seed=0)
    for _ in range(3):
        assert batches.take()["photos"].shape[:2] == (2, 2)


def test_batches_survive_samples_that_are_thrown_away(tmp_path):
    for seed in range(3):
        write_sample(tmp_path / f"{seed:08d}_n1.npz", random_sample(seed, 1))
    batches = Batches(tmp_path, 2, (1.0,), 1, seed=0)
    batches.wait_for(3)
    (tmp_path / "00000001_n1.npz").unlink()
    for _ in range(4):
        assert batches.take()["photos"].shape[0] == 2


def test_cache_refuses_samples_of_another_head_model(tmp_path, monkeypatch):
    arrays = {"template": np.zeros((4, 3), np.float32), "mediaPipeFace": np.zeros(478, np.int32)}
    monkeypatch.setattr("training.headmodel.asset_file.read", lambda _: ({}, arrays))
    head = tmp_path / "head.bin"
    claim(tmp_path / "train", head)
    arrays["mediaPipeFace"] = arrays["mediaPipeFace"] + 1  # landmarks may still improve
    claim(tmp_path / "train", head)
    arrays["template"] = arrays["template"] + 1
    with pytest.raises(ValueError, match="another head model"):
        claim(tmp_path / "train", head)


def test_gutter_takes_neighbouring_coordinates_and_leaves_visible_ones_alone():
    anchors = np.zeros((1, 3, 8, 8), np.float32)
    anchors[0, :, 3, 3] = 0.25, 0.75, 1
    filled = fill_gutter(anchors, steps=1)
    assert np.allclose(filled[0, :, 3, 3], [0.25, 0.75, 1])
    assert np.allclose(filled[0, :, 3, 4], [0.25, 0.75, 1])
    assert filled[0, 2].sum() == 5


def test_training_lowers_every_main_loss_on_a_fixed_batch(batch):
    model = trainer()
    first = model.step(batch, 0.0)
    for _ in range(9):
        last = model.step(batch, 0.0)
    assert last["total"] < 0.95 * first["total"]
    assert last["color"] < first["color"]
    assert all(np.isfinite(v) for v in last.values())


def test_every_loss_term_reaches_the_parts_it_should(batch):
    avatar = Avatar(ModelConfig.load("nano-128"))
    terms = batch_losses(avatar, batch, masks(), uv.LossWeights())
    assert {n for n, v in terms.items() if not v.requires_grad} == set()
    reached = {}
    for name, value in terms.items():
        avatar.zero_grad()
        value.backward(retain_graph=True)
        reached[name] = {
            part
            for part, module in avatar.named_children()
            if any(p.grad is not None and p.grad.any() for p in module.parameters())
        }
    assert "driver" in reached["delta_color"] and "driver" not in reached["color"]
    assert "shown" in reached["delta_color"], "what photos show of a texel reaches the driver"
    assert "pixel_skip" in reached["own_coordinates"] and "pixel_skip" in reached["position"]
    assert "encoder" in reached["own_coordinates"]


def test_losses_are_zero_at_the_truth_and_ignore_masked_texels():
    a, b = torch.rand(2, 3, 64, 64), torch.rand(2, 3, 64, 64)
    mask = torch.zeros(2, 1, 64, 64)
    mask[..., :32] = 1
    mixed = torch.where(mask > 0, a, b)
    for loss in (uv.color_l1, uv.color_gradient_l1, uv.position_l1, uv.position_laplacian_l1, uv.coordinates_l1):
        assert loss(mixed, a, mask) == 0
        assert loss(b, a, mask) > 0
    assert uv.color_dissimilarity(a, a, mask) < 1e-4
    assert uv.color_dissimilarity(b, a, mask) > 0.5


def test_a_texel_of_the_scalp_counts_as_its_area():
    weight = surface_weight(128)[0, 0].flatten().numpy()
    model, table = head_texels(128)
    of = lambda name: weight[table.texel[table.region == model.regions.index(name)]]
    assert (of("face") == 1).all() and (of("teethUpper") == 1).all()
    assert 2.5 < of("scalp").mean() <= 3 and 1.5 < of("neck").mean() < of("scalp").mean()


def test_the_mouth_counts_as_often_as_the_weights_say():
    inside = mouth_map(256)
    model, table = head_texels(256)
    teeth = torch.from_numpy(table.texel[table.region == model.regions.index("teethUpper")])
    assert (inside.flatten()[teeth] == 1).all() and 0.05 < inside.mean() < 0.15
    batch = {
        "static": torch.zeros(1, 14, 256, 256),
        "valid": torch.ones(1, 1, 256, 256),
        "seen": torch.ones(1, 1, 256, 256),
    }
    weights = uv.LossWeights(mouth=4.0)
    given = {"surface": torch.ones_like(inside), "mouth": inside}
    for channels, terms in ((slice(4, 7), ("color", "color_gradient", "color_ssim")), (slice(0, 3), ("position",))):
        for where in (inside, 1 - inside):
            static = torch.zeros(1, 14, 256, 256)
            static[:, channels] = 0.1 * where * (torch.arange(256) % 3)
            of = lambda w: uv.static_losses(Reconstruction(static, *[None] * 5), batch, w, given)  # noqa: B023
            once, often = of(uv.LossWeights()), of(weights)
            assert all((often[t] > 1.5 * once[t]) if where is inside else (often[t] < once[t]) for t in terms)


def test_of_what_no_photo_shows_the_mean_is_best_and_of_the_rest_the_median():
    truth = torch.zeros(10, 3, 4, 4)
    truth[:3] = 0.1
    loss = lambda value, seen: uv.color_error(
        torch.full_like(truth, value), truth, torch.ones(10, 1, 4, 4), torch.tensor(seen)
    )
    assert loss(0.0, 1.0) < loss(0.03, 1.0)
    assert loss(0.03, 0.0) < min(loss(0.0, 0.0), loss(0.06, 0.0))


def test_delta_errors_outside_the_dynamic_mask_do_not_count():
    truth, given = torch.rand(1, 14, 16, 16), masks(16)
    given["dynamic"][..., 8:] = 0
    wrong = truth + (1 - given["dynamic"])
    assert all(v == 0 for v in uv.delta_losses(wrong, truth, given, uv.LossWeights()).values())
    assert all(v > 0 for v in uv.delta_losses(truth + 1, truth, given, uv.LossWeights()).values())


def test_the_best_constant_delta_of_a_sparse_truth_is_not_zero():
    """Nine in ten samples are still: an absolute error would be least at zero, where the driver stayed before."""
    truth = torch.zeros(10, 14, 4, 4)
    truth[0] = 0.01
    loss = lambda value: sum(
        uv.delta_losses(torch.full_like(truth, value), truth, masks(4, 0.01), uv.LossWeights()).values()
    )
    assert loss(0.0008) < 0.97 * loss(0.0)


def test_what_the_driver_explains_is_told_per_region():
    truth = torch.rand(2, 14, 4, 4)
    parts = torch.zeros(2, 16)
    parts[0, :8], parts[1, 8:] = 1, 1
    guess = truth.clone()
    guess[:, :, 2:] = 0
    wrong, whole = uv.delta_energy(guess, truth, parts)
    assert torch.allclose(1 - wrong / whole, torch.tensor([[1.0, 0.0]] * 4), atol=1e-6)


def test_spread_follows_region_and_channel_and_keeps_a_floor():
    from training.models.base_maps import delta_spread

    model, table = head_texels(64)
    deltas = torch.zeros(3, 14, 64 * 64)
    lids = torch.from_numpy(table.texel[table.dynamic & (table.region == model.regions.index("lids"))])
    deltas[:, 4, lids] = 0.2
    spread = delta_spread(deltas.reshape(3, 14, 64, 64), 64).flatten(2)[0]
    assert torch.allclose(spread[4, lids], torch.tensor(0.2))
    lips = torch.from_numpy(table.texel[table.dynamic & (table.region == model.regions.index("lips"))])
    assert (spread[4, lips] < 0.1).all() and (spread > 0).all()


def test_true_colors_of_some_photos_do_not_depend_on_their_order():
    sample = {k: v for k, v in random_sample(3, 4).items() if k in ("photo_tones", "static", "deltas")}
    sample["deltas"] = sample["deltas"][:, :, ::2, ::2]
    a, b = (in_mean_tone(sample, np.array(order)) for order in ([0, 2, 3], [3, 0, 2]))
    assert np.abs(a["static"] - b["static"]).max() < 1e-6 and np.abs(a["deltas"] - b["deltas"]).max() < 1e-6
    assert in_mean_tone(sample, np.array([0])) is sample, "one photo: its own tone"
    assert np.abs(a["static"][4:7] - sample["static"][4:7]).max() > 0.02 and np.array_equal(
        a["static"][:4], sample["static"][:4]
    )
    brighter = dict(sample, photo_tones=np.array([[0.5, 0.5, 0.5, 1], [1, 1, 1, 1]], np.float32))
    gain = in_mean_tone(brighter, np.arange(2))["static"][4:7] - sample["static"][4:7]
    assert (gain[sample["static"][4:7] < 0.95] > 0).all() and gain.mean() > 0.05


def test_tone_changes_the_head_of_a_view_not_the_gray_behind_it():
    sample = {
        "photo_tones": np.array([[0.5, 0.5, 0.5, 1], [1, 1, 1, 1]], np.float32),
        "static": np.zeros((14, 8, 8), np.float32),
    }
    mask = np.zeros((1, 8, 8), np.float32)
    mask[:, 2:6, 2:6], mask[:, 1, 2:6] = 1, 0.5
    head = np.float32([0.6, 0.4, 0.3])[:, None, None]
    view = mask[:, None] * head + 0.5 * (1 - mask[:, None])
    after = in_mean_tone(sample | {"targets": view, "target_masks": mask}, np.arange(2))["targets"][0]
    assert np.allclose(after[:, mask[0] == 0], 0.5)
    inside = after[:, 4, 4]
    assert (inside > head[:, 0, 0] + 0.05).all()
    assert np.allclose(after[:, 1, 4], 0.5 * inside + 0.25, atol=1e-6), "half covered"


def test_resumed_training_continues_where_it_stopped(batch, tmp_path):
    one = trainer()
    one.step(batch, 0.0)
    one.save(tmp_path / "last.pt")
    two = trainer()
    two.resume(tmp_path / "last.pt")
    assert two.steps == 1
    a, b = one.step(batch, 0.5), two.step(batch, 0.5)
    assert a["total"] == pytest.approx(b["total"], rel=1e-4)
    for x, y in zip(one.avatar.state_dict().values(), two.avatar.state_dict().values()):
        assert torch.allclose(x.float(), y.float(), atol=1e-5)


def test_weights_of_before_take_the_maps_of_the_present_head_model(tmp_path):
    old = trainer()
    for avatar in (old.avatar, old.average):
        avatar.driver.rest_position.fill_(7)
        avatar.base_rest.fill_(7)
    old.save(tmp_path / "last.pt")
    new = trainer()
    start(new, None, new.avatar.config, None, False, tmp_path / "last.pt")
    for avatar in (new.avatar, new.average):
        assert torch.equal(avatar.base_rest, rest_map(256)) and avatar.driver.rest_position.abs().max() < 2


def test_released_weights_resume_with_the_same_function(batch, tmp_path):
    model = trainer()
    for _ in range(3):
        model.step(batch, 0.0)
    export(model.average, tmp_path, step=3)
    loaded = Avatar(model.average.config).eval()
    load_released(loaded, tmp_path / "nano-128")
    inputs = batch["photos"], batch["anchors"], batch["prior"]
    with torch.no_grad():
        wanted, folded = model.average(*inputs), loaded(*inputs)
        unfold_batch_norm(loaded, lambda: loaded(*inputs))
        unfolded = loaded(*inputs)
        trained = loaded.train()(*inputs)
    for a, b, c, d in zip(wanted, folded, unfolded, trained):
        assert (a - b).abs().max() < 2e-2, "fp16 rounding"
        assert (b - c).abs().max() < 2e-3, "unfolding keeps the function"
        assert (b - d).abs().max() < 2e-3, "batch statistics of the same data give the same function"
    assert loaded.encoder.trunk.stem.bn.running_var.std() > 0


def test_averages_lie_between_the_released_and_the_trained_function(batch, tmp_path, monkeypatch):
    model = trainer()
    model.step(batch, 0.0)
    old = copy.deepcopy(model.avatar).eval()
    fold_into_identity(old)
    for _ in range(2):
        model.step(batch, 0.0)
    inputs = batch["photos"], batch["anchors"], batch["prior"]
    new = model.avatar.eval()
    with torch.no_grad():
        wanted = new(*inputs).static_map
        fold_into_identity(new)
        assert (new(*inputs).static_map - wanted).abs().max() < 1e-3, "folding keeps the function"
        assert torch.equal(new.encoder.trunk.stem.bn.running_mean, old.encoder.trunk.stem.bn.running_mean)
        ends = [forward(avatar, batch) for avatar in (old, new)]
        driven = Avatar(old.config).eval()
        driven.load_state_dict(averaged(old, new, 0.0, 1.0))
        assert torch.equal(driven(*inputs).static_map, old(*inputs).static_map), "the driver has a share of its own"
        assert not torch.equal(forward(driven, batch), ends[0])
    torch.save({"model": new.state_dict(), "step": 7}, tmp_path / "last.pt")
    monkeypatch.setattr(average, "load_model", lambda _, path: (new, 7) if path else (copy.deepcopy(old), 3))
    monkeypatch.setattr(average, "Batches", lambda *_, **__: SimpleNamespace(take=lambda: batch))
    words = ["--checkpoint", str(tmp_path / "last.pt"), "--driver-share", "0.5", "--out", str(tmp_path / "mean.pt")]
    monkeypatch.setattr("sys.argv", ["average", *words])
    average.main()
    goes_on = trainer(static_lr=0.0)
    assert goes_on.warm_start(tmp_path / "mean.pt") == 0 and goes_on.steps == 7
    state, a, b = goes_on.avatar.state_dict(), old.state_dict(), new.state_dict()
    name = (
        "fusion.queries"
        if "fusion.queries" in state
        else next(k for k in state if k.startswith("fusion.") and state[k].dim() > 1)
    )
    assert torch.allclose(state[name], (a[name] + b[name]) / 2, atol=1e-7) and not torch.equal(a[name], b[name])
    assert state["encoder.trunk.stem.bn.running_var"].std() > 0, "norms have statistics to go on with"


def test_learning_rate_warms_up_and_ends_low():
    config = TrainConfig()
    assert learning_rate(config, 0, 0.0) < 0.02 * config.lr
    assert learning_rate(config, config.warmup_steps, 0.0) == pytest.approx(config.lr)
    assert learning_rate(config, 10**6, 1.0) == pytest.approx(config.final_lr)


def test_settings_of_all_configs_load_and_unknown_keys_are_refused():
    for name in ("nano-128", "web-256", "paper-400"):
        model, _, weights, _ = load_settings(name)
        assert model.name == name
        assert weights.unseen < 1
    assert load_settings("paper-400")[1].lr == 3e-5
    with pytest.raises(TypeError):
        ModelConfig.from_dict({"decoder": {"width": 3}})
    assert HELD_OUT_SEED == 10_000_000


def test_image_stage_brings_the_splatted_view_nearer_to_the_true_one():
    """One person, its true maps with a color cast as truth of the view: a few steps of the stage `image` lower its
    picture terms."""
    from training.headmodel.model import HeadModel
    from training.losses.image import ImageLossWeights
    from training.synth.raster import render_maps

    sample = random_sample(3, 1)
    head = HeadModel.load()
    R, t, f = np.eye(3, dtype=np.float32), np.float32([0, 0, -0.77]), np.float32(150)
    expression = head.expression_vector(jawOpen=0.4)
    truth = np.zeros((14, 256, 256), np.float32)
    truth[3], truth[4:7], truth[7:10], truth[13] = 4, np.float32([0.7, 0.3, 0.2])[:, None, None], np.log(0.001), 1
    sample |= {
        "static": truth,
        "deltas": np.zeros((2, 14, 128, 128), np.float32),
        "photo_tones": np.ones((1, 4), np.float32),
    }
    view, covered = render_maps(head, truth, None, expression, np.zeros(15), R, t, float(f), 64, with_coverage=True)
    sample |= {
        "targets": np.stack([view] * 2),
        "target_masks": np.stack([covered] * 2),
        "cameras_R": np.stack([R] * 2),
        "cameras_t": np.stack([t] * 2),
        "cameras_f": np.stack([f] * 2),
    }
    sample |= {"expressions": np.stack([expression] * 2), "poses": np.zeros((2, 15), np.float32)}
    batch = make_batch([sample], 1, 1, np.random.default_rng(0))
    config = TrainConfig(warmup_steps=1, image_lr=3e-4, lr=3e-4)
    one = Trainer(ModelConfig.load("nano-128"), config, uv.LossWeights(), masks(), image_weights=ImageLossWeights())
    history = [one.step(batch, 0.0) for _ in range(6)]
    for term in ("image_l1", "perceptual", "total"):
        assert history[-1][term] < 0.97 * history[0][term], term
    with pytest.raises(KeyError, match="targets"):
        one.step({key: value for key, value in batch.items() if key != "targets"}, 0.0)


def test_true_maps_have_no_image_loss_on_any_background_and_precision_does_not_matter():
    from training.headmodel.model import HeadModel
    from training.image_stage import ImageStage
    from training.losses.image import ImageLossWeights
    from training.models.avatar import Reconstruction
    from training.synth.raster import render_maps

    head = HeadModel.load()
    avatar = Avatar(ModelConfig.load("nano-128"))
    truth = np.zeros((14, 256, 256), np.float32)
    truth[3], truth[4:7], truth[7:10], truth[13] = 4, np.float32([0.7, 0.3, 0.2])[:, None, None], np.log(0.001), 1
    R, t = np.eye(3, dtype=np.float32), np.float32([0, 0, -0.77])
    view, covered = render_maps(
        head, truth, None, head.expression_vector(), np.zeros(15), R, t, 300.0, 128, with_coverage=True
    )
    tensor = lambda x: torch.from_numpy(np.asarray(x, np.float32))[None]
    batch = {"targets": tensor(view), "target_masks": tensor(covered), "cameras_R": tensor(R), "cameras_t": tensor(t)}
    batch |= {"cameras_f": tensor(300.0), "expressions": tensor(head.expression_vector()), "poses": torch.zeros(1, 15)}
    batch |= {"static": tensor(truth), "valid": torch.ones(1, 1, 256, 256)}
    stage = ImageStage(avatar, ImageLossWeights(perceptual=0, mouth_perceptual=0))

    def terms(maps: np.ndarray, precision: torch.dtype, seed: int) -> dict[str, float]:
        torch.manual_seed(seed)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
            found = stage.terms(Reconstruction(tensor(maps), *[None] * 5), torch.zeros(1, 14, 128, 128), batch)
        return {name: value.item() for name, value in found.items()}

    assert not {"perceptual", "mouth_perceptual"} & set(terms(truth, torch.float32, 0)), "no net was built"
    for seed in (0, 1):
        assert max(terms(truth, torch.float32, seed).values()) < 2e-3, "background"
    other = truth.copy()
    other[4:7] += 0.1 * np.random.default_rng(0).standard_normal((3, 256, 256)).astype(np.float32)
    exact, coarse = (terms(other, precision, 0) for precision in (torch.float32, torch.bfloat16))
    assert exact["image_ssim"] > 0.01
    assert coarse == pytest.approx(exact, rel=1e-3)
    at_rest, delta = tensor(other).requires_grad_(), torch.zeros(1, 14, 128, 128, requires_grad=True)
    stage.terms(Reconstruction(at_rest, *[None] * 5), delta, batch)["image_l1"].backward()
    table, learned = stage.splatter.table, at_rest.grad[0].flatten(1)
    lips, face = (torch.from_numpy(table.texel[table.region == head.regions.index(name)]) for name in ("lips", "face"))
    assert (learned[3:, lips] == 0).all(), "pictures do not paint lips at rest"
    assert learned[:3, lips].any() and learned[4:7, face].any() and delta.grad[0, 4:7].any()
