"""A minimal writer of binary glTF 2.0."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

COMPONENT = {"float32": 5126, "uint8": 5121, "uint16": 5123, "int8": 5120}
SHAPE = {(): "SCALAR", (2,): "VEC2", (3,): "VEC3", (4,): "VEC4", (4, 4): "MAT4"}


class Glb:
    """Collects accessors and writes the file; the same input gives the same bytes."""

    def __init__(self) -> None:
        self.json: dict = {
            "asset": {"version": "2.0", "generator": "babylon-flexavatar"},
            "accessors": [],
            "bufferViews": [],
        }
        self._body = bytearray()

    def accessor(
        self, array: np.ndarray, *, normalized: bool = False, bounds: bool = False, target: int | None = None
    ) -> int:
        """Append an array [n, ...] and return its accessor index. `target`: 34962 vertex data, 34963 indices."""
        data = np.ascontiguousarray(array)
        view: dict = {"buffer": 0, "byteOffset": len(self._body), "byteLength": data.nbytes}
        if target is not None:
            view["target"] = target
        self.json["bufferViews"].append(view)
        self._body += data.tobytes() + b"\0" * (-data.nbytes % 4)
        entry: dict = {
            "bufferView": len(self.json["bufferViews"]) - 1,
            "componentType": COMPONENT[data.dtype.name],
            "count": len(data),
            "type": SHAPE[data.shape[1:]],
        }
        if normalized:
            entry["normalized"] = True
        if bounds:
            entry |= {"min": np.atleast_1d(data.min(0)).tolist(), "max": np.atleast_1d(data.max(0)).tolist()}
        self.json["accessors"].append(entry)
        return len(self.json["accessors"]) - 1

    def write(self, path: Path) -> int:
        """Write the file; returns its size in bytes."""
        header = json.dumps({**self.json, "buffers": [{"byteLength": len(self._body)}]}, separators=(",", ":")).encode()
        header += b" " * (-len(header) % 4)
        total = 12 + 8 + len(header) + 8 + len(self._body)
        chunks = [
            b"glTF" + np.array([2, total, len(header)], "<u4").tobytes() + b"JSON" + header,
            np.array([len(self._body)], "<u4").tobytes() + b"BIN\0",
            bytes(self._body),
        ]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(chunks))
        return total
