/**
 * Twin of src/shaders/coarsen.wgsl, in float64: a coarse level of detail as a static map in which the anchors have the
 * attributes of their groups.
 */
import type { HeadModel } from "../../flame/headModel.js";
import type { ILevels, Level } from "../../flame/levels.js";
import type { TexelTable } from "../../flame/texelTable.js";
import { MapChannels } from "../layout.js";
import { RotationOfQuaternion } from "./activate.js";

/** 1 keeps how much Gaussians overlap. */
export const KeptSpread = 0.75;
/** Added to the opacities that are weights. */
export const LeastWeight = 1e-4;
/** Of a mean: its logit is finite. */
export const LargestOpacity = 0.99999;

/**
 * @param staticMap [14,H,W]
 * @returns the map [14,H,W], and the Gaussians of it that the level consists of, in order
 */
export function CoarsenReference(
    model: HeadModel,
    table: TexelTable,
    levels: ILevels,
    staticMap: ArrayLike<number>,
    level: Level,
): { staticMap: Float64Array; gaussians: number[] } {
    const coarse = Float64Array.from(staticMap);
    if (level === 0) {
        return { staticMap: coarse, gaussians: Array.from(table.texel.keys()) };
    }
    const texels = table.mapSize ** 2;
    const gaussians: number[] = [];
    for (let i = levels.start[level] - levels.start[1]; i < levels.start[level + 1] - levels.start[1]; i++) {
        const members = Array.from({ length: 16 }, (_, bit) => levels.first[i] + bit).filter(
            (g) => (levels.mask[i] >> (g - levels.first[i])) & 1,
        );
        const mean = MeanOf(model, table, staticMap, members, levels.anchor[i]);
        mean.forEach((value, c) => (coarse[c * texels + table.texel[levels.anchor[i]]] = value));
        gaussians.push(levels.anchor[i]);
    }
    return { staticMap: coarse, gaussians };
}

/** [14] of one group. */
function MeanOf(
    model: HeadModel,
    table: TexelTable,
    map: ArrayLike<number>,
    members: readonly number[],
    anchor: number,
): number[] {
    const channels = (g: number): number[] =>
        Array.from({ length: MapChannels }, (_, c) => map[c * table.mapSize ** 2 + table.texel[g]]);
    const place = (g: number): number[] =>
        [0, 1, 2].map((axis) =>
            [0, 1, 2].reduce(
                (sum, k) => sum + table.bary[3 * g + k] * model.template[3 * table.corners[3 * g + k] + axis],
                0,
            ),
        );
    const [origin, reference] = [place(anchor), channels(anchor).slice(10)];
    const opacities = members.map((g) => 1 / (1 + Math.exp(-channels(g)[3])));
    const total = opacities.reduce((sum, p) => sum + p + LeastWeight, 0);
    const weights = opacities.map((p) => (p + LeastWeight) / total);
    const parts = members.map((g) => {
        const own = channels(g);
        const turned = own.slice(10).reduce((sum, q, i) => sum + q * reference[i], 0) < 0 ? -1 : 1;
        place(g).forEach((x, axis) => (own[axis] += x - origin[axis]));
        return own.map((value, c) => (c < 10 ? value : turned * value));
    });
    const mean = reference
        .concat(Array<number>(10).fill(0))
        .map((_, c) => parts.reduce((sum, part, i) => sum + weights[i] * part[c], 0));
    const opacity = Math.min(
        LargestOpacity,
        Math.max(1 - LargestOpacity, opacities.reduce((a, b) => a + b) / members.length),
    );
    mean[3] = Math.log(opacity / (1 - opacity));

    const rows = RotationOfQuaternion(mean.slice(10));
    const variance = [0, 1, 2].map((axis) =>
        parts.reduce(
            (sum, part, i) =>
                sum + weights[i] * rows.reduce((dot, row, k) => dot + row[axis] * (part[k] - mean[k]), 0) ** 2,
            0,
        ),
    );
    const scale2 = [0, 1, 2].map((axis) => Math.exp(2 * mean[7 + axis]));
    const growth = members.length > 1 ? Math.max(3, members.length - 1) : 0;
    const fit =
        variance.reduce((sum, v, axis) => sum + v * scale2[axis], 0) /
        Math.max(
            variance.reduce((sum, v) => sum + v * v, 0),
            1e-30,
        );
    variance.forEach((v, axis) => (mean[7 + axis] = 0.5 * Math.log(scale2[axis] + KeptSpread * growth * fit * v)));
    return mean;
}
