/**
 * Maps over the atlas: which texels are what, means over boxes, and filling from coarser levels. Twin:
 * training/refine/atlas.py.
 */
import { RegionShift } from "../../flame/texelTable.js";
import { LogAreaRatio, Ramp } from "./measures.js";
import type { IRefineConstants, IRefineTable } from "./refineInput.js";

/** The teeth. */
export const Teeth = ["teethUpper", "teethLower"] as const;
/** What lies apart from skin and scalp: eyeballs, what slides over them, teeth. */
const Apart = ["eyeLeft", "eyeRight", "lids", ...Teeth];
/** Left to the driver. */
const Detached = ["mouthInterior", "tongue"];
/** Part of the atlas, from the top, that the outer chart fills: skin and scalp, connected, its own mirror image. */
const OuterChart = 0.875;

/** Texels of a map of 256 on either side of the box by which a fold is wider than what is stretched in it. */
const FoldBox = 1;

/** One channel of a map, [H,W]. */
export type Plane = Float32Array<ArrayBuffer>;

/** The atlas of one head model and map size. U texels per side. */
export class Atlas {
    public readonly size: number;
    /** [U,U] 1 on the outer chart, 0 elsewhere. */
    public readonly outer: Plane;
    /** [U,U] 1 where a Gaussian is left to the driver. */
    public readonly detached: Plane;
    /** [U,U] 1 on the sides of the face. */
    public readonly sides: Plane;
    /** [U,U] 1 on skin of the lids that open eyes hide in a fold. */
    public readonly folded: Plane;
    private readonly _table: IRefineTable;
    /** Between two boxes, and between the lines of one: hundreds of boxes would leave their memory to the collector. */
    private readonly _between: Plane;
    private readonly _lines: Plane;

    public constructor(table: IRefineTable, { side, lids }: Pick<IRefineConstants, "side" | "lids">) {
        this._table = table;
        this.size = table.mapSize;
        this._between = new Float32Array(this.size ** 2);
        this._lines = new Float32Array(this.size ** 2);
        const apart = this.regions(...Apart, ...Detached);
        const rows = Math.round(OuterChart * this.size);
        this.outer = this.toMap(apart.map((is, g) => (is === 0 && table.texel[g] < rows * this.size ? 1 : 0)));
        this.detached = this.toMap(this.regions(...Detached));
        this.sides = this.toMap(this.regions("face").map((is, g) => is * Ramp(Sideways(table, g), side)));
        const stretched = this.toMap(
            Float32Array.from(table.texel, (_, g) => Ramp(LogAreaRatio(table, g, table.shut), lids)),
        );
        const counted = this.box(this.toMap(Float32Array.from(table.texel, () => 1)), FoldBox);
        this.folded = this.box(stretched, FoldBox).map((value, i) =>
            this.outer[i] === 1 ? Math.min(1, (2 * value) / counted[i]) : 0,
        );
    }

    /** [n] 1 for Gaussians of these regions, 0 for others. */
    public regions(...names: string[]): Plane {
        const indices = names.map((name) => this._table.regions.indexOf(name));
        return Float32Array.from(this._table.flags, (flags) =>
            indices.includes((flags >> RegionShift) & 255) ? 1 : 0,
        );
    }

    /** [n,stride] to [U,U], one of the `stride` values; 0 where no Gaussian is. */
    public toMap(values: Float32Array, stride = 1, which = 0): Plane {
        const map = new Float32Array(this.size ** 2);
        const { texel } = this._table;
        for (let g = 0; g < texel.length; g++) {
            map[texel[g]] = values[stride * g + which];
        }
        return map;
    }

    /** Texels on either side of a box that has `at256` of them at a map of 256; at least one. */
    public reach(at256: number): number {
        return Math.max(1, Math.floor((at256 * this.size) / 256));
    }

    /**
     * Mean over a square of 2·reach+1 texels; what lies outside the map counts as 0. @param into is filled and
     * returned; default: a new map
     */
    public box(map: Plane, at256: number, into: Plane = new Float32Array(map.length)): Plane {
        const reach = this.reach(at256);
        BoxLines(map, this._lines, this.size, reach, 1, this.size);
        return BoxLines(this._lines, into, this.size, reach, this.size, 1);
    }

    /** Two boxes, one after the other. */
    public twice(map: Plane, at256: number): Plane {
        return this.box(this.box(map, at256, this._between), at256);
    }

    /**
     * Weighted means over two boxes.
     * @returns per map; and what they rest on, [U,U]
     */
    public mean(maps: readonly Plane[], weight: Plane, at256: number): { means: Plane[]; restsOn: Plane } {
        const restsOn = this.twice(weight, at256);
        const means = maps.map((map) => {
            const sum = this.twice(
                map.map((value, i) => value * weight[i]),
                at256,
            );
            return sum.map((value, i) => value / (restsOn[i] + 1e-4));
        });
        return { means, restsOn };
    }

