"""The second page (headmodel/page2) and its filling (bust/): facts that hold for every person."""

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from training.bust import fill as filling
from training.bust import write_fixture
from training.bust.garment import Rows, found_clothes
from training.bust.grids import blur, frames, mean_where, push_pull, quaternions
from training.bust.head import Head
from training.bust.page import Page
from training.bust.photo import Photo, bilinear
from training.bust.tone import tinted, toned
from training.headmodel.model import DEFAULT_PATH, HeadModel
from training.headmodel.page2 import BANDS, MAP_SIZE, bust_azimuth, hair_angle
from training.synth.cameras import rotation
from training.synth.crop import Crop

SIZE = 256


@cache
def page() -> Page:
    return Page.load()


@cache
def bald_head() -> Head:
    """Points of the head model itself, skin-colored."""
    model = HeadModel.load()
    rng = np.random.default_rng(7)
    names = ("face", "scalp", "neck", "ears")
    faces = np.flatnonzero(np.isin(model.face_region, [model.regions.index(n) for n in names]))
    v = model.template[model.faces[faces]].astype(float)
    area = np.linalg.norm(np.cross(v[:, 1] - v[:, 0], v[:, 2] - v[:, 0]), axis=1)
    pick = rng.choice(len(faces), 30000, p=area / area.sum())
    bary = rng.dirichlet([1, 1, 1], len(pick))
    means = np.einsum("nk,nkc->nc", bary, v[pick])
    region = model.face_region[faces[pick]]
    is_region = lambda name: region == model.regions.index(name)
    normals = np.cross(v[:, 1] - v[:, 0], v[:, 2] - v[:, 0])[pick]
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    place = np.einsum("nk,nkc->nc", bary, model.uv[model.uv_faces[faces[pick]]]) * [1, -1] + [0, 1]
    return Head(
        means,
        np.full((len(means), 3), 0.6),
        np.ones(len(means)),
        is_region("scalp"),
        is_region("neck"),
        is_region("ears"),
        place,
        normals,
    )


def photo_of(hair: str = "none", shoulder: float = 0.0) -> Photo:
    """A drawn photo from the front at 1.5 m: head, shoulders (meters higher by `shoulder`), hair "none", "long" or
    "high"."""
    R, t, focal = np.eye(3), np.array([0, 0.06, -1.5]), 2.4
    height = width = SIZE
    crop = Crop(np.array([SIZE / 2, SIZE / 2]), float(SIZE), 0.0)
    row, column = np.mgrid[0:height, 0:width] + 0.5
    x, y = (column / SIZE - 0.5) * 1.5 / focal, -(row / SIZE - 0.5) * 1.5 / focal - 0.06
    head = (x / 0.075) ** 2 + ((y - 0.01) / 0.118) ** 2 < 1
    neck = (np.abs(x) < 0.058) & (y < 0) & (y > -0.2)
    body = (np.abs(x) < 0.2) & (y < -0.155 + shoulder - 0.25 * np.maximum(0, np.abs(x) - 0.06))
    locks = np.zeros_like(head)
    if hair == "long":
        locks = (np.abs(x) < 0.115) & (np.abs(x) > 0.06) & (y < 0.06) & (y > -0.2)
    if hair == "high":
        locks = ((x / 0.13) ** 2 + ((y - 0.06) / 0.15) ** 2 < 1) & (y > 0.03) & ~((np.abs(x) < 0.06) & (y < 0.06))
    classes = np.stack([locks, (head | neck) & ~locks, body & ~locks & ~neck & ~head], -1).astype(float)
    matte = classes.max(-1)
    image = 0.1 + classes @ np.array([[0.5, 0.2, 0.1], [0.7, 0.5, 0.4], [0.1, 0.2, 0.6]])
    return Photo(image, matte, classes, crop, R, t, focal)


@cache
def filled(hair: str = "none") -> filling.Filled:
    return filling.fill(page(), bald_head(), [photo_of(hair)])


def test_the_page_belongs_to_the_head_model_by_hash():
    assert page().meta["head"] == hashlib.sha256(DEFAULT_PATH.read_bytes()).hexdigest()


