"""Small mesh tools: everything works on "bound" meshes whose vertices are linear mixtures of base mesh vertices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp


@dataclass
class Bound:
    """A mesh whose vertices are `binding` [n, base] times the base vertices, so that every target carries over. Quads
    [q,4]."""

    binding: sp.csr_matrix
    quads: np.ndarray


def take(quads: np.ndarray, base_count: int) -> Bound:
    """The sub-mesh of some base quads, vertices renumbered in ascending order of their base index."""
    used, local = np.unique(quads, return_inverse=True)
    binding = sp.csr_matrix((np.ones(len(used)), (np.arange(len(used)), used)), shape=(len(used), base_count))
    return Bound(binding, local.reshape(quads.shape))


def subdivide(mesh: Bound) -> Bound:
    """One Catmull-Clark step (boundary edges use the cubic curve rule)."""
    quads, count = mesh.quads, mesh.binding.shape[0]
    ends = np.stack([quads, np.roll(quads, -1, 1)], 2).reshape(-1, 2)
    edges, edge_of, uses = np.unique(np.sort(ends, 1), axis=0, return_inverse=True, return_counts=True)
    edge_of = edge_of.reshape(quads.shape)
    q, e = len(quads), len(edges)
    face_points = sp.csr_matrix((np.full(q * 4, 0.25), (np.repeat(np.arange(q), 4), quads.ravel())), shape=(q, count))
    middles = sp.csr_matrix((np.full(e * 2, 0.5), (np.repeat(np.arange(e), 2), edges.ravel())), shape=(e, count))
    face_to_edge = sp.csr_matrix((np.ones(q * 4), (edge_of.ravel(), np.repeat(np.arange(q), 4))), shape=(e, q))
    inner = uses == 2
    edge_points = (
        sp.diags(np.where(inner, 0.5, 1.0)) @ middles
        + sp.diags(np.where(inner, 0.25, 0.0)) @ face_to_edge @ face_points
    )
    on_border = np.zeros(count, bool)
    on_border[edges[~inner].ravel()] = True
    valence = np.bincount(edges.ravel(), minlength=count).astype(float)
    vertex_edges = sp.csr_matrix((np.ones(e * 2), (edges.ravel(), np.repeat(np.arange(e), 2))), shape=(count, e))
    vertex_faces = sp.csr_matrix((np.ones(q * 4), (quads.ravel(), np.repeat(np.arange(q), 4))), shape=(count, q))
    face_count = np.asarray(vertex_faces.sum(1)).ravel()
    smooth = (
        sp.diags(1 / (valence * face_count)) @ vertex_faces @ face_points
        + sp.diags(2 / valence**2) @ vertex_edges @ middles
        + sp.diags((valence - 3) / valence)
    )
    border = sp.diags(np.full(count, 0.5)) + 0.25 * vertex_edges @ sp.diags((~inner).astype(float)) @ middles
    moved = sp.diags((~on_border).astype(float)) @ smooth + sp.diags(on_border.astype(float)) @ border
    binding = sp.vstack([moved, edge_points, face_points]).tocsr() @ mesh.binding
    corner = np.stack(
        [
            quads,
            count + edge_of,
            np.broadcast_to((count + e + np.arange(q))[:, None], quads.shape),
            count + np.roll(edge_of, 1, 1),
        ],
        2,
    )
    return Bound(binding.tocsr(), corner.reshape(-1, 4))


def split_quads(quads: np.ndarray, key: np.ndarray) -> np.ndarray:
    """Two triangles per quad; the diagonal joins the pair with the smaller sum of `key` [n], so equal keys left and
    right mirror."""
    first = key[quads[:, 0]] + key[quads[:, 2]] <= key[quads[:, 1]] + key[quads[:, 3]]
    turned = np.where(first[:, None], quads, np.roll(quads, -1, 1))
    return np.stack([turned[:, [0, 1, 2]], turned[:, [0, 2, 3]]], 1).reshape(-1, 3)


def boundary_edges(faces: np.ndarray) -> np.ndarray:
    """Directed edges [n,2] that have no opposite."""
    ends = np.stack([faces, np.roll(faces, -1, 1)], 2).reshape(-1, 2)
    present = {(int(a), int(b)) for a, b in ends}
    return np.array([edge for edge in ends if (int(edge[1]), int(edge[0])) not in present]).reshape(-1, 2)


def boundary_loops(faces: np.ndarray) -> list[np.ndarray]:
    """Closed boundary loops, each in face winding, longest first."""
    following: dict[int, int] = {}
    for a, b in boundary_edges(faces):
        if int(a) in following:
            raise ValueError(f"boundary vertex {int(a)} belongs to two loops")
        following[int(a)] = int(b)
    loops = []
    while following:
        start = min(following)
        loop = [start]
        while (step := following.pop(loop[-1])) != start:
            loop.append(step)
        loops.append(np.array(loop))
    return sorted(loops, key=lambda loop: -len(loop))


def quad_edges(faces: np.ndarray, quad: np.ndarray) -> np.ndarray:
    """Edges [n,2] of a triangulated quad mesh without the diagonals; `quad` [F] names the quad of each triangle."""
    ends = np.sort(np.stack([faces, np.roll(faces, -1, 1)], 2).reshape(-1, 2), 1)
    keyed = np.concatenate([ends, np.repeat(quad, 3)[:, None]], 1)
    unique, uses = np.unique(keyed, axis=0, return_counts=True)
    return np.unique(unique[uses == 1][:, :2], axis=0)


def vertex_rings(edges: np.ndarray, seeds: np.ndarray, count: int) -> np.ndarray:
    """Number of edges [count] from each vertex to the nearest seed (large where unreachable)."""
    distance = np.full(count, 10**6)
    distance[seeds] = 0
    for ring in range(1, 200):
        near = distance == ring - 1
        hit = np.concatenate([edges[near[edges[:, 0]], 1], edges[near[edges[:, 1]], 0]])
        hit = hit[distance[hit] > ring]
        if not len(hit):
            break
        distance[hit] = ring
    return distance


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Area-weighted unit normals [n,3]."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    face_normal = np.cross(b - a, c - a)
    normal = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(normal, faces[:, k], face_normal)
    return normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-20)


def mirror_map(vertices: np.ndarray, tolerance: float) -> np.ndarray:
    """Index [n] of the vertex at the mirrored place (x -> -x). Raises ValueError where there is none."""
    from scipy.spatial import cKDTree

    distance, index = cKDTree(vertices).query(vertices * [-1, 1, 1])
    if distance.max() > tolerance or not np.array_equal(index[index], np.arange(len(index))):
        raise ValueError(
            f"mesh is not mirrored: worst distance {distance.max():.4g} at vertex {int(distance.argmax())}"
        )
    return index


def neighbour_average(faces: np.ndarray, count: int) -> sp.csr_matrix:
    """Row-stochastic matrix [count,count] that averages a vertex and its neighbours half and half."""
    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    near = sp.csr_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(count, count))
    near = ((near + near.T) > 0).astype(float)
    degree = np.maximum(np.asarray(near.sum(1)).ravel(), 1)
    return (0.5 * sp.eye(count) + 0.5 * sp.diags(1 / degree) @ near).tocsr()
