/**
 * The head model reduced to what the photo fit sees: its mapped MediaPipe landmarks, as linear functions of identity
 * and expression for each joint that moves them. Skinning is linear in vertices, so this loses nothing: landmark = Σ_j
 * R_j · (A_j(β, ψ) − w_j c_j(β)) + w_j c_j(β), with A_j = Σ_corners bary · weight_j · vertex. Global and neck do not
 * turn in a fit (the camera does), so their share is one term with R = I.
 */
import { ExpressVertices, ShapeJoints, ShapeVertices } from "../blendshapes.js";
import { JointCount, type HeadModel } from "../headModel.js";
import { MappedMediaPipeLandmarks } from "../landmarks.js";

/** Joints that turn in a fit; the rest share one term that does not. */
const FirstTurningJoint = 2;

/**
 * Terms of all landmarks. L landmarks, n terms, C = 1 + S + E columns: the template, identity directions, expressions.
 */
export interface LandmarkBasis {
    readonly shapeCount: number;
    readonly expressionCount: number;
    readonly landmarkCount: number;
    /** [L] MediaPipe index of each landmark. */
    readonly index: Int32Array;
    /** [L,3] unit normals on the template. */
    readonly normal: Float64Array;
    /** [L+1] first term of each landmark. */
    readonly termStart: Int32Array;
    /** [n] joint that turns the term; −1 for none. */
    readonly termJoint: Int32Array;
    /** [n] share of the landmark that the term holds, 0..1. */
    readonly weight: Float64Array;
    /** [n,C,3] the part that the joint turns, meters. */
    readonly turned: Float64Array;
    /** [n,1+S,3] the part that it does not: the weighted joint position, meters. */
    readonly fixed: Float64Array;
    /** [E,15] of the model. */
    readonly poseFromExpression: Float32Array;
}

/** Reduces a model to its landmarks. Takes some ten milliseconds; {@link LandmarkBasisOf} keeps it. */
export function BuildLandmarkBasis(model: HeadModel, shapeCount: number): LandmarkBasis {
    const index = Int32Array.from(MappedMediaPipeLandmarks(model));
    const terms = ListTerms(model, index);
    const columns = 1 + shapeCount + model.expressionCount;
    const basis = {
        shapeCount,
        expressionCount: model.expressionCount,
        landmarkCount: index.length,
        index,
        normal: LandmarkNormals(model, index),
        termStart: terms.start,
        termJoint: terms.joint,
        weight: TermWeights(model, index, terms),
        turned: new Float64Array(3 * columns * terms.joint.length),
        fixed: new Float64Array(3 * (1 + shapeCount) * terms.joint.length),
        poseFromExpression: model.poseFromExpression,
    };
    const zero = new Float32Array(model.vertexCount * 3);
    const vertices = new Float32Array(model.vertexCount * 3);
    for (let column = 0; column < columns; column++) {
        let joints: Float32Array | undefined;
        if (column === 0) {
            vertices.set(model.template);
            joints = model.joints;
        } else if (column <= shapeCount) {
            const shape = new Float32Array(shapeCount);
            shape[column - 1] = 1;
            const shaped = ShapeVertices(model, shape);
            joints = ShapeJoints(model, shaped).map((value, i) => value - model.joints[i]);
            shaped.forEach((value, i) => (vertices[i] = value - model.template[i]));
        } else {
            const expression = new Float32Array(model.expressionCount);
            expression[column - 1 - shapeCount] = 1;
            ExpressVertices(model, expression, vertices, zero);
        }
        FillColumn(model, basis, column, columns, vertices, joints);
    }
    return basis;
}

const Kept = new WeakMap<HeadModel, LandmarkBasis>();

/** The basis of a model, made once per model and number of identity directions. */
export function LandmarkBasisOf(model: HeadModel, shapeCount: number): LandmarkBasis {
    const kept = Kept.get(model);
    if (kept?.shapeCount === shapeCount) {
        return kept;
    }
    const basis = BuildLandmarkBasis(model, shapeCount);
    Kept.set(model, basis);
    return basis;
}

