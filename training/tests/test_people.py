"""Registered people as identities: with and without the cache, and nothing of the held-out people in a training
sample."""

import hashlib

import numpy as np
import pytest

from training.headmodel.model import DEFAULT_PATH, HeadModel
from training.headmodel.texels import build_texel_table
from training.synth import people as module
from training.synth.generator import Generator
from training.synth.hair_shape import LEAST, MOST, reshaped
from training.synth.people import HELD_OUT, People

NAMES = ["F_1", "F_2", "F_3", "F_4", *HELD_OUT, "M_1", "M_2", "M_3", "M_4"]
SIZE = 64


@pytest.fixture(scope="module")
def generator() -> Generator:
    return Generator(HeadModel.load(), map_size=SIZE, anchor_size=16, photo_size=64, position_map_size=32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, generator):
    """A small cache of made-up people: noise for shapes, flat skins. What belongs to held-out people is not a number
    where it can be."""
    out, rng, rig = tmp_path_factory.mktemp("people"), np.random.default_rng(0), generator.rig
    count, V = len(NAMES), len(rig.template)
    held = np.isin(NAMES, HELD_OUT)
    texel = build_texel_table(rig.model, SIZE).texel
    stamp = hashlib.sha256(DEFAULT_PATH.read_bytes()).hexdigest()
    offsets = np.where(held[:, None, None], np.nan, rng.normal(0, 0.0005, (count, V, 3))).astype(np.float32)
    own = np.where(held[:, None, None, None], np.nan, rng.normal(0, 2e-4, (count, rig.expression_count, V, 3))).astype(
        np.float16
    )
    np.savez(
        out / "valid.npz",
        head=stamp,
        names=np.array(NAMES),
        gender=np.array(["F"] * 4 + ["F", "F", "M", "M"] + ["M"] * 4),
        offsets=offsets,
        own=own,
        size=SIZE,
        texel=texel,
        skins=np.broadcast_to(np.array([200, 150, 120], np.uint8), (count, len(texel), 3)),
        outward=np.tile([0, 0, 1], (V, 1)).astype(np.float32),
        style_person=np.arange(count),
        style_thickness=np.where(held[:, None], np.nan, np.full((count, V), 0.01)).astype(np.float32),
        style_cover=np.full((count, len(texel)), 255, np.uint8),
        style_color=np.full((count, len(texel), 3), 60, np.uint8),
    )
    np.savez(
        out / "ict.npz",
        head=stamp,
        mean=np.zeros((V, 3), np.float32),
        modes=rng.normal(0, 3e-4, (5, V, 3)).astype(np.float32),
    )
    return out


@pytest.fixture(scope="module")
def people(folder, generator) -> People:
    out = People.load(generator.rig, generator.painter, generator.texels.index, SIZE, folder)
    out.ratio[out.held_out] = np.nan
    out.style_ratio[np.isin(out.style_person, out.held_out)] = np.nan
    return out


def test_without_a_cache_there_are_no_people_and_that_is_said_once(tmp_path, generator, capsys, monkeypatch):
    monkeypatch.setattr(module, "_said", False)
    for _ in range(2):
        assert People.load(generator.rig, generator.painter, generator.texels.index, SIZE, tmp_path) is None
    assert capsys.readouterr().err.count("no registered people") == 1


def test_a_cache_made_for_another_head_is_not_used(folder, tmp_path, generator):
    for name in ("valid.npz", "ict.npz"):
        content = dict(np.load(folder / name)) | {"head": "another"}
        np.savez(tmp_path / name, **content)
    assert People.load(generator.rig, generator.painter, generator.texels.index, SIZE, tmp_path) is None


def test_held_out_people_and_their_skins_and_hair_never_enter_a_sample(people):
    kinds = set()
    for seed in range(150):
        who = people.sample(np.random.default_rng(seed))
        kinds.add((who.own is None, who.style is None))
        assert np.isfinite(who.offset).all() and (who.own is None or np.isfinite(who.own).all()), seed
        assert who.skin in people.train and (who.blend is None or who.blend[0] in people.train), seed
        assert who.style is None or people.style_person[who.style] in people.train, seed
        if seed < 30:
            look = people.painter.paint_identity(np.random.default_rng(seed), who)
            assert np.isfinite(look.texture).all() and np.isfinite(look.thickness).all(), seed
    assert len(kinds) == 4, "every way to make a person was met"


def test_held_out_people_can_be_asked_for(people):
    for person in range(4):
        who = people.sample_held_out(np.random.default_rng(0), person)
        assert people.names[who.skin] == HELD_OUT[person] and np.isnan(who.offset).all()
        assert people.names[people.style_person[who.style]] == HELD_OUT[person]
        other = people.sample_held_out(np.random.default_rng(0), person, variant=1)
        assert people.names[people.style_person[other.style]] in set(HELD_OUT) - {HELD_OUT[person]}


