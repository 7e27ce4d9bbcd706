"""One picture of a recording, and the view of the head cut out of it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..headmodel.model import HeadModel

HEAD_METERS = 0.32  # side of a crop at the head, as docs/conventions.md "Crop"
BACKGROUND = 128  # grey 0.5


@dataclass(frozen=True)
class Frame:
    """One picture. Space and camera axes as in docs/conventions.md; coefficients are those of the recording's head
    model."""

    subject: str
    timestep: int
    view: int
    load: Callable[[], tuple[Image.Image, Image.Image]]  # RGB, mask L (255 = person)
    intrinsics: np.ndarray  # [4] focal x, focal y, principal x, principal y in px
    R: np.ndarray  # [3,3] camera from posed head (axis-angle pose applied, no translation)
    t: np.ndarray  # [3] meters
    expression: np.ndarray  # [E]
    pose: np.ndarray  # [15] axis-angle: global, neck, jaw, eyes


@dataclass(frozen=True)
class HeadView:
    """Square picture [3,S,S] in 0..1 over grey, mask [S,S] in 0..1, and its camera with a central principal point."""

    picture: np.ndarray
    mask: np.ndarray
    R: np.ndarray
    t: np.ndarray
    f: float


def head_center(head: HeadModel, pose: np.ndarray) -> np.ndarray:
    """Middle of the eyes and the mouth [3] under a pose [15] (turn of global and neck only)."""
    points = head.landmarks68(head.lbs(head.template, np.r_[pose[:6], np.zeros(9)].reshape(5, 3)))
    return points[[36, 39, 42, 45, 48, 54]].mean(0)


def head_view(frame: Frame, head: HeadModel, size: int, meters: float = HEAD_METERS) -> HeadView:
    """The frame seen by a camera at the same place that looks straight at the head: a turn and a zoom, so nothing is
    approximated.

    Raises ValueError when the head is behind the camera."""
    center = frame.R @ head_center(head, frame.pose) + frame.t
    if center[2] > -0.05:
        raise ValueError(f"{frame.subject}, time {frame.timestep}, view {frame.view}: the head is behind the camera")
    towards = -center / np.linalg.norm(center)  # +Z of the new camera points back at the viewer
    side = np.cross([0.0, 1.0, 0.0], towards)
    side /= np.linalg.norm(side)
    turn = np.stack([side, np.cross(towards, side), towards])  # new camera from old
    f = size * float(np.linalg.norm(center)) / meters
    # pixel (u, v) of the new picture -> ray in the old camera -> old pixel; y points down in pictures and up in the
    # camera
    to_ray = turn.T @ np.array([[1 / f, 0, -size / 2 / f], [0, -1 / f, size / 2 / f], [0, 0, -1]])
    fx, fy, cx, cy = frame.intrinsics
    factor = max(1, round((fx + fy) / 2 / f))  # shrinking without a filter would alias
    to_pixel = np.array([[-fx, 0, cx], [0, fy, cy], [0, 0, factor]]) / factor
    homography = to_pixel @ to_ray
    coefficients = (homography / homography[2, 2]).ravel()[:8]
    warp = lambda image: image.reduce(factor).transform(
        (size, size), Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC
    )
    picture, mask = frame.load()
    cut = np.asarray(warp(mask), np.float32) / 255
    color = np.asarray(warp(picture), np.float32).transpose(2, 0, 1) / 255
    return HeadView(color * cut + BACKGROUND / 255 * (1 - cut), cut, turn @ frame.R, turn @ frame.t, f)
