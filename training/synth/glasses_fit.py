"""Where glasses sit on a head: its eyes, nose bridge, temples and ears."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter

from . import mesh
from .rig import EYE_L, EYE_R, Rig

FAR = 10.0  # meters; from there a picture is as good as parallel
SIZE, PIXELS_PER_METER = 160, 560.0
EYE_DISTANCE = 0.058  # meters, of the template


@dataclass(frozen=True)
class Seat:
    """A head at rest without hair, as an optician measures it. Meters, canonical; left (+x) first."""

    eyes: np.ndarray  # [2,3] eyeball centres
    ear_top: np.ndarray  # [2,3] where the ear's upper root leaves the head
    ear_back: np.ndarray  # [2,3] behind the ear, at half its height
    size: float  # eye distance over the template's
    heights: np.ndarray  # [S,S] z of the foremost skin over x (columns) and y (rows, downwards)
    widths: np.ndarray  # [2,S,S] |x| of the outermost skin over -z (columns) and y (rows), ears left out
    middle: np.ndarray  # [3] of both pictures

    def front(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """z of the skin at x, y."""
        return _look_up(self.heights, x - self.middle[0], y - self.middle[1])

    def side(self, left: bool, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """|x| of the skin at y, z; far below 0 where there is none."""
        return _look_up(self.widths[0 if left else 1], self.middle[2] - z, y - self.middle[1])


class Fitting:
    """Measures people of one rig."""

    def __init__(self, rig: Rig):
        self.rig = rig
        ears = rig.face_region == rig.regions.index("ears")
        root = np.intersect1d(np.unique(rig.faces[ears]), np.unique(rig.faces[~ears]))
        self.without_ears = rig.faces[~ears]
        self.top, self.back = [], []
        for sign in (1, -1):
            mine = root[rig.template[root, 0] * sign > 0]
            top = mine[rig.template[mine, 1].argmax()]
            middle = 0.5 * (rig.template[mine, 1].max() + rig.template[mine, 1].min())
            behind = mine[rig.template[mine, 1] > middle]
            self.top.append(top)
            self.back.append(behind[rig.template[behind, 2].argmin()])

    def measure(self, skin: np.ndarray, joints: np.ndarray) -> Seat:
        """skin [V,3] at rest without hair, joints [5,3] of the same person."""
        eyes = joints[[EYE_L, EYE_R]]
        middle = np.array([0, eyes[:, 1].mean(), 0], np.float32)
        p = skin - middle
        x, y, z = p.T
        heights = _view(np.stack([x, y, z], 1), self.rig.faces)
        widths = np.stack([_view(np.stack([-z, y, sign * x], 1), self.without_ears) for sign in (1, -1)])
        size = float(np.clip(np.linalg.norm(eyes[0] - eyes[1]) / EYE_DISTANCE, 0.85, 1.2))
        return Seat(eyes, skin[self.top], skin[self.back], size, heights, widths, middle)


def _view(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Greatest third coordinate of a mesh over the first two [S,S], one pixel wider than it is."""
    depth = mesh.raster(points - [0, 0, FAR], faces, PIXELS_PER_METER * FAR, SIZE)[2]
    return maximum_filter(FAR - depth, 3)


def _look_up(picture: np.ndarray, right: np.ndarray, up: np.ndarray) -> np.ndarray:
    column, row = SIZE / 2 + PIXELS_PER_METER * np.asarray(right), SIZE / 2 - PIXELS_PER_METER * np.asarray(up)
    return picture[np.clip(row, 0, SIZE - 1).astype(int), np.clip(column, 0, SIZE - 1).astype(int)]
