/**
 * Where a known person's landmarks land, how that changes with pose and expressions, and the normal equations of both.
 * The formulas are those of the photos' fit (flame/fit/viewEquations.ts). Here each landmark knows which expressions
 * move it, about a quarter of them, so that a step costs a tenth; and nothing is allocated.
 */
import type { CropCamera } from "../../flame/fit/camera.js";
import { CreateFaceJoints, TurnFaceJoints, type FaceJoints } from "../../flame/fit/faceJoints.js";
import type { LandmarkBasis } from "../../flame/fit/landmarkBasis.js";
import { PoseLength } from "../../flame/headModel.js";

/** Turn about the camera's axes and translation, before the expressions. */
export const PoseUnknowns = 6;
/** Expressions that move a landmark by less than this do not count for it, meters. */
const LeastMove = 2e-5;
/** The head is in or behind the camera below this depth, meters. */
const LeastDepth = 0.05;
/** Landmarks that face the camera less than this are turned away, cosine. */
const FullyFacing = 0.5;

/** A person's pose and expressions in one frame. */
export interface ITrackState {
    readonly camera: CropCamera;
    /** [E] */
    readonly expression: Float64Array;
}

/** How landmarks are trusted. */
export interface ITrackTrust {
    /** Expected error of a landmark, in heights of the frame. */
    noise: number;
    /** Errors beyond this many times the noise count linearly (Huber). */
    huber: number;
    /** Weight of landmarks that are turned away, where MediaPipe guesses. */
    silhouetteWeight: number;
    /** [L] weight of each landmark beside that. */
    readonly weights: Float64Array;
}

/** Equations of one person; E expressions, L landmarks, u = 6 + E unknowns. */
export class TrackEquations {
    public readonly unknowns: number;
    /** [u,u] JᵀWJ, lower triangle. */
    public readonly normal: Float64Array;
    /** [u] JᵀWr. */
    public readonly gradient: Float64Array;
    /** [L,3] landmarks, canonical, meters. */
    public readonly point: Float64Array;
    /** [L,2] projected minus seen, heights of the frame. */
    public readonly residual: Float64Array;
    private readonly _joints: FaceJoints;
    /** [L+1] first entry in `_active` of each landmark. */
    private readonly _activeStart: Int32Array;
    /** Expressions that move a landmark, ascending. */
    private readonly _active: Int32Array;
    /** [n,3] each term after its joint turned it, relative to the joint, meters. */
    private readonly _lever: Float64Array;
    private readonly _rowX: Float64Array;
    private readonly _rowY: Float64Array;
    private readonly _turned = new Float64Array(3);

    /** @param _basis without identity directions */
    public constructor(private readonly _basis: LandmarkBasis) {
        this.unknowns = PoseUnknowns + _basis.expressionCount;
        this.normal = new Float64Array(this.unknowns * this.unknowns);
        this.gradient = new Float64Array(this.unknowns);
        this.point = new Float64Array(3 * _basis.landmarkCount);
        this.residual = new Float64Array(2 * _basis.landmarkCount);
        this._lever = new Float64Array(3 * _basis.termJoint.length);
        this._rowX = new Float64Array(this.unknowns);
        this._rowY = new Float64Array(this.unknowns);
        this._joints = CreateFaceJoints(_basis.expressionCount);
        const active = Array.from({ length: _basis.landmarkCount }, (_, i) => ActiveExpressions(_basis, i));
        this._active = Int32Array.from(active.flat());
        this._activeStart = new Int32Array(_basis.landmarkCount + 1);
        active.forEach((list, i) => (this._activeStart[i + 1] = this._activeStart[i] + list.length));
    }

    /**
     * Projects the landmarks and measures the misfit.
     * @param seen [478,2] landmarks, heights of the frame
     * @returns Σ weight · ρ(error / noise), Huber's ρ; infinite where the head is not before the camera
     */
    public cost({ camera, expression }: ITrackState, seen: Float32Array, trust: ITrackTrust): number {
        TurnFaceJoints(this._basis.poseFromExpression, expression, this._joints);
        const { rotation: r, translation: t, focal } = camera;
        const { index, landmarkCount } = this._basis;
        const { point, residual } = this;
        let cost = 0;
        for (let i = 0; i < landmarkCount; i++) {
            this._place(i, expression);
            const x = point[3 * i];
            const y = point[3 * i + 1];
            const z = point[3 * i + 2];
            const depth = -(r[6] * x + r[7] * y + r[8] * z + t[2]);
            if (!(depth > LeastDepth)) {
                return Number.POSITIVE_INFINITY;
            }
            const at = 2 * index[i];
            const dx = 0.5 + (focal * (r[0] * x + r[1] * y + r[2] * z + t[0])) / depth - seen[at];
            const dy = 0.5 - (focal * (r[3] * x + r[4] * y + r[5] * z + t[1])) / depth - seen[at + 1];
            residual[2 * i] = dx;
            residual[2 * i + 1] = dy;
            const error = Math.sqrt(dx * dx + dy * dy) / trust.noise;
            const rho = error <= trust.huber ? 0.5 * error * error : trust.huber * (error - 0.5 * trust.huber);
            cost += this._weight(i, camera, trust) * rho;
        }
        return cost;
    }

