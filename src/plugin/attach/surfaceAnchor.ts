/**
 * One point of the skin, followed through expressions and joints without posing the whole head: expressions are linear,
 * so those of the three corners are gathered once.
 */
import { JointCount } from "../../flame/headModel.js";
import { MultiplyRotations, QuaternionOfRotation } from "../../flame/rotation.js";
import type { HeadSurface } from "./headSurface.js";

/** A place on the head model: a face and where in it. */
export interface ISurfacePlace {
    /** Index of the triangle in the head model. */
    readonly face: number;
    /** Barycentric coordinates, summing to one. */
    readonly bary: readonly [number, number, number];
}

const Corner = new Float64Array(9); // scratch of update: posed corners
const Turn = new Float64Array(9); // scratch of update: posed triangle from rest triangle
const Frame = new Float64Array(9); // scratch of update
const Oriented = new Float64Array(9); // scratch of update

/** Posed space, meters. Updating allocates nothing. */
export class SurfaceAnchor {
    /** Where the point is. */
    public readonly position = new Float64Array(3);
    /** Quaternion x, y, z, w: turns the rest orientation given to the constructor along with the skin. */
    public readonly rotation = new Float64Array([0, 0, 0, 1]);
    private readonly _vertices: readonly number[];
    /** E+C */
    private readonly _directionCount: number;
    /** [3,E+C,3] meters per unit of each expression and pose corrective, for each corner. */
    private readonly _directions: Float32Array;
    /** [5] skin weights of the point. */
    private readonly _weights = new Float64Array(JointCount);
    /** Inverse (transpose) of the rest triangle's frame. */
    private readonly _restFrame = new Float64Array(9);

    /**
     * @param _surface borrowed
     * @param _place the point
     * @param _orientation rest orientation, 3×3 row-major rotation in canonical space: columns are the axes
     */
    public constructor(
        private readonly _surface: HeadSurface,
        private readonly _place: ISurfacePlace,
        private readonly _orientation: ArrayLike<number>,
    ) {
        const { model, rest } = _surface;
        this._vertices = [0, 1, 2].map((corner) => model.faces[3 * _place.face + corner]);
        this._directionCount = model.expressionCount + model.correctiveCount;
        this._directions = new Float32Array(9 * this._directionCount);
        const take = (
            direction: number,
            vertices: Uint16Array,
            delta: Int16Array,
            scale: number,
            [from, to]: [number, number],
        ): void => {
            for (let k = from; k < to; k++) {
                for (let corner = 0; corner < 3; corner++) {
                    if (vertices[k] === this._vertices[corner]) {
                        for (let axis = 0; axis < 3; axis++) {
                            this._directions[3 * (this._directionCount * corner + direction) + axis] +=
                                scale * delta[3 * k + axis];
                        }
                    }
                }
            }
        };
        for (let e = 0; e < model.expressionCount; e++) {
            const range: [number, number] = [model.expressionStart[e], model.expressionStart[e + 1]];
            take(e, model.expressionVertex, model.expressionDelta, model.expressionScale[e], range);
        }
        for (let c = 0; c < model.correctiveCount; c++) {
            const range: [number, number] = [model.correctiveStart[c], model.correctiveStart[c + 1]];
            const direction = model.expressionCount + c;
            take(direction, model.correctiveVertex, model.correctiveDelta, model.correctiveScale[c], range);
        }
        for (let corner = 0; corner < 3; corner++) {
            const vertex = this._vertices[corner];
            for (let joint = 0; joint < JointCount; joint++) {
                this._weights[joint] += (_place.bary[corner] * model.weights[JointCount * vertex + joint]) / 255;
            }
            for (let axis = 0; axis < 3; axis++) {
                Corner[3 * corner + axis] = rest[3 * vertex + axis];
            }
        }
        TriangleFrame(Corner, Frame);
        for (let i = 0; i < 9; i++) {
            this._restFrame[i] = Frame[3 * (i % 3) + Math.floor(i / 3)];
        }
    }

