"""Convolutions whose input channels are no multiple of four get more: ONNX Runtime's WebGPU provider computes some of
them wrongly.

Measured with onnxruntime-web 1.30 against the CPU provider, 3x3 kernels: 6 to 16 channels differ by 0.6 at a scale of
2.0 and 39 to 32 channels by 2.1 at a scale of 3.5, while 12, 36 and the padded 39 agree to 2e-6 (microsoft/onnxruntime
issue 29651 describes the same). Three channels are right. The added channels repeat the first ones, with weights of
zero."""

import numpy as np
import onnx
from onnx import helper, numpy_helper

MULTIPLE = 4
SMALLEST = 4  # channels; the photo's three take another kernel, which is right


def pad_channels(model: onnx.ModelProto) -> onnx.ModelProto:
    """Pad in place the input channels of every ungrouped convolution with more than `SMALLEST` of them; returns the
    model."""
    dims = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    nodes = []
    for node in model.graph.node:
        if node.op_type == "Cast" and node.input[0] in dims:
            dims[node.output[0]] = dims[node.input[0]]
        if node.op_type == "Conv" and _group(node) == 1:
            nodes += _padding(model, node, dims[node.input[1]])
        nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def _padding(model: onnx.ModelProto, node: onnx.NodeProto, weight_dims: list[int]) -> list[onnx.NodeProto]:
    """The nodes to put before `node`, whose data and weight inputs are replaced; nothing when its channels are fine."""
    channels = weight_dims[1]
    missing = -channels % MULTIPLE
    if missing == 0 or channels <= SMALLEST:
        return []
    name = f"pad_channels/{node.name}"
    zeros = np.zeros([weight_dims[0], missing, *weight_dims[2:]], np.float32)
    bounds = {"start": [0], "end": [missing], "axis": [1]}
    model.graph.initializer.append(numpy_helper.from_array(zeros, f"{name}/zeros"))
    model.graph.initializer.extend(
        numpy_helper.from_array(np.array(value, np.int64), f"{name}/{key}") for key, value in bounds.items()
    )
    added = [
        helper.make_node(
            "Slice", [node.input[0], *(f"{name}/{key}" for key in bounds)], [f"{name}/repeated"], name=f"{name}/slice"
        ),
        helper.make_node(
            "Concat", [node.input[0], f"{name}/repeated"], [f"{name}/data"], name=f"{name}/concat_data", axis=1
        ),
        helper.make_node(
            "Concat", [node.input[1], f"{name}/zeros"], [f"{name}/weight"], name=f"{name}/concat_weight", axis=1
        ),
    ]
    node.input[0], node.input[1] = f"{name}/data", f"{name}/weight"
    return added


def _group(node: onnx.NodeProto) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)
