"""The head model in numpy: load, blend shapes, joints, linear blend skinning."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from . import asset_file

# The head of everything in training: open-head, or a file of the user's, as `convert-flame` writes it (docs/flame.md).
DEFAULT_PATH = Path(
    os.environ.get("FLEX_HEAD_MODEL", Path(__file__).resolve().parents[2] / "assets" / "models" / "open-head.bin")
)


def rotations(axis_angle: np.ndarray) -> np.ndarray:
    """Rotation matrices [...,3,3] of axis-angle vectors [...,3], radians."""
    axis_angle = np.asarray(axis_angle, np.float64)
    angle = np.linalg.norm(axis_angle, axis=-1)[..., None, None]
    x, y, z = np.moveaxis(axis_angle, -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack([np.stack([zero, -z, y], -1), np.stack([z, zero, -x], -1), np.stack([-y, x, zero], -1)], -2)
    safe = np.maximum(angle, 1e-8)
    return np.eye(3) + np.sinc(safe / np.pi) * cross + (1 - np.cos(safe)) / safe**2 * (cross @ cross)


@dataclass
class HeadModel:
    """Arrays of a head model file, decoded. V vertices, T texture vertices, F faces, S shapes, E expressions; meters,
    canonical space."""

    meta: dict
    template: np.ndarray  # f32 [V,3]
    faces: np.ndarray  # i64 [F,3]
    uv_faces: np.ndarray  # i64 [F,3]
    uv: np.ndarray  # f32 [T,2]
    face_region: np.ndarray  # u8 [F]
    shape_dirs: np.ndarray  # f32 [S,V,3]
    expression_dirs: np.ndarray  # f32 [E,V,3]
    weights: np.ndarray  # f32 [V,5]
    joint_regressor: np.ndarray  # f32 [5,V]
    joints: np.ndarray  # f32 [5,3]
    pose_from_expression: np.ndarray  # f32 [E,15]
    landmark68: tuple[np.ndarray, np.ndarray]  # face [68], barycentrics [68,3]
    media_pipe: tuple[np.ndarray, np.ndarray]  # face [478] (-1 = unmapped), barycentrics [478,3]
    corrective_dirs: np.ndarray | None = None  # f32 [36,V,3] per unit of R − I of neck, jaw and eyes, or none
    regions: list[str] = field(default_factory=list)
    expressions: list[str] = field(default_factory=list)

    @staticmethod
    def load(path: Path | str = DEFAULT_PATH) -> HeadModel:
        """Read a head model file. Raises ValueError on a damaged file."""
        meta, a = asset_file.read(path)
        count = len(a["template"])
        expression = np.zeros((len(meta["expressions"]), count, 3), np.float32)
        for e in range(len(expression)):
            part = slice(*a["expressionStart"][e : e + 2].astype(int))
            expression[e, a["expressionVertex"][part]] = a["expressionDelta"][part] * a["expressionScale"][e]
        corrective = None
        if "correctiveScale" in a:
            corrective = np.zeros((len(a["correctiveScale"]), count, 3), np.float32)
            for c in range(len(corrective)):
                part = slice(*a["correctiveStart"][c : c + 2].astype(int))
                corrective[c, a["correctiveVertex"][part]] = a["correctiveDelta"][part] * a["correctiveScale"][c]
        regressor = np.zeros((5, count), np.float32)
        for j in range(5):
            part = slice(*a["jointStart"][j : j + 2].astype(int))
            regressor[j, a["jointVertex"][part]] = a["jointWeight"][part]
        return HeadModel(
            meta=meta,
            template=a["template"],
            faces=a["faces"].astype(np.int64),
            uv_faces=a["uvFaces"].astype(np.int64),
            uv=a["uv"],
            face_region=a["faceRegion"],
            shape_dirs=a["shapeDirs"].astype(np.float32) * a["shapeScale"][:, None, None],
            expression_dirs=expression,
            weights=a["weights"].astype(np.float32) / 255,
            joint_regressor=regressor,
            joints=a["joints"],
            pose_from_expression=a["poseFromExpression"],
            landmark68=(a["landmark68Face"].astype(np.int64), a["landmark68Bary"]),
            media_pipe=(a["mediaPipeFace"].astype(np.int64), a["mediaPipeBary"]),
            corrective_dirs=corrective,
            regions=meta["regions"],
            expressions=meta["expressions"],
        )

    def expression_vector(self, **weights: float) -> np.ndarray:
        """Expression coefficients [E] by name, for example `expression_vector(jawOpen=0.5)`."""
        vector = np.zeros(len(self.expressions), np.float32)
        for name, value in weights.items():
            vector[self.expressions.index(name)] = value
        return vector

    def vertices(self, shape: np.ndarray | None = None, expression: np.ndarray | None = None) -> np.ndarray:
        """Vertices [V,3] before skinning: template + identity [<=S] + expression [E] directions."""
        out = self.template.astype(np.float32)
        if shape is not None:
            out = out + np.tensordot(np.asarray(shape, np.float32), self.shape_dirs[: len(shape)], 1)
        if expression is not None:
            out = out + np.tensordot(np.asarray(expression, np.float32), self.expression_dirs, 1)
        return out

    def rest_joints(self, shape: np.ndarray | None = None) -> np.ndarray:
        """Joint positions [5,3] of an identity (expressions do not move joints)."""
        if shape is None:
            return self.joints
        return self.joints + np.einsum(
            "jv,svc,s->jc", self.joint_regressor, self.shape_dirs[: len(shape)], np.asarray(shape, np.float32)
        )

    def pose(self, expression: np.ndarray | None = None, pose: np.ndarray | None = None) -> np.ndarray:
        """Axis-angle [5,3] of the joints: `pose` [5,3] or [15] plus what the expression adds (jaw and eyes)."""
        total = np.zeros(15) if pose is None else np.asarray(pose, np.float64).reshape(15)
        if expression is not None:
            total = total + np.asarray(expression, np.float64) @ self.pose_from_expression
        return total.reshape(5, 3)

    def corrected(self, vertices: np.ndarray, pose: np.ndarray) -> np.ndarray:
        """Vertices [V,3] before skinning, with what a full pose [5,3] changes besides turning (FLAME's pose
        correctives); unchanged where the model has none."""
        if self.corrective_dirs is None:
            return vertices
        features = (rotations(np.asarray(pose).reshape(5, 3)[1:]) - np.eye(3)).reshape(-1)
        return vertices + np.tensordot(features, self.corrective_dirs, 1).astype(np.float32)

    def joint_matrices(self, pose: np.ndarray, joints: np.ndarray | None = None) -> np.ndarray:
        """Skinning matrices [5,4,4] (posed from canonical) of a full pose [5,3]; identity at rest."""
        joints = self.joints if joints is None else joints
        turn = rotations(np.asarray(pose).reshape(5, 3))
        out = np.zeros((5, 4, 4))
        for j, parent in enumerate(self.meta["parents"]):
            local = np.eye(4)
            local[:3, :3] = turn[j]
            local[:3, 3] = joints[j] - turn[j] @ joints[j]
            out[j] = local if parent < 0 else out[parent] @ local
        return out

    def lbs(self, vertices: np.ndarray, pose: np.ndarray, joints: np.ndarray | None = None) -> np.ndarray:
        """Linear blend skinning of vertices [V,3] by a full pose [5,3] (see `pose`). Returns [V,3]."""
        blended = np.einsum("vj,jkl->vkl", self.weights, self.joint_matrices(pose, joints))
        return np.einsum("vkl,vl->vk", blended[:, :3, :3], vertices) + blended[:, :3, 3]

    def posed(
        self, shape: np.ndarray | None = None, expression: np.ndarray | None = None, pose: np.ndarray | None = None
    ) -> np.ndarray:
        """Shape, expression and pose together: posed vertices [V,3]."""
        full = self.pose(expression, pose)
        return self.lbs(self.corrected(self.vertices(shape, expression), full), full, self.rest_joints(shape))

    def landmarks68(self, vertices: np.ndarray) -> np.ndarray:
        """Multi-PIE landmarks [68,3] on vertices [V,3]."""
        face, bary = self.landmark68
        return np.einsum("nk,nkc->nc", bary, vertices[self.faces[face]])

    def media_pipe_landmarks(self, vertices: np.ndarray) -> np.ndarray:
        """MediaPipe landmarks [478,3] on vertices [V,3]; NaN where unmapped."""
        face, bary = self.media_pipe
        points = np.einsum("nk,nkc->nc", bary, vertices[self.faces[np.maximum(face, 0)]])
        return np.where(face[:, None] >= 0, points, np.nan)
