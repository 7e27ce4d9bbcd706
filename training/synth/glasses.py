"""Glasses for the photos of some people: a frame, and lenses that let the skin through. Never part of any truth.

The avatar is to be without them: texels behind the frame, dark lenses and highlights count as not visible."""

from dataclasses import dataclass

import numpy as np

from . import mesh
from .glasses_fit import Seat
from .lighting import Light, linear
from .prop import Prop

SHARE = 0.08  # ours: of all people
TAKEN_OFF = 0.12  # ours: of the photos of those who wear some
SUNGLASSES = 0.06  # ours: of those who wear some
OPAQUE = 0.35  # ours: a lens that takes more of the light than this hides the skin
CORNERS, SECTION, TEXTURE = 56, 8, 64


@dataclass(frozen=True)
class Shape:
    """A rim's half width and half height in millimeters (ranges), how square it is, wider above, lifted at the outer
    corner, drop below."""

    share: float
    wide: tuple[float, float]
    high: tuple[float, float]
    square: tuple[float, float]
    taper: float = 0.0
    lift: float = 0.0
    drop: float = 0.0


SHAPES = {
    "round": Shape(0.16, (21, 25), (20, 24), (2.0, 2.3)),
    "oval": Shape(0.14, (24, 27), (15, 18), (2.1, 2.6)),
    "rectangle": Shape(0.26, (25, 28), (14, 18), (4.0, 7.0), 0.03),
    "square": Shape(0.18, (24, 28), (18, 22), (3.0, 5.0), 0.08),
    "panto": Shape(0.12, (23, 26), (19, 22), (2.3, 2.8), 0.10),
    "aviator": Shape(0.08, (26, 29), (21, 24), (2.4, 2.8), 0.12, 0.0, 0.18),
    "cat": Shape(0.06, (25, 28), (17, 20), (2.6, 3.4), 0.10, 0.22),
}


@dataclass(frozen=True)
class Glasses:
    """One person's glasses at rest, canonical."""

    frame: Prop
    lenses: np.ndarray  # [n,3]
    lens_faces: np.ndarray  # [m,3]
    lens_uv: np.ndarray  # [n,2] -1..1 over each lens
    above: np.ndarray  # [3] share of linear light that a lens lets through at its top
    below: np.ndarray  # [3] and at its bottom

    def worn(self, transform: np.ndarray) -> "Glasses":
        """The same on a head that turned by `transform` [3,4]."""
        R, t = transform[:, :3], transform[:, 3]
        f = self.frame
        frame = Prop(mesh.rigid(f.vertices, R, t), mesh.rigid(f.normals, R), f.faces, f.uv, f.texture)
        return Glasses(frame, mesh.rigid(self.lenses, R, t), self.lens_faces, self.lens_uv, self.above, self.below)


@dataclass(frozen=True)
class Glare:
    """A window or a lamp mirrored in the lenses: soft slanted boxes over lens_uv."""

    center: np.ndarray  # [2]
    half: np.ndarray  # [2]
    angle: float
    strength: float  # 0..1 of what is behind is lost
    light: np.ndarray  # [3] linear

    def over(self, uv: np.ndarray) -> np.ndarray:
        """Share 0..1 at uv [n,2]."""
        d = uv - self.center
        c, s = np.cos(self.angle), np.sin(self.angle)
        along = np.abs(np.stack([c * d[:, 0] + s * d[:, 1], c * d[:, 1] - s * d[:, 0]], 1)) - self.half
        return self.strength * np.clip(0.5 - along.max(1) / 0.12, 0, 1)


def sample_glare(rng: np.random.Generator, light: Light) -> Glare | None:
    """A third of the photos has some, most of it faint."""
    if rng.random() > 0.35:
        return None
    bright = light.sh[0] + (light.colors.sum(0) if len(light.colors) else 0)
    return Glare(
        rng.uniform([-0.7, -0.3], [0.7, 0.8]),
        rng.uniform([0.1, 0.15], [0.5, 0.45]),
        rng.uniform(-0.6, 0.6),
        float(rng.beta(1.2, 2)),
        (rng.uniform(0.4, 1.1) * bright * rng.uniform(0.9, 1.1, 3)).astype(np.float32),
    )


