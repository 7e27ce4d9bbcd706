/**
 * Where a head sits on a body: the scale and offset that lay the head's neck on the body's. Starts from the joints and
 * then brings the skin of the neck to the nearest skin of the body (iterative closest points with the point-to-plane
 * distance, Chen and Medioni 1991).
 */

/** A skin: points and unit normals, [n,3] each. */
export interface ISkin {
    readonly points: ArrayLike<number>;
    readonly normals: ArrayLike<number>;
}

/** body = scale · head + offset, both in the head's axes. */
export interface INeckFit {
    /** Units of the body per meter of the head. */
    scale: number;
    /** Meters of the body. */
    offset: [number, number, number];
    /** Mean distance of the neck's skin from the body's at the end, meters. */
    residual: number;
}

/** Points farther from the body than this, in meters of the head, are no partners. */
const Reach = 0.05;
const Steps = 20;
/** How much the joints hold against the skin: the weight of one millimeter off them, per point of skin. */
const JointWeight = 0.02;
const ScaleWeight = 0.0005;

/**
 * Fits a neck.
 * @param neck of the head, near its open end
 * @param body around its neck
 * @param start from the joints
 * @param fixedScale leaves the scale as it is
 */
export function FitNeck(neck: ISkin, body: ISkin, start: INeckFit, fixedScale = false): INeckFit {
    const count = neck.points.length / 3;
    const bodyCount = body.points.length / 3;
    const fit: INeckFit = { scale: start.scale, offset: [...start.offset], residual: Infinity };
    for (let step = 0; step < Steps; step++) {
        // Unknowns: change of scale (about the neck's own middle, which keeps it apart from the offset) and of offset.
        const matrix = [0, 1, 2, 3].map(() => new Float64Array(4));
        const right = new Float64Array(4);
        const middle = [0, 1, 2].map((axis) => MeanOf(neck.points, axis));
        let [partners, sum] = [0, 0];
        for (let i = 0; i < count; i++) {
            const at = [0, 1, 2].map((axis) => fit.scale * neck.points[3 * i + axis] + fit.offset[axis]);
            const j = Nearest(at, neck.normals, 3 * i, body, bodyCount, Reach * fit.scale);
            if (j < 0) {
                continue;
            }
            const normal = [body.normals[3 * j], body.normals[3 * j + 1], body.normals[3 * j + 2]];
            const gap = [0, 1, 2].reduce((dot, axis) => dot + normal[axis] * (body.points[3 * j + axis] - at[axis]), 0);
            const row = [
                [0, 1, 2].reduce((dot, axis) => dot + normal[axis] * (neck.points[3 * i + axis] - middle[axis]), 0),
                ...normal,
            ];
            // Far partners are likely to be wrong ones (Huber's weight at 5 mm).
            const weight = Math.min(1, (0.005 * fit.scale) / Math.max(Math.abs(gap), 1e-9));
            Accumulate(matrix, right, row, gap, weight);
            sum += Math.abs(gap);
            partners++;
        }
        if (partners < 20) {
            return { ...start, residual: Infinity };
        }
        fit.residual = sum / partners;
        const moved = [0, 1, 2].map(
            (axis) => start.scale * middle[axis] + start.offset[axis] - (fit.scale * middle[axis] + fit.offset[axis]),
        );
        for (let axis = 0; axis < 3; axis++) {
            const row = [0, 0, 0, 0];
            row[1 + axis] = 1;
            Accumulate(matrix, right, row, moved[axis], JointWeight * partners);
        }
        Accumulate(
            matrix,
            right,
            [1, 0, 0, 0],
            fixedScale ? 0 : start.scale - fit.scale,
            (fixedScale ? 1e6 : ScaleWeight) * partners,
        );
        const change = Solve(matrix, right);
        fit.scale += change[0];
        for (let axis = 0; axis < 3; axis++) {
            fit.offset[axis] += change[1 + axis] - change[0] * middle[axis];
        }
    }
    return fit;
}

function MeanOf(points: ArrayLike<number>, axis: number): number {
    let sum = 0;
    for (let i = axis; i < points.length; i += 3) {
        sum += points[i];
    }
    return (3 * sum) / points.length;
}

/** Nearest point of the body that faces the same way; −1 if there is none within reach. */
function Nearest(
    at: readonly number[],
    normals: ArrayLike<number>,
    normal: number,
    body: ISkin,
    bodyCount: number,
    reach: number,
): number {
    let best = -1;
    let least = reach * reach;
    for (let j = 0; j < bodyCount; j++) {
        const [x, y, z] = [body.points[3 * j] - at[0], body.points[3 * j + 1] - at[1], body.points[3 * j + 2] - at[2]];
        const squared = x * x + y * y + z * z;
        if (squared < least) {
            const facing =
                normals[normal] * body.normals[3 * j] +
                normals[normal + 1] * body.normals[3 * j + 1] +
                normals[normal + 2] * body.normals[3 * j + 2];
            if (facing > 0.3) {
                least = squared;
                best = j;
            }
        }
    }
    return best;
}

/** Adds weight · rowᵀ row and weight · rowᵀ value. */
function Accumulate(
    matrix: Float64Array[],
    right: Float64Array,
    row: readonly number[],
    value: number,
    weight: number,
): void {
    for (let i = 0; i < 4; i++) {
        right[i] += weight * row[i] * value;
        for (let j = 0; j < 4; j++) {
            matrix[i][j] += weight * row[i] * row[j];
        }
    }
}

/** Gauss-Jordan elimination; the matrix is symmetric and positive. */
function Solve(matrix: readonly Float64Array[], right: Float64Array): number[] {
    const rows = matrix.map((row, i) => [...row, right[i]]);
    for (let k = 0; k < 4; k++) {
        const pivot = rows[k][k];
        rows[k] = rows[k].map((value) => value / pivot);
        rows.forEach((row, i) => {
            if (i !== k) {
                const factor = row[k];
                rows[i] = row.map((value, j) => value - factor * rows[k][j]);
            }
        });
    }
    return rows.map((row) => row[4]);
}
