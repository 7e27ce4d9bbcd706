"""The two foreign heads as plain arrays: mean skin surface, people or modes as displacements of it, eyeballs,
landmarks.

VALID: 36 people on one topology (MIT, (c) 2022 Tiffany Do). ICT-FaceKit: 100 identity modes (MIT, (c) 2020 USC ICT).
Both are read from `shared/data`; nothing of them is committed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

MEASURED = Path(__file__).with_name("landmarks.json")  # written by landmarks.py
ICT_ORIGIN = np.array([0, 3.602, 7.982])  # between the eyeballs, cm
ICT_SKIN = ("face", "head_neck")
ICT_LEFT_EYE, ICT_RIGHT_EYE = np.array([3.116, 3.602, 7.982]), np.array([-3.116, 3.602, 7.982])
ICT_EYE_RADIUS = 1.577


@dataclass
class Source:
    """One foreign topology. Axes as in canonical space, meters, origin between the eyes; N skin vertices, P people or
    modes."""

    name: str
    mean: np.ndarray  # [N,3]
    faces: np.ndarray  # [F,3] skin only, seen from outside
    weld: np.ndarray  # [N] the same number for vertices at the same place (split where the texture has a seam)
    people: list[str]
    moved: np.ndarray  # [P,N,3] what a person, or one unit of a mode, adds to the mean
    eyes: np.ndarray  # [2,4] left and right eyeball of the mean: centre, radius
    eyes_moved: np.ndarray  # [P,2,4]
    landmarks: tuple[np.ndarray, np.ndarray]  # MediaPipe: face [478] (-1: not on the skin), barycentrics [478,3]

    def normals(self, vertices: np.ndarray) -> np.ndarray:
        """Unit normals [N,3], smooth across texture seams."""
        a, b, c = (vertices[self.faces[:, k]] for k in range(3))
        face = np.cross(b - a, c - a)
        total = np.zeros((self.weld.max() + 1, 3))
        for k in range(3):
            np.add.at(total, self.weld[self.faces[:, k]], face)
        total = total[self.weld]
        return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)

    def landmark_points(self) -> np.ndarray:
        """Points [478,3] on the mean, NaN where a landmark is not on the skin."""
        face, bary = self.landmarks
        points = np.einsum("nk,nkc->nc", bary, self.mean[self.faces[np.maximum(face, 0)]])
        return np.where(face[:, None] >= 0, points, np.nan)


def _landmarks(name: str, measured: bool) -> tuple[np.ndarray, np.ndarray]:
    if not measured:
        return np.full(478, -1), np.zeros((478, 3))
    table = json.loads(MEASURED.read_text())[name]
    return np.array(table["face"]), np.array(table["bary"])


def load_valid(root: Path, measured: bool = True) -> Source:
    """The body mesh (head, neck, shoulders, clothes, short hair) of all 36 people. The vertices stay split at UV seams:
    `uv` needs them."""
    data = np.load(root / "valid" / "valid_head.npz")
    count = int(data["mesh_vertex_range"][0, 1])
    tris = data["tris"]
    faces = tris[(tris < count).all(1)].astype(np.int64)
    delta = data["neutral_delta_q"][:, :count] * data["neutral_delta_scale"]
    spheres = data["eye_sphere"].astype(np.float64)
    mean = spheres.mean(0)
    people = [str(p) for p in data["people"]]
    landmarks = _landmarks("valid", measured)
    return Source(
        "valid",
        data["template"][:count].astype(np.float64),
        faces,
        data["weld"][:count],
        people,
        delta.astype(np.float64),
        mean,
        spheres - mean,
        landmarks,
    )


def load_ict(root: Path, modes: int = 100, measured: bool = True) -> Source:
    """Face and head of ICT-FaceKit with its identity modes at one sigma each."""
    data = np.load(root / "ict" / "ict_facekit.npz")
    names = [str(n) for n in data["part_names"]]
    parts = data["part_vertex_range"]
    skin = max(int(parts[names.index(n), 1]) for n in ICT_SKIN)  # the skin parts come first in the file
    quads = data["faces"]
    quads = quads[(quads < skin).all(1)]
    faces = np.concatenate([quads[:, :3], quads[quads[:, 3] >= 0][:, [0, 2, 3]]]).astype(np.int64)
    modes_all = data["identity_q"][:modes] * data["identity_scale"][:modes].reshape(-1, 1, 1)
    eyes, moved = [], []
    for part, centre in (("eyeball_left", ICT_LEFT_EYE), ("eyeball_right", ICT_RIGHT_EYE)):
        a, b = parts[names.index(part)]
        ball = data["neutral"][a:b].astype(np.float64)
        eyes.append(np.r_[(centre - ICT_ORIGIN) / 100, ICT_EYE_RADIUS / 100])
        shift = modes_all[:, a:b].mean(1) / 100
        grow = ((modes_all[:, a:b] - modes_all[:, a:b].mean(1, keepdims=True)) * (ball - ball.mean(0))).sum((1, 2))
        grow = grow / ((ball - ball.mean(0)) ** 2).sum() * ICT_EYE_RADIUS / 100
        moved.append(np.c_[shift, grow])
    mean = (data["neutral"][:skin] - ICT_ORIGIN) / 100
    people = [str(n) for n in data["identity_names"][:modes]]
    landmarks = _landmarks("ict", measured)
    return Source(
        "ict",
        mean,
        faces,
        np.arange(skin),
        people,
        modes_all[:, :skin] / 100.0,
        np.array(eyes),
        np.stack(moved, 1),
        landmarks,
    )
