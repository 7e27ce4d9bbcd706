"""Non-rigid fit of the open head's skin to one foreign mean head, and the transfer of people by the correspondences
found.

The similarity comes from landmarks. Then rounds of: nearest points with compatible normals, and a sparse least-squares
solve for all displacements that weighs point-to-plane distance, landmarks and the bending of the displacement field;
its stiffness falls from round to round (the idea of Amberg, Romdhani, Vetter: Optimal step nonrigid ICP algorithms for
surface registration, 2007, with a Laplacian on displacements in place of affine maps).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import factorized, splu

from ..headmodel.model import HeadModel
from .surface import Surface

OUTER = ("face", "lids", "lips", "scalp", "neck", "ears")
# ours, per round: stiffness, landmark weight, largest distance to a nearest point (meters), least cosine of normals
STAGES = (
    [(3000, 20, 0.05, 0.5)] * 3
    + [(300, 10, 0.03, 0.5)] * 4
    + [(40, 4, 0.015, 0.6)] * 4
    + [(6, 1, 0.010, 0.6)] * 4
    + [(1, 0.3, 0.008, 0.6)] * 4
)
TANGENT = 0.02  # ours: weight of the sliding part of a point distance next to its normal part
TRUST = 0.003  # meters: correspondences further away are not believed
EXTEND = 0.05  # ours: smoothing of transferred displacements


def similarity(source: np.ndarray, target: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Scale, rotation [3,3], translation [3] of the least-squares map source -> target, points [n,3] (Umeyama 1991)."""
    a, b = source - source.mean(0), target - target.mean(0)
    u, d, vt = np.linalg.svd(b.T @ a)
    flip = np.diag([1, 1, np.sign(np.linalg.det(u @ vt))])
    rotation = u @ flip @ vt
    scale = np.trace(np.diag(d) @ flip) / (a**2).sum()
    return scale, rotation, target.mean(0) - scale * rotation @ source.mean(0)


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Area-weighted unit normals [V,3]."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    face, out = np.cross(b - a, c - a), np.zeros_like(vertices)
    for k in range(3):
        np.add.at(out, faces[:, k], face)
    return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12)


class Skin:
    """The part of the open head that is fitted: outer skin and, hanging on it, the mouth's inside."""

    def __init__(self, model: HeadModel):
        names = list(model.regions)
        outer = np.isin(model.face_region, [names.index(n) for n in OUTER])
        whole = outer | (model.face_region == names.index("mouthInterior"))
        self.index, local = np.unique(model.faces[whole], return_inverse=True)
        self.faces = local.reshape(-1, 3)
        self.outer_faces = self.faces[outer[whole]]
        count = len(self.index)
        self.local = np.full(len(model.template), -1)
        self.local[self.index] = np.arange(count)
        self.is_outer = np.zeros(count, bool)
        self.is_outer[self.outer_faces] = True
        edges = np.concatenate([self.faces[:, [0, 1]], self.faces[:, [1, 2]], self.faces[:, [2, 0]]])
        near = sp.csr_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), (count, count))
        near = ((near + near.T) > 0).astype(float)
        self.laplacian = (sp.identity(count) - sp.diags(1 / np.asarray(near.sum(1)).ravel()) @ near).tocsr()
        self.bending = (self.laplacian.T @ self.laplacian).tocsc()

    def extender(self, weight: np.ndarray, stiffness: float = EXTEND) -> Callable[[np.ndarray], np.ndarray]:
        """Turns values [n,k] into the smooth field [n,k] that follows them where `weight` [n] is large."""
        system = splu((sp.diags(weight) + stiffness * self.bending + 1e-9 * sp.identity(len(weight))).tocsc())
        return lambda values: system.solve(weight[:, None] * values)


@dataclass
class Fit:
    """Where the open head's skin [n] lies on a foreign mean head, and the similarity (scale, rotation, translation)
    into our space."""

    vertices: np.ndarray  # [n,3] the open head's skin on the mean head
    face: np.ndarray  # [n] nearest foreign triangle
    bary: np.ndarray
    trust: np.ndarray  # [n] 0..1
    distance: np.ndarray  # [n] meters to it
    surface: Surface  # the foreign mean in our space
    move: tuple[float, np.ndarray, np.ndarray]
    extend: Callable[[np.ndarray], np.ndarray]  # values [n,k] -> the smooth field that follows the trusted ones


def fit(
    skin: Skin, template: np.ndarray, surface: Surface, landmarks: sp.csr_matrix, targets: np.ndarray, log=None
) -> np.ndarray:
    """Skin vertices [n,3] on `surface`. `template` [n,3] starts near; `landmarks` [m,n] times vertices should meet
    `targets` [m,3]."""
    count, moved = len(template), template.copy()
    pull = (landmarks.T @ landmarks).tocsr()
    for stiffness, hold, reach, cosine in STAGES:
        normals = vertex_normals(moved, skin.outer_faces)
        face, bary = surface.nearest(moved, normals, cosine)
        point = surface.at(np.maximum(face, 0), bary)
        normal = surface.at(np.maximum(face, 0), bary, surface.normals)
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
        distance = np.linalg.norm(point - moved, axis=1)
        weight = np.where(skin.is_outer & (face >= 0) & (distance < reach), 1.0, 0.0)
        blocks = normal[:, :, None] * normal[:, None, :] + TANGENT * np.eye(3)
        blocks *= weight[:, None, None]
        data = sp.bmat([[sp.diags(blocks[:, i, j]) for j in range(3)] for i in range(3)])
        fixed = stiffness * skin.bending + hold * pull + 1e-6 * sp.identity(count)
        system = data + sp.block_diag([fixed] * 3)
        right = np.einsum("nij,nj->in", blocks, point - template).ravel()
        right += hold * (landmarks.T @ (targets - landmarks @ template)).T.ravel()
        moved = template + factorized(system.tocsc())(right).reshape(3, -1).T
        if log:
            matched = weight > 0
            log(
                f"stiffness {stiffness:6g}: {1000 * distance[matched].mean():.2f} mm, {matched.sum()} of "
                f"{skin.is_outer.sum()} matched"
            )
    return moved


def correspond(
    skin: Skin, moved: np.ndarray, surface: Surface
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Face, barycentrics, trust and distance of each skin vertex on the surface."""
    normals = vertex_normals(moved, skin.outer_faces)
    face, bary = surface.nearest(moved, normals, 0.5)
    distance = np.linalg.norm(surface.at(np.maximum(face, 0), bary) - moved, axis=1)
    trust = np.where(skin.is_outer & (face >= 0), np.clip(2 - distance / TRUST, 0, 1), 0.0)
    return np.maximum(face, 0), bary, trust, np.where(face >= 0, distance, np.nan)


def transfer(fitted: Fit, moved: np.ndarray) -> np.ndarray:
    """Displacements [P,N,3] of the foreign mean -> displacements [P,n,3] of the open head's skin, smooth where nothing
    corresponds."""
    scale, rotation, _ = fitted.move
    corners = fitted.surface.faces[fitted.face]
    people = np.einsum("nk,pnkc->pnc", fitted.bary, moved[:, corners]) @ (scale * rotation).T
    flat = people.transpose(1, 0, 2).reshape(len(fitted.face), -1)
    return fitted.extend(flat).reshape(len(fitted.face), len(moved), 3).transpose(1, 0, 2)
