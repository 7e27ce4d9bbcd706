"""The ONNX files give the numbers of the PyTorch model, hold only operators that run on WebGPU, and share one data
file."""

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from training.export.export_onnx import ALLOWED_OPERATORS, export, operators
from training.export.graphs import graph_specs, release_copy
from training.export.sample_input import lcg_values
from training.models.avatar import Avatar, ModelConfig

GRAPHS = ["encoder", "reconstructor_n1", "reconstructor_n2", "reconstructor_n3", "reconstructor_n4", "driver"]
PARITY = 1e-4  # absolute, on channels of order one


def scrambled_avatar(seed: int = 0) -> Avatar:
    """Random weights everywhere, zero-initialised layers and batch statistics included, so that no term of the graph is
    silent."""
    torch.manual_seed(seed)
    avatar = Avatar(ModelConfig.load("nano-128"))
    for name, tensor in avatar.state_dict().items():
        if (
            name.endswith(("color.weight", "attributes.weight", "out.weight", "coordinates.weight", "offset.weight"))
            and tensor.dim() == 4
        ):
            tensor.normal_(std=0.02)
        if name.endswith("mirrored"):
            tensor.fill_(1)
        if name.endswith("links"):
            tensor.fill_(3)
        if name.endswith("running_mean"):
            tensor.normal_(std=0.1)
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 1.5)
    return avatar.eval()


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    avatar = scrambled_avatar()
    return root, avatar, export(avatar, root)


@pytest.mark.parametrize("name", GRAPHS)
def test_onnx_runtime_gives_the_numbers_of_pytorch(exported, name):
    root, avatar, manifest = exported
    spec = {s.name: s for s in graph_specs(release_copy(avatar))}[name]
    inputs = {
        key: lcg_values(seed, int(np.prod(shape))).reshape(shape)
        for seed, (key, shape) in enumerate(spec.inputs.items(), 1)
    }
    path = root / manifest["models"]["nano-128"]["graphs"][name]["file"]
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found = session.run(None, inputs)
    with torch.no_grad():
        wanted = spec.module(*(torch.from_numpy(v) for v in inputs.values()))
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    for key, a, b in zip(spec.outputs, found, wanted):
        b = b.numpy()
        assert a.shape == b.shape == tuple(manifest["models"]["nano-128"]["graphs"][name]["outputs"][key])
        assert b.std() > 0
        worst = np.abs(a - b).argmax()
        assert np.abs(a - b).max() <= PARITY, f"{key}[{worst}]: {a.flat[worst]} and {b.flat[worst]}"


@pytest.mark.parametrize("name", GRAPHS)
def test_graphs_are_static_and_hold_only_allowed_operators(exported, name):
    root, _, manifest = exported
    model = onnx.load(str(root / manifest["models"]["nano-128"]["graphs"][name]["file"]), load_external_data=False)
    assert operators(model) <= ALLOWED_OPERATORS
    for value in [*model.graph.input, *model.graph.output]:
        assert all(d.dim_value > 0 for d in value.type.tensor_type.shape.dim)


def test_weights_are_fp16_and_reconstructors_share_one_layout(exported):
    root, _, manifest = exported
    layouts = []
    for n in range(1, 5):
        model = onnx.load(
            str(root / manifest["models"]["nano-128"]["graphs"][f"reconstructor_n{n}"]["file"]),
            load_external_data=False,
        )
        external = [t for t in model.graph.initializer if t.data_location == onnx.TensorProto.EXTERNAL]
        assert all(t.data_type == onnx.TensorProto.FLOAT16 for t in external)
        layouts.append({t.name: {e.key: e.value for e in t.external_data} for t in external})
    assert layouts[0] == layouts[1] == layouts[2] == layouts[3]
    assert {v["location"] for v in layouts[0].values()} == {"reconstructor.data"}


def test_committed_models_match_their_manifest_and_stay_small():
    root = Path(__file__).parents[2] / "assets/models"
    manifest = json.loads((root / "models.json").read_text())
    heads = list(manifest["headModels"].values())
    entries = (
        [e for g in manifest["models"]["nano-128"]["graphs"].values() for e in (g, g["data"])]
        + heads
        + [e["page"] for e in heads]
    )
    total = {}
    for entry in entries:
        raw = (root / entry["file"]).read_bytes()
        assert hashlib.sha256(raw).hexdigest() == entry["sha256"], entry["file"]
        assert len(raw) == entry["bytes"]
        total[entry["file"]] = len(raw)
    assert sum(size for file, size in total.items() if file.startswith("nano-128/")) < 6.5e6


def test_generator_of_sample_inputs_is_the_documented_one():
    state, values = 7, []
    for _ in range(1000):
        state = (state * 1664525 + 1013904223) % 2**32
        values.append((state >> 8) / 2**24)
    assert np.array_equal(lcg_values(7, 1000), np.array(values, np.float32))


def test_fixture_was_written_from_the_committed_graphs():
    root = Path(__file__).parents[2]
    manifest = json.loads((root / "assets/models/models.json").read_text())["models"]["nano-128"]["graphs"]
    fixture = json.loads((root / "tests/fixtures/nano-128.json").read_text())
    assert {k: (g["sha256"], g["dataSha256"]) for k, g in fixture["graphs"].items()} == {
        k: (g["sha256"], g["data"]["sha256"]) for k, g in manifest.items()
    }
