"""From a coarse matte to one at the photo's own resolution, and colors without the background in them. Twin of
src/runtime/photo/matting.ts and foreground.ts.

The matte's unsure rim is solved in two steps: where a pixel's color lies between the person's and the background's
colors around it, then as a local linear function of the photo (guided filter with color, He et al. 2010), which takes
the noise out. Colors of the person are solved together with those of the background from coarse to fine (multi-level
foreground estimation, Germer et al. 2020)."""

import numpy as np
from scipy.ndimage import maximum_filter, minimum_filter, uniform_filter

RIM = 1 / 200  # how far beyond the matte's own rim it is thought unsure, in parts of the picture
SURE = 0.08  # what is nearer to 0 or 1 is sure
# radii in which colors of person and background are looked for, in parts of the picture
AROUND = (1 / 80, 1 / 40, 1 / 20, 1 / 10)
ENOUGH = 1 / 6  # share of known pixels in such a square with which its mean is fully believed
UNLIKE = 0.04  # squared distance of the two colors at which color decides half
WINDOW = 1 / 80  # radius of the filter's window, in parts of the picture
SMOOTH = 1e-4  # squared color that counts as texture
EDGE = (0.15, 0.85)  # solved alpha between these becomes 0..1: neither step reaches the ends
COARSEST = 16  # pixels of the first level
SPREAD, ACROSS = 1e-5, 1.0  # weight of neighbours as such, and per difference of alpha
ROUNDS, FEW = 10, 2  # of a level of at most SMALL pixels, of others
SMALL = 32


def unsure(matte: np.ndarray) -> np.ndarray:
    """[S,S] bool: where a matte has to be solved."""
    width = 2 * max(1, round(RIM * len(matte))) + 1
    return (minimum_filter(matte, width, mode="nearest") < 1 - SURE) & (
        maximum_filter(matte, width, mode="nearest") > SURE
    )


def _mean(x: np.ndarray, radius: float) -> np.ndarray:
    """Mean over squares of `radius` parts of the picture."""
    return uniform_filter(x, 2 * max(1, round(radius * len(x))) + 1, mode="nearest")


def _around(image: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean colors [S,S,3] of the `known` pixels around each pixel: of the smallest square that has enough, larger ones
    fill the rest. And how much of them was found [S,S], 0..1."""
    color, done = np.zeros(image.shape), np.zeros(known.shape)
    for radius in AROUND:
        share = _mean(known.astype(np.float64), radius)
        take = np.minimum(share / ENOUGH, 1) * (1 - done)
        for c in range(3):
            color[..., c] += take * _mean(image[..., c] * known, radius) / np.maximum(share, 1e-6)
        done += take
    return color / np.maximum(done, 1e-6)[..., None], done


def between_colors(image: np.ndarray, matte: np.ndarray, rim: np.ndarray) -> np.ndarray:
    """Alpha [S,S] of the `rim` from where its color lies between those of person and background around it; the matte's
    where these are alike or one of them is far away: such a matte is wrong rather than coarse."""
    person, near_person = _around(image, (matte > 0.5) & ~rim)
    rest, near_rest = _around(image, (matte <= 0.5) & ~rim)
    line = person - rest
    length = (line * line).sum(-1)
    share = np.clip(((image - rest) * line).sum(-1) / (length + 1e-6), 0, 1)
    trust = length / (length + UNLIKE) * np.minimum(near_person, near_rest)
    return np.where(rim, trust * share + (1 - trust) * matte, matte > 0.5)


def guided(image: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """The matte [S,S] as a function of the image [S,S,3] that is linear in every window."""
    r, g, b = np.moveaxis(image, -1, 0)

    def mean(x: np.ndarray) -> np.ndarray:
        return _mean(x, WINDOW)

    p = mean(matte)
    mr, mg, mb = mean(r), mean(g), mean(b)
    rr, gg, bb = (mean(x * x) - m * m + SMOOTH for x, m in ((r, mr), (g, mg), (b, mb)))
    rg, rb, gb = mean(r * g) - mr * mg, mean(r * b) - mr * mb, mean(g * b) - mg * mb
    x, y, z = (mean(c * matte) - m * p for c, m in ((r, mr), (g, mg), (b, mb)))
    c00, c01, c02 = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg  # adjugate of the symmetric covariance
    c11, c12, c22 = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
    inverse = 1 / (rr * c00 + rg * c01 + rb * c02)
    ar, ag, ab = (
        (c00 * x + c01 * y + c02 * z) * inverse,
        (c01 * x + c11 * y + c12 * z) * inverse,
        (c02 * x + c12 * y + c22 * z) * inverse,
    )
    offset = p - ar * mr - ag * mg - ab * mb
    return mean(ar) * r + mean(ag) * g + mean(ab) * b + mean(offset)


def refine_matte(image: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """image [S,S,3] sRGB 0..1, matte [S,S] 0..1 -> matte [S,S] that follows the picture; sure places become 0 or 1."""
    image, matte = image.astype(np.float64), matte.astype(np.float64)
    rim = unsure(matte)
    solved = (guided(image, between_colors(image, matte, rim)) - EDGE[0]) / (EDGE[1] - EDGE[0])
    return np.where(rim, np.clip(solved, 0, 1), matte > 0.5).astype(np.float32)


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
