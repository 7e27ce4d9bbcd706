"""Clothes that a network took for hair or skin: collars, scarves and coats beside long hair."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .grids import ramp

CELL = 0.01  # edge of a cell, in parts of the crop's side
LIGHT = (0.6, 1.5)  # light and shade on hair: as many times as bright as where it is sure
SKIN_LIGHT = (0.3, 1.5)  # on skin: a neck lies in the chin's shadow
NEAR_LIGHT = (0.85, 1.2)  # where colors of clothes are known and compared
SCENE_LIGHT = (0.8, 1.25)  # on the background
UNLIKE = 0.08  # distance of colors from which they are not alike, 0..1 a channel
DARK = 1.6  # the brightest channel times this is the share of that distance that counts, from a half to all of it
LEAST_SHARE = 0.1  # a color of which the sure hair has fewer than so many parts is not hair
NOT_AT_ALL = 0.01  # for strips beside the neck
LEAST_CELLS = 30  # cells of sure hair without which nothing is told
LEAST_CORE = 6  # a patch of clothes has at least so many cells that are surrounded by it, two cells deep
LEAST_CLOTHES = 16  # cells of clothes whose colors say what else is clothes
MORE_ALIKE = 2.5  # as many times more alike the clothes than the hair
LEAST_BESIDE = 6  # cells of a patch beside the neck, which may be a strip
MOST_LOOSE = 150  # cells of a patch of hair that hangs on none and may be a collar
LEAST_DRESSED = 0.4  # what of the person's cells around it must then be clothes
# cells of clothes that may be background that the matte kept, and the share of them that must look like it
MOST_SCENE, SCENE_SHARE = 200, 0.7
# cells of background that the matte is not sure of, and what it keeps of them at most, in the mean
LEAST_BEHIND, KEPT_BEHIND = 6, 0.97
BLENDED = 0.9  # what the matte keeps so little of may have any color
# a beard of its own color: cells that show it, and half widths of BEARD around the chin where they must lie
LEAST_BEARD, BEARD_MIDDLE = 60, 0.6
NECK_TIMES = 1.3  # half widths of a beard from the chin to there
MOST_SURE = 400  # colors that others are compared with
SURE = 0.8  # what a cell must have of hair and person to be sure


@dataclass(frozen=True)
class Rows:
    """Where a photo shows the ears, the mouth (up to there a collar may reach) and the chin, rows in pixels; `beard`
    [4]: middle (x, y) and half axes of what may be a beard, pixels."""

    ears: float
    mouth: float
    chin: float
    beard: tuple[float, float, float, float]


def cells_of(values: np.ndarray, edge: int) -> np.ndarray:
    """Sums of [H,W,k] over cells of edge x edge pixels, in parts of a whole cell: [rows,columns,k]."""
    height, width, depth = values.shape
    padded = np.pad(values.astype(float), ((0, -height % edge), (0, -width % edge), (0, 0)))
    rows, columns = padded.shape[0] // edge, padded.shape[1] // edge
    return padded.reshape(rows, edge, columns, edge, depth).sum((1, 3)) / edge**2


def thinned(sure: np.ndarray) -> np.ndarray:
    """At most MOST_SURE of colors [n,3], evenly."""
    return sure[:: max(1, -(-len(sure) // MOST_SURE))]


def carried(on: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Cells [rows,columns] with those outside of the photo as the nearest inside, in the column, then beside."""
    out = on.copy()
    columns = np.flatnonzero(inside.any(0))
    for column in columns:
        rows = np.flatnonzero(inside[:, column])
        out[: rows[0], column], out[rows[-1] + 1 :, column] = on[rows[0], column], on[rows[-1], column]
    if len(columns):
        out[:, : columns[0]], out[:, columns[-1] + 1 :] = out[:, columns[:1]], out[:, columns[-1:]]
    return out


