"""Reads TensorFlow Lite files: the parts of the flatbuffer (tensorflow/lite/schema/schema.fbs) that MediaPipe's
networks for faces use."""

from dataclasses import dataclass

import numpy as np
from flatbuffers import flexbuffers
from flatbuffers import number_types as kinds
from flatbuffers.table import Table

DTYPES = {0: np.float32, 1: np.float16, 2: np.int32}
# BuiltinOperator of the schema; 32 are operators known by name.
OPERATORS = {
    0: "ADD",
    1: "AVERAGE_POOL_2D",
    2: "CONCATENATION",
    3: "CONV_2D",
    4: "DEPTHWISE_CONV_2D",
    6: "DEQUANTIZE",
    14: "LOGISTIC",
    17: "MAX_POOL_2D",
    18: "MUL",
    19: "RELU",
    22: "RESHAPE",
    23: "RESIZE_BILINEAR",
    34: "PAD",
    45: "STRIDED_SLICE",
    54: "PRELU",
    117: "HARD_SWISH",
}
CUSTOM = 32
# Fields of each operator's options, in the order of the schema: position, kind and default.
POOL = {
    "same": (0, "flag"),
    "stride_w": (1, "int"),
    "stride_h": (2, "int"),
    "filter_w": (3, "int"),
    "filter_h": (4, "int"),
    "fused": (5, "byte"),
}
OPTIONS = {
    "ADD": {"fused": (0, "byte")},
    "MUL": {"fused": (0, "byte")},
    "AVERAGE_POOL_2D": POOL,
    "MAX_POOL_2D": POOL,
    "CONCATENATION": {"axis": (0, "int"), "fused": (1, "byte")},
    "CONV_2D": {
        "same": (0, "flag"),
        "stride_w": (1, "int"),
        "stride_h": (2, "int"),
        "fused": (3, "byte"),
        "dil_w": (4, "int1"),
        "dil_h": (5, "int1"),
    },
    "DEPTHWISE_CONV_2D": {
        "same": (0, "flag"),
        "stride_w": (1, "int"),
        "stride_h": (2, "int"),
        "multiplier": (3, "int"),
        "fused": (4, "byte"),
        "dil_w": (5, "int1"),
        "dil_h": (6, "int1"),
    },
    "RESIZE_BILINEAR": {"align_corners": (2, "byte"), "half_pixel": (3, "byte")},
}


@dataclass(frozen=True)
class Tensor:
    """A tensor of the graph: its shape in TensorFlow's order (batch, row, column, channel) and, for a constant, its
    values."""

    shape: tuple[int, ...]
    data: np.ndarray | None


@dataclass(frozen=True)
class Operation:
    """One step. `options` are those of OPTIONS, or of a custom operator its flexbuffer (a map) or its raw bytes under
    "raw"."""

    name: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict


@dataclass(frozen=True)
class Network:
    """A file's only graph."""

    tensors: list[Tensor]
    operations: list[Operation]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def read_network(raw: bytes) -> Network:
    """Raises ValueError for what is no TensorFlow Lite file, has several graphs, or uses an operator or type that is
    not known here."""
    if raw[4:8] != b"TFL3":
        raise ValueError("not a TensorFlow Lite file")
    model = Table(raw, int.from_bytes(raw[:4], "little"))
    graphs = _tables(model, 2)
    if len(graphs) != 1:
        raise ValueError(f"{len(graphs)} graphs instead of one")
    graph, buffers = graphs[0], _tables(model, 4)
    codes = [_code(table) for table in _tables(model, 1)]
    tensors = [_tensor(table, buffers) for table in _tables(graph, 0)]
    operations = [_operation(table, codes) for table in _tables(graph, 3)]
    return Network(tensors, operations, _ints(graph, 1), _ints(graph, 2))


def _code(table: Table) -> tuple[str, int]:
    builtin = max(_scalar(table, 0, kinds.Int8Flags), _scalar(table, 3, kinds.Int32Flags))
    version = _scalar(table, 2, kinds.Int32Flags, 1)
    if builtin == CUSTOM:
        return table.String(table.Offset(6) + table.Pos).decode(), version
    if builtin not in OPERATORS:
        raise ValueError(f"operator {builtin} is not known")
    return OPERATORS[builtin], version


def _tensor(table: Table, buffers: list[Table]) -> Tensor:
    kind = _scalar(table, 1, kinds.Int8Flags)
    if kind not in DTYPES:
        raise ValueError(f"tensor type {kind} is not known")
    shape = _ints(table, 0)
    raw = _bytes(buffers[_scalar(table, 2, kinds.Uint32Flags)], 0)
    return Tensor(shape, np.frombuffer(raw, DTYPES[kind]).reshape(shape) if raw else None)


def _operation(table: Table, codes: list[tuple[str, int]]) -> Operation:
    name, version = codes[_scalar(table, 0, kinds.Uint32Flags)]
    options = {}
    if name in OPTIONS:
        place = table.Offset(4 + 2 * 4)
        own = Table(table.Bytes, table.Indirect(table.Pos + place)) if place else None
        for key, (field, kind) in OPTIONS[name].items():
            default = 1 if kind == "int1" else 0
            flags = kinds.Int32Flags if kind.startswith("int") else kinds.Int8Flags
            options[key] = _scalar(own, field, flags, default) if own else default
        if "same" in options:
            options["same"] = options["same"] == 0
    elif name not in OPERATORS.values():
        raw = _bytes(table, 5)
        try:
            options = flexbuffers.Loads(raw) or {"raw": raw}
        except ValueError:
            options = {"raw": raw}
    return Operation(name, version, _ints(table, 1), _ints(table, 2), options)


def _scalar(table: Table, field: int, flags: type, default: int = 0) -> int:
    place = table.Offset(4 + 2 * field)
    return int(table.Get(flags, table.Pos + place)) if place else default


def _tables(table: Table, field: int) -> list[Table]:
    place = table.Offset(4 + 2 * field)
    if not place:
        return []
    start = table.Vector(place)
    return [Table(table.Bytes, table.Indirect(start + 4 * i)) for i in range(table.VectorLen(place))]


def _ints(table: Table, field: int) -> tuple[int, ...]:
    place = table.Offset(4 + 2 * field)
    if not place:
        return ()
    return tuple(int(v) for v in np.frombuffer(table.Bytes, "<i4", table.VectorLen(place), table.Vector(place)))


def _bytes(table: Table, field: int) -> bytes:
    place = table.Offset(4 + 2 * field)
    if not place:
        return b""
    start = table.Vector(place)
    return bytes(table.Bytes[start : start + table.VectorLen(place)])
