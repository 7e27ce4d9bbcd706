/**
 * How much of each Gaussian each pixel shows. With geometry held, a picture is linear in the colors, I = Σ w_ij c_j;
 * this is w, made once per photo. It is kept by tiles of 16×16 pixels: per Gaussian of a tile, the pixels and their weights.
 * Three bytes an entry: the pixel within the tile, and the weight in steps of 1/65535.
 */
import { AlphaCut } from "../layout.js";
import type { IEllipses } from "./projectView.js";

/** Edge of a tile in pixels. */
export const TileEdge = 16;
const TilePixels = TileEdge * TileEdge;
/** A tile whose light is used up needs no farther Gaussians. */
const Opaque = 1e-5;
const WeightSteps = 65535;
/** Fainter ones are left out: a fifth of all weights, which together are 0.02 % of a picture. */
const LeastSteps = 4;
const TilesPerYield = 24;

/** The weights of one tile. */
interface ITile {
    /** First column and row. */
    readonly x: number;
    readonly y: number;
    /** [p] Gaussian of each part, front to back. */
    readonly gaussian: Uint32Array;
    /** [p+1] first entry of each part. */
    readonly start: Uint32Array;
    /** [m] row · 16 + column. */
    readonly pixel: Uint8Array;
    /** [m] in steps of 1/65535. */
    readonly weight: Uint16Array;
}

/**
 * Makes the weights of one photo, in steps.
 * @param size edge of the picture in pixels
 * @returns yields the share done, 0 to 1, every few tiles
 */
export function* BuildSplatWeights(ellipses: IEllipses, size: number): Generator<number, SplatWeights> {
    const across = Math.ceil(size / TileEdge);
    const { order, start } = SortIntoTiles(ellipses, across);
    const scratch = new TileScratch();
    const tiles: ITile[] = [];
    for (let row = 0; row < across; row++) {
        for (let column = 0; column < across; column++) {
            const index = row * across + column;
            const ids = order.subarray(start[index], start[index + 1]);
            tiles.push(scratch.fill(ellipses, ids, column * TileEdge, row * TileEdge, size));
            if (index % TilesPerYield === TilesPerYield - 1) {
                yield index / (across * across);
            }
        }
    }
    return new SplatWeights(tiles, size);
}

/**
 * What happens in a pixel between picture and transpose.
 * @param pixel row · S + column
 * @param drawn four numbers from `at` · 4 on: the picture's color over black, and its coverage
 * @param values three numbers from `at` · 3 on: to be set
 */
export type PixelStep = (pixel: number, drawn: Float32Array, values: Float32Array, at: number) => void;

/** The sparse matrix w of one photo. */
export class SplatWeights {
    /** @internal {@link BuildSplatWeights} makes it. */
    public constructor(
        private readonly _tiles: readonly ITile[],
        public readonly size: number,
    ) {}

    /** Weights kept. */
    public get entryCount(): number {
        return this._tiles.reduce((sum, { pixel }) => sum + pixel.length, 0);
    }

    /** Bytes held. */
    public get byteLength(): number {
        return this._tiles.reduce((sum, { gaussian, start }) => sum + gaussian.byteLength + start.byteLength, 3 * this.entryCount);
    }

    /**
     * Draws colors, and sends what becomes of each pixel back: tile after tile, so that no picture is kept and sums have one order.
     * Picture: P_i = Σ_j w_ij c_j. Transpose: T_j = Σ_i w_ij x_i.
     * @param colors [n,3], or null if the picture does not matter
     * @param step makes x_i from P_i
     * @param into [n,3] T is added to it; null if only the picture matters
     * @returns yields the share done, 0 to 1, every few tiles
     */
    public *pass(colors: Float32Array | null, step: PixelStep, into: Float32Array | null): Generator<number, void> {
        const drawn = new Float32Array(4 * TilePixels);
        const values = new Float32Array(3 * TilePixels);
        for (let t = 0; t < this._tiles.length; t++) {
            const tile = this._tiles[t];
            if (tile.gaussian.length > 0) {
                if (colors) {
                    Draw(tile, colors, drawn.fill(0));
                }
                this._step(tile, step, drawn, values);
                if (into) {
                    Gather(tile, values, into);
                }
            }
            if (t % TilesPerYield === TilesPerYield - 1) {
                yield (t + 1) / this._tiles.length;
            }
        }
    }

