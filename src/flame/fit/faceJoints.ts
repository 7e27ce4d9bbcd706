/** How jaw and eyes turn with the expressions of a fit, and how fast: rotations and their derivatives. */
import { JointCount, PoseLength } from "../headModel.js";
import { RotationOfAxisAngle } from "../rotation.js";

/** Rotations of the five joints without global and neck, and the turn that one unit of each expression adds. */
export interface FaceJoints {
    /** [5,9] row-major; global and neck stay the identity. */
    readonly rotation: Float64Array;
    /** [5,E,3] angular velocity of each joint per unit of each expression, radians. */
    readonly turn: Float64Array;
}

/** Buffers for {@link TurnFaceJoints}. */
export function CreateFaceJoints(expressionCount: number): FaceJoints {
    const rotation = new Float64Array(9 * JointCount);
    for (let joint = 0; joint < JointCount; joint++) {
        RotationOfAxisAngle(0, 0, 0, rotation, 9 * joint);
    }
    return { rotation, turn: new Float64Array(3 * expressionCount * JointCount) };
}

/**
 * Turns jaw and eyes as the expressions say.
 * d exp(a)/da = J(a) × exp(a), with J the left Jacobian of rotations: I + (1 − cos)/θ² [a] + (θ − sin)/θ³ [a]².
 * @param poseFromExpression [E,15] of the model
 * @param expression [E] weights
 */
export function TurnFaceJoints(
    poseFromExpression: Float32Array,
    expression: ArrayLike<number>,
    into: FaceJoints,
): void {
    const count = expression.length;
    for (let joint = 2; joint < JointCount; joint++) {
        const angles = [0, 0, 0];
        for (let e = 0; e < count; e++) {
            for (let axis = 0; axis < 3; axis++) {
                angles[axis] += expression[e] * poseFromExpression[PoseLength * e + 3 * joint + axis];
            }
        }
        const [x, y, z] = angles;
        RotationOfAxisAngle(x, y, z, into.rotation, 9 * joint);
        const theta = Math.hypot(x, y, z);
        const first = theta < 1e-4 ? 0.5 : (1 - Math.cos(theta)) / (theta * theta);
        const second = theta < 1e-4 ? 1 / 6 : (theta - Math.sin(theta)) / (theta * theta * theta);
        for (let e = 0; e < count; e++) {
            const [px, py, pz] = [0, 1, 2].map((axis) => poseFromExpression[PoseLength * e + 3 * joint + axis]);
            const [cx, cy, cz] = [y * pz - z * py, z * px - x * pz, x * py - y * px]; // a × p
            const at = 3 * (joint * count + e);
            into.turn[at] = px + first * cx + second * (y * cz - z * cy);
            into.turn[at + 1] = py + first * cy + second * (z * cx - x * cz);
            into.turn[at + 2] = pz + first * cz + second * (x * cy - y * cx);
        }
    }
}
