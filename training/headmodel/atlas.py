"""The UV atlas: every chart is a disc that fills a rectangle, so the atlas has no holes but the eye and mouth openings.

A chart is laid out by solving for vertices as weighted averages of their neighbours with the border fixed to the
rectangle (Tutte), which cannot flip a triangle; the weights are then updated so that each triangle gets the area its
density asks for (Yoshizawa, Belyaev, Seidel: A fast and simple stretch-minimizing mesh parameterization, 2004).
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import scipy.sparse.csgraph as csgraph
from scipy.sparse.linalg import splu

from . import mesh as meshes
from .geometry import CHARTS, REGIONS, Head

# ours: linear texel density of each region relative to the face, chosen so that face, lids and lips take about half of
# the atlas
REGION_DENSITY = {"face": 1.0, "lids": 2.6, "lips": 2.2, "scalp": 0.36, "neck": 0.33, "ears": 0.4}
# ours: rectangles (u0, v0, u1, v1); the strip under the skin holds what moves inside mouth and eyes
# ours: gives the middle of the face more texels, the borders fewer
SKIN_CENTRE, SKIN_MAGNIFICATION = (0.5, 0.48), (0.35, 0.3)
STRIP = 0.125
RECTANGLES = {
    "eyeRight": (0.0, 0.0, 0.16, STRIP),
    "eyeLeft": (0.16, 0.0, 0.32, STRIP),
    "mouth": (0.32, 0.0, 0.52, STRIP),
    "tongue": (0.52, 0.0, 0.66, STRIP),
    "teethUpper": (0.66, STRIP / 2, 1.0, STRIP),
    "teethLower": (0.66, 0.0, 1.0, STRIP / 2),
    "skin": (0.0, STRIP, 1.0, 1.0),
}


def _mean_value_weights(vertices: np.ndarray, faces: np.ndarray) -> sp.csr_matrix:
    """Floater's mean value weights [n,n] of a triangle mesh in 3D."""
    count = len(vertices)
    rows, columns, values = [], [], []
    for k in range(3):
        i, j, m = faces[:, k], faces[:, (k + 1) % 3], faces[:, (k + 2) % 3]
        a, b = vertices[j] - vertices[i], vertices[m] - vertices[i]
        la, lb = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
        cos = np.clip((a * b).sum(1) / np.maximum(la * lb, 1e-12), -0.9999, 0.9999)
        half = np.tan(np.arccos(cos) / 2)
        rows += [i, i]
        columns += [j, m]
        values += [half / np.maximum(la, 1e-9), half / np.maximum(lb, 1e-9)]
    return sp.coo_matrix(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=(count, count)
    ).tocsr()


def _solve(weights: sp.csr_matrix, border: np.ndarray, place: np.ndarray) -> np.ndarray:
    count = weights.shape[0]
    free = np.ones(count, bool)
    free[border] = False
    total = np.asarray(weights.sum(1)).ravel()
    system = (sp.diags(total) - weights).tocsr()
    uv = np.zeros((count, 2))
    uv[border] = place
    uv[free] = splu(system[free][:, free].tocsc()).solve(-system[free][:, ~free] @ uv[~free])
    return uv


def _stretch(vertices: np.ndarray, faces: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """L2 stretch [F] of the map from uv to 3D (Sander et al. 2001)."""
    p, q = vertices[faces], uv[faces]
    d1, d2 = q[:, 1] - q[:, 0], q[:, 2] - q[:, 0]
    area = (d1[:, 0] * d2[:, 1] - d1[:, 1] * d2[:, 0])[:, None]
    e1, e2 = p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]
    along_u = (e1 * d2[:, 1:] - e2 * d1[:, 1:]) / area
    along_v = (e2 * d1[:, :1] - e1 * d2[:, :1]) / area
    return np.sqrt(((along_u**2).sum(1) + (along_v**2).sum(1)) / 2)


