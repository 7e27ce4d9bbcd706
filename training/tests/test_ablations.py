"""Paired differences find what separate intervals hide, and the command runs from data to results."""

import json

import numpy as np
import pytest
import torch

from training.evaluate import __main__ as command
from training.evaluate import ablation_data, ablations, levels
from training.evaluate.frames import Frame
from training.evaluate.paired import ByPerson, interval
from training.headmodel.model import HeadModel
from training.models.avatar import Avatar, ModelConfig
from training.models.base_maps import driver_masks, set_head_maps
from training.samples import read_sample, write_sample
from training.synth.generator import Generator

LAST = (levels.PARAMETERS, levels.BOTH)


def frames(rng: np.random.Generator) -> list[Frame]:
    """Twelve people of very different scores; the row `better` is 0.2 above `base` in each frame, give or take."""
    out = []
    for person in range(12):
        level = rng.normal(20, 5)
        for k in range(4):
            condition = "strong" if k % 2 else "weak"
            score = level + rng.normal(0, 1)
            for row, more in (("base", 0.0), ("better", 0.2 + rng.normal(0, 0.02))):
                out.append(Frame("", row, str(person), None, condition=condition, values={"psnr": score + more}))
    out.append(Frame("", "better", "alone", None, condition="weak", values={"psnr": 90.0}))
    return out


def test_differences_are_paired_by_person():
    measured = ByPerson(frames(np.random.default_rng(0)), ("psnr",))
    difference = measured.over("base", ["better"])
    assert difference.keys() == {"better", "better @ strong", "better @ weak"}
    for row in difference.values():
        assert (
            row["psnr"]["mean"] == pytest.approx(0.2, abs=0.03)
            and row["psnr"]["ci95"] < 0.03
            and row["psnr"]["n"] == 12
        )
    rows = measured.rows()
    assert rows["base"]["psnr"]["n"] == 12 and rows["base"]["psnr"]["ci95"] > 1
    assert rows["better"]["psnr"]["n"] == 13


def test_the_interval_is_students():
    values = [1.0, 2.0, 3.0, 4.0]
    assert interval(values) == {
        "mean": 2.5,
        "ci95": pytest.approx(3.18245 * np.std(values, ddof=1) / 2, abs=1e-4),
        "n": 4,
    }


def test_reading_calls_an_order_only_where_the_interval_leaves_out_zero():
    row = lambda mean: {"psnr_masked": {"mean": mean, "ci95": 0.1, "n": 9}}
    names = ("position map", "distribution adjustment", "mouth loss")
    said = ablations.reading({f"driver: without {name}": row(mean) for name, mean in zip(names, (-0.3, -0.05, 0.2))})
    assert [part.split(": ")[2].split(" ")[0] for part in said.split(";")] == ["yes", "undecided", "no"]


@pytest.fixture(scope="module")
def generator(tmp_path_factory) -> Generator:
    generator = Generator(HeadModel.load(), tmp_path_factory.mktemp("no-data"), adjusted=True)
    generator.people = None  # what this machine has registered
    return generator


def test_both_arms_show_the_same_person_with_other_expressions(generator):
    arms = ablation_data.both_arms(generator, 3, 2, False)
    for key in ("photos", "anchors_in", "prior_in", "static"):
        assert np.array_equal(arms["adjusted"][key], arms["plain"][key])
    assert not np.array_equal(arms["adjusted"]["expressions"], arms["plain"]["expressions"])
    assert generator.adjustment is not None


def test_without_mouth_loss_the_mouth_counts_like_a_cheek():
    masks = driver_masks(128, torch.zeros(1, 14, 128, 128))
    less = ablations.mouthless(masks, 128)
    mouth = (masks["parts"][2] > 0).reshape(128, 128)
    assert masks["boosted"][0, 0][mouth].min() == 1 and less["boosted"][0, 0][mouth].max() == 0
    assert less["boosted"].sum() > 0, "eyes still count more"


