"""Training samples: one random person per seed, photographed, with the truth of every map the networks predict.

Who does what: `crowd` makes people and faces, `photographer` takes pictures and knows what a landmark fit would,
`truth` bakes the maps, and `Generator` draws who meets whom, in a fixed order of random numbers, and packs a Sample."""

from pathlib import Path

import numpy as np

from ..headmodel.model import HeadModel
from ..sample import Cameras, Sample
from . import lighting
from .adjustment import Adjustment
from .cameras import Camera, sample_photo_camera, sample_photo_yaws, sample_view_camera
from .crowd import Crowd, Person
from .expressions import sample_expression, sample_pose
from .photographer import Photographer
from .truth import Truth

UNFITTED_YAW = 100  # degrees; no face detector answers beyond


class Generator:
    """Deterministic by seed; arguments as of the rooms.

    `adjusted`: the driver's expressions follow the paper's distribution adjustment. `around`: share of the views that
    go all around."""

    def __init__(
        self,
        head_model: HeadModel,
        data_root: Path | str | None = None,
        photo_size: int = 256,
        map_size: int = 256,
        anchor_size: int = 64,
        position_map_size: int = 128,
        adjusted: bool = False,
        around: float = 0.2,
    ):
        self.crowd = Crowd(head_model, data_root, map_size)
        self.photographer = Photographer(self.crowd, photo_size, anchor_size)
        self.truth = Truth(self.crowd, position_map_size)
        self.around, self.photo_size, self.rig = around, photo_size, self.crowd.rig
        self.adjustment = Adjustment(lambda rng: sample_expression(rng, self.rig.expressions)) if adjusted else None
        # what all who draw one person at a time ask for, whichever room has it
        self.face, self.occlusion_of = self.crowd.face, self.crowd.occlusion_of
        self.render = self.photographer.render

    def person(self, rng: np.random.Generator) -> Person:
        """Whom a sample shows."""
        return self.crowd.person(rng)

    def sample(self, seed: int, photo_count: int, target_count: int = 2, render_targets: bool = True) -> Sample:
        """One identity with its photos and truths; shapes in training/sample.py, meaning in synth/README.md."""
        rng = np.random.default_rng([seed, 20261122])
        person = self.person(rng)
        light = lighting.sample_light(rng)
        lit = self.crowd.occlusion.lit(light)
        neutral = self.face(person, np.zeros(self.rig.expression_count, np.float32), np.zeros(15))
        shade = self.occlusion_of(person, neutral, lit)
        tone = lighting.sample_tone(rng, self.truth.luminance(person, neutral, light, shade))
        color = self.truth.color(person, neutral, light, tone, shade)
        surfels = self.truth.surfels(self.rig.template + person.offset)
        props = np.random.default_rng([seed, 20261123])  # apart, so that glasses change nothing else
        photos = self._photos(rng, props, person, light, tone, lit, photo_count)
        targets = self._targets(rng, person, light, tone, lit, color, surfels, target_count, render_targets)
        static = self.truth.static_map(person, color, surfels)
        return Sample(static=static, valid=self.crowd.valid.copy(), **photos, **targets)

    def _photos(self, rng, props, person: Person, light, tone, lit, count: int) -> dict:
        """Fields of the sample that come from its photos. All photos of a person are taken in one light, each with its
        own exposure and white balance; `props` decides about glasses."""
        rig, takes, size = self.rig, self.photographer, self.photo_size
        photos, true, given, cameras = [], [], [], []
        tones = [tone] + [lighting.another_tone(rng, tone) for _ in range(count - 1)]
        seen = np.zeros(len(self.crowd.texels.index), bool)
        with_fit, dressed = rng.random() >= 0.25, rng.random() < 0.85
        glasses, neck = takes.glasses(props, person), takes.neck_color(person)
        hanging = person.look.hair_color if person.look.long and rng.random() < 0.6 else None
        for yaw, own_tone in zip(sample_photo_yaws(rng, count), tones):
            strength = rng.choice([0.0, 0.5, 1.0], p=[0.3, 0.35, 0.35])
            expression = (
                sample_expression(rng, rig.expressions, strength)
                if strength
                else np.zeros(rig.expression_count, np.float32)
            )
            face = self.face(person, expression, sample_pose(rng))
            camera = sample_photo_camera(rng, *rig.crop_points(face.skin), size, yaw)
            torso = takes.torso(rng, person, face, neck, hanging) if dressed else None
            worn = takes.worn(props, light, glasses, torso, face)
            picture = self.render(person, face, camera, light, own_tone, self.occlusion_of(person, face, lit), worn)
            photos.append(takes.photograph(rng, picture.color, picture.coverage))
            xy, visible = takes.shown(takes.coarse, face, camera, picture)
            true.append(takes.coarse.to_map(np.c_[xy / size, visible]))
            # from behind only a known camera gives anchors
            fitted = with_fit and (abs(yaw) < UNFITTED_YAW or rng.random() < 0.5)
            given.append(takes.fit(rng, person, face, camera) if fitted else np.zeros_like(true[-1]))
            seen |= takes.shown(self.crowd.texels, face, camera, picture)[1]
            cameras.append(camera)
        unknown = np.zeros((4, takes.anchor_size, takes.anchor_size), np.float32)
        return {
            "photos": np.stack(photos),
            "photo_tones": np.stack([t.values() for t in tones]),
            "anchors_true": np.stack(true),
            "anchors_in": np.stack(given),
            "prior_in": takes.prior(rng, person) if with_fit else unknown,
            "seen": self.crowd.texels.to_map(seen[:, None].astype(np.float32))[0],
            "photo_cameras": pack_cameras(cameras),
        }

    def _targets(self, rng, person: Person, light, tone, lit, color, surfels, count: int, render: bool) -> dict:
        """Fields of the sample about its new expressions: what drives them, what the driver is to answer, and, with
        `render`, what they look like from a new view."""
        maps, deltas, pictures, masks, cameras, expressions, poses = [], [], [], [], [], [], []
        for expression in self._expressions(rng, count):
            pose = sample_pose(rng)
            face = self.face(person, expression, pose)
            center = face.skin.mean(0) * [0, 1, 0] + self.crowd.frame.head * [1, 0, 1] + [0, 0.01, 0]
            camera = sample_view_camera(rng, center, self.photo_size, self.around)
            occlusion = self.occlusion_of(person, face, lit)
            maps.append(self.truth.position_map(expression, pose))
            change = self.truth.color(person, face, light, tone, occlusion) - color
            deltas.append(self.truth.delta_map(face, change, self.truth.surfels(face.unskinned), surfels))
            if render:
                picture, coverage = self.render(person, face, camera, light, tone, occlusion)[:2]
                pictures.append((picture * coverage[..., None] + 0.5 * (1 - coverage[..., None])).transpose(2, 0, 1))
                masks.append(coverage)
            cameras.append(camera)
            expressions.append(expression)
            poses.append(pose)
        S, P, U = self.photo_size, self.truth.position_texels.size, self.crowd.map_size
        stack = lambda values, *shape: np.array(values, np.float32).reshape(len(values), *shape)
        return {
            "position_maps": stack(maps, 3, P, P),
            "deltas": stack(deltas, 14, U, U),
            "expressions": stack(expressions, self.rig.expression_count),
            "poses": stack(poses, 15),
            "cameras": pack_cameras(cameras),
            "targets": stack(pictures, 3, S, S) if render else None,
            "target_masks": stack(masks, S, S) if render else None,
        }

    def _expressions(self, rng, count: int) -> np.ndarray:
        """[count,E]"""
        if self.adjustment is None:
            return np.array([sample_expression(rng, self.rig.expressions) for _ in range(count)])
        return rng.permutation(self.adjustment.timesteps(rng))[:count]


def pack_cameras(cameras: list[Camera]) -> Cameras:
    """Cameras as arrays."""
    return Cameras(
        np.array([c.R for c in cameras], np.float32).reshape(-1, 3, 3),
        np.array([c.t for c in cameras], np.float32).reshape(-1, 3),
        np.array([c.f for c in cameras], np.float32),
    )
