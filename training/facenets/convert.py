"""A TensorFlow Lite network as an ONNX graph: channels before rows, halves as weights, single precision at run time.

Values with four dimensions are kept as [batch, channel, row, column]; all others in TensorFlow's order. Weights are
fp16 initialisers followed by a Cast, as in training/export. Attention's own operators are in attention.py."""

from collections.abc import Callable

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from . import attention
from .tflite_file import Network, Operation

OPSET = 17
HALF_SWISH = 1 / 6  # slope of the hard sigmoid in x * clip(x / 6 + 1 / 2, 0, 1)


class Graph:
    """An ONNX graph under construction. Names are short: t<number> for TensorFlow's tensors, n<number> for what is made
    here."""

    def __init__(self, network: Network):
        self.network = network
        self.nodes: list[onnx.NodeProto] = []
        self.halves: dict[str, np.ndarray] = {}
        self.initialisers: dict[str, np.ndarray] = {}
        self._names: dict[bytes, str] = {}
        self._count = 0

    def add(self, op: str, *inputs: str, name: str | None = None, **attributes: object) -> str:
        """Append a node with one output; returns its name."""
        name = name or self.fresh()
        self.nodes.append(helper.make_node(op, list(inputs), [name], **attributes))
        return name

    def fresh(self) -> str:
        self._count += 1
        return f"n{self._count}"

    def constant(self, value: object, dtype: type = np.float32) -> str:
        """A small constant, stored in the graph; equal ones are shared."""
        array = np.asarray(value, dtype)
        key = array.tobytes() + str((array.dtype, array.shape)).encode()
        if key not in self._names:
            self._names[key] = self.fresh()
            self.initialisers[self._names[key]] = array
        return self._names[key]

    def weight(self, tensor: int, order: tuple[int, ...] | None = None) -> str:
        """A weight in single precision, its axes in another order; `tensor` is the DEQUANTIZE's input or output."""
        source = self.dequantised.get(tensor, tensor)
        values = self.network.tensors[source].data
        if values is None:
            raise ValueError(f"tensor {tensor} is no constant")
        if order is not None:
            values = values.transpose(order)
        name = f"w{source}"
        if name not in self.halves:
            self.halves[name] = np.ascontiguousarray(values, np.float16)
            self.nodes.append(helper.make_node("Cast", [f"{name}h"], [name], to=TensorProto.FLOAT))
        return name

    @property
    def dequantised(self) -> dict[int, int]:
        """fp16 constant behind each tensor that DEQUANTIZE makes."""
        return {step.outputs[0]: step.inputs[0] for step in self.network.operations if step.name == "DEQUANTIZE"}


def convert(
    network: Network,
    inputs: dict[str, int],
    outputs: dict[str, str],
    finish: Callable[[Graph], dict[str, str]] | None = None,
) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """The graph without its weights, and the fp16 weights by initialiser name.

    `inputs` and `outputs` name the tensors outside; `finish(graph)` may add nodes and returns output names with their
    values' names."""
    graph = Graph(network)
    shapes = {name: _planar(network.tensors[index].shape) for name, index in inputs.items()}
    for name, index in inputs.items():
        graph.nodes.append(helper.make_node("Identity", [name], [f"t{index}"]))
    for step in network.operations:
        if step.name != "DEQUANTIZE":
            STEPS[step.name](graph, step)
    results = finish(graph) if finish else outputs
    for name, value in results.items():
        graph.nodes.append(helper.make_node("Identity", [value], [name]))
    return _model(graph, shapes, list(results)), {f"{name}h": values for name, values in graph.halves.items()}


