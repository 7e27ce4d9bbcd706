"""Calls into the generator's C++."""

import ctypes

import numpy as np

from .. import native

CACHE = native.CACHE


def load(name: str) -> ctypes.CDLL:
    """Library of `<name>.cpp` in this folder; see `training.native.load`."""
    return native.load(f"synth/{name}.cpp")


def floats(a: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(a, np.float32)


def ints(a: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(a, np.int32)


def pointer(a: np.ndarray | None) -> ctypes.c_void_p:
    return ctypes.c_void_p(None) if a is None else ctypes.c_void_p(a.ctypes.data)
