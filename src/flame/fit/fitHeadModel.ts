/**
 * Fits the head model to the landmarks of one to four photos: one identity for all, a camera and an expression for
 * each. Levenberg–Marquardt on Huber's loss of the reprojection error, Gaussian priors on all coefficients, expressions
 * kept in 0..1 by holding those at a bound that would leave it. Everything is dense: 30 + 4 · 58 unknowns are solved in
 * a few milliseconds.
 */
import { FlexAvatarError } from "../error.js";
import { MediaPipeLandmarkCount, PoseLength, type HeadModel } from "../headModel.js";
import { MultiplyRotations, RotationOfAxisAngle } from "../rotation.js";
import { DefaultFocal, GuessCamera, type CropCamera } from "./camera.js";
import { SolveCholesky } from "./cholesky.js";
import { LandmarkBasisOf, type LandmarkBasis } from "./landmarkBasis.js";
import {
    CameraUnknowns,
    CreateViewEquations,
    FillViewEquations,
    ViewCost,
    type ViewEquations,
    type ViewState,
} from "./viewEquations.js";

/** What the fit is given of one photo. */
export interface IFitView {
    /** [478,2] MediaPipe landmarks in crop coordinates: 0..1, x right, y down. */
    landmarks: Float32Array;
}

/** Settings of {@link FitHeadModel}. A field left undefined keeps its default. */
export interface IFitSettings {
    /**
     * Identity directions that are solved for, the first ones of the model. Default 30: training simulates a fit of
     * that many.
     */
    shapeCount?: number;
    /** Focal length in units of the crop's side. Default 2.4. */
    focal?: number;
    /** Expected landmark error in units of the crop's side; larger trusts the mean face more. Default 0.006. */
    noise?: number;
    /** Landmark errors beyond this many times `noise` count linearly. Default 1.5. */
    huber?: number;
    /** Weight of landmarks on the silhouette or turned away, 0 to 1. Default 0.15. */
    silhouetteWeight?: number;
    /** Expected size of an expression weight. Default 0.35. */
    expressionDeviation?: number;
    /** Most iterations. Default 30. */
    iterations?: number;
}

const Defaults: Readonly<Required<IFitSettings>> = Object.freeze({
    shapeCount: 30,
    focal: DefaultFocal,
    noise: 0.006,
    huber: 1.5,
    silhouetteWeight: 0.15,
    expressionDeviation: 0.35,
    iterations: 30,
});

/** Iterations that move only the cameras, before anything else may move. */
const CameraIterations = 4;
/** The fit ends when a step lowers the cost by less than this share. */
const EnoughProgress = 1e-5;

/** What the fit found for one photo. */
export interface FittedView extends CropCamera {
    /** [E] 0..1 */
    readonly expression: Float32Array;
    /** [15] joint angles besides those that the expression causes: zeros, as the camera holds the head's turn. */
    readonly pose: Float32Array;
}

/** What the fit found. */
export interface HeadModelFit {
    /** [S] identity coefficients in standard deviations; those not solved for are 0. */
    readonly shape: Float32Array;
    readonly views: readonly FittedView[];
    /** Mean landmark error in percent of the distance between the eyes. */
    readonly residual: number;
    readonly iterations: number;
}

/**
 * Fits identity, cameras and expressions to landmarks.
 * @param model the head model; its landmark basis is built on first use and kept
 * @param views one entry per photo of the same person
 * @throws FlexAvatarError `invalid-argument` without views, for landmarks that are not 478 finite points, and for a
 * model that maps fewer than 6
 */
export function FitHeadModel(model: HeadModel, views: readonly IFitView[], settings: IFitSettings = {}): HeadModelFit {
    const work = FitHeadModelInSteps(model, views, settings);
    for (let step = work.next(); ; step = work.next()) {
        if (step.done) {
            return step.value;
        }
    }
}

/**
 * {@link FitHeadModel} in steps of some milliseconds, for pages that must not be held up.
 * @returns yields the share of all iterations done, 0 to 1
 */
export function* FitHeadModelInSteps(
    model: HeadModel,
    views: readonly IFitView[],
    settings: IFitSettings = {},
): Generator<number, HeadModelFit> {
    const options = {
        ...Defaults,
        ...Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)),
    };
    CheckViews(views);
    const basis = LandmarkBasisOf(model, Math.min(Math.max(Math.round(options.shapeCount), 0), model.shapeCount));
    if (basis.landmarkCount < 6) {
        throw new FlexAvatarError(
            "invalid-argument",
            `FitHeadModel needs 6 mapped landmarks, "${model.name}" has ${basis.landmarkCount}.`,
        );
    }
    yield 0;
    const problem = new FitProblem(basis, views, options);
    const all = CameraIterations + options.iterations;
    let iterations = yield* problem.minimize(CameraIterations, false, 0, all);
    iterations += yield* problem.minimize(options.iterations, true, CameraIterations, all);
    const shape = new Float32Array(model.shapeCount);
    shape.set(problem.shape);
    return {
        shape,
        views: problem.states.map(({ camera, expression }) => ({
            ...camera,
            expression: Float32Array.from(expression),
            pose: new Float32Array(PoseLength),
        })),
        residual: problem.residualPercent(),
        iterations,
    };
}

