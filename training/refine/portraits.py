"""Photos as refinement wants them: the crop at the photo's own resolution, where the photo ends, the matte and the
landmark fit."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..evaluate.metrics import unit
from ..evaluate.observers import Observers
from ..evaluate.real_photos import cut_out, draw_crop, find
from ..synth.crop import Crop, from_crop

LEAST, MOST = 512, 1024  # pixels of the crop
CHUNK = 8  # files that are prepared at a time


@dataclass(frozen=True)
class Portrait:
    """image [3,S,S] 0..1 as photographed, inside [S,S] 1 where the photo really is, mask of the person f32 [512,512] as
    its net gives it, landmarks [478,2] in crop coordinates 0..1, fit as Observers.fit gives it."""

    name: str
    image: np.ndarray
    inside: np.ndarray
    mask: np.ndarray
    landmarks: np.ndarray
    fit: dict[str, np.ndarray]

    def cut_out(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The picture at some size [3,S,S] -> matte [S,S] 0..1, and the picture without the background's light in the
        person's rim."""
        return cut_out(image, self.mask)


def crop_size(side: float) -> int:
    """Edge of the crop in pixels for a crop whose side has `side` photo pixels: a multiple of 16 from LEAST to MOST."""
    return int(np.clip(16 * round(side / 16), LEAST, MOST))


def inside_photo(crop: Crop, width: int, height: int, size: int) -> np.ndarray:
    """[size,size]: 1 where a crop pixel's centre lies in the photo, at least a pixel of it (and of the crop) away from
    its edge."""
    at = (np.arange(size) + 0.5) / size
    x, y = from_crop(np.stack([np.tile(at, size), np.repeat(at, size)], 1), crop).T
    edge = max(1.0, crop.side / size)
    return (
        ((x >= edge) & (x <= width - edge) & (y >= edge) & (y <= height - edge)).reshape(size, size).astype(np.float32)
    )


def prepared(files: list[Path], observers: Observers, anchor_size: int, keep: Path) -> Iterator[Portrait]:
    """`prepare`, a few files at a time; portraits are kept as `keep`/prepared/<name>.npz, and files without a face as
    empty ones."""
    folder = keep / "prepared"
    folder.mkdir(parents=True, exist_ok=True)
    place = lambda name: folder / f"{name}.npz"
    missing = [file for file in files if not place(file.stem).exists()]
    for first in range(0, len(missing), CHUNK):
        some = missing[first : first + CHUNK]
        found = {portrait.name: portrait for portrait in prepare(some, observers, anchor_size)}
        for file in some:
            np.savez_compressed(place(file.stem), **(pack(found[file.stem]) if file.stem in found else {}))
    for file in files:
        content = dict(np.load(place(file.stem)))
        if content:
            yield unpack(file.stem, content)


def pack(portrait: Portrait) -> dict[str, np.ndarray]:
    """Arrays by name; the picture in bytes, as it was photographed."""
    fit = {f"fit_{name}": value for name, value in portrait.fit.items()}
    bits = {"inside": portrait.inside > 0, "image": np.round(255 * portrait.image).astype(np.uint8)}
    return {**bits, "mask": portrait.mask, "landmarks": portrait.landmarks, **fit}


def unpack(name: str, content: dict[str, np.ndarray]) -> Portrait:
    """The inverse of `pack`."""
    fit = {key.removeprefix("fit_"): value for key, value in content.items() if key.startswith("fit_")}
    image, inside = content["image"].astype(np.float32) / 255, content["inside"].astype(np.float32)
    return Portrait(name, image, inside, content["mask"], content["landmarks"], fit)


def prepare(files: list[Path], observers: Observers, anchor_size: int) -> list[Portrait]:
    """What refinement gets of each photo; photos without a face are left out."""
    found = find(files, observers)
    fits = observers.fit(found.landmarks, anchor_size)
    out = []
    for picture, (name, crop), mask, at, fit in zip(
        found.pictures, found.crops.items(), found.masks, found.landmarks, fits
    ):
        size = crop_size(crop.side)
        image = unit(draw_crop(picture, crop, size)).transpose(2, 0, 1).copy()
        height, width = picture.shape[:2]
        out.append(Portrait(name, image, inside_photo(crop, width, height, size), mask, at.astype(np.float32), fit))
    return out
