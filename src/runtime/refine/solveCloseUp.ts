/**
 * Detail for close-ups from photos: what the solved colors leave missing is read into the atlas where photos are
 * believed, by each texel's own place in the picture. One step, no learning rate: there is one Gaussian's color between
 * a texel and its pixel, and it is already right. Twin: training/refine/close_up.py.
 */
import { ShadeReach, ShadeSteps, type ICloseUp } from "../closeUp.js";
import type { Atlas, Plane } from "./atlas.js";
import { LookFrom, type ICloseUpView } from "./closeUpView.js";
import type { ICloseUpWish, IRefineConstants, IRefineTable, IRefineView } from "./refineInput.js";
import { Within, type Work } from "../slices.js";

/** Part of the atlas, from the top, that is its own mirror image. */
const OuterChart = 0.875;
/** Bilinear reading and overlapping Gaussians dim what is added by about as much. */
const Boost = 1.3;
/** Texels of the maps on either side of the box whose mean is taken away, so that coarser levels fade to nothing. */
const MeanReach = 1.5;
/** Power of trust by which photos share a texel: blends of two would be soft. */
const Sharpness = 8;
/** Texels that Gaussians know less of have no place in the picture. */
const LeastKnown = 0.25;
const RowsPerYield = 32;

/** What a photo knows, besides itself. */
export interface ICloseUpPhoto {
    readonly view: IRefineView;
    /** [n] 0..1 */
    readonly trust: Plane;
    /** [3] */
    readonly gain: readonly number[];
    /** [n,3] what the driver adds to colors. */
    readonly change: Float32Array;
}

/**
 * Solves.
 * @param colors [n,3] static colors as they were solved, before any of them was spread
 * @returns yields the share done
 */
export function* SolveCloseUp(
    table: IRefineTable,
    atlas: Atlas,
    staticMap: Float32Array,
    colors: Float32Array,
    photos: readonly ICloseUpPhoto[],
    { frames, edge }: ICloseUpWish,
    constants: IRefineConstants,
): Work<ICloseUp> {
    const sum = new Float32Array(edge * edge);
    const shares = new Float32Array(edge * edge);
    const most = new Float32Array(edge * edge);
    for (const [index, { view, trust, gain, change }] of photos.entries()) {
        const part = (share: number): number => (0.9 * (index + share)) / photos.length;
        const shown = colors.map((color, i) => color + change[i]);
        const source = { table, frames, staticMap, view, colors: shown, gain };
        const seen = yield* Within(LookFrom(source, edge, constants), part(0), part(0.8));
        yield* Within(Gather(table, atlas, seen, trust, edge, sum, shares, most), part(0.8), part(1));
    }
    for (let i = 0; i < sum.length; i++) {
        sum[i] = shares[i] > 0 ? (Boost * most[i] * sum[i]) / shares[i] : 0;
    }
    yield 0.92;
    yield* Within(TakeMean(sum, most, edge, Math.max(1, Math.round((MeanReach * edge) / atlas.size))), 0.92, 0.96);
    yield 0.96;
    Mirror(sum, most, edge, constants.mirror);
    const shades = Int8Array.from(sum, (value) =>
        Math.max(-ShadeSteps, Math.min(ShadeSteps, Math.round((ShadeSteps * value) / ShadeReach))),
    );
    return { edge, shades };
}

