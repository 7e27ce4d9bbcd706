/** The turn, size and move that bring points nearest to others (Umeyama 1991), without those that fit badly. */
import { NearestRotation, QuaternionOfRotation } from "../rotation.js";

/** to = scale · rotation · from + translation. */
export interface ISimilarity {
    readonly scale: number;
    /** [9] row-major, a rotation. */
    readonly rotation: readonly number[];
    /** [3] */
    readonly translation: readonly number[];
}

/** Rounds after which those that fit badly no longer change. */
const Rounds = 4;
/** Points farther off than this many medians are left out of the next round. */
const LargestMedians = 2.5;

/**
 * @param from [n,3]
 * @param to [n,3]; at least three points, not on a line
 * @returns the fit, and the root mean square distance of the better half, in units of `to`
 */
export function FitSimilarity(
    from: ArrayLike<number>,
    to: ArrayLike<number>,
): { similarity: ISimilarity; residual: number } {
    const count = to.length / 3;
    let kept = Array.from({ length: count }, (_, i) => i);
    for (let round = 0; ; round++) {
        const similarity = FitAll(from, to, kept);
        const distances = Float64Array.from({ length: count }, (_, i) => DistanceOf(similarity, from, to, i));
        const sorted = distances.slice().sort();
        if (round === Rounds - 1) {
            const better = sorted.subarray(0, Math.ceil(count / 2));
            return { similarity, residual: Math.sqrt(better.reduce((sum, d) => sum + d * d, 0) / better.length) };
        }
        const limit = LargestMedians * sorted[count >> 1];
        kept = Array.from({ length: count }, (_, i) => i).filter((i) => distances[i] <= limit);
    }
}

function FitAll(from: ArrayLike<number>, to: ArrayLike<number>, kept: readonly number[]): ISimilarity {
    const [a, b] = [MeanOf(from, kept), MeanOf(to, kept)];
    const rotation = new Float64Array(9);
    let spread = 0;
    for (const i of kept) {
        for (let column = 0; column < 3; column++) {
            const x = from[3 * i + column] - a[column];
            spread += x * x;
            for (let row = 0; row < 3; row++) {
                rotation[3 * row + column] += (to[3 * i + row] - b[row]) * x;
            }
        }
    }
    const covariance = rotation.slice();
    const size = Math.hypot(...rotation);
    rotation.forEach((value, i) => (rotation[i] = value / size));
    NearestRotation(rotation);
    const shared = covariance.reduce((sum, value, i) => sum + value * rotation[i], 0);
    const scale = spread > 0 && shared > 0 ? shared / spread : 1;
    const turned = ApplySimilarity({ scale, rotation: [...rotation], translation: [0, 0, 0] }, a);
    return { scale, rotation: [...rotation], translation: b.map((value, axis) => value - turned[axis]) };
}

function MeanOf(points: ArrayLike<number>, kept: readonly number[]): number[] {
    return [0, 1, 2].map((axis) => kept.reduce((sum, i) => sum + points[3 * i + axis], 0) / kept.length);
}

function DistanceOf(similarity: ISimilarity, from: ArrayLike<number>, to: ArrayLike<number>, i: number): number {
    const [x, y, z] = ApplySimilarity(similarity, [from[3 * i], from[3 * i + 1], from[3 * i + 2]]);
    return Math.hypot(x - to[3 * i], y - to[3 * i + 1], z - to[3 * i + 2]);
}

/** Where a point goes. */
export function ApplySimilarity(
    { scale, rotation: r, translation: t }: ISimilarity,
    [x, y, z]: readonly number[],
): number[] {
    return [0, 1, 2].map((row) => scale * (r[3 * row] * x + r[3 * row + 1] * y + r[3 * row + 2] * z) + t[row]);
}

/** [4] x, y, z, w of its turn. */
export function TurnOfSimilarity({ rotation }: ISimilarity): Float64Array {
    const turn = new Float64Array(4);
    QuaternionOfRotation(rotation, turn);
    return turn;
}
