"""Hair beyond the scalp: what the photo's hair mask says of dome and curtain, and the surface that follows from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..headmodel.page2 import hair_angle, hair_rows
from .grids import blur, frames, mean_where, ramp, smooth_step
from .head import Head, Reach, view_axes
from .page import Page
from .photo import CLOTHES, HAIR, SKIN, Photo, bilinear
from .torso import TorsoReach

STEP = 0.002  # meters along a row of the mask
HALF = 0.32
SOFT = 0.002  # meters that Gaussians reach beyond the surface
GAP = 0.008  # meters without hair that a lock may have
LEAST_WIDTH = 0.006
SHORT = -0.045  # hair that ends above this height (m) hangs nowhere: no curtain
BELOW_EDGE = 0.09  # how far hair that the photo's edge cuts goes on
ANGLES = 90  # of the rim, 2 degrees each, over the upper half
OFF_HEAD = (0.002, 0.006)  # hair farther out than these is not on the head's own page
MOST_EXCESS = 0.16
BULGE, MOST_BULGE = 0.0006, 0.025  # meters: where the photo's edge cuts the sides, per row that it cuts
ROUND, MOST_ROUND = (
    2.0,
    0.035,
)  # beyond the photo's edge: steps of angle that are smoothed over, and m that hair goes on
BEHIND_SHOULDER, BEHIND_NECK = 0.06, 0.03  # hair that ends on clothes, or on skin, in front is this much longer behind
BOB = (-0.065, -0.1)  # heights: what ends above the first is a bob, as long behind; below the other it is none
TURNED = np.radians(8)
INWARDS = 0.18  # meters per meter that hair behind falls towards the neck
BACK_SHARE, FRONT_SHARE = 0.75, 0.45  # hair is this much as thick behind, and over the forehead, as at its rim
FRONT_HALF, FRONT_STEP = 0.16, 0.004  # meters: table of the head's front
OFF_BUST, MOST_MOVED = 0.008, 0.035  # meters that hair stays above the bust; what would have to move more is left out
# the same from this angle to the camera on, where a photo from behind says how far hair falls
BACK_HALF, MOST_MOVED_BEHIND = 2.6, 0.12
CAP = (1.9, 2.3)  # angles from the camera: from the first to the other short hair comes from a photo from behind
LOWER_EDGE = (-0.32, -0.26)  # heights in which hair fades out that is known to hang as low as the bust
TAPER = 0.03  # meters over which ends of hair grow thin
LEAST_OFF, BEHIND_OFF = 0.0015, 0.005  # meters that the dome stays off the head's own hair, in front and behind
NO_CURTAIN = -0.075  # where hair ends behind on a side that has no curtain, meters below the dome's centre
# radians that another photo is taken from farther aside than the first: then its outline is another one
ASIDE = np.radians(25)
FREE = np.radians(48)  # from so far aside on its photo shows where hair ends in the middle of the back
NAPE = -0.1  # hair at the back that ends above this height (m) is the head's own
OFF_SIDE = 0.01  # meters: hair farther out than this at the back is not on the head's own page
MOST_OUT, MOST_IN = 0.12, 0.04  # meters that its outline moves the surface
DOME_RIM, CURTAIN_RIM = (0.6, 0.95), (0.3, 1.0)  # sines to its direction of view where its outline counts
FIRST_RIM = (0.75, 0.98)  # the same for the first photo, whose outline stays
FADE_ROWS = 60  # rows below the last that it tells in which its change fades out
LEAST_ON, MOST_OFF = 8, 5  # rows of hair of a column that another photo sees; without it in between


@dataclass
class Sides:
    """What rows of the mask say, [2,rows] for the head's right and left: inner and outer edge (m from the middle plane)
    and where known."""

    inner: np.ndarray
    outer: np.ndarray
    known: np.ndarray
    cut: np.ndarray  # the photo's edge cuts the row there
    lowest: np.ndarray  # [2] height where the hair ends; NaN without a curtain
    beyond: np.ndarray  # [2] meters that it goes on below the photo's edge
    behind: np.ndarray  # [2] meters that it is longer behind, because it falls behind shoulders there


class HairView:
    """The hair's frame in one photo: rows right, up, towards the camera, about the dome's centre."""

    def __init__(self, page: Page, photo: Photo):
        self.photo = photo
        self.center = np.array(page.meta["hair"]["dome"])
        self.axes = view_axes(photo.yaw)
        self.eye = (photo.eye - self.center) @ self.axes.T

    def world(self, local: np.ndarray) -> np.ndarray:
        return local @ self.axes + self.center

    def slide(self, local: np.ndarray, depth: np.ndarray) -> np.ndarray:
        """Points [...,3] of the plane z = 0 moved along their rays to z = depth."""
        share = depth / self.eye[2]
        return local + (self.eye - local) * share[..., None]

    def on_plane(self, local: np.ndarray) -> np.ndarray:
        """Where rays through points [...,3] meet z = 0: [...,2]."""
        share = -self.eye[2] / (local[..., 2] - self.eye[2])
        return (self.eye + (local - self.eye) * share[..., None])[..., :2]

    def mask(self, local: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Hair and matte at points [...,3], and whether they lie in the photo."""
        px, _ = self.photo.project(self.world(local))
        matte = bilinear(self.photo.matte, px)
        return bilinear(self.photo.classes, px)[..., HAIR] * matte, matte, self.photo.inside(px, 1.5)


