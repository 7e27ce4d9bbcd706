"""Refinement: the transpose, the solved colors, what stays as it was, and the fixture of the browser's twin."""

import base64
import dataclasses
import json
import re
from copy import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from training.evaluate.metrics import polygon_mask
from training.models.landmarks import INNER_LIPS
from training.rasterizer.project import Ellipses
from training.rasterizer.rasterize import rasterize
from training.refine import write_fixture
from training.refine.atlas import Atlas, push_pull
from training.refine.colors import solve
from training.refine.portraits import crop_size, inside_photo
from training.refine.refine import COLOR, refine
from training.refine.settings import RefineSettings
from training.refine.spread import spread, without_highlights
from training.refine.transpose import LinearPicture
from training.refine.views import EYES, LEFT_EYE, RIGHT_EYE, Seen, View, eye_opening, inside_distance, pixel_weight
from training.synth.crop import Crop

SETTINGS = write_fixture.SETTINGS


def ellipses(count: int = 200, size: int = 40, device: str = "cpu") -> Ellipses:
    generator = torch.Generator().manual_seed(7)
    uniform = lambda *shape: torch.rand(shape, generator=generator, device=device)
    center = size * (1.2 * uniform(count, 2) - 0.1)
    wide = 1 + 3 * uniform(count, 2)
    conic = torch.stack([1 / wide[:, 0] ** 2, torch.zeros(count), 1 / wide[:, 1] ** 2], 1)
    opacity = 0.05 + 0.9 * uniform(count)
    reach = torch.sqrt(2 * torch.log(opacity * 255))[:, None] * wide
    return Ellipses(center, conic, opacity, uniform(count, 3), reach, 1 + uniform(count))


def test_transpose_is_the_gradient_of_the_picture():
    given = ellipses()
    color = given.color.clone().requires_grad_()
    pixels = torch.randn(3, 40, 40, generator=torch.Generator().manual_seed(1))
    picture = rasterize(given._replace(color=color), 40, 40, torch.zeros(3))
    (picture[:3] * pixels).sum().backward()
    linear = LinearPicture(given, 40)
    assert (linear.transpose(pixels) - color.grad).abs().max() < 1e-4 * color.grad.abs().max()
    assert torch.equal(linear.draw(given.color), picture.detach())


def test_transpose_moves_products_across():
    linear = LinearPicture(ellipses(), 40)
    generator = torch.Generator().manual_seed(2)
    color, pixels = torch.rand(200, 3, generator=generator), torch.rand(3, 40, 40, generator=generator)
    left, right = (linear.draw(color)[:3] * pixels).sum(), (color * linear.transpose(pixels)).sum()
    assert left > 100 and abs(left / right - 1) < 1e-5


def test_transpose_has_the_same_bytes_for_any_number_of_threads():
    linear = LinearPicture(ellipses(2000), 40)
    pixels = torch.rand(3, 40, 40, generator=torch.Generator().manual_seed(3))
    first = linear.transpose(pixels)
    assert all(torch.equal(first, linear.transpose(pixels)) for _ in range(5))


@pytest.fixture(scope="module")
def scene():
    """The fixture's head with two photos, and what refinement makes of it."""
    return write_fixture.made()


@pytest.fixture(scope="module")
def atlas(scene) -> Atlas:
    return Atlas(scene[0].head, scene[0].table, SETTINGS)


def error(splatter, static, view: View) -> float:
    """Root mean square difference to the photo on believed pixels."""
    seen = Seen(splatter, static, view, SETTINGS)
    drawn = seen.draw(static[COLOR].flatten(1)[:, splatter.texel].T)
    return float((((drawn[:3] - drawn[3] * view.image) ** 2) * seen.weight).sum().div(3 * seen.weight.sum()).sqrt())


def test_solved_colors_reach_the_photo(scene):
    splatter, static, views, _ = scene
    seen = Seen(splatter, static, views[0], SETTINGS)
    given = static[COLOR].flatten(1)[:, splatter.texel].T.contiguous()
    everything = [torch.ones(len(given))]
    solution = solve([seen], given, everything, torch.ones(1, 3), torch.ones(len(given)), 30, SETTINGS)

    def rest(color):
        drawn = seen.draw(color)
        return float((((drawn[:3] - drawn[3] * views[0].image) * seen.weight) ** 2).sum())

    errors = [rest(given), *(rest(color) for color in solution.rounds)]
    assert all(b <= a for a, b in zip(errors, errors[1:])), "no round makes it worse"
    assert errors[-1] < 0.02 * errors[0]


