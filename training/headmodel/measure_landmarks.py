"""Where MediaPipe sees its 478 landmarks on the open head: render it from several sides, detect, project back, average.

`python -m training.headmodel.measure_landmarks` needs mediapipe==0.10.21 (own virtual environment) and writes media_pipe_landmarks.json,
which the build reads. The file holds points on the template in meters, so it survives a new atlas.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from .landmarks import MEASURED, closest_on_mesh
from .mesh import vertex_normals
from .model import HeadModel, rotations
from .pictures import face_colors
from .raster import depth_buffer

FOCAL = 2.4  # as in docs/architecture.md, in picture widths
DISTANCE = 0.85
SKINS = ((214, 170, 145), (150, 104, 80), (236, 196, 172))


def paint(model: HeadModel, skin: tuple[int, int, int]) -> np.ndarray:
    """Color [F,3] of a face that a detector believes in: skin, hair, brows, lips, eyes."""
    skin_color = np.array(skin, float)
    table = dict.fromkeys(model.regions, skin) | {
        "lips": tuple(skin_color * [0.85, 0.58, 0.58]),
        "mouthInterior": (70, 20, 24),
        "tongue": (170, 80, 90),
    }
    table |= {
        "teethUpper": (235, 230, 215),
        "teethLower": (225, 220, 205),
        "eyeLeft": (236, 236, 236),
        "eyeRight": (236, 236, 236),
        "scalp": (52, 40, 34),
    }
    return face_colors(model, table)


def render(
    model: HeadModel, vertices: np.ndarray, color: np.ndarray, turn: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Perspective picture [size,size,3] u8, face index and barycentrics [size,size,3] of the head turned by `turn` [3,3]."""
    place = vertices @ turn.T
    depth = DISTANCE - place[:, 2]
    pixel = np.stack([size / 2 + FOCAL * size * place[:, 0] / depth, size / 2 - FOCAL * size * place[:, 1] / depth, depth], 1)
    face, bary = depth_buffer(pixel, model.faces, size, size)
    normal = vertex_normals(vertices, model.faces) @ turn.T
    picture = np.full((size, size, 3), 150.0)
    hit = face >= 0
    corner = model.faces[face[hit]]
    n = (normal[corner] * bary[hit][:, :, None]).sum(1)
    n /= np.linalg.norm(n, axis=1, keepdims=True)
    surface = (model.template[corner] * bary[hit][:, :, None]).sum(1)
    tone = color[face[hit]].copy()
    # brows: a dark arc above each eye, on the ridge
    eye = model.joints[3]
    across = np.abs(surface[:, 0]) - eye[0]
    arc = surface[:, 1] - (eye[1] + 0.0205 - 5.0 * np.maximum(across - 0.004, 0) ** 2 * 2 - 0.10 * np.maximum(-across, 0))
    brow = (np.abs(arc) < 0.0032) & (across > -0.017) & (across < 0.024) & (surface[:, 2] > 0.03)
    tone[brow] = tone[brow] * 0.25 + np.array([40, 28, 22]) * 0.75
    light = np.clip(n @ np.array([-0.2, 0.45, 0.87]), 0, 1)
    picture[hit] = tone * (0.42 + 0.6 * light)[:, None]
    return picture.clip(0, 255).astype(np.uint8), face, bary


def mirror_pairs(points: np.ndarray) -> np.ndarray:
    """Index [n] of each landmark's mirror partner (itself on the midline): the one-to-one pairing with the least total squared distance.

    Raises ValueError if that pairing is not its own inverse: then the points are too rough to be mirrored.
    """
    from scipy.optimize import linear_sum_assignment

    distance = np.linalg.norm(points[:, None] * [-1, 1, 1] - points[None], axis=2) ** 2
    _, pair = linear_sum_assignment(distance + distance.T)
    loose = pair[pair] != np.arange(len(points))
    if loose.sum() > 12:
        raise ValueError(f"landmarks without a mirror partner: {np.flatnonzero(loose).tolist()}")
    return np.where(loose, -1, pair)


