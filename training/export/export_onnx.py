"""Write the ONNX graphs, their fp16 data files and the manifest entry of one model.

    python -m training.export.export_onnx --checkpoint training/runs/nano-128/last.pt

Graphs compute in fp32. Each weight is an fp16 initialiser in the part's data file, followed by a Cast; the four
reconstructor graphs share one file because the writer lays tensors out by name, in the order of the model's state
dict."""

import argparse
import hashlib
import io
import json
import re
import shutil
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper

from ..headmodel import asset_file
from ..headmodel.model import DEFAULT_PATH
from ..models.avatar import Avatar
from ..models.base_maps import set_head_maps
from ..models.config import ModelConfig
from .graphs import GraphSpec, graph_specs, release_copy
from .pad_channels import pad_channels
from .probe import add_probes
from .simplify import simplify

OPSET = 17
ALIGNMENT = 64  # bytes; data files may be mapped
ROOT = Path(__file__).parents[2]
ASSETS = ROOT / "assets/models"
# Operators with a kernel in ONNX Runtime's WebGPU provider (reference measurements of the design); nothing else may
# appear.
ALLOWED_OPERATORS = frozenset(
    "Add AveragePool Cast Clip Concat Conv DepthToSpace Div Erf Exp Expand Floor Gather LayerNormalization Log MatMul "
    "MaxPool Mul ReduceSum "
    "Relu Reshape Resize Sigmoid Slice Softmax Sqrt Squeeze Sub Transpose Unsqueeze".split()
)


def trace(spec: GraphSpec) -> onnx.ModelProto:
    """Static fp32 graph of one module; weights keep the names of `avatar.state_dict()`."""
    buffer = io.BytesIO()
    inputs = tuple(torch.full(shape, 0.5) for shape in spec.inputs.values())
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            spec.module,
            inputs,
            buffer,
            input_names=list(spec.inputs),
            output_names=list(spec.outputs),
            opset_version=OPSET,
            # the TorchScript exporter keeps parameter names; folding is simplify's work, so that it does not rename
            # weights
            dynamo=False,
            do_constant_folding=False,
        )
    weights = {name: value.numpy() for name, value in spec.module.state_dict().items()}
    return simplify(onnx.load_from_string(buffer.getvalue()), weights)


def externalise(model: onnx.ModelProto, layout: dict[str, tuple[int, int]], data_name: str) -> onnx.ModelProto:
    """Replace each fp32 weight named in `layout` (offset, bytes) by an external fp16 initialiser and a Cast to fp32."""
    casts = []
    kept = []
    for tensor in model.graph.initializer:
        name = tensor.name.removeprefix("avatar.")
        if name not in layout:
            kept.append(tensor)
            continue
        half = onnx.TensorProto(
            name=f"{name}.f16", data_type=TensorProto.FLOAT16, dims=tensor.dims, data_location=TensorProto.EXTERNAL
        )
        offset, length = layout[name]
        for key, value in (("location", data_name), ("offset", str(offset)), ("length", str(length))):
            half.external_data.add(key=key, value=value)
        kept.append(half)
        casts.append(helper.make_node("Cast", [half.name], [tensor.name], name=f"cast/{name}", to=TensorProto.FLOAT))
    nodes = casts + list(model.graph.node)
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend(nodes)
    return model


def weight_names(model: onnx.ModelProto, state: dict[str, torch.Tensor]) -> set[str]:
    """Names of the state-dict tensors that the graph uses. Raises ValueError when a large initialiser is not one of
    them."""
    used = set()
    for tensor in model.graph.initializer:
        name = tensor.name.removeprefix("avatar.")
        if name in state and tuple(tensor.dims) == tuple(state[name].shape) and tensor.data_type == TensorProto.FLOAT:
            used.add(name)
        elif np.prod(tensor.dims) > 64 and tensor.data_type == TensorProto.FLOAT:
            raise ValueError(
                f"{tensor.name} {list(tensor.dims)} is not a weight of the model: the exporter renamed or folded it"
            )
    return used


def operators(model: onnx.ModelProto) -> set[str]:
    return {node.op_type for node in model.graph.node}


def write_part(
    specs: list[GraphSpec], models: list[onnx.ModelProto], state: dict[str, torch.Tensor], folder: Path
) -> None:
    """Write one data file and the graphs that share it."""
    part = specs[0].part
    used = set().union(*(weight_names(model, state) for model in models))
    layout, blob = {}, bytearray()
    for name, tensor in state.items():
        if name in used:
            raw = tensor.half().numpy().astype("<f2").tobytes()
            layout[name] = (len(blob), len(raw))
            blob += raw + bytes(-len(raw) % ALIGNMENT)
    (folder / f"{part}.data").write_bytes(blob)
    for spec, model in zip(specs, models):
        model = pad_channels(externalise(model, layout, f"{part}.data"))
        model.producer_name, model.producer_version = "babylon-flexavatar training", ""
        for node in model.graph.node:
            node.ClearField("doc_string")
        del model.graph.value_info[:]
        unknown = operators(model) - ALLOWED_OPERATORS
        if unknown:
            raise ValueError(f"{spec.name} uses {sorted(unknown)}, which have no WebGPU kernel")
        path = folder / f"{spec.name}.onnx"
        path.write_bytes(model.SerializeToString(deterministic=True))
        onnx.checker.check_model(str(path))


