"""Geometry and parameters: what is hidden is found again, what photos cannot tell stays, and the driver is not
touched."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from training.evaluate import levels
from training.models.avatar import Avatar, ModelConfig
from training.models.base_maps import set_head_maps
from training.rasterizer.avatar_splatter import AvatarSplatter
from training.refine import write_fixture
from training.refine.atlas import Atlas
from training.refine.geometry import GeometrySettings, Sight, Surface, fit_geometry, resized
from training.refine.parameters import ParameterSettings, refine_parameters
from training.refine.views import Seen
from training.refine.warp import warp_photo
from training.synth.cameras import rotation

SETTINGS = GeometrySettings(size=48, steps=25, shapes=8)
REFINING = write_fixture.SETTINGS


@pytest.fixture(scope="module")
def scene():
    """Head, static map and two photos of it as it is: any change would be a mistake."""
    splatter, static, views, _ = write_fixture.made()
    return splatter, static, [pictured(splatter, static, view) for view in views]


def pictured(splatter: AvatarSplatter, static: torch.Tensor, view):
    """The view with the avatar's own picture, and the landmarks that it has."""
    skin = splatter.skin(view.expression, np.zeros(15))
    drawn = splatter.picture(
        static, view.delta, skin, view.R, view.t, view.focal * view.size, view.size, torch.full((3,), 0.3)
    )
    view = replace(view, image=drawn[:3], matte=drawn[3], inside=torch.ones_like(view.inside))
    surface = Surface(splatter, static, SETTINGS, [view], REFINING)
    at = Sight(surface, static, view, SETTINGS, REFINING).points @ view.R.T + view.t
    on_screen = torch.stack([0.5 - view.focal * at[:, 0] / at[:, 2], 0.5 + view.focal * at[:, 1] / at[:, 2]], 1)
    return replace(view, landmarks=on_screen.numpy())


def turned(view, degrees: float):
    """The view with its camera turned about the head."""
    turn = torch.from_numpy(rotation(np.radians(degrees), np.radians(degrees / 2), 0).astype(np.float32))
    center = view.R @ torch.tensor([0.0, 0.0, 0.0]) + view.t
    return replace(view, R=turn @ view.R, t=turn @ (view.t - center) + center)


def test_a_camera_that_is_off_is_found_again(scene):
    splatter, static, views = scene
    off = [turned(view, 1.5) for view in views]
    found = fit_geometry(splatter, static, off, settings=replace(SETTINGS, parts=("camera",)), refining=REFINING)
    assert torch.equal(found.static, static)
    for true, before, after in zip(views, off, found.views):
        assert (after.R - true.R).norm() < 0.5 * (before.R - true.R).norm()
        assert torch.equal(after.delta, true.delta) and after.size == true.size


def test_an_identity_that_is_off_is_found_again(scene):
    splatter, static, views = scene
    wrong = static.clone()
    shapes = Surface(splatter, static, SETTINGS, views, REFINING).shapes
    wrong[:3].flatten(1)[:, splatter.texel] += (0.6 * shapes[0] - 0.6 * shapes[2]).T
    found = fit_geometry(splatter, wrong, views, settings=replace(SETTINGS, parts=("shape",)), refining=REFINING)
    apart = lambda maps: float((maps - static)[:3].flatten(1)[:, splatter.texel].norm(dim=0).mean())
    assert apart(wrong) > 0.0005 and apart(found.static) < 0.6 * apart(wrong)
    assert torch.equal(found.static[3:], static[3:])


def test_an_expression_that_is_off_is_found_again_and_driven(scene):
    splatter, static, views = scene
    names = splatter.head.expressions
    off = views[1].expression.copy()
    off[names.index("jawOpen")] -= 0.25
    asked = []

    def drive(expression):
        asked.append(expression)
        return views[1].delta * 0.5

    wrong = [replace(views[1], expression=off)]
    found = fit_geometry(splatter, static, wrong, drive, replace(SETTINGS, parts=("expression",)), REFINING).views[0]
    jaw = lambda expression: abs(
        float(expression[names.index("jawOpen")] - views[1].expression[names.index("jawOpen")])
    )
    assert jaw(found.expression) < 0.6 * jaw(off)
    assert (
        len(asked) == 1
        and np.array_equal(asked[0], found.expression)
        and torch.equal(found.delta, views[1].delta * 0.5)
    )