def shown_through(
    glasses: Glasses, glare: Glare | None, face: np.ndarray, bary: np.ndarray, linear_color: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Linear colors [n,3] behind lens samples (face [n], bary [n,2]) as the lens shows them, and the share of light it
    takes [n]."""
    uv = mesh.interpolate(face, bary, glasses.lens_faces, glasses.lens_uv)
    height = np.clip(0.5 + 0.5 * uv[:, 1:], 0, 1)
    through = glasses.below + height * (glasses.above - glasses.below)
    mirrored = np.zeros(len(uv), np.float32) if glare is None else glare.over(uv).astype(np.float32)
    color = linear_color * through * (1 - mirrored[:, None])
    if glare is not None:
        color = color + mirrored[:, None] * glare.light
    return color.astype(np.float32), 1 - through.mean(1) * (1 - mirrored)


def sample_glasses(rng: np.random.Generator, seat: Seat) -> Glasses:
    """A random pair, fitted."""
    names = list(SHAPES)
    shape = SHAPES[names[rng.choice(len(names), p=[s.share for s in SHAPES.values()])]]
    metal = rng.random() < 0.45
    dark = rng.random() < SUNGLASSES
    half_rim = metal and shape.square[0] > 2.05 and rng.random() < 0.3
    mm = 0.001 * seat.size
    thick = mm * (rng.uniform(0.45, 0.8) if metal else rng.uniform(1.0, 2.3))  # half, across the rim
    deep = mm * (rng.uniform(0.5, 0.9) if metal else rng.uniform(1.3, 2.1))
    wide, high = mm * rng.uniform(*shape.wide), mm * rng.uniform(*shape.high)
    if shape is SHAPES["round"]:
        high = wide * rng.uniform(0.94, 1.0)
    theta = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    outline = _outline(theta, shape, rng.uniform(*shape.square))
    wrap, tilt = 1 / rng.uniform(0.25, 0.6), np.tan(np.radians(rng.uniform(4, 10)))
    drop, vertex = mm * rng.uniform(2, 5.5), mm * rng.uniform(11, 14)
    eye_y, eye_z = seat.eyes[:, 1].mean(), seat.eyes[:, 2].mean() + 12 * mm
    center_y = eye_y - drop
    pupil = 0.5 * abs(seat.eyes[0, 0] - seat.eyes[1, 0])

    def surface(x, y, z):
        return z - wrap * (np.abs(x) - pupil).clip(0) ** 2 + tilt * (y - center_y)

    z = eye_z + vertex + deep
    gap = _nose_half_width(seat, center_y + high * np.linspace(-0.35, 0.35, 5), z - deep, mm) + thick
    x, y = gap + wide * (1 + outline[:, 0]), center_y + high * outline[:, 1]
    clear = [seat.front(sign * x, y) + deep + 0.8 * mm - surface(x, y, z) for sign in (1, -1)]
    z += float(np.clip(np.max([c[x > gap + 4 * mm].max() for c in clear]), 0, 12 * mm))
    rim = np.stack([x, y, surface(x, y, z)], 1)
    heavy = thick * (1 + (0 if metal else rng.uniform(0, 0.5)) * np.clip(outline[:, 1], 0, 1))
    order = np.roll(np.arange(CORNERS), CORNERS // 18)  # from 20 degrees under the outer corner
    if half_rim:
        order = order[: CORNERS * 220 // 360]
    away = _outward(rim)
    parts = []
    for flip in ([1, 1, 1], [-1, 1, 1]):
        if half_rim:  # a thread holds the lens below
            parts.append(_tube(rim * flip, away * flip, [0, 0, 1], 0.25 * mm, 0.25 * mm, True, True))
        parts.append(_tube(rim[order] * flip, away[order] * flip, [0, 0, 1], heavy[order], deep, metal, not half_rim))
    parts += _bridges(rng, seat, rim, theta, gap, thick, deep, metal, shape is SHAPES["aviator"], mm)
    parts += _temples(rng, seat, rim, theta, thick, deep, metal, mm)
    vertices, normals, faces = _joined(parts)
    u = np.stack([0.5 + (vertices[:, 0] + 0.6 * vertices[:, 2]) / 0.32, 0.5 + (vertices[:, 1] - center_y) / 0.32], 1)
    frame = Prop(vertices, normals, faces, np.clip(u, 0, 1).astype(np.float32), _material(rng, metal))
    lenses, lens_faces, lens_uv = _lenses(rim, outline)
    above, below = _glass(rng, dark)
    return Glasses(frame, lenses, lens_faces, lens_uv, above, below)


def _outline(theta: np.ndarray, shape: Shape, square: float) -> np.ndarray:
    """Rim of a lens [k,2] in half sizes, x outwards, y up."""
    c, s = np.cos(theta), np.sin(theta)
    r = (np.abs(c) ** square + np.abs(s) ** square) ** (-1 / square)
    u, v = r * c, r * s
    lifted = (
        v
        + shape.lift * np.clip(u, 0, 1) ** 2 * np.clip(v, 0, 1)
        - shape.drop * np.clip(-v, 0, 1) * np.clip(u + 0.4, 0, 1)
    )
    return np.stack([np.clip(u * (1 + shape.taper * v), -1, 1.3), lifted], 1)


def _nose_half_width(seat: Seat, y: np.ndarray, z: float, mm: float) -> float:
    """Half the gap between the rims: as narrow as the nose allows at depth z."""
    x = np.linspace(5, 13, 17) * mm
    free = [(seat.front(x, v) < z) & (seat.front(-x, v) < z) for v in y]
    return float(max(x[f.argmax()] if f.any() else x[-1] for f in free) + 0.3 * mm)


def _outward(rim: np.ndarray) -> np.ndarray:
    """Unit vectors [k,3] in the lens's plane, away from it."""
    along = np.roll(rim, -1, 0) - np.roll(rim, 1, 0)
    out = np.stack([along[:, 1], -along[:, 0], 0 * along[:, 0]], 1)
    return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)