def test_every_texel_has_a_place_and_all_together_stay_below_45000():
    assert page().table.count == MAP_SIZE**2 <= 45000
    assert sorted(BANDS.values())[-1][1] == MAP_SIZE
    for name, (low, high) in BANDS.items():
        rows = page().table.texel // MAP_SIZE
        region = page().table.region[(rows >= low) & (rows < high)]
        assert (region == page().regions.index(name)).all()


def test_columns_are_in_order_and_meet_behind_and_in_front():
    s = np.linspace(-1, 1, 101)
    for column in (hair_angle(s), bust_azimuth(s) / np.pi):
        assert (np.diff(column) > 0).all()
        assert column[0] == pytest.approx(-1) and column[-1] == pytest.approx(1)


def test_weights_sum_to_one_and_the_bust_below_the_neck_follows_the_torso_alone():
    shares = page().joint_shares
    assert np.allclose(shares.sum(-1), 1, atol=1e-5)
    bust, base = shares[page().rows("bust")], page().base[page().rows("bust")]
    ring = page().meta["bust"]["ring"]
    below = base[..., 1] - (ring[0] - ring[1] * base[..., 2]) < -0.006
    assert below.mean() > 0.7
    assert np.abs(bust[below][:, 0] - 1).max() < 1e-6


def test_shoulders_stand_still_while_the_head_turns_by_60_degrees():
    points = filled().torso.points
    model = HeadModel.load()
    ring = page().meta["bust"]["ring"]
    below = points[..., 1] - (ring[0] - ring[1] * points[..., 2]) < -0.012
    pose = np.zeros(15)
    pose[4] = np.radians(60)
    matrices = np.einsum(
        "rcj,jkl->rckl", page().joint_shares[page().rows("bust")], model.joint_matrices(model.pose(None, pose))
    )
    moved = np.einsum("rckl,rcl->rck", matrices[..., :3, :3], points) + matrices[..., :3, 3]
    assert np.linalg.norm(moved - points, axis=-1)[below].max() < 0.001


def test_hair_follows_the_head_above_and_the_torso_below():
    hair, base = page().joint_shares[page().rows("hair")], page().base[page().rows("hair")]
    assert (hair[base[..., 1] > -0.02][:, 1] > 0.99).all()
    assert (hair[base[..., 1] < -0.175][:, 0] > 0.99).all()


@pytest.mark.parametrize("turn", [(0, 60, 0), (0, -60, 0), (25, 0, 0), (-25, 0, 0)])
def test_hanging_hair_does_not_cut_through_shoulders_when_the_head_turns(turn):
    from training.bust.torso import TorsoReach

    result, model = filled("long"), HeadModel.load()
    shown = result.map[3, page().rows("hair")] > 0
    points, shares = result.hair.points[shown], page().joint_shares[page().rows("hair")][shown]
    assert (points[:, 1] < -0.14).sum() > 200
    pose = np.zeros(15)
    pose[3:6] = np.radians(turn)
    matrices = np.einsum("nj,jkl->nkl", shares, model.joint_matrices(model.pose(None, pose)))
    moved = np.einsum("nkl,nl->nk", matrices[:, :3, :3], points) + matrices[:, :3, 3]
    reach = TorsoReach(page(), result.torso)
    depth = lambda at: reach(at) - np.linalg.norm(at - reach.pivot, axis=-1)
    cuts = (depth(moved) > 0.006) & (depth(points) < 0.003)
    assert cuts.mean() < 0.002


def test_a_bald_person_has_no_hair_on_the_page_and_without_bust_nothing():
    assert filled().hair is None
    assert (filled().map[3, page().rows("hair")] == filling.OFF).all()
    nothing = filling.fill(page(), bald_head(), [photo_of()], bust=False)
    assert nothing.count == 0


def test_offsets_and_scales_stay_in_their_limits():
    for hair in ("none", "long", "high"):
        m = filled(hair).map
        on = m[3] > filling.OFF + 1
        assert np.isfinite(m).all()
        assert np.abs(m[:3][:, on]).max() <= 0.5
        assert np.exp(m[7:10]).max() <= 0.02 + 1e-6
        assert np.abs(np.linalg.norm(m[10:14][:, on], axis=0) - 1).max() < 1e-5


