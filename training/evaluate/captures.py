"""What is evaluated on: people with photos, true maps, and true pictures of new views and expressions.

A capture comes from a held-out sample file (training/samples.py), or from a `Sitter`: a generated person who is
photographed from chosen sides with chosen faces, for the sweeps."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..samples import in_mean_tone, read_sample
from ..synth import lighting
from ..synth.cameras import Camera, crop_camera, rotation
from ..synth.generator import OPACITY_LOGIT, UNFITTED_YAW, Generator
from .metrics import to_bytes

SITTER_SEED = 30_000_000  # never used for training: those stay below samples.HELD_OUT_SEED
FOCAL, DISTANCE = 2.4, 0.36  # ours: of fixed views, in picture widths; distance = FOCAL * DISTANCE meters


@dataclass(frozen=True)
class Shot:
    """A true picture u8 [s,s,3] with its mask bool [s,s], what was shown (expression [E], pose [15], position map) and
    the camera.

    delta [14,h,w] is the driver's truth, None where no study needs it; yaw in degrees."""

    picture: np.ndarray
    mask: np.ndarray
    expression: np.ndarray
    pose: np.ndarray
    position_map: np.ndarray
    R: np.ndarray
    t: np.ndarray
    f: float
    delta: np.ndarray | None = None

    @property
    def yaw(self) -> float:
        return float(np.degrees(np.arctan2(self.R[0, 2], self.R[2, 2])))


@dataclass(frozen=True)
class Capture:
    """One person: photos [N,3,S,S], anchors [N,3,A,A] and prior [4,A,A] of the landmark fit, the true static map
    [14,H,W], shots."""

    name: str
    photos: np.ndarray
    anchors: np.ndarray
    prior: np.ndarray
    static: np.ndarray
    shots: list[Shot]


def sample_capture(sample: dict[str, np.ndarray], name: str, photos: int) -> Capture:
    """Capture of the first `photos` photos of a sample; truth in their mean tone."""
    s = in_mean_tone(sample, np.arange(photos))
    shots = [
        Shot(
            to_bytes(s["targets"][k]),
            s["target_masks"][k] > 0.5,
            s["expressions"][k],
            s["poses"][k],
            s["position_maps"][k],
            s["cameras_R"][k],
            s["cameras_t"][k],
            float(s["cameras_f"][k]),
            s["deltas"][k],
        )
        for k in range(len(s["targets"]))
    ]
    return Capture(name, s["photos"][:photos], s["anchors_in"][:photos], s["prior_in"], s["static"], shots)


def read_set(folder: Path, count: int) -> list[tuple[str, dict[str, np.ndarray]]]:
    """(name, sample) of the first `count` held-out samples of a folder."""
    return [(file.stem, read_sample(file)) for file in sorted(folder.glob("*.npz"))[:count]]