def alike(colors: np.ndarray, sure: np.ndarray, light: tuple[float, float]) -> np.ndarray:
    """Share [n] of sure colors [m,3] that colors [n,3] are like, in more light or less; 0 where none are sure."""
    if not len(sure):
        return np.zeros(len(colors))
    bright = np.clip(colors @ sure.T / np.maximum((sure**2).sum(1), 1e-6), *light)
    away = ((colors[:, None] - bright[..., None] * sure) ** 2).sum(-1)
    return (away < (UNLIKE * np.clip(DARK * colors.max(1), 0.5, 1)[:, None]) ** 2).mean(1)


def supported(on: np.ndarray) -> np.ndarray:
    """Cells [rows,columns] of `on` that have at least four others of it around them."""
    padded = np.pad(on.astype(int), 1)
    shape = on.shape
    around = sum(padded[y : y + shape[0], x : x + shape[1]] for y in range(3) for x in range(3))
    return on & (around >= 5)


def patch_at(on: np.ndarray, seen: np.ndarray, start: tuple[int, int]) -> tuple[np.ndarray, ...]:
    """Rows and columns of the patch of `on` [rows,columns] around a cell of it; marks them in `seen`."""
    patch, open_ = [], [start]
    seen[start] = True
    while open_:
        row, column = open_.pop()
        patch.append((row, column))
        for r, c in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
            if 0 <= r < on.shape[0] and 0 <= c < on.shape[1] and on[r, c] and not seen[r, c]:
                seen[r, c] = True
                open_.append((r, c))
    return tuple(np.array(patch).T)


def from_below(on: np.ndarray, inside: np.ndarray, beside: np.ndarray) -> np.ndarray:
    """Cells of `on` in patches that touch the photo's lower edge and are more than a strip, or lie `beside` the neck;
    all [rows,columns]."""
    lowest = inside & (np.cumsum(inside[::-1], 0)[::-1] <= 2)
    padded = np.pad(carried(on, inside), 2, mode="edge")
    shape = on.shape
    core = np.logical_and.reduce([padded[y : y + shape[0], x : x + shape[1]] for y in range(5) for x in range(5)])
    out, seen = np.zeros(shape, bool), np.zeros(shape, bool)
    for start in np.argwhere(on & lowest):
        if seen[tuple(start)]:
            continue
        at = patch_at(on, seen, tuple(start))
        out[at] = core[at].sum() >= LEAST_CORE or (len(at[0]) >= LEAST_BESIDE and beside[at].all())
    return out


def loose(hairy: np.ndarray, clothed: np.ndarray, bare: np.ndarray, ears: float, chin: int) -> np.ndarray:
    """Cells of `hairy` in small patches that lie between `clothed` and `bare` and hang on no hair above the row `ears`:
    collars; all [rows,columns]. What crosses the column `chin` may be a beard."""
    out, seen = np.zeros(hairy.shape, bool), np.zeros(hairy.shape, bool)
    for start in np.argwhere(hairy):
        if seen[tuple(start)]:
            continue
        at = patch_at(hairy, seen, tuple(start))
        if len(at[0]) > MOST_LOOSE or at[0].min() < ears or (at[1] == chin).any():
            continue
        around = np.zeros(hairy.shape, bool)
        for r, c in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            around[np.clip(at[0] + r, 0, hairy.shape[0] - 1), np.clip(at[1] + c, 0, hairy.shape[1] - 1)] = True
        dressed = (around & clothed).sum()
        out[at] = dressed > 0 and dressed >= LEAST_DRESSED * (dressed + (around & bare).sum())
    return out


