"""Write what the TensorFlow Lite interpreter computes with MediaPipe's networks: some values per output for known
inputs, for the test.

    pip install -r training/requirements-facenets.txt && python -m training.facenets.tflite_outputs

The mesh with attention has operators that the interpreter lacks, so it is cut before and behind them; the matte's own
transposed convolution is the interpreter's TRANSPOSE_CONV with a bias."""

import json
from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from ..export.sample_input import FORMULA, lcg_values
from .build import ROOT, networks, raw_networks

FIXTURE = ROOT / "training/tests/facenets.json"
POSITIONS = 48  # per output
# Parts of the mesh with attention, by tensor number: what goes in, what comes out. The first ends at the mesh, the
# features around which boxes are placed, and the presence; the second starts at the sampled features and ends before
# the landmarks are mapped back.
PARTS = {
    "detector": ("detector", (0,), (175, 174)),
    "landmarks_before": ("landmarks", (0,), (186, 35, 710)),
    "landmarks_behind": ("landmarks", (199, 200, 201), (697, 700, 703, 704, 707)),
    "matte": ("matte", (0,), (248,)),  # before the sigmoid, which makes noise 0 everywhere
}


def cut(raw: bytes, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> bytes:
    """The steps between some tensors, as a file of its own."""
    import flatbuffers

    model = schema.ModelT.InitFromPackedBuf(raw, 0)
    graph = model.subgraphs[0]
    needed, kept = set(outputs), []
    for step in reversed(graph.operators):
        if needed & set(step.outputs) and not set(step.outputs) & set(inputs):
            kept.append(step)
            needed |= set(step.inputs)
    graph.operators, graph.inputs, graph.outputs = kept[::-1], list(inputs), list(outputs)
    for step in graph.operators:
        code = model.operatorCodes[step.opcodeIndex]
        if code.customCode == b"Convolution2DTransposeBias":
            _as_transpose_conv(model, step, code)
    builder = flatbuffers.Builder(len(raw))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _as_transpose_conv(model: schema.ModelT, step: schema.OperatorT, code: schema.OperatorCodeT) -> None:
    graph = model.subgraphs[0]
    code.customCode, code.version = None, 3
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.TRANSPOSE_CONV
    options = schema.TransposeConvOptionsT()
    _, options.strideW, options.strideH = (int(v) for v in np.frombuffer(bytes(step.customOptions), "<i4"))
    options.padding = schema.Padding.SAME
    step.builtinOptionsType, step.builtinOptions, step.customOptions = (
        schema.BuiltinOptions.TransposeConvOptions,
        options,
        None,
    )
    shape = schema.BufferT()
    shape.data = np.array(graph.tensors[step.outputs[0]].shape, "<i4").view(np.uint8)
    model.buffers.append(shape)
    tensor = schema.TensorT()
    tensor.shape, tensor.type, tensor.buffer, tensor.name = (
        [4],
        schema.TensorType.INT32,
        len(model.buffers) - 1,
        b"shape",
    )
    graph.tensors.append(tensor)
    picture, weights, bias = step.inputs
    step.inputs = [len(graph.tensors) - 1, weights, picture, bias]


def outputs_of(raw: bytes, inputs: list[np.ndarray]) -> list[np.ndarray]:
    interpreter = Interpreter(model_content=raw)
    interpreter.allocate_tensors()
    for detail, value in zip(interpreter.get_input_details(), inputs):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]


def sample(values: np.ndarray) -> dict:
    index = ((np.arange(min(POSITIONS, values.size)) + 0.5) / min(POSITIONS, values.size) * values.size).astype(int)
    return {
        "shape": list(values.shape),
        "index": index.tolist(),
        "value": [float(f"{v:.7g}") for v in values.flat[index]],
    }


def main() -> None:
    raw, read = raw_networks(), networks()
    parts = {}
    for name, (network, inputs, outputs) in PARTS.items():
        shapes = [read[network].tensors[index].shape for index in inputs]
        values = [lcg_values(seed, int(np.prod(shape))).reshape(shape) for seed, shape in enumerate(shapes, 1)]
        results = outputs_of(cut(raw[network], inputs, outputs), values)
        parts[name] = {
            "network": network,
            "inputs": list(inputs),
            "outputs": {str(index): sample(value) for index, value in zip(outputs, results)},
        }
    note = "Channels last. Input k of a part, from 1, is drawn from seed k. " + FORMULA
    FIXTURE.write_text(json.dumps({"note": note, "parts": parts}, indent=1) + "\n")
    print(f"written to {Path(FIXTURE).relative_to(ROOT)}")


if __name__ == "__main__":
    main()
