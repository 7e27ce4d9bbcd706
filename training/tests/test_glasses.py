"""Glasses: where they sit, what they hide, and that they change nothing else of a sample."""

import numpy as np
import pytest

from training.headmodel.model import HeadModel
from training.synth import generator as module
from training.synth import lighting, mesh
from training.synth.cameras import crop_camera
from training.synth.generator import Generator
from training.synth.glasses import Glare, sample_glasses
from training.synth.picture import Worn
from training.synth.rig import EYE_L, EYE_R, NECK

PEOPLE = 10


@pytest.fixture(scope="module")
def generator() -> Generator:
    return Generator(HeadModel.load(), map_size=128, anchor_size=32, position_map_size=32)


@pytest.fixture(scope="module")
def wearers(generator):
    """People with their seat and glasses."""
    out = []
    for seed in range(PEOPLE):
        person = generator.person(np.random.default_rng(seed))
        seat = generator.fitting.measure(generator.rig.template + person.skin_offset, person.joints)
        out.append((person, seat, sample_glasses(np.random.default_rng(seed), seat)))
    return out


def test_frames_sit_before_the_eyes_outside_the_head_and_reach_the_ears(wearers):
    for person, seat, glasses in wearers:
        points = glasses.frame.vertices
        for eye, lens in zip((EYE_L, EYE_R), np.split(glasses.lenses, 2)):
            away = lens - person.joints[eye]
            assert (
                away[:, 0].min() < -0.005
                and away[:, 0].max() > 0.005
                and away[:, 1].min() < -0.005
                and away[:, 1].max() > 0.005
            )
            assert away[:, 2].min() > 0.015, "further than the cornea"
            near = np.linalg.norm(away[:, :2], axis=1).argmin()
            assert away[near, 2] < 0.045, "no telescope"
        front = points[points[:, 2] > glasses.lenses[:, 2].min()]
        assert (seat.front(front[:, 0], front[:, 1]) - front[:, 2]).max() < 0.006, (
            "rims and bridge do not sink into the face"
        )
        for top, sign in zip(seat.ear_top, (1, -1)):
            assert np.linalg.norm(points - top, axis=1).min() < 0.006
            middle = points[(points[:, 0] * sign > 0) & (points[:, 2] < 0.05) & (points[:, 2] > top[2] + 0.012)]
            inside = seat.side(sign > 0, middle[:, 1], middle[:, 2]) - np.abs(middle[:, 0])
            assert inside.max() < 0.004, "temples run along the head, not through it"


def test_glasses_follow_the_head_but_not_the_jaw(generator, wearers):
    rig, (person, _, glasses) = generator.rig, wearers[0]
    expression = rig.model.expression_vector(jawOpen=0.8).astype(np.float32)
    pose = np.r_[0.1, 0.2, -0.1, 0.15, 0.3, 0.1, np.zeros(9)]
    face = generator.face(person, expression, pose)
    turned = glasses.worn(rig.transforms(rig.full_pose(expression, pose))[NECK])
    forehead = (rig.face_region == rig.regions.index("scalp")).nonzero()[0]
    corners = np.unique(rig.faces[forehead])
    rest = rig.template + person.offset
    apart = lambda a, b: np.linalg.norm(a[:, None] - b[None, ::50], axis=2)
    corners = corners[::10]
    before, after = apart(rest[corners], glasses.frame.vertices), apart(face.posed[corners], turned.frame.vertices)
    assert np.abs(face.posed[corners] - rest[corners]).max() > 0.01
    assert np.abs(before - after).max() < 5e-4


def view(generator, person, worn: Worn, yaw: float):
    rig = generator.rig
    face = generator.face(person, np.zeros(rig.expression_count, np.float32), np.zeros(15))
    light = lighting.sample_light(np.random.default_rng(0))
    occlusion = generator.occlusion_of(person, face, generator.occlusion.lit(light))
    camera = crop_camera(*rig.crop_points(face.skin), yaw, 0.05, 2.5, 256)
    tone = lighting.Tone(0.5, np.ones(3, np.float32), 1.0)
    picture = generator.render(person, face, camera, light, tone, occlusion, worn)
    return picture, *generator._shown(generator.texels, face, camera, picture)


