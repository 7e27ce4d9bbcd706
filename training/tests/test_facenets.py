"""MediaPipe's networks for faces as ONNX: they compute what the originals do, and the committed files are what the
converter writes."""

import json
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest

from training.export.sample_input import lcg_values
from training.facenets import build
from training.facenets.convert import convert
from training.facenets.tflite_file import Network, Operation, Tensor, read_network

FIXTURE = json.loads((build.ROOT / "training/tests/facenets.json").read_text())
LIMIT = 1e-4  # of an output's largest value, in single precision along 60 layers; measured 5e-6


@pytest.fixture(scope="module")
def networks() -> dict[str, Network]:
    return build.networks()


def run(model: onnx.ModelProto, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return dict(zip([o.name for o in session.get_outputs()], session.run(None, inputs)))


def planar(values: np.ndarray) -> np.ndarray:
    return values.transpose(0, 3, 1, 2) if values.ndim == 4 else values


def part_of(network: Network, inputs: list[int], outputs: list[int]) -> Network:
    """The steps between some tensors; what makes weights stays."""
    needed, kept = set(outputs), []
    for step in reversed(network.operations):
        if needed & set(step.outputs) and not set(step.outputs) & set(inputs):
            kept.append(step)
            needed |= set(step.inputs)
    return replace(network, operations=kept[::-1], inputs=tuple(inputs), outputs=tuple(outputs))


@pytest.mark.parametrize("name", FIXTURE["parts"])
def test_networks_compute_what_the_tflite_interpreter_does(networks, name):
    part = FIXTURE["parts"][name]
    network = networks[part["network"]]
    wanted = {int(index): values for index, values in part["outputs"].items()}
    steps = part_of(network, part["inputs"], list(wanted))
    model, _ = convert(
        steps, {f"i{index}": index for index in part["inputs"]}, {f"o{index}": f"t{index}" for index in wanted}
    )
    inputs = {}
    for seed, index in enumerate(part["inputs"], 1):
        shape = network.tensors[index].shape
        inputs[f"i{index}"] = planar(lcg_values(seed, int(np.prod(shape))).reshape(shape))
    for index, values in wanted.items():
        got = run(model, inputs)[f"o{index}"]
        got = got.transpose(0, 2, 3, 1) if got.ndim == 4 else got
        assert list(got.shape) == values["shape"]
        scale = np.abs(values["value"]).max()
        assert scale > 1
        assert np.abs(got.flat[values["index"]] - values["value"]).max() / scale < LIMIT, f"tensor {index}"


def one_step(name: str, inputs: list[tuple[int, ...]], output: tuple[int, ...], options: dict) -> Network:
    tensors = [Tensor(shape, None) for shape in [*inputs, output]]
    steps = tuple(range(len(inputs)))
    return Network(tensors, [Operation(name, 2, steps, (len(inputs),), options)], steps, (len(inputs),))


def run_step(network: Network, *values: np.ndarray) -> np.ndarray:
    model, _ = convert(network, {f"i{k}": k for k in network.inputs}, {"out": f"t{network.outputs[0]}"})
    return run(model, {f"i{k}": planar(value).astype(np.float32) for k, value in enumerate(values)})["out"]


@pytest.mark.parametrize("turn", [0.0, 0.6, 2.5, -1.9])
def test_box_around_landmarks_is_the_turned_rectangle(turn):
    options = {
        "left_rotation_idx": 0,
        "right_rotation_idx": 1,
        "subset_idxs": [0, 1, 2, 3],
        "output_width": 16,
        "output_height": 8,
    }
    options |= {"scale_x": 1.5, "scale_y": 2.0, "target_rotation_radians": 0.0}
    along, across = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    centre = np.array([20.0, 30.0])  # a cross of 10 by 6 around it
    points = np.array([centre - 5 * along, centre + 5 * along, centre - 3 * across, centre + 3 * across])
    points = np.concatenate([points, np.full([4, 1], 7.0)], 1)[None]
    matrix = run_step(one_step("Landmarks2TransformMatrix", [(1, 4, 3)], (1, 4, 4), options), points)[0]
    corner = lambda x, y: (matrix @ [x, y, 0, 1])[:2]
    assert np.allclose(corner(8, 4), centre, atol=1e-4)
    assert np.allclose(corner(0, 0), centre - 7.5 * along - 6 * across, atol=1e-4)
    assert np.allclose(corner(16, 8), centre + 7.5 * along + 6 * across, atol=1e-4)
    assert np.allclose(matrix[2:], np.eye(4)[2:])


def test_sampling_is_bilinear_at_pixel_centres_and_zero_outside():
    rows, columns = np.mgrid[:6, :5]
    # bilinear functions come out exactly
    picture = np.stack([2.0 * columns + 3.0 * rows + 1, columns * rows], -1)[None]
    matrix = np.eye(4)
    matrix[:2] = [[0.7, 0.2, 0, 0.3], [-0.3, 0.6, 0, 2.0]]
    network = one_step(
        "TransformTensorBilinear", [(1, 6, 5, 2), (1, 4, 4)], (1, 6, 8, 2), {"output_height": 6, "output_width": 8}
    )
    got = run_step(network, picture, matrix[None])[0]
    outside = 0
    for row in range(6):
        for column in range(8):
            x, y = (matrix @ [column + 0.5, row + 0.5, 0, 1])[:2] - 0.5
            inside = 0 <= x <= 4 and 0 <= y <= 5
            outside += not inside
            assert np.allclose(got[:, row, column], [2 * x + 3 * y + 1, x * y] if inside else 0, atol=1e-4), (
                row,
                column,
            )
    assert 5 < outside < 40


def test_landmarks_go_through_the_matrix():
    matrix = np.arange(16.0).reshape(1, 4, 4)
    points = np.array([[[1.0, 2.0], [-3.0, 0.5], [0.0, 0.0]]])
    got = run_step(one_step("TransformLandmarks", [(1, 3, 2), (1, 4, 4)], (1, 3, 2), {"raw": b""}), points, matrix)
    assert np.allclose(got, [[[5, 21], [3.5, -2.5], [3, 7]]])


def test_committed_files_are_what_the_converter_writes(tmp_path):
    manifest = json.loads((build.ASSETS / "models.json").read_text())
    ours = {name: manifest["face"]["graphs"][name] for name in ("classes", "motion")}
    (tmp_path / "models.json").write_text(json.dumps({"models": {}, "face": {"graphs": ours | {"detector": "older"}}}))
    entry = build.build(tmp_path)
    assert entry == manifest["face"]
    for name in build.CONVERTERS:
        graph = entry["graphs"][name]
        for file in (graph["file"], graph["data"]["file"]):
            assert (tmp_path / file).read_bytes() == (build.ASSETS / file).read_bytes(), file


def test_weights_are_halves_or_bytes_and_stay_small():
    for name, graph in json.loads((build.ASSETS / "models.json").read_text())["face"]["graphs"].items():
        model = onnx.load(build.ASSETS / graph["file"])
        least = 25_000 if name == "motion" else 1500
        large = [t for t in model.graph.initializer if np.prod(t.dims) > least]
        half, byte = onnx.TensorProto.FLOAT16, onnx.TensorProto.INT8
        stored = {"classes": {byte}, "motion": {byte}, "landmarks": {byte, half}}.get(name, {half})
        assert {t.data_type for t in large} == stored, name
        most = 120e3 if "data" in graph else 1e6 if name == "classes" else 450e3
        assert graph["bytes"] < most and graph.get("data", graph)["bytes"] < 2.5e6


def test_kernels_in_bytes_are_the_halves_to_half_a_step_and_move_landmarks_little(networks):
    image = {"image": lcg_values(1, 3 * 192 * 192).reshape(1, 3, 192, 192)}
    model, halves = build.convert_landmarks(networks["landmarks"])
    wanted = run(model, image)["landmarks"]
    weights = build.to_bytes(model, halves)
    rounded = [name for name, values in weights.items() if values.dtype == np.int8]
    assert len(rounded) > 20 and all(build.SMALLEST_IN_BYTES <= weights[n].size < 30_000 for n in rounded)
    for name in rounded:
        half = halves[name].astype(np.float32)
        scale = np.abs(half).max((1, 2, 3), keepdims=True) / 127
        assert np.abs(weights[name] * scale - half).max() <= 0.5001 * scale.max()
        assert np.abs(weights[name]).max() == 127
    moved = np.abs(run(model, image)["landmarks"] - wanted)
    assert 0 < moved.mean() < 0.3  # pixels of 192, of noise, which is no face


def test_refined_landmarks_replace_those_of_the_mesh(networks):
    image = {"image": lcg_values(1, 3 * 192 * 192).reshape(1, 3, 192, 192)}
    model, _ = build.convert_landmarks(networks["landmarks"])
    landmarks = run(model, image)["landmarks"][0]
    mesh, *_ = networks["landmarks"].outputs
    plain, _ = convert(networks["landmarks"], {"image": 0}, {"mesh": f"t{mesh}"})
    points = run(plain, image)["mesh"].reshape(468, 3)
    moved = np.abs(landmarks[:468, :2] - points[:, :2]).max(1) > 0
    assert 200 < moved.sum() <= 80 + 71 + 71
    assert not moved[[1, 4, 10, 152, 234, 454]].any()  # nose, forehead, chin, sides
    assert np.array_equal(landmarks[:468, 2], points[:, 2])
    contour = [33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173]
    assert np.allclose(landmarks[468:473, 2], points[contour, 2].mean(), atol=1e-4)
    assert len(set(landmarks[473:, 2])) == 1


def test_other_files_are_refused():
    with pytest.raises(ValueError, match="not a TensorFlow Lite file"):
        read_network(b"\0" * 64)
