"""Pictures of synthetic people with the truth of every pixel: color, class and alpha. The generator's heads, torsos and
glasses, MakeHuman's hair cards, and loose strands and locks drawn over them at the supersampled size."""

import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import binary_dilation, binary_erosion, gaussian_filter

from ..headmodel.model import HeadModel
from ..synth import lighting, mesh
from ..synth.cameras import crop_camera
from ..synth.expressions import sample_expression, sample_pose
from ..synth.generator import Face, Generator, Person
from ..synth.glasses import sample_glare
from ..synth.people import BARE, Identity
from ..synth.picture import OPEN_LIGHT, OPEN_SKY
from ..synth.rig import NECK
from ..synth.skins import default_data_root
from ..synth.torso import ANGLES, RINGS, sample_torso
from .cards import STRANDS, TEXTURE, Cards, draw_cards, load_styles
from .vocabulary import BACKGROUND, BODY, CLOTHES, FACE, HAIR, STORED

SUPERSAMPLE = 2
CARDS = 0.4  # ours: share of people who wear one of MakeHuman's hair meshes over what is painted
HANGING = 0.55  # ours: share of long hair that falls over the shoulders
NEAREST, FARTHEST = 1.15, 0.68  # ours: how large the crop of the networks is shown
CLOTH_NEAR = 0.45  # log distance below which the neck's paint is cloth


@dataclass(frozen=True)
class Labels:
    """color u8 [S,S,3] of the person alone (sRGB, also where alpha is small), alpha u8 [S,S], label u8 [S,S] of the
    person's most seen part."""

    color: np.ndarray
    alpha: np.ndarray
    label: np.ndarray


