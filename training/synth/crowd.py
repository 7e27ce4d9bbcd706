"""The people: who somebody is, and what an expression does to them. No camera and no light's color yet."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree

from ..headmodel.model import HeadModel
from . import mesh
from .appearance import Look, Painter
from .canvas import Frame, step, texel_canvas, vertex_canvas
from .hair_shape import reshaped
from .occlusion import Occlusion
from .people import Identity, People
from .rig import EYE_L, EYE_R, Rig
from .skins import default_data_root, skin_log_ratios

REGISTERED = 0.6  # ours: share of registered people among all, where there are any
MOUTH_WALL = 0.0035  # meters


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


class Crowd:
    """Random people of one head model at one map size. `data_root` is the folder with makehuman/ (skins); None looks
    for shared/data beside the clone."""

    def __init__(self, head_model: HeadModel, data_root: Path | str | None = None, map_size: int = 256):
        self.map_size = map_size
        self.rig = rig = Rig(head_model)
        self.frame = Frame.of(rig)
        self.texels = rig.texels(map_size)
        self.canvas, self.vertex_canvas = texel_canvas(rig, self.frame, self.texels), vertex_canvas(rig, self.frame)
        skins = skin_log_ratios(rig, self.canvas, default_data_root() if data_root is None else Path(data_root))
        self.painter = Painter(self.canvas, self.vertex_canvas, skins)
        self.people = People.load(rig, self.painter, self.texels.index, map_size)
        self.valid = self.texels.to_map(np.ones((len(self.texels.index), 1), np.float32))[0]
        _, (rows, columns) = distance_transform_edt(self.valid == 0, return_indices=True)
        slot = np.zeros(map_size * map_size, np.int64)
        slot[self.texels.index] = np.arange(len(self.texels.index))
        self.nearest = slot[(rows * map_size + columns).ravel()]  # valid texel that pads each texel
        self._prepare_mesh()
        rng = np.random.default_rng(1)
        self.habits = rng.normal(0, 1, (rig.shape_count, rig.expression_count)) / np.sqrt(rig.shape_count)

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

    def areas(self, vertices: np.ndarray) -> np.ndarray:
        """Twice the area of each triangle [F], m²."""
        a, b, c = (vertices[self.rig.faces[:, k]] for k in range(3))
        return np.linalg.norm(np.cross(b - a, c - a), axis=1) + 1e-9

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
            self.areas(rig.template + offset),
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
        squeeze = self.face_mean @ np.clip(1 - self.areas(unskinned) / person.areas, 0, 0.6).astype(np.float32)
        normals = mesh.vertex_normals(still, rig.faces)
        posed_normals = mesh.vertex_normals(posed, rig.faces) if turned else normals
        return Face(still, posed, skin, normals, posed_normals, delta, unskinned, squeeze * self.soft, expression, pose)

    def occlusion_of(self, person: Person, face: Face, lit: np.ndarray) -> np.ndarray:
        """Per-vertex occlusion [V,1+L] with creases of the expression; `lit` is `occlusion.lit` of the light."""
        base = self.occlusion.blend(lit, face.still, float(face.expression[self.occlusion.jaw]), person.gaps)
        return base * (1 - np.clip(1.1 * person.look.wrinkles * face.crease, 0, 0.45))[:, None]
