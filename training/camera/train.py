"""The network that tells a face's motion from what the landmark network feels: features minus those of the person's
rest in, the 52 expressions and the head's turn out. `python -m training.camera.train` writes
assets/models/face/motion.onnx and its entry in models.json, from what `.frames` made.

Three ways lead in, and one hidden layer with a straight way beside it leads out. The deep features pass a linear layer
that starts from ridge regression, as some ten thousand frames are few for as many inputs. Each of the maps of lips and
eyes is first mixed channel by channel, the same everywhere, and then weighed place by place. Large weights are kept as
bytes."""

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
from .landmarks import MAPS
from .views import view_of

ASSET = ASSETS / "face" / "motion.onnx"
OPSET = 17
WIDTH, HIDDEN = 48, 160
MIXED, PLACED = 12, 32  # channels of a map after mixing, and numbers that tell of it
RIDGE = 0.02
TURN_SCALE = 2.0  # turns in radians become as large as expressions
TURN_WEIGHT = 25.0  # of each of the three turns in the loss
LEAST_SPREAD = 0.06  # of an expression: rarer ones count less
NOISE = 0.15  # of an input, in units of its spread
EPOCHS, BATCH, RATE, DECAY, DROP = 12, 256, 1.5e-3, 0.02, 0.25
MAPS_DROP = 0.6  # share of frames that are learned without maps: those show more of who it is and of how it is rendered
FIRST_RATE = 0.02  # of RATE: the first layer hardly leaves ridge regression
POOL = 1_000_003  # noise and drops are drawn once, for a batch and so many more, and taken from a random place on