def test_long_hair_hangs_as_far_as_the_photo_shows_it():
    layer = filled("long").hair
    assert layer.curtain
    assert layer.lengths == pytest.approx([-0.2, -0.2], abs=0.012)
    shown = filled("long").map[3, page().rows("hair")] > 0
    lowest = layer.points[shown][:, 1].min()
    assert -0.29 < lowest < -0.18


def test_high_hair_reaches_the_mask_at_the_top_and_hangs_nowhere():
    layer = filled("high").hair
    assert not layer.curtain
    shown = filled("high").map[3, page().rows("hair")] > 0
    assert layer.points[shown][:, 1].max() == pytest.approx(0.21, abs=0.012)


def test_no_solid_hair_stands_before_the_photos_background():
    photo = photo_of("long")
    result = filled("long")
    points = result.hair.points
    px, _ = photo.project(points)
    opacity = 1 / (1 + np.exp(-result.map[3, page().rows("hair")]))
    # not behind the ears
    outside = (bilinear(photo.matte, px) < 0.1) & photo.inside(px, 2) & (np.abs(points[..., 0]) > 0.095)
    assert outside.sum() > 100
    assert opacity[outside].max() < 0.05


def test_hair_stays_outside_the_bust():
    from training.bust.torso import TorsoReach

    result = filled("long")
    shown = result.map[3, page().rows("hair")] > 0
    points = result.hair.points[shown]
    reach = TorsoReach(page(), result.torso)
    assert (np.linalg.norm(points - reach.pivot, axis=-1) - reach(points)).min() > -0.004


def test_shoulders_rise_to_the_contour_of_the_clothes():
    low, high = (
        filling.fill(page(), bald_head(), [photo_of(shoulder=h)], hair=False).torso.points for h in (0.0, 0.03)
    )
    side = np.abs(page().base[page().rows("bust")][..., 0]) > 0.12
    top = np.abs(low[..., 0]) < 0.19
    assert (high[..., 1] - low[..., 1])[side & top & (low[..., 1] > -0.22)].mean() == pytest.approx(0.03, abs=0.01)


def test_clothes_keep_their_color_around_the_back():
    band = page().rows("bust")
    color = filled().map[4:7, band]
    low = page().base[band][..., 1] < -0.24
    blue = np.array([0.2, 0.3, 0.7])
    assert np.abs(np.median(color[:, low], 1) - blue).max() < 0.08


