/**
 * The networks color flat maps. Where the atlas is cut, behind from nape to crown, its left and its right edge are the
 * same place of the head, and what they say of it differs: a line would be seen from behind. Not in the paper.
 */
import type { HeadModel } from "../../flame/headModel.js";
import type { TexelTable } from "../../flame/texelTable.js";
import { ColorChannel } from "./refinedMap.js";

/** Meters between two texels of one row that are the same place, on either side of the cut, times texels per side. */
const Near = 2.5;
/** Meters from the cut, on the head model's skin, over which the difference fades out. */
const Reach = 0.06;
/** Part of the map's edge over which it is smoothed along the cut, on either side. */
const Along = 1 / 64;

/**
 * Colors that agree on both sides of the atlas's cut: the half of what they differ by, smoothed along the cut, is taken
 * from the one side and added to the other, and fades out towards the ears. An atlas whose edges do not meet stays.
 * @param staticMap [14,H,W], before activation; its colors are changed in place
 */
export function MendSeam({ template }: HeadModel, table: TexelTable, staticMap: Float32Array): void {
    const size = table.mapSize;
    const { texel, corners, bary, gaussianOfTexel, gaussianCount } = table;
    const places = new Float32Array(3 * gaussianCount);
    for (let g = 0; g < gaussianCount; g++) {
        for (let axis = 0; axis < 3; axis++) {
            for (let k = 0; k < 3; k++) {
                places[3 * g + axis] += bary[3 * g + k] * template[3 * corners[3 * g + k] + axis];
            }
        }
    }
    const squared = (a: number, b: number): number =>
        (places[3 * a] - places[3 * b]) ** 2 +
        (places[3 * a + 1] - places[3 * b + 1]) ** 2 +
        (places[3 * a + 2] - places[3 * b + 2]) ** 2;
    // from the lower end of the left edge up, and on along the upper one to the middle
    const rows = Array.from({ length: size }, (_, row) => size * (size - 1 - row));
    const columns = Array.from({ length: size >> 1 }, (_, column) => column);
    const cut = [...rows, ...columns].filter((at) => {
        const [own, other] = [gaussianOfTexel[at], gaussianOfTexel[Mirrored(at, size)]];
        return own >= 0 && other >= 0 && squared(own, other) < (Near / size) ** 2;
    });
    if (cut.length === 0) {
        return;
    }
    const channels = [0, 1, 2].map((k) => (ColorChannel + k) * size * size);
    const halves = channels.map((first) =>
        Smoothed(
            cut.map((at) => (staticMap[first + at] - staticMap[first + Mirrored(at, size)]) / 2),
            Math.round(Along * size),
        ),
    );
    const foremost = cut.reduce((most, at) => Math.max(most, places[3 * gaussianOfTexel[at] + 2]), -Infinity);
    for (let g = 0; g < gaussianCount; g++) {
        const at = texel[g];
        // the cut is in the head's middle, behind the face
        const isFar = Math.abs(places[3 * g]) >= Reach || places[3 * g + 2] >= foremost + Reach;
        if (isFar || at % size >= size >> 1) {
            continue;
        }
        let nearest = 0;
        let least = Infinity;
        for (let k = 0; k < cut.length; k++) {
            const distance = squared(g, gaussianOfTexel[cut[k]]);
            if (distance < least) {
                nearest = k;
                least = distance;
            }
        }
        const share = (1 + Math.cos((Math.PI * Math.min(Math.sqrt(least), Reach)) / Reach)) / 2;
        for (let k = 0; k < 3; k++) {
            staticMap[channels[k] + at] -= share * halves[k][nearest];
            staticMap[channels[k] + Mirrored(at, size)] += share * halves[k][nearest];
        }
    }
}

/** The texel of the same row on the other side. */
function Mirrored(at: number, size: number): number {
    const column = at % size;
    return at - column + size - 1 - column;
}

/** Means of the values up to `reach` steps away. */
function Smoothed(values: readonly number[], reach: number): number[] {
    return values.map((_, i) => {
        const around = values.slice(Math.max(0, i - reach), i + reach + 1);
        return around.reduce((sum, value) => sum + value, 0) / around.length;
    });
}
