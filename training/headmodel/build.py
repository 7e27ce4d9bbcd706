"""Build assets/models/open-head.bin: `python -m training.headmodel.build`. The same input gives the same bytes."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from . import asset_file, atlas, expressions, geometry, identity, landmarks
from .model import DEFAULT_PATH
from .source import PACKAGE, BaseMesh, target

SHAPE_COUNT = 48
POPULATION = 1400
SEED = 20251217
METERS = 0.1


# ours, meters: MakeHuman's arches lie so far back and high that speech and smiles show no upper teeth. Here the upper
# incisors stand 1 mm behind the lips and show 4 mm below the upper one, as in adults; what then goes through rolled
# lips `expressions.clear_teeth` mends
TEETH_SHIFT = {"teethUpper": (0.0, -0.0080, 0.0090), "teethLower": (0.0, 0.0004, 0.0068)}
TEETH_FADE = 0.028  # ours, meters: the shift ends this far behind the incisors, where cheeks are near
TEETH_WIDTH = 0.9  # ours: the arches are narrower than MakeHuman's, or canines fill the corners of the mouth


def identity_model(base: BaseMesh, head: geometry.Head) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean adult in base vertices [base,3] (decimeters), mean head [V,3] and directions [S,V,3] (meters, not yet moved
    to the origin)."""
    weights, names = identity.population(base, POPULATION, SEED)
    mean_base = base.vertices + np.tensordot(weights.mean(0), np.stack([target(name) for name in names]), 1)
    basis = np.stack([head.apply(target(name)) for name in names]) * METERS
    # heads are compared after moving eyes and ears together; where a body stands and how tall it is are not identity of
    # a head
    anchor = np.unique(
        head.faces[np.isin(head.region, [geometry.REGIONS.index(n) for n in ("ears", "eyeLeft", "eyeRight")])]
    )
    basis -= basis[:, anchor].mean(1, keepdims=True)
    deviation = weights - weights.mean(0)
    samples = np.tensordot(deviation, basis, 1)
    density = np.array([{"neck": 0.35, "scalp": 0.5, "mouthInterior": 0.2}.get(n, 1.0) for n in geometry.REGIONS])
    importance = np.zeros(len(head.mirror))
    for k in range(3):
        np.maximum.at(importance, head.faces[:, k], density[head.region])
    # the mirror image of every sample is as likely as the sample: this keeps the mean mirrored exactly
    mirrored = samples[:, head.mirror] * [-1, 1, 1]
    directions, share = identity.principal_directions(
        np.concatenate([samples, mirrored]).astype(np.float32), importance, SHAPE_COUNT
    )
    print(f"identity: {len(names)} targets, {SHAPE_COUNT} directions explain {share.sum():.1%} of the variance")
    mean = head.apply(mean_base) * METERS
    return mean_base, (mean + mean[head.mirror] * [-1, 1, 1]) / 2, directions


def shift_teeth(template: np.ndarray, part: dict[str, np.ndarray]) -> np.ndarray:
    """Template [V,3] with the arches narrowed and moved: wholly at the incisors, fading backwards."""
    out = template.copy()
    for name, shift in TEETH_SHIFT.items():
        depth = template[part[name], 2:]
        out[part[name]] += np.clip((depth - depth.max() + TEETH_FADE) / TEETH_FADE, 0, 1) * shift
        out[part[name], 0] *= TEETH_WIDTH
    return out


