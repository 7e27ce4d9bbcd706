"""Static graphs without shape arithmetic: what depends only on constants is computed at export time."""

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

LARGEST_FOLD = 64  # elements; larger results would belong into the data file


def simplify(model: onnx.ModelProto, weights: dict[str, np.ndarray]) -> onnx.ModelProto:
    """Fold shape arithmetic into initialisers, undo the exporter's sharing of equal weights, drop what is unused.

    `weights` maps initialiser names of the traced graph to their values; they are never folded away.
    """
    for _ in range(3):  # folded constants let shape inference reach further
        before = len(model.graph.node)
        model = _fold_once(onnx.shape_inference.infer_shapes(model, data_prop=True), weights)
        if len(model.graph.node) == before:
            break
    return model


def _fold_once(model: onnx.ModelProto, weights: dict[str, np.ndarray]) -> onnx.ModelProto:
    graph = model.graph
    shapes = {
        v.name: [d.dim_value for d in v.type.tensor_type.shape.dim]
        for v in [*graph.value_info, *graph.input, *graph.output]
    }
    constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    kept = []
    for node in graph.node:
        output = node.output[0]
        if node.op_type == "Identity" and output in weights:
            constants[output] = weights[output]
        elif node.op_type == "Constant":
            constants[output] = numpy_helper.to_array(node.attribute[0].t)
        elif node.op_type == "Shape" and shapes.get(node.input[0]) and all(shapes[node.input[0]]):
            constants[output] = np.array(shapes[node.input[0]], np.int64)
        elif node.input and all(name in constants and name not in weights for name in node.input if name):
            constants[output] = _evaluate(model, node, constants)
            if constants[output].size > LARGEST_FOLD and constants[output].dtype.kind == "f":
                raise ValueError(
                    f"{node.op_type} {node.name} folds to {constants[output].size} values: make it a buffer of the "
                    "model"
                )
        else:
            kept.append(node)
    used = {name for node in kept for name in node.input}
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(kept)
    graph.initializer.extend(
        numpy_helper.from_array(np.array(v, order="C"), k) for k, v in constants.items() if k in used
    )
    return model


def _evaluate(model: onnx.ModelProto, node: onnx.NodeProto, constants: dict[str, np.ndarray]) -> np.ndarray:
    kind = onnx.helper.np_dtype_to_tensor_dtype
    inputs = [
        onnx.helper.make_tensor_value_info(n, kind(constants[n].dtype), None) for n in sorted(set(node.input)) if n
    ]
    outputs = [onnx.helper.make_empty_tensor_value_info(node.output[0])]
    single = onnx.helper.make_model(
        onnx.helper.make_graph([node], "fold", inputs, outputs), opset_imports=model.opset_import
    )
    return np.asarray(ReferenceEvaluator(single).run(None, {n: constants[n] for n in set(node.input) if n})[0])
