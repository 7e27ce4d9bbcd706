"""Training samples: one random person per seed, photographed, with the truth of every map the networks predict."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree

from ..headmodel.model import HeadModel
from . import lighting, mesh
from .adjustment import Adjustment
from .appearance import Look, Painter
from .cameras import Camera, sample_photo_camera, sample_photo_yaws, sample_view_camera
from .canvas import Frame, step, texel_canvas, vertex_canvas
from .expressions import sample_expression, sample_pose
from .glasses import SHARE, TAKEN_OFF, Glasses, sample_glare, sample_glasses
from .glasses_fit import Fitting
from .hair_shape import reshaped
from .occlusion import Occlusion
from .people import Identity, People
from .picture import NOTHING, SUPERSAMPLE, Picture, Worn, draw
from .prop import Prop
from .rig import EYE_L, EYE_R, NECK, Rig, Texels
from .skins import default_data_root, skin_log_ratios
from .torso import sample_torso

REGISTERED = 0.6  # ours: share of registered people among all, where there are any
PRIOR_SHAPES = 30
PRIOR_METERS = 0.02
OPACITY_LOGIT = 4.0
MOUTH_WALL = 0.0035  # meters
UNFITTED_YAW = 100  # degrees; no face detector answers beyond
SIGMA_LIMIT = {
    "lids": 0.0005,
    "ears": 0.002,
    "lips": 0.0008,
    "mouthInterior": 0.002,
    "tongue": 0.002,
}  # ours, meters: wide Gaussians there hide eyes and pierce the cheeks


@dataclass
class Person:
    """One identity at rest."""

    skin_offset: np.ndarray  # [V,3] from the template, without hair
    offset: np.ndarray  # [V,3] with hair thickness
    gains: np.ndarray  # [E] how much stronger this person makes each expression
    joints: np.ndarray  # [5,3] own eye joints, the rest as in the template
    look: Look
    areas: np.ndarray  # [F] of the triangles at rest
    texture: np.ndarray  # [size,size,8], padded over chart borders
    gaps: np.ndarray  # [3] lips, lids at rest (occlusion.py)
    own: np.ndarray | None = None  # [E,3V] what this person adds to the shared expressions, beside the gains


@dataclass
class Face:
    """One person with one expression and pose. Vertices [V,3]: `still` has jaw and eyes turned but not the neck (the
    light's space)."""

    still: np.ndarray
    posed: np.ndarray  # all joints turned
    skin: np.ndarray  # posed without hair
    normals: np.ndarray  # of still
    posed_normals: np.ndarray
    delta: np.ndarray  # [V,3] truth of the driver's position delta
    unskinned: np.ndarray  # [V,3] template + expression + offset + delta, before joints
    crease: np.ndarray  # [V] 0..1 compression of the skin
    expression: np.ndarray
    pose: np.ndarray


class Generator:
    """Deterministic by seed. `data_root` is the folder with makehuman/ (skins); None looks for shared/data beside the
    clone.

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
        self.around = around
        self.photo_size, self.map_size, self.anchor_size = photo_size, map_size, anchor_size
        self.rig = rig = Rig(head_model)
        self.frame = Frame.of(rig)
        self.texels, self.coarse, self.position_texels = (
            rig.texels(map_size),
            rig.texels(anchor_size),
            rig.texels(position_map_size),
        )
        self.canvas, self.vertex_canvas, self.coarse_canvas = (
            texel_canvas(rig, self.frame, self.texels),
            vertex_canvas(rig, self.frame),
            texel_canvas(rig, self.frame, self.coarse),
        )
        skins = skin_log_ratios(rig, self.canvas, default_data_root() if data_root is None else Path(data_root))
        self.painter = Painter(self.canvas, self.vertex_canvas, skins)
        self.people = People.load(rig, self.painter, self.texels.index, map_size)
        self.valid = self.texels.to_map(np.ones((len(self.texels.index), 1), np.float32))[0]
        _, (rows, columns) = distance_transform_edt(self.valid == 0, return_indices=True)
        slot = np.zeros(map_size * map_size, np.int64)
        slot[self.texels.index] = np.arange(len(self.texels.index))
        self.nearest = slot[(rows * map_size + columns).ravel()]  # valid texel that pads each texel
        self._prepare_mesh()
        self.fitting = Fitting(rig)
        area = 0.5 * self._areas(rig.template)[rig.face_region == rig.regions.index("face")].sum()
        on_face = [rig.face_region[t.face] == rig.regions.index("face") for t in (self.texels, self.coarse)]
        # meters
        self.spacing = {t.size: float(np.sqrt(area / on.sum())) for t, on in zip((self.texels, self.coarse), on_face)}
        basis = rig.shape_dirs[:PRIOR_SHAPES]
        self.prior_solve = np.linalg.pinv(basis.astype(np.float64)).astype(np.float32)  # [3V, 30]
        self.prior_maps = np.stack([rig.bake(self.coarse, b.reshape(-1, 3)).ravel() for b in basis])  # [30, 3n]
        limit = np.array([SIGMA_LIMIT.get(name, 0.02) for name in rig.regions])[self.canvas.region]
        self.log_sigma_limit = np.log(limit[:, None] * [1, 1, mesh.NORMAL_RATIO]).astype(np.float32)
        self.adjustment = Adjustment(lambda rng: sample_expression(rng, rig.expressions)) if adjusted else None
        rng = np.random.default_rng(1)
        self.habits = rng.normal(0, 1, (rig.shape_count, rig.expression_count)) / np.sqrt(rig.shape_count)
        self.base_quat = mesh.surfels(self.texels.face, rig.faces, rig.uv_faces, rig.uv, rig.template, map_size)[1]

    def _prepare_mesh(self) -> None:
        rig, V, F = self.rig, len(self.rig.template), len(self.rig.faces)
        incidence = sp.csr_matrix(
            (np.ones(3 * F), (rig.faces.ravel(), np.repeat(np.arange(F), 3))), shape=(V, F), dtype=np.float32
        )
        self.face_mean = (
            sp.diags(1 / np.maximum(np.asarray(incidence.sum(1)).ravel(), 1)).astype(np.float32) @ incidence
        )
        edges = np.concatenate([rig.faces[:, [0, 1]], rig.faces[:, [1, 2]], rig.faces[:, [2, 0]]])
        near = sp.csr_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(V, V))
        near = ((near + near.T) > 0).astype(np.float32)
        self.neighbours = (
            (0.5 * sp.identity(V) + 0.5 * sp.diags(1 / np.maximum(np.asarray(near.sum(1)).ravel(), 1)) @ near)
            .tocsr()
            .astype(np.float32)
        )
        moving = np.isin(rig.face_region, rig.dynamic_regions).astype(np.float32)
        fixed = (self.face_mean @ moving) < 0.999
        fade = (self.face_mean @ moving) * ~fixed
        for _ in range(3):
            fade = np.where(fixed, 0, self.neighbours @ fade)
        self.dynamic = fade.astype(np.float32)
        inner = [rig.regions.index(r) for r in ("eyeLeft", "eyeRight")]
        self.eye_vertices = np.unique(rig.faces[np.isin(rig.face_region, inner)])
        self.dynamic[self.eye_vertices] = 1
        c = self.vertex_canvas
        # where the own residual may act
        self.soft = (c.skin * step(c.lid, 0.008, 0.022) * step(-c.lip, 0.0, 0.010)).astype(np.float32)
        # the mouth's inner wall, drawn in a little from the lips on, so that no identity's cheek sinks below it
        wall = self.face_mean @ (rig.face_region == rig.regions.index("mouthInterior")).astype(np.float32)
        wall = step(self.neighbours @ np.where(wall < 0.999, 0, wall), 0.6, 1.0)[:, None]
        self.normals = mesh.vertex_normals(rig.template, rig.faces)
        self.inward = (MOUTH_WALL * wall * self.normals).astype(np.float32)
        self.occlusion = Occlusion(rig, self.neighbours, self.frame.landmarks, self.eye_vertices)
        edges = np.sort(edges, 1)
        pairs, uses = np.unique(edges, axis=0, return_counts=True)
        border = np.unique(pairs[uses == 1])
        # vertices of the neck's open end
        self.rim = border[rig.template[border, 1] < np.median(rig.template[border, 1]) - 0.05]
        front = rig.template[self.rim[rig.template[self.rim, 2] > np.median(rig.template[self.rim, 2])]]
        self.above_rim = cKDTree(front).query(self.canvas.p)[0] < 0.012  # texels of the throat, right above it

    def _areas(self, vertices: np.ndarray) -> np.ndarray:
        a, b, c = (vertices[self.rig.faces[:, k]] for k in range(3))
        return np.linalg.norm(np.cross(b - a, c - a), axis=1) + 1e-9

    # ------------------------------------------------------------------------------------------------ people and faces
    def person(self, rng: np.random.Generator) -> Person:
        """A random identity: a registered one, or one of the open head's own directions with a painted or MakeHuman
        skin."""
        if self.people is not None and rng.random() < REGISTERED:
            return self.registered_person(rng, self.people.sample(rng))
        rig = self.rig
        (styling,) = rng.spawn(1)
        beta = np.clip(rng.standard_normal(rig.shape_count), -2.3, 2.3) * rng.uniform(0.75, 1.15)
        skin = mesh.mix(beta, rig.shape_dirs).reshape(-1, 3) + self._lumps(rng) + self.inward
        look = self.painter.paint(rng)
        look.thickness = reshaped(styling, look.thickness, self.vertex_canvas)
        gains = 0.15 * np.tanh(beta @ self.habits) + rng.normal(0, 0.04, rig.expression_count)
        return self._person(skin, mesh.vertex_normals(rig.template + skin, rig.faces), gains, look)

    def registered_person(self, rng: np.random.Generator, who: Identity) -> Person:
        """A registered identity, painted."""
        skin = who.offset + 0.4 * self._lumps(rng) + self.inward
        return self._person(skin, self.people.outward, who.gains, self.people.painter.paint_identity(rng, who), who.own)

    def _lumps(self, rng: np.random.Generator) -> np.ndarray:
        """Smooth small offsets [V,3] that no direction of the model has."""
        own = 0.0012 * self.vertex_canvas.smooth(rng, 0, 3) + 0.0006 * self.vertex_canvas.smooth(rng, 1, 3)
        own = own.T * self.soft[:, None]
        along = (own * self.normals).sum(1, keepdims=True)
        # not deeper than 1 mm: the mouth's wall and the eyes are near
        return own + self.normals * np.maximum(0, -0.001 - along)

    def _person(
        self, skin: np.ndarray, hair_direction: np.ndarray, gains: np.ndarray, look: Look, own: np.ndarray | None = None
    ) -> Person:
        """Hair on the offsets without hair [V,3], and everything that follows from both."""
        rig, offset = self.rig, skin + hair_direction * look.thickness[:, None]
        texture = look.texture[self.nearest].reshape(self.map_size, self.map_size, 8)
        return Person(
            skin.astype(np.float32),
            offset.astype(np.float32),
            gains.astype(np.float32),
            rig.joints_of(rig.template + skin, (EYE_L, EYE_R)),
            look,
            self._areas(rig.template + offset),
            texture,
            self.occlusion.gaps(rig.template + skin),
            own,
        )

    def face(self, person: Person, expression: np.ndarray, pose: np.ndarray) -> Face:
        """Deform a person. The driver's truth `delta` is what turns template joints and shared expressions into this
        person's motion."""
        rig = self.rig
        full = rig.full_pose(expression, pose)
        still_pose = full.copy()
        still_pose[:6] = 0
        shared = rig.expressed(expression)
        own = rig.expressed(expression * person.gains)
        if person.own is not None:
            own = own + mesh.mix(expression, person.own).reshape(-1, 3)
        own = own * self.dynamic[:, None]
        rest = rig.template + person.offset + shared
        delta, unskinned = own, rest + own
        still, blended = rig.skin(rig.transforms(still_pose), unskinned)
        if np.abs(still_pose[9:]).max() > 1e-6:  # eyes turn about this person's own centres
            wanted = rig.skin(rig.transforms(still_pose, person.joints), unskinned)[0]
            eyes = self.eye_vertices
            back = np.linalg.solve(blended[eyes, :, :3], (wanted[eyes] - blended[eyes, :, 3])[..., None])[..., 0]
            delta = own.copy()
            delta[eyes] += back - unskinned[eyes]
            unskinned, still[eyes] = rest + delta, wanted[eyes]
        turned = np.abs(full[:6]).max() > 1e-9
        transforms = rig.transforms(full)
        posed = rig.skin(transforms, unskinned)[0] if turned else still
        skin = rig.skin(transforms, unskinned - person.offset + person.skin_offset)[0]
        squeeze = self.face_mean @ np.clip(1 - self._areas(unskinned) / person.areas, 0, 0.6).astype(np.float32)
        normals = mesh.vertex_normals(still, rig.faces)
        posed_normals = mesh.vertex_normals(posed, rig.faces) if turned else normals
        return Face(still, posed, skin, normals, posed_normals, delta, unskinned, squeeze * self.soft, expression, pose)

    def occlusion_of(self, person: Person, face: Face, lit: np.ndarray) -> np.ndarray:
        """Per-vertex occlusion [V,1+L] with creases of the expression; `lit` is `occlusion.lit` of the light."""
        base = self.occlusion.blend(lit, face.still, float(face.expression[self.occlusion.jaw]), person.gaps)
        return base * (1 - np.clip(1.1 * person.look.wrinkles * face.crease, 0, 0.45))[:, None]

    def color_of(self, person: Person, face: Face, light, tone, occlusion) -> np.ndarray:
        """sRGB-encoded view-independent color at the texels [n,3]."""
        rig, t = self.rig, self.texels
        return tone.encode(
            mesh.shade(
                t.face,
                t.bary,
                rig.faces,
                rig.uv_faces,
                rig.uv,
                person.texture,
                face.still,
                face.normals,
                occlusion,
                light,
            )
        )

    def render(
        self, person: Person, face: Face, camera: Camera, light, tone, occlusion, worn: Worn = NOTHING
    ) -> Picture:
        """Picture of the mesh and what is worn."""
        return draw(self.rig, person.texture, face, camera, light, tone, occlusion, worn)

    # ------------------------------------------------------------------------------------------------ samples
    def sample(
        self, seed: int, photo_count: int, target_count: int = 2, render_targets: bool = True
    ) -> dict[str, np.ndarray]:
        """One identity with its photos and truths; shapes and meaning in training/synth/README.md."""
        rng = np.random.default_rng([seed, 20261122])
        person = self.person(rng)
        light = lighting.sample_light(rng)
        lit = self.occlusion.lit(light)
        neutral = self.face(person, np.zeros(self.rig.expression_count, np.float32), np.zeros(15))
        shade = self.occlusion_of(person, neutral, lit)
        luminance = float(np.median(self._linear_face(person, neutral, light, shade) @ lighting.LUMA))
        tone = lighting.sample_tone(rng, luminance)
        color = self.color_of(person, neutral, light, tone, shade)
        out: dict[str, np.ndarray] = {}
        log_scale, quat = self._surfels(self.rig.template + person.offset)
        opacity = np.full((len(color), 1), OPACITY_LOGIT, np.float32)
        out["static"] = self.texels.to_map(
            np.concatenate([self.rig.bake(self.texels, person.offset), opacity, color, log_scale, quat], 1)
        )
        out["valid"] = self.valid.copy()
        props = np.random.default_rng([seed, 20261123])  # apart, so that glasses change nothing else
        self._photos(rng, props, person, light, tone, lit, photo_count, out)
        self._targets(rng, person, light, tone, lit, color, (log_scale, quat), target_count, render_targets, out)
        return out

    def _surfels(self, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rig = self.rig
        log_scale, quat = mesh.surfels(
            self.texels.face, rig.faces, rig.uv_faces, rig.uv, vertices, self.map_size, self.base_quat
        )
        return np.minimum(log_scale, self.log_sigma_limit), quat

    def _linear_face(self, person, face, light, occlusion) -> np.ndarray:
        """Linear color of the cheeks, for the exposure."""
        rig, t, m = self.rig, self.texels, self.canvas.cheeks > 0.5
        return mesh.shade(
            t.face[m],
            t.bary[m],
            rig.faces,
            rig.uv_faces,
            rig.uv,
            person.texture,
            face.still,
            face.normals,
            occlusion,
            light,
        )

    def _glasses(self, rng: np.random.Generator, person: Person) -> Glasses | None:
        """Fitted glasses for a minority."""
        if rng.random() >= SHARE:
            return None
        return sample_glasses(rng, self.fitting.measure(self.rig.template + person.skin_offset, person.joints))

    def _worn(self, rng, light, glasses: Glasses | None, torso: Prop | None, face: Face) -> Worn:
        """What one photo shows beside the head."""
        if glasses is None or rng.random() < TAKEN_OFF:
            return Worn(torso)
        turn = self.rig.transforms(self.rig.full_pose(face.expression, face.pose))[NECK]
        return Worn(torso, glasses.worn(turn), sample_glare(rng, light))

    def _photos(self, rng, props, person, light, tone, lit, count, out) -> None:
        """All photos of a person are taken in one light, each with its own exposure and white balance; `props` decides
        about glasses."""
        size, rig = self.photo_size, self.rig
        photos, true, given, cameras = [], [], [], []
        tones = [tone] + [lighting.another_tone(rng, tone) for _ in range(count - 1)]
        seen = np.zeros(len(self.texels.index), bool)
        with_fit, dressed = rng.random() >= 0.25, rng.random() < 0.85
        glasses = self._glasses(props, person)
        neck = np.median(person.look.texture[self.above_rim, :3], axis=0)
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
            torso = (
                sample_torso(rng, face.posed[self.rim], person.look.cloth, neck, hanging, self.frame.head)
                if dressed
                else None
            )
            worn = self._worn(props, light, glasses, torso, face)
            picture = self.render(person, face, camera, light, own_tone, self.occlusion_of(person, face, lit), worn)
            photos.append(self._photograph(rng, picture.color, picture.coverage))
            xy, visible = self._shown(self.coarse, face, camera, picture)
            true.append(self.coarse.to_map(np.c_[xy / size, visible]))
            # from behind only a known camera gives anchors
            fitted = with_fit and (abs(yaw) < UNFITTED_YAW or rng.random() < 0.5)
            given.append(self._fit(rng, person, face, camera) if fitted else np.zeros_like(true[-1]))
            seen |= self._shown(self.texels, face, camera, picture)[1]
            cameras.append(camera)
        out["photos"], out["anchors_true"], out["anchors_in"] = np.stack(photos), np.stack(true), np.stack(given)
        out["photo_tones"] = np.stack([t.values() for t in tones])
        out["seen"] = self.texels.to_map(seen[:, None].astype(np.float32))[0]
        out["photo_cameras"] = pack_cameras(cameras)
        out["prior_in"] = (
            self._prior(rng, person) if with_fit else np.zeros((4, self.anchor_size, self.anchor_size), np.float32)
        )

    def _see(self, texels, vertices, normals, camera, depth, bias: float = 0.0012):
        """Texels in a picture: pixels of the photo [n,2], facing [n], visible [n]."""
        points, n = (
            camera.to_camera(self.rig.bake(texels, vertices)),
            mesh.rigid(self.rig.bake(texels, normals), camera.R),
        )
        xy, facing, visible = mesh.visibility(points, n, camera.f * SUPERSAMPLE, depth, bias, 0.08)
        return xy / SUPERSAMPLE, facing, visible

    def _shown(self, texels: Texels, face: Face, camera: Camera, picture: Picture) -> tuple[np.ndarray, np.ndarray]:
        """Pixels of the photo [n,2] and visibility [n]; a texel that touches a frame, a dark lens or a highlight is not
        visible."""
        xy, _, visible = self._see(texels, face.posed, face.posed_normals, camera, picture.depth)
        reach = 0.5 * self.spacing[texels.size] * camera.f / np.linalg.norm(camera.center() - self.frame.head)
        return xy, visible & ~picture.hides(xy, reach)

    def _photograph(self, rng, picture: np.ndarray, coverage: np.ndarray) -> np.ndarray:
        """Put the head before a random background, add camera flaws, then replace the background by grey as the matte
        does: [3,S,S]."""
        size = picture.shape[0]
        a, b = (rng.random((2, 1)) + rng.normal(0, 0.08, (2, 3))).clip(0, 1).astype(np.float32)
        ramp = np.linspace(0, 1, size, dtype=np.float32)[:, None, None]
        background = np.broadcast_to(
            a + (b - a) * (ramp if rng.random() < 0.5 else ramp.transpose(1, 0, 2)), picture.shape
        )
        cut = coverage[..., None]
        photo = lighting.camera_flaws(rng, picture * cut + background * (1 - cut))
        matte = lighting.blur(cut, rng.uniform(0.5, 2.0))
        low = rng.uniform(0.02, 0.5)  # a matte that is a little too small or too large
        matte = np.clip((matte - low) / rng.uniform(0.3, 0.48), 0, 1)
        photo = photo * matte + 0.5 * (1 - matte)
        return np.ascontiguousarray(photo.transpose(2, 0, 1), np.float32)

    def _fit(self, rng, person, face, camera) -> np.ndarray:
        """Anchors as a landmark fit gives them: no hair, smooth errors, soft confidence [3,A,A]."""
        c, size = self.coarse_canvas, self.photo_size
        depth = mesh.raster(camera.to_camera(face.skin), self.rig.faces, camera.f, size)[2]
        points = camera.to_camera(self.rig.bake(self.coarse, face.skin))
        normals = mesh.rigid(self.rig.bake(self.coarse, mesh.vertex_normals(face.skin, self.rig.faces)), camera.R)
        xy, facing, visible = mesh.visibility(points, normals, camera.f, depth, 0.004, 0.0)
        eyes = camera.project(self.rig.crop_points(face.skin)[:2])
        apart = max(float(np.hypot(*(eyes[0] - eyes[1]))), 0.12 * size) / size
        loose = np.select([c.is_region["scalp"], c.is_region["neck"], c.is_region["ears"]], [3.5, 2.5, 2.5], 1.0) * (
            1 + 2 * step(c.height, 0.03, 0.10)
        )
        wander = rng.normal(0, 0.5, (2, 1)) + c.smooth(rng, 0, 2) + 0.3 * c.smooth(rng, 1, 2)
        error = np.exp(rng.uniform(np.log(0.007), np.log(0.033))) * apart * loose * wander
        trust = np.select([c.is_region["scalp"], c.is_region["neck"], c.is_region["ears"]], [0.35, 0.5, 0.6], 1.0)
        confidence = np.clip(facing * 1.6, 0, 1) * visible * trust
        place = np.clip(xy / size + error.T, 0, 1)
        return self.coarse.to_map(np.c_[place, confidence])

    def _prior(self, rng, person: Person) -> np.ndarray:
        """Identity offset as a fit of the first shape directions gives it, without hair: [4,A,A]."""
        weights = np.einsum("i,ij->j", person.skin_offset.ravel(), self.prior_solve)
        weights = weights * rng.uniform(0.75, 1.02) + rng.uniform(0.15, 0.30) * rng.standard_normal(
            len(weights)
        ).astype(np.float32)
        offset = mesh.mix(weights, self.prior_maps).reshape(-1, 3) / PRIOR_METERS
        return self.coarse.to_map(np.c_[offset, np.ones(len(offset), np.float32)])

    def _targets(self, rng, person, light, tone, lit, color, surfels, count, render, out) -> None:
        rig, t = self.rig, self.texels
        maps, deltas, pictures, masks, cameras, expressions, poses = [], [], [], [], [], [], []
        for expression in self._expressions(rng, count):
            pose = sample_pose(rng)
            face = self.face(person, expression, pose)
            center = face.skin.mean(0) * [0, 1, 0] + self.frame.head * [1, 0, 1] + [0, 0.01, 0]
            camera = sample_view_camera(rng, center, self.photo_size, self.around)
            occlusion = self.occlusion_of(person, face, lit)
            maps.append(self.position_map(expression, pose))
            change = self.color_of(person, face, light, tone, occlusion) - color
            log_scale, quat = self._surfels(face.unskinned)
            delta = np.concatenate(
                [
                    rig.bake(t, face.delta),
                    np.zeros((len(color), 1), np.float32),
                    change,
                    log_scale - surfels[0],
                    quat - surfels[1],
                ],
                1,
            )
            deltas.append(t.to_map(delta * t.dynamic[:, None]))
            if render:
                picture, coverage = self.render(person, face, camera, light, tone, occlusion)[:2]
                pictures.append((picture * coverage[..., None] + 0.5 * (1 - coverage[..., None])).transpose(2, 0, 1))
                masks.append(coverage)
            cameras.append(camera)
            expressions.append(expression)
            poses.append(pose)
        S, P = self.photo_size, self.position_texels.size
        out["position_maps"] = np.stack(maps) if maps else np.zeros((0, 3, P, P), np.float32)
        out["deltas"] = np.stack(deltas) if deltas else np.zeros((0, 14, self.map_size, self.map_size), np.float32)
        if render:
            out["targets"] = np.stack(pictures).astype(np.float32) if pictures else np.zeros((0, 3, S, S), np.float32)
            out["target_masks"] = np.stack(masks).astype(np.float32) if masks else np.zeros((0, S, S), np.float32)
        out["cameras"] = pack_cameras(cameras)
        out["expressions"], out["poses"] = (
            np.array(expressions, np.float32).reshape(count, rig.expression_count),
            np.array(poses, np.float32).reshape(count, 15),
        )

    def _expressions(self, rng, count: int) -> np.ndarray:
        """[count,E]"""
        if self.adjustment is None:
            return np.array([sample_expression(rng, self.rig.expressions) for _ in range(count)])
        return rng.permutation(self.adjustment.timesteps(rng))[:count]

    def position_map(self, expression: np.ndarray, pose: np.ndarray) -> np.ndarray:
        """Driver input [3,P,P] (docs/conventions.md, "Maps")."""
        rig = self.rig
        full = rig.full_pose(expression, pose)
        full[:6] = 0
        moved = rig.skin(rig.transforms(full), rig.template + rig.expressed(expression))[0]
        return self.position_texels.to_map(
            rig.bake(self.position_texels, ((moved - rig.center) / rig.scale).astype(np.float32))
        )


def pack_cameras(cameras: list[Camera]) -> dict[str, np.ndarray]:
    """R [K,3,3], t [K,3], f [K] in pixels of the picture."""
    return {
        "R": np.array([c.R for c in cameras], np.float32).reshape(-1, 3, 3),
        "t": np.array([c.t for c in cameras], np.float32).reshape(-1, 3),
        "f": np.array([c.f for c in cameras], np.float32),
    }