def measure(model: HeadModel, size: int = 640, debug: Path | None = None) -> tuple[np.ndarray, dict[str, float]]:
    """Landmarks [478,3] on the template (meters) and how well the views agree."""
    import mediapipe
    from PIL import Image

    mesh = mediapipe.solutions.face_mesh.FaceMesh(
        static_image_mode=True, refine_landmarks=True, max_num_faces=1, min_detection_confidence=0.3
    )
    normals = vertex_normals(model.template, model.faces)
    seen: list[tuple[np.ndarray, np.ndarray]] = []
    for yaw in (-36, -18, 0, 18, 36):
        for pitch in (-8, 8):
            turn = rotations(np.array([np.radians(pitch), 0, 0])) @ rotations(np.array([0, np.radians(yaw), 0]))
            for skin in SKINS:
                picture, face, bary = render(model, model.template, paint(model, skin), turn, size)
                result = mesh.process(picture)
                if debug is not None and skin is SKINS[0] and pitch == 0:
                    Image.fromarray(picture).save(debug / f"landmarks_{yaw}.png")
                if not result.multi_face_landmarks:
                    print(f"yaw {yaw}, pitch {pitch}: no face found")
                    continue
                at = np.array([[p.x, p.y] for p in result.multi_face_landmarks[0].landmark]) * size
                column, row = np.clip(np.floor(at).astype(int), 0, size - 1).T
                hit = face[row, column]
                corner = model.faces[np.maximum(hit, 0)]
                weight = bary[row, column]
                point = (model.template[corner] * weight[:, :, None]).sum(1)
                normal = (normals[corner] * weight[:, :, None]).sum(1)
                toward = (normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)) @ turn.T
                trust = np.where(hit >= 0, np.clip(toward[:, 2] - 0.25, 0, 1), 0)
                seen.append((point, trust))
    points = np.stack([p for p, _ in seen])
    trust = np.stack([t for _, t in seen])
    # a weighted median is not needed: reject what lies far from the median, then average
    middle = np.array(
        [np.median(points[trust[:, k] > 0, k], axis=0) if (trust[:, k] > 0).any() else [np.nan] * 3 for k in range(points.shape[1])]
    )
    off = np.linalg.norm(points - middle, axis=2)
    trust = np.where(off < 0.012, trust, 0) + 1e-12
    mean = (points * trust[:, :, None]).sum(0) / trust.sum(0)[:, None]
    spread = np.sqrt((trust * (np.linalg.norm(points - mean, axis=2) ** 2)).sum(0) / trust.sum(0))
    pair = mirror_pairs(mean)
    paired = pair >= 0
    asymmetry = np.linalg.norm(mean - mean[pair] * [-1, 1, 1], axis=1)[paired]
    both = np.where(paired[:, None], (mean + mean[pair] * [-1, 1, 1]) / 2, mean)
    report = {
        "views": len(seen),
        "spreadMillimeters": float(spread.mean() * 1000),
        "asymmetryMillimeters": float(asymmetry.mean() * 1000),
        "unpaired": int((~paired).sum()),
    }
    skin_faces = np.flatnonzero(
        np.isin(model.face_region, [model.regions.index(n) for n in ("face", "lids", "lips", "scalp", "neck", "ears")])
    )
    for group, faces in (
        (np.arange(468), skin_faces),
        (np.arange(468, 473), np.flatnonzero(model.face_region == model.regions.index("eyeRight"))),
        (np.arange(473, 478), np.flatnonzero(model.face_region == model.regions.index("eyeLeft"))),
    ):
        face, bary = closest_on_mesh(both[group], model.template, model.faces, faces)
        both[group] = np.einsum("nk,nkc->nc", bary, model.template[model.faces[face]])
    return both, report


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--debug", type=Path, default=None, help="folder for the rendered views")
    arguments = parser.parse_args()
    landmarks, agreement = measure(HeadModel.load(), debug=arguments.debug)
    print(agreement)
    content = {
        "detector": "MediaPipe Face Mesh, mediapipe==0.10.21",
        "agreement": {k: round(v, 3) for k, v in agreement.items()},
        "points": np.round(landmarks, 5).tolist(),
    }
    MEASURED.write_text(json.dumps(content))
