"""Classes and matte: labelled people, the portraits' labels, losses, the exported network, and matting with its
fixture."""

import json

import numpy as np
import onnxruntime
import pytest
import torch

from training.classes import (
    dataset,
    export,
    matting,
    network,
    person,
    portraits,
    samples,
    shipped,
    train,
    write_fixture,
)
from training.classes.evaluate import Ours, Overlap, matte_errors
from training.classes.labelled import Labels, Photographer
from training.classes.vocabulary import BACKGROUND, BODY, CLOTHES, FACE, HAIR, INPUT, NAMES, UNKNOWN
from training.synth.skins import default_data_root


def far_apart(logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """Logits [B,5,S,S] that are sure of label [B,S,S]."""
    return logits.scatter(1, label[:, None], 20.0)


def test_the_fixtures_are_what_matting_and_the_network_compute():
    assert json.loads(write_fixture.FIXTURE.read_text()) == write_fixture.expected()
    stored, seen = json.loads(write_fixture.PERSON_FIXTURE.read_text()), write_fixture.expected_person()
    assert stored["image"] == seen["image"]
    for name in ("mask", "hair", "skin", "clothes"):
        assert np.allclose(stored[name], seen[name], atol=1e-3), name  # another machine adds in another order


def test_a_picture_is_sampled_between_its_nearest_pixels():
    rows, columns = np.mgrid[:40, :60]
    image = np.stack([2 * columns + rows, 255 - 2 * columns, 0 * rows], -1).astype(np.uint8)
    at = (np.arange(16) + 0.5) / 16
    wanted = (2 * (60 * at[None] - 0.5) + (40 * at[:, None] - 0.5)) / 255
    assert np.allclose(person.sampled(image, 16)[0, 0], wanted, atol=1e-5)
    larger = person.sampled(image, 120)[0, 1]
    assert np.allclose(larger[:, 0], 1) and larger[0, -1] == pytest.approx((255 - 118) / 255)  # borders go on


def test_a_person_is_seen_in_the_mirror_as_before_it_and_classes_add_up():
    finder, image = person.PersonFinder(), write_fixture.head_and_shoulders()
    classes, alpha = finder.look(image)
    mirrored, alpha_mirrored = finder.look(np.ascontiguousarray(image[:, ::-1]))
    assert np.allclose(mirrored[..., ::-1], classes, atol=1e-4) and np.allclose(
        alpha_mirrored[:, ::-1], alpha, atol=1e-4
    )
    assert np.allclose(classes.sum(0), 1, atol=1e-5) and np.abs(classes - classes[..., ::-1]).max() > 0.01
    mask, (hair, skin, clothes) = finder.person(image)
    assert np.allclose(mask, person.together(finder.matte(image), alpha, classes[FACE]))
    assert np.allclose(hair + skin + clothes, 1 - classes[BACKGROUND], atol=1e-5)
    assert skin[160, 160] > 0.9 and hair[75, 160] > 0.5 and clothes[300, 160] > 0.9 and mask[25, 25] < 0.1


def test_two_networks_together_lean_to_the_surer_one_but_media_pipe_is_not_sure_of_persons():
    a, b = np.array([1.0, 1.0, 0.9, 0.5, 0.8, 0.0]), np.array([1.0, 0.0, 0.1, 0.99, 0.8, 0.5])
    both = person.together(a, b, np.zeros(6))
    assert np.allclose(both, [0.9955, 0.1813, 0.5, 0.9087, 0.8, 0.0307], atol=1e-3)


def half_a_picture() -> np.ndarray:
    """Zeros [64,64] with ones in the left quarter."""
    matte = np.zeros((64, 64), np.float32)
    matte[:, :16] = 1
    return matte


def test_beside_the_person_media_pipe_is_not_sure_of_background():
    media_pipe, ours, face = half_a_picture(), np.ones((64, 64), np.float32), np.zeros((64, 64), np.float32)
    face[16:48, :16] = 1  # reaches 11 pixels
    row = person.together(media_pipe, ours, face)[32]
    assert np.all(row[:16] > 0.99) and 0.85 > row[16] > 0.75 and np.all(np.diff(row[16:28]) < 0)
    assert np.allclose(row[28:], 0.5, atol=1e-3)
    assert np.allclose(person.together(media_pipe, ours, 0 * face)[32, 16:], 0.5, atol=1e-3)


def test_what_background_parts_from_the_face_is_left_out():
    matte, face = half_a_picture(), half_a_picture()
    matte[10:20, 40:50] = 0.9  # apart
    matte[10:20, 50:54] = 0.2  # nearer to it than to the face
    matte[40:44, 16:60] = 0.4  # a bridge
    matte[40:50, 60:] = 0.9
    left = person.without_apart(matte, face)
    assert not left[10:20, 40:54].any()
    assert np.array_equal(left[30:], matte[30:]) and np.array_equal(left[:, :16], matte[:, :16])
    assert np.array_equal(person.without_apart(matte, 0 * face), matte)


def test_a_wide_look_shows_the_head_where_a_narrow_one_does():
    ours = Ours(person.ASSET)
    image = np.repeat(np.repeat(write_fixture.head_and_shoulders(), 4, 0), 4, 1)
    narrow, wide = ours(image)[1] > 0.5, ours.wide(image)[1] > 0.5
    assert wide.shape == narrow.shape and (narrow & wide).sum() / (narrow | wide).sum() > 0.9


def test_cloth_in_the_color_of_skin_has_no_class():
    label = np.full((64, 64), FACE, np.uint8)
    label[32:] = CLOTHES
    color = np.broadcast_to(np.array([150, 100, 80], np.uint8), (64, 64, 3)).copy()
    whole = np.full((64, 64), 255, np.uint8)
    color[32:] = 120, 78, 62  # darker, of the same hue
    unclear = samples.doubtful(Labels(color, whole, label)).label
    assert (unclear[32:] == UNKNOWN).all() and (unclear[:32] == FACE).all()
    color[32:] = 78, 90, 120
    assert (samples.doubtful(Labels(color, whole, label)).label == label).all()


def test_some_backgrounds_have_the_color_of_the_person_s_skin():
    color = np.full((64, 64, 3), 20.0, np.float32)
    label = np.full((64, 64), CLOTHES, np.uint8)
    color[:32], label[:32] = [120, 80, 60], FACE
    rng, mixer = np.random.default_rng(3), dataset.Mixer([])
    seen = np.stack([mixer._background(rng, color, label).reshape(-1, 3).mean(0) for _ in range(200)])
    alike = np.abs(np.log((seen + 1) / [121, 81, 61])).max(1) < 0.45
    assert 0.15 < alike.mean() < 0.45
    label[:32] = HAIR
    assert np.ptp([mixer._background(rng, color, label).mean() for _ in range(20)]) > 30


def test_wide_pictures_go_on_below_and_are_grey_beside():
    size = 64
    label, alpha = np.full((size, size), CLOTHES, np.uint8), np.ones((size, size), np.float32)
    image = np.full((size, size, 3), 200, np.uint8)
    shares = []
    for seed in range(40):
        out, kind, cover, trust, sure = dataset.moved(
            np.random.default_rng(seed), image, label, alpha, alpha, alpha > 0, size
        )
        share = cover.mean()
        if share < 0.6:  # a wide one
            middle = slice(size // 2 - 4, size // 2 + 4)
            assert (cover[-1, middle] > 0.9).all() and (kind[-1, middle] == CLOTHES).all()
            assert (cover[0] < 0.1).all() and (out[0] == dataset.GREY).all() and (kind[0] == BACKGROUND).all()
            assert cover[:, 0].mean() < 0.3 > cover[:, -1].mean()
        shares.append(share)
    assert 4 < sum(s < 0.6 for s in shares) < 20


def test_a_matte_follows_a_sharp_edge_that_the_coarse_one_smears():
    image, _ = write_fixture.scene()
    x = np.mgrid[:96, :96][1]
    truth = np.clip(50.4 - x, 0, 1)
    image = np.where(truth[..., None] > 0, 0, [0.9, 0.8, 0.9]) + truth[..., None] * [0.2, 0.1, 0.1]
    image = truth[..., None] * [0.2, 0.1, 0.1] + (1 - truth[..., None]) * [0.9, 0.8, 0.9]
    coarse = np.clip(0.5 + (49.9 - x) / 6, 0, 1)
    solved = matting.refine_matte(image, coarse)
    assert np.abs(solved - truth).mean() < 0.5 * np.abs(coarse - truth).mean()
    colors = matting.foreground(image, truth)
    rim = (truth > 0.05) & (truth < 1)
    assert rim.any() and np.abs(colors[rim] - [0.2, 0.1, 0.1]).max() < 0.05 < np.abs(image[rim] - [0.2, 0.1, 0.1]).max()


def test_skin_parts_at_the_outline_of_the_face_and_vetoes_hold():
    size = 64
    angle = np.linspace(0, 2 * np.pi, len(portraits.OVAL), endpoint=False)
    landmarks = np.full((478, 2), 0.5)
    landmarks[list(portraits.OVAL)] = np.stack([0.5 + 0.2 * np.sin(angle), 0.5 - 0.25 * np.cos(angle)], 1)
    landmarks[[61, 291], 1] = 0.62
    landmarks[list(portraits.BEARD)] = landmarks[list(portraits.BEARD)] * [1, 0.4] + [0, 0.39]
    agreed = np.full((size, size), portraits.SKIN_OUT, np.uint8)
    agreed[:10] = portraits.HAIR_OUT
    agreed[56:] = portraits.CLOTHES_OUT
    agreed[:, :4], agreed[:, 60:] = 3, UNKNOWN
    mask = np.ones((size, size), np.float32)
    mask[:, :2] = 0
    label = portraits.classes_of(agreed, landmarks, mask)
    assert label[32, 32] == FACE and label[52, 32] == BODY and label[20, 8] == FACE
    assert label[5, 32] == HAIR and label[60, 32] == CLOTHES
    assert label[30, 1] == BACKGROUND and label[30, 3] == UNKNOWN and label[30, 62] == UNKNOWN
    mask[:, 20:] = 0
    # the present matte sees nobody there
    assert (portraits.classes_of(agreed, landmarks, mask)[12:50, 20:60] == UNKNOWN).all()


def test_losses_are_small_for_the_truth_and_ignore_the_unknown():
    label = torch.randint(0, 5, (2, 8, 8))
    alpha = (label != BACKGROUND).float()
    trust, sure = torch.ones_like(alpha), alpha > 0
    right = far_apart(torch.zeros(2, 5, 8, 8), label), 20 * (2 * alpha - 1)[:, None]
    assert sum(train.losses(*right, label, alpha, trust, sure).values()) < 1e-4
    wrong = far_apart(torch.zeros(2, 5, 8, 8), (label + 1) % 5), -right[1]
    for term, value in train.losses(*wrong, label, alpha, trust, sure).items():
        assert term == "person" or value > 0.4, term
    unknown = torch.full_like(label, UNKNOWN)
    blind = train.losses(*wrong, unknown, alpha, 0 * trust, sure & False)
    assert all(value.item() == 0 for value in blind.values())
    nobody = far_apart(torch.zeros(2, 5, 8, 8), torch.full_like(label, BACKGROUND)), right[1]
    assert train.losses(*nobody, unknown, alpha, 0 * trust, torch.ones_like(sure))["person"] > 1


def test_half_a_pixel_of_hair_is_half_background():
    label, alpha = torch.full((1, 4, 4), HAIR), torch.full((1, 4, 4), 0.5)
    one = torch.ones(1, 4, 4)
    half = torch.full((1, 5, 4, 4), -20.0)
    half[:, [HAIR, BACKGROUND]] = 0
    all_hair = torch.full((1, 5, 4, 4), -20.0)
    all_hair[:, HAIR] = 0
    zero = torch.zeros(1, 1, 4, 4)
    best = train.losses(half, zero, label, alpha, one, one > 0)["classes"]
    assert best < train.losses(all_hair, zero, label, alpha, one, one > 0)["classes"]


def test_the_exported_network_computes_what_the_trained_one_does(tmp_path, monkeypatch):
    monkeypatch.setattr(export, "RUN", tmp_path)
    torch.manual_seed(0)
    net = network.ClassNetwork()
    for _ in range(2):  # statistics that are not those of a new network
        net.train()(torch.rand(2, 3, 64, 64))
    net.eval()
    model = export.to_onnx(net).SerializeToString()
    assert network.parameter_count(net) < 850_000 and len(model) < 1_000_000
    image = torch.rand(1, 3, INPUT, INPUT)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    classes, alpha = session.run(["classes", "alpha"], {"image": image.numpy()})
    with torch.no_grad():
        logits, alpha_logit = net(image)
    assert classes.shape == (1, len(NAMES), INPUT, INPUT) and alpha.shape == (1, 1, INPUT, INPUT)
    assert np.abs(classes - logits.softmax(1).numpy()).max() < 5e-3  # halves
    assert np.abs(alpha - alpha_logit.sigmoid().numpy()).max() < 5e-3


def test_a_photo_that_ends_too_early_goes_on_below_and_is_grey_elsewhere():
    image = np.arange(40 * 40 * 3, dtype=np.uint8).reshape(40, 40, 3)
    label, alpha = np.full((40, 40), CLOTHES, np.uint8), np.ones((40, 40), np.float32)

    class Always:
        def random(self):
            return 0.0

        def integers(self, low, high):
            return 5

    out, label, alpha = dataset.framed(Always(), image.copy(), label, alpha)
    assert (out[:5] == dataset.GREY).all() and (out[:, :5] == dataset.GREY).all() and (label[:5] == BACKGROUND).all()
    assert (out[35:, 5:35] == out[34, 5:35]).all() and (label[35:, 5:35] == CLOTHES).all() and alpha[:, :5].max() == 0


def test_overlap_and_errors_of_mattes():
    truth = np.zeros((32, 32), int)
    truth[:, 16:] = BACKGROUND
    seen = truth.copy()
    seen[:, 12:16] = BACKGROUND
    overlap = Overlap()
    overlap.add(seen, truth, np.ones_like(truth, bool))
    assert overlap.report()["hair"] == pytest.approx(12 / 16) and overlap.report()["background"] == pytest.approx(
        16 / 20
    )
    alpha = np.clip((16.5 - np.mgrid[:32, :32][1]) / 1, 0, 1)
    assert matte_errors(alpha, alpha)["maeBand"] == 0 and matte_errors(0 * alpha, alpha)["mae"] == pytest.approx(
        alpha.mean()
    )


@pytest.mark.skipif(default_data_root() is None, reason="the hair meshes of shared/data are not at hand")
def test_labelled_people_have_hair_skin_and_clothes_where_they_belong():
    photographer = Photographer(size=128)
    several = [photographer.photograph(seed) for seed in range(6)]
    again = photographer.photograph(0)
    assert (again.color == several[0].color).all() and (again.label == several[0].label).all()
    shares = np.zeros(5)
    for sample in several:
        assert ((sample.alpha == 0) == (sample.label == BACKGROUND)).all()
        rows = {k: np.nonzero(sample.label == k)[0] for k in range(5)}
        assert len(rows[FACE]) > 200 and rows[FACE].mean() < rows[CLOTHES].mean()
        if len(rows[HAIR]) > 100 and len(rows[BODY]) > 20:
            assert np.quantile(rows[HAIR], 0.1) < np.quantile(rows[BODY], 0.1)
        shares += [len(rows[k]) > 50 for k in range(5)]
        assert ((sample.alpha > 0) & (sample.alpha < 255)).sum() > 100
    assert (shares >= 3).all()


def test_the_shipped_network_can_be_trained_further_and_answers_as_its_file_does():
    torch.manual_seed(0)
    picture = torch.from_numpy(person.sampled(write_fixture.head_and_shoulders()))
    network = shipped.load_shipped([torch.rand(2, 3, INPUT, INPUT), picture])
    with torch.no_grad():
        logits, alpha = network(picture)
    classes, matte = person.PersonFinder().session.run(["classes", "alpha"], {"image": picture.numpy()})
    assert np.abs(logits.softmax(1).numpy() - classes).max() < 1e-4
    assert np.abs(alpha.sigmoid().numpy() - matte).max() < 1e-4
    means = torch.cat([norm.running_mean for _, _, norm in shipped.pairs(network)])
    assert means.abs().max() > 0.1  # statistics of pictures, not those that were folded away


def test_a_network_with_more_channels_answers_as_the_one_it_comes_from():
    torch.manual_seed(0)
    small = network.ClassNetwork(network.Config(widths=(16, 24, 32, 40, 48), depths=(0, 1, 1, 1, 1)))
    for _ in range(2):  # statistics that are not those of a new network
        small.train()(torch.rand(2, 3, 64, 64))
    wide = shipped.widened(small.eval(), network.Config(widths=(16, 32, 40, 56, 64), depths=(0, 1, 1, 1, 1)))
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert all((a - b).abs().max() < 1e-4 for a, b in zip(small(image), wide(image)))
    sum(wide(image)[0].mean((0, 2, 3)) * torch.arange(5)).backward()
    fed = wide.levels[1][0].body[0][0].weight
    assert (fed[:72, 24:] == 0).all() and fed.grad[
        :72, 24:
    ].abs().max() > 0  # the new channels can be learned to be used
