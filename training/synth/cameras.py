"""Random cameras: photo crops placed by the crop rule on projected landmarks, and free novel views."""

from dataclasses import dataclass

import numpy as np

from . import mesh
from .crop import crop_from_points


@dataclass(frozen=True)
class Camera:
    """Pinhole of docs/conventions.md "Camera of a crop": R [3,3], t [3] (camera from canonical, meters), f in pixels of
    `size`."""

    R: np.ndarray
    t: np.ndarray
    f: float
    size: int

    def to_camera(self, points: np.ndarray) -> np.ndarray:
        return mesh.rigid(points, self.R, self.t)

    def project(self, points: np.ndarray) -> np.ndarray:
        """Canonical points [n,3] -> pixels [n,2]."""
        p = np.einsum("ij,nj->ni", self.R, points) + self.t
        return np.stack([self.size / 2 - self.f * p[:, 0] / p[:, 2], self.size / 2 + self.f * p[:, 1] / p[:, 2]], 1)

    def center(self) -> np.ndarray:
        return -self.R.T @ self.t


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Camera from canonical: yaw turns the face to its left (radians), pitch > 0 lowers the face, roll turns the
    picture clockwise."""
    cy, sy, cp, sp, cr, sr = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
    turn_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    turn_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    turn_z = np.array([[cr, sr, 0], [-sr, cr, 0], [0, 0, 1]])
    return turn_z @ turn_x @ turn_y


def crop_camera(
    right_eye, left_eye, mouth, yaw: float, pitch: float, focal: float, size: int, jitter=(1.0, 0.0, 0.0, 0.0)
) -> Camera:
    """Camera whose whole picture is the crop of the three canonical points seen under yaw and pitch.

    focal is in multiples of `size`; jitter = (scale, shift x, shift y as fractions of the side, roll in radians) on top
    of the rule. The crop of a photo is a similarity in the picture; here the camera is moved
    until the crop is the identity, so that its axis stays central."""
    points = np.stack([right_eye, left_eye, mouth]).astype(np.float64)
    turned_away = abs(np.angle(np.exp(1j * yaw))) > np.pi / 2
    f, roll, t = focal * size, 0.0, np.array([0.0, 0.0, -0.32 * focal]) - rotation(yaw, pitch, 0) @ points.mean(0)
    for _ in range(6):
        R = rotation(yaw, pitch, roll)
        px = Camera(R, t, f, size).project(points)
        if turned_away:  # seen from behind the rule would turn the head upside down; no landmark detector answers there
            px = px.copy()
            px[:2] = px[:2].mean(0)
        crop = crop_from_points(px[0], px[1], px[2])
        side = crop.side if not turned_away else max(crop.side, 4.8 * np.hypot(*(px[2] - px[0])))
        depth = -(R @ points.mean(0) + t)[2]
        turn = rotation(0, 0, -crop.roll)
        t = turn @ t  # roll about the picture centre ...
        center = crop.center - size / 2
        c, s = np.cos(crop.roll), np.sin(crop.roll)
        center = np.array([c * center[0] + s * center[1], -s * center[0] + c * center[1]])
        t = t + np.array([-center[0], center[1], 0]) * depth / f  # ... shift it ...
        roll -= crop.roll
        t = t + np.array([0, 0, -depth * (side / size - 1)])  # ... and move along the axis until the side fits
        if abs(crop.roll) < 1e-4 and abs(side / size - 1) < 1e-3 and np.abs(center).max() < 0.05:
            break
    scale, dx, dy, dr = jitter
    t = rotation(0, 0, dr) @ t
    depth = -(rotation(yaw, pitch, roll + dr) @ points.mean(0) + t)[2]
    t = t + np.array([dx * size * depth / f, dy * size * depth / f, depth * (1 - 1 / scale)])
    return Camera(rotation(yaw, pitch, roll + dr), t, f, size)


def sample_photo_yaws(rng: np.random.Generator, count: int) -> np.ndarray:
    """Yaws [count] in degrees of the photos of one person. The first is a portrait: mostly within +-60 degrees,
    sometimes anywhere.

    The others are portraits too, or (in 60 % of the people) taken while walking around the head, in even steps to
    either side."""
    wide = rng.random() < 0.12
    first = (
        rng.uniform(-180, 180)
        if wide and rng.random() < 0.35
        else np.clip(rng.normal(0, 60 if wide else 26), -100, 100)
    )
    if rng.random() < 0.6:
        turn = rng.uniform(60, 180) if count == 2 else 360 / max(count, 1)
        others = first + rng.choice([-1, 1]) * turn * np.arange(1, count) + rng.normal(0, 15, max(count - 1, 0))
        others = rng.permutation((others + 180) % 360 - 180)
    else:
        others = np.clip(rng.normal(0, 35, max(count - 1, 0)), -100, 100)
    return np.r_[first, others][:count]


def sample_photo_camera(rng: np.random.Generator, right_eye, left_eye, mouth, size: int, yaw: float) -> Camera:
    """Photo crop under a yaw in degrees, with the crop rule's jitter of scale 6 %, shift 4 %, roll 5 degrees."""
    pitch = np.clip(rng.normal(2, 9), -25, 25)
    jitter = (
        rng.uniform(0.94, 1.06),
        rng.uniform(-0.04, 0.04),
        rng.uniform(-0.04, 0.04),
        np.deg2rad(rng.uniform(-5, 5)),
    )
    focal = np.exp(rng.uniform(np.log(1.6), np.log(4.0)))
    return crop_camera(right_eye, left_eye, mouth, np.deg2rad(yaw), np.deg2rad(pitch), focal, size, jitter)


def sample_view_camera(rng: np.random.Generator, head_center: np.ndarray, size: int, around: float) -> Camera:
    """Novel view: the head fills the picture; a share `around` of the views goes all around, the others look from
    ahead."""
    yaw = np.deg2rad(rng.uniform(-180, 180) if rng.random() < around else np.clip(rng.normal(0, 40), -90, 90))
    pitch, roll = np.deg2rad(np.clip(rng.normal(0, 12), -30, 30)), np.deg2rad(rng.normal(0, 4))
    f = size * np.exp(rng.uniform(np.log(1.8), np.log(3.2)))
    R = rotation(yaw, pitch, roll)
    distance = f / size * rng.uniform(0.30, 0.38)
    offset = np.array([rng.uniform(-0.015, 0.015), rng.uniform(-0.015, 0.015), -distance])
    return Camera(R, offset - R @ head_center, f, size)