def test_refined_avatar_is_nearer_to_its_photo(scene):
    splatter, static, views, _ = scene
    refined = refine(splatter, static, views[:1], SETTINGS)
    assert error(splatter, refined.static, views[0]) < 0.6 * error(splatter, static, views[0])


def test_only_colors_change_and_the_mouths_inside_keeps_its(scene, atlas):
    _, static, _, refined = scene
    others = [c for c in range(14) if c not in range(4, 7)]
    assert torch.equal(refined.static[others], static[others])
    before, after = atlas.to_list(static[COLOR]), atlas.to_list(refined.static[COLOR])
    assert atlas.detached.sum() > 100 and torch.equal(before[atlas.detached], after[atlas.detached])
    assert (before - after)[~atlas.detached].abs().mean() > 0.02
    nowhere = torch.ones(64 * 64, dtype=torch.bool)
    nowhere[atlas.texel] = False
    assert torch.equal(static.flatten(1)[:, nowhere], refined.static.flatten(1)[:, nowhere])


def test_the_drivers_map_is_read_and_not_written(scene):
    splatter, static, views, _ = scene
    kept = [static.clone(), *(view.delta.clone() for view in views)]
    refine(splatter, static, views, SETTINGS)
    assert all(torch.equal(a, b) for a, b in zip(kept, [static, *(view.delta for view in views)]))


def test_same_photos_same_bytes_in_any_order(scene):
    splatter, static, views, refined = scene
    assert torch.equal(refine(splatter, static, views, SETTINGS).static, refined.static)
    other = refine(splatter, static, views[::-1], SETTINGS)
    assert (other.static - refined.static).abs().max() < 1e-5
    assert torch.allclose(other.solution.gains.flip(0), refined.solution.gains)


def test_a_photo_twice_is_the_photo_once(scene):
    splatter, static, views, _ = scene
    once, twice = refine(splatter, static, views[1:], SETTINGS), refine(splatter, static, views[1:] * 2, SETTINGS)
    assert (once.static - static).abs().max() > 0.1
    assert (once.static - twice.static).abs().max() < 1e-5
    assert torch.equal(once.solution.gains, torch.ones(1, 3))


def test_photos_of_different_tone_are_brought_together(scene):
    splatter, static, views, _ = scene
    tinted = replace(views[0], image=(views[0].image * torch.tensor([1.2, 1.0, 0.8])[:, None, None]))
    gains = refine(splatter, static, [views[0], tinted], SETTINGS).solution.gains
    ratio = gains[0] / gains[1]
    assert (ratio - torch.tensor([1.2, 1.0, 0.8])).abs().max() < 0.04


def test_number_of_photos_is_checked(scene):
    splatter, static, views, _ = scene
    for count in (0, 5):
        with pytest.raises(ValueError, match=f"got {count} photos"):
            refine(splatter, static, views[:1] * count, SETTINGS)


def test_nothing_is_believed_beyond_the_photo_or_the_person(scene):
    _, _, views, _ = scene
    view = replace(views[0], matte=torch.ones(48, 48))
    weight = pixel_weight(view, replace(SETTINGS, erosion=2 / 48))
    assert weight[: 48 - write_fixture.LOST_ROWS - 2, 2:-2][2:].min() == 1
    assert weight[48 - write_fixture.LOST_ROWS - 2 :].max() == 0, "two pixels from the last row of the photo"
    assert weight[:, :2].max() == 0 and weight[:2].max() == 0, "beyond the crop nothing is known either"


