/**
 * FLAME's coefficients as the 52 expressions: both move vertices of the same head, and the weights are those whose
 * vertices are nearest (least squares, each weight 0 to 1). The map is made once from the user's FLAME; a frame then
 * costs a few thousand multiplications.
 */
import { ArkitNames } from "../../flame/expression.js";
import { PoseFeatures } from "../../flame/blendshapes.js";
import { JointCount, PoseFeatureCount, PoseLength, type HeadModel } from "../../flame/headModel.js";
import { SolveBounded } from "./boundedLeastSquares.js";
import { TransferredExpressions, VertexWeights, WeightedDot } from "./flameExpressions.js";
import type { IFlame } from "./flameFile.js";
import { RegisterHead, RegressJoints } from "./registerHead.js";

/** One frame of FLAME's coefficients; what is missing is at rest. */
export interface IFlameCoefficients {
    /** Up to X expression coefficients. */
    readonly expression?: ArrayLike<number>;
    /** [3] axis-angle, radians. */
    readonly jaw?: ArrayLike<number>;
    /** [2] how far the left and the right eye are shut, 0 to 1, where a tracker has lids of its own. */
    readonly eyelids?: ArrayLike<number>;
}

const JawAt = 6;
const FirstJawFeature = 9;
/** Numbers of R − I of the jaw. */
const JawFeatures = 9;
/** Pulls weights that move the same skin apart, beside how much they move it. */
const Ridge = 1e-3;
/**
 * What a whole weight costs where the jaw's turn is looked for, beside the movement of a middling expression: without it,
 * both sides of the mouth would help a jaw to open by a hair.
 */
const Cost = 0.1;
/** Expressions that may stand for the jaw's turn. */
const MovesJaw = /^(?:jaw|mouth)/;
/** Expressions that are not looked for: eyes turn as joints, and FLAME has no tongue. */
export const NotFitted = /^eyeLook|^tongueOut$/;

/** Made of a FLAME and a head model; does not keep them. */
export class FlameFaceMap {
    /** Number of expression coefficients that are read; more are passed over. */
    public readonly expressionCount: number;
    /** [52,52] and [52,X+9]: Σ of weights · vertices, scaled so that the diagonal of the first is 1. */
    private readonly _gram: Float64Array;
    private readonly _mixed: Float64Array;
    /** [X+9,X+9], for the residual. */
    private readonly _own: Float64Array;
    private readonly _columns: readonly number[];
    private readonly _price: number;
    private readonly _movesJaw: readonly boolean[];
    private readonly _features = new Float64Array(PoseFeatureCount);
    private readonly _pose = new Float32Array(PoseLength);
    private readonly _coefficients: Float64Array;
    private readonly _right: Float64Array;
    private readonly _jawFound: Float64Array;
    private readonly _target: Float64Array;
    /** What all coefficients together ask of each expression. */
    private readonly _whole: Float64Array;
    private readonly _found: Float64Array;

    /**
     * Takes some seconds.
     * @param flame from `ReadFlame`
     * @param head the head model whose expressions the weights are: open-head
     * @throws FlexAvatarError `file-format` if the FLAME is no head
     */
    public constructor(flame: IFlame, head: HeadModel) {
        const registration = RegisterHead(flame, head);
        const weights = VertexWeights(flame, head, registration);
        const transferred = TransferredExpressions(flame, head, registration);
        const numbers = flame.template.length;
        this.expressionCount = flame.expressionCount;
        const count = this.expressionCount + JawFeatures;
        const moved = new Float32Array(count * numbers);
        moved.set(flame.expressionDirs);
        FillJaw(flame, moved.subarray(flame.expressionDirs.length));
        this._columns = ArkitNames.map((name) => (NotFitted.test(name) ? -1 : head.expressions.indexOf(name)));
        const fitted = this._columns.filter((column) => column >= 0);
        const n = fitted.length;
        this._movesJaw = fitted.map((e) => MovesJaw.test(head.expressions[e]));
        this._gram = new Float64Array(n * n);
        this._mixed = new Float64Array(n * count);
        this._own = new Float64Array(count * count);
        fitted.forEach((e, i) => {
            for (let j = 0; j <= i; j++) {
                const dot = WeightedDot(transferred, e * numbers, transferred, fitted[j] * numbers, weights);
                this._gram[i * n + j] = this._gram[j * n + i] = dot * (i === j ? 1 + Ridge : 1);
            }
            for (let k = 0; k < count; k++) {
                this._mixed[i * count + k] = WeightedDot(transferred, e * numbers, moved, k * numbers, weights);
            }
        });
        const sizes = fitted.map((_, i) => this._gram[i * n + i]).sort((a, b) => a - b);
        this._price = Cost * sizes[n >> 1];
        for (let k = 0; k < count; k++) {
            for (let l = 0; l <= k; l++) {
                const dot = WeightedDot(moved, k * numbers, moved, l * numbers, weights);
                this._own[k * count + l] = this._own[l * count + k] = dot;
            }
        }
        this._coefficients = new Float64Array(count);
        this._right = new Float64Array(n);
        this._jawFound = new Float64Array(n);
        this._target = new Float64Array(n);
        this._whole = new Float64Array(n);
        this._found = new Float64Array(n);
    }

