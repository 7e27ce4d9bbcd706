/**
 * Small steps on grids: ramps, filling by push-pull, smoothing of tables with gaps, tangent frames. Twin:
 * training/bust/grids.py. Grids are small, so all numbers are doubles.
 */

/** Numbers on a grid; a plain list is one with a single column. */
export interface IGrid {
    readonly rows: number;
    readonly columns: number;
    /** Numbers at each place. */
    readonly depth: number;
    /** [rows,columns,depth] */
    readonly values: Float64Array;
}

/** 0 along a column, 1 along a row. */
export type Axis = 0 | 1;

/** A grid of these values; of zeros by default. */
export function CreateGrid(
    rows: number,
    columns: number,
    depth = 1,
    values: Float64Array = new Float64Array(rows * columns * depth),
): IGrid {
    return { rows, columns, depth, values };
}

/** A channel between the places of a grid whose columns go around. @param row 0 to rows − 1 @param column from 0 on */
export function LookUpAround(
    { rows, columns, depth, values }: IGrid,
    row: number,
    column: number,
    channel: number,
): number {
    const [r0, c0] = [Math.min(Math.floor(row), rows - 2), Math.floor(column)];
    const at = (r: number, c: number): number => values[depth * (r * columns + (c % columns)) + channel];
    const line = (r: number): number => at(r, c0) * (1 - (column - c0)) + at(r, c0 + 1) * (column - c0);
    return line(r0) * (1 - (row - r0)) + line(r0 + 1) * (row - r0);
}

/** A list as a grid. */
export function AsColumn(values: Float64Array, depth = 1): IGrid {
    return CreateGrid(values.length / depth, 1, depth, values);
}

export function Clamp(x: number, low: number, high: number): number {
    return Math.min(high, Math.max(low, x));
}

/** 0 up to `low`, 1 from `high` on, linear between; falls where high < low. */
export function Ramp(x: number, low: number, high: number): number {
    return Clamp((x - low) / (high - low), 0, 1);
}

/** {@link Ramp} without corners. */
export function SmoothStep(x: number, low: number, high: number): number {
    const t = Ramp(x, low, high);
    return t * t * (3 - 2 * t);
}

/** Remainder that is never negative. */
export function Modulo(x: number, of: number): number {
    return ((x % of) + of) % of;
}

/** [n,n] row k gives the weights of the mean at k. */
function GaussianWeights(n: number, sigma: number, wraps: boolean): Float64Array {
    const reach = Math.max(1, Math.ceil(3 * sigma));
    const kernel = Float64Array.from({ length: 2 * reach + 1 }, (_, k) => Math.exp(-0.5 * ((k - reach) / sigma) ** 2));
    const sum = kernel.reduce((a, b) => a + b, 0);
    const weights = new Float64Array(n * n);
    for (let at = 0; at < n; at++) {
        for (let k = -reach; k <= reach; k++) {
            weights[at * n + (wraps ? Modulo(at + k, n) : Clamp(at + k, 0, n - 1))] += kernel[k + reach] / sum;
        }
    }
    return weights;
}

/** Gaussian mean along one axis, cut at 3 sigma; edges go on, or wrap. */
export function Blur({ rows, columns, depth, values }: IGrid, sigma: number, axis: Axis, wraps = false): IGrid {
    const n = axis === 0 ? rows : columns;
    const outer = axis === 0 ? 1 : rows;
    const inner = axis === 0 ? columns * depth : depth;
    const weights = GaussianWeights(n, sigma, wraps);
    const mean = new Float64Array(values.length);
    for (let o = 0; o < outer; o++) {
        for (let at = 0; at < n; at++) {
            const to = (o * n + at) * inner;
            for (let from = 0; from < n; from++) {
                const weight = weights[at * n + from];
                if (weight === 0) {
                    continue;
                }
                const source = (o * n + from) * inner;
                for (let k = 0; k < inner; k++) {
                    mean[to + k] += weight * values[source + k];
                }
            }
        }
    }
    return CreateGrid(rows, columns, depth, mean);
}

