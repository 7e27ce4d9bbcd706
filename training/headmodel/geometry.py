"""Cut head, neck, mouth, eyes, teeth and tongue out of the MakeHuman base mesh; name the parts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from . import mesh as meshes
from .source import BaseMesh, target

REGIONS = [
    "face",
    "lids",
    "lips",
    "mouthInterior",
    "eyeLeft",
    "eyeRight",
    "scalp",
    "neck",
    "ears",
    "teethUpper",
    "teethLower",
    "tongue",
]
DYNAMIC_REGIONS = ["face", "lids", "lips", "mouthInterior", "eyeLeft", "eyeRight", "teethUpper", "teethLower", "tongue"]
TWO_SIDED_REGIONS = ["mouthInterior", "teethUpper", "teethLower", "tongue"]
CHARTS = ["skin", "mouth", "eyeLeft", "eyeRight", "teethUpper", "teethLower", "tongue"]
# ours: teeth a little smaller about the back of the arch, so that closed lips cover them up to the corners
TEETH_SCALE = 0.93
EYE_SCALE = 0.965  # ours: room between eyeball and lid, so that a lid moving on a straight line does not cut the ball


@dataclass
class Head:
    """`binding` [V, base] gives vertices from base vertices; `faces` [F,3], `chart` [F] into CHARTS, `region` [F] into
    REGIONS."""

    binding: sp.csr_matrix
    faces: np.ndarray
    chart: np.ndarray
    region: np.ndarray
    mirror: np.ndarray
    ring: np.ndarray  # neck boundary, in order

    def apply(self, base_values: np.ndarray) -> np.ndarray:
        """Values [V,k] from base values [base,k]."""
        return self.binding @ base_values


def neck_height(points: np.ndarray) -> np.ndarray:
    """Height [n] above the plane that closes the neck, decimeters; the plane falls towards the chest."""
    return points[:, 1] - (5.62 + (0.75 - points[:, 2]) * 0.36)


def _skin(base: BaseMesh) -> tuple[meshes.Bound, np.ndarray, np.ndarray]:
    """Body surface above the neck plane: bound mesh (triangles in .quads), kind (0 skin, 1 mouth, 2 socket) and quad of
    every triangle."""
    count = len(base.vertices)
    quads, texture = base.groups["body"], base.uv_groups["body"]
    links = sp.coo_matrix(
        (np.ones(len(texture) * 3), (np.repeat(texture[:, 0], 3), texture[:, 1:].ravel())),
        shape=(len(base.texture),) * 2,
    )
    island = connected_components(links, directed=False)[1][texture[:, 0]]
    centre = base.vertices[quads].mean(1)
    kind = np.zeros(len(quads), int)
    for label in np.unique(island):
        inside = island == label
        low, high = centre[inside].min(0), centre[inside].max(0)
        if high[2] < 1.6 and low[1] > 6.1 and high[1] < 7.1:
            kind[inside] = 1
        elif low[1] > 7 and high[1] < 7.5:
            kind[inside] = 2
    height = neck_height(base.vertices)
    near = (np.abs(base.vertices[quads, 0]) < 1.3).all(1) & (centre[:, 1] > 5) & (height[quads] > 0).any(1)
    # of the eye sockets keep the rows next to the lid edge: they give the lids their thickness
    skin_vertices = np.zeros(count, bool)
    skin_vertices[quads[kind == 0]] = True
    rows = meshes.vertex_rings(
        np.stack([quads[kind == 2], np.roll(quads[kind == 2], -1, 1)], 2).reshape(-1, 2),
        np.flatnonzero(skin_vertices),
        count,
    )
    near &= (kind != 2) | (rows[quads] <= 1).all(1)
    quads, kind = quads[near], kind[near]
    mirror = meshes.mirror_map(base.vertices[:13380], 0.005)
    key = np.zeros(count)
    key[:13380] = np.minimum(np.arange(13380), mirror)
    triangles = meshes.split_quads(quads, key)
    kind, quad = np.repeat(kind, 2), np.repeat(np.arange(len(quads)), 2)
    # snap vertices close to the plane onto it, along the edge that crosses it, then cut what remains
    ends = np.unique(
        np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), 1), axis=0
    )
    height = height.copy()
    row = {int(v): {int(v): 1.0} for v in np.unique(triangles)}
    crossing = ends[height[ends[:, 0]] * height[ends[:, 1]] < 0]
    best: dict[int, tuple[float, int]] = {}
    for a, b in crossing:
        share = abs(height[a]) / (abs(height[a]) + abs(height[b]))
        for v, other, t in ((int(a), int(b), share), (int(b), int(a), 1 - share)):
            if t < 0.35 and t < best.get(v, (1.0, 0))[0] - 1e-9:
                best[v] = (t, other)
    for v, (t, other) in best.items():
        row[v] = {v: 1 - t, other: t}
        height[v] = 0
    cut: dict[tuple[int, int], int] = {}

    def crossing_vertex(a: int, b: int) -> int:
        edge = (min(a, b), max(a, b))
        if edge not in cut:
            t = height[a] / (height[a] - height[b])
            cut[edge] = count + len(cut)
            row[cut[edge]] = {a: 1 - t, b: t}
        return cut[edge]

    out, out_kind, out_quad = [], [], []
    for triangle, label, origin in zip(triangles, kind, quad, strict=True):
        polygon: list[int] = []
        for a, b in zip(triangle, np.roll(triangle, -1), strict=True):
            if height[a] >= 0:
                polygon.append(int(a))
            if height[a] * height[b] < 0:
                polygon.append(crossing_vertex(int(a), int(b)))
        if len(polygon) < 3 or max(height[v] if v < count else 0 for v in polygon) <= 0:
            continue
        for k in range(1, len(polygon) - 1):
            out.append([polygon[0], polygon[k], polygon[k + 1]])
            out_kind.append(label)
            out_quad.append(origin)
    faces, labels, quad = np.array(out), np.array(out_kind), np.array(out_quad)
    used, local = np.unique(faces, return_inverse=True)
    entries = [(index, source, value) for index, v in enumerate(used) for source, value in row[int(v)].items()]
    i, j, x = (np.array(column) for column in zip(*entries, strict=True))
    binding = sp.csr_matrix((x, (i, j)), shape=(len(used), count))
    faces = local.reshape(-1, 3)
    part = connected_components(
        sp.coo_matrix(
            (np.ones(len(faces) * 2), (np.repeat(faces[:, 0], 2), faces[:, 1:].ravel())), shape=(len(used),) * 2
        ),
        False,
    )[1]
    main = part == np.bincount(part).argmax()
    keep = main[faces[:, 0]]
    used2, local2 = np.unique(faces[keep], return_inverse=True)
    return meshes.Bound(binding[used2], local2.reshape(-1, 3)), labels[keep], quad[keep]


def _arch_back(base: BaseMesh) -> sp.csr_matrix:
    """Row [1, base] that averages the backmost vertices of both dental arches."""
    teeth = np.unique(np.concatenate([base.groups["helper-upper-teeth"], base.groups["helper-lower-teeth"]]))
    depth = base.vertices[teeth, 2]
    back = teeth[depth < depth.min() + 0.06]
    return sp.csr_matrix(
        (np.full(len(back), 1 / len(back)), (np.zeros(len(back), int), back)), shape=(1, len(base.vertices))
    )


def _shrink(binding: sp.csr_matrix, centre: sp.csr_matrix, scale: float | np.ndarray) -> sp.csr_matrix:
    """Vertices scaled about a bound point, still bound; `scale` is one number or one per vertex."""
    factor = np.broadcast_to(scale, binding.shape[0])
    return (
        sp.diags(factor) @ binding + sp.diags(1 - factor) @ sp.csr_matrix(np.ones((binding.shape[0], 1))) @ centre
    ).tocsr()


def assemble(base: BaseMesh, mean: np.ndarray) -> Head:
    """Build the head. `mean` [base,3] is the average adult, used to measure, never to bind."""
    count = len(base.vertices)
    skin, kind, quad = _skin(base)
    bindings, faces, charts = [skin.binding], [skin.quads], [np.where(kind == 1, 1, 0)]
    offset = skin.binding.shape[0]
    parts = {
        "eyeLeft": "helper-l-eye",
        "eyeRight": "helper-r-eye",
        "teethUpper": "helper-upper-teeth",
        "teethLower": "helper-lower-teeth",
        "tongue": "helper-tongue",
    }
    for name, group in parts.items():
        quads = base.groups[group]
        if name == "eyeRight":  # the mirrored copy of the left eye, so that both have the same vertices and splits
            left = base.groups["helper-l-eye"]
            other = np.unique(quads)
            from scipy.spatial import cKDTree

            nearest = other[cKDTree(base.vertices[other]).query(base.vertices[np.unique(left)] * [-1, 1, 1])[1]]
            quads = nearest[np.searchsorted(np.unique(left), left)][:, ::-1]
        part = meshes.take(quads, count)
        if name != "tongue":
            part = meshes.subdivide(part)
        if name.startswith("eye"):
            # Catmull-Clark shrinks a coarse ball: put the vertices back on the sphere (radius of the helper) and apply
            # EYE_SCALE
            helper = np.unique(quads)
            centre = sp.csr_matrix(
                (np.full(len(helper), 1 / len(helper)), (np.zeros(len(helper), int), helper)), shape=(1, count)
            )
            middle = centre @ base.vertices
            radius = np.linalg.norm(base.vertices[helper] - middle, axis=1).mean()
            grow = EYE_SCALE * radius / np.linalg.norm(part.binding @ base.vertices - middle, axis=1)
            part = meshes.Bound(_shrink(part.binding, centre, grow), part.quads)
        if name in ("teethUpper", "teethLower"):
            part = meshes.Bound(_shrink(part.binding, _arch_back(base), TEETH_SCALE), part.quads)
        place = part.binding @ mean
        key = (
            np.round(place[:, 1] * 1e4) * 1e-1
            + np.round(place[:, 2] * 1e4) * 1e-3
            + np.round(np.abs(place[:, 0]) * 1e3) * 1e-6
        )
        quads_local = part.quads
        if name.startswith("eye"):  # only the front of the ball can ever be seen
            outward = place - place.mean(0)
            depth = outward[:, 2] / np.linalg.norm(outward, axis=1)
            quads_local = quads_local[(depth[quads_local] > -0.35).all(1)]
        if name == "tongue":  # open the closed surface at its root
            centre_z = place[quads_local].mean(1)[:, 2]
            quads_local = quads_local[centre_z > place[:, 2].min() + 0.08]
        used, local = np.unique(quads_local, return_inverse=True)
        triangles = meshes.split_quads(local.reshape(-1, 4), key[used])
        bindings.append(part.binding[used])
        faces.append(triangles + offset)
        charts.append(np.full(len(triangles), CHARTS.index(name)))
        offset += len(used)
    binding = sp.vstack(bindings).tocsr()
    faces = np.concatenate(faces)
    chart = np.concatenate(charts)
    vertices = binding @ base.vertices
    mirror = meshes.mirror_map(vertices, 0.006)
    ring = next(loop for loop in meshes.boundary_loops(faces[(chart <= 1)]) if vertices[loop, 1].max() < 6.3)
    head = Head(binding, faces, chart, np.zeros(len(faces), int), mirror, ring)
    head.region = _regions(head, mean, np.concatenate([quad, quad.max() + 1 + np.arange(len(faces) - len(quad))]))
    return head


def _regions(head: Head, mean: np.ndarray, quad: np.ndarray) -> np.ndarray:
    """Region index [F] of every face, the same left and right, and the same for all triangles of a quad."""
    place = head.apply(mean)
    place = (place + place[head.mirror] * [-1, 1, 1]) / 2
    count = len(place)
    on_skin = head.chart == 0
    skin_faces = head.faces[on_skin]
    mouth_line = np.intersect1d(skin_faces, head.faces[head.chart == 1])
    lid_edges = [loop for loop in meshes.boundary_loops(skin_faces) if len(loop) < 60 and place[loop, 1].mean() > 7]
    # rings are counted along quad edges; diagonals would make their outlines ragged
    edges = meshes.quad_edges(skin_faces, quad[on_skin])
    from_mouth = meshes.vertex_rings(edges, mouth_line, count)
    from_eye = meshes.vertex_rings(edges, np.concatenate(lid_edges), count)
    moved = np.linalg.norm(head.apply(target("ears/l-ear-trans-up")), axis=1)
    moved = np.maximum(moved, moved[head.mirror])
    ears = moved > 0.8 * moved.max()
    names = {name: index for index, name in enumerate(REGIONS)}
    # one value per quad: the mean of its corners decides
    centre = np.zeros((quad.max() + 1, 3))
    number = np.zeros(quad.max() + 1)
    np.add.at(centre, np.repeat(quad, 3), place[head.faces].reshape(-1, 3))
    np.add.at(number, np.repeat(quad, 3), 1)
    _, y, z = (centre[quad] / number[quad][:, None]).T
    middle = np.abs(place[:, 0]) < 0.05
    chin = place[middle & (place[:, 2] > 1.2) & (place[:, 1] > 6) & (place[:, 1] < 6.6)][:, 1].min()
    region = np.full(len(head.faces), names["face"])
    hair = (y > 8.0 - 0.95 * np.clip((1.15 - z) / 1.0, 0, 1)) & (z < 1.45) & ~((z > 0.6) & (y < 7.7))
    hair |= (z < 0.25) & (y > 6.75)
    region[hair] = names["scalp"]
    jaw_line = chin + 0.05 + np.clip((0.85 - z) / 1.0, 0, 1) * 0.6
    region[(y < jaw_line) & ~hair & (z < 1.25)] = names["neck"]
    region[(z < 0.25) & (y <= 6.75)] = names["neck"]

    def all_corners(inside: np.ndarray) -> np.ndarray:
        outside = np.zeros(quad.max() + 1, bool)
        outside[np.repeat(quad, 3)[~inside[head.faces].ravel()]] = True
        return ~outside[quad]

    region[all_corners(ears)] = names["ears"]
    region[all_corners(from_eye <= 5)] = names["lids"]
    region[all_corners(from_mouth <= 5)] = names["lips"]
    for name in CHARTS[1:]:
        region[head.chart == CHARTS.index(name)] = names["mouthInterior" if name == "mouth" else name]
    return region
