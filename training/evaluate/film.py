"""Films of a person before a webcam, with known expressions and head turns, for measuring who follows faces.

`python -m training.evaluate.film OUT --person N [--seconds 14]` writes OUT/film.mjpeg, which Chromium takes as a fake
camera, and OUT/truth.json. People with even numbers are for tuning, people with odd numbers for reports.
"""

import argparse
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

from ..headmodel.model import HeadModel
from ..synth import lighting
from ..synth.cameras import Camera
from ..synth.expressions import sample_expression
from ..synth.generator import Generator
from ..synth.picture import Worn
from ..synth.rig import NECK

SEED = 40_000_000  # never used for training: those stay below samples.HELD_OUT_SEED
FPS, WIDTH, HEIGHT = 30, 640, 480
REST = 2.0  # seconds without an expression, for the calibration
TURN = np.radians([14, 24, 9])  # most pitch, yaw and roll of the neck
HOLD, MOVE = (0.25, 0.7), (0.1, 0.3)  # seconds that a face is held, and that a change takes
BLINK = np.array([0.35, 0.9, 1, 0.75, 0.4, 0.15])  # of a blink, frame by frame


def waves(rng: np.random.Generator, seconds: np.ndarray, count: int) -> np.ndarray:
    """Smooth curves [n,count] within -1..1, slow as heads move."""
    out = np.zeros((len(seconds), count))
    for amplitude, slowest, fastest in ((0.65, 3.0, 5.5), (0.35, 1.2, 2.6)):
        period, phase = rng.uniform(slowest, fastest, count), rng.uniform(0, 2 * np.pi, count)
        out += amplitude * np.sin(2 * np.pi * seconds[:, None] / period + phase)
    return out


def act(rng: np.random.Generator, names: list[str], frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Expressions [n,E] and neck turns [n,3] (axis-angle) of a film; 0 in its first seconds, but for a blink."""
    start = int(REST * FPS)
    expressions = np.zeros((frames, len(names)))
    at, last = start, np.zeros(len(names))
    while at < frames:
        face = sample_expression(rng, names)
        change, hold = (max(2, int(rng.uniform(*span) * FPS)) for span in (MOVE, HOLD))
        share = np.arange(1, change + 1) / change
        ease = np.r_[share * share * (3 - 2 * share), np.ones(hold)][: frames - at, None]
        expressions[at : at + len(ease)] = last + ease * (face - last)
        at, last = at + len(ease), face
    lids = [names.index("eyeBlinkLeft"), names.index("eyeBlinkRight")]
    for frame in np.cumsum(rng.uniform(0.5, 4, frames)) * FPS:
        first = int(frame)
        if first + len(BLINK) < frames:
            part = expressions[first : first + len(BLINK), lids]
            expressions[first : first + len(BLINK), lids] = np.maximum(part, BLINK[:, None])
    seconds = np.arange(frames) / FPS
    fade = np.clip((seconds - REST) / 0.8, 0, 1)[:, None]
    return expressions, waves(rng, seconds, 3) * TURN * fade


def seat(rng: np.random.Generator, middle: np.ndarray) -> Camera:
    """A webcam on a screen, before whose middle the head is not quite. `middle` [3] of the head, canonical."""
    focal = HEIGHT * rng.uniform(1.05, 1.5)
    place = np.array([rng.uniform(-0.05, 0.05), rng.uniform(-0.03, 0.04), -rng.uniform(0.5, 0.65)])
    tilt = np.radians(rng.uniform(-8, 8))
    c, s = np.cos(tilt), np.sin(tilt)
    R = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    return Camera(R, place - R @ middle, focal, HEIGHT)


def film(generator: Generator, number: int, seconds: float, folder: Path) -> None:
    """Writes one film."""
    rig, rng = generator.rig, np.random.default_rng([SEED, number])
    person, light = generator.person(rng), lighting.sample_light(rng)
    lit = generator.crowd.occlusion.lit(light)
    rest = generator.face(person, np.zeros(rig.expression_count, np.float32), np.zeros(15))
    shade = generator.occlusion_of(person, rest, lit)
    tone = lighting.sample_tone(rng, generator.truth.luminance(person, rest, light, shade))
    torso = generator.photographer.torso(rng, person, rest, generator.photographer.neck_color(person), None)
    middle = generator.crowd.frame.head
    camera = seat(rng, middle)
    frames = int(seconds * FPS)
    expressions, turns = act(rng, rig.expressions, frames)
    wall = lighting.blur(rng.random((HEIGHT, WIDTH, 3), np.float32), 40)
    wall = (wall - wall.mean((0, 1))) * 6 + rng.uniform(0.25, 0.75, 3)
    folder.mkdir(parents=True, exist_ok=True)
    rotations, places = [], []
    with open(folder / "film.mjpeg", "wb") as file:
        for expression, turn in zip(expressions.astype(np.float32), turns):
            pose = np.zeros(15)
            pose[3:6] = turn
            face = generator.face(person, expression, pose)
            occlusion = generator.occlusion_of(person, face, lit)
            picture = generator.render(person, face, camera, light, tone, occlusion, Worn(torso))
            file.write(jpeg(rng, picture.color, picture.coverage, wall))
            neck_joint = rig.transforms(rig.full_pose(expression, pose))[NECK]
            rotations.append(camera.R @ neck_joint[:, :3])
            places.append(camera.R @ neck_joint[:, :3] @ middle + camera.R @ neck_joint[:, 3] + camera.t)
    truth = {
        "fps": FPS,
        "width": WIDTH,
        "height": HEIGHT,
        "focal": camera.f / HEIGHT,
        "restFrames": int(REST * FPS),
        "names": rig.expressions,
        "expression": np.round(expressions, 4).tolist(),
        "rotation": np.round(np.reshape(rotations, (frames, 9)), 6).tolist(),
        "place": np.round(places, 5).tolist(),
    }
    (folder / "truth.json").write_text(json.dumps(truth))


def jpeg(rng: np.random.Generator, color: np.ndarray, coverage: np.ndarray, wall: np.ndarray) -> bytes:
    """One frame [480,640,3] with the wall, noise of a sensor, and compression."""
    left = (WIDTH - HEIGHT) // 2
    image = wall.copy()
    cut = coverage[..., None]
    image[:, left : left + HEIGHT] = color * cut + image[:, left : left + HEIGHT] * (1 - cut)
    image = lighting.blur(image.clip(0, 1).astype(np.float32), 0.6) + rng.normal(0, 0.008, image.shape)
    out = io.BytesIO()
    Image.fromarray((image.clip(0, 1) * 255).round().astype(np.uint8)).save(out, "JPEG", quality=88)
    return out.getvalue()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--person", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=14)
    given = parser.parse_args()
    film(Generator(HeadModel.load(), photo_size=HEIGHT), given.person, given.seconds, given.out)