def measure_rim(view: HairView, head: Head) -> tuple[np.ndarray, np.ndarray]:
    """Radius of the head's rim, and how far hair reaches beyond it: [ANGLES + 1] meters over angles 0 (left of the
    head) to 180 degrees (right)."""
    solid = head.means[head.opacity > 0.4]
    flat = view.on_plane((solid - view.center) @ view.axes.T)
    angle = np.degrees(np.arctan2(flat[:, 1], flat[:, 0]))
    column = np.round(angle / 2).astype(int)
    rim = np.full(ANGLES + 1, 0.0)
    ok = (column >= 0) & (column <= ANGLES)
    np.maximum.at(rim, column[ok], np.linalg.norm(flat[ok], axis=1))
    rim = mean_where(rim, (rim > 0).astype(float), 1.0)
    a = np.radians(np.arange(ANGLES + 1) * 2.0)
    r = np.arange(0, 0.34, STEP)
    local = np.stack([np.cos(a)[:, None] * r, np.sin(a)[:, None] * r, np.zeros((ANGLES + 1, len(r)))], -1)
    hair, _, inside = view.mask(local)
    excess, known = np.zeros(ANGLES + 1), np.zeros(ANGLES + 1)
    gap = int(GAP / STEP)
    for k in range(ANGLES + 1):
        start = max(0, int((rim[k] - 0.012) / STEP))
        run = hair[k, start:] > 0.5
        run &= inside[k, start:]
        last, misses = -1, 0
        for m, on in enumerate(run):
            misses = 0 if on else misses + 1
            last = m if on else last
            if misses > gap:
                break
        end = start + last
        excess[k] = max(0.0, r[end] - rim[k]) if last >= 0 else 0.0
        cut = last >= 0 and not inside[k, min(end + 2, len(r) - 1)]
        known[k] = 0.15 if cut else 1.0
    # where the photo's edge cuts the hair it reaches at least there, and goes on as round as it is beside that
    least = np.where(known < 1, excess, 0)
    sure = (known == 1).astype(float)
    around = mean_where(rim + excess, sure, ROUND) - rim if sure.any() else excess
    around = np.where(known < 1, np.clip(around, least, least + MOST_ROUND), 0)
    excess = blur(np.maximum(mean_where(np.maximum(excess, around), known, 1.5), around), 1.0, 0)
    return rim, np.minimum(np.maximum(excess, np.where(known < 1, least, 0)), MOST_EXCESS)


def longer_behind(view: HairView, x: float, height: float) -> float:
    """Meters, by what is seen at a place of the plane: hair falls behind shoulders, not behind background."""
    px, _ = view.photo.project(view.world(np.array([x, height, 0.0])))
    classes = bilinear(view.photo.classes, px)
    if (
        not view.photo.inside(px, 1.5)
        or bilinear(view.photo.matte, px) <= 0.5
        or max(classes[SKIN], classes[CLOTHES]) <= 0.5
    ):
        return 0.0
    return BEHIND_SHOULDER if classes[CLOTHES] > classes[SKIN] else BEHIND_NECK