def test_offsets_have_no_mean_are_bounded_and_only_where_photos_see(scene):
    splatter, static, views = scene
    wrong = static.clone()
    wrong[1].flatten()[splatter.texel] += 0.006  # the whole head slid: not for offsets to say
    chosen = replace(SETTINGS, parts=("offsets",), rate=1.0)
    surface = Surface(splatter, wrong, chosen, views[:1], REFINING)
    found = fit_geometry(splatter, wrong, views[:1], settings=chosen, refining=REFINING)
    moved = (found.static - wrong)[:3].flatten(1)[:, splatter.texel].T
    assert moved.norm(dim=1).max() > 0.001, "they do something"
    assert moved[:, 1].abs().max() < 2 * chosen.most_offset
    outer = surface.atlas.outer_texels
    assert (moved * (surface.carrier == torch.arange(len(moved)))[:, None]).sum(0).abs().max() / outer.sum() < 3e-4
    behind = surface.gate == 0
    assert behind.sum() > 100 and moved[behind].abs().max() == 0
    assert torch.equal(found.static[3:], static[3:])


def test_the_matte_counts_only_near_the_avatars_own_outline(scene):
    """Long hair: a matte that is much wider than the head pulls nothing."""
    splatter, static, views = scene
    hairy = [replace(views[0], matte=torch.ones_like(views[0].matte))]
    sight = Sight(Surface(splatter, static, SETTINGS, hairy, REFINING), static, hairy[0], SETTINGS, REFINING)
    assert 0 < sight.edge.mean() < 0.2
    chin = round(float(views[0].landmarks[152, 1]) * 48)
    assert sight.edge[chin:].max() == 0 and sight.edge[:chin].max() == 1


def test_unknown_parts_are_named(scene):
    splatter, static, views = scene
    with pytest.raises(ValueError, match="ears"):
        fit_geometry(splatter, static, views, settings=replace(SETTINGS, parts=("camera", "ears")))


def test_smaller_pictures_of_a_view(scene):
    view = replace(scene[2][0], inside=(torch.arange(48) < 41).float()[:, None].expand(48, 48))
    small = resized(view, 24)
    assert small.size == 24 and small.inside[:19].min() == 1 and small.inside[20:].max() == 0
    assert (small.image.mean() - view.image.mean()).abs() < 1e-3
    assert resized(view, 48) is view


SHIFT = 0.02  # crop sides


@pytest.mark.parametrize("confidence", [1.0, 0.4])
def test_a_photo_is_taken_from_where_the_reconstructor_sees_the_points(scene, confidence):
    splatter, static, views = scene
    seen = Seen(splatter, static, views[0], REFINING)
    atlas = Atlas(splatter.head, splatter.table, REFINING)
    at = atlas.to_map(
        torch.cat([seen.center / 48 + torch.tensor([SHIFT, 0.0]), torch.full((len(seen.center), 1), confidence)], 1)
    )
    warped = warp_photo(splatter, static, views[0], at, None, REFINING)
    if confidence < 0.5:
        assert (warped.image - views[0].image).abs().max() < 1e-5, "what is not sure moves nothing"
        assert np.abs(warped.landmarks - views[0].landmarks).max() == 0
        return
    across = torch.linspace(0, 1, 48).expand(3, 48, 48)
    ramped = warp_photo(splatter, static, replace(views[0], image=across.contiguous()), at, None, REFINING)
    moved = (ramped.image - across)[:, 18:30, 18:30]
    assert moved.mean() == pytest.approx(SHIFT * 48 / 47, rel=0.15), "the flow fades a little where little is sure"
    nose = 1
    assert warped.landmarks[nose] == pytest.approx(views[0].landmarks[nose] - np.float32([SHIFT, 0]), abs=0.003)
    assert torch.equal(warped.delta, views[0].delta) and torch.equal(warped.R, views[0].R)


