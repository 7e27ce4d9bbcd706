"""Reference splatting on the CPU, and whole map -> picture rendering."""

from ctypes import c_float, c_int

import numpy as np

from ..headmodel.model import HeadModel
from ..headmodel.texels import TexelTable, build_texel_table
from .native import floats, load, pointer

SCALE_LIMITS = (1e-5, 0.02)  # meters, docs/conventions.md "Maps"


def splat(
    means, quats, scales, opacity, colors, R, t, f: float, size: int, background=0.5, with_coverage: bool = False
):
    """Picture [3,size,size] of Gaussians: means [n,3] m, quats [n,4] x,y,z,w, scales [n,3] m, opacity [n] 0..1, colors
    [n,3] sRGB-encoded.

    Camera as in docs/conventions.md "Camera of a crop"; background a number or rgb; with_coverage adds alpha
    [size,size]."""
    arrays = [floats(a) for a in (means, quats, scales, opacity, colors, R, t)]
    image = np.zeros((size, size, 4), np.float32)
    image[..., :3] = background
    load("raster").splat(
        c_int(len(arrays[0])), *(pointer(a) for a in arrays), c_float(f), c_int(size), c_int(size), pointer(image)
    )
    picture = np.ascontiguousarray(image[..., :3].transpose(2, 0, 1))
    return (picture, image[..., 3].copy()) if with_coverage else picture


def nearest_rotations(matrices: np.ndarray) -> np.ndarray:
    """Rotations nearest to matrices [n,3,3] (polar decomposition by Newton steps; they are close to rotations
    already)."""
    # rows of all matrices side by side: the steps run over long arrays
    out = np.ascontiguousarray(matrices.transpose(1, 2, 0), np.float64)
    for _ in range(4):  # blends of turns up to 60 degrees: singular values 0.87 -> 1.01 -> 1.00005 -> 1
        a, b, c = out
        cofactors = np.stack([np.cross(b, c, axis=0), np.cross(c, a, axis=0), np.cross(a, b, axis=0)])
        # cofactors over the determinant: the inverse, transposed
        out = 0.5 * (out + cofactors / (a * cofactors[0]).sum(0))
    return np.ascontiguousarray(out.transpose(2, 0, 1))


def quaternions(R: np.ndarray) -> np.ndarray:
    """Rotations [n,3,3] -> quaternions [n,4] x,y,z,w."""
    from scipy.spatial.transform import Rotation

    return Rotation.from_matrix(R).as_quat()


def multiply(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Hamilton product of quaternions [n,4] x,y,z,w."""
    ax, ay, az, aw = a.T
    bx, by, bz, bw = b.T
    return np.stack(
        [
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
            aw * bw - ax * bx - ay * by - az * bz,
        ],
        1,
    )


_last_skin: tuple = (None, None, None, None)


def _skin(model: HeadModel, table: TexelTable, expression, pose) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per Gaussian the joint matrix [n,4,4], the expressed template [n,3] and the joint turn [n,4] x,y,z,w; the last
    answer is kept, since several avatars are often drawn in one pose."""
    global _last_skin
    key = np.asarray(expression, np.float64).tobytes() + np.asarray(pose, np.float64).tobytes()
    if _last_skin[0] is not model or _last_skin[1] is not table or _last_skin[2] != key:
        matrices = np.einsum(
            "nj,jkl->nkl", table.weights.astype(np.float64), model.joint_matrices(model.pose(expression, pose))
        )
        surface = table.sample(model.vertices(None, expression))
        _last_skin = model, table, key, (matrices, surface, quaternions(nearest_rotations(matrices[:, :3, :3])))
    return _last_skin[3]


def gaussians(
    model: HeadModel, table: TexelTable, static: np.ndarray, delta: np.ndarray | None, expression, pose
) -> dict[str, np.ndarray]:
    """Posed Gaussians of a static map [14,H,W] plus the dynamic part of a delta map, pose [15] without what the
    expression adds."""
    maps = static.reshape(14, -1)[:, table.texel].T.astype(np.float64)
    if delta is not None:
        maps = maps + delta.reshape(14, -1)[:, table.texel].T * table.dynamic[:, None]
    matrices, surface, turns = _skin(model, table, expression, pose)
    points = surface + maps[:, :3]
    quat = maps[:, 10:14] / np.maximum(np.linalg.norm(maps[:, 10:14], axis=1, keepdims=True), 1e-8)
    return {
        "means": np.einsum("nkl,nl->nk", matrices[:, :3, :3], points) + matrices[:, :3, 3],
        "quats": multiply(turns, quat),
        "scales": np.clip(np.exp(maps[:, 7:10]), *SCALE_LIMITS),
        "opacity": 1 / (1 + np.exp(-maps[:, 3])),
        "colors": np.clip(maps[:, 4:7], 0, 1),
    }


_tables: dict[tuple[int, int], TexelTable] = {}


def render_maps(
    model: HeadModel,
    static,
    delta,
    expression,
    pose,
    R,
    t,
    f: float,
    size: int,
    background=0.5,
    with_coverage: bool = False,
):
    """G = static + mask * delta -> activation -> skinning -> picture [3,size,size] (docs/conventions.md "Maps")."""
    key = (id(model), static.shape[-1])
    if key not in _tables:
        _tables[key] = build_texel_table(model, static.shape[-1])
    g = gaussians(
        model, _tables[key], np.asarray(static), None if delta is None else np.asarray(delta), expression, pose
    )
    return splat(
        g["means"], g["quats"], g["scales"], g["opacity"], g["colors"], R, t, f, size, background, with_coverage
    )
