"""The bust: the body's surface moved to the contour of clothes and skin, and to the person's own neck."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .grids import blur, mean_where, ramp, smooth_step
from .head import Head
from .page import Page
from .photo import CLOTHES, HAIR, SKIN, Photo, bilinear

BESIDE_NECK = np.radians(32)
SOFT = 0.0045  # meters that Gaussians and the steps of the outline reach beyond it
FAR_MOVE = 0.7  # share of the nearest known change where the outline is not in the photo
GAP = 0.03  # meters of the body that may be missing in matte or classes
CHEST, AROUND_PIVOT = -0.2, 0.06  # m: below this height, and so near to the bust's pivot, everyone has a body
MOST_MOVE = 0.06  # meters that the outline moves the bust
PLANE_STEP = 0.004  # meters between columns of the contour
HALF = 0.26
HEIGHTS = np.arange(-0.09, -0.36, -0.003)
# meters: height of the lower edge in front, its rise at the sides, its fading border
BOTTOM, FADE = (-0.31, 0.02), 0.06
NECK_AXIS = np.array([0.0, 0.0, -0.04])


def on_plane(points: np.ndarray, photo: Photo, depth: float) -> np.ndarray:
    """Where rays from the camera through points [...,3] meet the plane z = depth: x and y [...,2]."""
    eye = photo.eye
    share = (depth - eye[2]) / (points[..., 2] - eye[2])
    return (eye + (points - eye) * share[..., None])[..., :2]


@dataclass(frozen=True)
class Contour:
    """Heights [columns] of the top of clothes and skin at `x` [columns] on the bust's middle plane; `known` 0..1."""

    x: np.ndarray
    height: np.ndarray
    known: np.ndarray


def contour(photo: Photo, depth: float) -> Contour:
    """Walk up from the lowest pixel of every column as long as clothes or skin go on, over gaps that are classes gone
    wrong."""
    x = np.arange(-HALF, HALF + 1e-9, PLANE_STEP)
    points = np.stack(
        [np.tile(x, (len(HEIGHTS), 1)), np.repeat(HEIGHTS[:, None], len(x), 1), np.full((len(HEIGHTS), len(x)), depth)],
        -1,
    )
    px, _ = photo.project(points)
    inside = photo.inside(px, 2)
    matte, classes = bilinear(photo.matte, px), bilinear(photo.classes, px)
    body = (matte > 0.5) & (np.maximum(classes[..., SKIN], classes[..., CLOTHES]) > np.maximum(classes[..., HAIR], 0.2))
    hair = (matte > 0.5) & (classes[..., HAIR] > 0.5)
    height, known = np.zeros(len(x)), np.zeros(len(x))
    for k in range(len(x)):
        rows = np.flatnonzero(inside[:, k])[::-1]  # from below
        if len(rows) < 3:
            continue
        end = run_end(body[rows, k], hair[rows, k], round(GAP / -(HEIGHTS[1] - HEIGHTS[0])))
        if end < 0:  # nothing of the body down to the photo's edge: the shoulder is lower
            free = matte[rows[0], k] < 0.5 and HEIGHTS[rows[0]] > CHEST
            height[k], known[k] = HEIGHTS[rows[0]] - 0.015, 0.3 if free else 0.0
        elif end < len(rows):
            height[k] = HEIGHTS[rows[end]]
            # hair or face above it: the contour is hidden
            known[k] = 1.0 if matte[rows[min(end + 2, len(rows) - 1)], k] < 0.5 else 0.0
    return Contour(x, height, known)


def run_end(on: np.ndarray, hair: np.ndarray, gap: int) -> int:
    """Index after the last of `on` [n] before hair or a gap longer than `gap`; it may begin after one. -1 where there
    is none, n where it goes on."""
    last = -1
    for k, value in enumerate(on):
        if value:
            last = k
        elif hair[k] or k - last > gap:
            break
    return last + 1 if last >= 0 else -1


def silhouette_top(points: np.ndarray, photo: Photo, depth: float, x: np.ndarray) -> np.ndarray:
    """Highest y [columns] of points [n,3] seen on the plane z = depth, per column of `x`."""
    at = on_plane(points, photo, depth)
    out = np.full(len(x), -np.inf)
    column = np.round((at[:, 0] - x[0]) / PLANE_STEP).astype(int)
    for shift in (-1, 0, 1):
        ok = (column + shift >= 0) & (column + shift < len(x))
        np.maximum.at(out, column[ok] + shift, at[ok, 1])
    return out


@dataclass(frozen=True)
class Torso:
    """points [rows,columns,3]; `shown` [rows,columns] 0..1; fitted height (m), slope (1), how many columns of the
    contour were known."""

    points: np.ndarray
    shown: np.ndarray
    height: float
    slope: float
    known: int


