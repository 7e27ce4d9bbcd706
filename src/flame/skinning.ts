/**
 * Linear blend skinning: joint matrices from axis-angle along the chain of joints, vertices and rotations from those.
 * A joint matrix is 3×4, row-major, twelve numbers: it takes a rest position to its posed position.
 */
import { JointCount, JointParents, type HeadModel } from "./headModel.js";
import { NearestRotation, QuaternionOfRotation, RotationOfAxisAngle } from "./rotation.js";

/** Numbers in the five joint matrices. */
export const JointMatricesLength = 12 * JointCount;

const LocalRotation = new Float64Array(9); // scratch of JointMatrices

/**
 * Matrices of the five joints.
 * @param pose [15] axis-angle, radians: what `EffectivePose` returns
 * @param joints [5,3] rest joint positions, meters
 * @param into [5,12] receives 3×4 row-major matrices, posed from rest
 */
export function JointMatrices(pose: ArrayLike<number>, joints: ArrayLike<number>, into: Float32Array): Float32Array {
    for (let joint = 0; joint < JointCount; joint++) {
        RotationOfAxisAngle(pose[3 * joint], pose[3 * joint + 1], pose[3 * joint + 2], LocalRotation);
        WriteTurnAbout(joints, joint, into);
        const parent = JointParents[joint];
        if (parent >= 0) {
            MultiplyByParent(into, 12 * parent, 12 * joint);
        }
    }
    return into;
}

/** Writes x → R (x − joint) + joint, with R in the scratch. */
function WriteTurnAbout(joints: ArrayLike<number>, joint: number, into: Float32Array): void {
    const x = joints[3 * joint];
    const y = joints[3 * joint + 1];
    const z = joints[3 * joint + 2];
    for (let row = 0; row < 3; row++) {
        const at = 12 * joint + 4 * row;
        const r0 = LocalRotation[3 * row];
        const r1 = LocalRotation[3 * row + 1];
        const r2 = LocalRotation[3 * row + 2];
        into[at] = r0;
        into[at + 1] = r1;
        into[at + 2] = r2;
        into[at + 3] = joints[3 * joint + row] - (r0 * x + r1 * y + r2 * z);
    }
}

/** child ← parent · child, both 3×4. Works column by column, so it may write in place. */
function MultiplyByParent(matrices: Float32Array, parent: number, child: number): void {
    for (let column = 0; column < 4; column++) {
        const x = matrices[child + column];
        const y = matrices[child + 4 + column];
        const z = matrices[child + 8 + column];
        for (let row = 0; row < 3; row++) {
            const at = parent + 4 * row;
            const moved = column === 3 ? matrices[at + 3] : 0;
            matrices[child + 4 * row + column] = matrices[at] * x + matrices[at + 1] * y + matrices[at + 2] * z + moved;
        }
    }
}

/** The rest pose with global and neck (the first two joints) left out: what a position map is made from. */
export function WithoutHeadTurn(pose: ArrayLike<number>, into: Float32Array): Float32Array {
    for (let i = 0; i < 3 * JointCount; i++) {
        into[i] = i < 6 ? 0 : pose[i];
    }
    return into;
}

/**
 * Poses vertices: Σ_j w_j · M_j · x.
 * @param vertices [V,3] before joints, meters
 * @param matrices [5,12] from {@link JointMatrices}
 * @param into [V,3] receives posed positions; may be `vertices` itself
 */
export function SkinVertices(
    model: HeadModel,
    vertices: Float32Array,
    matrices: Float32Array,
    into: Float32Array,
): Float32Array {
    const { vertexCount, weights } = model;
    for (let v = 0; v < vertexCount; v++) {
        const x = vertices[3 * v];
        const y = vertices[3 * v + 1];
        const z = vertices[3 * v + 2];
        let posedX = 0;
        let posedY = 0;
        let posedZ = 0;
        for (let joint = 0; joint < JointCount; joint++) {
            const weight = weights[v * JointCount + joint] / 255;
            if (weight > 0) {
                const m = 12 * joint;
                posedX += weight * (matrices[m] * x + matrices[m + 1] * y + matrices[m + 2] * z + matrices[m + 3]);
                posedY += weight * (matrices[m + 4] * x + matrices[m + 5] * y + matrices[m + 6] * z + matrices[m + 7]);
                posedZ +=
                    weight * (matrices[m + 8] * x + matrices[m + 9] * y + matrices[m + 10] * z + matrices[m + 11]);
            }
        }
        into[3 * v] = posedX;
        into[3 * v + 1] = posedY;
        into[3 * v + 2] = posedZ;
    }
    return into;
}

/**
 * The blended joint matrix of one Gaussian, 3×4.
 * @param weights five weights starting at `at`, summing to one
 */
export function BlendJointMatrices(
    weights: ArrayLike<number>,
    at: number,
    matrices: ArrayLike<number>,
    into: Float32Array,
): Float32Array {
    for (let i = 0; i < 12; i++) {
        let sum = 0;
        for (let joint = 0; joint < JointCount; joint++) {
            sum += weights[at + joint] * matrices[12 * joint + i];
        }
        into[i] = sum;
    }
    return into;
}

const LinearPart = new Float64Array(9); // scratch of BlendedRotation

/**
 * Quaternion x, y, z, w of the rotation nearest to a blended joint matrix: R_lbs.
 * @param blended 3×4 from {@link BlendJointMatrices}
 */
export function BlendedRotation(blended: ArrayLike<number>, into: Float32Array, at = 0): void {
    for (let row = 0; row < 3; row++) {
        for (let column = 0; column < 3; column++) {
            LinearPart[3 * row + column] = blended[4 * row + column];
        }
    }
    NearestRotation(LinearPart);
    QuaternionOfRotation(LinearPart, into, at);
}
