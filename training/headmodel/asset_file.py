"""The head model file (docs/formats.md, "Head model file"): a JSON header with an array table, then the arrays."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

MAGIC = 0x4D484146
VERSION = 1
DTYPES = {"f32": "<f4", "u8": "u1", "i8": "i1", "u16": "<u2", "i16": "<i2", "u32": "<u4", "i32": "<i4"}
NAMES = {np.dtype(code): name for name, code in DTYPES.items()}


def write(path: Path, meta: dict, arrays: dict[str, np.ndarray]) -> int:
    """Write a head model file; the same input gives the same bytes. Returns its size."""
    table, blobs, offset = {}, [], 0
    for name, array in arrays.items():
        data = np.ascontiguousarray(array)
        blob = data.tobytes()
        table[name] = {"dtype": NAMES[data.dtype], "shape": list(data.shape), "offset": offset}
        blob += b"\0" * (-len(blob) % 4)
        blobs.append(blob)
        offset += len(blob)
    header = json.dumps({**meta, "arrays": table}, separators=(",", ":"), ensure_ascii=False).encode()
    header += b" " * (-(12 + len(header)) % 4)
    content = np.array([MAGIC, VERSION, len(header)], "<u4").tobytes() + header + b"".join(blobs)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return len(content)


def read(path: Path | str) -> tuple[dict, dict[str, np.ndarray]]:
    """Read a head model file. Raises ValueError if it is not one or is cut short."""
    content = Path(path).read_bytes()
    if len(content) < 12:
        raise ValueError(f"{path}: too short for a head model file")
    magic, version, length = (int(x) for x in np.frombuffer(content, "<u4", 3))
    if magic != MAGIC or version != VERSION:
        raise ValueError(f"{path}: not a head model file of version {VERSION}")
    meta = json.loads(content[12 : 12 + length])
    arrays = {}
    for name, entry in meta.pop("arrays").items():
        number = int(np.prod(entry["shape"]))
        dtype = np.dtype(DTYPES[entry["dtype"]])
        start = 12 + length + entry["offset"]
        if start + number * dtype.itemsize > len(content):
            raise ValueError(f"{path}: array {name} runs past the end of the file")
        arrays[name] = np.frombuffer(content, dtype, number, start).reshape(entry["shape"]).copy()
    return meta, arrays
