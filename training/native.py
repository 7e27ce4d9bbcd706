"""Compiles a C++ or CUDA file of this package on first use and loads it through ctypes."""

import ctypes
import hashlib
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
CACHE = PACKAGE / "cache"
CPP_FLAGS = [
    "-O3",
    "-march=native",
    "-ffast-math",
    "-fno-finite-math-only",
    "-fopenmp",
    "-std=c++17",
    "-shared",
    "-fPIC",
]
CUDA_FLAGS = ["-O3", "-arch=native", "-shared", "-Xcompiler", "-fPIC"]


@cache
def load(source: str) -> ctypes.CDLL:
    """Library of a source file relative to training/ (`synth/mesh.cpp`, `rasterizer/tiles.cu`), rebuilt whenever it
    changes.

    Raises RuntimeError with advice when the compiler is missing or fails."""
    path = PACKAGE / source
    if path.suffix == ".cu":
        compiler, flags, advice = shutil.which("nvcc"), CUDA_FLAGS, "put CUDA's nvcc on the PATH"
    else:
        compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")
        flags, advice = CPP_FLAGS, "install g++ (Debian: apt-get install g++) or set CXX"
    digest = hashlib.sha256(path.read_bytes() + " ".join(flags).encode() + _machine().encode()).hexdigest()[:16]
    library = CACHE / f"{path.stem}-{path.suffix[1:]}-{digest}.so"
    if not library.exists():
        if compiler is None:
            raise RuntimeError(f"no compiler for {source}: {advice}")
        CACHE.mkdir(parents=True, exist_ok=True)
        temporary = library.with_suffix(f".{os.getpid()}.tmp")
        result = subprocess.run([compiler, *flags, str(path), "-o", str(temporary)], capture_output=True, text=True)
        if result.returncode:
            raise RuntimeError(f"{compiler} could not compile {source}:\n{result.stderr[-2000:]}")
        os.replace(temporary, library)
    return ctypes.CDLL(str(library))


def _machine() -> str:
    """Instruction sets of this machine, so that a cache copied to another one is rebuilt."""
    try:
        return next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags"))
    except (OSError, StopIteration):
        return ""
