/**
 * The 52 expressions on a FLAME head. What each should do comes from a head model that has them, through a
 * registration; what FLAME does is the nearest that its jaw, its eyes and its expression directions give.
 */
import { ExpressVertices, PoseFeatures } from "../../flame/blendshapes.js";
import { SolveCholesky } from "../../flame/fit/cholesky.js";
import { JointCount, ModelJointNames, PoseFeatureCount, PoseLength, type HeadModel } from "../../flame/headModel.js";
import { BlendJointMatrices, JointMatrices, JointMatricesLength, SkinVertices } from "../../flame/skinning.js";
import type { IFlame } from "./flameFile.js";
import { IsEye, RegressJoints, type IRegistration } from "./registerHead.js";

/** How near FLAME comes to one expression. */
export interface IExpressionResidual {
    /** ARKit's. */
    readonly name: string;
    /** Root mean square over the face of how far its points should move, meters. */
    readonly wanted: number;
    /** Root mean square over the face of what FLAME lacks of that, meters. */
    readonly left: number;
}

/** Expressions of a FLAME head. */
export interface IFlameExpressions {
    /** [E,V,3] meters at weight 1, before joints turn. */
    readonly directions: Float32Array;
    /** [E,15] radians that an expression turns joints. */
    readonly pose: Float32Array;
    readonly residuals: readonly IExpressionResidual[];
}

/** How much a vertex counts, by the region that it lies on; eyeballs and teeth do not count. */
const RegionWeights: Readonly<Record<string, number>> = Object.freeze({
    face: 1,
    lids: 3,
    lips: 2,
    mouthInterior: 0.2,
    ears: 0.05,
    scalp: 0.05,
    neck: 0.05,
});
/** Of an expression direction at one standard deviation, beside meters of one vertex. */
const CoefficientWeight = 1e-7;
/** Expressions of lids: FLAME's directions hardly close them, so lids take what is wanted. */
const LidExpression = /^eye(?:Blink|Squint|Wide|Look)/;
const JawAt = 3 * ModelJointNames.indexOf("jaw");
/** Shares of the wanted turn of the jaw that are tried. */
const JawShares = Array.from({ length: 13 }, (_, i) => 0.7 + 0.05 * i);

/** [V] weights of least squares over a FLAME head. */
export function VertexWeights(flame: IFlame, head: HeadModel, { face }: IRegistration): Float64Array {
    return Float64Array.from({ length: flame.vertexCount }, (_, v) =>
        v >= face.length || IsEye(flame, v) ? 0 : (RegionWeights[head.regions[head.faceRegion[face[v]]]] ?? 0),
    );
}

/**
 * What the head model's expressions do to the vertices of a FLAME head, joints included.
 * @returns [E,V,3] meters at weight 1, 0 for vertices that are not registered
 */
export function TransferredExpressions(flame: IFlame, head: HeadModel, registration: IRegistration): Float32Array {
    const { face, bary, rotation: r, scale } = registration;
    const numbers = 3 * flame.vertexCount;
    const transferred = new Float32Array(head.expressionCount * numbers);
    const weights = new Float32Array(head.expressionCount);
    const moved = new Float32Array(head.template.length);
    const matrices = new Float32Array(JointMatricesLength);
    for (let e = 0; e < head.expressionCount; e++) {
        weights.fill(0)[e] = 1;
        ExpressVertices(head, weights, moved);
        JointMatrices(head.poseFromExpression.subarray(PoseLength * e, PoseLength * (e + 1)), head.joints, matrices);
        SkinVertices(head, moved, matrices, moved);
        for (let v = 0; v < face.length; v++) {
            const offset = [0, 0, 0];
            for (let corner = 0; corner < 3; corner++) {
                const vertex = head.faces[3 * face[v] + corner];
                for (let axis = 0; axis < 3; axis++) {
                    const at = 3 * vertex + axis;
                    offset[axis] += bary[3 * v + corner] * (moved[at] - head.template[at]);
                }
            }
            for (let axis = 0; axis < 3; axis++) {
                const turned = r[axis] * offset[0] + r[3 + axis] * offset[1] + r[6 + axis] * offset[2];
                transferred[e * numbers + 3 * v + axis] = turned / scale;
            }
        }
    }
    return transferred;
}

/** Fits FLAME to the expressions of a head model. */
export function FitExpressions(flame: IFlame, head: HeadModel, registration: IRegistration): IFlameExpressions {
    const numbers = 3 * flame.vertexCount;
    const weights = VertexWeights(flame, head, registration);
    const wanted = TransferredExpressions(flame, head, registration);
    const isLid = Uint8Array.from({ length: flame.vertexCount }, (_, v) =>
        Number(weights[v] > 0 && head.regions[head.faceRegion[registration.face[v]]] === "lids"),
    );
    const basis = new DirectionFit(flame, weights);
    const pose = new Float32Array(PoseLength * head.expressionCount);
    const directions = new Float32Array(wanted.length);
    const residuals = head.expressions.map((name, e): IExpressionResidual => {
        const all = wanted.subarray(numbers * e, numbers * (e + 1));
        const turns = pose.subarray(PoseLength * e, PoseLength * (e + 1));
        turns.set(head.poseFromExpression.subarray(PoseLength * e, PoseLength * (e + 1)));
        const rest = BeforeJoints(flame, all, turns, weights);
        const into = directions.subarray(numbers * e, numbers * (e + 1));
        basis.fit(rest, into);
        const left = RootMeanSquare(rest, into, weights);
        if (LidExpression.test(name)) {
            for (let i = 0; i < numbers; i++) {
                into[i] = isLid[Math.floor(i / 3)] ? rest[i] : into[i];
            }
        }
        return { name, wanted: RootMeanSquare(all, null, weights), left };
    });
    return { directions, pose, residuals };
}

