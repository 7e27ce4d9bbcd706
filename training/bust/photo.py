"""A photo as the filling wants it, and looking up its pixels at points of canonical space."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ..synth.crop import Crop, from_crop
from .garment import Rows, found_clothes

HAIR, SKIN, CLOTHES = 0, 1, 2
EARS, CHIN = np.array([0.0, 0.0, 0.05]), np.array([0.0, -0.085, 0.06])  # canonical, where heights of a photo are read
MOUTH = np.array([0.0, -0.05, 0.055])  # up to here a collar may reach
NECK, CROWN = np.array([0.0, -0.075, -0.035]), np.array([0.0, 0.1, -0.035])  # canonical: the neck's joint; above it
# radians: a head that leans by no more counts as straight on the torso; more than the other is not believed
STRAIGHT_NECK, MOST_LEAN = np.radians(3), np.radians(20)
BEARD = 0.065, 0.05  # meters around the chin that a beard may reach
# of the crop: pixels of the person that no class wants are taken for the color of clothes where there are so many
MUCH_LEFT = 0.006
LOW = 0.05  # of the crop's side over the photo's lower edge, where a garment is rather than a beard or a lock
# of the crop's side: reach of the box in which hair must be seen for an undecided pixel to count as hair
NEAR_HAIR = 0.02


@dataclass(frozen=True)
class Photo:
    """The whole photo (not only the crop) and where it was taken from.

    image [H,W,3] 0..1, matte [H,W] 0..1, classes [H,W,3] 0..1 (hair, skin, clothes); camera of the crop: R [3,3], t [3]
    m, focal in crop sides (docs/conventions.md, "Camera of a crop"). `matrices` [5,4,4] skin the joints in the photo's
    pose. `garment` [H,W] 0..1: clothes whose color may be believed, fewer than in `classes`; of a cleaned photo."""

    image: np.ndarray
    matte: np.ndarray
    classes: np.ndarray
    crop: Crop
    R: np.ndarray
    t: np.ndarray
    focal: float
    matrices: np.ndarray = field(default_factory=lambda: np.tile(np.eye(4), (5, 1, 1)))
    garment: np.ndarray | None = None
    from_behind: bool = False  # the outline alone says where it was taken from (back.py)

    @property
    def eye(self) -> np.ndarray:
        """Camera centre [3]."""
        return -self.R.T @ self.t

    @property
    def yaw(self) -> float:
        """Azimuth of the camera about the head, radians, positive to the head's left."""
        return float(np.arctan2(self.eye[0], self.eye[2]))

    @cached_property
    def lean(self) -> float:
        """Radians that the head leans to the right of the picture on a torso that is upright in it."""
        (left, top), (right, low) = (self.project(point)[0] for point in (CROWN, NECK))
        lean = float(np.arctan2(left - right, low - top))
        lean -= np.pi / 2 * np.round(lean / (np.pi / 2))  # the photo itself may lie on its side
        return float(np.sign(lean) * np.clip(abs(lean) - STRAIGHT_NECK, 0, MOST_LEAN))

    @cached_property
    def torso(self) -> Photo:
        """The same photo with the camera of the torso: the head leans, the shoulders do not."""
        if self.lean == 0:
            return self
        turn, neck = self._turn, self.R @ NECK + self.t
        return replace(self, R=turn @ self.R, t=turn @ (self.t - neck) + neck)

    @property
    def _turn(self) -> np.ndarray:
        c, s = np.cos(self.lean), np.sin(self.lean)
        return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])

    def posed(self, points: np.ndarray, share: np.ndarray) -> np.ndarray:
        """Points at rest [...,3] as they are in the photo, in the head's frame; `share` [...] of the torso's joint."""
        if self.lean == 0:
            return points
        neck, camera = self.R @ NECK + self.t, points @ self.R.T + self.t
        moved = (camera - neck) @ self._turn.T + neck
        return (camera + share[..., None] * (moved - camera) - self.t) @ self.R

    def unposed(self, points: np.ndarray, share: np.ndarray) -> np.ndarray:
        """Inverse of `posed`."""
        if self.lean == 0:
            return points
        neck, camera = self.R @ NECK + self.t, points @ self.R.T + self.t
        x, y = np.moveaxis(camera[..., :2] - neck[:2], -1, 0)
        c, s = 1 - share + share * np.cos(self.lean), share * np.sin(self.lean)
        size = c * c + s * s
        back = np.stack([(c * x + s * y) / size + neck[0], (c * y - s * x) / size + neck[1], camera[..., 2]], -1)
        return (back - self.t) @ self.R

    @cached_property
    def sure(self) -> np.ndarray:
        """Matte [H,W] a hundredth of the crop inside its edge: no background mixes into colors there."""
        return eroded(self.matte, max(1, round(0.01 * self.crop.side)))

    @cached_property
    def hairless(self) -> np.ndarray:
        """1 - hair [H,W], a hundredth of the crop away from it."""
        return eroded(1 - self.classes[..., HAIR], max(1, round(0.01 * self.crop.side)))

    def cleaned(self) -> Photo:
        """The same photo with classes that add up: what is worn above the ears is hair (hats are part of it); a pixel
        of the person that is nothing is hair where hair is near, down to the chin, and else clothes, below the ears."""
        rows = np.arange(self.matte.shape[0]) + 0.5
        over = lambda point: np.clip((self.project(point)[0][1] - rows) / (0.05 * self.crop.side) + 0.5, 0, 1)[:, None]
        worn, head = over(EARS), over(CHIN)
        hair, skin, clothes = np.moveaxis(self.classes, -1, 0)
        classes = np.stack([np.maximum(hair, worn * clothes), skin, (1 - worn) * clothes], -1)
        found = found_clothes(self.image, self.matte, classes, self.crop.side, self._rows())
        matte = self.matte * found.kept
        hair, skin, garment = np.moveaxis(found.classes, -1, 0)
        # fills holes, grows little
        near = np.clip(3 * box(hair * matte, max(1, round(NEAR_HAIR * self.crop.side))) - 1, 0, 1)
        rest = np.clip(matte - found.classes.max(-1) - found.beard, 0, 1)
        hair = np.maximum(hair, head * near * rest)
        clothes = np.maximum(garment, (1 - worn) * (1 - head * near) * rest)
        believed = np.where(found.scenic > 0.5, garment, clothes)
        if (believed - garment).sum() > MUCH_LEFT * self.crop.side**2:
            garment = believed
        garment = np.zeros_like(garment) if found.is_scene else garment
        return replace(self, matte=matte, classes=np.stack([hair, skin, clothes], -1), garment=garment)

    @property
    def below_head(self) -> np.ndarray:
        """Pixels [H,W] at the photo's lower edge that are no beard."""
        x, y, wide, high = self._rows().beard
        rows, columns = np.mgrid[0 : self.matte.shape[0], 0 : self.matte.shape[1]] + 0.5
        is_low = self.lower_edge(np.stack([columns, rows], -1)) < LOW * self.crop.side
        return is_low & (((columns - x) / wide) ** 2 + ((rows - y) / high) ** 2 >= 1)

    def _rows(self) -> Rows:
        """Where clothes may begin, and what may be a beard."""
        (_, ears), (_, mouth), (x, chin) = (self.project(point)[0] for point in (EARS, MOUTH, CHIN))
        meter = self.focal * self.crop.side / float(self.project(CHIN)[1])
        return Rows(ears, mouth, chin, (x, chin, BEARD[0] * meter, BEARD[1] * meter))

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points [...,3] -> pixels of the photo [...,2] (x right, y down) and depth [...] m."""
        camera = points @ self.R.T + self.t
        depth = np.maximum(-camera[..., 2], 0.05)
        at = np.stack([0.5 + self.focal * camera[..., 0] / depth, 0.5 - self.focal * camera[..., 1] / depth], -1)
        return from_crop(at.reshape(-1, 2), self.crop).reshape(at.shape), depth

    def lower_edge(self, px: np.ndarray) -> np.ndarray:
        """Pixels [...] from places [...,2] down to the photo's lower edge; negative below it."""
        return self.matte.shape[0] - px[..., 1]

    def inside(self, px: np.ndarray, margin: float = 1.0) -> np.ndarray:
        """Whether pixels [...,2] lie in the photo, `margin` pixels from its edge."""
        height, width = self.matte.shape
        return (
            (px[..., 0] >= margin)
            & (px[..., 0] <= width - margin)
            & (px[..., 1] >= margin)
            & (px[..., 1] <= height - margin)
        )


