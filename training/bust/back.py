"""Where a photo from behind was taken from: no face tells it, the person's outline does (ALGORITHM.md, "A photo from
behind")."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..synth.crop import Crop
from .head import Head
from .photo import EARS, HAIR, Photo, bilinear, box

OUTLINE = 64  # pixels per side of the outline, over a square twice as wide as the crop
LOWEST = np.array([0.0, -0.24, -0.035])  # canonical: below it the outline does not count
# canonical, and meters: below it only so much beside it counts, for arms are held in many ways
NARROW, BESIDE = np.array([0.0, -0.13, -0.035]), 0.17
SCALES, SHIFTS = 1.14 ** np.arange(-4, 5), 0.08 * np.arange(-4, 5)  # first search; shifts in parts of the crop's side
HALVINGS = 5  # of the steps, while the place is made exact
COLLAR, SHOULDERS = -0.12, (0.11, -0.17)  # canonical: clothes begin below; farther out and below both they are sure
SPREAD = 0.004  # variance of a color that counts beside the measured one
SKIN_SHARE = 0.5  # of skin, where hair or clothes are as likely
SLIP = 2  # pixels, on either side, that a strand may go aside from one row to the next
SURER = 2  # power of likelihoods: what is more likely is so by far
LENGTHS = EARS[1] - 0.06 - 0.004 * np.arange(75)  # canonical heights at which hair behind is looked for
BACK, MIDDLE = -0.12, np.linspace(-0.03, 0.03, 7)  # canonical: where the back of the hair is; across its middle
LEAST_OVERLAP = 0.75  # of both outlines: what agrees less is not used


def behind(photo: Photo) -> tuple[np.ndarray, np.ndarray]:
    """Camera R, t of the same crop as seen from behind: the camera goes around the person, in whose front it stood, at
    its own height."""
    forward = photo.R[:, 2]
    yaw = np.pi - np.arctan2(forward[0], forward[2])
    c, s = np.cos(yaw), np.sin(yaw)
    R = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]) @ photo.R
    middle = np.array([0, 0, -0.08])
    seen = photo.R @ middle + photo.t
    return R, np.array([0.0, seen[1], seen[2]]) - R @ middle


def outline(points: np.ndarray, photo: Photo) -> np.ndarray:
    """[OUTLINE,OUTLINE] 1 where points [n,3] are seen, their gaps closed; in the square around the crop."""
    camera = points @ photo.R.T + photo.t
    scale = photo.focal / -camera[:, 2]
    column = np.floor((0.5 + (scale * camera[:, 0]) / 2) * OUTLINE).astype(int)
    row = np.floor((0.5 - (scale * camera[:, 1]) / 2) * OUTLINE).astype(int)
    ok = (row >= 0) & (row < OUTLINE) & (column >= 0) & (column < OUTLINE)
    out = np.zeros((OUTLINE + 4, OUTLINE + 4))
    out[row[ok] + 2, column[ok] + 2] = 1
    for least in (False, True):
        pad = np.pad(out, 1, mode="edge")
        near = [pad[a : a + out.shape[0], b : b + out.shape[1]] for a in range(3) for b in range(3)]
        out = np.minimum.reduce(near) if least else np.maximum.reduce(near)
    return out[2:-2, 2:-2]


def placed(rough: Photo, front: Photo, head: Head, shown: list[np.ndarray]) -> tuple[Photo | None, float]:
    """The photo from behind with its camera and crop, None where the outlines do not agree; their overlap. Of `rough`
    the camera does not count; its crop says about where the head is. `shown`: points [n,3] of hair and bust."""
    R, t = behind(front)
    camera = replace(rough, R=R, t=t, focal=front.focal)
    wanted = outline(np.concatenate([head.means[head.opacity > 0.4], *shown]), camera)
    low = R @ LOWEST + t
    last = (0.5 - front.focal * low[1] / -low[2] / 2) * OUTLINE
    at = (np.arange(OUTLINE) + 0.5) / OUTLINE
    x, y, depth = (R @ NARROW + t) * [1, -1, -1]
    scale = front.focal / depth / 2 * OUTLINE
    rows, columns = np.mgrid[0:OUTLINE, 0:OUTLINE] + 0.5 - OUTLINE / 2
    counts = (rows < scale * y) | (np.abs(columns - scale * x) < scale * BESIDE)
    counts &= (np.arange(OUTLINE) < last)[:, None]
    square = 2 * np.stack(np.meshgrid(at - 0.5, at - 0.5), -1)[counts]  # crop sides about the crop's middle
    wanted = wanted[counts]

    def overlap(x: float, y: float, scale: float) -> float:
        side = rough.crop.side * scale
        px = rough.crop.center + [x * rough.crop.side, y * rough.crop.side] + square * side
        inside = rough.inside(px, 1)
        seen = bilinear(rough.matte, px) * inside
        ours = wanted * inside
        return float(np.minimum(seen, ours).sum() / max(1, np.maximum(seen, ours).sum()))

    place, best = (0.0, 0.0, 1.0), 0.0
    for scale in SCALES:
        for x in SHIFTS:
            for y in SHIFTS:
                value = overlap(x, y, scale)
                if value > best:
                    place, best = (x, y, scale), value
    step, ratio = SHIFTS[1] - SHIFTS[0], SCALES[1] / SCALES[0]
    for _ in range(HALVINGS):
        step, ratio = step / 2, np.sqrt(ratio)
        for scale in place[2] * ratio ** np.arange(-1, 2):
            for x in place[0] + step * np.arange(-1, 2):
                for y in place[1] + step * np.arange(-1, 2):
                    value = overlap(x, y, scale)
                    if value > best:
                        place, best = (x, y, scale), value
    x, y, scale = place
    crop = Crop(rough.crop.center + np.array([x, y]) * rough.crop.side, rough.crop.side * scale, 0.0)
    return (replace(camera, crop=crop) if best >= LEAST_OVERLAP else None), best


def sorted_out(photo: Photo, head: Head) -> Photo:
    """The placed photo with classes by color, because networks that saw faces take hair from behind for clothes: hair
    is what looks like what lies above the ears and hangs from it, clothes look like the shoulders, skin like the
    head's own neck."""
    reach = max(1, round(0.01 * photo.crop.side))
    color = np.stack([box(plane, reach) for plane in np.moveaxis(photo.image.astype(float), -1, 0)], -1)
    height, width = photo.matte.shape
    rows, columns = np.mgrid[0:height, 0:width] + 0.5
    place = lambda x, y: photo.project(np.array([x, y, -0.06]))[0]
    ears, collar = place(0, EARS[1])[1], place(0, COLLAR)[1]
    (left, low), (right, _) = place(SHOULDERS[0], SHOULDERS[1]), place(-SHOULDERS[0], SHOULDERS[1])
    sure = photo.sure > 0.8
    likely = []
    for part in (sure & (rows < ears), sure & (rows > low) & ((columns < left) | (columns > right))):
        likely.append(alike(color, color[part]) if part.sum() > 50 else np.full(color.shape[:2], 0.02))
    skin = alike(color, head.color[head.neck & (head.opacity > 0.4)])
    hair, clothes, skin = likely[0] ** SURER, likely[1] ** SURER * (rows > collar), SKIN_SHARE * skin**SURER
    total = np.maximum(hair + clothes + skin, 1e-12)
    hair, clothes, skin = (share / total for share in (hair, clothes, skin))
    above = np.clip((ears - rows) / (0.05 * photo.crop.side) + 0.5, 0, 1)
    hair, clothes, skin = np.maximum(hair, above), clothes * (1 - above), skin * (1 - above)
    hair *= photo.matte
    for row in range(1, height):
        if rows[row, 0] > ears:
            padded = np.pad(hair[row - 1], SLIP)
            most = np.maximum.reduce([padded[k : k + width] for k in range(2 * SLIP + 1)])
            kept = np.minimum(hair[row], most)
            clothes[row] += np.where(rows[row] > collar, hair[row] - kept, 0)
            hair[row] = kept
    return replace(
        photo,
        classes=np.stack([hair, skin * photo.matte, clothes * photo.matte], -1),
        garment=clothes,
        from_behind=True,
    )


def hair_ends(photo: Photo) -> float | None:
    """Canonical height at which the middle of the hair ends behind; None where none hangs there."""
    x, y = np.meshgrid(MIDDLE, LENGTHS)
    px, _ = photo.project(np.stack([x, y, np.full(x.shape, BACK)], -1))
    on = (bilinear(photo.classes, px)[..., HAIR] > 0.5) & photo.inside(px, 1)
    rows = on.sum(1) > len(MIDDLE) / 2
    last = len(rows) if rows.all() else int(rows.argmin())
    return float(LENGTHS[last - 1]) if last > 0 else None


def alike(color: np.ndarray, sample: np.ndarray) -> np.ndarray:
    """How much colors [...,3] are like those of a sample [n,3], 0..1."""
    mean = sample.mean(0)
    spread = ((sample - mean) ** 2).sum(-1).mean()
    return np.exp(-((color - mean) ** 2).sum(-1) / (spread + SPREAD))
