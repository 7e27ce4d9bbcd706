"""The networks as the page runs them: ours on the picture and its mirror image, and its alpha together with MediaPipe's
matte. Twin of findPersonAsync in src/runtime/photo/faceFinder.ts."""

from pathlib import Path

import numpy as np

from ..native import PACKAGE
from .vocabulary import BODY, CLOTHES, FACE, HAIR, INPUT

FACES = PACKAGE.parent / "assets/models/face"
ASSET, MATTE = FACES / "classes.onnx", FACES / "matte.onnx"
LEAST_DOUBT = 0.001  # no network is surer than this


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


def together(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The mean of two probabilities' log odds: who is sure counts more than who is not."""
    odds = [x / (1 - x) for x in (np.clip(a, LEAST_DOUBT, 1 - LEAST_DOUBT), np.clip(b, LEAST_DOUBT, 1 - LEAST_DOUBT))]
    both = np.sqrt(odds[0] * odds[1])
    return both / (1 + both)


class PersonFinder:
    """Person and classes in pictures."""

    def __init__(self, path: Path = ASSET):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session, self.matte_session = (
            onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
            for file in (path, MATTE)
        )

    def look(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """u8 [h,w,3] -> probabilities [5,INPUT,INPUT] in the order of vocabulary.NAMES, and alpha [INPUT,INPUT]."""
        picture = sampled(image)
        looks = [
            self.session.run(["classes", "alpha"], {"image": np.ascontiguousarray(x)})
            for x in (picture, picture[..., ::-1])
        ]
        classes, alpha = ((a + b[..., ::-1])[0] / 2 for a, b in zip(*looks))
        return classes, alpha[0]

    def matte(self, image: np.ndarray) -> np.ndarray:
        """u8 [h,w,3] -> mask [INPUT,INPUT] of MediaPipe's selfie segmentation."""
        return self.matte_session.run(["mask"], {"image": sampled(image)})[0][0, 0]

    def person(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """u8 [h,w,3] -> what the page's IPersonMask holds: mask [INPUT,INPUT], and hair, skin and clothes
        [3,INPUT,INPUT]."""
        classes, alpha = self.look(image)
        return together(self.matte(image), alpha), np.stack(
            [classes[HAIR], classes[FACE] + classes[BODY], classes[CLOTHES]]
        )