def to_outline(points: np.ndarray, photo: Photo, page: Page, share: np.ndarray) -> np.ndarray:
    """Points moved outwards or inwards about the pivot, in the picture's plane, to the outline of clothes and skin:
    collars, thick coats, one shoulder higher than the other. Only where the photo shows the outline against the
    background."""
    pivot = np.array(page.meta["bust"]["pivot"])
    angles = np.radians(np.arange(-20, 201, 2.0))
    r = np.arange(0.03, 0.36, 0.003)
    plane = np.stack([np.cos(angles)[:, None] * r, np.sin(angles)[:, None] * r + pivot[1]], -1)
    px, _ = photo.project(np.concatenate([plane, np.full((*plane.shape[:2], 1), pivot[2])], -1))
    inside = photo.inside(px, 2)
    matte, classes = bilinear(photo.matte, px), bilinear(photo.classes, px)
    body = (matte > 0.5) & (np.maximum(classes[..., SKIN], classes[..., CLOTHES]) > np.maximum(classes[..., HAIR], 0.2))
    # beside the neck only clothes may pull: a collar, not the neck's own side
    beside = (np.abs(angles - np.pi / 2) < BESIDE_NECK)[:, None]
    body = np.where(beside, body & (classes[..., CLOTHES] > classes[..., SKIN]), body)
    hair = (matte > 0.5) & (classes[..., HAIR] > 0.5)
    at = on_plane(points, photo, pivot[2]) - pivot[:2]
    length, angle = np.hypot(at[..., 0], at[..., 1]), np.arctan2(at[..., 1], at[..., 0])
    angle = np.where(angle < -np.pi / 2, angle + 2 * np.pi, angle)
    column = np.round((angle - angles[0]) / (angles[1] - angles[0])).astype(int)
    ok = (column >= 0) & (column < len(angles))
    reach, lateral = np.zeros(len(angles)), np.zeros(len(angles))
    np.maximum.at(reach, column[ok], length[ok])
    np.maximum.at(lateral, column[ok & (share > 0.05)], length[ok & (share > 0.05)])
    reach = np.where(lateral > 0, lateral, reach)
    change, known = np.zeros(len(angles)), np.zeros(len(angles))
    for k in range(len(angles)):
        rows = np.flatnonzero(inside[k])
        if len(rows) < 4 or lateral[k] == 0:
            continue
        end = run_end(body[k, rows], hair[k, rows], round(GAP / (r[1] - r[0])))
        if end < 0:
            # the body ends before the photo begins; a chest that is in the photo and not seen is classes gone wrong
            if matte[k, rows[0]] < 0.5 and AROUND_PIVOT < r[rows[0]] < reach[k]:
                change[k], known[k] = r[rows[0]] - 0.004 - reach[k], 0.5
        elif end == len(rows):  # the body goes on beyond the photo's edge
            if reach[k] < r[rows[-1]] < 0.3:
                change[k], known[k] = r[rows[-1]] + 0.008 - reach[k], 0.7
        elif matte[k, rows[min(end + 2, len(rows) - 1)]] < 0.5 and r[rows[end]] < 0.3:
            change[k], known[k] = r[rows[end]] - SOFT - reach[k], 1.0
    if not known.any():
        return points
    change = np.clip(change, -MOST_MOVE, MOST_MOVE)
    smooth = mean_where(change, known, 2.0) * (FAR_MOVE + (1 - FAR_MOVE) * ramp(blur(known, 3.0, 0), 0.03, 0.3))
    grow = np.interp(angle.ravel(), angles, smooth / np.maximum(reach, 0.05)).reshape(angle.shape)
    full = np.interp(angle.ravel(), angles, np.maximum(reach, 0.05)).reshape(angle.shape)
    grow = grow * share * np.minimum(1, length / full)
    out = points.copy()
    out[..., 0] += (points[..., 0] - pivot[0]) * grow
    out[..., 1] += (points[..., 1] - pivot[1]) * grow
    return out


def neck_radius(head: Head, azimuth: np.ndarray, low: float, high: float, ring: list[float]) -> np.ndarray:
    """Radius [n] about NECK_AXIS of the person's neck at azimuths, `low` to `high` meters above the ring; NaN without a
    neck."""
    p = head.means[head.neck & (head.opacity > 0.4)] - NECK_AXIS
    above = p[:, 1] - (ring[0] - ring[1] * (p[:, 2] + NECK_AXIS[2]))
    p = p[(above > low) & (above < high)]
    if len(p) < 50:
        return np.full(len(azimuth), np.nan)
    bins = 48
    column = np.floor(np.arctan2(p[:, 0], p[:, 2]) / (2 * np.pi) * bins).astype(int) % bins
    total, count = np.zeros(bins), np.zeros(bins)
    np.add.at(total, column, np.hypot(p[:, 0], p[:, 2]))
    np.add.at(count, column, 1)
    radius = mean_where(total / np.maximum(count, 1), (count > 0).astype(float), 1.0, 0, True)
    radius = blur(radius, 1.0, 0, True)
    at = azimuth / (2 * np.pi) * bins - 0.5
    c0 = np.floor(at).astype(int)
    return radius[c0 % bins] * (1 - (at - c0)) + radius[(c0 + 1) % bins] * (at - c0)


