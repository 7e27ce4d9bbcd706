"""The network that tells a face's motion from what the landmark network feels: features minus those of the person's
rest in, the 52 expressions and the head's turn out. `python -m training.camera.train` writes
assets/models/face/motion.onnx and its entry in models.json, from what `.frames` made.

A linear layer of 64 numbers, one hidden layer, and a straight way beside it. The linear layer starts from ridge
regression, as some thousand frames are few for as many inputs. Its weights are kept as bytes."""

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from scipy.spatial.transform import Rotation

from ..export.export_onnx import ASSETS, file_entry, manifest_text
from ..facenets.build import shapes
from .frames import CACHE
from .landmarks import FEATURES
from .views import view_of

ASSET = ASSETS / "face" / "motion.onnx"
OPSET = 17
WIDTH, HIDDEN = 64, 128
RIDGE = 0.02
TURN_SCALE = 2.0  # turns in radians become as large as expressions
TURN_WEIGHT = 25.0  # of each of the three turns in the loss
LEAST_SPREAD = 0.06  # of an expression: rarer ones count less
NOISE = 0.15  # of an input, in units of its spread
EPOCHS, BATCH, RATE, DECAY, DROP = 45, 256, 1.5e-3, 0.02, 0.25


def read(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Inputs [n,F] and truths [n,E+3] of all frames but those at rest. Raises ValueError where there is none."""
    inputs, truths = [], []
    for file in sorted(folder.glob("*.npz")):
        frames = np.load(file)
        rest = frames["rest"].astype(bool)
        if not rest.any() or rest.all():
            continue
        features, views = frames["features"][:, -FEATURES:], view_of(frames["square"])
        turns = np.swapaxes(views, 1, 2) @ frames["rotation"].reshape(-1, 3, 3)
        still = Rotation.from_matrix(turns[rest]).mean()
        turn = (still.inv() * Rotation.from_matrix(turns)).as_rotvec()
        inputs.append((features - features[rest].mean(0))[~rest].astype(np.float16))
        truths.append(np.c_[frames["expression"], TURN_SCALE * turn][~rest].astype(np.float32))
    if not inputs:
        raise ValueError(f"no frames in {folder}; python -m training.camera.frames makes them")
    return np.concatenate(inputs), np.concatenate(truths)


class MotionNetwork(torch.nn.Module):
    """[n,F] -> [n,E+3]; zero gives zero."""

    def __init__(self, scale: torch.Tensor, first: torch.Tensor, outputs: int):
        super().__init__()
        self.register_buffer("scale", scale)
        self.first = torch.nn.Parameter(first)  # [F,WIDTH] for scaled inputs
        self.drop = torch.nn.Dropout(DROP)
        self.hidden = torch.nn.Linear(first.shape[1], HIDDEN)
        self.last = torch.nn.Linear(HIDDEN, outputs, bias=False)
        self.straight = torch.nn.Linear(first.shape[1], outputs, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.drop(x / self.scale) @ self.first
        bent = torch.relu(self.hidden(h)) - torch.relu(self.hidden.bias)
        return self.last(bent) + self.straight(h)


def ridge(inputs: np.ndarray, truths: np.ndarray) -> np.ndarray:
    """Weights [F,O] of the linear answer."""
    square = (inputs.T @ inputs).astype(np.float64)
    square.flat[:: len(square) + 1] += RIDGE * np.trace(square) / len(inputs)
    return np.linalg.solve(square, inputs.T @ truths).astype(np.float32)


def train(inputs: np.ndarray, truths: np.ndarray, epochs: int = EPOCHS, seed: int = 0, watch=None) -> MotionNetwork:
    """Trains on [n,F] and [n,E+3]. `watch(network, epoch)` is called now and then."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    spread = np.sqrt((inputs.astype(np.float32) ** 2).mean(0))
    scale = spread + 0.1 * np.sqrt((spread**2).mean())
    x = torch.tensor(inputs.astype(np.float32) / scale)
    y = torch.tensor(truths)
    linear = torch.tensor(ridge(x.numpy(), truths))
    outputs = truths.shape[1]
    scaled = torch.linalg.svd(linear, full_matrices=False)
    first = 0.02 * torch.randn(x.shape[1], WIDTH) / np.sqrt(x.shape[1])
    rank = min(WIDTH, outputs)
    size = (x @ scaled.U[:, :rank]).std(0)
    first[:, :rank] = scaled.U[:, :rank] / size
    network = MotionNetwork(torch.tensor(scale), first, outputs)
    with torch.no_grad():
        network.straight.weight.zero_()
        network.straight.weight[:, :rank] = (size[:, None] * scaled.S[:rank, None] * scaled.Vh[:rank]).T
        network.last.weight.mul_(0.1)
    weight = 1 / y.std(0).clamp_min(LEAST_SPREAD) ** 2
    weight[-3:] = TURN_WEIGHT
    steps = epochs * (len(x) // BATCH)
    optimizer = torch.optim.AdamW(
        [
            {"params": [network.first], "lr": RATE * 0.02, "weight_decay": 0.0},
            {"params": [p for name, p in network.named_parameters() if name != "first"], "lr": RATE},
        ],
        weight_decay=DECAY,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda i: min(1, i / 50) * 0.5 * (1 + np.cos(np.pi * i / steps))
    )
    for epoch in range(epochs):
        network.train()
        order = torch.randperm(len(x))
        for k in range(0, len(x) - BATCH + 1, BATCH):
            rows = order[k : k + BATCH]
            noisy = (x[rows] + NOISE * torch.randn(BATCH, x.shape[1])) * network.scale
            loss = (weight * (network(noisy) - y[rows]) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        if watch and (epoch % 10 == 9 or epoch == 0):
            network.eval()
            watch(network, epoch, float(loss))
    return network.eval()


def to_onnx(network: MotionNetwork, expressions: int) -> onnx.ModelProto:
    """change [1,F] -> expressions [1,E] 0..1, turn [1,3] axis times radians. The first layer's weights are bytes with a
    scale per column, all others halves."""
    first = network.first.detach().numpy()
    size = np.abs(first).max(0, keepdims=True) / 127
    bend = network.hidden.bias.detach()
    last, straight = network.last.weight.detach().clone(), network.straight.weight.detach().clone()
    last[expressions:] /= TURN_SCALE
    straight[expressions:] /= TURN_SCALE
    halves = {
        "scale": 1 / network.scale.numpy()[None],
        "hidden": network.hidden.weight.detach().numpy().T,
        "bend": bend.numpy()[None],
        "last": last.numpy().T,
        "straight": straight.numpy().T,
    }
    constants = [
        numpy_helper.from_array(np.round(first / size).astype(np.int8), "first_bytes"),
        numpy_helper.from_array(size.astype(np.float32), "first_size"),
        numpy_helper.from_array((-torch.relu(bend) @ last.T).numpy()[None], "at_rest"),
        numpy_helper.from_array(np.array([expressions, 3], np.int64), "parts"),
        numpy_helper.from_array(np.float32(0), "least"),
        numpy_helper.from_array(np.float32(1), "most"),
        *(numpy_helper.from_array(value.astype(np.float16), f"{name}_half") for name, value in halves.items()),
    ]
    node = helper.make_node
    nodes = [
        node("Cast", ["first_bytes"], ["first_whole"], to=TensorProto.FLOAT),
        node("Mul", ["first_whole", "first_size"], ["first"]),
        *(node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT) for name in halves),
        node("Mul", ["change", "scale"], ["scaled"]),
        node("MatMul", ["scaled", "first"], ["h"]),
        node("MatMul", ["h", "hidden"], ["before"]),
        node("Add", ["before", "bend"], ["bent"]),
        node("Relu", ["bent"], ["on"]),
        node("MatMul", ["on", "last"], ["curved"]),
        node("MatMul", ["h", "straight"], ["line"]),
        node("Add", ["curved", "line"], ["sum"]),
        node("Add", ["sum", "at_rest"], ["all"]),
        node("Split", ["all", "parts"], ["weights", "turn"], axis=1),
        node("Clip", ["weights", "least", "most"], ["expressions"]),
    ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "motion",
        [value("change", TensorProto.FLOAT, [1, len(first)])],
        [value("expressions", TensorProto.FLOAT, [1, expressions]), value("turn", TensorProto.FLOAT, [1, 3])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    model.producer_name = "babylon-flexavatar training"
    onnx.checker.check_model(model)
    return model


def enter(model: onnx.ModelProto) -> None:
    """Writes the graph and its entry of models.json."""
    ASSET.write_bytes(model.SerializeToString(deterministic=True))
    path = ASSETS / "models.json"
    manifest = json.loads(path.read_text())
    entry = {**file_entry(ASSET, ASSETS), "inputs": shapes(model.graph.input), "outputs": shapes(model.graph.output)}
    manifest["face"]["graphs"]["motion"] = entry
    path.write_text(manifest_text(manifest))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    given = parser.parse_args()
    inputs, truths = read(given.cache)
    print(f"{len(inputs):,} frames")
    network = train(inputs, truths, given.epochs, watch=lambda _, epoch, loss: print(f"epoch {epoch + 1}: {loss:.3f}"))
    enter(to_onnx(network, truths.shape[1] - 3))
    print(f"{ASSET}: {ASSET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
