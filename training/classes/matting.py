"""From a coarse matte to one at the photo's own resolution, and colors without the background in them. Twin of src/runtime/photo/matting.ts.

The matte's unsure rim is solved as a local linear function of the photo (guided filter with color, He et al. 2010); colors of the person are
solved together with those of the background from coarse to fine (multi-level foreground estimation, Germer et al. 2020)."""

import numpy as np
from scipy.ndimage import maximum_filter, minimum_filter, uniform_filter

RIM = 1 / 100  # how far beyond the matte's own rim it is thought unsure, in parts of the picture
SURE = 0.04  # what is nearer to 0 or 1 is sure
WINDOW = 1 / 64  # radius of the filter's window, in parts of the picture
SMOOTH = 1e-4  # squared color that counts as texture
COARSEST = 16  # pixels of the first level
SPREAD, ACROSS = 1e-5, 1.0  # weight of neighbours as such, and per difference of alpha
ROUNDS, FEW = 10, 2  # of a level of at most SMALL pixels, of others
SMALL = 32


def unsure(matte: np.ndarray) -> np.ndarray:
    """[S,S] bool: where a matte has to be solved."""
    width = 2 * max(1, round(RIM * len(matte))) + 1
    return (minimum_filter(matte, width, mode="nearest") < 1 - SURE) & (maximum_filter(matte, width, mode="nearest") > SURE)


def refine_matte(image: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """image [S,S,3] sRGB 0..1, matte [S,S] 0..1 -> matte [S,S] that follows the picture; sure places become 0 or 1."""
    width = 2 * max(1, round(WINDOW * len(matte))) + 1

    def mean(x: np.ndarray) -> np.ndarray:
        return uniform_filter(x, (width, width) + (0,) * (x.ndim - 2), mode="nearest")

    image, matte = image.astype(np.float64), matte.astype(np.float64)
    m, p = mean(image), mean(matte)
    covariance = mean(image[..., :, None] * image[..., None, :]) - m[..., :, None] * m[..., None, :]
    cross = mean(image * matte[..., None]) - m * p[..., None]
    a = np.linalg.solve(covariance + SMOOTH * np.eye(3), cross[..., None])[..., 0]
    b = p - (a * m).sum(-1)
    solved = np.clip((mean(a) * image).sum(-1) + mean(b), 0, 1)
    return np.where(unsure(matte), solved, matte > 0.5).astype(np.float32)


def levels(size: int) -> list[int]:
    """Edges of the levels, each at most twice the one before."""
    out = [size]
    while out[0] > COARSEST:
        out.insert(0, (out[0] + 1) // 2)
    return out


def foreground(image: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """Colors [S,S,3] of the person at every pixel, from image [S,S,3] 0..1 and matte [S,S]."""
    size = len(matte)
    front = back = None
    for n in levels(size):
        at = np.arange(n) * size // n
        i, a = image[at][:, at].astype(np.float64), matte[at][:, at].astype(np.float64)
        if front is None:
            front = np.broadcast_to((i * a[..., None]).sum((0, 1)) / max(a.sum(), 1e-3), i.shape).copy()
            back = np.broadcast_to((i * (1 - a[..., None])).sum((0, 1)) / max((1 - a).sum(), 1e-3), i.shape).copy()
        else:
            up = np.arange(n) * len(front) // n
            front, back = front[up][:, up], back[up][:, up]
        if n < size:
            front, back = _level(i, a, front, back, ROUNDS if n <= SMALL else FEW)
            continue
        front[a == 1], back[a == 0] = i[a == 1], i[a == 0]  # at the picture's own size only the rim is solved
        rim = ((a > 0) & (a < 1))[..., None]
        for _ in range(FEW):
            f, b = _level(i, a, front, back, 1)
            front, back = np.where(rim, f, front), np.where(rim, b, back)
    return front.astype(np.float32)


def _level(image, alpha, front, back, rounds: int):
    """Jacobi rounds on one level: each pixel's two colors from its own color and its four neighbours' colors."""
    for _ in range(rounds):
        total, f_sum, b_sum = 0.0, 0.0, 0.0
        f, b, a = (np.pad(x, ((1, 1), (1, 1)) + ((0, 0),) * (x.ndim - 2), mode="edge") for x in (front, back, alpha))
        for dy, dx in ((0, 1), (2, 1), (1, 0), (1, 2)):
            part = (slice(dy, dy + len(alpha)), slice(dx, dx + len(alpha)))
            w = SPREAD + ACROSS * np.abs(alpha - a[part])
            w = w[..., None]
            total, f_sum, b_sum = total + w, f_sum + w * f[part], b_sum + w * b[part]
        x = alpha[..., None]
        m00, m01, m11 = total + x * x, x * (1 - x), total + (1 - x) ** 2
        r0, r1 = f_sum + x * image, b_sum + (1 - x) * image
        det = m00 * m11 - m01 * m01
        front, back = np.clip((m11 * r0 - m01 * r1) / det, 0, 1), np.clip((m00 * r1 - m01 * r0) / det, 0, 1)
    return front, back
