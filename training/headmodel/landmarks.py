"""Where MediaPipe's 478 and the 68 Multi-PIE landmarks lie on the open head."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from .geometry import REGIONS, Head

MEASURED = Path(__file__).with_name("media_pipe_landmarks.json")  # written by measure_landmarks.py


def closest_on_mesh(
    points: np.ndarray, vertices: np.ndarray, faces: np.ndarray, allowed: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Face [n] and barycentrics [n,3] of the nearest surface point among faces `allowed` (indices)."""
    a, b, c = (vertices[faces[allowed, k]] for k in range(3))
    face, bary = np.zeros(len(points), np.int64), np.zeros((len(points), 3))
    for n, p in enumerate(points):
        # nearest point of each triangle: inside by projection, else on its three edges
        ab, ac, ap = b - a, c - a, p - a
        d00, d01, d11 = (ab * ab).sum(1), (ab * ac).sum(1), (ac * ac).sum(1)
        d20, d21 = (ap * ab).sum(1), (ap * ac).sum(1)
        det = np.maximum(d00 * d11 - d01 * d01, 1e-20)
        v, w = (d11 * d20 - d01 * d21) / det, (d00 * d21 - d01 * d20) / det
        options = [np.stack([1 - v - w, v, w], 1)]
        inside = (options[0] >= 0).all(1)
        for start, stop in ((0, 1), (1, 2), (2, 0)):
            s, e = (a, b, c)[start], (a, b, c)[stop]
            t = np.clip(((p - s) * (e - s)).sum(1) / np.maximum(((e - s) ** 2).sum(1), 1e-20), 0, 1)
            edge = np.zeros((len(a), 3))
            edge[:, start], edge[:, stop] = 1 - t, t
            options.append(edge)
        distances = []
        for k, option in enumerate(options):
            near = option[:, :1] * a + option[:, 1:2] * b + option[:, 2:] * c
            d = np.linalg.norm(near - p, axis=1)
            distances.append(np.where(inside, d, np.inf) if k == 0 else d)
        distances = np.stack(distances)
        kind, index = np.unravel_index(int(distances.argmin()), distances.shape)
        face[n], bary[n] = allowed[index], options[kind][index]
    return face, bary


# the 68 Multi-PIE landmarks as MediaPipe indices: jaw, brows, nose, eyes, outer lips, inner lips (subject's right
# first)
MULTI_PIE = (
    [162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389]
    + [70, 63, 105, 66, 107, 336, 296, 334, 293, 300]
    + [168, 197, 5, 4, 75, 97, 2, 326, 305]
    + [33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380]
    + [61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181]
    + [78, 81, 13, 311, 308, 402, 14, 178]
)


def landmark_arrays(template: np.ndarray, head: Head) -> dict[str, np.ndarray]:
    """The four landmark arrays of the head model file, from the measured points."""
    points = np.array(json.loads(MEASURED.read_text())["points"])
    region = {name: index for index, name in enumerate(REGIONS)}
    skin = np.flatnonzero(np.isin(head.region, [region[n] for n in ("face", "lids", "lips", "scalp", "neck", "ears")]))
    face, bary = np.zeros(478, np.int32), np.zeros((478, 3))
    for group, allowed in (
        (slice(0, 468), skin),
        (slice(468, 473), np.flatnonzero(head.region == region["eyeRight"])),
        (slice(473, 478), np.flatnonzero(head.region == region["eyeLeft"])),
    ):
        face[group], bary[group] = closest_on_mesh(points[group], template, head.faces, allowed)
    return {
        "landmark68Face": face[MULTI_PIE].astype(np.uint16),
        "landmark68Bary": bary[MULTI_PIE].astype(np.float32),
        "mediaPipeFace": face,
        "mediaPipeBary": bary.astype(np.float32),
    }
