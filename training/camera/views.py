"""Turns as the landmark network sees them: about the line of sight to its square, and with the square's roll."""

import numpy as np

from ..evaluate import film

FOCAL = 1.3  # heights of the frame, as src/runtime/camera/faceTracker.ts has it


def view_of(squares: np.ndarray) -> np.ndarray:
    """Camera from the view of each square (x, y, edge, turn) [n,4]: rotations [n,3,3]. Twin:
    src/runtime/camera/viewOfSquare.ts."""
    x, y, _, turn = squares.astype(np.float64).T
    back = np.stack(
        [-(x - film.WIDTH / 2) / film.HEIGHT / FOCAL, (y - film.HEIGHT / 2) / film.HEIGHT / FOCAL, np.ones_like(x)], 1
    )
    back /= np.linalg.norm(back, axis=1, keepdims=True)
    right = np.cross([0.0, 1, 0], back)
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    up = np.cross(back, right)
    c, s = np.cos(turn)[:, None], np.sin(turn)[:, None]
    # the picture's y goes down: its turn is clockwise
    return np.stack([c * right - s * up, s * right + c * up, back], 2)