    /** Fills the normal equations; {@link cost} must have run for the same state. */
    public fill({ camera }: ITrackState, trust: ITrackTrust): void {
        this.normal.fill(0);
        this.gradient.fill(0);
        for (let i = 0; i < this._basis.landmarkCount; i++) {
            const dx = this.residual[2 * i];
            const dy = this.residual[2 * i + 1];
            const error = Math.sqrt(dx * dx + dy * dy) / trust.noise;
            const robust = error <= trust.huber ? 1 : trust.huber / error;
            const weight = (this._weight(i, camera, trust) * robust) / (trust.noise * trust.noise);
            if (weight > 0) {
                this._fillRows(i, camera);
                this._accumulate(i, weight, dx, dy);
            }
        }
    }

    private _weight(i: number, { rotation: r }: CropCamera, trust: ITrackTrust): number {
        const { normal } = this._basis;
        const facing = r[6] * normal[3 * i] + r[7] * normal[3 * i + 1] + r[8] * normal[3 * i + 2];
        const x = Math.min(Math.max(facing / FullyFacing, 0), 1);
        return trust.weights[i] * (trust.silhouetteWeight + (1 - trust.silhouetteWeight) * x * x * (3 - 2 * x));
    }

    /** Moves a landmark by expressions and joints. */
    private _place(i: number, expression: Float64Array): void {
        const { termStart, termJoint, turned, fixed, expressionCount } = this._basis;
        const { rotation: q } = this._joints;
        const sum = this._turned;
        let [px, py, pz] = [0, 0, 0];
        for (let term = termStart[i]; term < termStart[i + 1]; term++) {
            const first = 3 * term * (1 + expressionCount);
            let x = turned[first];
            let y = turned[first + 1];
            let z = turned[first + 2];
            for (let k = this._activeStart[i]; k < this._activeStart[i + 1]; k++) {
                const weight = expression[this._active[k]];
                const at = first + 3 + 3 * this._active[k];
                x += weight * turned[at];
                y += weight * turned[at + 1];
                z += weight * turned[at + 2];
            }
            const joint = termJoint[term];
            sum[0] = x;
            sum[1] = y;
            sum[2] = z;
            if (joint >= 0) {
                const m = 9 * joint;
                sum[0] = q[m] * x + q[m + 1] * y + q[m + 2] * z;
                sum[1] = q[m + 3] * x + q[m + 4] * y + q[m + 5] * z;
                sum[2] = q[m + 6] * x + q[m + 7] * y + q[m + 8] * z;
            }
            this._lever[3 * term] = sum[0];
            this._lever[3 * term + 1] = sum[1];
            this._lever[3 * term + 2] = sum[2];
            px += sum[0] + fixed[3 * term];
            py += sum[1] + fixed[3 * term + 1];
            pz += sum[2] + fixed[3 * term + 2];
        }
        this.point[3 * i] = px;
        this.point[3 * i + 1] = py;
        this.point[3 * i + 2] = pz;
    }

    /** Derivatives of a landmark's x and y: six of the pose, then those of its active expressions. */
    private _fillRows(i: number, { rotation: r, translation: t, focal }: CropCamera): void {
        const px = this.point[3 * i];
        const py = this.point[3 * i + 1];
        const pz = this.point[3 * i + 2];
        const x = r[0] * px + r[1] * py + r[2] * pz;
        const y = r[3] * px + r[4] * py + r[5] * pz;
        const z = r[6] * px + r[7] * py + r[8] * pz;
        const perDepth = -1 / (z + t[2]);
        const k = focal * perDepth;
        this._fillRow(this._rowX, i, k, 0, k * (x + t[0]) * perDepth, x, y, z, r);
        this._fillRow(this._rowY, i, 0, -k, -k * (y + t[1]) * perDepth, x, y, z, r);
    }

