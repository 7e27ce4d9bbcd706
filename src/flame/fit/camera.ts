/**
 * The camera of a crop (docs/conventions.md): right-handed, +X right, +Y up, +Z towards the viewer. A point q = R ·
 * canonical + t lands at x = 0.5 + f · qx / −qz, y = 0.5 − f · qy / −qz in crop coordinates 0..1, y down.
 */
import { NearestRotation } from "../rotation.js";

/** Focal length of a crop in units of its side, where the fit does not solve for it. */
export const DefaultFocal = 2.4;

/** Where one photo's head stands before its camera. */
export interface CropCamera {
    /** [9] row-major, camera from canonical. */
    readonly rotation: Float64Array;
    /** [3] meters. */
    readonly translation: Float64Array;
    /** Focal length in units of the crop's side. */
    readonly focal: number;
}

/**
 * Takes points to the camera frame.
 * @param points [n,3] canonical, meters
 * @returns [n,3] camera frame, meters, new
 */
export function ToCamera(camera: CropCamera, points: ArrayLike<number>): Float32Array {
    const { rotation: r, translation: t } = camera;
    const moved = new Float32Array(points.length);
    for (let i = 0; i < points.length; i += 3) {
        for (let row = 0; row < 3; row++) {
            moved[i + row] =
                r[3 * row] * points[i] + r[3 * row + 1] * points[i + 1] + r[3 * row + 2] * points[i + 2] + t[row];
        }
    }
    return moved;
}

/**
 * A first guess of the camera: the affine camera that maps the points best (least squares), made orthonormal.
 * @param points [n,3] canonical, meters, not all in one plane
 * @param seen [n,2] where they are in the crop, 0..1
 */
export function GuessCamera(points: ArrayLike<number>, seen: ArrayLike<number>, focal: number): CropCamera {
    const count = points.length / 3;
    const mean = new Float64Array(3);
    const seenMean = new Float64Array(2);
    for (let i = 0; i < count; i++) {
        for (let axis = 0; axis < 3; axis++) {
            mean[axis] += points[3 * i + axis] / count;
        }
        seenMean[0] += seen[2 * i] / count;
        seenMean[1] += seen[2 * i + 1] / count;
    }
    // Normal equations of seen − seenMean = A (point − mean), with y turned up.
    const moments = new Float64Array(9);
    const rightX = new Float64Array(3);
    const rightY = new Float64Array(3);
    for (let i = 0; i < count; i++) {
        for (let row = 0; row < 3; row++) {
            const value = points[3 * i + row] - mean[row];
            rightX[row] += value * (seen[2 * i] - seenMean[0]);
            rightY[row] -= value * (seen[2 * i + 1] - seenMean[1]);
            for (let column = 0; column < 3; column++) {
                moments[3 * row + column] += value * (points[3 * i + column] - mean[column]);
            }
        }
    }
    const x = SolveSymmetric3(moments, rightX);
    const y = SolveSymmetric3(moments, rightY);
    const scale = Math.max(Math.sqrt(Math.hypot(...x) * Math.hypot(...y)), 1e-3); // crop units per meter
    const [ux, uy] = [Normalized(x), Normalized(y)];
    const rotation = Float64Array.of(
        ...ux,
        ...uy,
        ux[1] * uy[2] - ux[2] * uy[1],
        ux[2] * uy[0] - ux[0] * uy[2],
        ux[0] * uy[1] - ux[1] * uy[0],
    );
    NearestRotation(rotation);
    const distance = focal / scale;
    const turnedMean = [0, 1, 2].map(
        (row) => rotation[3 * row] * mean[0] + rotation[3 * row + 1] * mean[1] + rotation[3 * row + 2] * mean[2],
    );
    const translation = Float64Array.of(
        ((seenMean[0] - 0.5) * distance) / focal - turnedMean[0],
        ((0.5 - seenMean[1]) * distance) / focal - turnedMean[1],
        -distance - turnedMean[2],
    );
    return { rotation, translation, focal };
}

function Normalized(v: Float64Array): Float64Array {
    const length = Math.hypot(...v) || 1;
    return v.map((value) => value / length);
}

/** Cramer's rule; a trace of ridge keeps flat point sets solvable. */
function SolveSymmetric3(m: Float64Array, right: Float64Array): Float64Array {
    const ridge = 1e-6 * (m[0] + m[4] + m[8]) + 1e-12;
    const [a, b, c, d, e, f] = [m[0] + ridge, m[1], m[2], m[4] + ridge, m[5], m[8] + ridge];
    const [c00, c01, c02] = [d * f - e * e, c * e - b * f, b * e - c * d];
    const [c11, c12, c22] = [a * f - c * c, b * c - a * e, a * d - b * b];
    const determinant = a * c00 + b * c01 + c * c02;
    return Float64Array.of(
        (c00 * right[0] + c01 * right[1] + c02 * right[2]) / determinant,
        (c01 * right[0] + c11 * right[1] + c12 * right[2]) / determinant,
        (c02 * right[0] + c12 * right[1] + c22 * right[2]) / determinant,
    );
}
