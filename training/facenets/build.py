"""Write MediaPipe's networks for faces as ONNX into assets/models/face, with their entry in models.json.

    python -m training.facenets.build

Reads the .tflite files inside the npm packages that `npm run bootstrap` installs (Apache-2.0): @mediapipe/face_mesh and
@mediapipe/selfie_segmentation. The weights are theirs, in the half precision in which they come, those of the landmark
network's convolutions rounded to bytes; nothing is trained here."""

import argparse
import json
import re
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ..export.export_onnx import ALIGNMENT, ASSETS, ROOT, file_entry, manifest_text
from .convert import Graph, convert
from .tflite_file import Network, read_network

PACKAGES = ROOT / "node_modules/@mediapipe"
# the files of face_mesh, one behind the other; the loader's script lists them
PACKED = "face_mesh_solution_packed_assets"
LARGEST_IN_GRAPH = 64  # weights with more elements go into the data file
IN_BYTES = ("landmarks",)  # graphs whose convolutions are stored as bytes
# elements: smaller kernels and the last layer stay halves. Rounding these moves landmarks by .04 px of 192 in the mean,
# rounding all by .14
SMALLEST_IN_BYTES, LARGEST_IN_BYTES = 16_384, 100_000
LICENSE = "Apache-2.0"
# Tensors of face_landmark_with_attention.tflite, what training/camera makes expressions from. With 128 channels: the
# last of the trunk, 3x3, then of lips, eye, iris, eye, iris, 2x2 each. With 64: lips, eye, eye, 8x8 each, where brows
# and the lips' shapes are still to be seen.
FEATURES = (169, 603, 605, 607, 609, 611, 341, 343, 345)


def packed_file(name: str, packages: Path = PACKAGES) -> bytes:
    """One file of face_mesh's packed assets."""
    script = (packages / f"face_mesh/{PACKED}_loader.js").read_text()
    match = re.search(rf'"filename": "[^"]*/{re.escape(name)}", "start": (\d+), "end": (\d+)', script)
    if match is None:
        raise ValueError(f"{PACKED} lists no {name}")
    return (packages / f"face_mesh/{PACKED}.data").read_bytes()[int(match[1]) : int(match[2])]


def raw_networks(packages: Path = PACKAGES) -> dict[str, bytes]:
    """The three .tflite files by the name of their graph."""
    return {
        "detector": packed_file("face_detection_short_range.tflite", packages),
        "landmarks": packed_file("face_landmark_with_attention.tflite", packages),
        "matte": (packages / "selfie_segmentation/selfie_segmentation.tflite").read_bytes(),
    }


def networks(packages: Path = PACKAGES) -> dict[str, Network]:
    """The same, read."""
    return {name: read_network(raw) for name, raw in raw_networks(packages).items()}


def convert_detector(network: Network) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """image [1,3,128,128] -1..1 -> boxes [1,896,16] in pixels beside each anchor, scores [1,896,1] before the
    sigmoid."""
    boxes, scores = network.outputs
    return convert(network, {"image": network.inputs[0]}, {"boxes": f"t{boxes}", "scores": f"t{scores}"})


def convert_matte(network: Network) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """image [1,3,256,256] 0..1 -> mask [1,1,256,256], 1 on the person."""
    return convert(network, {"image": network.inputs[0]}, {"mask": f"t{network.outputs[0]}"})


def convert_landmarks(network: Network) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """image [1,3,192,192] 0..1 -> landmarks [1,478,3] in its pixels, presence [1,1] 0..1, features [1,16000]."""

    def join(graph: Graph) -> dict[str, str]:
        return _join_landmarks(graph, network) | {"features": _features(graph)}

    return convert(network, {"image": network.inputs[0]}, {}, join)


def _features(graph: Graph) -> str:
    """All of FEATURES in a row."""
    rows = [graph.add("Reshape", f"t{index}", graph.constant([1, -1], np.int64)) for index in FEATURES]
    return graph.add("Concat", *rows, axis=1)