def test_what_no_photo_shows_takes_only_the_low_band(scene, atlas):
    """A photo that is brighter by a constant, and half of the head unseen and not mirrored: there, no detail comes, and
    no step."""
    change = torch.zeros(3, 64, 64)
    columns = torch.arange(64)
    change += 0.2
    change += 0.1 * (-1.0) ** columns  # detail
    trust = atlas.outer * (columns < 32)
    kept = spread(atlas, torch.zeros(3, 64, 64), change, trust, replace(SETTINGS, mirror=0.0, near=0.0, fade=1.0))
    unseen = (atlas.outer > 0) & (columns >= 36)
    steps = (kept[:, :, 1:] - kept[:, :, :-1]).abs()
    both = unseen[:, 1:] & unseen[:, :-1]
    assert steps[:, both].max() < 0.06, "detail of 0.2 from texel to texel does not go there"
    beside = kept[0][:, 36:40][unseen[:, 36:40]]
    assert beside.mean() == pytest.approx(0.2, abs=0.05), "the low band does"
    half = spread(atlas, torch.zeros(3, 64, 64), change, 0.5 * trust, replace(SETTINGS, mirror=0.0, near=0.0, fade=1.0))
    inside = ((atlas.outer > 0) & (columns > 8) & (columns < 24))[:, 1:] & (atlas.outer > 0)[:, :-1]
    whole_steps = steps[:, inside].median()
    assert whole_steps > 0.15 and (half[:, :, 1:] - half[:, :, :-1]).abs()[:, inside].median() < 0.6 * whole_steps, (
        "half believed, half of the detail"
    )
    mirrored = spread(atlas, torch.zeros(3, 64, 64), change, trust, replace(SETTINGS, near=0.0))
    far = (atlas.outer > 0) & (columns > 40)
    inner = far[:, 1:] & far[:, :-1]
    assert (mirrored[:, :, 1:] - mirrored[:, :, :-1]).abs()[:, inner].mean() > 0.1, "mirrored detail does"


def test_folds_of_the_lids_take_the_color_of_lit_skin(atlas):
    """A photo of open eyes shows lashes in the fold; closed, the fold is the whole lid."""
    given, fold = torch.full((3, 64, 64), 0.5), atlas.folded > 0.2
    assert fold.sum() > 10
    atlas = copy(atlas)
    # at this size a fold is finer than a texel; as at 256, it fills some here
    atlas.folded = (atlas.folded > 0).float()
    for seen in (-0.4, 0.3):  # dark lashes, and the bright wet edge of an eye
        kept = spread(atlas, given, seen * (atlas.folded > 0).expand(3, -1, -1), atlas.outer, SETTINGS)[0]
        assert kept[fold].abs().max() < 0.01
        assert kept[(atlas.outer > 0) & (atlas.folded == 0)].abs().max() < 1e-4
    dark = torch.where(atlas.folded > 0, 0.0, -0.3) * (torch.arange(64)[:, None] % 2)  # every other row is in shadow
    taken = lambda settings: spread(atlas, given, dark.expand(3, -1, -1), atlas.outer, settings)[0][fold]
    assert taken(SETTINGS).mean() > -0.005, "shadow is not taken"
    assert taken(replace(SETTINGS, lid_light=(-2.0, -1.0))).mean() < -0.03, "were it not for its darkness"


def test_a_row_of_teeth_has_one_tone(atlas):
    teeth = torch.nonzero(atlas.to_map(atlas.is_region("teethUpper", "teethLower").float()[:, None])[0])
    for shown, tone in ((40, 0.3), (10, 0.0)):
        trust, change = torch.zeros(64, 64), torch.full((3, 64, 64), -0.2)
        trust[tuple(teeth[:shown].T)] = 1
        change[:, trust > 0] = 0.3
        kept = spread(atlas, torch.full((3, 64, 64), 0.4), change, trust, SETTINGS)
        assert kept[1][tuple(teeth[-1])] == pytest.approx(tone)


def test_colors_move_by_the_part_of_a_step_that_is_free(scene):
    splatter, static, views, _ = scene
    seen = [Seen(splatter, static, views[0], SETTINGS)]
    given = torch.full((splatter.table.count, 3), 0.5)
    once = lambda free: (
        solve(
            seen, given, [torch.ones(len(given))], torch.ones(1, 3), torch.full((len(given),), free), 1, SETTINGS
        ).color
    )
    none, some, all_ = once(0.0), once(0.25), once(1.0)
    moved = (all_ > 0) & (all_ < 1)
    assert torch.equal(none, given) and (all_ - given).abs().max() > 0.1
    assert torch.allclose((some - given)[moved], 0.25 * (all_ - given)[moved], atol=1e-5)


def test_push_pull_keeps_what_is_known_and_fills_between():
    values = torch.zeros(1, 16, 16)
    weight = torch.zeros(16, 16)
    values[0, :, 0], values[0, :, 15] = 1.0, 3.0
    weight[:, [0, 15]] = 1
    filled = push_pull(values, weight, 1.0)[0]
    assert torch.equal(filled[:, 0], values[0, :, 0]) and torch.equal(filled[:, 15], values[0, :, 15])
    assert filled.min() >= 1 and filled.max() <= 3 and (filled[:, 1:] >= filled[:, :-1] - 1e-6).all()
    alone = torch.zeros(16, 16)
    alone[0, 0] = 1
    faded = push_pull(values, alone, 0.5)[0]
    assert faded[0, 0] == 1 and 0 < faded[15, 15] < faded[1, 1] < 1, "what is far goes to 0"


