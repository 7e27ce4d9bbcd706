"""Pictures inside a GLB. Only the images are read: geometry comes from valid_head.npz, and image chunks are not
compressed."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path

import numpy as np
from PIL import Image


def glb_images(path: Path) -> dict[str, Image.Image]:
    """Images of a GLB by name. Raises ValueError if it is not one."""
    content = path.read_bytes()
    if content[:4] != b"glTF":
        raise ValueError(f"{path}: not a GLB")
    length = struct.unpack("<I", content[12:16])[0]
    header = json.loads(content[20 : 20 + length])
    start, out = 28 + length, {}
    for image in header["images"]:
        view = header["bufferViews"][image["bufferView"]]
        first = start + view.get("byteOffset", 0)
        out[image["name"]] = Image.open(io.BytesIO(content[first : first + view["byteLength"]]))
    return out


def color_map(glb: Path, wig: bool = False, size: int = 1024) -> np.ndarray:
    """sRGB color map [size,size,3] 0..1 of a VALID file: skin and clothes, or the wig's."""
    for name, image in glb_images(glb).items():
        if "color" in name and ("wig" in name or "Hair" in name) == wig:
            return np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BOX), np.float32) / 255
    raise ValueError(f"{glb}: no {'wig ' if wig else ''}color map")


def sample(image: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """Bilinear samples [n,C] of [H,W,C] at glTF texture coordinates [n,2] (v down)."""
    height, width, _ = image.shape
    x, y = np.clip(uv[:, 0] * width - 0.5, 0, width - 1.001), np.clip(uv[:, 1] * height - 0.5, 0, height - 1.001)
    c, r = x.astype(int), y.astype(int)
    fx, fy = (x - c)[:, None], (y - r)[:, None]
    top, bottom = (1 - fx) * image[r, c] + fx * image[r, c + 1], (1 - fx) * image[r + 1, c] + fx * image[r + 1, c + 1]
    return ((1 - fy) * top + fy * bottom).astype(np.float32)
