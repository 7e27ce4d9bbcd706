"""The tone of each of several photos: hair and bust that two of them show must not be two-toned (ALGORITHM.md)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .head import SOLID, Head, depth_picture, hidden_by
from .photo import HAIR, Photo, bilinear

AXIS = np.array([0.0, 0.0, -0.03])  # canonical: the head's surface looks away from a vertical through it
FACING, SLACK = 0.5, 0.004  # least cosine to the camera, and meters behind the least depth, of Gaussians that count
FLOOR, LIMIT = 0.02, 2.0  # added to both colors before their ratio; most that a photo's tone changes by
LEAST = 64  # Gaussians of the face from which on it is believed
TINT = 1.33  # most that a channel of a photo from behind changes by
LEAST_PIXELS = 200  # of hair, or of clothes, from which on their color counts


def toned(photos: list[Photo], head: Head) -> list[Photo]:
    """The same photos in the tone of the head's face, which has the mean tone of all; one alone stays as it is."""
    if len(photos) < 2:
        return photos
    face = (head.opacity > SOLID) & ~head.scalp & ~head.neck
    means, color = head.means[face], head.color[face]
    out = []
    for photo in photos:
        normal = (means - AXIS) * [1, 0, 1]
        to = photo.eye - means
        cosine = (normal * to).sum(-1) / (np.linalg.norm(normal, axis=-1) * np.linalg.norm(to, axis=-1))
        px, _ = photo.project(means)
        seen = (cosine > FACING) & photo.inside(px, 2) & (bilinear(photo.sure, px) > 0.9)
        seen &= ~hidden_by(means, depth_picture(head, photo), photo, SLACK)
        if seen.sum() < LEAST:
            out.append(photo)
            continue
        ratio = np.log((color[seen] + FLOOR) / (bilinear(photo.image, px[seen]) + FLOOR))
        gain = np.exp(np.sort(ratio, 0)[len(ratio) // 2])
        out.append(replace(photo, image=photo.image * np.clip(gain, 1 / LIMIT, LIMIT)))
    return out


def tinted(back: Photo, front: Photo) -> Photo:
    """A photo from behind in the tint of the front's hair and clothes. It keeps its light: there is no face that tells
    how much of it is the lamp's."""
    total, weight = np.zeros(3), 0.0
    for found in (lambda p: p.classes[..., HAIR], lambda p: p.garment * p.hairless):
        ours, wanted = (middle(p.image[(found(p) > 0.8) & (p.sure > 0.8)]) for p in (back, front))
        if ours is None or wanted is None:
            continue
        ratio = np.log((wanted + FLOOR) / (ours + FLOOR))
        light = min(ours.mean(), wanted.mean())  # dark colors tell little
        total, weight = total + light * (ratio - ratio.mean()), weight + light
    gain = np.exp(total / max(weight, 1e-6))
    return replace(back, image=back.image * np.clip(gain, 1 / TINT, TINT))


def middle(pixels: np.ndarray) -> np.ndarray | None:
    """Median color [3] of pixels [n,3]; None of few."""
    return np.sort(pixels, 0)[len(pixels) // 2] if len(pixels) >= LEAST_PIXELS else None