function ListTerms(model: HeadModel, index: Int32Array): { start: Int32Array; joint: Int32Array } {
    const start = new Int32Array(index.length + 1);
    const joints: number[] = [];
    index.forEach((landmark, i) => {
        for (const joint of [-1, 2, 3, 4]) {
            if ([0, 1, 2].some((corner) => JointWeight(model, CornerVertex(model, landmark, corner), joint) > 0)) {
                joints.push(joint);
            }
        }
        start[i + 1] = joints.length;
    });
    return { start, joint: Int32Array.from(joints) };
}

function TermWeights(
    model: HeadModel,
    index: Int32Array,
    { start, joint }: { start: Int32Array; joint: Int32Array },
): Float64Array {
    const weights = new Float64Array(joint.length);
    index.forEach((landmark, i) => {
        for (let term = start[i]; term < start[i + 1]; term++) {
            for (let corner = 0; corner < 3; corner++) {
                const vertex = CornerVertex(model, landmark, corner);
                weights[term] += model.mediaPipeBary[3 * landmark + corner] * JointWeight(model, vertex, joint[term]);
            }
        }
    });
    return weights;
}

function FillColumn(
    model: HeadModel,
    basis: LandmarkBasis,
    column: number,
    columns: number,
    vertices: Float32Array,
    joints: Float32Array | undefined,
): void {
    const { turned, fixed } = basis;
    for (let i = 0; i < basis.landmarkCount; i++) {
        const landmark = basis.index[i];
        for (let term = basis.termStart[i]; term < basis.termStart[i + 1]; term++) {
            const joint = basis.termJoint[term];
            const at = 3 * (term * columns + column);
            const fixedAt = 3 * (term * (1 + basis.shapeCount) + column);
            for (let corner = 0; corner < 3; corner++) {
                const vertex = CornerVertex(model, landmark, corner);
                const weight = model.mediaPipeBary[3 * landmark + corner] * JointWeight(model, vertex, joint);
                for (let axis = 0; axis < 3; axis++) {
                    const center = joints !== undefined && joint >= 0 ? joints[3 * joint + axis] : 0;
                    turned[at + axis] += weight * (vertices[3 * vertex + axis] - center);
                    if (joints !== undefined) {
                        fixed[fixedAt + axis] += weight * center;
                    }
                }
            }
        }
    }
}

function CornerVertex(model: HeadModel, landmark: number, corner: number): number {
    return model.faces[3 * model.mediaPipeFace[landmark] + corner];
}

/** Skin weight of a turning joint, or with joint −1 of all that do not turn. */
function JointWeight(model: HeadModel, vertex: number, joint: number): number {
    if (joint >= 0) {
        return model.weights[JointCount * vertex + joint] / 255;
    }
    let sum = 0;
    for (let still = 0; still < FirstTurningJoint; still++) {
        sum += model.weights[JointCount * vertex + still];
    }
    return sum / 255;
}

function LandmarkNormals(model: HeadModel, index: Int32Array): Float64Array {
    const normals = new Float64Array(3 * index.length);
    index.forEach((landmark, i) => {
        const [a, b, c] = [0, 1, 2].map((corner) => 3 * CornerVertex(model, landmark, corner));
        const edge = (from: number, to: number, axis: number): number =>
            model.template[to + axis] - model.template[from + axis];
        const x = edge(a, b, 1) * edge(a, c, 2) - edge(a, b, 2) * edge(a, c, 1);
        const y = edge(a, b, 2) * edge(a, c, 0) - edge(a, b, 0) * edge(a, c, 2);
        const z = edge(a, b, 0) * edge(a, c, 1) - edge(a, b, 1) * edge(a, c, 0);
        const length = Math.hypot(x, y, z) || 1;
        normals.set([x / length, y / length, z / length], 3 * i);
    });
    return normals;
}
