"""Single frames of many synthetic people before a webcam, as the page's landmark network sees them.

`python -m training.camera.frames --people 2000` fills training/cache/camera, two files per person, and goes on where it
stopped. People, light, seat and faces are drawn as in the films of training/evaluate/film.py, from other seeds and a
little wider."""

import argparse
import io
from pathlib import Path

import numpy as np
from PIL import Image

from ..evaluate import film
from ..export.export_onnx import ROOT
from ..headmodel.model import HeadModel
from ..synth import lighting
from ..synth.cameras import Camera
from ..synth.expressions import sample_expression
from ..synth.generator import Generator
from ..synth.picture import Worn
from ..synth.rig import NECK
from .landmarks import LandmarkNetwork, Square, sample_square, square_around

CACHE = ROOT / "training/cache/camera"
SEED = 41_000_000  # beside the films' seeds
RESTS, FACES = 2, 12  # frames of a person: at rest, and with a face
WIDER = 1.25  # heads turn so many times as far as in the films
BETWEEN, BLINKS = 0.35, 0.12  # shares of faces: on the way from one to another, with a blink
SHIFT = 0.03  # of the square's edge: where the last frame's landmarks lie beside this one's
LEAST_PRESENCE = 0.5
MIRROR = np.diag([-1.0, 1, 1])


def sample_face(rng: np.random.Generator, names: list[str]) -> np.ndarray:
    """Expressions [E] of one frame."""
    face = sample_expression(rng, names)
    if rng.random() < BETWEEN:
        share = rng.random()
        face = share * face + (1 - share) * sample_expression(rng, names)
    if rng.random() < BLINKS:
        lids = [names.index("eyeBlinkLeft"), names.index("eyeBlinkRight")]
        face[lids] = np.maximum(face[lids], rng.uniform(0.2, 1))
    return face.astype(np.float32)


def sample_turn(rng: np.random.Generator) -> np.ndarray:
    """Neck turn [3], axis-angle."""
    phase = rng.uniform(0, 2 * np.pi, (2, 3))
    return film.TURN * WIDER * (0.65 * np.sin(phase[0]) + 0.35 * np.sin(phase[1]))


def seat(rng: np.random.Generator, middle: np.ndarray) -> Camera:
    """The films' seats, from closer to further away."""
    camera = film.seat(rng, middle)
    away = np.array([0, 0, (camera.R @ middle + camera.t)[2] * rng.uniform(-0.25, 0.3)])
    return Camera(camera.R, camera.t + away, camera.f, camera.size)


