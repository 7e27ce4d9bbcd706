/**
 * Expressions and head pose of a known person from frame to frame: the photos' fit with the identity held and the last
 * frame as the first guess, so that a few steps do. Levenberg–Marquardt on Huber's loss of the reprojection error, with
 * priors on expressions, which stay in 0..1. All buffers are made once.
 */
import { SolveCholesky } from "../../flame/fit/cholesky.js";
import { GuessCamera, type CropCamera } from "../../flame/fit/camera.js";
import type { LandmarkBasis } from "../../flame/fit/landmarkBasis.js";
import { MultiplyRotations, RotationOfAxisAngle } from "../../flame/rotation.js";
import { MediaPipeLandmarkCount } from "../../flame/headModel.js";
import { PoseUnknowns, TrackEquations, type ITrackState, type ITrackTrust } from "./trackEquations.js";
import { EyeTrust } from "./eyeTrust.js";
import { TrackingPriors, type ITrackingPriors } from "./trackingPriors.js";

/** Settings of a tracker. */
export interface ITrackerSettings {
    /** Focal length in heights of the frame. */
    focal: number;
    /** Most steps per frame. */
    steps: number;
    /** Expected landmark error in units of the face's size (see {@link FaceSize}). */
    noise: number;
    /** Errors beyond this many times the noise count linearly. */
    huber: number;
}

/** Defaults of {@link ITrackerSettings}. Focal: a webcam that sees 42 degrees of height. */
export const DefaultTracking: Readonly<ITrackerSettings> = Object.freeze({
    focal: 1.3,
    steps: 4,
    noise: 0.012,
    huber: 1.5,
});

/** Landmarks on the silhouette or turned away count this much: MediaPipe guesses them. */
const SilhouetteWeight = 0.15;
/** A step that lowers the cost by less than this share is the last. */
const EnoughProgress = 1e-4;
/** Steps after a first guess: pose first, then all. */
const FirstSteps = 24;

/**
 * Size of a face: the edge of the photos' crop, about, from landmarks in heights of the frame.
 * @param seen [478,2]
 */
export function FaceSize(seen: Float32Array): number {
    let [leastX, mostX, leastY, mostY] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let i = 0; i < 2 * MediaPipeLandmarkCount; i += 2) {
        leastX = Math.min(leastX, seen[i]);
        mostX = Math.max(mostX, seen[i]);
        leastY = Math.min(leastY, seen[i + 1]);
        mostY = Math.max(mostY, seen[i + 1]);
    }
    return 1.6 * Math.max(mostX - leastX, mostY - leastY);
}

/** Follows one person. */
export class FaceTracker {
    /** [E] expressions of the last frame in the head model's order, 0..1. */
    public get expression(): Float64Array {
        return this._state.expression;
    }

    /** Where the head stood in the last frame: camera from canonical. Overwritten by the next. */
    public get camera(): CropCamera {
        return this._state.camera;
    }

    /** [L,2] where the landmarks would be minus where they were seen, in heights of the frame. */
    public get residual(): Float64Array {
        return this._equations.residual;
    }

    /** [L,3] the landmarks, canonical, meters. */
    public get point(): Float64Array {
        return this._equations.point;
    }

    private readonly _equations: TrackEquations;
    private readonly _priors: ITrackingPriors;
    private readonly _size: number;
    private readonly _normal: Float64Array;
    private readonly _system: Float64Array;
    private readonly _gradient: Float64Array;
    private readonly _step: Float64Array;
    private readonly _turn = new Float64Array(9);
    private readonly _trust: ITrackTrust;
    private readonly _eyes: EyeTrust;
    /** [E] how strongly each expression stays where it was, in units of its precision. */
    private readonly _hold: Float64Array;
    /** [E] of the last frame. */
    private readonly _last: Float64Array;
    private _state: ITrackState;
    private _next: ITrackState;
    private _following = false;

    /**
     * @param _basis of the person: without identity directions ({@link PersonalBasis})
     * @param names the head model's expressions, in its order
     */
    public constructor(
        private readonly _basis: LandmarkBasis,
        names: readonly string[],
        private readonly _settings: ITrackerSettings = DefaultTracking,
        priors = TrackingPriors(names),
    ) {
        this._equations = new TrackEquations(_basis);
        this._priors = priors;
        this._size = PoseUnknowns + _basis.expressionCount;
        this._normal = new Float64Array(this._size * this._size);
        this._system = new Float64Array(this._size * this._size);
        this._gradient = new Float64Array(this._size);
        this._step = new Float64Array(this._size);
        this._trust = {
            noise: 0,
            huber: _settings.huber,
            silhouetteWeight: SilhouetteWeight,
            weights: new Float64Array(_basis.landmarkCount).fill(1),
        };
        this._eyes = new EyeTrust(_basis.index, names);
        this._hold = new Float64Array(names.length);
        this._last = new Float64Array(names.length);
        this._state = CreateState(_basis, _settings.focal);
        this._next = CreateState(_basis, _settings.focal);
    }

    /**
     * Follows the face into the next frame.
     * @param seen [478,2] landmarks around the frame's middle, in its heights: x right and y down, 0.5 the middle
     */
    public follow(seen: Float32Array): void {
        this._trust.noise = this._settings.noise * FaceSize(seen);
        this._eyes.look(seen, this._trust.weights, this._hold);
        this._last.set(this._state.expression);
        let steps = this._settings.steps;
        if (!this._following) {
            this._guess(seen);
            this._minimize(seen, 6, false);
            this._following = true;
            steps = FirstSteps;
        }
        this._minimize(seen, steps, true);
    }

