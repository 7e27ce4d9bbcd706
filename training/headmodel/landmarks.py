"""Where MediaPipe's 478 and the 68 Multi-PIE landmarks lie on the open head."""

from __future__ import annotations

import numpy as np

from . import mesh as meshes
from .geometry import REGIONS, Head


def closest_on_mesh(points: np.ndarray, vertices: np.ndarray, faces: np.ndarray, allowed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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


def load_or_derive(template: np.ndarray, head: Head) -> dict[str, np.ndarray]:
    """The four landmark arrays of the head model file."""
    region = {name: index for index, name in enumerate(REGIONS)}
    part = {name: np.unique(head.faces[head.region == index]) for name, index in region.items()}
    outer = np.isin(head.region, [region[n] for n in ("face", "lids", "lips", "scalp", "neck", "ears")])
    allowed = np.flatnonzero(outer)
    x, y, z = template.T
    loops = [loop for loop in meshes.boundary_loops(head.faces[head.chart == 0])]
    key: dict[int, np.ndarray] = {}
    for loop in loops:
        p = template[loop]
        if p[:, 1].mean() > 0 and len(loop) < 40:
            low, high = loop[p[:, 0].argmin()], loop[p[:, 0].argmax()]
            first, second = (33, 133) if p[:, 0].mean() < 0 else (362, 263)
            key[first], key[second] = template[low], template[high]
        elif len(loop) == 38:
            key[61], key[291] = template[loop[p[:, 0].argmin()]], template[loop[p[:, 0].argmax()]]
    middle = np.flatnonzero(np.abs(x) < 1e-4)
    key[1] = template[middle[z[middle].argmax()]]
    face_middle = middle[np.isin(middle, part["face"])]
    key[10] = template[face_middle[y[face_middle].argmax()]]
    chin = face_middle[z[face_middle] > 0.06]
    key[152] = template[chin[y[chin].argmin()]]
    media_face, media_bary = np.full(478, -1, np.int32), np.zeros((478, 3), np.float32)
    index = sorted(key)
    face, bary = closest_on_mesh(np.array([key[k] for k in index]), template, head.faces, allowed)
    media_face[index], media_bary[index] = face, bary
    for first, name in ((468, "eyeRight"), (473, "eyeLeft")):
        ball = template[part[name]]
        tip = ball[ball[:, 2].argmax()]
        ring = np.array([[0, 0, 0], [0.0058, 0, 0], [0, 0.0058, 0], [-0.0058, 0, 0], [0, -0.0058, 0]]) + tip
        face, bary = closest_on_mesh(ring, template, head.faces, np.flatnonzero(head.region == region[name]))
        media_face[first : first + 5], media_bary[first : first + 5] = face, bary
    return {
        "landmark68Face": np.zeros(68, np.uint16),
        "landmark68Bary": np.tile(np.float32([1, 0, 0]), (68, 1)),
        "mediaPipeFace": media_face,
        "mediaPipeBary": media_bary.astype(np.float32),
    }
