"""Padding the channels of convolutions changes no number and leaves none that WebGPU computes wrongly."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from training.export.pad_channels import pad_channels


def convolution(channels: int) -> onnx.ModelProto:
    weight = np.random.default_rng(channels).standard_normal((8, channels, 3, 3)).astype(np.float16)
    nodes = [
        helper.make_node("Cast", ["w.f16"], ["w"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Conv", ["x", "w"], ["y"], name="conv", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
    ]
    inputs = [helper.make_tensor_value_info("x", 1, [2, channels, 6, 6])]
    outputs = [helper.make_tensor_value_info("y", 1, [2, 8, 6, 6])]
    graph = helper.make_graph(nodes, "conv", inputs, outputs, [numpy_helper.from_array(weight, "w.f16")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def run(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    onnx.checker.check_model(model)
    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x})[0]


@pytest.mark.parametrize("channels, padded", [(3, 3), (4, 4), (5, 8), (6, 8), (7, 8), (19, 20), (39, 40), (40, 40)])
def test_padding_keeps_the_numbers(channels, padded):
    model = convolution(channels)
    x = np.random.default_rng(0).standard_normal((2, channels, 6, 6)).astype(np.float32)
    wanted = run(model, x)
    found = pad_channels(convolution(channels))
    np.testing.assert_allclose(run(found, x), wanted, rtol=0, atol=1e-4)  # sums of up to 351 products of order one
    inferred = onnx.shape_inference.infer_shapes(found).graph.value_info
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in inferred}
    node = next(n for n in found.graph.node if n.op_type == "Conv")
    assert shapes.get(node.input[0], [2, channels])[1] == padded
    assert shapes[node.input[1]][1] == padded
