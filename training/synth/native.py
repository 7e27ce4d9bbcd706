"""Compiles a C++ file next to this module on first use and loads it through ctypes."""

import ctypes
import hashlib
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import numpy as np

CACHE = Path(__file__).resolve().parents[1] / "cache"
FLAGS = ["-O3", "-march=native", "-ffast-math", "-fno-finite-math-only", "-std=c++17", "-shared", "-fPIC"]


@cache
def load(name: str) -> ctypes.CDLL:
    """Library of `<name>.cpp`, rebuilt whenever the source changes. Raises RuntimeError with advice when g++ is missing or fails."""
    source = Path(__file__).with_name(f"{name}.cpp")
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")
    digest = hashlib.sha256(source.read_bytes() + " ".join(FLAGS).encode() + _cpu().encode()).hexdigest()[:16]
    library = CACHE / f"{name}-{digest}.so"
    if not library.exists():
        if compiler is None:
            raise RuntimeError("the synthetic generator needs a C++ compiler: install g++ (Debian: apt-get install g++) or set CXX")
        CACHE.mkdir(parents=True, exist_ok=True)
        temporary = library.with_suffix(f".{os.getpid()}.tmp")
        result = subprocess.run([compiler, *FLAGS, str(source), "-o", str(temporary)], capture_output=True, text=True)
        if result.returncode:
            raise RuntimeError(f"{compiler} could not compile {source.name}:\n{result.stderr[-2000:]}")
        os.replace(temporary, library)
    return ctypes.CDLL(str(library))


def _cpu() -> str:
    """Instruction sets of this machine, so that a cache copied to another one is rebuilt."""
    try:
        return next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags"))
    except (OSError, StopIteration):
        return ""


def floats(a: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(a, np.float32)


def ints(a: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(a, np.int32)


def pointer(a: np.ndarray | None) -> ctypes.c_void_p:
    return ctypes.c_void_p(None) if a is None else ctypes.c_void_p(a.ctypes.data)
