"""Labels of photo-like portraits: where a teacher agrees with itself on the photo, its mirror image and another scale.

The teacher (shared/data/segmentation: MIT, (c) 2021 Kazuhito Takahashi) knows skin, clothes and hair; it never ships.
Face and body skin part along the face's outline. Even photo numbers are for training, odd ones for the report."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from .vocabulary import BACKGROUND, BODY, CLOTHES, FACE, HAIR, UNKNOWN

TEACHER = "segmentation/hair_clothes_skin_pan.onnx"
TEACHER_SIZE = 512
SMALLER = 0.72  # ours: the other scale, in parts of the first
SURE = 0.5  # of a sigmoid
SKIN_OUT, CLOTHES_OUT, HAIR_OUT, NONE_OUT = range(4)
MEAN, DEVIATION = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)
OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377) + (
    152,
    148,
    176,
    149,
    150,
    136,
    172,
    58,
    132,
    93,
    234,
    127,
    162,
    21,
    54,
    103,
    67,
    109,
)  # MediaPipe's outline of the face, from the forehead's middle over the left cheek
BEARD = (
    234,
    93,
    132,
    58,
    172,
    136,
    150,
    149,
    176,
    148,
    152,
    377,
    400,
    378,
    379,
    365,
    397,
    288,
    361,
    323,
    454,
    280,
    4,
    50,
)


@dataclass(frozen=True)
class Labelled:
    """image u8 [S,S,3] as photographed, inside [S,S] bool where the photo is, label u8 [S,S] (UNKNOWN where nobody
    knows), mask f32 [S,S] of the person by the matte that was at hand, agreed u8 [S,S] what the teacher alone says
    (Teacher.agreed)."""

    name: str
    image: np.ndarray
    inside: np.ndarray
    label: np.ndarray
    mask: np.ndarray
    agreed: np.ndarray


class Teacher:
    """The network of shared/data/segmentation."""

    def __init__(self, root: Path):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(root / TEACHER), options, providers=["CPUExecutionProvider"])

    def look(self, image: np.ndarray) -> np.ndarray:
        """u8 [S,S,3] -> skin, clothes, hair [3,S,S], each 0..1."""
        size = len(image)
        small = Image.fromarray(image).resize((TEACHER_SIZE, TEACHER_SIZE), Image.Resampling.BICUBIC)
        x = ((np.asarray(small, np.float32) / 255 - MEAN) / DEVIATION).transpose(2, 0, 1)[None]
        out = self.session.run(None, {self.session.get_inputs()[0].name: np.ascontiguousarray(x, np.float32)})[0][0]
        return np.stack(
            [np.asarray(Image.fromarray(plane).resize((size, size), Image.Resampling.BILINEAR)) for plane in out]
        )

    def agreed(self, image: np.ndarray) -> np.ndarray:
        """What it says about a photo in three looks: classes u8 [S,S] skin 0, clothes 1, hair 2, none 3, UNKNOWN where
        they differ."""
        size = len(image)
        looks = [self.look(image), self.look(np.ascontiguousarray(image[:, ::-1]))[:, :, ::-1]]
        small = int(SMALLER * size)
        canvas = np.full_like(image, 128)
        start = (size - small) // 2
        canvas[start : start + small, start : start + small] = np.asarray(
            Image.fromarray(image).resize((small, small), Image.Resampling.BOX)
        )
        shrunk = self.look(canvas)[:, start : start + small, start : start + small]
        looks.append(
            np.stack([np.asarray(Image.fromarray(p).resize((size, size), Image.Resampling.BILINEAR)) for p in shrunk])
        )
        votes = np.stack([np.where(x.max(0) > SURE, x.argmax(0), NONE_OUT) for x in looks])
        return np.where((votes == votes[0]).all(0), votes[0], UNKNOWN).astype(np.uint8)


def _polygon(points: np.ndarray, size: int) -> np.ndarray:
    picture = Image.new("L", (size, size))
    ImageDraw.Draw(picture).polygon([tuple(p) for p in points * size], fill=1)
    return np.asarray(picture) > 0


def classes_of(agreed: np.ndarray, landmarks: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The teacher's classes [S,S] with face and body skin apart and a matte's veto; landmarks [478,2] in parts of the
    picture."""
    size = len(agreed)
    face = _polygon(landmarks[list(OVAL)], size)
    rows = (np.arange(size)[:, None] + 0.5) / size
    mouth = landmarks[[61, 291], 1].mean()
    # under the jaw is body, beside it above the mouth are ears
    face_skin = face | (rows < mouth)
    label = np.full((size, size), UNKNOWN, np.uint8)
    skin = agreed == SKIN_OUT
    label[skin & face_skin], label[skin & ~face_skin] = FACE, BODY
    label[(agreed == CLOTHES_OUT) & ~face & (rows > mouth)], label[agreed == HAIR_OUT] = CLOTHES, HAIR
    label[(agreed == NONE_OUT) & (mask < 0.1)] = BACKGROUND
    known = (agreed != NONE_OUT) & (agreed != UNKNOWN)
    label[known & (mask < 0.02) & (agreed != HAIR_OUT)] = UNKNOWN  # the matte is sure that nobody is there
    beard = _polygon(landmarks[list(BEARD)], size) & face
    label[beard & (agreed == HAIR_OUT)] = FACE
    return label
