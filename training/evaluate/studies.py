"""What the model is asked to do, as frames to measure. Every study has an oracle row (what the truth itself scores) and
a floor row.

Floors: the avatar of another person under the same drive ("floor: wrong person"); an avatar that does not move ("floor:
not driven")."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from ..models.landmarks import Landmarks
from ..refine.views import View
from ..synth.generator import UNFITTED_YAW
from .captures import Capture, Shot, Sitter, sample_capture
from .frames import Frame, Truth
from .metrics import motion_error, to_bytes
from .puppets import Puppet, Puppeteer
from .refined import Refiner, Seat

# of the sweep with four photos; the last one comes without a landmark fit: no detector sees a face there
PHOTO_YAWS = (0, 70, -70, 180)
INPUT_EXPRESSIONS = {
    "neutral": {},
    "smile": {"mouthSmile": 0.9, "cheekSquint": 0.5},
    "mouth open": {"jawOpen": 0.7},
    "pucker": {"mouthPucker": 0.9},
    "frown": {"browDown": 0.9, "mouthFrown": 0.7},
    "eyes closed": {"eyeBlink": 1.0},
    "surprise": {"browInnerUp": 0.9, "browOuterUp": 0.9, "eyeWide": 0.8, "jawOpen": 0.35},
}
DRIVES = (
    {"jawOpen": 0.6, "mouthSmile": 0.3},
    {"mouthSmile": 0.9, "cheekSquint": 0.6, "eyeSquint": 0.4},
    {"mouthPucker": 0.8, "browInnerUp": 0.8},
    {"browDown": 0.9, "noseSneer": 0.6, "mouthStretch": 0.5},
)
TRACKER_NOISE = 0.01  # ours: standard deviation of coefficients of a webcam tracker held still
# with the photos' own detail; camera and expression exact
REFINED, REFINED_FOUR = "1 photo, refined", "4 photos, refined"
SKINNED = "1 photo, skinning alone"
PERFECT = "oracle: 1 photo, true deltas"  # no bound: on wrong maps a driver may do better than the truth's deltas
ORACLE_STILL = "oracle: true maps, skinning alone"  # beside ORACLE: what true deltas are worth on true maps
ORACLE, SELF, WRONG, STILL = (
    "oracle: true maps splatted",
    "oracle: truth against itself",
    "floor: wrong person",
    "floor: not driven",
)


@dataclass(frozen=True)
class Plan:
    """How much is looked at."""

    identities: int = 36  # of each held-out set, at most
    sitters: int = 4  # people before fixed cameras
    sweep_yaws: tuple[int, ...] = tuple(range(-180, 180, 30))
    input_yaws: tuple[int, ...] = (-75, -50, -25, 0, 25, 50, 75)
    input_expressions: tuple[str, ...] = tuple(INPUT_EXPRESSIONS)
    clips: int = 2  # people in the temporal study
    clip_frames: int = 12  # at 25 per second
    permuted: int = 4  # people whose photos are put in other orders
    real_photos: int = 60

    @staticmethod
    def quick() -> "Plan":
        """Every study, hardly any people: for tests."""
        return Plan(2, 2, (0, 180), (0, 50), ("neutral", "smile"), 1, 4, 1, 2)


def photo_row(n: int) -> str:
    return "1 photo" if n == 1 else f"{n} photos"


def self_reenactment(
    model: Puppeteer, landmarks: Landmarks, samples: list[tuple[str, dict]], name: str
) -> Iterator[Frame]:
    """New views and expressions of held-out people, from 1 to 4 photos, without landmark fit, and by skinning alone."""
    study = f"self-reenactment, {name}"
    first = [sample_capture(sample, title, 1) for title, sample in samples]
    for i, (capture, (title, sample)) in enumerate(zip(first, samples)):
        truths = [Truth.of(landmarks, capture, shot) for shot in capture.shots]
        one, blind = model.of(capture), model.of(capture, anchored=False)
        # the next sample may be the same person with other hair
        stranger = model.of(first[(i + (len(first) + 1) // 2) % len(first)])
        for truth in truths:
            add = lambda row, picture: truth.frame(study, row, title, picture)  # noqa: B023
            yield add("1 photo", model.draw(one, truth.shot))
            yield add("1 photo, no landmark fit", model.draw(blind, truth.shot))
            yield add(SKINNED, model.draw(one, truth.shot, driven=False))
            yield add(PERFECT, model.splat(one.static, model.true_delta(capture, truth.shot), truth.shot))
            yield add(ORACLE, model.oracle(capture, truth.shot))
            yield add(ORACLE_STILL, model.splat(capture.static, None, truth.shot))
            if i < 2:
                yield add(SELF, truth.shot.picture)
            yield add(WRONG, model.draw(stranger, truth.shot))
        for n in range(2, len(sample["photos"]) + 1):
            more = sample_capture(sample, title, n)
            puppet = model.of(more, n)
            for shot in more.shots:
                yield Truth.of(landmarks, more, shot).frame(study, photo_row(n), title, model.draw(puppet, shot))


def refined(
    refiner: Refiner, landmarks: Landmarks, sitter: Sitter, puppet: Puppet, photos: list[tuple[np.ndarray, float, dict]]
) -> Puppet:
    """The puppet with the detail of photos [3,S,S] of a yaw and coefficients by name; photos that show no face give
    none."""
    seat, views = Seat(sitter, landmarks), []
    for photo, yaw, weights in photos:
        if abs(yaw) < UNFITTED_YAW:
            rest = seat.photo(yaw, weights)[2]
            views.append(View(image=torch.from_numpy(photo), delta=refiner.delta(puppet, rest["expression"]), **rest))
    return replace(puppet, static=refiner.refine(puppet, views).static.numpy())


def cross_reenactment(
    model: Puppeteer, landmarks: Landmarks, sitters: list[Sitter], yaws: tuple[int, ...] = (0, 25)
) -> Iterator[Frame]:
    """Each person makes the faces of the next one: identity against their own photo, motion against the other's
    picture."""
    study = "cross-reenactment"
    captures = [sitter.capture([sitter.photo()], []) for sitter in sitters]
    puppets = [model.of(capture) for capture in captures]
    refiner = Refiner(model)
    for i, sitter in enumerate(sitters):
        sharp = refined(refiner, landmarks, sitter, puppets[i], [(captures[i].photos[0], 0, {})])
        other = sitters[(i + 1) % len(sitters)]
        photo = to_bytes(captures[i].photos[0])
        for k, drive in enumerate(DRIVES):
            yaw = yaws[k % len(yaws)]
            driver = other.shot(yaw, 0, other.expression(**drive))
            shown = sitter.shot(yaw, 0, sitter.expression(**drive))
            rest = sitter.shot(yaw)
            rows = {
                "1 photo": model.draw(puppets[i], shown),
                REFINED: model.draw(sharp, shown),
                SKINNED: model.draw(puppets[i], shown, driven=False),
                "oracle: the true person making that face": shown.picture,
                STILL: model.draw(puppets[i], rest),
                WRONG: model.draw(puppets[(i + min(2, len(sitters) - 1)) % len(sitters)], shown),
            }
            for row, picture in rows.items():
                yield Frame(
                    study, row, captures[i].name, picture, person=photo, motion=driver.picture, shown=shown.picture
                )


def yaw_sweep(model: Puppeteer, landmarks: Landmarks, sitters: list[Sitter], yaws: tuple[int, ...]) -> Iterator[Frame]:
    """All around the head, at rest, from one photo and from four around it."""
    study = "yaw sweep"
    captures = [
        sitter.capture([sitter.photo(yaw) for yaw in PHOTO_YAWS], [sitter.shot(yaw) for yaw in yaws])
        for sitter in sitters
    ]
    puppets = [(model.of(capture, 1), model.of(capture, 4)) for capture in captures]
    refiner = Refiner(model)
    for i, capture in enumerate(captures):
        stranger = puppets[(i + 1) % len(puppets)][1]
        photos = [(photo, yaw, {}) for photo, yaw in zip(capture.photos, PHOTO_YAWS)]
        sharp = [refined(refiner, landmarks, sitters[i], puppet, photos[:n]) for puppet, n in zip(puppets[i], (1, 4))]
        for yaw, shot in zip(yaws, capture.shots):
            truth = Truth.of(landmarks, capture, shot)
            rows = {
                "1 photo": model.draw(puppets[i][0], shot),
                "4 photos": model.draw(puppets[i][1], shot),
                REFINED: model.draw(sharp[0], shot),
                REFINED_FOUR: model.draw(sharp[1], shot),
                ORACLE: model.oracle(capture, shot),
                WRONG: model.draw(stranger, shot),
            }
            for row, picture in rows.items():
                yield truth.frame(study, row, capture.name, picture, condition=f"{yaw}°")


def robustness(model: Puppeteer, landmarks: Landmarks, sitters: list[Sitter], plan: Plan) -> Iterator[Frame]:
    """The same avatar wanted from photos under other yaws and with other faces: from the front, with one new
    expression."""
    target = {"jawOpen": 0.3, "mouthSmile": 0.5}
    inputs = [("input pose", f"{yaw}°", yaw, {}) for yaw in plan.input_yaws]
    inputs += [("input expression", name, 0, INPUT_EXPRESSIONS[name]) for name in plan.input_expressions]
    refiner = Refiner(model)
    puppets: list[list[Puppet]] = []
    truths: list[tuple[Capture, Truth]] = []
    for sitter in sitters:
        photos = [sitter.photo(yaw, expression=sitter.expression(**weights)) for _, _, yaw, weights in inputs]
        capture = sitter.capture(photos, [sitter.shot(10, 0, sitter.expression(**target))])
        puppets.append([model.of(capture, [k]) for k in range(len(inputs))])
        truths.append((capture, Truth.of(landmarks, capture, capture.shots[0])))
    for i, (capture, truth) in enumerate(truths):
        for k, (study, condition, *_) in enumerate(inputs):
            yield truth.frame(
                study, "1 photo", capture.name, model.draw(puppets[i][k], truth.shot), condition=condition
            )
        for k, (study, condition, yaw, weights) in enumerate(inputs):
            sharp = refined(refiner, landmarks, sitters[i], puppets[i][k], [(capture.photos[k], yaw, weights)])
            yield truth.frame(study, REFINED, capture.name, model.draw(sharp, truth.shot), condition=condition)
        for study in ("input pose", "input expression"):
            yield truth.frame(study, ORACLE, capture.name, model.oracle(capture, truth.shot))
            stranger = puppets[(i + 1) % len(puppets)][-1]
            yield truth.frame(study, WRONG, capture.name, model.draw(stranger, truth.shot))


def temporal(model: Puppeteer, sitters: list[Sitter], frames: int) -> dict[str, dict[str, list[float]]]:
    """Speech-like motion: error of the change from frame to frame; and flicker while the face is held still under
    tracker noise (1/255)."""
    rows: dict[str, dict[str, list[float]]] = {}

    def note(row: str, **values: float) -> None:
        for name, value in values.items():
            rows.setdefault(row, {}).setdefault(name, []).append(value)

    for sitter in sitters:
        time = np.arange(frames) / 25
        mouth = 0.25 + 0.25 * np.sin(2 * np.pi * 3 * time)
        blink = np.exp(-(((time - 0.3) / 0.06) ** 2))
        speech = [
            sitter.expression(jawOpen=m, mouthPucker=0.5 - m, eyeBlink=b, mouthSmile=0.3) for m, b in zip(mouth, blink)
        ]
        moving = [sitter.shot(expression=e) for e in speech]
        rng = np.random.default_rng(sitter.seed)
        held = sitter.expression(mouthSmile=0.4, jawOpen=0.15)
        noise = rng.normal(0, TRACKER_NOISE, (frames // 2, len(held)))
        shaken = [sitter.shot(expression=np.clip(held + e, 0, 1).astype(np.float32)) for e in noise]
        capture = sitter.capture([sitter.photo()], moving)
        puppet = model.of(capture)
        ways = {
            "1 photo": lambda shot: model.draw(puppet, shot),  # noqa: B023
            SKINNED: lambda shot: model.draw(puppet, shot, driven=False),  # noqa: B023
            ORACLE: lambda shot: model.oracle(capture, shot),  # noqa: B023
        }
        stack = lambda shots, way: np.stack([way(shot) for shot in shots])
        true, masks = stack(moving, lambda shot: shot.picture), np.stack([shot.mask for shot in moving])
        for row, way in ways.items():
            drawn, still = stack(moving, way), stack(shaken, way)
            note(row, motion_error=motion_error(drawn, true, masks), noise_flicker=flicker(still, shaken))
            note(row, static_drive_flicker=flicker(np.stack([way(shaken[0]), way(shaken[0])]), shaken[:2]))
        note(
            SELF,
            motion_error=0.0,
            noise_flicker=flicker(stack(shaken, lambda shot: shot.picture), shaken),
            static_drive_flicker=0.0,
        )
        note(STILL, motion_error=motion_error(np.repeat(true[:1], frames, 0), true, masks))
    return rows


def flicker(pictures: np.ndarray, shots: list[Shot]) -> float:
    """Mean change from frame to frame inside the head, 1/255."""
    mask = shots[0].mask
    return float(np.abs(np.diff(pictures.astype(np.int16), axis=0))[:, mask].mean())


def permutation(model: Puppeteer, samples: list[tuple[str, dict]], orders: int = 3) -> dict[str, float]:
    """Largest difference of the static map and of the identity features when the photos come in another order."""
    worst = {"static_map": 0.0, "identity_features": 0.0}
    for k, (title, sample) in enumerate(samples):
        capture = sample_capture(sample, title, len(sample["photos"]))
        given = model.of(capture, len(capture.photos))
        rng = np.random.default_rng(k)
        for _ in range(orders):
            order = list(rng.permutation(len(capture.photos)))
            other = model.of(capture, [int(i) for i in order])
            worst["static_map"] = max(worst["static_map"], float(np.abs(given.static - other.static).max()))
            worst["identity_features"] = max(
                worst["identity_features"], float((given.identity - other.identity).abs().max())
            )
    return worst
