"""Dry run of gpu_train.sh on the processor: the archive unpacked elsewhere generates, trains, evaluates and exports,
then goes on."""

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]


def run(folder: Path, *words: str, **settings: str) -> str:
    environment = {**os.environ, "PYTHON": sys.executable, "OMP_NUM_THREADS": "1", **settings}
    result = subprocess.run(
        ["bash", "training/gpu_train.sh", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-3000:]
    return result.stdout


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("bare")
    archive = folder / "gpu_train.tar.gz"
    assert "of 64" in run(ROOT, "pack", str(archive))
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder


def test_one_command_trains_evaluates_exports_and_resumes(unpacked):
    few = {"IDENTITIES": "4", "HELD_OUT": "1", "WORKERS": "1", "OUT": "kept"}
    words = ("--set", "first_samples=2", "--set", "batch=1", "--set", "threads=1")
    first = run(unpacked, "run", "0.1", *words, **few)
    assert "origin released weights" in first
    state = torch.load(unpacked / "kept/last.pt", weights_only=True)
    committed = json.loads((unpacked / "assets/models/models.json").read_text())["models"]["nano-128"]["step"]
    assert state["step"] > committed
    assert json.loads((unpacked / "kept/results.json").read_text())["rows"]["oracle"]["novel_view_psnr"] > 20
    manifest = json.loads((unpacked / "kept/models/models.json").read_text())
    assert manifest["models"]["nano-128"]["step"] == state["step"]
    second = run(unpacked, "run", "0.2", *words, **few)
    assert "origin checkpoint" in second
    assert torch.load(unpacked / "kept/last.pt", weights_only=True)["step"] > state["step"]


def test_unknown_settings_are_refused():
    from training.losses.image import ImageLossWeights
    from training.train import TrainConfig, overridden

    train, pictures = overridden(
        (TrainConfig(), ImageLossWeights(mouth_rmse=150)), ("batch=7", "photo_weights=1,0,0,0", "mouth_rmse=0.5")
    )
    assert (train.batch, train.photo_weights, pictures.mouth_rmse) == (7, (1.0, 0.0, 0.0, 0.0), 0.5)
    with pytest.raises(ValueError, match="no such setting"):
        overridden((train, pictures), ("bach=7",))