def without(gone: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Photo:
    """A photo whose matte and classes miss the places x, y (m) that are gone."""
    photo = photo_of()
    row, column = np.mgrid[0:SIZE, 0:SIZE] + 0.5
    keep = ~gone((column / SIZE - 0.5) * 1.5 / photo.focal, -(row / SIZE - 0.5) * 1.5 / photo.focal - 0.06)
    return replace(photo, matte=photo.matte * keep, classes=photo.classes * keep[..., None])


GAPS = (lambda x, y: (np.abs(x) > 0.1) & (np.abs(x) < 0.12) & (y < -0.1), lambda x, y: np.hypot(x, y + 0.27) < 0.05)


@pytest.mark.parametrize("gone", GAPS)
def test_the_outline_survives_gaps_in_matte_and_classes(gone):
    points = filling.fill(page(), bald_head(), [without(gone)], hair=False).torso.points
    high = page().base[page().rows("bust")][..., 1] > -0.2
    assert np.abs(points - filled().torso.points)[high].max() < 0.012


def test_garments_end_at_an_edge_where_no_photo_shows_it():
    band = page().rows("bust")
    behind = filled().map[4:7, band][:, :, [1, 10, -11, -2]]
    behind = behind / behind.sum(0)  # what no photo shows has light and shade; the hue tells cloth from skin
    skin, blue = np.full(3, 1 / 3), np.array([0.2, 0.3, 0.7]) / 1.2  # the head's own neck, and clothes
    share = np.einsum("crk,c->rk", behind - skin[:, None, None], blue - skin) / ((blue - skin) ** 2).sum()
    assert (share[:3] < 0.35).all() and (share[20:] > 0.85).all()
    assert ((share > 0.4) & (share < 0.8)).sum(0).max() <= 4


@pytest.mark.parametrize(("top", "is_collar"), [(60, True), (25, False)])
def test_hair_between_clothes_and_skin_is_a_collar_unless_it_hangs_from_the_head(top, is_collar):
    hair, skin, clothes = (
        (slice(0, 32), slice(20, 80)),
        (slice(32, 100), slice(30, 70)),
        (slice(60, 100), slice(70, 95)),
    )
    classes, image = np.zeros((100, 100, 3)), np.full((100, 100, 3), 0.1)
    for k, (at, color) in enumerate(zip((hair, skin, clothes), ([0.3, 0.2, 0.1], [0.8, 0.6, 0.5], [0.1, 0.2, 0.5]))):
        classes[at], image[at] = np.eye(3)[k], color
    strip = slice(top, 90), slice(70, 74)
    classes[strip], image[strip] = [1, 0, 0], [0.3, 0.2, 0.1]
    found = found_clothes(image, classes.max(-1), classes, 100, Rows(30, 55, 65, (50, 65, 15, 12)))
    assert (found.classes[75, 71].argmax() == 2) == is_collar
    assert found.classes[20, 50, 0] == 1
    assert not found.is_scene


@pytest.mark.parametrize(
    ("matte", "shade", "kept"), [(0.92, [0.1] * 3, 0), (1.0, [0.1] * 3, 1), (0.92, [0.3, 0.2, 0.1], 1)]
)
def test_hair_that_the_matte_is_not_sure_of_and_that_looks_like_the_background_is_none(matte, shade, kept):
    classes, image, person = np.zeros((100, 100, 3)), np.full((100, 100, 3), 0.1), np.zeros((100, 100))
    for at, k, color in (
        ((slice(0, 32), slice(20, 80)), 0, [0.3, 0.2, 0.1]),
        ((slice(32, 100), slice(30, 70)), 1, [0.8, 0.6, 0.5]),
        ((slice(60, 90), slice(70, 90)), 0, shade),
    ):
        classes[at], image[at], person[at] = np.eye(3)[k], color, 1
    person[60:90, 70:90] = matte
    found = found_clothes(image, person, classes, 100, Rows(30, 55, 65, (50, 65, 15, 12)))
    assert found.kept[75, 80] == pytest.approx(kept)
    assert found.kept[20, 50] == 1


@pytest.mark.parametrize(("shade", "hangs"), [([0.5, 0.5, 0.5], 1), ([0.1, 0.2, 0.5], 0)])
def test_a_beard_before_the_neck_is_no_garment(shade, hangs):
    classes, image = np.zeros((100, 100, 3)), np.full((100, 100, 3), 0.1)
    for at, k, color in (
        ((slice(0, 32), slice(20, 80)), 0, [0.3, 0.2, 0.1]),
        ((slice(32, 100), slice(30, 70)), 1, [0.8, 0.6, 0.5]),
        ((slice(56, 66), slice(40, 60)), 1, [0.5, 0.5, 0.5]),
        ((slice(66, 80), slice(42, 58)), 2, shade),
    ):
        classes[at], image[at] = np.eye(3)[k], color
    found = found_clothes(image, classes.max(-1), classes, 100, Rows(30, 50, 65, (50, 65, 18, 18)))
    assert found.beard[72, 50] == pytest.approx(hangs)
    assert found.classes[72, 50, 2] == pytest.approx(1 - hangs)


@pytest.mark.parametrize(("color", "is_scene"), [([0.1, 0.1, 0.1], True), ([0.1, 0.2, 0.5], False)])
def test_a_strip_of_the_background_is_no_garment(color, is_scene):
    hair, skin, clothes = (
        (slice(0, 32), slice(20, 80)),
        (slice(32, 100), slice(30, 70)),
        (slice(80, 100), slice(70, 76)),
    )
    classes, image = np.zeros((100, 100, 3)), np.full((100, 100, 3), 0.1)
    for k, (at, shade) in enumerate(zip((hair, skin, clothes), ([0.3, 0.2, 0.1], [0.8, 0.6, 0.5], color))):
        classes[at], image[at] = np.eye(3)[k], shade
    assert found_clothes(image, classes.max(-1), classes, 100, Rows(30, 55, 65, (50, 65, 15, 12))).is_scene == is_scene


def test_who_shows_no_clothes_gets_plain_ones():
    photo = photo_of()
    bare = photo.classes * [1, 1, 0]
    matte = photo.matte * (photo.classes[..., 2] < 0.5)
    band = page().rows("bust")
    color = filling.fill(page(), bald_head(), [replace(photo, classes=bare, matte=matte)]).map[4:7, band]
    low = page().base[band][..., 1] < -0.26
    assert np.abs(np.median(color[:, low], 1) - filling.PLAIN).max() < 0.06


def test_the_same_photo_gives_the_same_bytes():
    again = filling.fill(page(), bald_head(), [photo_of("long")])
    assert again.map.tobytes() == filled("long").map.tobytes()


def test_a_second_photo_from_behind_colors_the_back():
    behind = photo_of("long")
    turn = np.diag([-1.0, 1.0, -1.0])
    hair = np.maximum(behind.classes[..., 0], behind.classes[..., 1])
    classes = np.stack([hair, 0 * hair, behind.classes[..., 2]], -1)
    image = np.where(hair[..., None] > 0, [0.1, 0.9, 0.1], behind.image)
    back = Photo(image, behind.matte, classes, behind.crop, turn, behind.t, behind.focal)
    both = filling.fill(page(), bald_head(), [photo_of("long"), back])
    layer = both.hair
    seen = (layer.theta > 2.8) & (layer.points[..., 1] < 0.0) & (layer.points[..., 1] > -0.1)
    band = page().rows("hair")
    assert np.median(both.map[5, band][seen]) > 0.7
    assert np.median(filled("long").map[5, band][seen]) < 0.4


def photo_aside(yaw: float, tail: bool) -> Photo:
    """The same person's right (-1) or left (1) side: short hair, a pony tail behind."""
    front = photo_of()
    row, column = np.mgrid[0:SIZE, 0:SIZE] + 0.5
    back, y = yaw * (column / SIZE - 0.5) * 1.5 / 2.4, -(row / SIZE - 0.5) * 1.5 / 2.4 - 0.06
    head = ((back - 0.02) / 0.1) ** 2 + ((y - 0.01) / 0.118) ** 2 < 1
    neck = (np.abs(back - 0.02) < 0.058) & (y < 0) & (y > -0.2)
    body = (np.abs(back - 0.03) < 0.11) & (y < -0.155)
    locks = head & (back > 0.03) & (y > -0.06)
    if tail:
        locks |= (back > 0.09) & (back < 0.16) & (y < 0.06) & (y > -0.2)
    classes = np.stack([locks, (head | neck) & ~locks, body & ~locks & ~neck & ~head], -1).astype(float)
    image = 0.1 + classes @ np.array([[0.5, 0.2, 0.1], [0.7, 0.5, 0.4], [0.1, 0.2, 0.6]])
    turn = np.array([[0, 0, -yaw], [0, 1, 0], [yaw, 0, 0.0]])
    return replace(front, image=image, matte=classes.max(-1), classes=classes, R=turn)


@pytest.mark.parametrize("yaw", (-1, 1))
def test_a_photo_from_the_side_adds_what_the_first_hides(yaw):
    assert filled("none").hair is None
    tail = filling.fill(page(), bald_head(), [photo_of(), photo_aside(yaw, True)])
    on = tail.map[3, page().rows("hair")] > 0
    behind = on & (tail.hair.points[..., 1] > -0.19) & (tail.hair.points[..., 1] < 0.0)
    reach = -tail.hair.points[..., 2][behind]
    assert 0.15 < reach.max() < 0.175
    assert (tail.hair.points[..., 1][on] < -0.15).sum() > 100
    short = filling.fill(page(), bald_head(), [photo_of(), photo_aside(yaw, False)])
    on = short.map[3, page().rows("hair")] > 0
    assert on.sum() < 2500 and -short.hair.points[..., 2][on].min() < 0.13


def test_photos_under_other_light_come_to_one_tone():
    head = bald_head()
    blue = replace(photo_of("long"), image=photo_of("long").image * [0.7, 1, 1.3])
    turned = replace(blue, R=rotation(np.radians(30), 0, 0))
    one, other = toned([photo_of("long").cleaned(), turned.cleaned()], head)
    skin = photo_of("long").classes[..., 1] > 0
    assert np.abs(one.image[skin].mean(0) - other.image[skin].mean(0)).max() < 0.02
    (alone,) = toned([blue.cleaned()], head)
    assert np.array_equal(alone.image, blue.image)


def test_a_photo_from_behind_comes_to_the_tint_of_the_front_and_keeps_its_light():
    front = photo_of("long").cleaned()
    tint = np.array([0.85, 1, 1 / 0.85])
    back = tinted(replace(front, image=0.6 * front.image * tint), front)
    body = front.classes[..., 2] > 0.9
    ratio = back.image[body].mean(0) / front.image[body].mean(0)
    assert np.abs(ratio - 0.6).max() < 0.03


# ---------------------------------------------------------------------------------------------------------- small steps
def test_push_pull_keeps_what_is_known_and_fills_a_constant_with_itself():
    rng = np.random.default_rng(1)
    weight = (rng.random((30, 41)) < 0.1).astype(float)
    values = rng.random((30, 41, 2))
    out = push_pull(values, weight)
    assert np.allclose(out[weight > 0], values[weight > 0])
    assert np.allclose(push_pull(np.full((30, 41, 1), 0.3), weight), 0.3, atol=1e-9)


def test_mean_where_is_blind_to_unknown_values():
    known = np.zeros(50)
    known[[3, 20, 44]] = 1
    values = np.linspace(0, 1, 50)
    assert np.allclose(mean_where(values, known, 1.0), mean_where(np.where(known > 0, values, 99), known, 1.0))
    assert mean_where(np.full(50, 2.0), known, 1.0) == pytest.approx(2.0)


def test_blur_keeps_constants_and_wraps():
    assert np.allclose(blur(np.ones((5, 9)), 2.0, 1), 1)
    spike = np.zeros(20)
    spike[0] = 1
    assert blur(spike, 1.0, 0, True)[-1] == pytest.approx(blur(spike, 1.0, 0, True)[1])


def test_frames_and_quaternions_rebuild_each_other():
    rows, columns = np.meshgrid(np.linspace(0, 1, 6), np.linspace(0, 1, 7), indexing="ij")
    axes, width, length = frames(np.stack([columns, -rows, 0.3 * np.sin(2 * columns)], -1))
    assert np.allclose(np.linalg.det(axes), 1)
    assert (axes[..., 2, 2] > 0).all() and (width > 0).all() and (length > 0).all()
    x, y, z, w = np.moveaxis(quaternions(axes), -1, 0)
    first = np.stack([1 - 2 * (y * y + z * z), 2 * (x * y + z * w), 2 * (x * z - y * w)], -1)
    assert np.allclose(first, axes[..., 0], atol=1e-6)


def test_the_fixture_of_the_browsers_twin_is_of_this_code():
    kept, made = json.loads(write_fixture.PATH.read_text()), write_fixture.content()
    assert kept.keys() == made.keys()
    kinds = {"places": "<i2", "theta": "<u2", "rotation": "i1"}
    for name, value in made.items():
        if name in (*kinds, "opacity", "color", "sigma", "shown"):
            numbers = [
                np.frombuffer(base64.b64decode(text), kinds.get(name, "u1")).astype(int) for text in (value, kept[name])
            ]
            assert np.abs(numbers[0] - numbers[1]).max() <= 1, name
        elif name in ("excess", "reach", "axes", "inner", "outer", "lowest", "lengths"):
            assert np.abs(np.array(value) - np.array(kept[name])).max() < 1e-5, name
        elif name == "torso":
            assert value == pytest.approx(kept[name], abs=1e-6)
        elif name != "photos":
            assert json.loads(json.dumps(value)) == kept[name], name
