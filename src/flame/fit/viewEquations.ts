/**
 * One photo's share of the fit: where its landmarks land, how that changes with every unknown, and the normal equations
 * of both. Unknowns of a view, in order: S identity coefficients (shared by all views), 3 turn about the camera's axes
 * (left increment of R), 3 translation, E expressions. The hot loops are top-level functions on Float64Array.
 */
import { CreateFaceJoints, TurnFaceJoints, type FaceJoints } from "./faceJoints.js";
import type { CropCamera } from "./camera.js";
import type { LandmarkBasis } from "./landmarkBasis.js";

/** Turn and translation of the camera. */
export const CameraUnknowns = 6;

/** What is known of one view while the fit runs. */
export interface ViewState {
    readonly camera: CropCamera;
    /** [E] */
    readonly expression: Float64Array;
}

/** How landmarks are trusted. */
export interface LandmarkTrust {
    /** Expected error of a landmark, crop units. */
    readonly noise: number;
    /** Errors beyond this many times `noise` count linearly (Huber). */
    readonly huber: number;
    /** Weight of landmarks on the silhouette or turned away, where MediaPipe guesses. */
    readonly silhouetteWeight: number;
}

/** Buffers and results of one view. u = S + 6 + E unknowns, L landmarks, n terms. */
export interface ViewEquations {
    readonly unknowns: number;
    /** [u,u] JᵀWJ, lower triangle. */
    readonly normal: Float64Array;
    /** [u] JᵀWr. */
    readonly gradient: Float64Array;
    /** [L,3] landmarks, canonical, meters. */
    readonly point: Float64Array;
    /** [n,3] each term after its joint turned it, relative to the joint, meters. */
    readonly lever: Float64Array;
    /** [L,2] projected minus seen, crop units. */
    readonly residual: Float64Array;
    /** [u,2L] derivatives of the residual in units of noise, times the root of the landmark's weight. */
    readonly jacobian: Float64Array;
    /** [2L] the residual in the same units. */
    readonly scaled: Float64Array;
    readonly joints: FaceJoints;
}

/** Buffers for one view. */
export function CreateViewEquations(basis: LandmarkBasis): ViewEquations {
    const unknowns = basis.shapeCount + CameraUnknowns + basis.expressionCount;
    const rows = 2 * basis.landmarkCount;
    return {
        unknowns,
        normal: new Float64Array(unknowns * unknowns),
        gradient: new Float64Array(unknowns),
        point: new Float64Array(3 * basis.landmarkCount),
        lever: new Float64Array(3 * basis.termJoint.length),
        residual: new Float64Array(rows),
        jacobian: new Float64Array(unknowns * rows),
        scaled: new Float64Array(rows),
        joints: CreateFaceJoints(basis.expressionCount),
    };
}

/**
 * Projects the landmarks of a view and measures the misfit.
 * @param seen [478,2] landmarks in crop coordinates
 * @returns Σ ρ(error / noise), Huber's ρ, with the silhouette weights of the current turn
 */
export function ViewCost(
    basis: LandmarkBasis,
    shape: Float64Array,
    view: ViewState,
    seen: Float32Array,
    trust: LandmarkTrust,
    into: ViewEquations,
): number {
    TurnFaceJoints(basis.poseFromExpression, view.expression, into.joints);
    PlaceLandmarks(basis, shape, view.expression, into);
    const { rotation: r, translation: t, focal } = view.camera;
    let cost = 0;
    for (let i = 0; i < basis.landmarkCount; i++) {
        const [x, y, z] = [into.point[3 * i], into.point[3 * i + 1], into.point[3 * i + 2]];
        const depth = -(r[6] * x + r[7] * y + r[8] * z + t[2]);
        if (!(depth > 0.05)) {
            return Number.POSITIVE_INFINITY; // the head would be in or behind the camera: the step is refused
        }
        const index = basis.index[i];
        const dx = 0.5 + (focal * (r[0] * x + r[1] * y + r[2] * z + t[0])) / depth - seen[2 * index];
        const dy = 0.5 - (focal * (r[3] * x + r[4] * y + r[5] * z + t[1])) / depth - seen[2 * index + 1];
        into.residual[2 * i] = dx;
        into.residual[2 * i + 1] = dy;
        const error = Math.hypot(dx, dy) / trust.noise;
        const rho = error <= trust.huber ? 0.5 * error * error : trust.huber * (error - 0.5 * trust.huber);
        cost += SilhouetteWeight(basis.normal, i, view.camera, trust) * rho;
    }
    return cost;
}

