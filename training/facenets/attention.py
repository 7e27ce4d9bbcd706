"""The three operators of the mesh with attention that TensorFlow Lite does not have, in plain ONNX.

Around lips and eyes the network places a rotated box by a first estimate of the landmarks, samples its features there,
refines the landmarks in the box and maps them back. The matrix goes from pixels of the box (16x16) to pixels of the
features: its first two rows are [a, b, 0, c] and [d, e, 0, f]. What the operators compute is known from MediaPipe's
mediapipe/util/tflite/operations (Apache-2.0); only versions 2 are met here."""

import typing

import numpy as np
from onnx import TensorProto

from .tflite_file import Operation

if typing.TYPE_CHECKING:
    from .convert import Graph


def landmarks_to_matrix(graph: "Graph", step: Operation) -> None:
    """The box around some landmarks whose x axis runs from one landmark to another, enlarged, as a matrix [1,4,4] from
    its pixels.

    With u the unit vector of that axis and v the same turned by 90 degrees: box centre = mean of the extremes along u
    and v."""
    options = step.options
    if step.version != 2 or options["target_rotation_radians"] != 0:
        raise ValueError("only upright boxes of version 2 are converted")
    points = graph.add("Slice", f"t{step.inputs[0]}", *(graph.constant([v], np.int64) for v in (0, 2, 2)))  # [1,n,2]
    left, right = (
        graph.add("Gather", points, graph.constant(options[key], np.int64), axis=1)
        for key in ("left_rotation_idx", "right_rotation_idx")
    )
    axis = graph.add("Sub", right, left)  # [1,2]
    length = graph.add("ReduceL2", axis, axes=[1], keepdims=1)
    u = graph.add("Div", axis, length)
    v = graph.add("MatMul", u, graph.constant([[0, 1], [-1, 0]]))  # (-u_y, u_x)
    basis = graph.add("Concat", u, v, axis=0)  # rows u and v
    chosen = graph.add("Gather", points, graph.constant(options["subset_idxs"], np.int64), axis=1)
    turned = graph.add("MatMul", chosen, graph.add("Transpose", basis, perm=[1, 0]))  # [1,k,2] along u and v
    least, most = (graph.add(op, turned, axes=[1], keepdims=0) for op in ("ReduceMin", "ReduceMax"))  # [1,2]
    half = graph.constant(0.5)
    middle = graph.add("MatMul", graph.add("Mul", graph.add("Add", least, most), half), basis)  # [1,2]
    pixels = np.array([options["output_width"], options["output_height"]], np.float32)
    scale = np.array([options["scale_x"], options["scale_y"]], np.float32) / pixels
    # [1,2] feature pixels per pixel of the box
    steps = graph.add("Mul", graph.add("Sub", most, least), graph.constant(scale[None]))
    linear = graph.add("Mul", graph.add("Transpose", basis, perm=[1, 0]), steps)  # columns u and v, scaled
    shift = graph.add("MatMul", graph.constant(-pixels[None] / 2), graph.add("Transpose", linear, perm=[1, 0]))
    offset = graph.add("Transpose", graph.add("Add", middle, shift), perm=[1, 0])  # [2,1]
    rows = graph.add("Concat", linear, graph.constant(np.zeros([2, 1])), offset, axis=1)  # [2,4]
    matrix = graph.add("Concat", rows, graph.constant(np.eye(4)[2:]), axis=0)
    graph.add("Unsqueeze", matrix, graph.constant([0], np.int64), name=f"t{step.outputs[0]}")


def sample(graph: "Graph", step: Operation) -> None:
    """Features [1,c,h,w] at the pixel centres of the box, between the four nearest pixels; zero outside of the centres
    of the border."""
    if step.version != 2:
        raise ValueError("only version 2 is converted")
    _, height, width, channels = graph.network.tensors[step.inputs[0]].shape
    rows, columns = step.options["output_height"], step.options["output_width"]
    y, x = np.mgrid[:rows, :columns].reshape(2, -1) + 0.5
    centres = graph.constant(np.stack([x, y, np.zeros_like(x), np.ones_like(x)]))  # [4,k]
    matrix = graph.add("Slice", f"t{step.inputs[1]}", *(graph.constant([v], np.int64) for v in (0, 2, 1)))
    at = graph.add(
        "Sub",
        graph.add("MatMul", graph.add("Squeeze", matrix, graph.constant([0], np.int64)), centres),
        graph.constant(0.5),
    )
    last = graph.constant([[width - 1], [height - 1]])
    # [2,k]
    inside = graph.add("And", graph.add("GreaterOrEqual", at, graph.constant(0.0)), graph.add("LessOrEqual", at, last))
    first = graph.add("Floor", at)
    part = graph.add("Sub", at, first)
    flat = graph.add("Reshape", f"t{step.inputs[0]}", graph.constant([channels, height * width], np.int64))
    take = lambda value, axis: graph.add("Gather", value, graph.constant(axis, np.int64), axis=0)  # [k]
    columns_of, rows_of = {}, {}
    for move in (0, 1):
        corner = graph.add("Add", first, graph.constant(float(move))) if move else first
        held = graph.add("Min", graph.add("Max", corner, graph.constant(0.0)), last)
        columns_of[move], rows_of[move] = take(held, 0), take(held, 1)
    sides = {1: part, 0: graph.add("Sub", graph.constant(1.0), part)}
    total = None
    for down in (0, 1):
        for right in (0, 1):
            row = graph.add("Mul", rows_of[down], graph.constant(float(width)))
            place = graph.add("Cast", graph.add("Add", row, columns_of[right]), to=TensorProto.INT64)
            share = graph.add("Mul", take(sides[right], 0), take(sides[down], 1))
            term = graph.add("Mul", graph.add("Gather", flat, place, axis=1), share)
            total = term if total is None else graph.add("Add", total, term)
    mask = graph.add("Cast", graph.add("And", take(inside, 0), take(inside, 1)), to=TensorProto.FLOAT)
    shape = graph.constant([1, channels, rows, columns], np.int64)
    graph.add("Reshape", graph.add("Mul", total, mask), shape, name=f"t{step.outputs[0]}")


def transform_landmarks(graph: "Graph", step: Operation) -> None:
    """Points [1,n,2] through a matrix [1,4,4]."""
    if step.version != 2 or graph.network.tensors[step.inputs[0]].shape[2] != 2:
        raise ValueError("only points in the plane are converted")
    matrix = graph.add("Slice", f"t{step.inputs[1]}", *(graph.constant([v], np.int64) for v in (0, 2, 1)))  # [1,2,4]
    linear = graph.add("Gather", matrix, graph.constant([0, 1], np.int64), axis=2)
    # [1,1,2]
    offset = graph.add("Transpose", graph.add("Gather", matrix, graph.constant([3], np.int64), axis=2), perm=[0, 2, 1])
    turned = graph.add("MatMul", f"t{step.inputs[0]}", graph.add("Transpose", linear, perm=[0, 2, 1]))
    graph.add("Add", turned, offset, name=f"t{step.outputs[0]}")