def _tube(path, side, up, wide, high, round_section: bool, closed: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A bar along path [k,3] with half sizes `wide` along `side` and `high` along `up`: vertices, normals, faces."""
    k = len(path)
    side, up = np.broadcast_to(side, (k, 3))[:, None], np.broadcast_to(up, (k, 3))[:, None]
    wide, high = np.broadcast_to(wide, k)[:, None, None], np.broadcast_to(high, k)[:, None, None]
    a = np.linspace(0, 2 * np.pi, SECTION, endpoint=False) + np.pi / SECTION
    power = 1.0 if round_section else 0.6
    c, s = (np.sign(f) * np.abs(f) ** power for f in (np.cos(a), np.sin(a)))
    c, s = c[None, :, None], s[None, :, None]
    vertices = path[:, None] + wide * c * side + high * s * up
    normals = high * c * side + wide * s * up
    normals /= np.linalg.norm(normals, axis=2, keepdims=True) + 1e-12
    i, j = np.meshgrid(np.arange(k if closed else k - 1), np.arange(SECTION), indexing="ij")
    at = lambda row, column: (row % k * SECTION + column % SECTION).ravel()
    quads = at(i, j), at(i, j + 1), at(i + 1, j + 1), at(i + 1, j)
    faces = np.concatenate([np.stack([quads[0], quads[1], quads[2]], 1), np.stack([quads[0], quads[2], quads[3]], 1)])
    return vertices.reshape(-1, 3), normals.reshape(-1, 3), faces


def _joined(parts) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    starts = np.cumsum([0] + [len(v) for v, _, _ in parts])
    return (
        np.concatenate([v for v, _, _ in parts]).astype(np.float32),
        np.concatenate([n for _, n, _ in parts]).astype(np.float32),
        np.concatenate([f + s for (_, _, f), s in zip(parts, starts)]).astype(np.int32),
    )


def _bridges(rng, seat: Seat, rim, theta, gap, thick, deep, metal: bool, double: bool, mm: float) -> list:
    """Over the nose, from rim to rim; with a bar above it where `double`."""
    inner = lambda angle: rim[np.abs(theta - np.radians(angle)).argmin()]
    out = []
    for angle, arch in [(rng.uniform(150, 172), rng.uniform(1.0, 3.0))] + ([(118, 0.3)] if double else []):
        end = inner(angle)
        x = np.linspace(-1, 1, 11) * end[0]
        bulge = 1 - (x / end[0]) ** 2
        path = np.stack([x, end[1] + arch * mm * bulge, end[2] + 1.5 * mm * bulge], 1)
        high = (1.0 if metal else rng.uniform(1.0, 1.5)) * thick
        path[:, 2] = np.maximum(
            path[:, 2], np.minimum(seat.front(path[:, 0], path[:, 1]) + deep, end[2] + 8 * mm * bulge)
        )
        out.append(_tube(path, [0, 1, 0], [0, 0, 1], high, deep, metal, False))
    return out


def _temples(rng, seat: Seat, rim, theta, thick, deep, metal: bool, mm: float) -> list:
    """From the rims' outer corners outside the head to the ears, and down behind them."""
    start = rim[np.abs(theta - np.radians(rng.uniform(12, 40))).argmin()]
    tall = mm * (rng.uniform(0.5, 0.9) if metal else rng.uniform(1.4, 3.0))
    slim = mm * (rng.uniform(0.4, 0.6) if metal else rng.uniform(0.7, 1.2))
    out = []
    for i, sign in enumerate((1, -1)):
        top, back = seat.ear_top[i] * [sign, 1, 1], seat.ear_back[i] * [sign, 1, 1]
        top = top + [1.5 * mm, tall + 0.5 * mm, 0]
        corner = np.array([max(start[0] + 4 * mm, min(top[0], start[0] + 9 * mm)), start[1], start[2] - 3 * mm])
        t = np.linspace(0, 1, 13)[:, None]
        straight = corner + t * (top - corner)
        straight[:, 0] = np.maximum(
            straight[:, 0], np.minimum(seat.side(sign > 0, straight[:, 1], straight[:, 2]) + slim + 0.6 * mm, 0.1)
        )
        straight[1:-1, 0] = np.maximum(
            straight[1:-1, 0], 0.25 * (straight[:-2, 0] + 2 * straight[1:-1, 0] + straight[2:, 0])
        )
        bend = np.array([straight[-1, 0], 0.6 * top[1] + 0.4 * back[1], 0.45 * top[2] + 0.55 * back[2]]) + [
            0,
            3 * mm,
            -3 * mm,
        ]
        end = np.array([back[0] + 1 * mm, back[1] - 12 * mm, back[2] - 4 * mm])
        path = np.concatenate([[start + [0, 0, -0.5 * deep], start + [3 * mm, 0, -0.5 * deep]], straight, [bend, end]])
        along = np.gradient(path, axis=0)
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        up = np.tile([0.0, 1.0, 0.0], (len(path), 1))
        up -= along * (along * up).sum(1, keepdims=True)
        up /= np.linalg.norm(up, axis=1, keepdims=True)
        side = np.cross(along, up)
        height = np.r_[[max(thick, tall)] * 3, np.linspace(tall, 0.8 * tall, len(path) - 5), 0.8 * tall, 0.8 * tall]
        flip = np.array([sign, 1, 1])
        out.append(_tube(path * flip, side * flip, up * flip, slim, height, metal, False))
    return out


def _lenses(rim: np.ndarray, outline: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two fans, slightly domed: vertices, faces, uv."""
    k = len(rim)
    middle = rim.mean(0) + [0, 0, 0.0012]
    one = np.concatenate([[middle], 0.5 * (rim + middle) + [0, 0, 0.0004], rim])
    uv = np.concatenate([[[0, 0]], 0.5 * outline, outline])
    i = np.arange(k)
    j = (i + 1) % k
    fan = np.concatenate(
        [
            np.stack([0 * i, 1 + i, 1 + j], 1),
            np.stack([1 + i, 1 + k + i, 1 + k + j], 1),
            np.stack([1 + i, 1 + k + j, 1 + j], 1),
        ]
    )
    vertices = np.concatenate([one, one * [-1, 1, 1]]).astype(np.float32)
    uv = np.concatenate([uv, uv * [-1, 1]]).astype(np.float32)
    return vertices, np.concatenate([fan, fan + len(one)]).astype(np.int32), uv


def _glass(rng, dark: bool) -> tuple[np.ndarray, np.ndarray]:
    """Light let through above and below."""
    if not dark:
        clear = rng.uniform(0.86, 0.98) * np.exp(rng.normal(0, 0.012, 3))
        return (clear.astype(np.float32),) * 2
    above = rng.uniform(0.02, 0.12) * np.exp(rng.normal(0, 0.15, 3))
    below = above * (rng.uniform(1.5, 4) if rng.random() < 0.4 else 1.0)
    return above.astype(np.float32), below.astype(np.float32)


def _material(rng, metal: bool) -> np.ndarray:
    """Texture [k,k,8] of the frame: gold, silver or gunmetal; black, brown, tortoise or colored plastic."""
    texture = np.zeros((TEXTURE, TEXTURE, 8), np.float32)
    kind = rng.random()
    if metal:
        color = [0.45, 0.33, 0.16] if kind < 0.35 else [0.42, 0.42, 0.43] if kind < 0.65 else [0.03, 0.03, 0.032]
        specular, gloss = rng.uniform(0.15, 0.45), rng.uniform(25, 60)
    else:
        color = (
            [0.008, 0.008, 0.009]
            if kind < 0.5
            else [0.05, 0.022, 0.01]
            if kind < 0.78
            else linear(rng.uniform(0.05, 0.75, 3))
        )
        specular, gloss = rng.uniform(0.04, 0.12), rng.uniform(25, 60)
    texture[..., :3] = np.asarray(color) * np.exp(rng.normal(0, 0.15))
    if not metal and 0.5 <= kind < 0.78 and rng.random() < 0.6:  # tortoise: amber spots
        waves = rng.normal(0, 1, (6, 2)) * 60
        y, x = np.meshgrid(np.linspace(0, 1, TEXTURE), np.linspace(0, 1, TEXTURE), indexing="ij")
        spots = sum(np.sin(a * x + b * y + rng.uniform(0, 6)) for a, b in waves) > 1.0
        texture[..., :3] += spots[..., None] * np.array([0.16, 0.07, 0.015])
    texture[..., 3], texture[..., 4] = specular, gloss
    return np.clip(texture, 0, 80)