    private _step({ x, y }: ITile, step: PixelStep, drawn: Float32Array, values: Float32Array): void {
        const columns = Math.min(TileEdge, this.size - x);
        const rows = Math.min(TileEdge, this.size - y);
        for (let row = 0; row < rows; row++) {
            for (let column = 0; column < columns; column++) {
                step((y + row) * this.size + x + column, drawn, values, row * TileEdge + column);
            }
        }
    }
}

/** Adds a tile's part of the picture and its coverage to `drawn`, [256,4]. */
function Draw({ gaussian, start, pixel, weight }: ITile, colors: Float32Array, drawn: Float32Array): void {
    for (let part = 0; part < gaussian.length; part++) {
        const at = 3 * gaussian[part];
        const red = colors[at] / WeightSteps;
        const green = colors[at + 1] / WeightSteps;
        const blue = colors[at + 2] / WeightSteps;
        const end = start[part + 1];
        for (let k = start[part]; k < end; k++) {
            const p = 4 * pixel[k];
            const w = weight[k];
            drawn[p] += w * red;
            drawn[p + 1] += w * green;
            drawn[p + 2] += w * blue;
            drawn[p + 3] += w / WeightSteps;
        }
    }
}

/** Adds a tile's part of the transpose to `into`, [n,3]. */
function Gather({ gaussian, start, pixel, weight }: ITile, values: Float32Array, into: Float32Array): void {
    for (let part = 0; part < gaussian.length; part++) {
        let red = 0;
        let green = 0;
        let blue = 0;
        const end = start[part + 1];
        for (let k = start[part]; k < end; k++) {
            const p = 3 * pixel[k];
            const w = weight[k];
            red += w * values[p];
            green += w * values[p + 1];
            blue += w * values[p + 2];
        }
        const at = 3 * gaussian[part];
        into[at] += red / WeightSteps;
        into[at + 1] += green / WeightSteps;
        into[at + 2] += blue / WeightSteps;
    }
}

/** Blends a tile front to back and keeps the weights. Its arrays grow to what the fullest tile needs. */
class TileScratch {
    private readonly _light = new Float32Array(TilePixels);
    private _pixel = new Uint8Array(1 << 14);
    private _weight = new Uint16Array(1 << 14);

    public fill(ellipses: IEllipses, ids: Uint32Array, x0: number, y0: number, size: number): ITile {
        const { center, conic, reach, opacity } = ellipses;
        const light = this._light.fill(1);
        const gaussian: number[] = [];
        const start: number[] = [0];
        let count = 0;
        for (let k = 0; k < ids.length; k++) {
            if (k % 64 === 63 && light.every((left) => left < Opaque)) {
                break;
            }
            const i = ids[k];
            const cx = center[2 * i];
            const cy = center[2 * i + 1];
            const rx = reach[2 * i];
            const ry = reach[2 * i + 1];
            const a = conic[3 * i];
            const b = conic[3 * i + 1];
            const c = conic[3 * i + 2];
            const o = opacity[i];
            const left = Math.max(x0, Math.ceil(cx - rx - 0.51));
            const right = Math.min(x0 + TileEdge, size, Math.floor(cx + rx - 0.49) + 1);
            const top = Math.max(y0, Math.ceil(cy - ry - 0.51));
            const bottom = Math.min(y0 + TileEdge, size, Math.floor(cy + ry - 0.49) + 1);
            this._reserve(count + TilePixels);
            const before = count;
            for (let y = top; y < bottom; y++) {
                const dy = y + 0.5 - cy;
                for (let x = left; x < right; x++) {
                    const dx = x + 0.5 - cx;
                    const alpha = o * Math.exp(-0.5 * (a * dx * dx + 2 * b * dx * dy + c * dy * dy));
                    if (alpha >= AlphaCut) {
                        const p = (y - y0) * TileEdge + x - x0;
                        const w = light[p] * alpha;
                        light[p] -= w;
                        const steps = Math.round(w * WeightSteps);
                        if (steps >= LeastSteps) {
                            this._pixel[count] = p;
                            this._weight[count++] = steps;
                        }
                    }
                }
            }
            if (count > before) {
                gaussian.push(i);
                start.push(count);
            }
        }
        return {
            x: x0,
            y: y0,
            gaussian: Uint32Array.from(gaussian),
            start: Uint32Array.from(start),
            pixel: this._pixel.slice(0, count),
            weight: this._weight.slice(0, count),
        };
    }