    /** The texel of the same row on the other side. */
    public mirrored(texel: number): number {
        const column = texel % this.size;
        return texel - column + this.size - 1 - column;
    }
}

/** How much the resting skin of a Gaussian looks to the left or right, 0..1. */
function Sideways({ corners, bary, normals }: IRefineTable, g: number): number {
    const [x, y, z] = [0, 1, 2].map((axis) =>
        [0, 1, 2].reduce((sum, k) => sum + bary[3 * g + k] * normals[3 * corners[3 * g + k] + axis], 0),
    );
    return Math.abs(x) / Math.max(Math.hypot(x, y, z), 1e-9);
}

/** Fills `into` with means along lines of a square map: `step` between neighbours, `stride` between lines. */
function BoxLines(map: Plane, into: Plane, size: number, reach: number, step: number, stride: number): Plane {
    const width = 2 * reach + 1;
    for (let line = 0; line < size; line++) {
        const first = line * stride;
        let sum = 0;
        for (let k = 0; k < Math.min(reach, size); k++) {
            sum += map[first + k * step];
        }
        for (let k = 0; k < size; k++) {
            sum += k + reach < size ? map[first + (k + reach) * step] : 0;
            sum -= k - reach > 0 ? map[first + (k - reach - 1) * step] : 0;
            into[first + k * step] = sum / width;
        }
    }
    return into;
}

/**
 * Fills a map where its weight is below 1 from coarser levels (Gortler et al. 1996); what is far from anything known
 * goes to 0.
 * @param weight [U,U] 0..1
 * @param fade what a level counts of the coarser one
 */
export function PushPull(values: Plane, weight: Plane, size: number, fade: number): Plane {
    const edge = 2 ** Math.ceil(Math.log2(size)); // beyond the map nothing is known
    let x = new Float32Array(edge * edge);
    let w = new Float32Array(edge * edge);
    for (let row = 0; row < size; row++) {
        for (let column = 0; column < size; column++) {
            const [to, from] = [row * edge + column, row * size + column];
            w[to] = weight[from];
            x[to] = values[from] * weight[from];
        }
    }
    const levels = [{ x, w, edge }];
    for (let half = edge / 2; half >= 1; half /= 2) {
        ({ x, w } = Pull(levels[levels.length - 1]));
        levels.push({ x, w, edge: half });
    }
    let current: Plane = new Float32Array(1);
    let currentEdge = 1;
    for (let level = levels.length - 1; level >= 0; level--) {
        const { x: own, w: known, edge: levelEdge } = levels[level];
        const coarse = levelEdge > currentEdge ? Doubled(current, currentEdge) : current;
        current = own.map((value, i) => value + (1 - known[i]) * fade * coarse[i]);
        currentEdge = levelEdge;
    }
    const filled = new Float32Array(size * size);
    for (let row = 0; row < size; row++) {
        filled.set(current.subarray(row * edge, row * edge + size), row * size);
    }
    return filled;
}

function Pull({ x, w, edge }: { x: Plane; w: Plane; edge: number }): { x: Plane; w: Plane } {
    const half = edge / 2;
    const coarse = { x: new Float32Array(half * half), w: new Float32Array(half * half) };
    for (let row = 0; row < half; row++) {
        for (let column = 0; column < half; column++) {
            const at = 2 * row * edge + 2 * column;
            const to = row * half + column;
            const weight = w[at] + w[at + 1] + w[at + edge] + w[at + edge + 1];
            const most = Math.max(1, weight);
            coarse.w[to] = weight / most;
            coarse.x[to] = (x[at] + x[at + 1] + x[at + edge] + x[at + edge + 1]) / most;
        }
    }
    return coarse;
}

/** Bilinear, centres at (i + 0.5) / 2 − 0.5 of the coarser map, clamped at the edges. */
function Doubled(map: Plane, edge: number): Plane {
    const fine = 2 * edge;
    const into = new Float32Array(fine * fine);
    for (let row = 0; row < fine; row++) {
        const y = Math.max(0, (row + 0.5) / 2 - 0.5);
        const y0 = Math.floor(y);
        const y1 = Math.min(edge - 1, y0 + 1);
        for (let column = 0; column < fine; column++) {
            const x = Math.max(0, (column + 0.5) / 2 - 0.5);
            const x0 = Math.floor(x);
            const x1 = Math.min(edge - 1, x0 + 1);
            const above = map[y0 * edge + x0] * (1 - x + x0) + map[y0 * edge + x1] * (x - x0);
            const below = map[y1 * edge + x0] * (1 - x + x0) + map[y1 * edge + x1] * (x - x0);
            into[row * fine + column] = above * (1 - y + y0) + below * (y - y0);
        }
    }
    return into;
}