def test_highlights_go_and_freckles_stay(atlas):
    base = torch.tensor([0.6, 0.45, 0.35]).repeat(len(atlas.texel), 1)
    cheek = torch.nonzero(atlas.is_region("face"))[:, 0][::40]
    shiny, dark = base.clone(), base.clone()
    shiny[cheek] = torch.tensor([0.95, 0.93, 0.9])
    dark[cheek] = torch.tensor([0.35, 0.2, 0.12])
    assert (without_highlights(atlas, shiny, SETTINGS)[cheek].mean(1) < shiny[cheek].mean(1) - 0.04).all()
    assert torch.equal(without_highlights(atlas, dark, SETTINGS), dark)
    eyes = shiny.clone()
    there = atlas.is_region("eyeLeft", "lips")
    eyes[there] = 0.95
    assert torch.equal(without_highlights(atlas, eyes, SETTINGS)[there], eyes[there])


def test_closed_eyes_paint_no_lids_on_eyeballs(scene, atlas):
    splatter, static, views, _ = scene
    trust = lambda view, settings: Seen(splatter, static, view, settings).kind[atlas.is_region(*EYES)].max()
    shut = views[0].landmarks.copy()
    for contour in (LEFT_EYE, RIGHT_EYE):
        narrow = 0.09 / eye_opening(shut, contour)
        shut[contour, 1] = shut[contour, 1].mean() + narrow * (shut[contour, 1] - shut[contour, 1].mean())
    closed = replace(views[0], landmarks=shut)
    assert eye_opening(views[0].landmarks, LEFT_EYE) > 0.2 > 0.1 > eye_opening(shut, LEFT_EYE)
    assert trust(views[0], SETTINGS) > 0.5
    assert trust(closed, replace(SETTINGS, open_eye=(0.0, 0.01))) > 0.2, "inside the slit, were it not for its height"
    assert trust(closed, SETTINGS) == 0


def test_teeth_come_from_photos_that_show_them(scene, atlas):
    """Open mouth of the second photo: bright inside, dark inside, and the same with the lips' contour closed."""
    splatter, static, views, _ = scene
    teeth = atlas.is_region("teethUpper", "teethLower")
    view = views[1]
    trust = lambda view: float(Seen(splatter, static, view, SETTINGS).kind[teeth].max())
    inside = torch.as_tensor(polygon_mask(view.landmarks[INNER_LIPS] * 48, 48, 2))
    painted = lambda light: replace(view, image=torch.where(inside, light, view.image))
    assert trust(painted(0.9)) > 0.3
    assert trust(painted(0.1)) == 0
    shut = view.landmarks.copy()
    shut[INNER_LIPS, 1] = shut[INNER_LIPS, 1].mean()
    assert trust(replace(painted(0.9), landmarks=shut)) == 0


def test_distance_to_a_polygon():
    square = np.float32([[0, 0], [4, 0], [4, 4], [0, 4]])
    points = torch.tensor([[2.0, 2.0], [1.0, 2.0], [-3.0, 2.0], [7.0, 8.0]])
    assert torch.allclose(inside_distance(points, square), torch.tensor([2.0, 1.0, -3.0, -5.0]))


def test_crop_knows_where_the_photo_ends():
    assert [crop_size(side) for side in (100.0, 700.0, 5000.0)] == [512, 704, 1024]
    inside = inside_photo(Crop(np.array([50.0, 50.0]), 100.0, 0.0), 100, 80, 100)
    assert inside[:79, 1:-1].mean() > 0.98 and inside[80:].max() == 0


def test_algorithm_says_the_settings():
    text = (Path(write_fixture.__file__).parent / "ALGORITHM.md").read_text()
    said = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", text, re.M))
    assert said == {f.name: str(f.default).strip("()") for f in dataclasses.fields(RefineSettings)}
    assert len(text.splitlines()) <= 140


def test_fixture_of_the_browser_is_ours():
    kept = json.loads(write_fixture.PATH.read_text())
    ours = json.loads(json.dumps(write_fixture.content()))
    assert kept.keys() == ours.keys()
    number = lambda entry, key, kind: np.frombuffer(base64.b64decode(entry[key]), kind).astype(float)
    for key in ("firstRound", "lastRound", "trust", "color"):
        assert np.abs(number(kept, key, "<u2") - number(ours, key, "<u2")).max() <= 65, key  # a thousandth: rounding
    assert kept["settings"] == ours["settings"]