def test_the_command_trains_judges_and_goes_on_after_a_cut(generator, tmp_path, monkeypatch, capsys):
    class Blind:
        def features(self, picture):
            return [picture]

    avatar = Avatar(ModelConfig.load("nano-128")).eval()
    set_head_maps(avatar)
    monkeypatch.setattr(command, "load_model", lambda *_: (avatar, 0))
    monkeypatch.setattr(ablation_data, "Generator", lambda *_, **__: generator)
    monkeypatch.setattr(ablations, "PerceptualDistance", Blind)
    (tmp_path / "views").mkdir()
    write_sample(tmp_path / "views" / "00000005_n4.npz", generator.sample(5, 4, 2, render_targets=True))
    words = (
        "--steps 2 --batch 2 --people 3 --expressions 1 --counts 2 --judges 2 --judge-expressions 1 --picture-steps 2"
    )
    words += " --reconstructor-steps 0"
    monkeypatch.setattr(
        "sys.argv", ["ablations", *words.split(), "--cache", str(tmp_path), "--out", str(tmp_path / "out.json")]
    )
    ablations.main()
    out = json.loads((tmp_path / "out.json").read_text())
    drivers = {"full", "without position map", "without distribution adjustment", "without mouth loss", "on 2 people"}
    assert {f"driver: {name}" for name in drivers | {"none (skinning alone)"}} <= out["rows"].keys()
    bases = {"driver: full", "pictures: with mouth loss"}
    bases |= {
        f"refinement: none, {others}{count}" for others in ("", "other people, ") for count in ("1 photo", "4 photos")
    }
    assert set(out["differences"]) == {row for row in out["rows"] if row.split(" @ ")[0] not in bases}
    assert any(abs(v["mean"]) > 0 for v in out["differences"]["pictures: without mouth loss"].values()), (
        "the mouth loss does something"
    )
    assert out["rows"]["driver: full"]["psnr_masked"]["n"] == 2
    assert any(abs(row["psnr_masked"]["mean"]) > 0 for row in out["differences"].values())
    files = sorted(f for f in (tmp_path / "ablations").rglob("*.pt"))
    stamps = [file.stat().st_mtime_ns for file in files]
    ablations.main()
    assert len(files) == 7 and [file.stat().st_mtime_ns for file in files] == stamps
    assert json.loads((tmp_path / "out.json").read_text())["differences"] == out["differences"]
    kept = read_sample(next((tmp_path / "ablations" / "people-1").glob("*.npz")))
    assert kept["adjusted_deltas"].shape == (1, 14, 128, 128)


def test_other_levels_of_refinement_are_taken_over_with_their_own_base(tmp_path):
    person = lambda more: {
        count: {
            row: {"left out": 20.0 + more * k}
            for k, row in enumerate((levels.NONE, levels.COLORS, levels.GEOMETRY, *LAST))
        }
        for count in ("1 photo", "4 photos")
    }
    file = tmp_path / "levels.json"
    out = {"missing": {}, "rows": {}, "differences": {}}
    ablations.with_levels(out, file)
    assert "levels" in out["missing"]["levels of refinement"] and not out["rows"]
    file.write_text(json.dumps({"synthetic": levels.tabulate([person(0.1), person(0.3)])}))
    ablations.with_levels(out | {"missing": {}}, file)
    assert len(out["rows"]) == 10 and len(out["differences"]) == 8
    row = "refinement: parameters (paper), other people, 4 photos"
    assert out["rows"][row]["psnr_masked"]["mean"] == pytest.approx(20.6)
    assert out["differences"][row]["psnr_masked"] == interval([0.3, 0.9])


def test_levels_are_compared_in_the_same_people():
    people = [
        {"1 photo": {levels.NONE: {"left out": level}, levels.COLORS: {"left out": level + 0.5}}}
        for level in (10.0, 30.0)
    ]
    table = levels.tabulate(people)
    assert table.keys() == {"1 photo: none", "1 photo: colors", "1 photo: colors, over none"}
    assert table["1 photo: colors, over none"]["left out"] == {"mean": 0.5, "ci95": 0.0, "n": 2}
    assert table["1 photo: none"]["left out"]["ci95"] > 50