def file_entry(path: Path, root: Path) -> dict:
    raw = path.read_bytes()
    return {"file": str(path.relative_to(root)), "sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw)}


def write_manifest(
    config: ModelConfig, specs: list[GraphSpec], outputs: dict[str, dict], root: Path, step: int, metrics: dict
) -> dict:
    """Add or replace the model's entry in models.json and refresh the head model's hash; returns the manifest."""
    path = root / "models.json"
    manifest = (
        json.loads(path.read_text())
        if path.exists()
        else {"format": 1, "default": config.name, "headModels": {}, "models": {}}
    )
    meta, _ = asset_file.read(DEFAULT_PATH)
    name, license = meta["name"], meta["license"]
    head = root / f"{name}.bin"
    if name != "open-head" and not head.exists():
        shutil.copyfile(DEFAULT_PATH, head)
    entry = {"file": head.name, "sha256": "", "bytes": 0}
    manifest["headModels"][name] = {**(file_entry(head, root) if head.exists() else entry), "license": license}
    page = root / "open-head-page2.bin"
    if name == "open-head" and page.exists():
        manifest["headModels"][name]["page"] = {**file_entry(page, root), "license": "CC0-1.0"}
    graphs = {}
    for spec in specs:
        graphs[spec.name] = {
            **file_entry(root / config.name / f"{spec.name}.onnx", root),
            "data": file_entry(root / config.name / f"{spec.part}.data", root),
            "inputs": {k: list(v) for k, v in spec.inputs.items()},
            "outputs": outputs[spec.name],
        }
    manifest["models"][config.name] = {
        "headModel": name,
        "photoSize": config.encoder.photo_size,
        "anchorSize": config.anchor_size,
        "mapSize": config.map_size,
        "positionMapSize": config.position_map_size,
        "maxPhotos": config.max_photos,
        "license": "Apache-2.0",
        "step": step,
        "metrics": {key: round(value, 3) for key, value in metrics.items()},
        "graphs": graphs,
    }
    add_probes(root, manifest, config.name)
    path.write_text(manifest_text(manifest))
    return manifest


def manifest_text(manifest: dict) -> str:
    """models.json as it is written: shapes and other lists of numbers on one line."""
    one_line = lambda m: "[" + re.sub(r"\s+", " ", m.group(1)) + "]"
    return re.sub(r"\[\s+([-+\d.e,\s]+?)\s+\]", one_line, json.dumps(manifest, indent=4)) + "\n"


def export(avatar: Avatar, root: Path = ASSETS, step: int = 0, metrics: dict | None = None) -> dict:
    """Export all graphs of `avatar` below `root`; returns the manifest. `avatar` itself is left as it was."""
    released = release_copy(avatar)
    folder = root / released.config.name
    folder.mkdir(parents=True, exist_ok=True)
    specs = graph_specs(released)
    state = {k: v for k, v in released.state_dict().items() if v.is_floating_point()}
    outputs = {}
    for part in dict.fromkeys(spec.part for spec in specs):
        members = [spec for spec in specs if spec.part == part]
        models = [trace(spec) for spec in members]
        for spec, model in zip(members, models):
            outputs[spec.name] = {
                o.name: [d.dim_value for d in o.type.tensor_type.shape.dim] for o in model.graph.output
            }
        write_part(members, models, state, folder)
    return write_manifest(released.config, specs, outputs, root, step, metrics or {})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", default="nano-128")
    parser.add_argument("--checkpoint", type=Path, help="a .pt of training/runs; random weights without it")
    parser.add_argument("--root", type=Path, default=ASSETS, help="folder of models.json")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    avatar = Avatar(ModelConfig.load(arguments.config))
    step, metrics = 0, {}
    if not arguments.checkpoint:
        set_head_maps(avatar)
    else:
        checkpoint = torch.load(arguments.checkpoint, weights_only=True)
        avatar.load_state_dict(checkpoint["model"])
        step, metrics = checkpoint["step"], checkpoint.get("metrics", {})
    manifest = export(avatar, arguments.root, step, metrics)
    files = {g["file"]: g["bytes"] for g in manifest["models"][arguments.config]["graphs"].values()}
    files |= {g["data"]["file"]: g["data"]["bytes"] for g in manifest["models"][arguments.config]["graphs"].values()}
    for name, size in files.items():
        print(f"{name:36} {size / 1e6:.3f} MB")
    print(f"total {sum(files.values()) / 1e6:.2f} MB, step {step}")


if __name__ == "__main__":
    main()
