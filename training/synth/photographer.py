"""The photographer: what a camera sees of a posed person, as a user's photo or as a true picture, and what a landmark
fit would know of it."""

import numpy as np

from . import lighting, mesh
from .cameras import Camera
from .canvas import step, texel_canvas
from .crowd import Crowd, Face, Person
from .glasses import SHARE, TAKEN_OFF, Glasses, sample_glare, sample_glasses
from .glasses_fit import Fitting
from .picture import NOTHING, SUPERSAMPLE, Picture, Worn, draw
from .prop import Prop
from .rig import NECK, Texels
from .torso import sample_torso

PRIOR_SHAPES = 30
PRIOR_METERS = 0.02


class Photographer:
    """Takes pictures of `photo_size` pixels per side; anchors and prior have `anchor_size` texels per side."""

    def __init__(self, crowd: Crowd, photo_size: int = 256, anchor_size: int = 64):
        self.crowd, self.photo_size, self.anchor_size = crowd, photo_size, anchor_size
        rig = crowd.rig
        self.coarse = rig.texels(anchor_size)
        self.coarse_canvas = texel_canvas(rig, crowd.frame, self.coarse)
        self.fitting = Fitting(rig)
        area = 0.5 * crowd.areas(rig.template)[rig.face_region == rig.regions.index("face")].sum()
        on_face = [rig.face_region[t.face] == rig.regions.index("face") for t in (crowd.texels, self.coarse)]
        # meters
        self.spacing = {t.size: float(np.sqrt(area / on.sum())) for t, on in zip((crowd.texels, self.coarse), on_face)}
        basis = rig.shape_dirs[:PRIOR_SHAPES]
        self.prior_solve = np.linalg.pinv(basis.astype(np.float64)).astype(np.float32)  # [3V, 30]
        self.prior_maps = np.stack([rig.bake(self.coarse, b.reshape(-1, 3)).ravel() for b in basis])  # [30, 3n]

    # ------------------------------------------------------------------------------------------------------- pictures
    def render(
        self,
        person: Person,
        face: Face,
        camera: Camera,
        light,
        tone,
        occlusion,
        worn: Worn = NOTHING,
        supersample: int = SUPERSAMPLE,
    ) -> Picture:
        """Picture of the mesh and what is worn."""
        return draw(self.crowd.rig, person.texture, face, camera, light, tone, occlusion, worn, supersample)

    def photograph(self, rng, picture: np.ndarray, coverage: np.ndarray) -> np.ndarray:
        """A photo as a user gives it [3,S,S]: the head before a random background, with camera flaws, then the
        background replaced by grey as the matte does."""
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

    def glasses(self, rng: np.random.Generator, person: Person) -> Glasses | None:
        """Fitted glasses for a minority."""
        if rng.random() >= SHARE:
            return None
        return sample_glasses(rng, self.fitting.measure(self.crowd.rig.template + person.skin_offset, person.joints))

    def worn(self, rng, light, glasses: Glasses | None, torso: Prop | None, face: Face) -> Worn:
        """What one photo shows beside the head."""
        if glasses is None or rng.random() < TAKEN_OFF:
            return Worn(torso)
        turn = self.crowd.rig.transforms(self.crowd.rig.full_pose(face.expression, face.pose))[NECK]
        return Worn(torso, glasses.worn(turn), sample_glare(rng, light))

    def torso(
        self, rng: np.random.Generator, person: Person, face: Face, neck: np.ndarray, hanging: np.ndarray | None
    ) -> Prop:
        """What the person wears below the head; colors [3] of the neck and of hair that hangs over it."""
        crowd = self.crowd
        return sample_torso(rng, face.posed[crowd.rim], person.look.cloth, neck, hanging, crowd.frame.head)

    def neck_color(self, person: Person) -> np.ndarray:
        """Linear [3], right above the head's open end."""
        return np.median(person.look.texture[self.crowd.above_rim, :3], axis=0)

    # --------------------------------------------------------------------------------- what a landmark fit would know
    def see(self, texels, vertices, normals, camera, depth, bias: float = 0.0012):
        """Texels in a picture: pixels of the photo [n,2], facing [n], visible [n]."""
        points, n = (
            camera.to_camera(self.crowd.rig.bake(texels, vertices)),
            mesh.rigid(self.crowd.rig.bake(texels, normals), camera.R),
        )
        xy, facing, visible = mesh.visibility(points, n, camera.f * SUPERSAMPLE, depth, bias, 0.08)
        return xy / SUPERSAMPLE, facing, visible

    def shown(self, texels: Texels, face: Face, camera: Camera, picture: Picture) -> tuple[np.ndarray, np.ndarray]:
        """Pixels of the photo [n,2] and visibility [n]; a texel that touches a frame, a dark lens or a highlight is not
        visible."""
        xy, _, visible = self.see(texels, face.posed, face.posed_normals, camera, picture.depth)
        reach = 0.5 * self.spacing[texels.size] * camera.f / np.linalg.norm(camera.center() - self.crowd.frame.head)
        return xy, visible & ~picture.hides(xy, reach)

    def fit(self, rng, person, face, camera) -> np.ndarray:
        """Anchors as a landmark fit gives them: no hair, smooth errors, soft confidence [3,A,A]."""
        c, size = self.coarse_canvas, self.photo_size
        depth = mesh.raster(camera.to_camera(face.skin), self.crowd.rig.faces, camera.f, size)[2]
        points = camera.to_camera(self.crowd.rig.bake(self.coarse, face.skin))
        normals = mesh.rigid(
            self.crowd.rig.bake(self.coarse, mesh.vertex_normals(face.skin, self.crowd.rig.faces)), camera.R
        )
        xy, facing, visible = mesh.visibility(points, normals, camera.f, depth, 0.004, 0.0)
        eyes = camera.project(self.crowd.rig.crop_points(face.skin)[:2])
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

    def prior(self, rng, person: Person) -> np.ndarray:
        """Identity offset as a fit of the first shape directions gives it, without hair: [4,A,A]."""
        weights = np.einsum("i,ij->j", person.skin_offset.ravel(), self.prior_solve)
        weights = weights * rng.uniform(0.75, 1.02) + rng.uniform(0.15, 0.30) * rng.standard_normal(
            len(weights)
        ).astype(np.float32)
        offset = mesh.mix(weights, self.prior_maps).reshape(-1, 3) / PRIOR_METERS
        return self.coarse.to_map(np.c_[offset, np.ones(len(offset), np.float32)])