    /** @param gx gradient of the screen coordinate by the camera-frame point, as gy and gz */
    private _fillRow(
        row: Float64Array,
        i: number,
        gx: number,
        gy: number,
        gz: number,
        x: number,
        y: number,
        z: number,
        r: Float64Array,
    ): void {
        row[0] = gz * y - gy * z; // g · (axis × Rp)
        row[1] = gx * z - gz * x;
        row[2] = gy * x - gx * y;
        row[3] = gx;
        row[4] = gy;
        row[5] = gz;
        // Gradient by the canonical point.
        const cx = gx * r[0] + gy * r[3] + gz * r[6];
        const cy = gx * r[1] + gy * r[4] + gz * r[7];
        const cz = gx * r[2] + gy * r[5] + gz * r[8];
        const { termStart, termJoint, turned, expressionCount } = this._basis;
        const { rotation: q, turn } = this._joints;
        const [from, to] = [this._activeStart[i], this._activeStart[i + 1]];
        row.fill(0, PoseUnknowns, PoseUnknowns + to - from);
        for (let term = termStart[i]; term < termStart[i + 1]; term++) {
            const joint = termJoint[term];
            const first = 3 * term * (1 + expressionCount) + 3;
            let [hx, hy, hz] = [cx, cy, cz]; // before the joint turned it
            let [mx, my, mz] = [0, 0, 0]; // lever × gradient
            if (joint >= 0) {
                const m = 9 * joint;
                hx = q[m] * cx + q[m + 3] * cy + q[m + 6] * cz;
                hy = q[m + 1] * cx + q[m + 4] * cy + q[m + 7] * cz;
                hz = q[m + 2] * cx + q[m + 5] * cy + q[m + 8] * cz;
                const lx = this._lever[3 * term];
                const ly = this._lever[3 * term + 1];
                const lz = this._lever[3 * term + 2];
                mx = ly * cz - lz * cy;
                my = lz * cx - lx * cz;
                mz = lx * cy - ly * cx;
            }
            for (let k = from; k < to; k++) {
                const e = this._active[k];
                const at = first + 3 * e;
                let slope = hx * turned[at] + hy * turned[at + 1] + hz * turned[at + 2];
                if (joint >= 0) {
                    const turnAt = 3 * (joint * expressionCount + e);
                    slope += turn[turnAt] * mx + turn[turnAt + 1] * my + turn[turnAt + 2] * mz;
                }
                row[PoseUnknowns + k - from] += slope;
            }
        }
    }

    private _accumulate(i: number, weight: number, dx: number, dy: number): void {
        const { normal, gradient, unknowns } = this;
        const [rowX, rowY] = [this._rowX, this._rowY];
        const from = this._activeStart[i];
        const count = PoseUnknowns + this._activeStart[i + 1] - from;
        for (let a = 0; a < count; a++) {
            const unknown = a < PoseUnknowns ? a : PoseUnknowns + this._active[from + a - PoseUnknowns];
            const wx = weight * rowX[a];
            const wy = weight * rowY[a];
            gradient[unknown] += wx * dx + wy * dy;
            const start = unknown * unknowns;
            for (let b = 0; b <= Math.min(a, PoseUnknowns - 1); b++) {
                normal[start + b] += wx * rowX[b] + wy * rowY[b];
            }
            for (let b = PoseUnknowns; b <= a; b++) {
                normal[start + PoseUnknowns + this._active[from + b - PoseUnknowns]] += wx * rowX[b] + wy * rowY[b];
            }
        }
    }
}

/** Expressions that move a landmark, by themselves or by turning its joints. */
function ActiveExpressions(basis: LandmarkBasis, i: number): number[] {
    const { termStart, termJoint, turned, expressionCount, poseFromExpression } = basis;
    const moves = (term: number, e: number): boolean => {
        const at = 3 * (term * (1 + expressionCount) + 1 + e);
        const joint = termJoint[term];
        const turnAt = PoseLength * e + 3 * joint;
        const turns = joint >= 0 && [0, 1, 2].some((axis) => poseFromExpression[turnAt + axis] !== 0);
        return turns || Math.hypot(turned[at], turned[at + 1], turned[at + 2]) > LeastMove;
    };
    return Array.from({ length: expressionCount }, (_, e) => e).filter((e) => {
        for (let term = termStart[i]; term < termStart[i + 1]; term++) {
            if (moves(term, e)) {
                return true;
            }
        }
        return false;
    });
}