def own_neck(points: np.ndarray, above: np.ndarray, head: Head, ring: list[float]) -> np.ndarray:
    """Points whose first rows lie a little inside the person's own neck; from the ring down its shape fades out."""
    off = points - NECK_AXIS
    azimuth, radius = np.arctan2(off[..., 0], off[..., 2]), np.hypot(off[..., 0], off[..., 2])
    own = neck_radius(head, azimuth.ravel(), -0.004, 0.022, ring).reshape(azimuth.shape)
    if not np.isfinite(own).all():
        return points
    at_ring = np.take_along_axis(radius, np.abs(above - 0.006).argmin(0)[None], 0)
    ratio = np.clip(own / at_ring, 0.75, 1.35)
    scale = (
        1 + (ratio - 1) * smooth_step(above, -0.06, 0.0) - 0.003 * ramp(above, 0.002, 0.012) / np.maximum(radius, 0.01)
    )
    return NECK_AXIS + off * np.stack([scale, np.ones_like(scale), scale], -1)


def shoulder_line(points: np.ndarray, photo: Photo, depth: float) -> tuple[float, float, int]:
    """Height (m) and slope by which the template's shoulders miss the photo's, and from how many columns."""
    found = contour(photo, depth)
    top = silhouette_top(points.reshape(-1, 3), photo, depth, found.x)
    use = found.known * (np.abs(found.x) > 0.075) * (np.abs(found.x) < 0.199) * np.isfinite(top)
    difference = np.where(use > 0, found.height - top, 0)
    # where only the photo's edge is known the shoulder need not rise to it
    use = np.where((found.known < 1) & (difference > 0), 0, use)
    if not use.any():
        return 0.0, 0.0, 0
    a = np.stack([np.ones_like(found.x), np.abs(found.x) - 0.1], 1)
    weight = use
    for _ in range(3):
        normal = (a * weight[:, None]).T @ a + np.diag([0.2, 0.02])
        line = np.linalg.solve(normal, (a * weight[:, None]).T @ difference)
        weight = use / np.maximum(1, np.abs(difference - a @ line) / 0.01)
    return float(np.clip(line[0], -0.06, 0.06)), float(np.clip(line[1], -0.5, 0.5)), int((use > 0).sum())


def fit(page: Page, head: Head, photo: Photo) -> Torso:
    """Bust of a person from the contour of a photo."""
    ring, depth = page.meta["bust"]["ring"], float(page.meta["bust"]["pivot"][2])
    base = page.base[page.rows("bust")]
    above = base[..., 1] - (ring[0] - ring[1] * base[..., 2])
    points = own_neck(base, above, head, ring)
    # what turns with the neck stays at the neck
    share = smooth_step(above, 0.02, -0.012) * ramp(page.joint_shares[page.rows("bust")][..., 0], 0.98, 1.0)
    height, slope, known = shoulder_line(points, photo, depth)
    x = on_plane(points, photo, depth)[..., 0]
    raised = share * (height + slope * (np.clip(np.abs(x), 0.06, 0.2) - 0.1))
    points = points + raised[..., None] * [0, 1, 0]
    points = to_outline(points, photo, page, share)
    # the lower edge rises towards the sides and fades; nothing ends in a straight line
    end = BOTTOM[0] + BOTTOM[1] * np.minimum(1, (points[..., 0] / 0.2) ** 2)
    return Torso(points, smooth_step(points[..., 1], end, end + FADE), height, slope, known)


class TorsoReach:
    """How far the bust reaches from its pivot in a direction: hair must stay outside."""

    def __init__(self, page: Page, torso: Torso):
        self.pivot = np.array(page.meta["bust"]["pivot"])
        d = torso.points - self.pivot
        azimuth = np.arctan2(d[..., 0], d[..., 2])
        elevation = np.arctan2(d[..., 1], np.hypot(d[..., 0], d[..., 2]))
        self.elevations = np.radians(np.arange(88, -34, -2.0))
        bins = 72
        out = np.zeros((len(self.elevations), bins))
        row = np.round((self.elevations[0] - elevation) / np.radians(2)).astype(int)
        column = np.floor(azimuth / (2 * np.pi) * bins).astype(int) % bins
        distance = np.linalg.norm(d, axis=-1)
        for down in (0, 1):
            ok = (row + down >= 0) & (row + down < len(out))
            np.maximum.at(out, (row[ok] + down, column[ok]), distance[ok])
        self.radius = out

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Radius [...] of the bust in the directions of points [...,3]; 0 where it is not."""
        d = points - self.pivot
        elevation = np.arctan2(d[..., 1], np.hypot(d[..., 0], d[..., 2]))
        row = np.clip((self.elevations[0] - elevation) / np.radians(2), 0, len(self.elevations) - 1.001)
        bins = self.radius.shape[1]
        column = (np.arctan2(d[..., 0], d[..., 2]) / (2 * np.pi) * bins - 0.5) % bins
        r0, c0 = row.astype(int), np.floor(column).astype(int)
        fr, fc = row - r0, column - c0
        value = lambda r: self.radius[r, c0 % bins] * (1 - fc) + self.radius[r, (c0 + 1) % bins] * fc
        return value(r0) * (1 - fr) + value(r0 + 1) * fr