def measure_sides(view: HairView, heights: np.ndarray) -> Sides:
    """Edges of the hair beside face and neck, row by row; heights [rows] above the dome's centre."""
    x = np.arange(STEP / 2, HALF, STEP)
    rows = len(heights)
    inner, outer, known = np.zeros((2, rows)), np.zeros((2, rows)), np.zeros((2, rows))
    cut, lowest, beyond, behind = np.zeros((2, rows), bool), np.full(2, np.nan), np.zeros(2), np.zeros(2)
    gap = int(GAP / STEP)
    for side, sign in enumerate((-1, 1)):
        local = np.stack(
            [np.tile(sign * x, (rows, 1)), np.repeat(heights[:, None], len(x), 1), np.zeros((rows, len(x)))], -1
        )
        hair, _, inside = view.mask(local)
        on = (hair > 0.5) & inside
        for k in range(rows):
            run = np.flatnonzero(on[k])
            if not len(run):
                continue
            last = run[-1]
            # inwards from the outermost hair, over small gaps
            first = last
            for m in run[::-1]:
                if first - m > gap + 1:
                    break
                first = m
            width = (last - first + 1) * STEP
            if width < LEAST_WIDTH:
                continue
            inner[side, k], outer[side, k], known[side, k] = x[first] - STEP / 2, x[last] + STEP / 2, 1
            if first <= 1:
                inner[side, k] = 0
            cut[side, k] = not inside[k, min(last + 2, len(x) - 1)]
            outer[side, k] -= 0 if cut[side, k] else SOFT
        # the curtain: rows from the dome downwards that have hair, small gaps allowed; a few stray hairs are none
        width = outer[side] - inner[side]
        usual = np.median(width[known[side] > 0]) if known[side].any() else 0
        known[side] *= width > max(LEAST_WIDTH, 0.3 * usual)
        end, misses = None, 0
        for k in range(rows):
            misses = 0 if known[side, k] else misses + 1
            if known[side, k]:
                end = k
            if misses > 5:
                break
        if end is not None and heights[end] < SHORT - view.center[1]:
            lowest[side] = heights[end]
            below = inside[min(end + 2, rows - 1)]
            behind[side] = ramp(heights[end] + view.center[1], *BOB) * longer_behind(
                view, sign * (inner[side, end] + outer[side, end]) / 2, heights[end] - 0.012
            )
            if not below[(np.abs(x - (inner[side, end] + outer[side, end]) / 2)).argmin()]:
                beyond[side] = BELOW_EDGE * ramp((outer[side, end] - inner[side, end]) / usual, 0.5, 0.9)
        if end is not None:
            known[side, end + 1 :] = 0
    return Sides(inner, outer, known, cut, lowest, beyond, behind)


@dataclass
class Hair:
    """points [rows,columns,3] canonical; shown [rows,columns] 0..1 before the photo carves; theta [rows,columns]
    radians from the camera's direction; front: whether a texel is on the side that the photo sees."""

    points: np.ndarray
    shown: np.ndarray
    theta: np.ndarray
    side: np.ndarray
    view: HairView
    curtain: bool
    lengths: np.ndarray  # [2] canonical height where the photo's curtain ends, right and left; NaN without one
    excess: float
    moved: np.ndarray  # [rows,columns] meters that it was moved out of the bust
    lies: np.ndarray  # [rows,columns] 0..1 where it lies on the head, not beside it
    above: np.ndarray  # [rows,columns] meters that it may sink there


def ragged(column: np.ndarray) -> np.ndarray:
    """Meters that locks of some columns, and strands in them, are longer than others."""
    return 0.006 * np.sin(column * 0.47) + 0.004 * np.sin(column * 0.19 + 1) + 0.003 * np.sin(column * 1.31) - 0.013


