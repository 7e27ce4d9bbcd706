"""The similarity crop of docs/conventions.md "Crop"; twin of src/runtime/photo/crop.ts."""

from dataclasses import dataclass

import numpy as np

RIGHT_EYE, LEFT_EYE, MOUTH = (33, 133), (362, 263), (61, 291)  # MediaPipe indices


@dataclass(frozen=True)
class Crop:
    """Square in a photo: centre (x, y) and side in photo pixels; roll (radians) is the angle of its x axis in the photo
    (y down)."""

    center: np.ndarray
    side: float
    roll: float

    def to_crop(self, points: np.ndarray, size: float = 1.0) -> np.ndarray:
        """Photo pixels [n,2] -> crop coordinates 0..size [n,2]."""
        c, s = np.cos(self.roll), np.sin(self.roll)
        d = np.asarray(points) - self.center
        return (np.stack([c * d[:, 0] + s * d[:, 1], -s * d[:, 0] + c * d[:, 1]], 1) / self.side + 0.5) * size


def from_crop(points: np.ndarray, crop: Crop) -> np.ndarray:
    """Crop coordinates 0..1 [n,2] -> photo pixels; the inverse of Crop.to_crop."""
    c, s = np.cos(crop.roll), np.sin(crop.roll)
    d = (points - 0.5) * crop.side
    return crop.center + np.stack([c * d[:, 0] - s * d[:, 1], s * d[:, 0] + c * d[:, 1]], 1)


def crop_from_points(right_eye: np.ndarray, left_eye: np.ndarray, mouth: np.ndarray) -> Crop:
    """Crop from the three centres in photo pixels (x right, y down)."""
    e, middle = left_eye - right_eye, (left_eye + right_eye) / 2
    d = mouth - middle
    length_e, length_d = np.hypot(*e), np.hypot(*d)
    if length_e < 0.3 * length_d:  # profile: the eyes nearly coincide, so d is made vertical instead
        roll = np.arctan2(-d[0], d[1])
    else:
        roll = np.arctan2(e[1], e[0])
    side = max(5.2 * length_e, 4.8 * length_d)
    down = np.array([-np.sin(roll), np.cos(roll)])
    return Crop(middle + 0.02 * side * down, float(side), float(roll))


def crop_from_landmarks(landmarks: np.ndarray) -> Crop:
    """Crop from MediaPipe landmarks [478,>=2] in photo pixels."""
    p = np.asarray(landmarks, np.float64)[:, :2]
    return crop_from_points(p[list(RIGHT_EYE)].mean(0), p[list(LEFT_EYE)].mean(0), p[list(MOUTH)].mean(0))