def joint_regressor(
    template: np.ndarray, joints: np.ndarray, sets: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """start [6], vertex, weight: affine weights of least norm that give each joint from its vertex set."""
    start, vertex, weight = [0], [], []
    for joint, members in zip(joints, sets, strict=True):
        system = np.concatenate([np.ones((1, len(members))), (template[members] - joint).T * 10])
        solution = np.linalg.lstsq(system, np.array([1.0, 0, 0, 0]), rcond=None)[0]
        vertex.append(members)
        weight.append(solution)
        start.append(start[-1] + len(members))
    return (
        np.array(start, np.uint32),
        np.concatenate(vertex).astype(np.uint16),
        np.concatenate(weight).astype(np.float32),
    )


def build(path: Path = DEFAULT_PATH) -> int:
    """Build and write the asset; returns its size in bytes."""
    base = BaseMesh()
    rough = identity.average_adult(base)
    head = geometry.assemble(base, rough)
    mean_base, mean, directions = identity_model(base, head)
    part = {name: np.unique(head.faces[head.region == index]) for index, name in enumerate(geometry.REGIONS)}
    ear_middle = mean[part["ears"]].mean(0)
    origin = np.array([0.0, ear_middle[1], ear_middle[2] + 0.012])
    raw = expressions.raw_shapes(head)
    # MakeHuman's lips stand open by a hair at the corners: a little mouthPress closes them at rest
    template = (
        mean - origin + 0.3 * sum(raw[expressions.EXPRESSIONS.index(f"mouthPress{side}")] for side in ("Left", "Right"))
    )

    jaw_open = raw[expressions.EXPRESSIONS.index("jawOpen")]
    angle, hinge = expressions.hinge(head, template, jaw_open)
    eye_centres, eye_radii = [], []
    for name in ("eyeLeft", "eyeRight"):
        ball = template[part[name]]
        solution = np.linalg.lstsq(
            np.concatenate([2 * ball, np.ones((len(ball), 1))], 1), (ball**2).sum(1), rcond=None
        )[0]
        eye_centres.append(solution[:3])
        eye_radii.append(float(np.linalg.norm(ball - solution[:3], axis=1).max()))
    low, high = base.joint("neck", mean_base) * METERS - origin, base.joint("head", mean_base) * METERS - origin
    joints = np.array([low, 0.55 * low + 0.45 * high, hinge, *eye_centres])
    joints[:3, 0] = 0
    joints[4] = joints[3] * [-1, 1, 1]
    print(
        f"jaw: {np.degrees(angle):.1f} degrees about {hinge.round(4)}; eye radius {eye_radii[0] * 1000:.2f} mm; "
        f"joints\n{joints.round(4)}"
    )

    weights = expressions.skin_weights(head, base, mean_base, template, joints, jaw_open, angle)
    weights8 = expressions.quantise_weights(weights)
    pose = expressions.pose_of_expressions(angle)
    # the unit closes at 0.75 and then folds the lid over; here it closes shortly before 1
    for name in ("eyeBlinkLeft", "eyeBlinkRight"):
        raw[expressions.EXPRESSIONS.index(name)] *= 0.86
    lid_shapes = [name for name in expressions.EXPRESSIONS if name.startswith("eye")]
    shapes = expressions.close_lids(head, template, raw, np.array(eye_centres), max(eye_radii), lid_shapes)
    shifted = shift_teeth(template, part)
    shapes = expressions.clear_teeth(head, shifted, shapes)
    # the unit leaves the tongue above the lower teeth; let it lie with them
    tongue = part["tongue"]
    turn = expressions.rotation(np.array([angle, 0, 0]))
    lowered = (template[tongue] - hinge) @ turn.T + hinge + turn @ np.array([0, -0.008, 0])
    shapes[expressions.EXPRESSIONS.index("jawOpen"), tongue] = lowered - template[tongue]
    for index in range(len(shapes)):  # an eyeball turns as a whole or not at all
        for side, name in enumerate(("eyeLeft", "eyeRight")):
            turn = expressions.rotation(pose[index, 9 + 3 * side : 12 + 3 * side])
            shapes[index, part[name]] = (
                (template[part[name]] - joints[3 + side]) @ turn.T + joints[3 + side] - template[part[name]]
            )
    full = shapes
    shapes = expressions.correctives(template, full, weights8 / 255, joints, pose)
    shapes[np.abs(shapes).max(2) < 2e-5] = 0

    template = shifted
    uv, uv_faces = atlas.build_atlas(head, template)
    near = [
        np.flatnonzero(np.linalg.norm((template - joint) * [0.5, 1, 1], axis=1) < reach)
        for joint, reach in zip(joints[:3], (0.09, 0.08, 0.05), strict=True)
    ]
    start, vertex, weight = joint_regressor(template, joints, [*near, part["eyeLeft"], part["eyeRight"]])

    shape_scale = np.abs(directions).reshape(SHAPE_COUNT, -1).max(1) / 127
    expression_start, expression_vertex, expression_delta, expression_scale = [0], [], [], []
    for shape in shapes:
        moved = np.flatnonzero(np.abs(shape).max(1) > 0)
        scale = max(float(np.abs(shape).max()) / 32767, 1e-12)
        expression_vertex.append(moved)
        expression_delta.append(np.round(shape[moved] / scale))
        expression_scale.append(scale)
        expression_start.append(expression_start[-1] + len(moved))
    posed = template[np.unique(head.faces[head.region != geometry.REGIONS.index("neck")])]
    box = np.stack([posed.min(0), posed.max(0)])
    landmark = landmarks.landmark_arrays(template, head)
    arrays = {
        "template": template.astype(np.float32),
        "faces": head.faces.astype(np.uint16),
        "uvFaces": uv_faces.astype(np.uint16),
        "uv": uv.astype(np.float32),
        "faceRegion": head.region.astype(np.uint8),
        "shapeDirs": np.round(directions / shape_scale[:, None, None]).astype(np.int8),
        "shapeScale": shape_scale.astype(np.float32),
        "expressionStart": np.array(expression_start, np.uint32),
        "expressionVertex": np.concatenate(expression_vertex).astype(np.uint16),
        "expressionDelta": np.concatenate(expression_delta).astype(np.int16),
        "expressionScale": np.array(expression_scale, np.float32),
        "weights": weights8,
        "joints": joints.astype(np.float32),
        "jointStart": start,
        "jointVertex": vertex,
        "jointWeight": weight,
        **landmark,
        "poseFromExpression": pose.astype(np.float32),
    }
    meta = {
        "name": "open-head",
        "license": "CC0-1.0",
        "source": f"MakeHuman base mesh and targets, Face Units by Mika Suominen; from the PyPI wheel {PACKAGE}",
        "regions": geometry.REGIONS,
        "dynamicRegions": geometry.DYNAMIC_REGIONS,
        "twoSidedRegions": geometry.TWO_SIDED_REGIONS,
        "joints": expressions.JOINTS,
        "parents": expressions.PARENTS,
        "expressions": expressions.EXPRESSIONS,
        "shapes": [f"identity{k:02d}" for k in range(SHAPE_COUNT)],
        "positionMap": {
            "center": [round(float(x), 4) for x in box.mean(0)],
            "scale": round(float(np.ptp(box, axis=0).max() / 2), 4),
        },
    }
    size = asset_file.write(path, meta, arrays)
    print(
        f"{path.name}: {len(template)} vertices, {len(head.faces)} faces, {len(uv)} texture vertices, "
        f"{size / 1e6:.2f} MB"
    )
    return size


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=DEFAULT_PATH)
    build(parser.parse_args().output)