/** Least squares onto the expression directions; without any, what is wanted is taken as it is. */
class DirectionFit {
    private readonly _system: Float64Array;

    public constructor(
        private readonly _flame: IFlame,
        private readonly _weights: Float64Array,
    ) {
        const { expressionCount: count, expressionDirs, template } = _flame;
        this._system = new Float64Array(count * count);
        for (let i = 0; i < count; i++) {
            for (let j = 0; j <= i; j++) {
                this._system[i * count + j] =
                    WeightedDot(expressionDirs, i * template.length, expressionDirs, j * template.length, _weights) +
                    (i === j ? CoefficientWeight : 0);
            }
        }
    }

    public fit(wanted: Float32Array, into: Float32Array): void {
        const { expressionCount: count, expressionDirs } = this._flame;
        if (count === 0) {
            into.set(wanted);
            return;
        }
        const numbers = wanted.length;
        const coefficients = Float64Array.from({ length: count }, (_, k) =>
            WeightedDot(expressionDirs, k * numbers, wanted, 0, this._weights),
        );
        if (SolveCholesky(this._system.slice(), coefficients, count)) {
            coefficients.forEach((coefficient, k) => {
                for (let i = 0; i < numbers; i++) {
                    into[i] += coefficient * expressionDirs[k * numbers + i];
                }
            });
        }
    }
}

/** Σ_v weight · a · b over [V,3]. */
export function WeightedDot(
    a: ArrayLike<number>,
    aAt: number,
    b: ArrayLike<number>,
    bAt: number,
    weights: Float64Array,
): number {
    let sum = 0;
    for (let v = 0; v < weights.length; v++) {
        const weight = weights[v];
        if (weight > 0) {
            const [i, j] = [aAt + 3 * v, bAt + 3 * v];
            sum += weight * (a[i] * b[j] + a[i + 1] * b[j + 1] + a[i + 2] * b[j + 2]);
        }
    }
    return sum;
}

function RootMeanSquare(a: Float32Array, b: Float32Array | null, weights: Float64Array): number {
    const rest = b ? a.map((value, i) => value - b[i]) : a;
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return sum > 0 ? Math.sqrt(WeightedDot(rest, 0, rest, 0, weights) / sum) : 0;
}

/**
 * What is left of a displacement when joints have turned, in the frame before they turned. Scales the turn of the jaw
 * so that little is left.
 * @param pose [15] changed
 */
function BeforeJoints(flame: IFlame, wanted: Float32Array, pose: Float32Array, weights: Float64Array): Float32Array {
    if (pose[JawAt] === 0 && pose[JawAt + 1] === 0 && pose[JawAt + 2] === 0) {
        return wanted;
    }
    const own = pose.slice();
    let best = { left: Infinity, share: 1 };
    for (const share of JawShares) {
        for (let i = 0; i < 3; i++) {
            pose[JawAt + i] = share * own[JawAt + i];
        }
        const left = RootMeanSquare(wanted, TurnedOffsets(flame, pose), weights);
        best = left < best.left ? { left, share } : best;
    }
    for (let i = 0; i < 3; i++) {
        pose[JawAt + i] = best.share * own[JawAt + i];
    }
    const turned = TurnedOffsets(flame, pose);
    const matrices = PoseMatrices(flame, pose);
    const blended = new Float32Array(12);
    const rest = new Float32Array(wanted.length);
    for (let v = 0; v < flame.vertexCount; v++) {
        if (weights[v] === 0) {
            continue; // eyeballs and teeth only turn
        }
        BlendJointMatrices(flame.weights, JointCount * v, matrices, blended);
        const gap = [0, 1, 2].map((axis) => wanted[3 * v + axis] - turned[3 * v + axis]);
        for (let axis = 0; axis < 3; axis++) {
            // Blends of small turns are nearly rotations: their transpose undoes them.
            rest[3 * v + axis] = blended[axis] * gap[0] + blended[4 + axis] * gap[1] + blended[8 + axis] * gap[2];
        }
    }
    return rest;
}

function PoseMatrices(flame: IFlame, pose: Float32Array): Float32Array {
    return JointMatrices(pose, RegressJoints(flame, flame.template), new Float32Array(JointMatricesLength));
}

/** [V,3] how far a pose moves the template's vertices: FLAME's skinning with its pose correctives. */
export function TurnedOffsets(flame: IFlame, pose: Float32Array): Float32Array {
    const matrices = PoseMatrices(flame, pose);
    const features = PoseFeatures(pose, new Float64Array(PoseFeatureCount));
    const numbers = flame.template.length;
    const moved = flame.template.slice();
    for (let k = 0; k < PoseFeatureCount; k++) {
        for (let i = 0; features[k] !== 0 && i < numbers; i++) {
            moved[i] += features[k] * flame.poseDirs[k * numbers + i];
        }
    }
    const blended = new Float32Array(12);
    for (let v = 0; v < flame.vertexCount; v++) {
        BlendJointMatrices(flame.weights, JointCount * v, matrices, blended);
        const [x, y, z] = [moved[3 * v], moved[3 * v + 1], moved[3 * v + 2]];
        for (let row = 0; row < 3; row++) {
            const at = 4 * row;
            moved[3 * v + row] =
                blended[at] * x +
                blended[at + 1] * y +
                blended[at + 2] * z +
                blended[at + 3] -
                flame.template[3 * v + row];
        }
    }
    return moved;
}
