"""Photos for the filling from what the evaluation has: crop, person mask and fit of today, classes from a teacher net.

The teacher (shared/data/segmentation, MIT, (c) 2021 Kazuhito Takahashi) stands in for a net of our own; it is neither
shipped nor copied."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from ..synth.crop import Crop
from .grids import ramp
from .photo import HAIR, Photo, bilinear

CROP_PX = 640  # a photo is shrunk so that its crop has at most this many pixels
TEACHER = "segmentation/hair_clothes_skin_pan.onnx"
NORMAL = np.array([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]], np.float32)
TEACHER_SIZE = 512


class Teacher:
    """Class maps of a picture. Raises FileNotFoundError without shared/data."""

    def __init__(self, root: Path):
        import onnxruntime

        if not (root / TEACHER).exists():
            raise FileNotFoundError(f"{root / TEACHER}: comes with shared/data")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(root / TEACHER), options)

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """Picture u8 [H,W,3] -> hair, skin, clothes [512,512,3] 0..1, the mean over the picture and its mirror
        image."""
        small = Image.fromarray(picture).resize((TEACHER_SIZE, TEACHER_SIZE), Image.Resampling.BILINEAR)
        x = (np.asarray(small, np.float32) / 255 - NORMAL[0]) / NORMAL[1]
        name = self.session.get_inputs()[0].name
        look = lambda y: self.session.run(None, {name: np.ascontiguousarray(y.transpose(2, 0, 1)[None])})[0][0]
        skin, clothes, hair = (look(x) + look(x[:, ::-1])[..., ::-1]) / 2
        return np.stack([hair, skin, clothes], -1)


def whole_photo(
    picture: np.ndarray, crop: Crop, mask: np.ndarray, classes: np.ndarray, fit: dict[str, np.ndarray]
) -> Photo:
    """picture u8 [H,W,3]; mask of the person f32 [S,S] in the crop; outside the crop the classes say who is there."""
    image = Image.fromarray(picture)
    shrink = min(1.0, CROP_PX / crop.side)
    if shrink < 1:
        image = image.resize((round(image.width * shrink), round(image.height * shrink)), Image.Resampling.LANCZOS)
        shrink = image.width / picture.shape[1]
        crop = Crop(np.asarray(crop.center) * shrink, crop.side * shrink, crop.roll)
    width, height = image.size
    large = [
        np.asarray(Image.fromarray(c.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR))
        for c in np.moveaxis(classes, -1, 0)
    ]
    classes = np.stack(large, -1)
    y, x = np.mgrid[0:height, 0:width]
    at = crop.to_crop(np.stack([x.ravel() + 0.5, y.ravel() + 0.5], 1))
    inside = ((at > 0) & (at < 1)).all(1).reshape(height, width)
    in_crop = bilinear(mask, at * len(mask)).reshape(height, width)
    # today's matte cuts big hair off; where the teacher is sure of hair, it is person
    matte = np.where(inside, np.maximum(in_crop, ramp(classes[..., HAIR], 0.6, 0.9)), classes.max(-1))
    camera = fit["rotation"].astype(float), fit["translation"].astype(float), float(fit["focal"][0])
    return Photo(np.asarray(image, np.float32) / 255, matte.astype(np.float32), classes, crop, *camera)