/** Largest, then least values [rows,columns] in rectangles of 2 reach + 1: closes gaps of 2 reach; edges go on. */
export function Closed(values: IGrid, rowReach: number, columnReach: number): IGrid {
    const { rows, columns } = values;
    let from = values.values;
    for (const pick of [Math.max, Math.min]) {
        for (const [n, stride, lines, next, reach] of [
            [rows, columns, columns, 1, rowReach],
            [columns, 1, rows, columns, columnReach],
        ]) {
            const to = new Float64Array(from.length);
            for (let i = 0; i < n * lines; i++) {
                const [line, at] = [Math.floor(i / n), i % n];
                let value = from[line * next + at * stride];
                for (let k = Math.max(0, at - reach); k <= Math.min(n - 1, at + reach); k++) {
                    value = pick(value, from[line * next + k * stride]);
                }
                to[line * next + at * stride] = value;
            }
            from = to;
        }
    }
    return { ...values, values: from };
}

/** Values times a factor for each place. */
export function Weighted({ rows, columns, depth, values }: IGrid, factor: IGrid): IGrid {
    return CreateGrid(
        rows,
        columns,
        depth,
        values.map((value, i) => value * factor.values[Math.floor(i / depth)]),
    );
}

/**
 * Values with gaps -> smooth values everywhere: Gaussian means of growing width, the narrowest that knows enough.
 * @param known depth 1, 0..1
 */
export function MeanWhere(values: IGrid, known: IGrid, sigma: number, axis: Axis = 0, wraps = false): IGrid {
    const { rows, columns, depth } = values;
    const told = CreateGrid(
        rows,
        columns,
        depth,
        values.values.map((value, i) => {
            const weight = known.values[Math.floor(i / depth)];
            return weight > 0 ? value * weight : 0;
        }),
    );
    const mean = new Float64Array(values.values.length);
    const left = new Float64Array(rows * columns).fill(1);
    for (let round = 0; round < 7; round++) {
        const width = sigma * 2 ** round;
        const weight = Blur(known, width, axis, wraps).values;
        const sums = Blur(told, width, axis, wraps).values;
        for (let at = 0; at < left.length; at++) {
            const share = left[at] * Ramp(weight[at], 0, 0.25);
            left[at] -= share;
            for (let k = 0; k < depth; k++) {
                mean[depth * at + k] += (share * sums[depth * at + k]) / Math.max(weight[at], 1e-9);
            }
        }
    }
    // the mean of all that is known along the axis
    const lines = axis === 0 ? columns : rows;
    const lineOf = (at: number): number => (axis === 0 ? at % columns : Math.floor(at / columns));
    const rest = new Float64Array(lines * depth);
    const weights = new Float64Array(lines);
    for (let at = 0; at < left.length; at++) {
        weights[lineOf(at)] += known.values[at];
        for (let k = 0; k < depth; k++) {
            rest[depth * lineOf(at) + k] += told.values[depth * at + k];
        }
    }
    for (let i = 0; i < mean.length; i++) {
        const at = Math.floor(i / depth);
        mean[i] += (left[at] * rest[depth * lineOf(at) + (i % depth)]) / Math.max(weights[lineOf(at)], 1e-9);
    }
    return CreateGrid(rows, columns, depth, mean);
}

/** Sums over 2 x 2; an odd edge stands alone. */
function Halve({ rows, columns, depth, values }: IGrid): IGrid {
    const half = CreateGrid(Math.ceil(rows / 2), Math.ceil(columns / 2), depth);
    for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
            const to = ((row >> 1) * half.columns + (column >> 1)) * depth;
            for (let k = 0; k < depth; k++) {
                half.values[to + k] += values[(row * columns + column) * depth + k];
            }
        }
    }
    return half;
}