def smooth_share(on: np.ndarray, inside: np.ndarray, edge: int, shape: tuple[int, int]) -> np.ndarray:
    """Cells [rows,columns] -> share [H,W] with a soft edge: means with weights 1, 2, 1, then bilinear."""
    values = carried(on, inside).astype(float)
    for axis in (0, 1):
        padded = np.pad(values, [(1, 1) if k == axis else (0, 0) for k in (0, 1)], mode="edge")
        n = values.shape[axis]
        take = lambda k: np.take(padded, np.arange(k, k + n), axis)  # noqa: B023
        values = (take(0) + 2 * take(1) + take(2)) / 4
    for axis in (0, 1):
        at = np.clip((np.arange(shape[axis]) + 0.5) / edge - 0.5, 0, values.shape[axis] - 1)
        low = np.minimum(at.astype(int), max(values.shape[axis] - 2, 0))
        high = np.minimum(low + 1, values.shape[axis] - 1)
        share = (at - low).reshape(-1, *[1] * (1 - axis))
        values = np.take(values, low, axis) * (1 - share) + np.take(values, high, axis) * share
    return ramp(values, 0.35, 0.65)


def patches_where(on: np.ndarray, holds: Callable[[tuple[np.ndarray, ...]], bool]) -> np.ndarray:
    """Cells of `on` [rows,columns] in patches, as rows and columns, of which something holds."""
    out, seen = np.zeros(on.shape, bool), np.zeros(on.shape, bool)
    for start in np.argwhere(on):
        if not seen[tuple(start)]:
            at = patch_at(on, seen, tuple(start))
            out[at] = holds(at)
    return out


@dataclass(frozen=True)
class Sorted:
    """What a photo shows. `classes` [H,W,3]: hair, skin, clothes, put right; `kept` [H,W] 0..1: what remains of the
    matte; `scenic` [H,W] 0..1: where what the matte keeps, and no class wants, looks like the background; `beard` [H,W]
    0..1: what is no clothes, but hangs before them or the neck; `is_scene`: what seems to be clothes is background."""

    classes: np.ndarray
    kept: np.ndarray
    scenic: np.ndarray
    beard: np.ndarray
    is_scene: bool