    /**
     * The weights of a frame. Begins its search at the last frame's, so that what changes little stays together.
     * Allocates nothing.
     * @param frame FLAME's coefficients
     * @param into [52] receives weights, 0..1, in the order of `ArkitNames`; `eyeLook…` and `tongueOut` are 0
     * @returns the residual: what share of the movement, root mean square over the face, the weights do not make
     */
    public weightsToRef(frame: IFlameCoefficients, into: Float32Array): number {
        const { _coefficients: coefficients, _right: right, _found: found, expressionCount } = this;
        const [count, n] = [coefficients.length, found.length];
        for (let k = 0; k < expressionCount; k++) {
            coefficients[k] = frame.expression?.[k] ?? 0;
        }
        for (let axis = 0; axis < 3; axis++) {
            this._pose[JawAt + axis] = frame.jaw?.[axis] ?? 0;
        }
        PoseFeatures(this._pose, this._features);
        for (let k = 0; k < JawFeatures; k++) {
            coefficients[expressionCount + k] = this._features[FirstJawFeature + k];
        }
        // The jaw first, by itself: where FLAME's jaw and ours differ, no brow shall help. What stands for it is then part
        // of what all weights together make.
        const { _jawFound: jaw, _target: target } = this;
        for (let i = 0; i < n; i++) {
            const fromJaw = this._mix(i, expressionCount, count);
            target[i] = this._mix(i, 0, expressionCount);
            right[i] = this._movesJaw[i] ? fromJaw - this._price : -Infinity;
            this._whole[i] = target[i] + fromJaw;
        }
        SolveBounded(this._gram, right, jaw);
        for (let i = 0; i < n; i++) {
            for (let j = 0; j < n; j++) {
                target[i] += this._gram[i * n + j] * jaw[j];
            }
        }
        SolveBounded(this._gram, target, found);
        into.fill(0);
        for (let at = 0, i = 0; at < this._columns.length; at++) {
            into[at] = this._columns[at] < 0 ? 0 : found[i++];
        }
        if (frame.eyelids) {
            into[LeftBlink] = Math.min(1, Math.max(into[LeftBlink], frame.eyelids[0] || 0));
            into[RightBlink] = Math.min(1, Math.max(into[RightBlink], frame.eyelids[1] || 0));
        }
        return this._residual();
    }

    /** Row i of the mixed matrix times some coefficients. */
    private _mix(i: number, from: number, to: number): number {
        const count = this._coefficients.length;
        let sum = 0;
        for (let k = from; k < to; k++) {
            sum += this._mixed[i * count + k] * this._coefficients[k];
        }
        return sum;
    }

    /** ‖D c − A w‖ / ‖D c‖, with what was multiplied out once. */
    private _residual(): number {
        const { _coefficients: c, _whole: right, _found: w } = this;
        const whole = Quadratic(this._own, c);
        if (!(whole > 1e-12)) {
            return 0;
        }
        let mixed = 0;
        for (let i = 0; i < w.length; i++) {
            mixed += w[i] * right[i];
        }
        return Math.sqrt(Math.max(0, whole - 2 * mixed + Quadratic(this._gram, w)) / whole);
    }
}

const LeftBlink = ArkitNames.indexOf("eyeBlinkLeft");
const RightBlink = ArkitNames.indexOf("eyeBlinkRight");

function Quadratic(a: Float64Array, x: Float64Array): number {
    let sum = 0;
    for (let i = 0; i < x.length; i++) {
        for (let j = 0; x[i] !== 0 && j < x.length; j++) {
            sum += x[i] * a[i * x.length + j] * x[j];
        }
    }
    return sum;
}

/** [9,V,3] how the numbers of R − I of the jaw move vertices: skinning about its joint, and pose correctives. */
function FillJaw(flame: IFlame, into: Float32Array): void {
    const { template, vertexCount, weights, poseDirs } = flame;
    const numbers = template.length;
    const joints = RegressJoints(flame, template);
    into.set(poseDirs.subarray(FirstJawFeature * numbers, (FirstJawFeature + JawFeatures) * numbers));
    for (let v = 0; v < vertexCount; v++) {
        const weight = weights[JointCount * v + JawAt / 3];
        for (let row = 0; row < 3; row++) {
            for (let column = 0; column < 3; column++) {
                into[(3 * row + column) * numbers + 3 * v + row] +=
                    weight * (template[3 * v + column] - joints[JawAt + column]);
            }
        }
    }
}