/** Bilinear doubling along one axis; centres at (i + 0.5) / 2 - 0.5, clamped at the edges. */
function Double({ rows, columns, depth, values }: IGrid, size: number, axis: Axis): IGrid {
    const n = axis === 0 ? rows : columns;
    const outer = axis === 0 ? 1 : rows;
    const inner = axis === 0 ? columns * depth : depth;
    const doubled = CreateGrid(axis === 0 ? size : rows, axis === 0 ? columns : size, depth);
    for (let i = 0; i < size; i++) {
        const at = Clamp((i + 0.5) / 2 - 0.5, 0, n - 1);
        const low = Math.min(Math.floor(at), Math.max(n - 2, 0));
        const high = Math.min(low + 1, n - 1);
        for (let o = 0; o < outer; o++) {
            for (let k = 0; k < inner; k++) {
                const [a, b] = [values[(o * n + low) * inner + k], values[(o * n + high) * inner + k]];
                doubled.values[(o * size + i) * inner + k] = a * (1 - (at - low)) + b * (at - low);
            }
        }
    }
    return doubled;
}

/**
 * Fills a grid where its weight is below 1 from coarser levels (Gortler et al. 1996).
 * @param weight depth 1, 0..1
 */
export function PushPull(values: IGrid, weight: IGrid): IGrid {
    const levels = [{ x: Weighted(values, weight), w: weight }];
    for (let level = levels[0]; Math.max(level.w.rows, level.w.columns) > 1;) {
        const [x, w] = [Halve(level.x), Halve(level.w)];
        const over = w.values.map((sum) => 1 / Math.max(sum, 1));
        const most = CreateGrid(w.rows, w.columns, 1, over);
        level = { x: Weighted(x, most), w: Weighted(w, most) };
        levels.push(level);
    }
    const { x: last, w: lastWeight } = levels[levels.length - 1];
    let current = Weighted(last, { ...lastWeight, values: lastWeight.values.map((sum) => 1 / Math.max(sum, 1e-6)) });
    for (const { x, w } of levels.slice(0, -1).reverse()) {
        const below = Double(Double(current, x.rows, 0), x.columns, 1).values;
        current = CreateGrid(
            x.rows,
            x.columns,
            x.depth,
            x.values.map((value, i) => value + (1 - w.values[Math.floor(i / x.depth)]) * below[i]),
        );
    }
    return current;
}

/** Orthonormal frames of a surface. */
export interface IFrames {
    /** [rows,columns,3,3] columns: along the row, down the column, outward. */
    readonly axes: Float64Array;
    /** [rows,columns] half the distance to the neighbours along the row. */
    readonly width: Float64Array;
    /** [rows,columns] half the distance to those in the column. */
    readonly length: Float64Array;
}

/** Differences to the neighbours, halved inside and one-sided at the edges. */
function Gradient({ rows, columns, values }: IGrid, row: number, column: number, axis: Axis, into: Float64Array): void {
    const [at, n, stride] = axis === 0 ? [row, rows, 3 * columns] : [column, columns, 3];
    const here = 3 * (row * columns + column);
    const [less, more] = [at > 0 ? stride : 0, at < n - 1 ? stride : 0];
    const share = less > 0 && more > 0 ? 0.5 : 1;
    for (let k = 0; k < 3; k++) {
        into[k] = share * (values[here + more + k] - values[here - less + k]);
    }
}