def test_the_same_seed_gives_the_same_identity(people):
    a, b, c = (people.sample(np.random.default_rng(s)) for s in (4, 4, 5))
    assert np.array_equal(a.offset, b.offset) and a.skin == b.skin and a.style == b.style
    assert not np.array_equal(a.offset, c.offset)


def test_a_blink_of_wider_eyes_is_larger(people):
    rig, rng = people.rig, np.random.default_rng(0)
    face, bary = rig.model.landmark68
    eyes = rig.landmarks(rig.template, face, bary)[36:48]
    wide = np.zeros_like(rig.template)
    wide[:, 1] = 0.5 * (rig.template[:, 1] - eyes[:, 1].mean())
    index = rig.expressions.index("eyeBlinkLeft")
    assert people._gains(rng, wide)[index] == pytest.approx(0.5, abs=0.1)
    assert people._gains(rng, np.zeros_like(wide))[index] == pytest.approx(0, abs=1e-6)


def test_atlas_values_are_averaged_over_the_texels_of_a_coarser_map():
    texel = np.arange(64)
    values = np.arange(64, dtype=np.float32)[:, None]
    coarse = module._Resample(texel, 8, np.arange(16), 4)(values)[:, 0].reshape(4, 4)
    assert np.allclose(coarse, values.reshape(4, 2, 4, 2).mean((1, 3)))
    fine = module._Resample(texel, 8, np.arange(256), 16)(values)[:, 0].reshape(16, 16)
    assert np.allclose(fine, np.kron(values.reshape(8, 8), np.ones((2, 2))))


def test_registered_hair_keeps_its_style_and_changes_its_volume(people, generator):
    canvas, thickness = (
        generator.vertex_canvas,
        people.thickness[people.train_styles[0]] * (generator.vertex_canvas.height > 0.02),
    )
    thickness = np.where(thickness > 0, 0.02, 0).astype(np.float32)
    fuller = [
        reshaped(np.random.default_rng(seed), thickness, canvas, people.thickness[people.train_styles])
        for seed in range(60)
    ]
    hair = thickness > 0
    assert all((t[~hair] == 0).all() and t.min() >= 0 and t.max() < MOST for t in fuller)
    mean = np.array([t[hair].mean() for t in fuller])
    assert any((t == thickness).all() for t in fuller), "some styles stay as they are"
    assert np.std(np.log(mean)) > 0.2 and np.quantile(mean, 0.1) < 0.016 and np.quantile(mean, 0.9) > 0.024
    ears = canvas.is_region["ears"]
    short = np.where(ears, 0.004, thickness).astype(np.float32)
    assert all(reshaped(np.random.default_rng(seed), short, canvas)[ears].max() <= LEAST + 1e-6 for seed in range(20))
    assert reshaped(np.random.default_rng(1), np.full(len(hair), 0.005, np.float32), canvas).max() == np.float32(
        0.005
    ), "a buzz cut"


def test_clothes_of_photographed_skins_are_kept_dyed_or_taken_off(people, monkeypatch):
    painter, skin, tone = people.painter, int(people.train[0]), np.full(3, 0.4, np.float32)
    n = people.ratio.shape[1]
    dressed = (np.arange(n) % 4 == 0).astype(np.float32)
    ratio = np.where(dressed[:, None] > 0, 0.7, people.bare).astype(np.float32)
    monkeypatch.setattr(people, "ratio", np.where(np.arange(len(NAMES))[:, None, None] == skin, ratio, people.ratio))
    monkeypatch.setattr(people, "dressed", np.where(np.arange(len(NAMES))[:, None] == skin, dressed, people.dressed))
    shirt = np.exp(0.7) * people.tone[skin]
    monkeypatch.setattr(people, "cloth", np.where(np.arange(len(NAMES))[:, None] == skin, shirt, people.cloth))
    assert (painter._clothes(None, skin, tone)[0] == ratio).all(), "held-out people wear what they wear"
    kinds = set()
    for seed in range(40):
        log, cloth = painter._clothes(np.random.default_rng(seed), skin, tone)
        assert (log[dressed == 0] == ratio[dressed == 0]).all()
        worn = log[dressed > 0]
        if np.allclose(worn, people.bare[dressed > 0], atol=1e-6):
            kinds.add("bare")
        elif np.allclose(tone * np.exp(worn), cloth, atol=1e-5):
            kinds.add("dyed")
        else:
            assert (worn == ratio[dressed > 0]).all() and np.allclose(cloth, shirt)
            kinds.add("kept")
    assert kinds == {"bare", "dyed", "kept"}