/** Fills the normal equations of a view; {@link ViewCost} must have run for the same state. */
export function FillViewEquations(
    basis: LandmarkBasis,
    view: ViewState,
    trust: LandmarkTrust,
    into: ViewEquations,
): void {
    const rows = 2 * basis.landmarkCount;
    for (let i = 0; i < basis.landmarkCount; i++) {
        const error = Math.hypot(into.residual[2 * i], into.residual[2 * i + 1]) / trust.noise;
        const robust = error <= trust.huber ? 1 : trust.huber / error;
        const scale = Math.sqrt(SilhouetteWeight(basis.normal, i, view.camera, trust) * robust) / trust.noise;
        into.scaled[2 * i] = scale * into.residual[2 * i];
        into.scaled[2 * i + 1] = scale * into.residual[2 * i + 1];
        FillLandmarkColumns(basis, view.camera, i, scale, rows, into);
    }
    AccumulateNormal(into.jacobian, into.scaled, into.unknowns, rows, into.normal, into.gradient);
}

/** 1 for landmarks that face the camera, falling to the silhouette weight for those that are turned away. */
function SilhouetteWeight(normal: Float64Array, i: number, camera: CropCamera, trust: LandmarkTrust): number {
    const r = camera.rotation;
    const facing = r[6] * normal[3 * i] + r[7] * normal[3 * i + 1] + r[8] * normal[3 * i + 2];
    const x = Math.min(Math.max(facing / 0.5, 0), 1);
    return trust.silhouetteWeight + (1 - trust.silhouetteWeight) * x * x * (3 - 2 * x);
}

const Turned = new Float64Array(3); // scratch of TermPoint: the turned part of a term before its joint turns it

function PlaceLandmarks(
    basis: LandmarkBasis,
    shape: Float64Array,
    expression: Float64Array,
    into: ViewEquations,
): void {
    for (let i = 0; i < basis.landmarkCount; i++) {
        const point = [0, 0, 0];
        for (let term = basis.termStart[i]; term < basis.termStart[i + 1]; term++) {
            SumTurnedPart(basis, term, shape, expression);
            const joint = basis.termJoint[term];
            const fixedAt = 3 * term * (1 + basis.shapeCount);
            for (let axis = 0; axis < 3; axis++) {
                const lever = joint < 0 ? Turned[axis] : RotatedAxis(into.joints.rotation, joint, axis);
                into.lever[3 * term + axis] = lever;
                point[axis] += lever + basis.fixed[fixedAt + axis];
                for (let s = 0; s < basis.shapeCount && joint >= 0; s++) {
                    point[axis] += shape[s] * basis.fixed[fixedAt + 3 * (1 + s) + axis];
                }
            }
        }
        into.point.set(point, 3 * i);
    }
}

/** Turned ← the turned part of a term for these coefficients. */
function SumTurnedPart(
    basis: LandmarkBasis,
    term: number,
    shape: ArrayLike<number>,
    expression: ArrayLike<number>,
): void {
    const { turned, shapeCount, expressionCount } = basis;
    let at = 3 * term * (1 + shapeCount + expressionCount);
    let x = turned[at];
    let y = turned[at + 1];
    let z = turned[at + 2];
    for (let s = 0; s < shapeCount; s++) {
        at += 3;
        x += shape[s] * turned[at];
        y += shape[s] * turned[at + 1];
        z += shape[s] * turned[at + 2];
    }
    for (let e = 0; e < expressionCount; e++) {
        at += 3;
        x += expression[e] * turned[at];
        y += expression[e] * turned[at + 1];
        z += expression[e] * turned[at + 2];
    }
    Turned[0] = x;
    Turned[1] = y;
    Turned[2] = z;
}

function RotatedAxis(rotation: Float64Array, joint: number, axis: number): number {
    const at = 9 * joint + 3 * axis;
    return rotation[at] * Turned[0] + rotation[at + 1] * Turned[1] + rotation[at + 2] * Turned[2];
}

/** Derivatives of one landmark's x and y: two entries in each column of the Jacobian. */
function FillLandmarkColumns(
    basis: LandmarkBasis,
    camera: CropCamera,
    i: number,
    scale: number,
    rows: number,
    into: ViewEquations,
): void {
    const { rotation: r, translation: t, focal } = camera;
    const [px, py, pz] = [into.point[3 * i], into.point[3 * i + 1], into.point[3 * i + 2]];
    const [x, y, z] = [
        r[0] * px + r[1] * py + r[2] * pz,
        r[3] * px + r[4] * py + r[5] * pz,
        r[6] * px + r[7] * py + r[8] * pz,
    ];
    const perDepth = -1 / (z + t[2]);
    const k = scale * focal * perDepth;
    const slopeX = k * (x + t[0]) * perDepth; // d(screen x)/d(camera z)
    const slopeY = -k * (y + t[1]) * perDepth;
    for (let side = 0; side < 2; side++) {
        // Gradient of this screen coordinate by the camera-frame point.
        const [gx, gy, gz] = side === 0 ? [k, 0, slopeX] : [0, -k, slopeY];
        const row = 2 * i + side;
        const cameraAt = basis.shapeCount * rows + row;
        into.jacobian[cameraAt] = gz * y - gy * z; // g · (axis × Rp)
        into.jacobian[cameraAt + rows] = gx * z - gz * x;
        into.jacobian[cameraAt + 2 * rows] = gy * x - gx * y;
        into.jacobian[cameraAt + 3 * rows] = gx;
        into.jacobian[cameraAt + 4 * rows] = gy;
        into.jacobian[cameraAt + 5 * rows] = gz;
        FillCoefficientColumns(
            basis,
            i,
            gx * r[0] + gy * r[3] + gz * r[6],
            gx * r[1] + gy * r[4] + gz * r[7],
            gx * r[2] + gy * r[5] + gz * r[8],
            row,
            rows,
            into,
        );
    }
}

