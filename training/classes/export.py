"""Writes the network as ONNX: `python -m training.classes.export [--checkpoint training/runs/classes/last.pt] [--out
FILE]`; with `--ship` into assets/models/face, with its entry in models.json.

Batch norm is folded; weights are bytes with a scale per output channel. Input `image` [1,3,320,320] sRGB 0..1; outputs
`classes` [1,5,320,320] probabilities in the order of vocabulary.NAMES and `alpha` [1,1,320,320], 1 on the person."""

import argparse
import copy
import json
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from ..export.export_onnx import ASSETS, file_entry, manifest_text
from ..facenets.build import shapes
from .network import ClassNetwork, Config
from .person import ASSET
from .train import RUN

OPSET = 17
LEAST_HALF = 16  # elements: smaller constants stay in single precision


class Deployed(nn.Module):
    """Probabilities instead of logits."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        logits, alpha = self.network(image)
        return logits.softmax(1), alpha.sigmoid()


def load_network(checkpoint: Path) -> ClassNetwork:
    """The running mean of the weights."""
    state = torch.load(checkpoint, weights_only=True)
    config = Config(**{k: tuple(v) if isinstance(v, list) else v for k, v in state["config"].items()})
    network = ClassNetwork(config)
    network.load_state_dict(state["mean"])
    return network.eval()


def folded(network: nn.Module) -> nn.Module:
    """A copy whose batch norms are part of the convolutions before them."""
    network = copy.deepcopy(network).eval()
    for module in list(network.modules()):
        if isinstance(module, nn.Sequential):
            for k in range(len(module) - 1):
                if isinstance(module[k], nn.Conv2d) and isinstance(module[k + 1], nn.BatchNorm2d):
                    module[k] = nn.utils.fuse_conv_bn_eval(module[k], module[k + 1])
                    module[k + 1] = nn.Identity()
    return network


def to_bytes(model: onnx.ModelProto) -> None:
    """Store weights of convolutions as bytes with a scale per output channel, other constants in half precision, in
    place; the graph brings them back."""
    nodes, scales = [], []
    for tensor in model.graph.initializer:
        values, name = numpy_helper.to_array(tensor), tensor.name
        if values.dtype != np.float32 or values.size < LEAST_HALF:
            continue
        if values.ndim == 4:
            scale = np.maximum(np.abs(values).max((1, 2, 3), keepdims=True), 1e-12) / 127
            scales.append(numpy_helper.from_array(scale.astype(np.float32), f"{name}_scale"))
            tensor.CopyFrom(numpy_helper.from_array(np.round(values / scale).astype(np.int8), f"{name}_bytes"))
            nodes.append(helper.make_node("Cast", [f"{name}_bytes"], [f"{name}_whole"], to=TensorProto.FLOAT))
            nodes.append(helper.make_node("Mul", [f"{name}_whole", f"{name}_scale"], [name]))
        else:
            tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
            nodes.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    model.graph.initializer.extend(scales)
    nodes += model.graph.node
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def to_onnx(network: ClassNetwork) -> onnx.ModelProto:
    size = network.config.input_size
    path = RUN / "export.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        Deployed(folded(network)),
        (torch.zeros(1, 3, size, size),),
        str(path),
        input_names=["image"],
        output_names=["classes", "alpha"],
        opset_version=OPSET,
        dynamo=False,
    )
    model = onnx.load(path)
    path.unlink()
    to_bytes(model)
    del model.graph.value_info[:]
    for node in model.graph.node:
        node.ClearField("doc_string"), node.ClearField("name")
    model.producer_name, model.producer_version = "babylon-flexavatar training", ""
    onnx.checker.check_model(model)
    return model


def enter(model: onnx.ModelProto) -> None:
    """The entry of models.json for what lies at ASSET."""
    path = ASSETS / "models.json"
    manifest = json.loads(path.read_text())
    entry = {**file_entry(ASSET, ASSETS), "inputs": shapes(model.graph.input), "outputs": shapes(model.graph.output)}
    manifest["face"]["graphs"]["classes"] = entry
    path.write_text(manifest_text(manifest))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, default=RUN / "last.pt")
    parser.add_argument("--out", type=Path, default=RUN / "classes.onnx")
    parser.add_argument("--ship", action="store_true")
    arguments = parser.parse_args()
    model, out = to_onnx(load_network(arguments.checkpoint)), ASSET if arguments.ship else arguments.out
    out.write_bytes(model.SerializeToString(deterministic=True))
    if arguments.ship:
        enter(model)
    print(f"{out}: {out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