def flatten(
    vertices: np.ndarray, faces: np.ndarray, density: np.ndarray, border: np.ndarray, place: np.ndarray, steps: int
) -> np.ndarray:
    """UV [n,2] of a disc with its border vertices fixed at `place`. `density` [F] is the wanted linear scale of each
    face.

    Holes are closed with a fan whose density is small, so that they shrink.
    """
    extra_faces, extra_vertices = [], []
    for loop in meshes.boundary_loops(faces):
        if np.isin(loop, border).all():
            continue
        centre = len(vertices) + len(extra_vertices)
        extra_vertices.append(vertices[loop].mean(0))
        extra_faces += [[centre, b, a] for a, b in zip(loop, np.roll(loop, -1), strict=True)]
    points = np.concatenate([vertices, np.array(extra_vertices).reshape(-1, 3)])
    closed = np.concatenate([faces, np.array(extra_faces, int).reshape(-1, 3)])
    scale = np.concatenate([density, np.full(len(extra_faces), 0.45)])
    area = np.linalg.norm(
        np.cross(points[closed[:, 1]] - points[closed[:, 0]], points[closed[:, 2]] - points[closed[:, 0]]), axis=1
    )
    weights = _mean_value_weights(points, closed)
    uv = _solve(weights, border, place)
    wanted = area * scale**2
    total = np.zeros(len(points))
    for k in range(3):
        np.add.at(total, closed[:, k], wanted)
    best, best_cost = uv, np.inf
    for _ in range(steps):
        stretch = _stretch(points, closed, uv) * scale
        cost = (wanted * stretch**2).sum()
        if cost > best_cost * 1.02:  # more steps even out the areas but shear the triangles
            break
        if cost < best_cost:
            best, best_cost = uv, cost
        per_vertex = np.zeros(len(points))
        for k in range(3):
            np.add.at(per_vertex, closed[:, k], wanted * stretch**2)
        sigma = np.sqrt(per_vertex / total)
        weights = (weights @ sp.diags(1 / (sigma / sigma.mean()) ** 0.7)).tocsr()
        uv = _solve(weights, border, place)
    return best[: len(vertices)]


def _rectangle_border(length: np.ndarray, corners: list[int]) -> np.ndarray:
    """Places [n,2] of a closed loop on the unit square's border. `length` [n] is the edge from i to i+1; `corners` are
    the loop indices of the bottom left, bottom right, top right, top left corner (the loop runs counter-clockwise)."""
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
    count = len(length)
    place = np.zeros((count, 2))
    for side in range(4):
        start, stop = corners[side], corners[(side + 1) % 4]
        run = [(start + k) % count for k in range((stop - start) % count + 1)]
        travelled = np.concatenate([[0], np.cumsum(length[run[:-1]])])
        share = travelled / travelled[-1]
        place[run] = square[side] * (1 - share[:, None]) + square[(side + 1) % 4] * share[:, None]
    return place


