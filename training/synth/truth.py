"""The truth of every map: what the networks are to predict of a person, in the order of docs/conventions.md, "Maps"."""

import numpy as np

from . import lighting, mesh
from .crowd import Crowd, Face, Person

OPACITY_LOGIT = 4.0
SIGMA_LIMIT = {
    "lids": 0.0005,
    "ears": 0.002,
    "lips": 0.0008,
    "mouthInterior": 0.002,
    "tongue": 0.002,
}  # ours, meters: wide Gaussians there hide eyes and pierce the cheeks


class Truth:
    """Maps of one crowd; position maps have `position_map_size` texels per side."""

    def __init__(self, crowd: Crowd, position_map_size: int = 128):
        self.crowd = crowd
        rig, texels = crowd.rig, crowd.texels
        self.position_texels = rig.texels(position_map_size)
        limit = np.array([SIGMA_LIMIT.get(name, 0.02) for name in rig.regions])[crowd.canvas.region]
        self.log_sigma_limit = np.log(limit[:, None] * [1, 1, mesh.NORMAL_RATIO]).astype(np.float32)
        self.base_quat = mesh.surfels(texels.face, rig.faces, rig.uv_faces, rig.uv, rig.template, crowd.map_size)[1]

    def surfels(self, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log scale [n,3] (ln m) and quaternion [n,4] of the texels on deformed vertices [V,3]."""
        rig, crowd = self.crowd.rig, self.crowd
        log_scale, quat = mesh.surfels(
            crowd.texels.face, rig.faces, rig.uv_faces, rig.uv, vertices, crowd.map_size, self.base_quat
        )
        return np.minimum(log_scale, self.log_sigma_limit), quat

    def color(self, person: Person, face: Face, light, tone, occlusion) -> np.ndarray:
        """sRGB-encoded view-independent color at the texels [n,3]."""
        return tone.encode(self._shaded(slice(None), person, face, light, occlusion))

    def luminance(self, person: Person, face: Face, light, occlusion) -> float:
        """Linear, of the cheeks, for the exposure."""
        cheeks = self.crowd.canvas.cheeks > 0.5
        return float(np.median(self._shaded(cheeks, person, face, light, occlusion) @ lighting.LUMA))

    def _shaded(self, part, person: Person, face: Face, light, occlusion) -> np.ndarray:
        """Linear color of some texels."""
        rig, t = self.crowd.rig, self.crowd.texels
        place = t.face[part], t.bary[part], rig.faces, rig.uv_faces, rig.uv
        return mesh.shade(*place, person.texture, face.still, face.normals, occlusion, light)

    def static_map(self, person: Person, color: np.ndarray, surfels: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """G_st [14,H,W]: the person at rest, with `color` and `surfels` of the face at rest."""
        opacity = np.full((len(color), 1), OPACITY_LOGIT, np.float32)
        offset = self.crowd.rig.bake(self.crowd.texels, person.offset)
        return self.crowd.texels.to_map(np.concatenate([offset, opacity, color, *surfels], 1))

    def delta_map(
        self,
        face: Face,
        change: np.ndarray,
        surfels: tuple[np.ndarray, np.ndarray],
        rest: tuple[np.ndarray, np.ndarray],
    ) -> np.ndarray:
        """dG_dyn [14,H,W], 0 outside the dynamic regions: `change` [n,3] of the color, surfels against those at
        rest."""
        t = self.crowd.texels
        moved, still = self.crowd.rig.bake(t, face.delta), np.zeros((len(change), 1), np.float32)
        delta = np.concatenate([moved, still, change, surfels[0] - rest[0], surfels[1] - rest[1]], 1)
        return t.to_map(delta * t.dynamic[:, None])

    def position_map(self, expression: np.ndarray, pose: np.ndarray) -> np.ndarray:
        """P_driving, the driver's input [3,P,P] (docs/conventions.md, "Maps")."""
        rig = self.crowd.rig
        full = rig.full_pose(expression, pose)
        full[:6] = 0
        moved = rig.skin(rig.transforms(full), rig.template + rig.expressed(expression))[0]
        return self.position_texels.to_map(
            rig.bake(self.position_texels, ((moved - rig.center) / rig.scale).astype(np.float32))
        )
