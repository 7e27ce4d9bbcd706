/** Where the head is in a file of Gaussians, and the Gaussians in the head model's space. */
import { FlexAvatarError } from "../../flame/error.js";
import { ApplySimilarity, TurnOfSimilarity, type ISimilarity } from "../../flame/fit/similarity.js";
import type { HeadModel } from "../../flame/headModel.js";
import { CreateGaussians, type IGaussians } from "./gaussians.js";

/** Where the neck of a head is in a file. Numbers in the file's axes, which must be right-handed. */
export interface INeckPlace {
    /** [3] where the neck bends: its middle at the height of the larynx. */
    readonly neck: readonly number[];
    /** [3] from the neck to the top of the head. Default +Y. */
    readonly up?: readonly number[];
    /** [3] where the face looks. Default +Z. */
    readonly facing?: readonly number[];
    /** Meters per unit of the file. Default 1. */
    readonly scale?: number;
}

const Neck = 3;

/**
 * From the file's axes to canonical space.
 * @throws FlexAvatarError `invalid-argument`
 */
export function PlacementOf(
    head: HeadModel,
    { neck, up = [0, 1, 0], facing = [0, 0, 1], scale = 1 }: INeckPlace,
): ISimilarity {
    const isVector = (vector: unknown): boolean =>
        Array.isArray(vector) && vector.length === 3 && vector.every(Number.isFinite);
    const x = isVector(up) && isVector(facing) ? Cross(up, facing) : [0, 0, 0];
    if (!isVector(neck) || !(scale > 0 && Number.isFinite(scale)) || !(Math.hypot(...x) > 1e-9)) {
        throw new FlexAvatarError(
            "invalid-argument",
            `The place of a neck has neck ${String(neck)}, up ${String(up)}, facing ${String(facing)} and scale ${scale}; ` +
                "wanted three vectors of three numbers, of which up and facing are no multiples of each other, and a positive scale.",
        );
    }
    const right = Unit(x);
    const top = Unit(up);
    const front = Cross(right, top);
    const rotation = [...right, ...top, ...front];
    const turned = ApplySimilarity({ scale, rotation, translation: [0, 0, 0] }, neck);
    const translation = turned.map((value, axis) => head.joints[Neck + axis] - value);
    return { scale, rotation, translation };
}

function Cross(a: readonly number[], b: readonly number[]): number[] {
    return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

function Unit(vector: readonly number[]): number[] {
    const length = Math.hypot(...vector);
    return vector.map((value) => value / length);
}

/** Gaussians in canonical space, new. */
export function PlaceGaussians(from: IGaussians, placement: ISimilarity): IGaussians {
    const into = CreateGaussians(from.count);
    into.places.set(PlacePoints(from.places, placement));
    into.sizes.set(from.sizes.map((size) => placement.scale * size));
    into.colors.set(from.colors);
    into.opacities.set(from.opacities);
    const [ax, ay, az, aw] = TurnOfSimilarity(placement);
    for (let i = 0; i < 4 * from.count; i += 4) {
        const [x, y, z, w] = from.turns.subarray(i, i + 4);
        into.turns[i] = aw * x + ax * w + ay * z - az * y;
        into.turns[i + 1] = aw * y - ax * z + ay * w + az * x;
        into.turns[i + 2] = aw * z + ax * y - ay * x + az * w;
        into.turns[i + 3] = aw * w - ax * x - ay * y - az * z;
    }
    return into;
}

/** [n,3] points, or directions, in canonical space, new. */
export function PlacePoints(
    points: Float32Array,
    { scale, rotation: r, translation: t }: ISimilarity,
    w: 0 | 1 = 1,
): Float32Array {
    const placed = new Float32Array(points.length);
    for (let i = 0; i < points.length; i += 3) {
        for (let row = 0; row < 3; row++) {
            const turned = r[3 * row] * points[i] + r[3 * row + 1] * points[i + 1] + r[3 * row + 2] * points[i + 2];
            placed[i + row] = scale * turned + w * t[row];
        }
    }
    return placed;
}
