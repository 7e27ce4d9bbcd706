/**
 * Vertices before any joint turns: the template moved by identity and by expression.
 * T(ψ) of the paper is {@link ExpressVertices} of the template; identity lives in the static map instead.
 */
import { PoseFeatureCount, PoseLength, type HeadModel } from "./headModel.js";
import { RotationOfAxisAngle } from "./rotation.js";

/**
 * The template plus identity: template + Σ β_s · direction_s.
 * @param shape up to S coefficients in standard deviations; those left out are 0
 * @returns [V,3] meters, new
 */
export function ShapeVertices(model: HeadModel, shape: ArrayLike<number>): Float32Array {
    const vertices = model.template.slice();
    const numbers = vertices.length;
    const count = Math.min(shape.length, model.shapeCount);
    for (let s = 0; s < count; s++) {
        const scale = shape[s] * model.shapeScale[s];
        if (scale !== 0) {
            for (let i = 0; i < numbers; i++) {
                vertices[i] += scale * model.shapeDirs[s * numbers + i];
            }
        }
    }
    return vertices;
}

/**
 * Base vertices plus expression: base + Σ ψ_e · direction_e. Does not turn joints.
 * @param expression [E] weights
 * @param into [V,3] receives meters
 * @param base [V,3] the template by default, or {@link ShapeVertices} of a person
 */
export function ExpressVertices(
    model: HeadModel,
    expression: ArrayLike<number>,
    into: Float32Array,
    base: Float32Array = model.template,
): Float32Array {
    into.set(base);
    for (let e = 0; e < model.expressionCount; e++) {
        const scale = expression[e] * model.expressionScale[e];
        if (scale !== 0) {
            AddSparse(
                model.expressionVertex,
                model.expressionDelta,
                model.expressionStart[e],
                model.expressionStart[e + 1],
                scale,
                into,
            );
        }
    }
    return into;
}

const Features = new Float64Array(PoseFeatureCount); // scratch of CorrectVertices

/**
 * The numbers that pose correctives answer to: R − I of neck, jaw and eyes.
 * @param pose [15] axis-angle of all joints, radians: what `EffectivePose` returns
 * @param into [36]
 */
export function PoseFeatures<T extends Float32Array | Float64Array>(pose: ArrayLike<number>, into: T): T {
    for (let joint = 1; 3 * joint < PoseLength; joint++) {
        const at = 9 * (joint - 1);
        RotationOfAxisAngle(pose[3 * joint], pose[3 * joint + 1], pose[3 * joint + 2], into, at);
        for (let diagonal = 0; diagonal < 9; diagonal += 4) {
            into[at + diagonal] -= 1;
        }
    }
    return into;
}

/**
 * Adds what a pose changes besides turning: folds of the neck and of the jaw (FLAME's pose correctives). Nothing, where
 * the model has none.
 * @param pose [15] axis-angle of all joints, radians: what `EffectivePose` returns
 * @param into [V,3] vertices before joints turn, meters
 */
export function CorrectVertices(model: HeadModel, pose: ArrayLike<number>, into: Float32Array): Float32Array {
    const { correctiveCount, correctiveVertex, correctiveDelta, correctiveStart, correctiveScale } = model;
    if (correctiveCount > 0) {
        PoseFeatures(pose, Features);
        for (let c = 0; c < correctiveCount; c++) {
            const scale = Features[c] * correctiveScale[c];
            if (scale !== 0) {
                AddSparse(correctiveVertex, correctiveDelta, correctiveStart[c], correctiveStart[c + 1], scale, into);
            }
        }
    }
    return into;
}

function AddSparse(
    vertex: Uint16Array,
    delta: Int16Array,
    first: number,
    end: number,
    scale: number,
    into: Float32Array,
): void {
    for (let k = first; k < end; k++) {
        const at = 3 * vertex[k];
        into[at] += scale * delta[3 * k];
        into[at + 1] += scale * delta[3 * k + 1];
        into[at + 2] += scale * delta[3 * k + 2];
    }
}

/**
 * Rest joints of a person: the template's joints plus the weighted identity offsets of the vertices around them.
 * @param shaped [V,3] {@link ShapeVertices} of the person
 * @returns [5,3] meters, new
 */
export function ShapeJoints(model: HeadModel, shaped: Float32Array): Float32Array {
    const joints = model.joints.slice();
    for (let joint = 0; joint < model.jointStart.length - 1; joint++) {
        for (let k = model.jointStart[joint]; k < model.jointStart[joint + 1]; k++) {
            const at = 3 * model.jointVertex[k];
            for (let axis = 0; axis < 3; axis++) {
                joints[3 * joint + axis] += model.jointWeight[k] * (shaped[at + axis] - model.template[at + axis]);
            }
        }
    }
    return joints;
}