    /**
     * Moves to a pose.
     * @param directions [E+C] weights of expressions and pose correctives, `HeadSurface.directions`
     * @param jointMatrices [5,12] of the same pose
     */
    public update(directions: ArrayLike<number>, jointMatrices: ArrayLike<number>): void {
        const { position, _place, _weights } = this;
        this._expressCorners(directions);
        // Expressed point, then the blended joint matrix at the point: as the Gaussian there is skinned.
        let [x, y, z] = [0, 0, 0];
        for (let corner = 0; corner < 3; corner++) {
            x += _place.bary[corner] * Corner[3 * corner];
            y += _place.bary[corner] * Corner[3 * corner + 1];
            z += _place.bary[corner] * Corner[3 * corner + 2];
        }
        for (let row = 0; row < 3; row++) {
            position[row] = BlendedRow(jointMatrices, _weights, 0, row, x, y, z);
        }
        const { weights } = this._surface.model;
        for (let corner = 0; corner < 3; corner++) {
            const vertex = JointCount * this._vertices[corner];
            [x, y, z] = [Corner[3 * corner], Corner[3 * corner + 1], Corner[3 * corner + 2]];
            for (let row = 0; row < 3; row++) {
                Corner[3 * corner + row] = BlendedRow(jointMatrices, weights, vertex, row, x, y, z) / 255;
            }
        }
        TriangleFrame(Corner, Frame);
        MultiplyRotations(Frame, this._restFrame, Turn);
        MultiplyRotations(Turn, this._orientation, Oriented);
        QuaternionOfRotation(Oriented, this.rotation);
    }

    /** Writes the corners with expressions and without joints. */
    private _expressCorners(directions: ArrayLike<number>): void {
        const { rest } = this._surface;
        const count = this._directionCount;
        for (let corner = 0; corner < 3; corner++) {
            for (let axis = 0; axis < 3; axis++) {
                Corner[3 * corner + axis] = rest[3 * this._vertices[corner] + axis];
            }
            for (let e = 0; e < count; e++) {
                const weight = directions[e];
                if (weight !== 0) {
                    const at = 3 * (count * corner + e);
                    Corner[3 * corner] += weight * this._directions[at];
                    Corner[3 * corner + 1] += weight * this._directions[at + 1];
                    Corner[3 * corner + 2] += weight * this._directions[at + 2];
                }
            }
        }
    }
}

/** One row of Σ_j w_j · M_j, times (x, y, z, 1). */
function BlendedRow(
    matrices: ArrayLike<number>,
    weights: ArrayLike<number>,
    at: number,
    row: number,
    x: number,
    y: number,
    z: number,
): number {
    let sum = 0;
    for (let joint = 0; joint < JointCount; joint++) {
        const weight = weights[at + joint];
        if (weight !== 0) {
            const m = 12 * joint + 4 * row;
            sum += weight * (matrices[m] * x + matrices[m + 1] * y + matrices[m + 2] * z + matrices[m + 3]);
        }
    }
    return sum;
}

/**
 * Rotation whose columns are the first edge, the direction across it in the triangle, and the outward normal. [3,3]
 * corners, row-major.
 */
function TriangleFrame(corners: Float64Array, into: Float64Array): void {
    let [ax, ay, az] = [corners[3] - corners[0], corners[4] - corners[1], corners[5] - corners[2]];
    const [bx, by, bz] = [corners[6] - corners[0], corners[7] - corners[1], corners[8] - corners[2]];
    let scale = 1 / Math.max(Math.hypot(ax, ay, az), 1e-12);
    [ax, ay, az] = [ax * scale, ay * scale, az * scale];
    let [nx, ny, nz] = [ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx];
    scale = 1 / Math.max(Math.hypot(nx, ny, nz), 1e-12);
    [nx, ny, nz] = [nx * scale, ny * scale, nz * scale];
    into[0] = ax;
    into[3] = ay;
    into[6] = az;
    into[1] = ny * az - nz * ay;
    into[4] = nz * ax - nx * az;
    into[7] = nx * ay - ny * ax;
    into[2] = nx;
    into[5] = ny;
    into[8] = nz;
}