class Photographer(Generator):
    """Draws labelled people. `held_out`: only the four registered people that nothing is trained on (person number by
    `choice`)."""

    choice = (0, 0)

    def __init__(self, held_out: bool = False, size: int = STORED, root: Path | None = None):
        super().__init__(HeadModel.load(), root, photo_size=size)
        self.is_held_out = held_out
        self.styles = load_styles(self.rig, default_data_root() if root is None else root)
        region = np.full(len(self.rig.regions), FACE)
        region[self.rig.regions.index("neck")] = BODY
        self.region_class = region[self.canvas.region]

    def labels_of(self, person: Person, who: Identity | None, bare: bool) -> np.ndarray:
        """Class of each texel [n]."""
        out, look = self.region_class.copy(), person.look
        low = (self.canvas.height < -0.105) & self.canvas.skin
        if who is None:
            away = np.abs(np.log(np.maximum(look.texture[:, :3], 0.004)) - np.log(np.maximum(look.cloth, 0.004))).mean(
                1
            )
            skin = np.abs(
                np.log(np.maximum(look.texture[:, :3], 0.004)) - np.log(np.maximum(look.skin_color, 0.004))
            ).mean(1)
            out[low & (away < CLOTH_NEAR) & (away < skin)] = CLOTHES
        elif not bare:
            out[low & (self.people.dressed[who.skin] > 0.5)] = CLOTHES
        out[look.hair > 0.5] = HAIR
        return out

    def someone(self, rng: np.random.Generator) -> tuple[Person, np.ndarray]:
        """A person and the class of each texel [n]."""
        registered = self.people is not None and (self.is_held_out or rng.random() < 0.6)
        if not registered:
            people, self.people = self.people, None
            person = self.person(rng)
            self.people = people
            return person, self.labels_of(person, None, False)
        who = self.people.sample_held_out(rng, *self.choice) if self.is_held_out else self.people.sample(rng)
        bare = who.styling is not None and copy.deepcopy(who.styling).random() < BARE
        person = self.registered_person(rng, who)
        return person, self.labels_of(person, who, bare)

    def photograph(self, seed: int) -> Labels:
        """One labelled picture."""
        rng = np.random.default_rng([seed, 20261129])
        person, texel_class = self.someone(rng)
        light = lighting.sample_light(rng)
        lit = self.occlusion.lit(light)
        rig, look = self.rig, person.look
        strength = rng.choice([0.0, 0.5, 1.0])
        expression = (
            sample_expression(rng, rig.expressions, strength)
            if strength
            else np.zeros(rig.expression_count, np.float32)
        )
        face = self.face(person, expression, sample_pose(rng))
        shade = self.occlusion_of(person, face, lit)
        luminance = float(np.median(self._linear_face(person, face, light, shade) @ lighting.LUMA))
        tone = lighting.sample_tone(rng, luminance)
        yaw = np.clip(rng.normal(0, 28), -95, 95)
        jitter = (
            np.exp(rng.uniform(np.log(FARTHEST), np.log(NEAREST))),
            rng.uniform(-0.08, 0.08),
            rng.uniform(-0.1, 0.06),
            np.deg2rad(rng.normal(0, 6)),
        )
        pitch, focal = np.deg2rad(np.clip(rng.normal(2, 9), -25, 25)), np.exp(rng.uniform(np.log(1.6), np.log(4.0)))
        camera = crop_camera(*rig.crop_points(face.skin), np.deg2rad(yaw), pitch, focal, self.photo_size, jitter)
        neck = np.median(look.texture[self.above_rim, :3], axis=0)
        covered = texel_class[self.above_rim] == CLOTHES
        neck_class = CLOTHES if covered.mean() > 0.5 else BODY
        cards = self.styles[rng.integers(len(self.styles))] if rng.random() < CARDS and look.hair.max() > 0.5 else None
        hanging = look.hair_color if cards is None and look.long and rng.random() < HANGING else None
        given = face.posed[self.rim], look.cloth
        marks = [
            sample_torso(copy.deepcopy(rng), *given, np.full(3, mark), hanging, self.frame.head).texture[..., 0]
            for mark in (0.0, 1.0)
        ]
        is_neck = marks[1] - marks[0] > 0.45  # the texels whose color is the neck's
        torso = sample_torso(rng, *given, neck, hanging, self.frame.head)
        glasses = self._glasses(rng, person)
        turn = rig.transforms(rig.full_pose(face.expression, face.pose))[NECK]
        return self._draw(
            rng, person, face, camera, light, tone, shade, texel_class, torso, is_neck, neck_class, cards, glasses, turn
        )

    def _draw(
        self,
        rng,
        person,
        face: Face,
        camera,
        light,
        tone,
        shade,
        texel_class,
        torso,
        is_neck,
        neck_class,
        cards: Cards | None,
        glasses,
        turn,
    ):
        size, rig, eye = camera.size * SUPERSAMPLE, self.rig, camera.center()
        f = camera.f * SUPERSAMPLE
        frame = None if glasses is None else glasses.worn(turn).frame
        meshes = [(face.posed, rig.faces), (torso.vertices, torso.faces)] + (
            [] if frame is None else [(frame.vertices, frame.faces)]
        )
        starts = np.cumsum([0] + [len(faces) for _, faces in meshes])
        vertex_starts = np.cumsum([0] + [len(vertices) for vertices, _ in meshes])
        vertices = np.concatenate([v for v, _ in meshes])
        faces = np.concatenate([t + s for (_, t), s in zip(meshes, vertex_starts)])
        index, bary, depth = mesh.raster(camera.to_camera(vertices), faces, f, size)
        if cards is not None:
            worn = cards.worn(person.skin_offset, rng.uniform(0.99, 1.08))
            worn = mesh.rigid(worn, turn[:, :3], turn[:, 3])
            draw_cards(cards, camera.to_camera(worn), f, rng.uniform(0.3, 0.6), int(starts[-1]), index, bary, depth)
        index, bary = index.ravel(), bary.reshape(-1, 2)
        color, label = np.zeros((size * size, 3), np.float32), np.full(size * size, BACKGROUND, np.uint8)
        hit = np.flatnonzero((index >= 0) & (index < starts[1]))
        color[hit] = mesh.shade(
            index[hit],
            bary[hit],
            rig.faces,
            rig.uv_faces,
            rig.uv,
            person.texture,
            face.still,
            face.normals,
            shade,
            light,
            eye,
        )
        label[hit] = self._texel_class_at(texel_class, index[hit], bary[hit])
        props = [(torso, starts[1], starts[2], None)] + ([] if frame is None else [(frame, starts[2], starts[3], FACE)])
        for prop, first, end, kind in props:
            hit = np.flatnonzero((index >= first) & (index < end))
            color[hit] = self._lit(prop, index[hit] - first, bary[hit], light, eye)
            label[hit] = (
                kind
                if kind is not None
                else self._torso_class(torso, is_neck, neck_class, index[hit] - first, bary[hit])
            )
        if cards is not None:
            hit = np.flatnonzero(index >= starts[-1])
            color[hit] = self._hair_color(
                rng, cards, worn, person.look.hair_color, index[hit] - starts[-1], bary[hit], light, eye
            )
            label[hit] = HAIR
        if frame is not None:
            self._lenses(rng, glasses.worn(turn), light, camera, depth, color)
        color, label = color.reshape(size, size, 3), label.reshape(size, size)
        if (label == HAIR).sum() > 200:
            wisps(rng, color, label, person.look.hair_color)
        return _down(tone, color, label)

    def _texel_class_at(self, texel_class: np.ndarray, index: np.ndarray, bary: np.ndarray) -> np.ndarray:
        rig, size = self.rig, self.map_size
        uv = mesh.interpolate(index, bary, rig.uv_faces, rig.uv)
        column, row = (
            np.clip((uv[:, 0] * size).astype(int), 0, size - 1),
            np.clip(((1 - uv[:, 1]) * size).astype(int), 0, size - 1),
        )
        return texel_class[self.nearest[row * size + column]]

    def _torso_class(
        self, torso, is_neck: np.ndarray, neck_class: int, index: np.ndarray, bary: np.ndarray
    ) -> np.ndarray:
        """Cloth, what continues the neck, or hanging hair."""
        uv = mesh.interpolate(index, bary, torso.faces, torso.uv)
        size = len(is_neck)
        column, row = (
            np.clip((uv[:, 0] * size).astype(int), 0, size - 1),
            np.clip(((1 - uv[:, 1]) * size).astype(int), 0, size - 1),
        )
        out = np.where(is_neck[row, column], neck_class, CLOTHES)
        return np.where((torso.faces[index] >= len(RINGS) * (ANGLES + 1)).any(1), HAIR, out)

    @staticmethod
    def _lit(prop, index, bary, light, eye) -> np.ndarray:
        sky = np.full((len(prop.vertices), 1 + len(light.directions)), OPEN_LIGHT)
        sky[:, 0] = OPEN_SKY
        return mesh.shade(
            index,
            bary,
            prop.faces,
            prop.faces,
            prop.uv,
            prop.texture,
            prop.vertices,
            prop.normals,
            sky,
            light,
            eye,
            two_sided=True,
        )

    @staticmethod
    def _hair_color(rng, cards: Cards, worn, hair_color, index, bary, light, eye) -> np.ndarray:
        texture = np.zeros((TEXTURE, TEXTURE, 8), np.float32)
        texture[..., :3] = np.clip(hair_color * np.exp(rng.uniform(*STRANDS) * cards.shade)[..., None], 0.003, 0.95)
        texture[..., 3], texture[..., 4] = rng.uniform(0.0, 0.03), rng.uniform(8, 20)
        away = worn - worn.mean(0)
        # cards are lit as the volume that they make up
        normals = away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-6)
        sky = np.full((len(worn), 1 + len(light.directions)), OPEN_LIGHT)
        sky[:, 0] = OPEN_SKY
        return mesh.shade(
            index, bary, cards.faces, cards.uv_faces, cards.uv, texture, worn, normals, sky, light, eye, two_sided=True
        )

    @staticmethod
    def _lenses(rng, glasses, light, camera, depth, color) -> None:
        from ..synth.glasses import shown_through

        index, bary, near = mesh.raster(
            camera.to_camera(glasses.lenses), glasses.lens_faces, camera.f * SUPERSAMPLE, len(depth)
        )
        hit = np.flatnonzero(near.ravel() < depth.ravel())
        color[hit] = shown_through(
            glasses, sample_glare(rng, light), index.ravel()[hit], bary.reshape(-1, 2)[hit], color[hit]
        )[0]


