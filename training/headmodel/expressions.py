"""The 52 ARKit shapes: from MakeHuman's face units to joint rotations plus corrective directions, mirrored and closed
on the eyeballs."""

from __future__ import annotations

import numpy as np

from . import mesh as meshes
from .geometry import REGIONS, Head
from .source import BaseMesh, face_unit

EXPRESSIONS = (
    "browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekPuff cheekSquintLeft "
    "cheekSquintRight "
    "eyeBlinkLeft eyeBlinkRight eyeLookDownLeft eyeLookDownRight eyeLookInLeft eyeLookInRight eyeLookOutLeft "
    "eyeLookOutRight "
    "eyeLookUpLeft eyeLookUpRight eyeSquintLeft eyeSquintRight eyeWideLeft eyeWideRight jawForward jawLeft jawOpen "
    "jawRight "
    "mouthClose mouthDimpleLeft mouthDimpleRight mouthFrownLeft mouthFrownRight mouthFunnel mouthLeft "
    "mouthLowerDownLeft "
    "mouthLowerDownRight mouthPressLeft mouthPressRight mouthPucker mouthRight mouthRollLower mouthRollUpper "
    "mouthShrugLower "
    "mouthShrugUpper mouthSmileLeft mouthSmileRight mouthStretchLeft mouthStretchRight mouthUpperUpLeft "
    "mouthUpperUpRight "
    "noseSneerLeft noseSneerRight tongueOut"
).split()
JOINTS = ["global", "neck", "jaw", "eyeL", "eyeR"]
PARENTS = [-1, 0, 1, 1, 1]
# ours: eyeball turn of a full eyeLook shape in radians (ARKit does not define it; about 25 degrees sideways, 20 up and
# down)
LOOK_ANGLE = {"Up": 0.35, "Down": 0.40, "In": 0.48, "Out": 0.48}
TEETH_CLEARANCE = 0.0005  # ours, meters: moving lips stay this far before the teeth
LID_CLEARANCE = 1.015  # ours: a moving lid stays this many eyeball radii from the centre, at least


def mirrored_name(name: str) -> str:
    """`eyeBlinkLeft` <-> `eyeBlinkRight`; other names stay."""
    if name.endswith("Left"):
        return name[:-4] + "Right"
    return name[:-5] + "Left" if name.endswith("Right") else name


def rotation(axis_angle: np.ndarray) -> np.ndarray:
    """Rotation matrix [3,3] of an axis-angle vector (Rodrigues)."""
    angle = float(np.linalg.norm(axis_angle))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = np.asarray(axis_angle) / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def raw_shapes(head: Head) -> np.ndarray:
    """Face units [52,V,3] in meters, averaged with their mirror images."""
    direct = np.stack([head.apply(face_unit(name)) * 0.1 for name in EXPRESSIONS])
    order = [EXPRESSIONS.index(mirrored_name(name)) for name in EXPRESSIONS]
    return (direct + direct[order][:, head.mirror] * [-1, 1, 1]) / 2


