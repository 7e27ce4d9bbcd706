"""The whole evaluation on two people with an untrained model: schema, oracles above floors, order of photos, page."""

import json

import numpy as np
import pytest
import torch

from training.evaluate import __main__ as command
from training.evaluate import metrics, report, results
from training.evaluate.captures import Sitter, read_set, sample_capture
from training.evaluate.frames import Truth
from training.evaluate.observers import Observers
from training.evaluate.puppets import Puppeteer
from training.evaluate.studies import (
    ORACLE,
    ORACLE_STILL,
    PERFECT,
    REFINED,
    REFINED_FOUR,
    SELF,
    SKINNED,
    STILL,
    WRONG,
    Plan,
)
from training.headmodel.model import HeadModel
from training.models.avatar import Avatar, ModelConfig
from training.models.base_maps import set_head_maps
from training.models.landmarks import Landmarks
from training.samples import HELD_OUT_SEED, in_mean_tone, write_sample
from training.synth.generator import Generator

PLAN = Plan(2, 2, (0, 180), (0,), ("smile",), 1, 4, 1, 0)


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return HeadModel.load()


@pytest.fixture(scope="module")
def generator(head, tmp_path_factory) -> Generator:
    generator = Generator(head, tmp_path_factory.mktemp("no-data"))
    generator.people = None  # what this machine has registered
    return generator