def person(generator: Generator, network: LandmarkNetwork, number: int) -> list[dict[str, np.ndarray]]:
    """Frames of one person, those at rest first, and the same in a mirror."""
    rig, rng = generator.rig, np.random.default_rng([SEED, number])
    who, light = generator.person(rng), lighting.sample_light(rng)
    lit = generator.crowd.occlusion.lit(light)
    rest = generator.face(who, np.zeros(rig.expression_count, np.float32), np.zeros(15))
    shade = generator.occlusion_of(who, rest, lit)
    tone = lighting.sample_tone(rng, generator.truth.luminance(who, rest, light, shade))
    torso = generator.photographer.torso(rng, who, rest, generator.photographer.neck_color(who), None)
    camera = seat(rng, generator.crowd.frame.head)
    wall = lighting.blur(rng.random((film.HEIGHT, film.WIDTH, 3), np.float32), 40)
    wall = (wall - wall.mean((0, 1))) * 6 + rng.uniform(0.25, 0.75, 3)
    still = rng.normal(0, np.radians([2, 3, 2]))
    other = np.array([rig.expressions.index(partner(name)) for name in rig.expressions])
    rows: list[list[dict]] = [[], []]
    for frame in range(RESTS + FACES):
        at_rest = frame < RESTS
        expression = np.zeros(rig.expression_count, np.float32) if at_rest else sample_face(rng, rig.expressions)
        pose = np.zeros(15)
        pose[3:6] = still + rng.normal(0, np.radians(0.5), 3) if at_rest else sample_turn(rng)
        face = generator.face(who, expression, pose)
        shade = generator.occlusion_of(who, face, lit)
        taken = generator.render(
            who, face, camera, light, tone, shade, Worn(torso), supersample=1
        )  # three times as fast
        true = rig.landmarks(face.skin, rig.mp_face, rig.mp_bary)
        rotation = camera.R @ rig.transforms(rig.full_pose(expression, pose))[NECK][:, :3]
        square = square_around(camera.project(true) + [(film.WIDTH - film.HEIGHT) // 2, 0])
        shift = rng.normal(0, SHIFT, 3) * square.edge
        square = Square(square.x + shift[0], square.y + shift[1], square.edge + shift[2], square.turn)
        shot, left, top = photograph(rng, taken, wall, square)
        image = sample_square(shot, Square(square.x - left, square.y - top, square.edge, square.turn))
        for mirrored in (0, 1):
            presence, features = network.look(np.ascontiguousarray(image[:, :, ::-1]) if mirrored else image)
            if presence < LEAST_PRESENCE:
                continue
            x, turn = (film.WIDTH - square.x, -square.turn) if mirrored else (square.x, square.turn)
            rows[mirrored].append(
                {
                    "features": features.astype(np.float16),
                    "expression": (expression[other] if mirrored else expression).astype(np.float32),
                    "rotation": (MIRROR @ rotation @ MIRROR if mirrored else rotation).ravel(),
                    "rest": at_rest,
                    "square": np.float32([x, square.y, square.edge, turn]),
                }
            )
    return [{key: np.array([row[key] for row in part]) for key in part[0]} for part in rows if part]


def partner(name: str) -> str:
    """The expression of the other side."""
    side = {"Left": "Right", "Right": "Left"}
    return next((name[: -len(end)] + side[end] for end in side if name.endswith(end)), name)


def photograph(rng, taken, wall: np.ndarray, square: Square) -> tuple[np.ndarray, int, int]:
    """What of a frame [h,w,3] u8 the network sees, as the films' frames are made, and where it begins: x, y."""
    margin = (film.WIDTH - film.HEIGHT) // 2
    reach = square.edge * 0.5 * (abs(np.cos(square.turn)) + abs(np.sin(square.turn))) + 4
    left, top = (8 * int(max(0, value - reach) // 8) for value in (square.x, square.y))
    right, bottom = int(min(film.WIDTH, square.x + reach)), int(min(film.HEIGHT, square.y + reach))
    image = wall[top:bottom, left:right].copy()
    first, last = max(left, margin), min(right, film.WIDTH - margin)
    part = (slice(top, bottom), slice(first - margin, last - margin))
    cut = taken.coverage[part][..., None]
    inside = image[:, first - left : last - left]
    image[:, first - left : last - left] = taken.color[part] * cut + inside * (1 - cut)
    image = lighting.blur(image.clip(0, 1).astype(np.float32), 0.6)
    image += 0.008 * rng.standard_normal(image.shape, np.float32)
    out = io.BytesIO()
    Image.fromarray((image.clip(0, 1) * 255).round().astype(np.uint8)).save(out, "JPEG", quality=88)
    return np.asarray(Image.open(out).convert("RGB")), left, top


def fill(folder: Path, people: range) -> None:
    """Those of `people` that are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    generator, network = Generator(HeadModel.load(), photo_size=film.HEIGHT), LandmarkNetwork()
    for number in people:
        if not (folder / f"{number:06}-0.npz").exists():
            for mirrored, frames in reversed(list(enumerate(person(generator, network, number)))):
                np.savez(folder / f"{number:06}-{mirrored}.npz", **frames)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=CACHE)
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0, help="number of the first person; others may run beside it")
    given = parser.parse_args()
    fill(given.out, range(given.first, given.first + given.people))