/** Derivatives by identity and expression, from the gradient g of a screen coordinate by the canonical landmark. */
function FillCoefficientColumns(
    basis: LandmarkBasis,
    i: number,
    gx: number,
    gy: number,
    gz: number,
    row: number,
    rows: number,
    into: ViewEquations,
): void {
    const { turned, fixed, shapeCount, expressionCount } = basis;
    const { jacobian, joints } = into;
    const expressionColumn = shapeCount + CameraUnknowns;
    for (let column = 0; column < shapeCount; column++) {
        jacobian[column * rows + row] = 0;
    }
    for (let e = 0; e < expressionCount; e++) {
        jacobian[(expressionColumn + e) * rows + row] = 0;
    }
    for (let term = basis.termStart[i]; term < basis.termStart[i + 1]; term++) {
        const joint = basis.termJoint[term];
        let [hx, hy, hz] = [gx, gy, gz]; // g before the joint turned it: Rᵀ g
        if (joint >= 0) {
            const m = 9 * joint;
            const q = joints.rotation;
            hx = q[m] * gx + q[m + 3] * gy + q[m + 6] * gz;
            hy = q[m + 1] * gx + q[m + 4] * gy + q[m + 7] * gz;
            hz = q[m + 2] * gx + q[m + 5] * gy + q[m + 8] * gz;
            let fixedAt = 3 * term * (1 + shapeCount);
            for (let s = 0; s < shapeCount; s++) {
                fixedAt += 3;
                jacobian[s * rows + row] += gx * fixed[fixedAt] + gy * fixed[fixedAt + 1] + gz * fixed[fixedAt + 2];
            }
            AddTurnColumns(
                joints.turn,
                joint,
                expressionCount,
                into.lever,
                3 * term,
                gx,
                gy,
                gz,
                jacobian,
                expressionColumn * rows + row,
                rows,
            );
        }
        let at = 3 * term * (1 + shapeCount + expressionCount);
        for (let s = 0; s < shapeCount; s++) {
            at += 3;
            jacobian[s * rows + row] += hx * turned[at] + hy * turned[at + 1] + hz * turned[at + 2];
        }
        for (let e = 0; e < expressionCount; e++) {
            at += 3;
            jacobian[(expressionColumn + e) * rows + row] +=
                hx * turned[at] + hy * turned[at + 1] + hz * turned[at + 2];
        }
    }
}

/** Expressions turn the joint: g · (ω × lever) = ω · (lever × g) for each of them. */
function AddTurnColumns(
    turn: Float64Array,
    joint: number,
    expressionCount: number,
    lever: Float64Array,
    leverAt: number,
    gx: number,
    gy: number,
    gz: number,
    jacobian: Float64Array,
    at: number,
    rows: number,
): void {
    const [x, y, z] = [lever[leverAt], lever[leverAt + 1], lever[leverAt + 2]];
    const [mx, my, mz] = [y * gz - z * gy, z * gx - x * gz, x * gy - y * gx];
    for (let e = 0; e < expressionCount; e++) {
        const turnAt = 3 * (joint * expressionCount + e);
        jacobian[at + e * rows] += turn[turnAt] * mx + turn[turnAt + 1] * my + turn[turnAt + 2] * mz;
    }
}

/** normal ← JᵀJ (lower triangle), gradient ← Jᵀr. Columns of J are contiguous. */
function AccumulateNormal(
    jacobian: Float64Array,
    scaled: Float64Array,
    unknowns: number,
    rows: number,
    normal: Float64Array,
    gradient: Float64Array,
): void {
    for (let a = 0; a < unknowns; a++) {
        for (let b = 0; b <= a; b++) {
            normal[a * unknowns + b] = DotColumns(jacobian, a * rows, jacobian, b * rows, rows);
        }
        gradient[a] = DotColumns(jacobian, a * rows, scaled, 0, rows);
    }
}

function DotColumns(a: Float64Array, aStart: number, b: Float64Array, bStart: number, length: number): number {
    let sum0 = 0;
    let sum1 = 0;
    for (let i = 0; i < length; i += 2) {
        sum0 += a[aStart + i] * b[bStart + i];
        sum1 += a[aStart + i + 1] * b[bStart + i + 1];
    }
    return sum0 + sum1;
}