def _model(graph: Graph, shapes: dict[str, tuple[int, ...]], outputs: list[str]) -> onnx.ModelProto:
    initialisers = [numpy_helper.from_array(value, name) for name, value in graph.initialisers.items()]
    initialisers += [numpy_helper.from_array(value, f"{name}h") for name, value in graph.halves.items()]
    proto = helper.make_graph(
        graph.nodes,
        "face",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        initialisers,
    )
    model = helper.make_model(proto, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    del proto.output[:]
    proto.output.extend(inferred.graph.output)
    model = helper.make_model(proto, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    model.producer_name = "babylon-flexavatar training"
    return model


def _planar(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (shape[0], shape[3], shape[1], shape[2]) if len(shape) == 4 else shape


def _pads(graph: Graph, step: Operation, kernel: tuple[int, int], dilation: tuple[int, int] = (1, 1)) -> list[int]:
    """TensorFlow's SAME: as many outputs as input / stride, rounded up, and the odd pixel of padding after. [top, left,
    bottom, right]."""
    if not step.options["same"]:
        return [0, 0, 0, 0]
    _, rows, columns, _ = graph.network.tensors[step.inputs[0]].shape
    totals = []
    for size, edge, stride, dilate in zip(
        (rows, columns), kernel, (step.options["stride_h"], step.options["stride_w"]), dilation
    ):
        totals.append(max(0, (-(-size // stride) - 1) * stride + (edge - 1) * dilate + 1 - size))
    return [totals[0] // 2, totals[1] // 2, totals[0] - totals[0] // 2, totals[1] - totals[1] // 2]


def _convolution(graph: Graph, step: Operation) -> None:
    options = step.options
    depthwise = step.name == "DEPTHWISE_CONV_2D"
    filters = graph.network.tensors[step.inputs[1]].shape  # [out, row, column, in], depthwise [1, row, column, channel]
    if options["fused"] or (depthwise and options["multiplier"] != 1):
        raise ValueError("fused activations and multipliers are not converted")
    dilation = (options["dil_h"], options["dil_w"])
    graph.add(
        "Conv",
        f"t{step.inputs[0]}",
        graph.weight(step.inputs[1], (3, 0, 1, 2) if depthwise else (0, 3, 1, 2)),
        graph.weight(step.inputs[2]),
        name=f"t{step.outputs[0]}",
        group=filters[3] if depthwise else 1,
        strides=[options["stride_h"], options["stride_w"]],
        dilations=list(dilation),
        pads=_pads(graph, step, filters[1:3], dilation),
    )


def _transposed_convolution(graph: Graph, step: Operation) -> None:
    padding, stride_w, stride_h = np.frombuffer(step.options["raw"], "<i4")
    weights = graph.network.tensors[step.inputs[1]].shape
    if weights[1:3] != (stride_h, stride_w) or padding != 1:
        raise ValueError("only kernels as large as their stride are converted")
    graph.add(
        "ConvTranspose",
        f"t{step.inputs[0]}",
        graph.weight(step.inputs[1], (3, 0, 1, 2)),
        graph.weight(step.inputs[2]),
        name=f"t{step.outputs[0]}",
        strides=[int(stride_h), int(stride_w)],
    )


def _pool(graph: Graph, step: Operation) -> None:
    options = step.options
    kernel = (options["filter_h"], options["filter_w"])
    if options["fused"]:
        raise ValueError("fused activations are not converted")
    rows, columns = graph.network.tensors[step.inputs[0]].shape[1:3]
    if step.name == "AVERAGE_POOL_2D":
        if kernel != (rows, columns):
            raise ValueError("only means of all pixels are converted")
        graph.add("GlobalAveragePool", f"t{step.inputs[0]}", name=f"t{step.outputs[0]}")
        return
    graph.add(
        "MaxPool",
        f"t{step.inputs[0]}",
        name=f"t{step.outputs[0]}",
        kernel_shape=list(kernel),
        strides=[options["stride_h"], options["stride_w"]],
        pads=_pads(graph, step, kernel),
    )


def _binary(graph: Graph, step: Operation) -> None:
    if step.options["fused"]:
        raise ValueError("fused activations are not converted")
    names = []
    for index in step.inputs:
        constant = graph.network.tensors[graph.dequantised.get(index, index)].data
        if constant is not None and constant.ndim == 4:
            raise ValueError("constants with four dimensions are not converted")
        names.append(f"t{index}" if constant is None else graph.weight(index))
    graph.add({"ADD": "Add", "MUL": "Mul"}[step.name], *names, name=f"t{step.outputs[0]}")


def _unary(op: str) -> Callable[[Graph, Operation], str]:
    return lambda graph, step: graph.add(op, f"t{step.inputs[0]}", name=f"t{step.outputs[0]}")


def _hard_swish(graph: Graph, step: Operation) -> None:
    gate = graph.add("HardSigmoid", f"t{step.inputs[0]}", alpha=HALF_SWISH, beta=0.5)
    graph.add("Mul", f"t{step.inputs[0]}", gate, name=f"t{step.outputs[0]}")


def _prelu(graph: Graph, step: Operation) -> None:
    graph.add("PRelu", f"t{step.inputs[0]}", graph.weight(step.inputs[1], (2, 0, 1)), name=f"t{step.outputs[0]}")


def _pad(graph: Graph, step: Operation) -> None:
    pads = graph.network.tensors[step.inputs[1]].data[[0, 3, 1, 2]]  # [axis, before / after]
    graph.add("Pad", f"t{step.inputs[0]}", graph.constant(pads.T.reshape(-1), np.int64), name=f"t{step.outputs[0]}")


def _reshape(graph: Graph, step: Operation) -> None:
    before, after = (graph.network.tensors[i].shape for i in (step.inputs[0], step.outputs[0]))
    value = f"t{step.inputs[0]}"
    if len(before) == 4 and before[1:3] != (1, 1):
        value = graph.add("Transpose", value, perm=[0, 2, 3, 1])
    if len(after) == 4 and after[1:3] != (1, 1):
        raise ValueError("reshapes to pictures are not converted")
    graph.add("Reshape", value, graph.constant(_planar(after), np.int64), name=f"t{step.outputs[0]}")


def _concatenation(graph: Graph, step: Operation) -> None:
    if len(graph.network.tensors[step.outputs[0]].shape) == 4 or step.options["fused"]:
        raise ValueError("pictures are not joined")
    graph.add("Concat", *(f"t{i}" for i in step.inputs), name=f"t{step.outputs[0]}", axis=step.options["axis"])


def _resize(graph: Graph, step: Operation) -> None:
    if step.options["align_corners"] or not step.options["half_pixel"]:
        raise ValueError("only half-pixel centres are converted")
    sizes = graph.constant(_planar(graph.network.tensors[step.outputs[0]].shape), np.int64)
    graph.add(
        "Resize",
        f"t{step.inputs[0]}",
        "",
        "",
        sizes,
        name=f"t{step.outputs[0]}",
        mode="linear",
        coordinate_transformation_mode="half_pixel",
    )


def _slice(graph: Graph, step: Operation) -> None:
    if graph.network.tensors[step.inputs[0]].shape != graph.network.tensors[step.outputs[0]].shape:
        raise ValueError("only slices of everything are converted")
    graph.add("Identity", f"t{step.inputs[0]}", name=f"t{step.outputs[0]}")


STEPS = {
    "ADD": _binary,
    "MUL": _binary,
    "AVERAGE_POOL_2D": _pool,
    "MAX_POOL_2D": _pool,
    "CONCATENATION": _concatenation,
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _convolution,
    "Convolution2DTransposeBias": _transposed_convolution,
    "HARD_SWISH": _hard_swish,
    "LOGISTIC": _unary("Sigmoid"),
    "RELU": _unary("Relu"),
    "PRELU": _prelu,
    "PAD": _pad,
    "RESHAPE": _reshape,
    "RESIZE_BILINEAR": _resize,
    "STRIDED_SLICE": _slice,
    "Landmarks2TransformMatrix": attention.landmarks_to_matrix,
    "TransformTensorBilinear": attention.sample,
    "TransformLandmarks": attention.transform_landmarks,
}