@pytest.fixture(scope="module")
def cache(generator, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    (folder / "held-out").mkdir()
    for seed, photos in ((HELD_OUT_SEED, 2), (HELD_OUT_SEED + 1, 2), (HELD_OUT_SEED + 2, 4)):
        write_sample(folder / "held-out" / f"{seed:08d}_n{photos}.npz", generator.sample(seed, photos, 1))
    return folder


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    """Untrained, with a driver that does something."""
    torch.manual_seed(0)
    avatar = Avatar(ModelConfig.load("nano-128")).eval()
    set_head_maps(avatar)
    torch.nn.init.normal_(avatar.driver.out.weight, std=0.03)
    return avatar


@pytest.fixture(scope="module")
def evaluation(avatar, head, generator, cache):
    """Results without the nets outside."""
    patch = pytest.MonkeyPatch()
    patch.setattr(command, "Generator", lambda _: generator)
    patch.setattr(command, "PerceptualDistance", no_perceptual)
    patch.setattr(command, "photo_files", lambda count: [])
    yield command.evaluate(avatar, 0, cache, PLAN, Observers(cache), head)
    patch.undo()


def no_perceptual():
    raise RuntimeError("not installed")


def test_results_hold_every_study_with_oracle_and_floor(evaluation):
    out, _, frames = evaluation
    assert json.loads(json.dumps(out)) == out
    wanted = ["self-reenactment, held-out", "cross-reenactment", "yaw sweep", "input pose", "input expression"]
    assert list(out["studies"]) == wanted
    for study, rows in out["studies"].items():
        names = {name.split(" @ ")[0] for name in rows}
        assert "1 photo" in names and WRONG in names, study
        assert any(name.startswith("oracle") for name in names), study
        assert REFINED in names or study == wanted[0], "the cameras of stored samples' photos are not known"
        assert all({"mean", "ci95", "n"} == entry.keys() for row in rows.values() for entry in row.values())
    table = out["studies"][wanted[0]]
    assert {
        "1 photo",
        "2 photos",
        "1 photo, no landmark fit",
        SKINNED,
        PERFECT,
        ORACLE,
        ORACLE_STILL,
        SELF,
        WRONG,
    } == table.keys()
    assert {"tracker", "recognition", "perceptual", "real_photos"} <= out["missing"].keys()
    assert {"perceptual", "csim", "psnr_masked"} <= out["notes"].keys()
    counted = sum(row["psnr_masked"]["n"] for rows in out["studies"].values() for row in rows.values() if row)
    assert len([f for f in frames if "psnr_masked" in f]) == counted == 58


def test_photos_own_detail_brings_the_photos_view_nearer(evaluation):
    sweep = evaluation[0]["studies"]["yaw sweep"]
    for before, after in (("1 photo", REFINED), ("4 photos", REFINED_FOUR)):
        front = [sweep[f"{row} @ 0°"]["psnr_masked"]["mean"] for row in (before, after)]
        assert front[1] > front[0] + 0.5, before


def test_targets_in_db_come_from_every_draw(evaluation, avatar, head, cache):
    out = evaluation[0]
    tables = out["draws"]["held-out"]
    assert tables["rows"]["1 photo"]["psnr_masked"]["n"] == 3 > PLAN.identities, "all draws, not the plan's first"
    assert tables["rows"]["4 photos"]["psnr_masked"]["n"] == 1, "only one draw has four photos"
    values = {target["name"]: target for target in out["targets"]}
    one = values["one photo, new view and expression (held-out)"]
    assert one["value"] == tables["rows"]["1 photo"]["psnr_masked"]["mean"] and one["ci95"] > 0
    model, landmarks = Puppeteer(avatar, head), Landmarks(head)
    gains, higher = [], []
    for _, sample in read_set(cache / "held-out", 3):
        capture, many = sample_capture(sample, "", 1), sample_capture(sample, "", len(sample["photos"]))
        one, four = model.of(capture), model.of(many, len(many.photos))
        for shot, again in zip(capture.shots, many.shots):
            mouth = Truth.of(landmarks, capture, shot).mouth
            psnr = lambda puppet, shot, mask, driven=True: metrics.psnr(
                model.draw(puppet, shot, driven), shot.picture, mask
            )
            if mouth is not None and mouth.any():
                gains.append(psnr(one, shot, mouth) - psnr(one, shot, mouth, driven=False))
            if len(many.photos) == 4:
                higher.append(psnr(four, again, again.mask) - psnr(one, shot, shot.mask))
    assert np.abs(gains).max() > 0.01 and np.abs(higher).max() > 0.01
    assert values["mouth over skinning alone (held-out)"]["value"] == pytest.approx(np.mean(gains), abs=1e-4)
    assert values["four photos over one (held-out)"]["value"] == pytest.approx(np.mean(higher), abs=1e-4)


def test_oracles_beat_floors(evaluation):
    out = evaluation[0]
    for study in ("self-reenactment, held-out", "yaw sweep", "input pose", "input expression"):
        rows = out["studies"][study]
        mean = lambda name, rows=rows: np.mean(
            [row["psnr_masked"]["mean"] for key, row in rows.items() if key.split(" @ ")[0] == name]
        )
        assert mean(ORACLE) > mean("1 photo") + 2, study
        assert mean(ORACLE) > 20, study
    own = out["studies"]["self-reenactment, held-out"][SELF]
    assert own["psnr_masked"]["mean"] == 100
    motion = {row: entry["motion_error"]["mean"] for row, entry in out["temporal"].items()}
    assert motion[SELF] == 0 < motion[ORACLE]
    assert motion[STILL] > 0
    assert out["temporal"]["1 photo"]["static_drive_flicker"]["mean"] == 0, "the same drive gives the same picture"


def test_photo_order_does_not_matter(evaluation):
    assert max(evaluation[0]["permutation"].values()) < 1e-4


def test_page_shows_every_study_and_needs_nothing_else(evaluation, tmp_path):
    out, pictures, _ = evaluation
    page = report.page(out, pictures)
    assert all(f"<h2>{study}</h2>" in page for study in out["studies"])
    assert page.count("data:image/jpeg;base64,") == len(out["studies"])
    assert "http" not in page.replace("https://", "")
    assert set(pictures["self-reenactment, held-out"]) >= {"truth", "1 photo", "2 photos", ORACLE, WRONG}
    results.write(out, tmp_path / "a" / "evaluation.json")
    assert json.loads((tmp_path / "a" / "evaluation.json").read_text())["targets"] == out["targets"]


def test_truth_is_in_the_mean_tone_of_the_photos_used(cache):
    ((title, sample), *_) = read_set(cache / "held-out", 2)
    sample["photo_tones"][1, :3] = sample["photo_tones"][0, :3] * 1.5
    one, two = sample_capture(sample, title, 1), sample_capture(sample, title, 2)
    assert len(two.photos) == 2 and len(one.photos) == 1
    assert np.array_equal(
        one.shots[0].picture, (sample["targets"][0].transpose(1, 2, 0) * 255).round().astype(np.uint8)
    )
    assert two.shots[0].picture[two.shots[0].mask].mean() > one.shots[0].picture[one.shots[0].mask].mean() + 3
    wanted = in_mean_tone(sample, np.arange(2))["static"]
    assert np.array_equal(two.static, wanted)


def test_sitters_keep_still(generator):
    first, again = Sitter(generator, 5), Sitter(generator, 5)
    shot = first.shot(30, 0, first.expression(jawOpen=0.5))
    assert np.array_equal(shot.picture, again.shot(30, 0, again.expression(jawOpen=0.5)).picture)
    assert shot.yaw == pytest.approx(30, abs=1e-3)
    assert first.expression(mouthSmile=1).sum() == 2, "both sides"
    with pytest.raises(KeyError):
        first.expression(smile=1)
    photo, anchors = first.photo(180)
    assert anchors.max() == 0 and np.abs(photo - 0.5).max() > 0.05, "from behind: a photo without landmarks"
    assert first.photo(20)[1][2].max() > 0.5
