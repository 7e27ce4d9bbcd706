"""Distances between two pictures of a head. Pictures are u8 [s,s,3]; masks bool [s,s].

PSNR in dB (100 for equal pictures), SSIM (11x11 Gaussian window of sigma 1.5, mean over RGB and window positions), AKD,
AED and APD of two observed faces, CSIM. The perceptual distance is losses/perceptual.py; it is not LPIPS."""

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import correlate1d, distance_transform_edt
from scipy.spatial.transform import Rotation

from .observers import Face

MOUTH_DILATION = 8  # pixels
FACE_BOX = 3.0  # side of the face crop in longer edges of the box around five keypoints
AKD_PIXELS = 512  # AKD is given in pixels of a picture of this size
LANDMARKS = slice(0, 468)  # without the irises


def unit(picture: np.ndarray) -> np.ndarray:
    """u8 [s,s,3] -> float32 0..1."""
    return picture.astype(np.float32) / 255


def to_bytes(picture: np.ndarray) -> np.ndarray:
    """Float [3,s,s] 0..1 -> u8 [s,s,3]."""
    return np.ascontiguousarray((np.clip(picture, 0, 1) * 255).round().astype(np.uint8).transpose(1, 2, 0))


def psnr(picture: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None) -> float:
    """In dB, over the mask's pixels; 100 where nothing differs."""
    error = (unit(picture) - unit(truth)) ** 2
    return float(-10 * np.log10(max(float((error if mask is None else error[mask]).mean()), 1e-10)))


def ssim(picture: np.ndarray, truth: np.ndarray) -> float:
    """Structural similarity (Wang et al. 2004), data range 1, windows that lie inside the picture."""
    window = np.exp(-0.5 * ((np.arange(11) - 5) / 1.5) ** 2)
    window /= window.sum()

    def blur(x: np.ndarray) -> np.ndarray:
        for axis in (0, 1):
            x = correlate1d(x, window, axis)
        return x[5:-5, 5:-5]

    p, t = unit(picture).astype(np.float64), unit(truth).astype(np.float64)
    mp, mt = blur(p), blur(t)
    vp, vt, covariance = blur(p * p) - mp**2, blur(t * t) - mt**2, blur(p * t) - mp * mt
    c1, c2 = 0.01**2, 0.03**2
    return float(((2 * mp * mt + c1) * (2 * covariance + c2) / ((mp**2 + mt**2 + c1) * (vp + vt + c2))).mean())


def polygon_mask(points: np.ndarray, size: int, dilation: float) -> np.ndarray:
    """Inside of a polygon [n,2] px and what lies within `dilation` pixels of it."""
    image = Image.new("L", (size, size))
    ImageDraw.Draw(image).polygon([tuple(p) for p in points], fill=1, outline=1)
    inside = np.asarray(image) > 0
    return distance_transform_edt(~inside) <= dilation if inside.any() else inside


def face_box(keypoints: np.ndarray, size: int) -> tuple[int, int, int]:
    """Square around five keypoints [5,2] px: left, top, side. Inside the picture."""
    low, high = keypoints.min(0), keypoints.max(0)
    side = min(int(FACE_BOX * (high - low).max()), size)
    left, top = np.clip(((low + high) / 2 - side / 2).round().astype(int), 0, size - side)
    return int(left), int(top), side


def cut(picture: np.ndarray, box: tuple[int, int, int], size: int) -> np.ndarray:
    """The box of a picture u8, resized to u8 [size,size,3]."""
    left, top, side = box
    return np.asarray(
        Image.fromarray(picture[top : top + side, left : left + side]).resize((size, size), Image.Resampling.BICUBIC)
    )


def faces(seen: Face, wanted: Face, size: int) -> dict[str, float]:
    """AKD: mean landmark distance, pixels of a 512 picture and % of the eye distance. AED: blend shapes, mean |d| and
    L2. APD: degrees."""
    distance = np.hypot(*(seen.points - wanted.points)[LANDMARKS].T).mean()
    change = seen.blendshapes - wanted.blendshapes
    angles = lambda face: Rotation.from_matrix(face.rotation).as_euler("yxz", degrees=True)
    turn = np.abs((angles(seen) - angles(wanted) + 180) % 360 - 180)
    return {
        "akd": float(distance * AKD_PIXELS / size),
        "akd_percent": float(100 * distance / wanted.inter_ocular),
        "aed_l1mean": float(np.abs(change).mean()),
        "aed_l2": float(np.linalg.norm(change)),
        "apd_degrees": float(turn.mean()),
    }


def csim(seen: Face, person: Face) -> dict[str, float]:
    """Cosine of the identity features, per recognition net."""
    return {
        f"csim_{net}": float(seen.identity[net] @ person.identity[net])
        for net in seen.identity
        if net in person.identity
    }


def motion_error(pictures: np.ndarray, truths: np.ndarray, masks: np.ndarray) -> float:
    """Mean |change of our frames - change of the true ones| from frame to frame, in 1/255: u8 [n,s,s,3] twice, bool
    [n,s,s]."""
    change = lambda frames: np.diff(frames.astype(np.int16), axis=0)
    return float(np.abs(change(pictures) - change(truths))[masks[1:] | masks[:-1]].mean())


def summary(values: list[float]) -> dict[str, float]:
    """Mean, half width of its 95 % interval (normal approximation) and count."""
    x = np.asarray(values, np.float64)
    spread = 1.96 * x.std(ddof=1) / np.sqrt(len(x)) if len(x) > 1 else 0.0
    return {"mean": round(float(x.mean()), 5), "ci95": round(float(spread), 5), "n": len(x)}
