"""The networks as the page runs them: ours on the picture and its mirror image, and its alpha together with MediaPipe's
matte. Twin of findPersonAsync in src/runtime/photo/faceFinder.ts and of bothMattes.ts."""

from pathlib import Path

import numpy as np
from scipy.ndimage import distance_transform_cdt, label, uniform_filter

from ..native import PACKAGE
from .vocabulary import BODY, CLOTHES, FACE, HAIR, INPUT

FACES = PACKAGE.parent / "assets/models/face"
ASSET, MATTE = FACES / "classes.onnx", FACES / "matte.onnx"
MATTE_INPUT = 256  # pixels of MediaPipe's picture
LEAST_DOUBT = 0.001  # no network is surer than this
# MediaPipe's is 0 or 1 also where it errs: it is not as sure that something is the person, and near the person that
# something is background; how far that reaches, in edges of a square as large as the face
DOUBT_OF_PERSON, DOUBT_BESIDE, BESIDE = 0.02, 0.02, 0.5
PARTS = 0.35  # what of the matte is so high is the person; what is lower parts pieces of it


def sampled(image: np.ndarray, size: int = INPUT) -> np.ndarray:
    """u8 [h,w,3] -> f32 [1,3,size,size] 0..1 between the four nearest pixels, not smoothed first; borders go on."""
    return np.ascontiguousarray(resampled(image.astype(np.float32) / 255, size).transpose(2, 0, 1)[None])


def resampled(values: np.ndarray, size: int) -> np.ndarray:
    """f32 [h,w] or [h,w,n] -> [size,size] or [size,size,n], likewise."""
    for axis, edge in enumerate(values.shape[:2]):
        at = (np.arange(size) + 0.5) * edge / size - 0.5
        low = np.floor(at).astype(int)
        share = (at - low).astype(np.float32).reshape(-1, *(1,) * (values.ndim - 1 - axis))
        before, after = (np.take(values, np.clip(low + k, 0, edge - 1), axis) for k in (0, 1))
        values = before + share * (after - before)
    return values


def together(media_pipe: np.ndarray, ours: np.ndarray, face: np.ndarray) -> np.ndarray:
    """One matte [S,S] from two networks' and the skin of the face: the mean of their log odds, so that who is sure
    counts more. MediaPipe's certainty is limited in what it takes for the person, and beside that; what background
    parts from the face is left out."""
    reach = round(BESIDE * float(np.sqrt(face.sum())))
    person = (media_pipe > 0.5).astype(np.float64)
    around = uniform_filter(person, 2 * reach + 1, mode="nearest") if reach > 0 else np.zeros(person.shape)
    doubt = LEAST_DOUBT * (DOUBT_BESIDE / LEAST_DOUBT) ** np.minimum(1, 2 * around)
    limited = (
        np.minimum(np.maximum(media_pipe, doubt), 1 - DOUBT_OF_PERSON),
        np.clip(ours, LEAST_DOUBT, 1 - LEAST_DOUBT),
    )
    both = np.sqrt(np.prod([x / (1 - x) for x in limited], 0))
    return without_apart(both / (1 + both), face).astype(np.float32)


def without_apart(matte: np.ndarray, face: np.ndarray) -> np.ndarray:
    """The matte [S,S] without pieces that do not touch the face's, and what is around them and nearer to them."""
    start = (face > 0.5) & (matte > 0.5)
    pieces, _ = label(matte > PARTS)
    own = np.isin(pieces, pieces[start]) & (pieces > 0)
    apart = (pieces > 0) & ~own
    if not start.any() or not apart.any():
        return matte
    steps = [distance_transform_cdt(~x, "taxicab") for x in (own, apart)]
    return np.where(steps[1] < steps[0], 0, matte)


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
        mask = self.matte_session.run(["mask"], {"image": sampled(image, MATTE_INPUT)})[0][0, 0]
        return resampled(mask, INPUT)

    def person(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """u8 [h,w,3] -> what the page's IPersonMask holds: mask [INPUT,INPUT], and hair, skin and clothes
        [3,INPUT,INPUT]."""
        classes, alpha = self.look(image)
        return together(self.matte(image), alpha, classes[FACE]), np.stack(
            [classes[HAIR], classes[FACE] + classes[BODY], classes[CLOTHES]]
        )