def test_rigid_motion_is_found():
    rng = np.random.default_rng(4)
    points, R, t = rng.normal(0, 0.1, (30, 3)), rotation(0.3, -0.2, 0.1), np.array([0.01, 0.02, -0.03])
    found = levels.rigid(points, points @ R.T + t)
    assert np.abs(found[0] - R).max() < 1e-9 and np.abs(found[1] - t).max() < 1e-9


def test_a_finder_errs_smoothly():
    rng = np.random.default_rng(11)
    at = rng.random((478, 2))
    near = at + 0.001
    eyes = np.hypot(*(at[[33, 133]].mean(0) - at[[362, 263]].mean(0)))
    error = levels.found_by_finder(at, np.random.default_rng(1)) - at
    beside = levels.found_by_finder(near, np.random.default_rng(1)) - near
    assert np.abs(error - beside).max() < 0.2 * np.abs(error).max(), (
        "points side by side err alike, but for the little of their own"
    )
    sizes = [
        np.sqrt(((levels.found_by_finder(at, np.random.default_rng(k)) - at) ** 2).mean()) / eyes for k in range(200)
    ]
    assert 0.005 < np.median(sizes) < 0.03 and max(sizes) < 0.12


@pytest.fixture(scope="module")
def fresh():
    """An avatar of random weights with its splatter, and one photo, redder than it."""
    torch.manual_seed(3)
    avatar = Avatar(ModelConfig.load("nano-128")).eval()
    set_head_maps(avatar)
    config = avatar.config
    photos = torch.rand(1, 3, config.encoder.photo_size, config.encoder.photo_size)
    anchors, prior = (
        torch.zeros(1, 3, config.anchor_size, config.anchor_size),
        torch.zeros(4, config.anchor_size, config.anchor_size),
    )
    splatter, _, views, _ = write_fixture.made()
    red = torch.tensor([0.9, 0.2, 0.2])[:, None, None].expand(3, 48, 48)
    view = replace(views[0], delta=torch.zeros(14, config.map_size, config.map_size), image=red)
    return avatar, AvatarSplatter(splatter.head, config.map_size), (photos, anchors, prior, [view], None)


PARAMETERS = ParameterSettings(steps=3, size=48, rate=1e-3)


def test_parameters_come_nearer_to_the_photo_and_the_given_avatar_stays(fresh):
    avatar, splatter, given = fresh
    before = {name: value.clone() for name, value in avatar.state_dict().items()}
    adapted = refine_parameters(avatar, splatter, *given, PARAMETERS)
    assert len(adapted.losses) == 3 and adapted.losses[-1] < 0.98 * adapted.losses[0]
    assert all(torch.equal(value, before[name]) for name, value in avatar.state_dict().items())
    assert not adapted.static.requires_grad and adapted.static.shape == (14, 256, 256)
    rest = torch.zeros(1, 3, 128, 128)
    with torch.no_grad():
        assert not torch.equal(
            avatar.drive(adapted.identity, rest),
            avatar.drive(avatar(*(x[None] for x in given[:3])).identity_features, rest),
        )


@pytest.mark.parametrize("shown", ["mouth", "the rest"])
def test_the_mouth_takes_no_gradient(fresh, shown, monkeypatch):
    """A picture of the mouth's Gaussians alone teaches nothing, of the others it does."""
    avatar, splatter, given = fresh
    chosen = splatter.texel[(splatter.mouth[:, 0] > 0) == (shown == "mouth")]

    def picture(static, delta, skin, R, t, f, size, background):
        return (static + delta).flatten(1)[4:7, chosen].mean(1)[:, None, None].expand(3, size, size)

    monkeypatch.setattr(splatter, "picture", picture)
    adapted = refine_parameters(avatar, splatter, *given, PARAMETERS)
    assert (adapted.losses[-1] == adapted.losses[0]) == (shown == "mouth")