@dataclass(frozen=True)
class Rows:
    """The curtain's cross sections, one per row: half width, opening (share of the half width) and depth in front
    [2,rows] for the head's right and left, depth behind [rows], meters about the dome's axis; `rim` [2,rows]: the
    head's own half width."""

    wide: np.ndarray
    open_at: np.ndarray
    deep: np.ndarray
    behind: np.ndarray
    rim: np.ndarray


def as_the_near_side(sides: Sides, yaw: float) -> None:
    """The far side of a turned head hides its hair: it gets what the near side shows."""
    far = 1 if yaw < 0 else 0
    if abs(yaw) <= TURNED or not np.isfinite(sides.lowest[1 - far]):
        return
    if not sides.known[far].any():
        for part in (sides.inner, sides.outer, sides.known, sides.cut):
            part[far] = part[1 - far]
    if not sides.lowest[far] <= sides.lowest[1 - far]:  # shorter, or none
        for part in (sides.lowest, sides.beyond, sides.behind):
            part[far] = part[1 - far]


def cross_sections(sides: Sides, around: Reach, radii: np.ndarray, heights: np.ndarray, excess: np.ndarray) -> Rows:
    """heights [rows] above the dome's centre; radii: `around` by these heights."""
    rows, step = len(heights), heights[0] - heights[1]
    rim = np.stack([around.look_up(radii, np.arange(rows), np.full(rows, a)) for a in (-np.pi / 2, np.pi / 2)])
    wide, open_at, deep = rim + 0.002, np.full((2, rows), 0.9), np.full((2, rows), 0.04)
    front = front_surface(around.local, heights)
    for k, sign in enumerate((-1, 1)):
        if not sides.known[k].any():
            continue
        sure = sides.known[k] * np.where(sides.cut[k], 0.3, 1.0)
        wide[k] = np.maximum(
            mean_where(rounded(sides.outer[k], sides.known[k], sides.cut[k]), sure, 1.2), rim[k] * 0.98
        )
        open_at[k] = np.clip(mean_where(sides.inner[k], sides.known[k], 1.2) / wide[k], 0, 0.97)
        # the ellipse in front goes through the head's surface beside the opening
        at = np.clip(
            np.round((sign * (open_at[k] * wide[k] - 0.006) + FRONT_HALF) / FRONT_STEP).astype(int),
            0,
            front.shape[1] - 1,
        )
        z = front[np.arange(rows), at] - 0.006
        sure = np.isfinite(z) & (sides.known[k] > 0) & (heights > -0.13)
        z = np.where(sure, np.clip(z, 0.004, 0.085) / np.sqrt(np.maximum(1 - open_at[k] ** 2, 0.06)), 0)
        if sure.any():
            deep[k] = np.clip(mean_where(z, sure.astype(float), 2.5), 0.025, 0.1)
    thick = np.mean([np.clip(np.median((wide[k] - rim[k])[:10]), 0.0, 0.07) for k in (0, 1)])
    behind = (
        around.look_up(radii, np.arange(rows), np.full(rows, np.pi))
        + BACK_SHARE * max(thick, 0.7 * excess[10:81].mean())
        + 0.003
    )
    for k in range(1, rows):  # it hangs from the back of the head, falling in a little
        behind[k] = max(behind[k] if heights[k] > -0.06 else 0, behind[k - 1] - INWARDS * step)
    return Rows(wide, open_at, deep, blur(behind, 5.0, 0), rim)


def rounded(outer: np.ndarray, known: np.ndarray, cut: np.ndarray) -> np.ndarray:
    """Outer edges [rows] with a bulge where the photo's edge cuts them, run of rows by run: no wall."""
    out, k = outer.copy(), 0
    while k < len(outer):
        end = k
        while end < len(outer) and cut[end] and known[end] > 0:
            end += 1
        if end - k > 2:
            at = (np.arange(k, end) - k + 0.5) / (end - k) * 2 - 1
            out[k:end] += min(MOST_BULGE, BULGE * (end - k)) * np.sqrt(1 - at**2)
        k = max(end, k + 1)
    return out