/** @param points depth 3 */
export function Frames(points: IGrid): IFrames {
    const count = points.rows * points.columns;
    const frames = {
        axes: new Float64Array(9 * count),
        width: new Float64Array(count),
        length: new Float64Array(count),
    };
    const [across, down] = [new Float64Array(3), new Float64Array(3)];
    for (let at = 0; at < count; at++) {
        Gradient(points, Math.floor(at / points.columns), at % points.columns, 1, across);
        Gradient(points, Math.floor(at / points.columns), at % points.columns, 0, down);
        let nx = across[2] * down[1] - across[1] * down[2];
        let ny = across[0] * down[2] - across[2] * down[0];
        let nz = across[1] * down[0] - across[0] * down[1];
        const size = Math.max(Math.hypot(nx, ny, nz), 1e-12);
        nx /= size;
        ny /= size;
        nz /= size;
        const dot = down[0] * nx + down[1] * ny + down[2] * nz;
        let ax = down[0] - dot * nx;
        let ay = down[1] - dot * ny;
        let az = down[2] - dot * nz;
        const length = Math.hypot(ax, ay, az);
        ax /= Math.max(length, 1e-12);
        ay /= Math.max(length, 1e-12);
        az /= Math.max(length, 1e-12);
        const sx = ay * nz - az * ny;
        const sy = az * nx - ax * nz;
        const sz = ax * ny - ay * nx;
        frames.axes.set([sx, ax, nx, sy, ay, ny, sz, az, nz], 9 * at);
        frames.width[at] = Math.abs(across[0] * sx + across[1] * sy + across[2] * sz);
        frames.length[at] = length;
    }
    return frames;
}

/**
 * Rotation -> quaternion, the largest of the four taken from its own square root (Shepperd 1978).
 * @param m nine numbers from `at` on, row-major
 * @param into receives x, y, z, w
 */
export function QuaternionOf(m: Float64Array, at: number, into: Float64Array): void {
    const [xx, yy, zz] = [m[at], m[at + 4], m[at + 8]];
    const a = m[at + 7] - m[at + 5];
    const b = m[at + 2] - m[at + 6];
    const c = m[at + 3] - m[at + 1];
    const d = m[at + 1] + m[at + 3];
    const e = m[at + 2] + m[at + 6];
    const f = m[at + 5] + m[at + 7];
    // four times the square of each number
    const [x, y, z, w] = [1 + xx - yy - zz, 1 - xx + yy - zz, 1 - xx - yy + zz, 1 + xx + yy + zz];
    const most = Math.max(x, y, z, w);
    if (most === x) {
        Set4(into, x, d, e, a);
    } else if (most === y) {
        Set4(into, d, y, f, b);
    } else if (most === z) {
        Set4(into, e, f, z, c);
    } else {
        Set4(into, a, b, c, w);
    }
    const size = Math.max(Math.hypot(into[0], into[1], into[2], into[3]), 1e-12);
    for (let k = 0; k < 4; k++) {
        into[k] /= size;
    }
}

function Set4(into: Float64Array, x: number, y: number, z: number, w: number): void {
    into[0] = x;
    into[1] = y;
    into[2] = z;
    into[3] = w;
}

/** Value at x of a line through points of rising `xs`; the ends go on. */
export function Interpolate(x: number, xs: ArrayLike<number>, ys: ArrayLike<number>): number {
    const last = xs.length - 1;
    if (x <= xs[0]) {
        return ys[0];
    }
    if (x >= xs[last]) {
        return ys[last];
    }
    let low = 0;
    for (let high = last; high - low > 1;) {
        const middle = (low + high) >> 1;
        if (xs[middle] <= x) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return ys[low] + ((x - xs[low]) / (xs[low + 1] - xs[low])) * (ys[low + 1] - ys[low]);
}

/** 0 where there are no values. */
export function Median(values: ArrayLike<number>): number {
    const sorted = Float64Array.from(values).sort();
    const middle = sorted.length >> 1;
    return sorted.length === 0
        ? 0
        : sorted.length % 2 === 1
          ? sorted[middle]
          : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Numbers from `start` in steps, `stop` left out. */
export function Steps(start: number, stop: number, step: number): Float64Array {
    return Float64Array.from({ length: Math.ceil((stop - start) / step) }, (_, i) => start + i * step);
}

/** Rows [n,3] of a list [m,3]. */
export function RowsOf(values: Float64Array, rows: ArrayLike<number>): Float64Array {
    return Float64Array.from({ length: 3 * rows.length }, (_, i) => values[3 * rows[Math.floor(i / 3)] + (i % 3)]);
}
