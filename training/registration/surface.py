"""Points, rays and triangles: nearest surface points with compatible normals, first and last hits of rays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree


@dataclass
class Surface:
    """A triangle mesh that can be asked for its nearest points. Normals [N,3] are per vertex."""

    vertices: np.ndarray
    faces: np.ndarray
    normals: np.ndarray

    def __post_init__(self) -> None:
        self.corners = self.vertices[self.faces]
        self.tree = cKDTree(self.corners.mean(1))

    def nearest(
        self, points: np.ndarray, normals: np.ndarray | None = None, limit: float = 0.3, candidates: int = 16
    ) -> tuple[np.ndarray, np.ndarray]:
        """Face [n] and barycentrics [n,3] of the nearest point of each of `points` [n,3]; with `normals` [n,3] only
        where the cosine to the surface normal is over `limit`, -1 if there is none among the nearest triangles."""
        _, face = self.tree.query(points, candidates)
        bary = closest_barycentrics(points[:, None], self.corners[face])
        distance = np.linalg.norm(np.einsum("nkc,nkcx->nkx", bary, self.corners[face]) - points[:, None], axis=2)
        if normals is not None:
            normal = np.einsum("nkc,nkcx->nkx", bary, self.normals[self.faces[face]])
            cosine = np.einsum("nkx,nx->nk", normal, normals) / np.maximum(np.linalg.norm(normal, axis=2), 1e-9)
            distance = np.where(cosine > limit, distance, np.inf)
        best = np.arange(len(points)), distance.argmin(1)
        return np.where(np.isfinite(distance[best]), face[best], -1), bary[best]

    def at(self, face: np.ndarray, bary: np.ndarray, values: np.ndarray | None = None) -> np.ndarray:
        """Values [N,k] (default: positions) at surface points."""
        values = self.vertices if values is None else values
        return np.einsum("nk,nkc->nc", bary, values[self.faces[face]])


def closest_barycentrics(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Barycentrics [...,3] of the point of each triangle [...,3,3] nearest to `points` [...,3] (broadcast)."""
    a, b, c = corners[..., 0, :], corners[..., 1, :], corners[..., 2, :]
    ab, ac, ap = b - a, c - a, points - a
    d00, d01, d11 = (ab * ab).sum(-1), (ab * ac).sum(-1), (ac * ac).sum(-1)
    d20, d21 = (ap * ab).sum(-1), (ap * ac).sum(-1)
    det = np.maximum(d00 * d11 - d01 * d01, 1e-20)
    v, w = (d11 * d20 - d01 * d21) / det, (d00 * d21 - d01 * d20) / det
    best = np.stack([1 - v - w, v, w], -1)
    inside = (best >= 0).all(-1)
    least = np.where(inside, 0.0, np.inf)
    for i, j in ((0, 1), (1, 2), (2, 0)):
        edge = corners[..., j, :] - corners[..., i, :]
        t = np.clip(((points - corners[..., i, :]) * edge).sum(-1) / np.maximum((edge * edge).sum(-1), 1e-20), 0, 1)
        distance = np.linalg.norm(points - corners[..., i, :] - t[..., None] * edge, axis=-1)
        nearer = ~inside & (distance < least)
        option = np.zeros(best.shape)
        option[..., i], option[..., j] = 1 - t, t
        best = np.where(nearer[..., None], option, best)
        least = np.where(nearer, distance, least)
    return best


def ray_hits(origins: np.ndarray, directions: np.ndarray, corners: np.ndarray, reach: float, block: int = 256) -> tuple:
    """Last hit of each ray within `reach` with triangles [T,3,3]: face [n] (-1: none), barycentrics [n,3], distance
    [n], hits [n].

    `directions` [n,3] are unit vectors. The last hit is the outer surface of layered hair. Neighbouring rays should
    follow each other: each block of them looks only at the triangles around it.
    """
    middle = corners.mean(1)
    radius = np.linalg.norm(corners - middle[:, None], axis=2).max(1)
    n = len(origins)
    face, bary, distance, hits = np.full(n, -1), np.zeros((n, 3)), np.zeros(n), np.zeros(n, int)
    for start in range(0, n, block):
        o, d = origins[start : start + block], directions[start : start + block]
        around = o.mean(0)
        far = np.linalg.norm(o - around, axis=1).max() + reach
        near = np.flatnonzero(np.linalg.norm(middle - around, axis=1) < far + radius)
        m, r = middle[near], radius[near]
        along = d @ m.T - (o * d).sum(1)[:, None]
        away = (m**2).sum(1) - 2 * o @ m.T + (o * o).sum(1)[:, None] - along**2
        ray, tri = np.nonzero((away <= r**2) & (along > -r) & (along < reach + r))
        tri = near[tri]
        a, b, c = (corners[tri, k] for k in range(3))
        e1, e2, from_a = b - a, c - a, o[ray] - a
        p = np.cross(d[ray], e2)
        det = (e1 * p).sum(1)
        det = np.where(np.abs(det) < 1e-16, np.inf, det)
        u = (from_a * p).sum(1) / det
        q = np.cross(from_a, e1)
        v, t = (d[ray] * q).sum(1) / det, (e2 * q).sum(1) / det
        good = (u >= 0) & (v >= 0) & (u + v <= 1) & (t > 1e-5) & (t < reach)
        ray, tri, u, v, t = ray[good], tri[good], u[good], v[good], t[good]
        order = np.argsort(t)
        row = start + ray[order]
        face[row], distance[row] = tri[order], t[order]  # the largest distance is written last
        bary[row] = np.stack([1 - u - v, u, v], 1)[order]
        np.add.at(hits, row, 1)
    return face, bary, distance, hits