def eroded(values: np.ndarray, reach: int) -> np.ndarray:
    """Least value [H,W] in a square of 2 reach + 1 pixels; edges go on."""
    for axis in (0, 1):
        padded = np.pad(values, [(reach, reach) if k == axis else (0, 0) for k in (0, 1)], mode="edge")
        values = np.minimum.reduce(
            [np.take(padded, np.arange(k, k + values.shape[axis]), axis) for k in range(2 * reach + 1)]
        )
    return values


def box(values: np.ndarray, reach: int) -> np.ndarray:
    """Mean [H,W] over a square of 2 reach + 1 pixels; edges go on."""
    for axis in (0, 1):
        padded = np.pad(values, [(reach + 1, reach) if k == axis else (0, 0) for k in (0, 1)], mode="edge")
        total = padded.cumsum(axis)
        n = values.shape[axis]
        values = (
            np.take(total, np.arange(2 * reach + 1, 2 * reach + 1 + n), axis) - np.take(total, np.arange(n), axis)
        ) / (2 * reach + 1)
    return values


def bilinear(picture: np.ndarray, px: np.ndarray) -> np.ndarray:
    """Values [...,k] (or [...]) of a picture [H,W,k] ([H,W]) at pixels [...,2]; pixel centres are at +0.5; edges go
    on."""
    height, width = picture.shape[:2]
    x = np.clip(px[..., 0] - 0.5, 0, width - 1)
    y = np.clip(px[..., 1] - 0.5, 0, height - 1)
    x0, y0 = np.minimum(x.astype(int), width - 2), np.minimum(y.astype(int), height - 2)
    fx, fy = x - x0, y - y0
    if picture.ndim == 3:
        fx, fy = fx[..., None], fy[..., None]
    top = picture[y0, x0] * (1 - fx) + picture[y0, x0 + 1] * fx
    low = picture[y0 + 1, x0] * (1 - fx) + picture[y0 + 1, x0 + 1] * fx
    return top * (1 - fy) + low * fy