def front_surface(local: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Largest z [rows, columns of FRONT_STEP] of the head's points; -infinite where none is."""
    row = np.round((heights[0] - local[:, 1]) / (heights[0] - heights[1])).astype(int)
    column = np.round((local[:, 0] + FRONT_HALF) / FRONT_STEP).astype(int)
    out = np.full((len(heights), round(2 * FRONT_HALF / FRONT_STEP)), -np.inf)
    ok = (row >= 0) & (row < len(out)) & (column >= 0) & (column < out.shape[1])
    np.maximum.at(out, (row[ok], column[ok]), local[ok, 2])
    return out


def dome_surface(
    around: Reach, excess: np.ndarray, elevation: np.ndarray, azimuth: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Points [rows,columns,3] about the dome's centre, and how far they are off the head's own hair [rows,columns]
    meters."""
    fine = np.linspace(np.pi / 2, 0, 31)
    el = elevation[:, None] + 0 * azimuth
    own = around.look_up(around.by_elevation(fine), (1 - el / (np.pi / 2)) * 30, azimuth)
    direction = np.stack([np.sin(azimuth) * np.cos(el), np.sin(el), np.cos(azimuth) * np.cos(el)], -1)
    lateral = direction[..., 0] ** 2 + direction[..., 1] ** 2
    angle = np.degrees(np.arctan2(direction[..., 1], direction[..., 0])) / 2
    at_rim = np.interp(angle.ravel(), np.arange(ANGLES + 1), excess).reshape(angle.shape)
    toward = direction[..., 2]
    grown = lateral * at_rim + (1 - lateral) * np.where(toward < 0, BACK_SHARE, FRONT_SHARE) * excess[10:81].mean()
    grown = grown * (1 - 0.4 * smooth_step(toward, 0.3, 0.9))
    least = LEAST_OFF + (BEHIND_OFF - LEAST_OFF) * smooth_step(toward, 0.05, -0.35)
    return direction * (own + np.maximum(grown, least))[..., None], grown


def curtain_surface(
    view: HairView, rows: Rows, heights: np.ndarray, theta: np.ndarray, sign: np.ndarray, blend: np.ndarray
) -> np.ndarray:
    """Points [rows,columns,3] of ellipses about the dome's axis: the photo's half width where the camera sees their
    rim."""
    side = (sign > 0).astype(int)
    wide = rows.wide[side].T * (1 - blend) + rows.wide[1 - side].T * blend
    z = np.where(theta < np.pi / 2, rows.deep[side].T, rows.behind[:, None]) * np.cos(theta)
    plane = np.stack([sign * wide * np.sin(theta), np.repeat(heights[:, None], theta.shape[1], 1), 0 * theta], -1)
    return np.where((z > 0)[..., None], view.slide(plane, z), plane + z[..., None] * [0, 0, 1.0])


def outside_head(
    points: np.ndarray, around: Reach, radii: np.ndarray, heights: np.ndarray, theta: np.ndarray
) -> np.ndarray:
    """Points of the curtain moved out of the head, away from the axis; not those in front, which stand beside it."""
    radius = np.hypot(points[..., 0], points[..., 2])
    row = np.repeat(np.arange(len(heights))[:, None], theta.shape[1], 1)
    need = around.look_up(radii, row, np.arctan2(points[..., 0], points[..., 2])) + 0.002
    push = np.where(theta > 1.2, np.maximum(1, need / np.maximum(radius, 1e-3)), 1)
    push = 1 + (push - 1) * ramp(heights, -0.16, -0.14)[:, None]
    return points * np.stack([push, np.ones_like(push), push], -1)


def outside_bust(points: np.ndarray, reach: TorsoReach) -> tuple[np.ndarray, np.ndarray]:
    """Canonical points moved out of the bust along the rays from its pivot, and how far [rows,columns] meters."""
    d = points - reach.pivot
    distance = np.linalg.norm(d, axis=-1)
    radius = reach(points)
    moved = np.maximum(np.where(radius > 0.001, radius + OFF_BUST, 0) - distance, 0)
    moved = blur(blur(moved, 3.0, 0), 1.5, 1)
    return reach.pivot + d * (1 + moved / np.maximum(distance, 1e-3))[..., None], moved


@dataclass(frozen=True)
class Aside:
    """What a photo from another side than the first says: outline of the dome, [ANGLES + 1] meters by angle, and of the
    curtain at the back, [rows] meters, where known; whether hair reaches beyond the head there, and the height above
    the dome's centre where it ends there, NaN where none hangs, and whether that is seen, not hidden."""

    view: HairView
    dome: np.ndarray
    sign: float  # of its x at the back of the head
    outer: np.ndarray
    known: np.ndarray
    grows: bool
    lowest: float
    free: bool


def asides(page: Page, head: Head, photo: Photo, others: list[Photo], heights: np.ndarray) -> list[Aside]:
    """Of those photos that are from another side than the first."""
    out = []
    front = view_axes(photo.yaw)[2]
    for other in others:
        view = HairView(page, other)
        along = float(view.axes[0] @ front)
        if other.from_behind or abs(along) < np.sin(ASIDE):
            continue
        rim, excess = measure_rim(view, head)
        sides = measure_sides(view, heights)
        back = int(along < 0)
        known = sides.known[back] * ~sides.cut[back]
        lowest = sides.lowest[back] if sides.lowest[back] < NAPE - view.center[1] else np.nan
        upper = excess[: ANGLES // 2] if back == 1 else excess[ANGLES // 2 :]
        out.append(
            Aside(
                view,
                rim + excess,
                1.0 if back else -1.0,
                sides.outer[back],
                known,
                bool(upper.max() >= OFF_SIDE),
                float(lowest - sides.beyond[back] - sides.behind[back]),
                bool(sides.beyond[back] == 0 and sides.behind[back] == 0 and abs(along) > np.sin(FREE)),
            )
        )
    return out


def sine(points: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """Of the angle between directions [...,3] and an axis."""
    along = points @ axis / (np.maximum(np.linalg.norm(points, axis=-1), 1e-9) * np.linalg.norm(axis))
    return np.sqrt(np.clip(1 - along**2, 0, 1))


def to_outlines(
    points: np.ndarray, least: np.ndarray, asides: list[Aside], eye: np.ndarray, axes: np.ndarray, first: int
) -> np.ndarray:
    """How far canonical points [rows,columns,3], of which `first` rows are the dome, move [rows,columns,3] until the
    outlines of photos from aside are met. `least` [first,columns]: meters that dome points may move inwards; `eye`: the
    first photo's camera about the dome's centre; `axes`: its frame."""
    off = points - asides[0].view.center
    flat = np.array([1.0, 0, 1.0])
    free = 1 - ramp(np.concatenate([sine(off[:first], eye), sine(off[first:] * flat, eye * flat)]), *FIRST_RIM)
    moved = np.zeros_like(points)
    for aside in asides:
        view = aside.view
        local = (points + moved - view.center) @ view.axes.T
        flat = view.on_plane(local)
        # dome
        top = flat[:first]
        length = np.hypot(top[..., 0], top[..., 1])
        angle = np.degrees(np.arctan2(top[..., 1], top[..., 0])) / 2
        column = np.clip(np.round(angle).astype(int), 0, ANGLES)
        ours = np.zeros(ANGLES + 1)
        np.maximum.at(ours, column, length)
        found = (ours > 0).astype(float)
        change = np.where(ours > 0, aside.dome - ours, 0)
        change = np.clip(blur(mean_where(change, found, 1.0), 1.0, 0), -MOST_IN, MOST_OUT)
        by = np.interp(angle.ravel(), np.arange(ANGLES + 1), change).reshape(angle.shape)
        by = by * smooth_step(sine(local[:first], view.eye), *DOME_RIM) * free[:first]
        by = np.maximum(by, -least)
        a = np.radians(2 * angle)
        moved[:first] += by[..., None] * (np.cos(a)[..., None] * view.axes[0] + np.sin(a)[..., None] * view.axes[1])
        # curtain
        hanging = local[first:]
        ours = (aside.sign * flat[first:, :, 0]).max(1)
        change = np.where(aside.known > 0, aside.outer - ours, 0)
        last = np.flatnonzero(aside.known)[-1] if aside.known.any() else 0
        below = np.maximum(np.arange(len(aside.known)) - last, 0)
        near = np.maximum(ramp(blur(aside.known, 3.0, 0), 0, 0.5), (below > 0) * (1 - below / FADE_ROWS)).clip(0, 1)
        change = np.clip(blur(mean_where(change, aside.known, 1.5), 1.0, 0), -MOST_IN, MOST_OUT) * near
        toward = aside.sign * hanging[..., 0] / np.maximum(np.hypot(hanging[..., 0], hanging[..., 2]), 1e-9)
        by = change[:, None] * smooth_step(toward, *CURTAIN_RIM) * free[first:]
        moved[first:] += (by * aside.sign)[..., None] * view.axes[0]
    at_back = {np.sign((aside.sign * aside.view.axes[0]) @ axes[0]) for aside in asides}
    if len(at_back) > 1:
        return moved
    # the other side, which no photo tells of, is as this one
    own = moved @ axes.T
    mirrored = own[:, ::-1] * [-1, 1, 1]
    size, other = ((x**2).sum(-1, keepdims=True) for x in (own, mirrored))
    share = size / np.maximum(size + other, 1e-12)
    return (own * share + mirrored * (1 - share)) @ axes


def ends_aside(points: np.ndarray, heights: np.ndarray, photo: Photo, share: np.ndarray) -> np.ndarray:
    """Height [columns] above the dome's centre down to which a photo from aside shows hair on curtain points
    [rows,columns,3]; infinite where it tells nothing."""
    posed = photo.posed(points, share)
    px, _ = photo.project(posed)
    normal = -frames(posed)[0][..., 2]
    to = photo.eye - posed
    seen = (normal * to).sum(-1) > 0.3 * np.linalg.norm(to, axis=-1)
    inside = photo.inside(px, 1.5)
    on = (bilinear(photo.classes, px)[..., HAIR] * bilinear(photo.matte, px) > 0.5) & inside & seen
    out = np.full(points.shape[1], np.inf)
    for c in range(points.shape[1]):
        last, misses, count = -1, 0, 0
        for k in range(len(heights)):
            if not seen[k, c]:
                continue
            misses = 0 if on[k, c] else misses + 1
            if on[k, c]:
                last, count = k, count + 1
            if misses > MOST_OFF:
                break
        if count >= LEAST_ON:
            cut = last + 2 >= len(heights) or not inside[last + 2, c]
            out[c] = heights[last] - (BELOW_EDGE if cut else TAPER / 2)
    return out


def surface(
    page: Page,
    head: Head,
    photo: Photo,
    reach: TorsoReach,
    ends_behind: float | None = None,
    others: list[Photo] | None = None,
    cap: bool = False,
) -> Hair | None:
    """The outer layer of a person's hair; None where everything is on the head's own page. `ends_behind`: canonical
    height at which a curtain ends behind, where a photo from there shows it. `others`: further photos, whose outlines
    count where the first shows none. `cap`: short hair too is shown behind, as a photo from there gives its color."""
    view = HairView(page, photo)
    v, s = page.coordinates("hair")
    elevation, height = hair_rows(v)
    first = int((elevation > 1e-6).sum())  # rows from here on are the curtain
    elevation, heights = elevation[:first], height[first:] - view.center[1]
    q, sign = np.abs(hair_angle(s)), np.where(s > 0, 1.0, -1.0)
    side = (s > 0).astype(int)

    _, excess = measure_rim(view, head)
    sides = measure_sides(view, heights)
    beside = asides(page, head, photo, others or [], heights)
    curtain = bool(np.isfinite(sides.lowest).any()) or any(np.isfinite(aside.lowest) for aside in beside)
    curtain |= ends_behind is not None and ends_behind < NAPE
    if excess.max() < OFF_HEAD[1] and not curtain and not any(aside.grows for aside in beside) and not cap:
        return None
    as_the_near_side(sides, photo.yaw)
    around = Reach(head, view.center, view.axes)
    radii = around.by_height(heights)
    rows = cross_sections(sides, around, radii, heights, excess)

    # columns run from the back to the opening in front, which closes towards the top of the head
    opening = np.arcsin(rows.open_at)
    opening = np.concatenate([smooth_step(elevation, 0.9, 0.0)[None] * opening[:, :1], opening], 1)[side].T
    theta = np.pi - q[None] * (np.pi - opening)
    blend = 0.5 * (1 - smooth_step(q, 0.0, 0.35))  # left and right meet behind
    top, grown = dome_surface(around, excess, elevation, sign * theta[:first])
    hanging = curtain_surface(view, rows, heights, theta[first:], sign, blend)
    points = np.concatenate([top, outside_head(hanging, around, radii, heights, theta[first:])])
    share = page.joint_shares[page.rows("hair")][..., 0]
    added = 0.0
    if beside:
        least = np.maximum(grown, LEAST_OFF) - LEAST_OFF
        shift = to_outlines(view.world(points), least, beside, view.eye @ view.axes, view.axes, first) @ view.axes.T
        added = (shift * points).sum(-1) / np.maximum(np.linalg.norm(points, axis=-1), 1e-9)
        grown = grown + added[:first]
        points = points + shift
        points[first:] = outside_head(points[first:], around, radii, heights, theta[first:])
    points[first - 3 : first + 3] = blur(points[first - 6 : first + 6], 1.5, 0)[3:9]
    resting = photo.unposed(view.world(points), share)
    points, moved = outside_bust(resting, reach)

    shown, lies, above = np.zeros((3, *theta.shape))
    above[:first] = np.maximum(grown, LEAST_OFF) - LEAST_OFF
    away = ramp(grown, *OFF_HEAD)
    if curtain:
        hanging = [aside for aside in beside if np.isfinite(aside.lowest)]
        if ends_behind is None and any(aside.free for aside in hanging):
            ends_behind = view.center[1] + min(aside.lowest for aside in hanging if aside.free)
        ends = np.where(np.isfinite(sides.lowest), sides.lowest - sides.beyond, NO_CURTAIN)
        end = ends[side] * (1 - blend) + ends[1 - side] * blend - sides.behind.max() * (1 - smooth_step(q, 0.35, 0.6))
        if ends_behind is not None:
            longer = ends[side] * (1 - blend) + ends[1 - side] * blend
            end = longer + (ends_behind - view.center[1] - longer) * (1 - smooth_step(q, 0.15, 0.35))
        elif hanging:  # it falls behind a shoulder: at least as far
            least = min(aside.lowest for aside in hanging)
            end = np.minimum(end, end + (least - end) * (1 - smooth_step(q, 0.35, 0.6)))
        hangs = np.isfinite(sides.lowest)[side] | (q < 0.5)
        told = np.full(len(s), np.inf)
        for other in [aside.view.photo for aside in beside] + [p for p in others or [] if p.from_behind]:
            told = np.minimum(told, ends_aside(points[first:], heights, other, share[first:]))
        hangs |= np.isfinite(told)
        end = np.minimum(end, told)
        end = end + ragged(np.arange(len(s)))
        shown[first:] = smooth_step(heights[:, None], end, end + TAPER + 0.75 * sides.beyond[side])
        shown[first:] *= hangs
        # sides, back and crown of the dome lie on the head: the curtain has no upper edge, the crown is of one piece
        lies[:first] = smooth_step(theta[:first], 0.75, 1.05)
        shown[:first] = np.maximum(away, lies[:first])
    else:
        shown[:first] = away
        shown[first:] = ramp(heights[:, None], -0.07, -0.02) * ramp((rows.wide - rows.rim)[side].T, *OFF_HEAD)
        if beside:
            shown[first:] = np.maximum(shown[first:], ramp(added[first:], *OFF_HEAD))
    if cap:
        behind = smooth_step(theta, *CAP)
        behind[first:] *= ramp(heights[:, None], NAPE - view.center[1], NAPE - view.center[1] + TAPER)
        shown = np.maximum(shown, behind)
    most = np.full(theta.shape, MOST_MOVED)
    if curtain and ends_behind is not None:
        most[(theta > BACK_HALF) | (theta > CAP[0]) & np.isfinite(told)] = MOST_MOVED_BEHIND
        shown *= smooth_step(points[..., 1], *LOWER_EDGE)
    shown *= moved < most
    lengths = sides.lowest + view.center[1]
    return Hair(points, shown, theta, side, view, curtain, lengths, float(excess.max()), moved, lies, above)