def hinge(head: Head, template: np.ndarray, jaw_open: np.ndarray) -> tuple[float, np.ndarray]:
    """Angle about +X and hinge point [3] of the rotation that best explains how jawOpen moves the lower teeth."""
    teeth = np.unique(head.faces[head.region == REGIONS.index("teethLower")])
    before, after = template[teeth][:, 1:], (template + jaw_open)[teeth][:, 1:]
    a, b = before - before.mean(0), after - after.mean(0)
    angle = float(np.arctan2((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum(), (a * b).sum()))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.linalg.solve(np.eye(2) - turn, after.mean(0) - turn @ before.mean(0))
    return angle, np.array([0.0, *centre])


def skin_weights(
    head: Head,
    base: BaseMesh,
    mean: np.ndarray,
    template: np.ndarray,
    joints: np.ndarray,
    jaw_open: np.ndarray,
    angle: float,
) -> np.ndarray:
    """Weights [V,5], rows sum to one: neck smooth over the neck, jaw as far as jawOpen follows the hinge, eyes
    rigid."""
    from .geometry import neck_height

    count = len(template)
    place = head.apply(mean)
    height = np.clip(neck_height(place) / 0.7, 0, 1)
    follow = height**2 * (3 - 2 * height)
    follow = (follow + follow[head.mirror]) / 2
    turned = (template - joints[2]) @ rotation(np.array([angle, 0, 0])).T + joints[2] - template
    jaw = np.clip((jaw_open * turned).sum(1) / np.maximum((turned**2).sum(1), 1e-10), 0, 1)
    jaw[(turned**2).sum(1) < 1e-8] = 0
    skin = head.faces[head.chart <= 1]
    average = meshes.neighbour_average(skin, count)
    on_skin = np.zeros(count, bool)
    on_skin[skin] = True
    for _ in range(3):
        jaw = np.where(on_skin, average @ jaw, jaw)
    jaw[jaw < 0.01] = 0
    weights = np.zeros((count, 5))
    part = {name: np.unique(head.faces[head.region == REGIONS.index(name)]) for name in REGIONS}
    jaw[part["teethUpper"]] = jaw[part["eyeLeft"]] = jaw[part["eyeRight"]] = 0
    jaw[part["teethLower"]] = jaw[part["tongue"]] = 1
    follow[~on_skin] = 1
    weights[:, 2] = jaw * follow
    weights[:, 1] = follow - weights[:, 2]
    weights[:, 0] = 1 - follow
    weights[part["eyeLeft"]] = [0, 0, 0, 1, 0]
    weights[part["eyeRight"]] = [0, 0, 0, 0, 1]
    mirrored = weights[head.mirror][:, [0, 1, 2, 4, 3]]
    return (weights + mirrored) / 2


def quantise_weights(weights: np.ndarray) -> np.ndarray:
    """u8 weights [V,5] whose rows sum to 255 exactly (largest remainder)."""
    scaled = weights * 255
    low = np.floor(scaled + 1e-9)
    missing = (255 - low.sum(1)).astype(int)
    order = np.argsort(-(scaled - low), axis=1, kind="stable")
    rank = np.argsort(order, axis=1)
    return (low + (rank < missing[:, None])).astype(np.uint8)


def pose_of_expressions(angle: float) -> np.ndarray:
    """poseFromExpression [52,15]: jawOpen turns the jaw about +X, eyeLook shapes turn their own eye."""
    pose = np.zeros((len(EXPRESSIONS), 15))
    pose[EXPRESSIONS.index("jawOpen"), 6] = angle
    for side, first in (("Left", 9), ("Right", 12)):
        # +X is the subject's left: looking up turns about -X; the left eye looks out (towards +X) by turning about +Y
        outward = 1.0 if side == "Left" else -1.0
        pose[EXPRESSIONS.index(f"eyeLookUp{side}"), first] = -LOOK_ANGLE["Up"]
        pose[EXPRESSIONS.index(f"eyeLookDown{side}"), first] = LOOK_ANGLE["Down"]
        pose[EXPRESSIONS.index(f"eyeLookOut{side}"), first + 1] = outward * LOOK_ANGLE["Out"]
        pose[EXPRESSIONS.index(f"eyeLookIn{side}"), first + 1] = -outward * LOOK_ANGLE["In"]
    return pose


def close_lids(
    head: Head, template: np.ndarray, shapes: np.ndarray, centres: np.ndarray, radius: float, names: list[str]
) -> np.ndarray:
    """Push lid vertices of the shapes in `names` out of the eyeballs at weight 1 (and, for the straight path there, at
    one half).

    Vertices that lie inside the ball at rest (the hidden back of the lid) stay as they are.
    The push is spread to neighbours, so that it leaves no dent.
    """
    shapes = shapes.copy()
    count = len(template)
    skin = head.faces[head.chart == 0]
    lids = np.zeros(count, bool)
    lids[head.faces[head.region == REGIONS.index("lids")]] = True
    average = meshes.neighbour_average(skin, count)
    for name in names:
        index = EXPRESSIONS.index(name)
        centre = centres[0 if name.endswith("Left") else 1]
        rest = np.linalg.norm(template - centre, axis=1)
        movable = lids & (rest > radius) & (rest < 1.8 * radius)
        for _ in range(8):
            for weight in (1.0, 0.5):
                place = template + weight * shapes[index] - centre
                distance = np.linalg.norm(place, axis=1)
                lack = np.where(movable, np.maximum(LID_CLEARANCE * radius - distance, 0), 0)
                if not lack.any():
                    continue
                spread = np.maximum(lack, np.where(movable, average @ lack, 0))
                shapes[index] += place / distance[:, None] * spread[:, None]
    return shapes


def clear_teeth(head: Head, template: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    """Push lip vertices of the shapes forward (+Z) that go behind the front of the dental arches at weight 1, jaw shut.

    Only vertices that lie before the teeth at rest; what a shape moves with the jaw stays, for teeth move along. The
    push is spread to neighbours, so that it leaves no dent.
    """
    count = len(template)
    part = {
        name: np.unique(head.faces[head.region == REGIONS.index(name)]) for name in ("teethUpper", "teethLower", "lips")
    }
    teeth = template[np.concatenate([part["teethUpper"], part["teethLower"]])]
    sides = np.linspace(0, np.abs(teeth[:, 0]).max(), 12)
    near = np.abs(np.abs(teeth[:, 0])[None] - sides[:, None]) <= sides[1]
    fronts = np.array([teeth[row, 2].max() for row in near])
    front = lambda place: np.interp(np.abs(place[:, 0]), sides, fronts) + TEETH_CLEARANCE
    movable = np.zeros(count, bool)
    movable[part["lips"]] = True
    movable &= template[:, 2] > front(template)
    average = meshes.neighbour_average(head.faces[head.chart == 0], count)
    shapes = shapes.copy()
    for index, name in enumerate(EXPRESSIONS):
        if name.startswith("jaw"):
            continue
        for _ in range(8):
            place = template + shapes[index]
            lack = np.where(movable, np.maximum(front(place) - place[:, 2], 0), 0)
            if not lack.any():
                break
            shapes[index, :, 2] += np.maximum(lack, np.where(movable, average @ lack, 0))
    return shapes


def correctives(
    template: np.ndarray, shapes: np.ndarray, weights: np.ndarray, joints: np.ndarray, pose: np.ndarray
) -> np.ndarray:
    """Directions [52,V,3] such that blending a full shape and skinning with its pose gives template + shape again.

    mouthClose means "closed although jawOpen is 1", so its direction is taken in the frame of the open jaw.
    """

    def blend(row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        matrix, moved = np.zeros((len(template), 3, 3)), np.zeros_like(template)
        for joint in range(5):
            turn = rotation(row[3 * joint : 3 * joint + 3])
            matrix += weights[:, joint, None, None] * turn
            moved += weights[:, joint, None] * ((template - joints[joint]) @ turn.T + joints[joint])
        return matrix, moved

    out = shapes.copy()
    for index in np.flatnonzero(np.abs(pose).sum(1)):
        matrix, moved = blend(pose[index])
        out[index] = np.linalg.solve(matrix, (template + shapes[index] - moved)[:, :, None])[:, :, 0]
    close = EXPRESSIONS.index("mouthClose")
    matrix, _ = blend(pose[EXPRESSIONS.index("jawOpen")])
    out[close] = np.linalg.solve(matrix, shapes[close][:, :, None])[:, :, 0]
    return out
