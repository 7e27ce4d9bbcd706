/**
 * Fewer splats that look alike from a little further away: those of a group of a coarse level become one with the
 * group's mean, mean color and covariance, weighted by opacity times area.
 */
import type { ILevels, Level } from "../../flame/levels.js";
import type { Work } from "../slices.js";
import { SplatByteLength, type ISplatList } from "./splatFile.js";

/** Some milliseconds of work. */
const GroupsPerStep = 512;
/** Sweeps of Jacobi's method, which gains digits quadratically. */
const Sweeps = 8;

/**
 * @param splats of one table, in its order
 * @param levels of the same table
 * @returns 32 bytes per splat, groups in the level's order
 */
export function* MergeSplats(
    { bytes, gaussians }: ISplatList,
    levels: ILevels,
    level: Level,
): Work<Uint8Array<ArrayBuffer>> {
    if (level === 0) {
        return new Uint8Array(bytes);
    }
    const recordOf = new Map<number, number>(Array.from(gaussians, (g, i) => [g, i]));
    const [from, to] = [levels.start[level] - levels.start[1], levels.start[level + 1] - levels.start[1]];
    const merged = new ArrayBuffer(SplatByteLength * (to - from));
    const into = { floats: new Float32Array(merged), octets: new Uint8ClampedArray(merged) };
    const source = { floats: new Float32Array(bytes), octets: new Uint8ClampedArray(bytes) };
    const members: number[] = [];
    let count = 0;
    for (let i = from; i < to; i++) {
        if ((i - from) % GroupsPerStep === 0) {
            yield (i - from) / (to - from);
        }
        members.length = 0;
        for (let bit = 0; bit < 32 && levels.mask[i] >>> bit !== 0; bit++) {
            const record = (levels.mask[i] >>> bit) & 1 ? recordOf.get(levels.first[i] + bit) : undefined;
            if (record !== undefined) {
                members.push(record);
            }
        }
        if (members.length > 0) {
            MergeGroup(source, members, into, count++);
        }
    }
    return new Uint8Array(merged.slice(0, SplatByteLength * count));
}

interface IRecords {
    readonly floats: Float32Array;
    readonly octets: Uint8ClampedArray;
}

function MergeGroup({ floats, octets }: IRecords, members: readonly number[], into: IRecords, to: number): void {
    if (members.length === 1) {
        into.octets.set(
            octets.subarray(SplatByteLength * members[0], SplatByteLength * (members[0] + 1)),
            SplatByteLength * to,
        );
        return;
    }
    const mean = [0, 0, 0];
    const color = [0, 0, 0];
    let [sum, opacity] = [0, 0];
    const weights = members.map((i) => {
        const [a, b, c] = [3, 4, 5].map((k) => floats[8 * i + k]);
        // A splat is seen by its two longer axes.
        const area = Math.max(a * b, b * c, a * c);
        return (octets[32 * i + 27] * area) / 255;
    });
    members.forEach((i, n) => {
        sum += weights[n];
        opacity += octets[32 * i + 27] / members.length;
        for (let axis = 0; axis < 3; axis++) {
            mean[axis] += weights[n] * floats[8 * i + axis];
            color[axis] += weights[n] * octets[32 * i + 24 + axis];
        }
    });
    mean.forEach((value, axis) => (mean[axis] = value / sum));
    const covariance = new Float64Array(9);
    members.forEach((i, n) => {
        const axes = AxesOf(octets, 32 * i + 28);
        for (let r = 0; r < 3; r++) {
            for (let c = 0; c < 3; c++) {
                let value = (floats[8 * i + r] - mean[r]) * (floats[8 * i + c] - mean[c]);
                for (let k = 0; k < 3; k++) {
                    value += axes[3 * r + k] * axes[3 * c + k] * floats[8 * i + 3 + k] ** 2;
                }
                covariance[3 * r + c] += (weights[n] / sum) * value;
            }
        }
    });
    const { values, vectors } = SymmetricEigen(covariance);
    for (let axis = 0; axis < 3; axis++) {
        into.floats[8 * to + axis] = mean[axis];
        into.floats[8 * to + 3 + axis] = Math.sqrt(Math.max(0, values[axis]));
        into.octets[32 * to + 24 + axis] = color[axis] / sum;
    }
    into.octets[32 * to + 27] = opacity;
    const [x, y, z, w] = QuaternionOf(vectors);
    [w, x, y, z].forEach((value, k) => (into.octets[32 * to + 28 + k] = 127.5 * value + 127.5));
}

/** [9] rotation, row-major, of a quaternion w, x, y, z in bytes. */
function AxesOf(octets: Uint8ClampedArray, at: number): number[] {
    const q = [0, 1, 2, 3].map((k) => (octets[at + k] - 127.5) / 127.5);
    const s = 1 / Math.hypot(...q);
    const [w, x, y, z] = q.map((value) => value * s);
    return [
        1 - 2 * (y * y + z * z),
        2 * (x * y - z * w),
        2 * (x * z + y * w),
        2 * (x * y + z * w),
        1 - 2 * (x * x + z * z),
        2 * (y * z - x * w),
        2 * (x * z - y * w),
        2 * (y * z + x * w),
        1 - 2 * (x * x + y * y),
    ];
}

/** Jacobi's method. Columns of `vectors`, row-major, are a right-handed frame. */
function SymmetricEigen(matrix: Float64Array): { values: number[]; vectors: Float64Array } {
    const a = matrix.slice();
    const v = Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1);
    for (let sweep = 0; sweep < Sweeps; sweep++) {
        for (const [p, q] of [
            [0, 1],
            [0, 2],
            [1, 2],
        ]) {
            const off = a[3 * p + q];
            if (off === 0) {
                continue;
            }
            const theta = (a[4 * q] - a[4 * p]) / (2 * off);
            const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
            const c = 1 / Math.sqrt(t * t + 1);
            const s = t * c;
            for (let k = 0; k < 3; k++) {
                const [kp, kq] = [a[3 * k + p], a[3 * k + q]];
                a[3 * k + p] = c * kp - s * kq;
                a[3 * k + q] = s * kp + c * kq;
            }
            for (let k = 0; k < 3; k++) {
                const [pk, qk] = [a[3 * p + k], a[3 * q + k]];
                a[3 * p + k] = c * pk - s * qk;
                a[3 * q + k] = s * pk + c * qk;
                const [vp, vq] = [v[3 * k + p], v[3 * k + q]];
                v[3 * k + p] = c * vp - s * vq;
                v[3 * k + q] = s * vp + c * vq;
            }
        }
    }
    return { values: [a[0], a[4], a[8]], vectors: v };
}

/** x, y, z, w of a rotation, row-major. Jacobi's frame stays right-handed, as it is a product of turns. */
function QuaternionOf(m: Float64Array): number[] {
    const trace = m[0] + m[4] + m[8];
    const squares = [1 + 2 * m[0] - trace, 1 + 2 * m[4] - trace, 1 + 2 * m[8] - trace, 1 + trace];
    const largest = squares.indexOf(Math.max(...squares));
    const q = [
        [squares[0], m[1] + m[3], m[2] + m[6], m[7] - m[5]],
        [m[1] + m[3], squares[1], m[5] + m[7], m[2] - m[6]],
        [m[2] + m[6], m[5] + m[7], squares[2], m[3] - m[1]],
        [m[7] - m[5], m[2] - m[6], m[3] - m[1], squares[3]],
    ][largest];
    const s = 1 / Math.hypot(...q);
    return q.map((value) => value * s);
}
