"""Pairs of pictures, what is measured on them, and the means of it."""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import torch

from ..losses.perceptual import PerceptualDistance
from ..models.landmarks import INNER_LIPS, NOSE_TIP, Landmarks, project
from . import metrics
from .captures import Capture, Shot
from .observers import Observers

FACE_YAW = 60  # degrees: farther round, the mouth and the face are not measured
CROP = 256  # pixels of a face crop (the protocol has 512; our pictures are 256)


@dataclass
class Frame:
    """One picture of ours. `person`: picture whose identity it should show; `motion`: picture whose face it should
    make. u8 [s,s,3]."""

    study: str
    row: str
    subject: str
    picture: np.ndarray
    truth: np.ndarray | None = None
    mask: np.ndarray | None = None
    box: tuple[int, int, int] | None = None
    mouth: np.ndarray | None = None
    person: np.ndarray | None = None
    motion: np.ndarray | None = None
    shown: np.ndarray | None = None  # for the report, where there is no truth to compare with
    condition: str = ""
    values: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Truth:
    """A shot with what is measured on it: the face crop and the mouth, None where the face is turned away."""

    shot: Shot
    box: tuple[int, int, int] | None
    mouth: np.ndarray | None

    @staticmethod
    def of(landmarks: Landmarks, capture: Capture, shot: Shot) -> "Truth":
        if abs(shot.yaw) > FACE_YAW:
            return Truth(shot, None, None)
        static, delta = capture.static[:3], shot.delta[:3]
        factor = static.shape[-1] // delta.shape[-1]
        offsets = static + delta.repeat(factor, -2).repeat(factor, -1)
        size = len(shot.picture)
        at = project(landmarks.points(offsets, shot.expression, shot.pose), shot.R, shot.t, shot.f, size)
        eyes = [at[[33, 133]].mean(0), at[[362, 263]].mean(0)]
        box = metrics.face_box(np.stack([*eyes, at[NOSE_TIP], at[61], at[291]]), size)
        return Truth(shot, box, metrics.polygon_mask(at[INNER_LIPS], size, metrics.MOUTH_DILATION) & shot.mask)

    def frame(self, study: str, row: str, subject: str, picture: np.ndarray, **more) -> Frame:
        """Our picture beside this truth; face metrics only where the face is seen."""
        shown = self.shot.picture if self.box else None
        given = {"truth": self.shot.picture, "mask": self.shot.mask, "box": self.box, "mouth": self.mouth}
        return Frame(study, row, subject, picture, **given, person=shown, motion=shown, **more)


@lru_cache(1)  # several rows are compared with one truth
def true_features(net: PerceptualDistance, size: int, picture: bytes) -> list[torch.Tensor]:
    return net.features(tensor(np.frombuffer(picture, np.uint8).reshape(size, size, 3)))


def tensor(picture: np.ndarray) -> torch.Tensor:
    """u8 [s,s,3] -> [1,3,s,s] 0..1."""
    return torch.from_numpy(metrics.unit(picture).transpose(2, 0, 1).copy())[None]


@torch.no_grad()
def perceptual(
    net: PerceptualDistance, picture: np.ndarray, truth: np.ndarray, mask: np.ndarray | None
) -> tuple[float, float | None]:
    """Distance over the whole picture, and over the mask (None without)."""
    wanted = true_features(net, len(truth), truth.tobytes())
    distances = [(a - b).square().sum(1, keepdim=True) for a, b in zip(net.features(tensor(picture)), wanted)]
    whole = float(np.mean([float(d.mean()) for d in distances]))
    if mask is None or not mask.any():
        return whole, None
    weight = torch.from_numpy(mask.astype(np.float32))[None, None]
    shares = [torch.nn.functional.adaptive_avg_pool2d(weight, d.shape[-2:]) for d in distances]
    return whole, float(np.mean([float((d * w).sum() / w.sum()) for d, w in zip(distances, shares)]))


def measure(frames: list[Frame], observers: Observers, net: PerceptualDistance | None) -> None:
    """Fill every frame's `values`."""
    for frame in frames:
        if frame.truth is not None:
            frame.values |= picture_values(frame, net)
    wanted = [f for f in frames if f.person is not None or f.motion is not None]
    # all at once: starting the nets takes seconds
    observers.look([p for f in wanted for p in (f.picture, f.person, f.motion) if p is not None])
    for frame in wanted:
        look = lambda p: None if p is None else observers.look([p])[0]
        seen, person, motion = look(frame.picture), look(frame.person), look(frame.motion)
        if (motion or person) and not observers.missing.get("tracker"):
            frame.values["face_found"] = float(seen is not None)
        if seen and motion:
            frame.values |= metrics.faces(seen, motion, len(frame.picture))
        if seen and person:
            frame.values |= metrics.csim(seen, person)


def head_values(frame: Frame) -> dict[str, float]:
    """`psnr_masked` on the head's mask, `mouth_psnr` on the mouth where it is seen."""
    values = {"psnr_masked": metrics.psnr(frame.picture, frame.truth, frame.mask)}
    if frame.mouth is not None and frame.mouth.any():
        values["mouth_psnr"] = metrics.psnr(frame.picture, frame.truth, frame.mouth)
    return values


def picture_values(frame: Frame, net: PerceptualDistance | None) -> dict[str, float]:
    """`head_values`, and more on the face crop where there is one, else on the whole picture."""
    values = head_values(frame)
    picture, truth, mouth = frame.picture, frame.truth, frame.mouth
    if frame.box is not None:
        picture, truth = metrics.cut(picture, frame.box, CROP), metrics.cut(truth, frame.box, CROP)
        if mouth is not None:
            mouth = metrics.cut(mouth.astype(np.uint8) * 255, frame.box, CROP) > 127
    prefix = "" if frame.box is not None else "whole_"
    values |= {f"{prefix}psnr": metrics.psnr(picture, truth), f"{prefix}ssim": metrics.ssim(picture, truth)}
    if net is not None:
        whole, at_mouth = perceptual(net, picture, truth, mouth)
        values[f"{prefix}perceptual"] = whole
        if at_mouth is not None:
            values["mouth_perceptual"] = at_mouth
    return values


def table(frames: list[Frame]) -> dict[str, dict[str, dict[str, float]]]:
    """Means by row (with condition, where one is given) and metric."""
    rows: dict[str, dict[str, list[float]]] = {}
    for frame in frames:
        row = rows.setdefault(f"{frame.row} @ {frame.condition}" if frame.condition else frame.row, {})
        for name, value in frame.values.items():
            row.setdefault(name, []).append(value)
    return {row: {name: metrics.summary(values) for name, values in columns.items()} for row, columns in rows.items()}
