"""Python side of mesh.cpp. All arrays are float32 / int32; camera space as in docs/conventions.md "Camera of a
crop"."""

from ctypes import c_float, c_int

import numpy as np

from .native import floats, ints, load, pointer

NORMAL_RATIO = 0.25  # ours: thickness of a surfel over its extent


def raster(
    camera: np.ndarray, faces: np.ndarray, f: float, width: int, height: int | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Z-buffer of camera-space vertices [V,3] -> face [H,W] (-1 background), weights [H,W,2], depth [H,W] (m, 1e9
    background)."""
    height = height or width
    camera, faces = floats(camera), ints(faces)
    face, bary, depth = (
        np.empty((height, width), np.int32),
        np.empty((height, width, 2), np.float32),
        np.empty((height, width), np.float32),
    )
    load("mesh").mesh_raster(
        pointer(camera),
        pointer(faces),
        c_int(len(faces)),
        c_float(f),
        c_int(width),
        c_int(height),
        pointer(face),
        pointer(bary),
        pointer(depth),
    )
    return face, bary, depth


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Area-weighted unit normals [V,3]."""
    vertices, faces = floats(vertices), ints(faces)
    normals = np.empty_like(vertices)
    load("mesh").vertex_normals(
        pointer(vertices), c_int(len(vertices)), pointer(faces), c_int(len(faces)), pointer(normals)
    )
    return normals


def interpolate(face: np.ndarray, bary: np.ndarray, faces: np.ndarray, attribute: np.ndarray) -> np.ndarray:
    """Per-vertex attribute [V,C] at samples face [n], bary [n,2] -> [n,C]; zeros where face is -1."""
    face, bary, faces, attribute = ints(face), floats(bary), ints(faces), floats(attribute)
    out = np.empty((face.size, attribute.shape[1]), np.float32)
    load("mesh").interpolate(
        c_int(face.size),
        pointer(face),
        pointer(bary),
        pointer(faces),
        pointer(attribute),
        c_int(attribute.shape[1]),
        pointer(out),
    )
    return out


def mix(weights: np.ndarray, fields: np.ndarray) -> np.ndarray:
    """weights [k] times fields [k,...] (float32, contiguous). Single-threaded; zero weights cost nothing."""
    weights = floats(weights)
    assert fields.dtype == np.float32 and fields.flags.c_contiguous and len(weights) == len(fields)
    out = np.empty(fields.shape[1:], np.float32)
    load("mesh").mix(c_int(len(weights)), c_int(out.size), pointer(weights), pointer(fields), pointer(out))
    return out


def rigid(points: np.ndarray, R: np.ndarray, t: np.ndarray | None = None) -> np.ndarray:
    """R [3,3] times points [n,3] plus t [3]. Not numpy's matmul: its threads spin longer than such small products
    take."""
    points, R, t = floats(points), floats(R), floats(np.zeros(3) if t is None else t)
    out = np.empty_like(points)
    load("mesh").rigid(c_int(len(points)), pointer(points), pointer(R), pointer(t), pointer(out))
    return out


def skin(weights: np.ndarray, transforms: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Linear blend skinning: weights [n,J], transforms [J,3,4], points [n,3] -> moved points [n,3] and the blended
    matrices [n,3,4]."""
    weights, transforms, points = floats(weights), floats(transforms), floats(points)
    out, blended = np.empty_like(points), np.empty((len(points), 3, 4), np.float32)
    load("mesh").skin(
        c_int(len(points)),
        c_int(len(transforms)),
        pointer(weights),
        pointer(transforms),
        pointer(points),
        pointer(out),
        pointer(blended),
    )
    return out, blended


def shade(
    face, bary, faces, uv_faces, uv, texture, position, normal, occlusion, light, eye=None, two_sided: bool = False
) -> np.ndarray:
    """Linear RGB [n,3] of samples. texture [size,size,8], occlusion [V,1+L], light = (sh [9,3], directions [L,3],
    colors [L,3]); eye = camera centre in the space of `position` [V,3], None leaves out the specular part. From behind,
    `two_sided` surfaces are lit as backs of their own, others have their front's color."""
    face, bary, faces, uv_faces, uv, texture = (
        ints(face),
        floats(bary),
        ints(faces),
        ints(uv_faces),
        floats(uv),
        floats(texture),
    )
    position, normal, occlusion = floats(position), floats(normal), floats(occlusion)
    sh, directions, colors = (floats(a) for a in light)
    assert texture.shape[2] == 8 and occlusion.shape[1] == 1 + len(directions) <= 8
    eye = None if eye is None else floats(eye)
    out = np.empty((face.size, 3), np.float32)
    load("mesh").shade(
        c_int(face.size),
        pointer(face),
        pointer(bary),
        pointer(faces),
        pointer(uv_faces),
        pointer(uv),
        pointer(texture),
        c_int(texture.shape[0]),
        pointer(position),
        pointer(normal),
        pointer(occlusion),
        pointer(sh),
        c_int(len(directions)),
        pointer(directions),
        pointer(colors),
        pointer(eye),
        c_int(two_sided),
        pointer(out),
    )
    return out


def visibility(
    points, normals, f: float, depth: np.ndarray, bias: float = 0.004, min_facing: float = 0.05
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Camera-space points and normals [n,3] against a depth picture -> pixel xy [n,2], facing cosine [n], visible [n]
    bool; bias in m."""
    points, normals, depth = floats(points), floats(normals), floats(depth)
    n = len(points)
    xy, facing, visible = np.empty((n, 2), np.float32), np.empty(n, np.float32), np.empty(n, np.uint8)
    height, width = depth.shape
    load("mesh").visibility(
        c_int(n),
        pointer(points),
        pointer(normals),
        c_float(f),
        c_int(width),
        c_int(height),
        pointer(depth),
        c_float(bias),
        c_float(min_facing),
        pointer(xy),
        pointer(facing),
        pointer(visible),
    )
    return xy, facing, visible.astype(bool)


def surfels(
    face,
    faces,
    uv_faces,
    uv,
    position,
    size: int,
    base=None,
    in_plane: float = 0.65,
    normal_ratio: float = NORMAL_RATIO,
) -> tuple[np.ndarray, np.ndarray]:
    """Flat Gaussians of the texels' own triangles: log scales [n,3] (ln m) and quaternions [n,4] (x,y,z,w; axes u, v,
    normal). Their sign follows `base` [n,4] (dot > 0), so maps of different people agree."""
    face, faces, uv_faces, uv, position = ints(face), ints(faces), ints(uv_faces), floats(uv), floats(position)
    base = None if base is None else floats(base)
    log_scale, quat = np.empty((face.size, 3), np.float32), np.empty((face.size, 4), np.float32)
    load("mesh").surfels(
        c_int(face.size),
        pointer(face),
        pointer(faces),
        pointer(uv_faces),
        pointer(uv),
        pointer(position),
        c_int(size),
        c_float(in_plane),
        c_float(normal_ratio),
        pointer(base),
        pointer(log_scale),
        pointer(quat),
    )
    return log_scale, quat