function CheckViews(views: readonly IFitView[]): void {
    if (views.length === 0) {
        throw new FlexAvatarError("invalid-argument", "FitHeadModel got no views, wanted at least one.");
    }
    views.forEach(({ landmarks }, i) => {
        if (landmarks.length !== 2 * MediaPipeLandmarkCount || !landmarks.every(Number.isFinite)) {
            throw new FlexAvatarError(
                "invalid-argument",
                `FitHeadModel got ${landmarks.length} numbers for view ${i}, wanted ${2 * MediaPipeLandmarkCount} finite ones.`,
            );
        }
    });
}

/** The unknowns and one attempt after another to better them. */
class FitProblem {
    public shape: Float64Array;
    public states: ViewState[];
    private readonly _equations: ViewEquations[];
    private readonly _size: number;
    private readonly _normal: Float64Array;
    private readonly _gradient: Float64Array;

    public constructor(
        private readonly _basis: LandmarkBasis,
        private readonly _views: readonly IFitView[],
        private readonly _options: Required<IFitSettings>,
    ) {
        this.shape = new Float64Array(_basis.shapeCount);
        this.states = _views.map(({ landmarks }) => FirstGuess(_basis, landmarks, _options.focal));
        this._equations = _views.map(() => CreateViewEquations(_basis));
        this._size = _basis.shapeCount + _views.length * this._unknownsPerView;
        this._normal = new Float64Array(this._size * this._size);
        this._gradient = new Float64Array(this._size);
    }

    private get _unknownsPerView(): number {
        return CameraUnknowns + this._basis.expressionCount;
    }

    /**
     * Lowers the cost step by step.
     * @param done steps before these, of `all`
     * @returns the number of accepted steps; yields the share done after each
     */
    public *minimize(steps: number, withCoefficients: boolean, done: number, all: number): Generator<number, number> {
        let damping = 1e-3;
        let cost = this._cost(this.shape, this.states);
        for (let step = 0; step < steps; step++) {
            this._fillNormal(withCoefficients);
            const before = cost;
            while (damping < 1e8) {
                const moved = this._tryStep(damping);
                const movedCost = moved ? this._cost(moved.shape, moved.states) : Number.POSITIVE_INFINITY;
                if (moved && movedCost < cost) {
                    this.shape = moved.shape;
                    this.states = moved.states;
                    cost = movedCost;
                    damping = Math.max(damping / 5, 1e-9);
                    break;
                }
                damping *= 4;
            }
            if (before - cost <= EnoughProgress * before) {
                this._cost(this.shape, this.states); // leaves the residuals of the accepted state behind
                return step + 1;
            }
            yield (done + step + 1) / all;
        }
        return steps;
    }

    /** Mean landmark error in percent of the distance between the eyes at the head's depth. */
    public residualPercent(): number {
        this._cost(this.shape, this.states);
        let sum = 0;
        this.states.forEach(({ camera }, v) => {
            const { residual, point } = this._equations[v];
            const perMeter = camera.focal / -CameraDepth(camera, Centroid(point));
            for (let i = 0; i < this._basis.landmarkCount; i++) {
                sum += Math.hypot(residual[2 * i], residual[2 * i + 1]) / (perMeter * EyeDistance(this._basis, point));
            }
        });
        return (100 * sum) / (this._views.length * this._basis.landmarkCount);
    }

    private _cost(shape: Float64Array, states: readonly ViewState[]): number {
        const precision = 1 / this._options.expressionDeviation ** 2;
        let cost = 0.5 * SquaredLength(shape);
        states.forEach((state, v) => {
            cost += ViewCost(this._basis, shape, state, this._views[v].landmarks, this._options, this._equations[v]);
            cost += 0.5 * precision * SquaredLength(state.expression);
        });
        return cost;
    }

    /** Sums the views' normal equations and the priors into one system. */
    private _fillNormal(withCoefficients: boolean): void {
        const { shapeCount } = this._basis;
        this._normal.fill(0);
        this._gradient.fill(0);
        this.states.forEach((state, v) => {
            const equations = this._equations[v];
            FillViewEquations(this._basis, state, this._options, equations);
            const place = (unknown: number): number =>
                unknown < shapeCount ? unknown : unknown + v * this._unknownsPerView;
            for (let a = 0; a < equations.unknowns; a++) {
                this._gradient[place(a)] += equations.gradient[a];
                for (let b = 0; b <= a; b++) {
                    this._normal[place(a) * this._size + place(b)] += equations.normal[a * equations.unknowns + b];
                }
            }
        });
        this._addPriors();
        this._holdUnknowns(withCoefficients);
    }

    private _addPriors(): void {
        const precision = 1 / this._options.expressionDeviation ** 2;
        this.shape.forEach((value, s) => this._addPrior(s, 1, value));
        this.states.forEach(({ expression }, v) =>
            expression.forEach((value, e) => this._addPrior(this._expressionUnknown(v, e), precision, value)),
        );
    }

