"""The head model as dense arrays for the generator: identity, expression and skinning in a few matrix products."""

from dataclasses import dataclass

import numpy as np

from ..headmodel.model import HeadModel, rotations
from ..headmodel.texels import build_texel_table
from . import mesh

NECK, JAW, EYE_L, EYE_R = 1, 2, 3, 4


@dataclass(frozen=True)
class Texels:
    """Valid texels of one map size: flat index [n], face [n], barycentric weights of corners 0 and 1 [n,2]."""

    size: int
    index: np.ndarray
    face: np.ndarray
    bary: np.ndarray
    dynamic: np.ndarray  # [n] bool, may change with the expression
    weights: np.ndarray  # [n,5] skin weights

    def to_map(self, values: np.ndarray) -> np.ndarray:
        """Values [n,C] -> map [C,size,size], zeros elsewhere."""
        out = np.zeros((self.size * self.size, values.shape[1]), np.float32)
        out[self.index] = values
        return np.ascontiguousarray(out.T).reshape(-1, self.size, self.size)


class Rig:
    """Float32 twin of a HeadModel. Vertices are [V,3] float32 in canonical meters."""

    def __init__(self, model: HeadModel):
        f32 = np.float32
        self.model = model
        self.template, self.uv = model.template.astype(f32), model.uv.astype(f32)
        self.faces, self.uv_faces = model.faces.astype(np.int32), model.uv_faces.astype(np.int32)
        self.face_region, self.regions, self.expressions = (
            model.face_region.astype(np.int32),
            list(model.regions),
            list(model.expressions),
        )
        self.dynamic_regions = [self.regions.index(r) for r in model.meta["dynamicRegions"]]
        self.center, self.scale = (
            np.asarray(model.meta["positionMap"]["center"], f32),
            np.asarray(model.meta["positionMap"]["scale"], f32),
        )
        self.shape_count, self.expression_count = len(model.shape_dirs), len(self.expressions)
        self.shape_dirs = model.shape_dirs.astype(f32).reshape(self.shape_count, -1)
        self.expression_dirs = model.expression_dirs.astype(f32).reshape(self.expression_count, -1)
        self.weights, self.joints = model.weights.astype(f32), model.joints.astype(np.float64)
        self.regressor = model.joint_regressor.astype(np.float64)
        self.parents = list(model.meta["parents"])
        self.pose_from_expression = model.pose_from_expression.astype(np.float64)
        self.mp_face, self.mp_bary = model.media_pipe

    def expressed(self, expression: np.ndarray) -> np.ndarray:
        """Expression offsets [V,3]."""
        return mesh.mix(expression, self.expression_dirs).reshape(-1, 3)

    def joints_of(self, vertices: np.ndarray, joints: tuple[int, ...]) -> np.ndarray:
        """Rest joints [5,3]: those named follow the neutral vertices of this person, the others stay with the
        template."""
        out = self.joints.copy()
        chosen = list(joints)
        out[chosen] += self.regressor[chosen] @ (vertices.astype(np.float64) - self.template)
        return out

    def transforms(self, pose: np.ndarray, joints: np.ndarray | None = None) -> np.ndarray:
        """Joint matrices [5,3,4] (posed from rest) for the full pose [15] (poseFromExpression already added)."""
        joints = self.joints if joints is None else joints
        R = rotations(pose.reshape(5, 3))
        world = np.zeros((5, 3, 4))
        for j, parent in enumerate(self.parents):
            local = np.concatenate([R[j], (joints[j] - R[j] @ joints[j])[:, None]], 1)
            if parent < 0:
                world[j] = local
            else:
                world[j, :, :3] = world[parent, :, :3] @ local[:, :3]
                world[j, :, 3] = world[parent, :, :3] @ local[:, 3] + world[parent, :, 3]
        return world

    def full_pose(self, expression: np.ndarray, pose: np.ndarray) -> np.ndarray:
        """pose [15] plus the joint turns that the expression asks for."""
        return pose + expression @ self.pose_from_expression

    def skin(self, transforms: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points [V,3] under joint matrices [5,3,4]: moved points [V,3] and each vertex's blended matrix [V,3,4]."""
        return mesh.skin(self.weights, transforms, points)

    def landmarks(self, vertices: np.ndarray, face: np.ndarray, bary: np.ndarray) -> np.ndarray:
        """Embedded points [k,3]."""
        return np.einsum("kc,kcj->kj", bary, vertices[self.faces[np.maximum(face, 0)]])

    def crop_points(self, vertices: np.ndarray) -> np.ndarray:
        """Right eye, left eye and mouth centres [3,3] that the crop rule uses."""
        index = np.array([33, 133, 362, 263, 61, 291])
        p = self.landmarks(vertices, self.mp_face[index], self.mp_bary[index])
        return np.stack([p[:2].mean(0), p[2:4].mean(0), p[4:].mean(0)])

    def texels(self, size: int) -> Texels:
        """Valid texels of a map size, in the order of Gaussians."""
        table = build_texel_table(self.model, size)
        return Texels(
            size,
            table.texel,
            table.face.astype(np.int32),
            np.ascontiguousarray(table.bary[:, :2]),
            table.dynamic,
            table.weights,
        )

    def bake(self, texels: Texels, attribute: np.ndarray) -> np.ndarray:
        """Per-vertex attribute [V,C] at the texels [n,C]."""
        return mesh.interpolate(texels.face, texels.bary, self.faces, attribute)