def _join_landmarks(graph: Graph, network: Network) -> dict[str, str]:
    """One list instead of six: lips and eyes replace x and y of the mesh, irises follow at the depth of their eye's
    contour.

    Which landmarks the refined ones are is what the network itself gathers to place its boxes."""
    mesh, *parts, presence = network.outputs
    subsets = [step.options["subset_idxs"] for step in network.operations if step.name == "Landmarks2TransformMatrix"]
    counts = [network.tensors[index].shape[3] // 2 for index in parts]
    if counts != [*(len(subset) for subset in subsets), 5, 5] or network.tensors[mesh].shape[3] != 3 * 468:
        raise ValueError(f"outputs of {counts} landmarks, boxes around {[len(subset) for subset in subsets]}")
    points = graph.add("Reshape", f"t{mesh}", graph.constant([1, 468, 3], np.int64))
    plane, depth = (
        graph.add("Slice", points, *(graph.constant([v], np.int64) for v in (start, end, 2)))
        for start, end in ((0, 2), (2, 3))
    )
    refined = [
        graph.add("Reshape", f"t{index}", graph.constant([1, n, 2], np.int64)) for index, n in zip(parts, counts)
    ]
    order = np.arange(478)
    starts = np.cumsum([468, *counts])
    for subset, start in zip(subsets, starts):
        order[subset] = np.arange(start, start + len(subset))
    order[468:] = np.arange(starts[3], starts[3] + 10)
    flat = graph.add("Gather", graph.add("Concat", plane, *refined, axis=1), graph.constant(order, np.int64), axis=1)
    irises = []
    for subset in subsets[1:]:  # the eyes; their inner contour comes first
        contour = graph.add("Gather", depth, graph.constant(subset[:16], np.int64), axis=1)
        mean = graph.add("ReduceMean", contour, axes=[1], keepdims=1)
        irises.append(graph.add("Expand", mean, graph.constant([1, 5, 1], np.int64)))
    depths = graph.add("Concat", depth, *irises, axis=1)
    flag = graph.add("Sigmoid", graph.add("Reshape", f"t{presence}", graph.constant([1, 1], np.int64)))
    return {"landmarks": graph.add("Concat", flat, depths, axis=2), "presence": flag}


CONVERTERS = {"detector": convert_detector, "landmarks": convert_landmarks, "matte": convert_matte}


def to_bytes(model: onnx.ModelProto, weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Round the larger kernels to bytes with a scale per output channel, in the graph in place; returns the weights as
    they are now. The node that brings a half back to single precision takes bytes as well; a product follows it."""
    rounded = dict(weights)
    initialisers = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes = []
    for node in model.graph.node:
        values = weights.get(node.input[0]) if node.op_type == "Cast" else None
        nodes.append(node)
        if values is None or values.ndim != 4 or not SMALLEST_IN_BYTES <= values.size <= LARGEST_IN_BYTES:
            continue
        values, (name, back) = values.astype(np.float32), (node.input[0], node.output[0])
        scale = np.maximum(np.abs(values).max((1, 2, 3), keepdims=True), 1e-12) / 127
        rounded[name] = np.round(values / scale).astype(np.int8)
        initialisers[name].CopyFrom(numpy_helper.from_array(rounded[name], name))
        model.graph.initializer.append(numpy_helper.from_array(scale.astype(np.float32), f"{back}scale"))
        node.output[0] = f"{back}steps"
        nodes.append(helper.make_node("Mul", [f"{back}steps", f"{back}scale"], [back]))
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return rounded


def externalise(model: onnx.ModelProto, weights: dict[str, np.ndarray], data_name: str) -> bytes:
    """Move the larger weights out of the graph, in place; returns the data file."""
    blob = bytearray()
    for tensor in model.graph.initializer:
        if tensor.name not in weights or weights[tensor.name].size <= LARGEST_IN_GRAPH:
            continue
        values = weights[tensor.name]
        raw = values.astype(values.dtype.newbyteorder("<")).tobytes()
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", data_name), ("offset", str(len(blob))), ("length", str(len(raw)))):
            tensor.external_data.add(key=key, value=value)
        blob += raw + bytes(-len(raw) % ALIGNMENT)
    return bytes(blob)


def shapes(values: list[onnx.ValueInfoProto]) -> dict[str, list[int]]:
    return {value.name: [d.dim_value for d in value.type.tensor_type.shape.dim] for value in values}


def build(root: Path = ASSETS, packages: Path = PACKAGES) -> dict:
    """Write the three graphs below `root` and into the entry `face` of its models.json, whose other graphs stay;
    returns the entry."""
    folder = root / "face"
    folder.mkdir(parents=True, exist_ok=True)
    graphs = {}
    for name, network in networks(packages).items():
        model, weights = CONVERTERS[name](network)
        weights = to_bytes(model, weights) if name in IN_BYTES else weights
        (folder / f"{name}.data").write_bytes(externalise(model, weights, f"{name}.data"))
        path = folder / f"{name}.onnx"
        path.write_bytes(model.SerializeToString(deterministic=True))
        onnx.checker.check_model(str(path))
        graphs[name] = {
            **file_entry(path, root),
            "data": file_entry(folder / f"{name}.data", root),
            "inputs": shapes(model.graph.input),
            "outputs": shapes(model.graph.output),
        }
    sources = [
        json.loads((packages / name / "package.json").read_text()) for name in ("face_mesh", "selfie_segmentation")
    ]
    path = root / "models.json"
    manifest = json.loads(path.read_text())
    others = {name: graph for name, graph in manifest.get("face", {}).get("graphs", {}).items() if name not in graphs}
    source = (
        ", ".join(f"npm {own['name']} {own['version']}" for own in sources)
        + "; classes: training/classes; motion: training/camera"
    )
    entry = {"license": LICENSE, "source": source, "graphs": graphs | others}
    manifest["face"] = entry
    path.write_text(manifest_text(manifest))
    return entry


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=ASSETS, help="folder of models.json")
    for name, graph in build(parser.parse_args().root)["graphs"].items():
        print(f"{name:10} graph {graph['bytes']:7,} B  weights {graph.get('data', {'bytes': 0})['bytes']:9,} B")


if __name__ == "__main__":
    main()