    private _addPrior(unknown: number, precision: number, value: number): void {
        this._normal[unknown * this._size + unknown] += precision;
        this._gradient[unknown] += precision * value;
    }

    /**
     * Holds coefficients while only cameras move, and later expressions at a bound that the step would push through it.
     */
    private _holdUnknowns(withCoefficients: boolean): void {
        for (let s = 0; s < this.shape.length && !withCoefficients; s++) {
            this._hold(s);
        }
        this.states.forEach(({ expression }, v) =>
            expression.forEach((value, e) => {
                const slope = this._gradient[this._expressionUnknown(v, e)];
                if (!withCoefficients || (value <= 0 && slope > 0) || (value >= 1 && slope < 0)) {
                    this._hold(this._expressionUnknown(v, e));
                }
            }),
        );
    }

    private _hold(unknown: number): void {
        const size = this._size;
        for (let i = 0; i < size; i++) {
            this._normal[unknown * size + i] = 0;
            this._normal[i * size + unknown] = 0;
        }
        this._normal[unknown * size + unknown] = 1;
        this._gradient[unknown] = 0;
    }

    private _expressionUnknown(view: number, e: number): number {
        return this._basis.shapeCount + view * this._unknownsPerView + CameraUnknowns + e;
    }

    /** The state one damped step away, or undefined if the system cannot be solved. */
    private _tryStep(damping: number): { shape: Float64Array; states: ViewState[] } | undefined {
        const system = this._normal.slice();
        const step = this._gradient.map((slope) => -slope);
        for (let i = 0; i < this._size; i++) {
            system[i * this._size + i] *= 1 + damping;
        }
        if (!SolveCholesky(system, step, this._size)) {
            return undefined;
        }
        return {
            shape: this.shape.map((value, s) => value + step[s]),
            states: this.states.map((state, v) =>
                MoveView(state, step.subarray(this._expressionUnknown(v, 0) - CameraUnknowns)),
            ),
        };
    }
}

function MoveView({ camera, expression }: ViewState, step: Float64Array): ViewState {
    const turn = new Float64Array(9);
    const rotation = new Float64Array(9);
    RotationOfAxisAngle(step[0], step[1], step[2], turn);
    MultiplyRotations(turn, camera.rotation, rotation);
    return {
        camera: {
            rotation,
            translation: camera.translation.map((value, axis) => value + step[3 + axis]),
            focal: camera.focal,
        },
        expression: expression.map((value, e) => Math.min(Math.max(value + step[CameraUnknowns + e], 0), 1)),
    };
}

function FirstGuess(basis: LandmarkBasis, landmarks: Float32Array, focal: number): ViewState {
    const expression = new Float64Array(basis.expressionCount);
    const points = TemplateLandmarks(basis);
    const seen = new Float64Array(2 * basis.landmarkCount);
    basis.index.forEach((index, i) => seen.set(landmarks.subarray(2 * index, 2 * index + 2), 2 * i));
    return { camera: GuessCamera(points, seen, focal), expression };
}

/** [L,3] the landmarks of the template, meters. */
function TemplateLandmarks(basis: LandmarkBasis): Float64Array {
    const columns = 1 + basis.shapeCount + basis.expressionCount;
    const points = new Float64Array(3 * basis.landmarkCount);
    for (let i = 0; i < basis.landmarkCount; i++) {
        for (let term = basis.termStart[i]; term < basis.termStart[i + 1]; term++) {
            for (let axis = 0; axis < 3; axis++) {
                points[3 * i + axis] +=
                    basis.turned[3 * term * columns + axis] + basis.fixed[3 * term * (1 + basis.shapeCount) + axis];
            }
        }
    }
    return points;
}

/** Distance between the outer eye corners' and inner eye corners' middles; 64 mm where the model does not map them. */
function EyeDistance(basis: LandmarkBasis, point: Float64Array): number {
    const [rightOuter, rightInner, leftInner, leftOuter] = [33, 133, 362, 263].map(
        (index) => 3 * basis.index.indexOf(index),
    );
    if (Math.min(rightOuter, rightInner, leftInner, leftOuter) < 0) {
        return 0.064;
    }
    const between = [0, 1, 2].map(
        (axis) =>
            (point[leftOuter + axis] + point[leftInner + axis] - point[rightOuter + axis] - point[rightInner + axis]) /
            2,
    );
    return Math.hypot(...between);
}

function Centroid(point: Float64Array): number[] {
    const sum = [0, 0, 0];
    point.forEach((value, i) => (sum[i % 3] += value / (point.length / 3)));
    return sum;
}

function CameraDepth({ rotation: r, translation: t }: CropCamera, point: readonly number[]): number {
    return r[6] * point[0] + r[7] * point[1] + r[8] * point[2] + t[2];
}

function SquaredLength(values: Float64Array): number {
    return values.reduce((sum, value) => sum + value * value, 0);
}
