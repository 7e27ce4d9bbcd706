"""Small steps on grids: ramps, filling by push-pull, smoothing of tables with gaps, tangent frames."""

from __future__ import annotations

from functools import lru_cache

import numpy as np


def ramp(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 up to `low`, 1 from `high` on, linear between; falls where high < low."""
    return np.clip((x - low) / (high - low), 0, 1)


def smooth_step(x: np.ndarray, low: float, high: float) -> np.ndarray:
    t = ramp(x, low, high)
    return t * t * (3 - 2 * t)


@lru_cache(maxsize=256)
def _gaussian(n: int, sigma: float, wrap: bool) -> np.ndarray:
    """[n,n]: row k gives the weights of the mean at k."""
    reach = max(1, int(np.ceil(3 * sigma)))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    out = np.zeros((n, n))
    for k, weight in zip(range(-reach, reach + 1), kernel):
        index = np.arange(n) + k
        np.add.at(out, (np.arange(n), index % n if wrap else np.clip(index, 0, n - 1)), weight)
    return out


def blur(values: np.ndarray, sigma: float, axis: int, wrap: bool = False) -> np.ndarray:
    """Gaussian mean along one axis, cut at 3 sigma; edges go on or wrap."""
    return np.moveaxis(np.tensordot(_gaussian(values.shape[axis], sigma, wrap), values, (1, axis)), 0, axis)


def closed(values: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Largest, then least values [rows,columns] in rectangles of 2 reach + 1: closes gaps of 2 reach; edges go on."""
    for pick in (np.maximum, np.minimum):
        for axis, reach in ((0, rows), (1, columns)):
            padded = np.pad(values, [(reach, reach) if k == axis else (0, 0) for k in (0, 1)], mode="edge")
            n = values.shape[axis]
            values = pick.reduce([np.take(padded, np.arange(k, k + n), axis) for k in range(2 * reach + 1)])
    return values


def mean_where(values: np.ndarray, known: np.ndarray, sigma: float, axis: int = 0, wrap: bool = False) -> np.ndarray:
    """Values with gaps (known 0..1) -> smooth values everywhere: Gaussian means of growing width, the narrowest that
    knows enough."""
    out, left = np.zeros_like(values, dtype=float), np.ones_like(values, dtype=float)
    width = sigma
    for _ in range(7):
        weight = blur(known, width, axis, wrap)
        mean = blur(np.where(known > 0, values, 0) * known, width, axis, wrap) / np.maximum(weight, 1e-9)
        share = left * ramp(weight, 0, 0.25)
        out += share * mean
        left = left - share
        width *= 2
    rest = (values * known).sum(axis, keepdims=True) / np.maximum(known.sum(axis, keepdims=True), 1e-9)
    return out + left * rest


def _halve(x: np.ndarray) -> np.ndarray:
    """Sums over 2 x 2; an odd edge stands alone."""
    x = np.pad(x, ((0, x.shape[0] % 2), (0, x.shape[1] % 2), (0, 0)))
    return x[0::2, 0::2] + x[1::2, 0::2] + x[0::2, 1::2] + x[1::2, 1::2]


def _double(x: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Bilinear doubling; centres at (i + 0.5) / 2 - 0.5, clamped at the edges."""
    for axis, size in ((0, rows), (1, columns)):
        at = np.clip((np.arange(size) + 0.5) / 2 - 0.5, 0, x.shape[axis] - 1)
        low = np.minimum(at.astype(int), max(x.shape[axis] - 2, 0))
        high = np.minimum(low + 1, x.shape[axis] - 1)
        shape = [1] * x.ndim
        shape[axis] = size
        share = (at - low).reshape(shape)
        x = np.take(x, low, axis) * (1 - share) + np.take(x, high, axis) * share
    return x


def push_pull(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Fill [rows,columns,k] where weight [rows,columns] 0..1 is below 1 from coarser levels (Gortler et al. 1996)."""
    x, w = values * weight[..., None], weight[..., None].astype(float)
    levels = []
    while True:
        levels.append((x, w))
        if max(x.shape[:2]) == 1:
            break
        x, w = _halve(x), _halve(w)
        most = np.maximum(w, 1)
        x, w = x / most, w / most
    x, w = levels[-1]
    current = x / np.maximum(w, 1e-6)
    for x, w in reversed(levels[:-1]):
        current = x + (1 - w) * _double(current, *x.shape[:2])
    return current


def wrapped_push_pull(color: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Push-pull on a grid whose first and last column are neighbours."""
    half = color.shape[1] // 2
    three = lambda x: np.concatenate([x[:, half:], x, x[:, :half]], 1)
    return push_pull(three(color), three(weight))[:, color.shape[1] - half : 2 * color.shape[1] - half]


def frames(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Grid [rows,columns,3] -> orthonormal frames [rows,columns,3,3] (columns: along the row, down the column,
    outward), half the distance to the neighbours along the row and down the column [rows,columns]."""
    across, down = np.gradient(points, axis=1), np.gradient(points, axis=0)
    normal = np.cross(across, -down)
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-12)
    along = down - (down * normal).sum(-1, keepdims=True) * normal
    length = np.linalg.norm(along, axis=-1)
    along /= np.maximum(length, 1e-12)[..., None]
    side = np.cross(along, normal)
    width = np.abs((across * side).sum(-1))
    return np.stack([side, along, normal], -1), width, length


def quaternions(R: np.ndarray) -> np.ndarray:
    """Rotations [...,3,3] -> x, y, z, w, the largest of the four taken from its own square root (Shepperd)."""
    m = R
    trace = np.stack(
        [
            1 + m[..., 0, 0] - m[..., 1, 1] - m[..., 2, 2],
            1 - m[..., 0, 0] + m[..., 1, 1] - m[..., 2, 2],
            1 - m[..., 0, 0] - m[..., 1, 1] + m[..., 2, 2],
            1 + m[..., 0, 0] + m[..., 1, 1] + m[..., 2, 2],
        ],
        -1,
    )
    a, b, c = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    d, e, f = m[..., 0, 1] + m[..., 1, 0], m[..., 0, 2] + m[..., 2, 0], m[..., 1, 2] + m[..., 2, 1]
    rows = np.stack(
        [
            np.stack([trace[..., 0], d, e, a], -1),
            np.stack([d, trace[..., 1], f, b], -1),
            np.stack([e, f, trace[..., 2], c], -1),
            np.stack([a, b, c, trace[..., 3]], -1),
        ],
        -2,
    )
    best = trace.argmax(-1)
    q = np.take_along_axis(rows, best[..., None, None], -2)[..., 0, :]
    return q / np.maximum(np.linalg.norm(q, axis=-1, keepdims=True), 1e-12)