def wisps(rng: np.random.Generator, color: np.ndarray, label: np.ndarray, hair_color: np.ndarray) -> None:
    """Draws loose strands and locks into linear color [n,n,3] and label [n,n], in place; they start at the rim of the
    hair."""
    size = len(label)
    hair = label == HAIR
    rim = hair & ~binary_erosion(hair, iterations=3)
    rows, columns = np.nonzero(rim)
    if len(rows) < 20:
        return
    field = gaussian_filter(hair.astype(np.float32), size / 80)
    slope = -np.stack(np.gradient(field), -1)  # away from the hair
    shine = float(np.median(color[hair].mean(1)) / max(hair_color.mean(), 1e-3))
    outer = binary_dilation(label == BACKGROUND, iterations=5)[rows, columns]
    kept = outer | (rng.random(len(rows)) < rng.choice([0.03, 0.3], p=[0.8, 0.2]))  # few hang into the face
    rows, columns = rows[kept], columns[kept]
    if len(rows) < 20:
        return
    locks, strands = int(rng.gamma(1.0, 9)), int(rng.gamma(1.0, 80))
    down, curl = rng.uniform(0.0, 0.9), rng.gamma(1.2, 0.35)
    spread = rng.uniform(0.2, 0.9)
    length = size * np.exp(rng.normal(np.log(0.045), 0.5))
    for k in range(locks + strands):
        at = rng.integers(len(rows))
        y, x = rows[at] + rng.normal(0, 1), columns[at] + rng.normal(0, 1)
        away = slope[rows[at], columns[at]]
        away = away / max(np.linalg.norm(away), 1e-6)
        angle = np.arctan2(away[0] + down, away[1]) + rng.normal(0, spread)
        turn, bend = rng.normal(0, curl), rng.normal(0, 0.12)
        steps = 9
        stride = length * np.exp(rng.normal(0, 0.5)) / steps
        own = np.median(
            color[max(0, rows[at] - 2) : rows[at] + 3, max(0, columns[at] - 2) : columns[at] + 3].reshape(-1, 3), 0
        )
        if k % 3 == 0 or own.max() <= 0:
            own = hair_color * shine
        ink = own * np.exp(rng.normal(0, 0.25))
        points = [(x, y)]
        for i in range(steps):
            angle += bend + turn * np.sin(1.3 * i + k)
            x, y = x + stride * np.cos(angle), y + stride * np.sin(angle)
            points.append((x, y))
        wide = rng.uniform(2, 2 + size / 90) if k < locks else rng.choice([1, 1, 1, 2])
        _stroke(color, label, np.array(points), wide, ink)


