"""What the page's landmark network feels of a camera's frame. Twin of src/runtime/camera/landmarkFollower.ts."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates

from ..export.export_onnx import ASSETS

SIZE = 192
COUNT = 478
FEATURES = 16_000
MAPS = (3, 64, 64)  # the last of them: maps of lips and eyes, their channels, their places
SCALE = 1.5  # the next frame is searched this many times as far as the landmarks reach
EYES = (33, 263)  # outer corners, the head's own right and left


@dataclass(frozen=True)
class Square:
    """A turned square in a picture: centre and edge in pixels, turn in radians from x to y."""

    x: float
    y: float
    edge: float
    turn: float


def square_around(points: np.ndarray) -> Square:
    """Where a face will be in the next frame. `points` [478,2 or 3] in pixels."""
    dx, dy = points[EYES[1], :2] - points[EYES[0], :2]
    turn = float(np.arctan2(dy, dx))
    axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    level = points[:, :2] @ axes.T
    least, most = level.min(0), level.max(0)
    middle = axes.T @ ((least + most) / 2)
    return Square(float(middle[0]), float(middle[1]), float(SCALE * (most - least).max()), turn)


def sample_square(picture: np.ndarray, square: Square, size: int = SIZE) -> np.ndarray:
    """The square of `picture` [h,w,3] u8 as the network wants it: [3,size,size] float32 0..1, black beyond."""
    steps = ((np.arange(size) + 0.5) / size - 0.5) * square.edge
    down, across = np.meshgrid(steps, steps, indexing="ij")
    c, s = np.cos(square.turn), np.sin(square.turn)
    at = np.stack([square.y + s * across + c * down - 0.5, square.x + c * across - s * down - 0.5])
    planes = [map_coordinates(picture[..., k], at, np.float32, order=1, mode="constant") for k in range(3)]
    return np.stack(planes) / np.float32(255)


class LandmarkNetwork:
    """The committed network on the processor."""

    def __init__(self, threads: int = 1):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        file = ASSETS / "face" / "landmarks.onnx"
        self.session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])

    def look(self, image: np.ndarray) -> tuple[float, np.ndarray]:
        """How surely `image` [3,192,192] shows a face, and the features [16000]."""
        presence, features = self.session.run(["presence", "features"], {"image": image[None]})
        return float(presence[0, 0]), features[0]