def read(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Inputs [n,F] and truths [n,E+3] of all frames but those at rest. Raises ValueError where there is none."""
    inputs, truths = [], []
    for file in sorted(folder.glob("*.npz")):
        frames = np.load(file)
        rest = frames["rest"].astype(bool)
        if not rest.any() or rest.all():
            continue
        features, views = frames["features"].astype(np.float32), view_of(frames["square"])
        turns = np.swapaxes(views, 1, 2) @ frames["rotation"].reshape(-1, 3, 3)
        still = Rotation.from_matrix(turns[rest]).mean()
        turn = (still.inv() * Rotation.from_matrix(turns)).as_rotvec()
        inputs.append((features - features[rest].mean(0))[~rest].astype(np.float16))
        truths.append(np.c_[frames["expression"], TURN_SCALE * turn][~rest].astype(np.float32))
    if not inputs:
        raise ValueError(f"no frames in {folder}; python -m training.camera.frames makes them")
    return np.concatenate(inputs), np.concatenate(truths)


class MotionNetwork(torch.nn.Module):
    """Scaled changes [n,F] -> [n,E+3]; zero gives zero. `first` [D,WIDTH] of the deep features; `maps`: how many maps
    follow them, their channels, their places."""

    def __init__(self, scale: torch.Tensor, first: torch.Tensor, outputs: int, maps: tuple[int, int, int] = MAPS):
        super().__init__()
        count, channels, places = self.maps = maps
        self.register_buffer("scale", scale)
        self.first = torch.nn.Parameter(first)
        self.mix = torch.nn.Parameter(torch.randn(count, MIXED, channels) / channels**0.5)
        self.place = torch.nn.Parameter(0.3 * torch.randn(count, MIXED * places, PLACED) / (MIXED * places) ** 0.5)
        width = first.shape[1] + count * PLACED
        self.hidden = torch.nn.Linear(width, HIDDEN)
        self.last = torch.nn.Linear(HIDDEN, outputs, bias=False)
        self.straight = torch.nn.Linear(width, outputs, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = x[:, len(self.first) :].unflatten(1, self.maps)
        if self.training:
            maps = maps * (torch.rand(len(x), 1, 1, 1) > MAPS_DROP)
        told = [(mix @ maps[:, k]).flatten(1) @ place for k, (mix, place) in enumerate(zip(self.mix, self.place))]
        h = torch.cat([x[:, : len(self.first)] @ self.first, *told], 1)
        bent = torch.relu(self.hidden(h)) - torch.relu(self.hidden.bias)
        return self.last(bent) + self.straight(h)


def scale_of(inputs: np.ndarray, maps: tuple[int, int, int]) -> np.ndarray:
    """What inputs [n,F] are divided by: about their spread, of a map the same in all places of a channel."""
    squares = sum((part.astype(np.float32) ** 2).sum(0) for part in blocks(inputs))
    count, channels, places = maps
    deep = len(squares) - count * channels * places
    of_maps = (squares[deep:].reshape(count, channels, places) / len(inputs)).mean(2)
    spreads = [np.sqrt(squares[:deep] / len(inputs)), *np.sqrt(of_maps)]
    scales = [spread + 0.1 * np.sqrt((spread**2).mean()) for spread in spreads]
    return np.concatenate([scales[0], *(np.repeat(scale, places) for scale in scales[1:])]).astype(np.float32)


def blocks(rows: np.ndarray, size: int = 2000) -> list[np.ndarray]:
    return [rows[k : k + size] for k in range(0, len(rows), size)]


def ridge(inputs: torch.Tensor, truths: np.ndarray) -> torch.Tensor:
    """Weights [F,O] of the linear answer."""
    square = (inputs.T @ inputs).double()
    square.diagonal().add_(RIDGE * square.trace() / len(square))
    return torch.linalg.solve(square, (inputs.T @ torch.tensor(truths)).double()).float()


def start(x: torch.Tensor, truths: np.ndarray, scale: np.ndarray, maps: tuple[int, int, int]) -> MotionNetwork:
    """The network that says what ridge regression says of the deep features. x [n,F] scaled."""
    deep, outputs = x.shape[1] - int(np.prod(maps)), truths.shape[1]
    linear = torch.linalg.svd(ridge(x[:, :deep], truths), full_matrices=False)
    rank = min(WIDTH, outputs, deep)
    first = 0.02 * torch.randn(deep, WIDTH) / deep**0.5
    size = (x[:, :deep] @ linear.U[:, :rank]).std(0)
    first[:, :rank] = linear.U[:, :rank] / size
    network = MotionNetwork(torch.tensor(scale), first, outputs, maps)
    with torch.no_grad():
        network.straight.weight.zero_()
        network.straight.weight[:, :rank] = (size[:, None] * linear.S[:rank, None] * linear.Vh[:rank]).T
        network.last.weight.mul_(0.1)
    return network


def train(
    inputs: np.ndarray, truths: np.ndarray, epochs: int = EPOCHS, seed: int = 0, maps=MAPS, watch=None
) -> MotionNetwork:
    """Trains on [n,F] and [n,E+3]. `watch(network, epoch, loss)` is called now and then."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    scale = scale_of(inputs, maps)
    x, y = torch.empty(inputs.shape), torch.tensor(truths)
    for into, part in zip(x.split(2000), blocks(inputs)):
        into[:] = torch.tensor(part.astype(np.float32) / scale)
    network = start(x, truths, scale, maps)
    weight = 1 / y.std(0).clamp_min(LEAST_SPREAD) ** 2
    weight[-3:] = TURN_WEIGHT
    steps = epochs * (len(x) // BATCH)
    optimizer = torch.optim.AdamW(
        [
            {"params": [network.first], "lr": RATE * FIRST_RATE, "weight_decay": 0.0},
            {"params": [p for name, p in network.named_parameters() if name != "first"], "lr": RATE},
        ],
        weight_decay=DECAY,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda i: min(1, i / 50) * 0.5 * (1 + np.cos(np.pi * i / steps))
    )
    noise = NOISE * torch.randn(BATCH * x.shape[1] + POOL)
    kept = (torch.rand(len(noise)) >= DROP) / (1 - DROP)

    def some(pool: torch.Tensor) -> torch.Tensor:
        at = int(torch.randint(POOL, ()))
        return pool[at : at + BATCH * x.shape[1]].view(BATCH, -1)

    for epoch in range(epochs):
        network.train()
        order = torch.randperm(len(x))
        for k in range(0, len(x) - BATCH + 1, BATCH):
            rows = order[k : k + BATCH]
            loss = (weight * (network((x[rows] + some(noise)) * some(kept)) - y[rows]) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        if watch and (epoch % 10 == 9 or epoch == 0):
            watch(network.eval(), epoch, loss.item())
    return network.eval()


def to_onnx(network: MotionNetwork, expressions: int) -> onnx.ModelProto:
    """change [1,F] -> expressions [1,E] 0..1, turn [1,3] axis times radians. Weights of the first layer and of the
    maps' places are bytes with a scale per column, all others halves."""
    deep, (count, channels, places) = len(network.first), network.maps
    bend = network.hidden.bias.detach()
    last, straight = network.last.weight.detach().clone(), network.straight.weight.detach().clone()
    last[expressions:] /= TURN_SCALE
    straight[expressions:] /= TURN_SCALE
    of_maps = network.scale[deep:].view(count, 1, channels, places)[..., 0]
    halves = {
        "scale": 1 / network.scale[None, :deep].numpy(),
        "mix": (network.mix.detach() / of_maps).numpy(),
        "hidden": network.hidden.weight.detach().numpy().T,
        "bend": bend.numpy()[None],
        "last": last.numpy().T,
        "straight": straight.numpy().T,
    }
    node = helper.make_node
    constants, nodes = [], []
    for name in ("first", "place"):
        weights = getattr(network, name).detach().numpy()
        size = np.abs(weights).max(-2, keepdims=True) / 127
        constants.append(numpy_helper.from_array(np.round(weights / size).astype(np.int8), f"{name}_bytes"))
        constants.append(numpy_helper.from_array(size.astype(np.float32), f"{name}_size"))
        nodes.append(node("Cast", [f"{name}_bytes"], [f"{name}_whole"], to=TensorProto.FLOAT))
        nodes.append(node("Mul", [f"{name}_whole", f"{name}_size"], [name]))
    for name, value in halves.items():
        constants.append(numpy_helper.from_array(value.astype(np.float16), f"{name}_half"))
        nodes.append(node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    integers = {
        "kinds": [deep, int(np.prod(network.maps))],
        "maps": network.maps,
        "mixed": [count, 1, MIXED * places],
        "row": [1, count * PLACED],
        "parts": [expressions, 3],
    }
    constants += [
        *(numpy_helper.from_array(np.array(value, np.int64), name) for name, value in integers.items()),
        numpy_helper.from_array((-torch.relu(bend) @ last.T).numpy()[None], "at_rest"),
        numpy_helper.from_array(np.float32(0), "least"),
        numpy_helper.from_array(np.float32(1), "most"),
    ]
    nodes += [
        node("Split", ["change", "kinds"], ["deep", "of_maps"], axis=1),
        node("Mul", ["deep", "scale"], ["scaled"]),
        node("MatMul", ["scaled", "first"], ["told_deep"]),
        node("Reshape", ["of_maps", "maps"], ["map"]),
        node("MatMul", ["mix", "map"], ["mixed_map"]),
        node("Reshape", ["mixed_map", "mixed"], ["mixed_row"]),
        node("MatMul", ["mixed_row", "place"], ["placed"]),
        node("Reshape", ["placed", "row"], ["told_maps"]),
        node("Concat", ["told_deep", "told_maps"], ["h"], axis=1),
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
        [value("change", TensorProto.FLOAT, [1, len(network.scale)])],
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