def _stroke(color: np.ndarray, label: np.ndarray, points: np.ndarray, wide: float, ink: np.ndarray) -> None:
    """A tapering line of hair."""
    size = len(label)
    low = np.floor(points.min(0) - wide - 1).astype(int).clip(0, size)
    high = np.ceil(points.max(0) + wide + 2).astype(int).clip(0, size)
    if (high <= low).any():
        return
    patch = Image.new("L", tuple(high - low))
    draw = ImageDraw.Draw(patch)
    local = points - low
    for i in range(len(local) - 1):
        draw.line([*local[i], *local[i + 1]], fill=1, width=max(1, round(wide * (1 - i / len(local)))))
    mark = np.asarray(patch) > 0
    part = (slice(low[1], high[1]), slice(low[0], high[0]))
    color[part][mark] = ink
    label[part][mark] = HAIR


def _down(tone: lighting.Tone, color: np.ndarray, label: np.ndarray) -> Labels:
    """Supersampled linear color and label -> what is stored."""
    n = SUPERSAMPLE
    cover = (label != BACKGROUND).astype(np.float32)[..., None]
    alpha = lighting.box_down(cover, n)[..., 0]
    encoded = tone.encode(lighting.box_down(color * cover, n) / np.maximum(alpha, 1e-3)[..., None])
    votes = np.stack(
        [lighting.box_down((label == k).astype(np.float32)[..., None], n)[..., 0] for k in range(BACKGROUND)]
    )
    part = np.where(alpha > 0, votes.argmax(0), BACKGROUND).astype(np.uint8)
    return Labels((255 * encoded + 0.5).astype(np.uint8), (255 * alpha + 0.5).astype(np.uint8), part)