    /** Forgets the last frame. */
    public reset(): void {
        this._following = false;
        this._state.expression.fill(0);
    }

    private _guess(seen: Float32Array): void {
        this._state.expression.fill(0);
        this._equations.cost(this._state, seen, this._trust);
        const places = Float64Array.from({ length: 2 * this._basis.landmarkCount }, (_, i) =>
            i % 2 === 0 ? seen[2 * this._basis.index[i >> 1]] : seen[2 * this._basis.index[i >> 1] + 1],
        );
        const guess = GuessCamera(this._equations.point, places, this._settings.focal);
        this._state.camera.rotation.set(guess.rotation);
        this._state.camera.translation.set(guess.translation);
    }

    private _minimize(seen: Float32Array, steps: number, withExpressions: boolean): void {
        let damping = 1e-3;
        let cost = this._cost(this._state, seen);
        for (let step = 0; step < steps; step++) {
            this._equations.fill(this._state, this._trust);
            this._fillNormal(withExpressions);
            const before = cost;
            for (; damping < 1e6; damping *= 6) {
                if (this._tryStep(damping)) {
                    const moved = this._cost(this._next, seen);
                    if (moved < cost) {
                        [this._state, this._next] = [this._next, this._state];
                        cost = moved;
                        damping = Math.max(damping / 5, 1e-9);
                        break;
                    }
                }
            }
            if (before - cost <= EnoughProgress * before) {
                break;
            }
        }
        this._cost(this._state, seen); // leaves the accepted state's residuals behind
    }

    private _cost(state: ITrackState, seen: Float32Array): number {
        const { precision, sparsity, partner, partnerPrecision } = this._priors;
        const { expression } = state;
        let cost = this._equations.cost(state, seen, this._trust);
        for (let e = 0; e < expression.length; e++) {
            const moved = expression[e] - this._last[e];
            cost += (0.5 * precision[e] * expression[e] + sparsity[e]) * expression[e];
            cost += 0.5 * this._hold[e] * precision[e] * moved * moved;
            if (partner[e] > e) {
                const difference = expression[e] - expression[partner[e]];
                cost += 0.5 * partnerPrecision[e] * difference * difference;
            }
        }
        return cost;
    }

    /** The view's normal equations with the priors; expressions at a bound that a step would push through are held. */
    private _fillNormal(withExpressions: boolean): void {
        const { precision, sparsity, partner, partnerPrecision } = this._priors;
        const { expression } = this._state;
        const size = this._size;
        const normal = this._normal;
        const gradient = this._gradient;
        normal.set(this._equations.normal);
        gradient.set(this._equations.gradient);
        for (let e = 0; e < expression.length; e++) {
            const at = PoseUnknowns + e;
            const held = this._hold[e] * precision[e];
            normal[at * size + at] += precision[e] + held;
            gradient[at] += precision[e] * expression[e] + held * (expression[e] - this._last[e]) + sparsity[e];
            if (partner[e] > e) {
                const other = PoseUnknowns + partner[e];
                const slope = partnerPrecision[e] * (expression[e] - expression[partner[e]]);
                normal[at * size + at] += partnerPrecision[e];
                normal[other * size + other] += partnerPrecision[e];
                normal[other * size + at] -= partnerPrecision[e];
                gradient[at] += slope;
                gradient[other] -= slope;
            }
        }
        for (let e = 0; e < expression.length; e++) {
            const at = PoseUnknowns + e;
            const slope = gradient[at];
            if (!withExpressions || (expression[e] <= 0 && slope > 0) || (expression[e] >= 1 && slope < 0)) {
                for (let i = 0; i < size; i++) {
                    normal[at * size + i] = 0;
                    normal[i * size + at] = 0;
                }
                normal[at * size + at] = 1;
                gradient[at] = 0;
            }
        }
    }

    /** The next state ← one damped step away. */
    private _tryStep(damping: number): boolean {
        const size = this._size;
        this._system.set(this._normal);
        for (let i = 0; i < size; i++) {
            this._system[i * size + i] *= 1 + damping;
            this._step[i] = -this._gradient[i];
        }
        if (!SolveCholesky(this._system, this._step, size)) {
            return false;
        }
        const { camera, expression } = this._state;
        const next = this._next;
        RotationOfAxisAngle(this._step[0], this._step[1], this._step[2], this._turn);
        MultiplyRotations(this._turn, camera.rotation, next.camera.rotation);
        for (let axis = 0; axis < 3; axis++) {
            next.camera.translation[axis] = camera.translation[axis] + this._step[3 + axis];
        }
        for (let e = 0; e < expression.length; e++) {
            next.expression[e] = Math.min(Math.max(expression[e] + this._step[PoseUnknowns + e], 0), 1);
        }
        return true;
    }
}

function CreateState(basis: LandmarkBasis, focal: number): ITrackState {
    return {
        camera: {
            rotation: Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1),
            translation: Float64Array.of(0, 0, -1),
            focal,
        },
        expression: new Float64Array(basis.expressionCount),
    };
}
