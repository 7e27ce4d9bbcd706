"""Writes tests/fixtures/matting.json and person.json: what the page's twins of matting.py and person.py have to find in
a small picture of strands, and in one of a head and shoulders."""

import json

import numpy as np

from ..native import PACKAGE
from . import matting
from .person import PersonFinder

FOLDER = PACKAGE.parent / "tests/fixtures"
FIXTURE, PERSON_FIXTURE = FOLDER / "matting.json", FOLDER / "person.json"
SIZE, PERSON_SIZE = 40, 48
EVERY = 3  # each so many pixels are compared
STEP = 8  # rows and columns of the network's answer that are compared


def scene(seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """A dark disc with rays before a colorful ramp: image u8 [S,S,3], and a matte u8 [S,S] that knows the disc alone,
    blurred."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    radius, angle = np.hypot(x - SIZE / 2, y - SIZE * 0.6), np.arctan2(y - SIZE * 0.6, x - SIZE / 2)
    alpha = np.clip((SIZE * 0.25 + 5 * np.maximum(0, np.sin(7 * angle)) - radius) / 2 + 0.5, 0, 1)
    back = np.stack([0.9 - 0.3 * x / SIZE, 0.5 + 0.4 * y / SIZE, 0.7 + 0 * x], -1)
    image = back + alpha[..., None] * (np.array([0.2, 0.12, 0.1]) - back) + rng.normal(0, 0.01, (SIZE, SIZE, 3))
    coarse = np.clip((SIZE * 0.3 - radius) / 5 + 0.5, 0, 1)
    return (255 * image.clip(0, 1) + 0.5).astype(np.uint8), (255 * coarse + 0.5).astype(np.uint8)


def expected() -> dict:
    image, coarse = scene()
    refined = matting.refine_matte(image.astype(np.float32) / 255, coarse.astype(np.float32) / 255)
    colors = matting.foreground(image.astype(np.float32) / 255, refined)
    solved = np.where(((refined > 0) & (refined < 1))[..., None], colors, image / 255)
    pick = np.arange(0, SIZE * SIZE, EVERY)
    return {
        "size": SIZE,
        "every": EVERY,
        "image": image.ravel().tolist(),
        "matte": coarse.ravel().tolist(),
        "refined": [round(float(v), 4) for v in refined.ravel()[pick]],
        "colors": [round(float(255 * v), 1) for v in solved.reshape(-1, 3)[pick].ravel()],
    }


def head_and_shoulders(seed: int = 4) -> np.ndarray:
    """u8 [S,S,3]: a face with hair around it and a blue torso before a wall; rather a drawing, but the network knows
    what it sees."""
    rng = np.random.default_rng(seed)
    y, x = (np.mgrid[:PERSON_SIZE, :PERSON_SIZE] + 0.5) / PERSON_SIZE - 0.5

    def ellipse(across: float, down: float, middle: float) -> np.ndarray:
        return np.clip(0.5 + PERSON_SIZE * min(across, down) * (1 - np.hypot(x / across, (y - middle) / down)), 0, 1)[
            ..., None
        ]

    image = np.stack([0.75 - 0.2 * x, 0.78 + 0.1 * y, 0.7 + 0 * x], -1)
    layers = (
        (ellipse(0.25, 0.33, -0.08), (0.2, 0.12, 0.08)),
        (ellipse(0.45, 0.25, 0.5), (0.15, 0.25, 0.55)),
        (ellipse(0.09, 0.2, 0.18), (0.75, 0.53, 0.43)),
        (ellipse(0.17, 0.23, -0.02), (0.85, 0.62, 0.5)),
    )
    for share, color in layers:
        image = image + share * (np.array(color) - image)
    for across, down, wide in ((-0.07, -0.06, 0.025), (0.07, -0.06, 0.025), (0, 0.1, 0.05)):  # eyes and mouth
        image[np.hypot((x - across) / wide, (y - down) / 0.018) < 1] = 0.25, 0.12, 0.1
    return (255 * (image + rng.normal(0, 0.015, image.shape)).clip(0, 1) + 0.5).astype(np.uint8)


def expected_person() -> dict:
    image = head_and_shoulders()
    mask, classes = PersonFinder().person(image)
    at = slice(STEP // 2, None, STEP)
    maps = {"mask": mask, "hair": classes[0], "skin": classes[1], "clothes": classes[2]}
    seen = {name: [round(float(v), 4) for v in plane[at, at].ravel()] for name, plane in maps.items()}
    return {"size": PERSON_SIZE, "step": STEP, "image": image.ravel().tolist(), **seen}


def main() -> None:
    for path, values in ((FIXTURE, expected()), (PERSON_FIXTURE, expected_person())):
        path.write_text(json.dumps(values, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
