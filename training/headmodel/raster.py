"""A small numpy rasteriser: which triangle covers which sample, with barycentrics. Used for texel tables and for
pictures."""

from __future__ import annotations

import numpy as np


def candidates(corners: np.ndarray, width: int, height: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All (triangle, column, row) whose sample (column + 0.5, row + 0.5) lies in a triangle's bounding box. `corners`
    [F,3,2] in pixels."""
    low = np.clip(np.floor(corners.min(1) - 0.5), 0, None).astype(np.int64)
    high = np.minimum(np.ceil(corners.max(1) - 0.5).astype(np.int64), [width - 1, height - 1])
    span = np.maximum(high - low + 1, 0)
    number = span[:, 0] * span[:, 1]
    triangle = np.repeat(np.arange(len(corners)), number)
    within = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)
    column = low[triangle, 0] + within % np.maximum(span[triangle, 0], 1)
    row = low[triangle, 1] + within // np.maximum(span[triangle, 0], 1)
    return triangle, column, row


def barycentric(a: np.ndarray, b: np.ndarray, c: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Barycentric coordinates [n,3] of points `p` [n,2] in triangles `a, b, c` [n,2]; float64, in this order of
    operations."""
    with np.errstate(divide="ignore", invalid="ignore"):
        det = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])
        second = ((p[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (p[:, 1] - a[:, 1])) / det
        third = ((b[:, 0] - a[:, 0]) * (p[:, 1] - a[:, 1]) - (p[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])) / det
    return np.stack([1 - second - third, second, third], 1)


def depth_buffer(
    points: np.ndarray, faces: np.ndarray, width: int, height: int, cull: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Nearest triangle per pixel: face index [height,width] (-1 where empty) and barycentrics [height,width,3].

    `points` [V,3]: pixel x, pixel y (down) and depth (larger is farther), affine over the triangle. `cull` [F]: drop
    back faces.
    """
    corners = points[faces][:, :, :2]
    triangle, column, row = candidates(corners, width, height)
    sample = np.stack([column + 0.5, row + 0.5], 1)
    a, b, c = (corners[triangle, k] for k in range(3))
    weight = barycentric(a, b, c, sample)
    hit = (weight >= 0).all(1)
    if cull is not None:
        edge = corners[:, 1] - corners[:, 0]
        other = corners[:, 2] - corners[:, 0]
        front = edge[:, 0] * other[:, 1] - edge[:, 1] * other[:, 0] < 0
        hit &= (front | ~cull)[triangle]
    triangle, column, row, weight = triangle[hit], column[hit], row[hit], weight[hit]
    depth = (weight * points[faces[triangle], 2]).sum(1)
    order = np.argsort(-depth, kind="stable")
    face = np.full((height, width), -1)
    bary = np.zeros((height, width, 3))
    face[row[order], column[order]] = triangle[order]
    bary[row[order], column[order]] = weight[order]
    return face, bary


def shade(
    vertices: np.ndarray,
    faces: np.ndarray,
    face_color: np.ndarray,
    size: int,
    yaw: float = 0.0,
    pitch: float = 0.0,
    span: float = 0.3,
    centre: tuple[float, float, float] = (0.0, 0.0, 0.0),
    two_sided: np.ndarray | None = None,
    supersample: int = 2,
) -> np.ndarray:
    """Orthographic picture [size,size,3] u8 of a head turned by yaw and pitch (radians), `span` meters wide, lit from
    the front left."""
    from .mesh import vertex_normals

    side = size * supersample
    cos_y, sin_y, cos_p, sin_p = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    turn = np.array([[1, 0, 0], [0, cos_p, -sin_p], [0, sin_p, cos_p]]) @ np.array(
        [[cos_y, 0, sin_y], [0, 1, 0], [-sin_y, 0, cos_y]]
    )
    place = (vertices - np.asarray(centre)) @ turn.T
    normal = vertex_normals(vertices, faces) @ turn.T
    pixel = np.stack([side / 2 + place[:, 0] / span * side, side / 2 - place[:, 1] / span * side, -place[:, 2]], 1)
    face, bary = depth_buffer(pixel, faces, side, side, None if two_sided is None else ~two_sided)
    picture = np.full((side, side, 3), 245.0)
    hit = face >= 0
    n = (normal[faces[face[hit]]] * bary[hit][:, :, None]).sum(1)
    n /= np.maximum(np.linalg.norm(n, axis=1, keepdims=True), 1e-9)
    n = np.where(n[:, 2:] < 0, -n, n)
    light = np.array([-0.35, 0.5, 0.79])
    glow = 0.3 + 0.7 * np.clip(n @ light, 0, 1)
    picture[hit] = face_color[face[hit]] * glow[:, None]
    return picture.reshape(size, supersample, size, supersample, 3).mean((1, 3)).clip(0, 255).astype(np.uint8)
