"""paper-400's networks as ONNX: photos alone go in, on whatever head, and the numbers are PyTorch's."""

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch

from training.export.export_onnx import export
from training.export.graphs import graph_specs, release_copy
from training.export.sample_input import lcg_values
from training.models.avatar import Avatar
from training.models.config import ModelConfig


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """With fewer layers, channels and texels; otherwise as the configuration says. Nothing is silent."""
    config = ModelConfig.load("paper-400")
    vit = dict(
        photo_size=64, trunk_size=64, token_grid=4, dim=32, vit_width=64, vit_layers=2, vit_heads=4, vit_taps=(0, 1)
    )
    config = replace(
        config,
        map_size=80,
        position_map_size=80,
        encoder=replace(config.encoder, **vit),
        fusion=replace(config.fusion, dim=32, heads=4, self_layers=1, cross_layers=1, query_grid=10),
        decoder=replace(config.decoder, dim=32, widths=(24, 16, 8)),
        driver=replace(config.driver, widths=(8, 8, 16, 16, 16)),
    )
    torch.manual_seed(0)
    avatar = Avatar(config).eval()
    for parameter in avatar.parameters():
        if not parameter.any():
            parameter.data.normal_(std=0.05)
    root = tmp_path_factory.mktemp("models")
    return root, avatar, export(avatar, root)["models"]["paper-400"]


def test_neither_anchors_nor_prior_nor_photos_go_into_a_reconstructor(exported):
    _, _, model = exported
    assert model["anchorSize"] == 0
    for n in range(1, 5):
        graph = model["graphs"][f"reconstructor_n{n}"]
        assert list(graph["inputs"]) == ["tokens"]
        assert list(graph["outputs"]) == ["static_map", "identity_features"]


@pytest.mark.parametrize("name", ["encoder", "reconstructor_n2", "driver"])
def test_onnx_runtime_gives_the_numbers_of_pytorch(exported, name):
    root, avatar, model = exported
    spec = {s.name: s for s in graph_specs(release_copy(avatar))}[name]
    inputs = {
        key: lcg_values(seed, int(np.prod(shape))).reshape(shape)
        for seed, (key, shape) in enumerate(spec.inputs.items(), 1)
    }
    session = onnxruntime.InferenceSession(str(root / model["graphs"][name]["file"]))
    found = session.run(list(spec.outputs), inputs)
    with torch.no_grad():
        wanted = spec.module(*(torch.from_numpy(value) for value in inputs.values()))
    for one, other in zip(found, wanted if isinstance(wanted, tuple) else (wanted,)):
        assert np.abs(one).max() > 1e-3
        np.testing.assert_allclose(one, other.numpy(), atol=1e-4)