def found_clothes(image: np.ndarray, matte: np.ndarray, classes: np.ndarray, side: float, at: Rows) -> Sorted:
    """Clothes for hair and skin where from the photo's lower edge upwards nothing looks like the hair above the ears or
    the skin of the face; background for hair that the matte is not sure of; a beard for clothes. `side` of the crop in
    pixels."""
    edge = max(1, int(np.floor(CELL * side + 0.5)))
    cells = cells_of(np.concatenate([np.ones((*matte.shape, 1)), matte[..., None], image, classes], 2), edge)
    inside, means = cells[..., 0], cells[..., 1:] / np.maximum(cells[..., :1], 1e-9)
    person, color, (hair, skin, clothes) = means[..., 0], means[..., 1:4], np.moveaxis(means[..., 4:], -1, 0)
    row, column = np.mgrid[0 : len(hair), 0 : hair.shape[1]]
    sure = (inside > SURE) & (person > SURE)
    scene = thinned(color[(inside > SURE) & (person < 1 - SURE) & (row > at.ears / edge)])
    wanted = np.maximum(np.maximum(hair, skin), clothes)
    rest = (inside >= 0.5) & (person >= 0.5) & (wanted < 0.5) & (row > at.ears / edge)
    rest[rest] = alike(color[rest], scene, LIGHT) >= LEAST_SHARE
    scenic = smooth_share(rest, inside >= 0.5, edge, matte.shape)
    locks = thinned(color[sure & (hair > SURE) & (row < np.floor(at.ears / edge))])
    if len(locks) < LEAST_CELLS:
        return Sorted(classes, np.ones(matte.shape), scenic, np.zeros(matte.shape), False)
    face = thinned(color[sure & (skin > SURE) & (row >= np.floor(at.ears / edge)) & (row <= at.mouth / edge)])
    behind = (inside >= 0.5) & (person >= 0.5) & (row > at.ears / edge) & (hair > np.maximum(skin, clothes))
    behind &= len(scene) >= LEAST_CELLS
    behind[behind] = (person[behind] < BLENDED) | (alike(color[behind], scene, SCENE_LIGHT) >= LEAST_SHARE)
    behind[behind] = alike(color[behind], locks, LIGHT) < LEAST_SHARE
    behind = patches_where(supported(behind), lambda at: len(at[0]) >= LEAST_BEHIND and person[at].mean() < KEPT_BEHIND)
    person = np.where(behind, 0, person)
    body = (inside >= 0.5) & (person >= 0.5) & (row > at.mouth / edge)
    x, y, wide, high = at.beard
    off = np.abs((column + 0.5) * edge - x)
    beard = (off / wide) ** 2 + (((row + 0.5) * edge - y) / high) ** 2 < 1
    hairy = body & (hair > np.maximum(skin, clothes))
    bare = body & (skin >= np.maximum(hair, clothes))
    dressed = body & (clothes > np.maximum(hair, skin))
    like_hair, like_skin = np.zeros((2, *hair.shape))
    asked, more = hairy | bare, np.zeros(hair.shape, bool)
    like_hair[asked] = alike(color[asked], locks, LIGHT)
    like_skin[asked] = alike(color[asked], face, SKIN_LIGHT)
    bearded = sure & bare & beard & (off < BEARD_MIDDLE * wide) & (row < at.chin / edge) & (like_skin < LEAST_SHARE)
    hung = dressed & beard & (bearded.sum() >= LEAST_BEARD)
    hung[hung] = alike(color[hung], thinned(color[bearded]), LIGHT) >= LEAST_SHARE
    hung = patches_where(dressed, lambda at: 2 * hung[at].sum() > len(at[0]))
    dressed &= ~hung
    # a beard is unlike the hair above the ears, and what the matte took of the background is no garment
    unlike_skin = (like_skin < LEAST_SHARE) & (row > at.chin / edge)
    strange = asked & ~beard & (like_hair < LEAST_SHARE) & (hairy | unlike_skin)
    strange[strange] = alike(color[strange], scene, SCENE_LIGHT) < LEAST_SHARE
    beside = off > NECK_TIMES * wide
    beside &= ~strange | (like_hair < NOT_AT_ALL)
    found = from_below(supported(strange | dressed), inside >= 0.5, beside)
    known = thinned(color[(found | dressed) & (inside > SURE) & (person > SURE)])
    if len(known) >= LEAST_CLOTHES:
        clothing, own = alike(color[asked], known, NEAR_LIGHT), alike(color[asked], locks, NEAR_LIGHT)
        own = np.maximum(own, np.where(bare[asked], like_skin[asked], 0))
        more[asked] = clothing > np.maximum(LEAST_SHARE, MORE_ALIKE * own)
        found = from_below(supported(strange | dressed | more), inside >= 0.5, beside)
    shown, clothed = (inside >= 0.5) & (person >= 0.5), (found | (clothes > np.maximum(hair, skin))) & ~hung
    other = shown & ~clothed
    strands = other & (hair > skin)
    found |= loose(strands, shown & clothed, other & ~strands, at.ears / edge, int(np.floor(x / edge)))
    worn = smooth_share(found & ~dressed, inside >= 0.5, edge, matte.shape)
    out = classes.copy()
    out[..., 2] = np.maximum(classes[..., 2], worn * np.minimum(classes.sum(-1), 1))
    out[..., :2] = classes[..., :2] * (1 - worn)[..., None]
    seems = shown & clothed | found
    around = thinned(color[(inside > SURE) & (person < 1 - SURE)])
    alike_scene = alike(color[seems], around, SCENE_LIGHT) >= LEAST_SHARE
    is_scene = seems.sum() < MOST_SCENE and alike_scene.sum() > SCENE_SHARE * seems.sum()
    hangs = smooth_share(hung, inside >= 0.5, edge, matte.shape)
    kept = 1 - smooth_share(behind, inside >= 0.5, edge, matte.shape)
    out[..., 2] *= 1 - hangs
    return Sorted(out * kept[..., None], kept, scenic, hangs, bool(is_scene))