    private _reserve(count: number): void {
        if (count > this._pixel.length) {
            const [pixel, weight] = [new Uint8Array(2 * count), new Uint16Array(2 * count)];
            pixel.set(this._pixel);
            weight.set(this._weight);
            [this._pixel, this._weight] = [pixel, weight];
        }
    }
}

/**
 * Which ellipses touch which tile, front to back; equal depths by index. Twin: training/rasterizer/tiles.py.
 * @returns order: ellipses tile after tile; start [tiles+1]: the first one of each
 */
function SortIntoTiles(ellipses: IEllipses, across: number): { order: Uint32Array; start: Uint32Array } {
    const { count, center, reach, opacity } = ellipses;
    const byDepth = SortByDepth(ellipses);
    const box = new Int32Array(4 * count);
    const start = new Uint32Array(across * across + 1);
    const last = across - 1;
    for (let i = 0; i < count; i++) {
        if (!(opacity[i] >= AlphaCut)) {
            box[4 * i + 1] = -1; // no column
            continue;
        }
        // A pixel counts when its centre lies within reach; half a pixel of slack costs little.
        box[4 * i] = Math.max(0, Math.floor((center[2 * i] - reach[2 * i] - 0.5) / TileEdge));
        box[4 * i + 1] = Math.min(last, Math.floor((center[2 * i] + reach[2 * i] + 0.5) / TileEdge));
        box[4 * i + 2] = Math.max(0, Math.floor((center[2 * i + 1] - reach[2 * i + 1] - 0.5) / TileEdge));
        box[4 * i + 3] = Math.min(last, Math.floor((center[2 * i + 1] + reach[2 * i + 1] + 0.5) / TileEdge));
        for (let row = box[4 * i + 2]; row <= box[4 * i + 3]; row++) {
            for (let column = box[4 * i]; column <= box[4 * i + 1]; column++) {
                start[row * across + column + 1]++;
            }
        }
    }
    for (let tile = 0; tile < across * across; tile++) {
        start[tile + 1] += start[tile];
    }
    const next = start.slice();
    const order = new Uint32Array(start[across * across]);
    for (const i of byDepth) {
        for (let row = box[4 * i + 2]; row <= box[4 * i + 3]; row++) {
            for (let column = box[4 * i]; column <= box[4 * i + 1]; column++) {
                order[next[row * across + column]++] = i;
            }
        }
    }
    return { order, start };
}

/** Indices by depth, nearest first. What lies behind the camera is somewhere: it has no opacity. */
function SortByDepth({ count, depth }: IEllipses): Uint32Array {
    // Positive floats sort as their bits do; with the index below them a plain numeric sort is stable.
    const bits = new Uint32Array(depth.buffer, depth.byteOffset, count);
    const keys = Float64Array.from({ length: count }, (_, i) => (bits[i] & 0x7fffffff) * count + i);
    keys.sort();
    return Uint32Array.from(keys, (key) => key % count);
}
