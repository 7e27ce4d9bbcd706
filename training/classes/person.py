"""The network as the page runs it: the picture and its mirror image, halved. Twin of findPersonAsync in src/runtime/photo/faceFinder.ts."""

from pathlib import Path

import numpy as np

from ..native import PACKAGE
from .vocabulary import BODY, CLOTHES, FACE, HAIR, INPUT

ASSET = PACKAGE.parent / "assets/models/face/classes.onnx"


def sampled(image: np.ndarray, size: int = INPUT) -> np.ndarray:
    """u8 [h,w,3] -> f32 [1,3,size,size] 0..1 between the four nearest pixels, not smoothed first; borders go on."""
    values = image.astype(np.float32) / 255
    for axis, edge in enumerate(image.shape[:2]):
        at = (np.arange(size) + 0.5) * edge / size - 0.5
        low = np.floor(at).astype(int)
        share = (at - low).astype(np.float32).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        before, after = (np.take(values, np.clip(low + k, 0, edge - 1), axis) for k in (0, 1))
        values = before + share * (after - before)
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None])


class PersonFinder:
    """Person and classes in pictures."""

    def __init__(self, path: Path = ASSET):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def look(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """u8 [h,w,3] -> probabilities [5,INPUT,INPUT] in the order of vocabulary.NAMES, and alpha [INPUT,INPUT]."""
        picture = sampled(image)
        looks = [self.session.run(["classes", "alpha"], {"image": np.ascontiguousarray(x)}) for x in (picture, picture[..., ::-1])]
        classes, alpha = ((a + b[..., ::-1])[0] / 2 for a, b in zip(*looks))
        return classes, alpha[0]

    def person(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """u8 [h,w,3] -> what the page's IPersonMask holds: mask [INPUT,INPUT], and hair, skin and clothes [3,INPUT,INPUT]."""
        classes, alpha = self.look(image)
        return alpha, np.stack([classes[HAIR], classes[FACE] + classes[BODY], classes[CLOTHES]])