@pytest.mark.parametrize("yaw", [0.0, 0.6, 1.3])
def test_texels_that_stay_visible_show_the_person_and_not_the_glasses(generator, wearers, yaw):
    hidden = 0
    for person, _, glasses in wearers:
        if glasses.above.mean() < 0.5:
            continue
        bare, xy, seen = view(generator, person, Worn(), yaw)
        dressed, same, kept = view(generator, person, Worn(None, glasses), yaw)
        assert np.array_equal(xy, same) and not (kept & ~seen).any()
        hidden += (seen & ~kept).sum()
        column, row = np.clip(xy[kept].T.astype(int), 0, 255)
        clear = glasses.above.min() ** (1 / 2.2) * 0.97
        low = bare.color[row, column] * clear - 0.02
        wrong = (dressed.color[row, column] < low) | (dressed.color[row, column] > bare.color[row, column] + 0.02)
        assert wrong.any(1).mean() < 0.002, "a visible texel shows the skin, at most tinted"
    assert hidden > 20 * PEOPLE


def test_clear_lenses_show_the_eyes_and_dark_ones_and_highlights_hide_them(generator, wearers):
    from dataclasses import replace

    person, _, glasses = next(w for w in wearers if w[2].above.mean() > 0.5)
    eyes = np.isin(
        generator.rig.face_region[generator.texels.face],
        [generator.rig.regions.index(n) for n in ("eyeLeft", "eyeRight")],
    )
    bare = view(generator, person, Worn(), 0.0)[2] & eyes
    assert view(generator, person, Worn(None, glasses), 0.0)[2][bare].mean() > 0.9
    dark = replace(glasses, above=np.full(3, 0.1, np.float32), below=np.full(3, 0.1, np.float32))
    assert not view(generator, person, Worn(None, dark), 0.0)[2][bare].any()
    everywhere = Glare(np.zeros(2), np.full(2, 3.0), 0.0, 0.9, np.ones(3, np.float32))
    assert not view(generator, person, Worn(None, glasses, everywhere), 0.0)[2][bare].any()


def test_glasses_change_the_photos_and_their_visibility_and_nothing_else(generator, monkeypatch):
    monkeypatch.setattr(module, "SHARE", 0.0)
    bare = generator.sample(5, 2, 1)
    monkeypatch.setattr(module, "SHARE", 1.0)
    monkeypatch.setattr(module, "TAKEN_OFF", 0.0)
    dressed, again = generator.sample(5, 2, 1), generator.sample(5, 2, 1)
    for key, value in bare.items():
        if isinstance(value, dict):
            assert all(np.array_equal(part, dressed[key][name]) for name, part in value.items())
        elif key in ("photos", "anchors_true", "seen"):
            assert not np.array_equal(value, dressed[key]) and np.array_equal(dressed[key], again[key]), key
        else:
            assert np.array_equal(value, dressed[key]), key
    assert np.array_equal(bare["anchors_true"][:, :2], dressed["anchors_true"][:, :2])
    assert (dressed["anchors_true"][:, 2] <= bare["anchors_true"][:, 2]).all() and (
        dressed["seen"] <= bare["seen"]
    ).all()


def test_a_minority_wears_glasses(generator, monkeypatch, wearers):
    monkeypatch.setattr(module, "sample_glasses", lambda rng, seat: "glasses")
    person, count = wearers[0][0], 400
    some = sum(generator._glasses(np.random.default_rng([seed, 20261123]), person) is not None for seed in range(count))
    assert 0.04 < some / count < 0.12


def test_a_tube_faces_outwards(wearers):
    frame = wearers[0][2].frame
    facing = mesh.vertex_normals(frame.vertices, frame.faces)
    assert np.abs(np.linalg.norm(frame.normals, axis=1) - 1).max() < 1e-4
    assert np.median(np.abs((facing * frame.normals).sum(1))) > 0.8