class Sitter:
    """One person in one light and tone before fixed cameras; deterministic by seed. `held_out`: a registered person
    kept from training."""

    def __init__(self, generator: Generator, seed: int, held_out: int | None = None):
        self.generator, self.seed = generator, seed
        self.name = f"sitter {seed}" if held_out is None else f"held-out person {held_out}"
        self.rng = rng = np.random.default_rng([seed, 20261122])
        g = generator
        self.person = (
            g.person(rng) if held_out is None else g.registered_person(rng, g.people.sample_held_out(rng, held_out))
        )
        self.light = lighting.sample_light(rng)
        self.lit = g.occlusion.lit(self.light)
        self.rest = g.face(self.person, self.expression(), np.zeros(15))
        shade = g.occlusion_of(self.person, self.rest, self.lit)
        luminance = float(np.median(g._linear_face(self.person, self.rest, self.light, shade) @ lighting.LUMA))
        self.tone = lighting.sample_tone(rng, luminance)
        self.color = g.color_of(self.person, self.rest, self.light, self.tone, shade)
        self.surfels = g._surfels(g.rig.template + self.person.offset)
        offset = g.rig.bake(g.texels, self.person.offset)
        opacity = np.full((len(self.color), 1), OPACITY_LOGIT, np.float32)
        self.static = g.texels.to_map(np.concatenate([offset, opacity, self.color, *self.surfels], 1))
        self.prior = g._prior(rng, self.person)
        skin = self.rest.skin
        self.center = skin.mean(0) * [0, 1, 0] + g.frame.head * [1, 0, 1] + [0, 0.01, 0]

    def expression(self, **weights: float) -> np.ndarray:
        """Coefficients [E] by ARKit name; a stem without side sets both."""
        names = self.generator.rig.expressions
        out = np.zeros(len(names), np.float32)
        for stem, value in weights.items():
            hits = [i for i, name in enumerate(names) if name in (stem, f"{stem}Left", f"{stem}Right")]
            if not hits:
                raise KeyError(f"{stem} is no expression of the head model")
            out[hits] = value
        return out

    def photo(
        self, yaw: float = 0, pitch: float = 2, expression: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Photo [3,S,S] as a user gives it (matte, camera flaws) and a fit's anchors [3,A,A]; none beyond UNFITTED_YAW
        degrees."""
        g = self.generator
        rng = np.random.default_rng([self.seed, round(yaw) % 360, round(pitch) % 360])
        face = self.rest if expression is None else g.face(self.person, expression, np.zeros(15))
        camera = crop_camera(*g.rig.crop_points(face.skin), np.radians(yaw), np.radians(pitch), FOCAL, g.photo_size)
        shade = g.occlusion_of(self.person, face, self.lit)
        picture, coverage = g.render(self.person, face, camera, self.light, self.tone, shade)[:2]
        anchors = g._fit(rng, self.person, face, camera)
        return g._photograph(rng, picture, coverage), anchors * (abs(yaw) < UNFITTED_YAW)

    def shot(self, yaw: float = 0, pitch: float = 0, expression: np.ndarray | None = None) -> Shot:
        """True picture from a fixed camera, `yaw` degrees turn the face to its left (synth/cameras.py "rotation")."""
        g = self.generator
        expression = self.expression() if expression is None else expression
        pose = np.zeros(15)
        face = g.face(self.person, expression, pose)
        R = rotation(np.radians(yaw), np.radians(pitch), 0)
        camera = Camera(R, np.array([0, 0, -FOCAL * DISTANCE]) - R @ self.center, FOCAL * g.photo_size, g.photo_size)
        shade = g.occlusion_of(self.person, face, self.lit)
        picture, coverage = g.render(self.person, face, camera, self.light, self.tone, shade)[:2]
        over = picture * coverage[..., None] + 0.5 * (1 - coverage[..., None])
        change = g.color_of(self.person, face, self.light, self.tone, shade) - self.color
        log_scale, quat = g._surfels(face.unskinned)
        moved = g.rig.bake(g.texels, face.delta)
        parts = [
            moved,
            np.zeros((len(moved), 1), np.float32),
            change,
            log_scale - self.surfels[0],
            quat - self.surfels[1],
        ]
        delta = g.texels.to_map(np.concatenate(parts, 1) * g.texels.dynamic[:, None])
        position_map = g.position_map(expression, pose)
        return Shot(
            to_bytes(over.transpose(2, 0, 1)),
            coverage > 0.5,
            expression,
            pose,
            position_map,
            camera.R,
            camera.t,
            camera.f,
            delta,
        )

    def capture(self, photos: list[tuple[np.ndarray, np.ndarray]], shots: list[Shot]) -> Capture:
        """Photos as `photo` gives them."""
        pictures, anchors = (np.stack(part) for part in zip(*photos))
        return Capture(self.name, pictures, anchors, self.prior, self.static, shots)


def sitters(generator: Generator, count: int) -> list[Sitter]:
    """Held-out people first, where people are registered, then people of held-out seeds."""
    known = 0 if generator.people is None else min(len(generator.people.held_out), count)
    return [Sitter(generator, SITTER_SEED + i, i if i < known else None) for i in range(count)]