/** Reads a photo into the atlas: where a texel lies the four Gaussians around it say together, each by its own face. */
function* Gather(
    table: IRefineTable,
    atlas: Atlas,
    { size, center, pxFromPlace, missing }: ICloseUpView,
    trust: Plane,
    edge: number,
    sum: Float32Array,
    shares: Float32Array,
    most: Float32Array,
): Work<void> {
    const maps = atlas.size;
    const gaussianOf = new Int32Array(maps * maps).fill(-1);
    table.texel.forEach((texel, g) => {
        const has = pxFromPlace[4 * g] !== 0 || pxFromPlace[4 * g + 1] !== 0;
        gaussianOf[texel] = has && trust[g] > 0 ? g : -1;
    });
    const texelsPerTexel = edge / maps;
    for (let row = 0; row < edge; row++) {
        const v = (row + 0.5) / texelsPerTexel - 0.5;
        const row0 = Math.floor(v);
        for (let column = 0; column < edge; column++) {
            const u = (column + 0.5) / texelsPerTexel - 0.5;
            const column0 = Math.floor(u);
            let [known, believed, x, y] = [0, 0, 0, 0];
            for (let k = 0; k < 4; k++) {
                const [c, r] = [column0 + (k & 1), row0 + (k >> 1)];
                const g = c >= 0 && c < maps && r >= 0 && r < maps ? gaussianOf[r * maps + c] : -1;
                if (g >= 0) {
                    const [du, dv] = [u - c, v - r];
                    const weight = (1 - Math.abs(du)) * (1 - Math.abs(dv));
                    known += weight;
                    believed += weight * trust[g];
                    x += weight * (center[2 * g] + (pxFromPlace[4 * g] * du + pxFromPlace[4 * g + 1] * dv) / maps);
                    y +=
                        weight *
                        (center[2 * g + 1] + (pxFromPlace[4 * g + 2] * du + pxFromPlace[4 * g + 3] * dv) / maps);
                }
            }
            if (known > LeastKnown) {
                const at = row * edge + column;
                const share = believed ** Sharpness;
                sum[at] += share * Bilinear(missing, size, x / known - 0.5, y / known - 0.5);
                shares[at] += share;
                most[at] = Math.max(most[at], believed);
            }
        }
        if (row % RowsPerYield === RowsPerYield - 1) {
            yield row / edge;
        }
    }
}

/** 0 beyond the picture. */
function Bilinear(map: Float32Array, size: number, x: number, y: number): number {
    const [x0, y0] = [Math.floor(x), Math.floor(y)];
    if (x0 < 0 || y0 < 0 || x0 + 1 >= size || y0 + 1 >= size) {
        return 0;
    }
    const at = y0 * size + x0;
    const above = map[at] + (x - x0) * (map[at + 1] - map[at]);
    const below = map[at + size] + (x - x0) * (map[at + size + 1] - map[at + size]);
    return above + (y - y0) * (below - above);
}

/** Takes the mean over squares away, as far as `weight` goes. */
function* TakeMean(values: Float32Array, weight: Float32Array, edge: number, reach: number): Generator<number, void> {
    const means = yield* Box(values, edge, reach);
    const known = yield* Box(weight, edge, reach);
    for (let i = 0; i < values.length; i++) {
        values[i] -= (weight[i] * means[i]) / Math.max(known[i], 1e-3);
    }
}

/** Sums over squares of 2 · reach + 1, divided by their area. */
function* Box(map: Float32Array, edge: number, reach: number): Generator<number, Float32Array> {
    const lines = (from: Float32Array, step: number, stride: number): Float32Array => {
        const into = new Float32Array(from.length);
        for (let line = 0; line < edge; line++) {
            let sum = 0;
            for (let k = -reach; k < edge; k++) {
                sum += k + reach < edge ? from[line * stride + (k + reach) * step] : 0;
                sum -= k - reach > 0 ? from[line * stride + (k - reach - 1) * step] : 0;
                if (k >= 0) {
                    into[line * stride + k * step] = sum / (2 * reach + 1);
                }
            }
        }
        return into;
    };
    const across = lines(map, 1, edge);
    yield 0.5;
    const means = lines(across, edge, 1);
    yield 1;
    return means;
}

/** Where the other side is known better, a part of its detail: one cheek sharp beside a smooth one is seen at once. */
function Mirror(values: Float32Array, weight: Float32Array, edge: number, part: number): void {
    const given = values.slice();
    for (let row = 0; row < Math.round(OuterChart * edge); row++) {
        for (let column = 0; column < edge; column++) {
            const at = row * edge + column;
            const other = row * edge + edge - 1 - column;
            const more = part * weight[other] - weight[at];
            if (more > 0) {
                values[at] += (more / weight[other]) * given[other];
            }
        }
    }
}