def _turn_flat_triangles(place: np.ndarray, loop: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Faces [F,3] after turning the inner edge of every triangle that lies on one side of the rectangle (it would have
    no area)."""
    on_border = np.full((faces.max() + 1, 2), np.nan)
    on_border[loop] = place
    faces = faces.copy()
    for index in range(len(faces)):
        corner = on_border[faces[index]]
        flat = [axis for axis in (0, 1) if np.ptp(corner[:, axis]) < 1e-9]
        if np.isnan(corner).any() or not flat:
            continue
        middle = int(np.argsort(corner[:, 1 - flat[0]])[1])
        b, c, a = np.roll(faces[index], -middle)
        other = next(k for k in range(len(faces)) if k != index and a in faces[k] and c in faces[k])
        d = int(np.setdiff1d(faces[other], [a, c])[0])
        faces[index], faces[other] = [a, b, d], [b, c, d]
    return faces


def _seam(head: Head, vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Vertices of the seam from the back of the neck ring up the middle of the back of the head to the crown."""
    on_middle = np.abs(vertices[:, 0]) < 1e-4
    back = head.ring[on_middle[head.ring] & (vertices[head.ring, 2] < 0)][0]
    # a little in front of the highest vertex: the further the seam runs, the less the scalp is stretched
    top = np.where(on_middle & (vertices[:, 1] > vertices[:, 1].max() - 0.003))[0]
    crown = top[np.argmax(vertices[top, 2])]
    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    ends = ends[on_middle[ends].all(1)]
    graph = sp.csr_matrix(
        (np.linalg.norm(vertices[ends[:, 0]] - vertices[ends[:, 1]], axis=1), (ends[:, 0], ends[:, 1])),
        shape=(len(vertices),) * 2,
    )
    _, before = csgraph.dijkstra(graph, directed=False, indices=back, return_predecessors=True)
    path = [crown]
    while path[-1] != back:
        path.append(before[path[-1]])
    return np.array(path[::-1])


def _chart_corners(chart: str, loop: np.ndarray, vertices: np.ndarray) -> list[int]:
    """Loop indices of the four corners of a chart without a seam."""
    p = vertices[loop] - vertices[loop].mean(0)

    def reach(*direction: float) -> int:
        return int(np.argmax(p @ np.array(direction)))

    if chart.startswith("eye"):
        return [reach(-1, -1, 0), reach(1, -1, 0), reach(1, 1, 0), reach(-1, 1, 0)]
    raise ValueError(chart)


def build_atlas(head: Head, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`uv` [T,2] and `uvFaces` [F,3] for the template `vertices` [V,3] in meters. May turn a few edges of `head.faces`
    at chart borders."""
    uv_list: list[np.ndarray] = []
    uv_faces = np.zeros_like(head.faces)
    offset = 0
    for index, chart in enumerate(CHARTS):
        inside = head.chart == index
        used, local = np.unique(head.faces[inside], return_inverse=True)
        faces, points = local.reshape(-1, 3), vertices[used]
        region = head.region[inside]
        density = np.array([REGION_DENSITY.get(REGIONS[r], 1.0) for r in region])
        if chart.startswith("eye"):  # iris and the white that shows are at the front
            outward = points[faces].mean(1) - points.mean(0) + [0, 0, 0.006]
            density = np.where(outward[:, 2] / np.linalg.norm(outward, axis=1) > 0.75, 1.6, 0.7)
        if chart == "skin":
            faces, points, used, corners_of = _open_seam(head, vertices, used, faces, points)
            density = _smooth_density(points, faces, density)
        loops = meshes.boundary_loops(faces)
        loop = loops[0]
        length = np.linalg.norm(points[np.roll(loop, -1)] - points[loop], axis=1)
        if chart == "skin":
            corners = corners_of(loop)
        elif chart.startswith("eye"):
            corners = _chart_corners(chart, loop, points)
        elif chart == "mouth":
            # seen from inside, so the loop runs the other way round: corners left and right of the mouth corners
            start = int(np.argmin(points[loop, 0]))
            span = len(loop) // 8
            right = int(np.argmax(points[loop, 0]))
            quarter = sorted(
                {
                    (start - span) % len(loop),
                    (start + span) % len(loop),
                    (right - span) % len(loop),
                    (right + span) % len(loop),
                }
            )
            corners = quarter
        elif chart == "tongue":
            p = points[loop] - points[loop].mean(0)
            corners = [int(np.argmax(p @ d)) for d in np.array([[-1.0, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]])]
            if not _is_cyclic(corners):
                corners = corners[::-1]
        else:
            corners = _teeth_corners(loop, faces, points, length)
        place = _rectangle_border(length, corners)
        if chart != "skin":
            faces = _turn_flat_triangles(place, loop, faces)
            head.faces[inside] = used[faces]
        uv = flatten(points, faces, density, loop, place, 40)
        if chart == "skin":
            uv = _magnify(uv, SKIN_CENTRE, SKIN_MAGNIFICATION)
        u0, v0, u1, v1 = RECTANGLES[chart]
        uv_list.append(np.array([u0, v0]) + uv * np.array([u1 - u0, v1 - v0]))
        uv_faces[inside] = faces + offset
        offset += len(uv)
    return np.concatenate(uv_list), uv_faces


def _magnify(uv: np.ndarray, centre: tuple[float, float], strength: tuple[float, float]) -> np.ndarray:
    """Stretch the unit square smoothly about `centre`, each axis by itself: density 1 + strength there, less at the
    border."""
    out = uv.copy()
    for axis in (0, 1):
        grid = np.linspace(0, 1, 513)
        middle = (grid[1:] + grid[:-1]) / 2
        reach = np.where(
            middle < centre[axis], (centre[axis] - middle) / centre[axis], (middle - centre[axis]) / (1 - centre[axis])
        )
        step = 1 + strength[axis] * np.cos(np.pi * reach)
        travelled = np.concatenate([[0], np.cumsum(step)])
        out[:, axis] = np.interp(uv[:, axis], grid, travelled / travelled[-1])
    return out


def _is_cyclic(corners: list[int]) -> bool:
    start = corners.index(min(corners))
    turned = corners[start:] + corners[:start]
    return turned == sorted(turned)


def _teeth_corners(loop: np.ndarray, faces: np.ndarray, points: np.ndarray, length: np.ndarray) -> list[int]:
    """The arch is a long strip: corners are the four border vertices that belong to one quad only at its two ends."""
    # the ends of the arch lie furthest back: on each side take the two border vertices furthest back along the arch
    p = points[loop]
    count = len(loop)
    back = p[:, 2] < np.quantile(p[:, 2], 0.25)
    ends = []
    for side in (-1, 1):
        members = np.flatnonzero(back & (np.sign(p[:, 0]) == side))
        # the run of the loop across the end of the strip: sharp turns at its two corners
        before, after = p[(members - 1) % count] - p[members], p[(members + 1) % count] - p[members]
        cos = (before * after).sum(1) / (np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1))
        pick = members[np.argsort(-cos)[:2]]
        ends.append(pick)
    corners = sorted(int(k) for k in np.concatenate(ends))
    gaps = [
        length[[(corners[i] + k) % count for k in range((corners[(i + 1) % 4] - corners[i]) % count)]].sum()
        for i in range(4)
    ]
    return corners if gaps[0] + gaps[2] > gaps[1] + gaps[3] else corners[1:] + corners[:1]


def _smooth_density(points: np.ndarray, faces: np.ndarray, density: np.ndarray) -> np.ndarray:
    average = meshes.neighbour_average(faces, len(points))
    value, total = np.zeros(len(points)), np.zeros(len(points))
    for k in range(3):
        np.add.at(value, faces[:, k], density)
        np.add.at(total, faces[:, k], 1)
    value /= np.maximum(total, 1)
    for _ in range(4):
        value = average @ value
    return value[faces].mean(1)


def _open_seam(head: Head, vertices: np.ndarray, used: np.ndarray, faces: np.ndarray, points: np.ndarray):
    """Cut the skin along the back seam: vertices on it (but the crown) get a second copy for the faces on the +X
    side."""
    position = {int(v): k for k, v in enumerate(used)}
    seam_global = _seam(head, vertices, head.faces[head.chart == 0])
    seam = np.array([position[int(v)] for v in seam_global])
    double = {int(v): len(points) + k for k, v in enumerate(seam[:-1])}
    on_left = points[faces].mean(1)[:, 0] > 0
    touched = np.isin(faces, seam[:-1]) & on_left[:, None]
    faces = faces.copy()
    faces[touched] = [double[int(v)] for v in faces[touched]]
    points = np.concatenate([points, points[seam[:-1]]])
    used = np.concatenate([used, used[seam[:-1]]])
    # corners: bottom at the neck ring, top where the seam has run 45 % of its length (ours: about the occiput)
    run = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points[seam], axis=0), axis=1))])
    turn = int(np.argmin(np.abs(run / run[-1] - 0.5)))

    def corners_of(loop: np.ndarray) -> list[int]:
        index = {int(v): k for k, v in enumerate(loop)}
        return [
            index[int(seam[0])],
            index[double[int(seam[0])]],
            index[double[int(seam[turn])]],
            index[int(seam[turn])],
        ]

    return faces, points, used, corners_of
