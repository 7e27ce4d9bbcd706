/**
 * w on the processor: its entries, made once per photo. Per Gaussian of a tile a few bytes: which it is, its largest
 * weight there, and line by line the weights of its pixels in steps of 1/255 of that. What is lost in rounding goes to
 * the next Gaussian in the same pixel, so that what a pixel shows keeps its sum. Two bytes an entry instead of three
 * lost nothing that shows: 79 dB against weights that are not rounded.
 */
import { AlphaCut } from "../layout.js";
import type { IEllipses } from "./projectView.js";
import { Within, type Work } from "../slices.js";
import { SortIntoTiles } from "./tileLists.js";
import { Opaque, TileEdge, TilePixels, type ISplatWeights, type PixelStep } from "./weigher.js";

/** Steps of the largest weight of a part, and of each weight in it. */
const PartSteps = 65535;
const EntrySteps = 255;
const Steps = PartSteps * EntrySteps;
/**
 * Parts whose largest weight is fainter are left to what lies behind, a fifth of all bytes: 0.1 % in a crop of 512,
 * where it is 0.02 pixels.
 */
const LeastSteps = 64;
const LeastStepsPx = 512;
/** Three bytes of the Gaussian, two of the largest weight, one of the lines. */
const PartBytes = 6;
/** Of the largest part: per line where it begins and ends, and its weights. */
const MostBytes = PartBytes + TileEdge + TilePixels;
const TilesPerYield = 24;

/** The weights of a row of tiles. */
interface IStrip {
    /**
     * Parts of all tiles: the Gaussian, low byte first; the largest weight; first line · 16 + lines − 1; lines: first
     * pixel · 16 + pixels − 1, weights.
     */
    readonly bytes: Uint8Array;
    /** [tiles+1] first byte of each tile. */
    readonly start: Uint32Array;
}

/**
 * Makes the weights of one photo, in steps.
 * @param size edge of the picture in pixels
 * @returns yields the share done, 0 to 1, every few tiles
 */
export function* BuildSplatWeights(ellipses: IEllipses, size: number): Work<SplatWeights> {
    const { across, order, start } = yield* Within(SortIntoTiles(ellipses, size), 0, 0.1);
    const writer = new PartWriter(ellipses, size);
    const strips: IStrip[] = [];
    for (let row = 0; row < across; row++) {
        const starts = new Uint32Array(across + 1);
        for (let column = 0; column < across; column++) {
            const tile = row * across + column;
            writer.write(order.subarray(start[tile], start[tile + 1]), column * TileEdge, row * TileEdge);
            starts[column + 1] = writer.length;
            if (tile % TilesPerYield === TilesPerYield - 1) {
                yield 0.1 + (0.9 * tile) / (across * across);
            }
        }
        strips.push({ bytes: writer.take(), start: starts });
    }
    return new SplatWeights(strips, size);
}

/** The sparse matrix w of one photo. */
class SplatWeights implements ISplatWeights {
    /** @internal {@link BuildSplatWeights} makes it. */
    public constructor(
        private _strips: readonly IStrip[] | null,
        public readonly size: number,
    ) {}

    /** Bytes held. */
    public get byteLength(): number {
        return (this._strips ?? []).reduce((sum, { bytes, start }) => sum + bytes.byteLength + start.byteLength, 0);
    }

    /** See {@link ISplatWeights.pass}: tile after tile, so that no picture is kept. */
    public *pass(colors: Float32Array | null, step: PixelStep, into: Float32Array | null): Work<void> {
        const drawn = new Float32Array(4 * TilePixels);
        const values = new Float32Array(3 * TilePixels);
        if (!this._strips) {
            throw new Error("these weights were disposed");
        }
        const across = this._strips.length;
        for (const [row, { bytes, start }] of this._strips.entries()) {
            for (let column = 0; column < across; column++) {
                const [from, to] = [start[column], start[column + 1]];
                if (to > from) {
                    if (colors) {
                        Draw(bytes, from, to, colors, drawn.fill(0));
                    }
                    this._step(column * TileEdge, row * TileEdge, step, drawn, values);
                    if (into) {
                        Gather(bytes, from, to, values, into);
                    }
                }
                const tile = row * across + column;
                if (tile % TilesPerYield === TilesPerYield - 1) {
                    yield (tile + 1) / (across * across);
                }
            }
        }
    }

    /** See {@link ISplatWeights.dispose}. */
    public dispose(): void {
        this._strips = null;
    }

    private _step(x: number, y: number, step: PixelStep, drawn: Float32Array, values: Float32Array): void {
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
function Draw(bytes: Uint8Array, from: number, to: number, colors: Float32Array, drawn: Float32Array): void {
    for (let k = from; k < to;) {
        const at = 3 * (bytes[k] | (bytes[k + 1] << 8) | (bytes[k + 2] << 16));
        const scale = (bytes[k + 3] | (bytes[k + 4] << 8)) / Steps;
        const red = scale * colors[at];
        const green = scale * colors[at + 1];
        const blue = scale * colors[at + 2];
        const lines = bytes[k + 5];
        const last = TileEdge * ((lines >> 4) + (lines & 15));
        k += PartBytes;
        for (let line = TileEdge * (lines >> 4); line <= last; line += TileEdge) {
            const span = bytes[k++];
            const first = 4 * (line + (span >> 4));
            const end = first + 4 * (span & 15);
            for (let p = first; p <= end; p += 4) {
                const w = bytes[k++];
                drawn[p] += w * red;
                drawn[p + 1] += w * green;
                drawn[p + 2] += w * blue;
                drawn[p + 3] += w * scale;
            }
        }
    }
}

/** Adds a tile's part of the transpose to `into`, [n,3]. */
function Gather(bytes: Uint8Array, from: number, to: number, values: Float32Array, into: Float32Array): void {
    for (let k = from; k < to;) {
        const at = 3 * (bytes[k] | (bytes[k + 1] << 8) | (bytes[k + 2] << 16));
        const scale = (bytes[k + 3] | (bytes[k + 4] << 8)) / Steps;
        const lines = bytes[k + 5];
        const last = TileEdge * ((lines >> 4) + (lines & 15));
        let red = 0;
        let green = 0;
        let blue = 0;
        k += PartBytes;
        for (let line = TileEdge * (lines >> 4); line <= last; line += TileEdge) {
            const span = bytes[k++];
            const first = 3 * (line + (span >> 4));
            const end = first + 3 * (span & 15);
            for (let p = first; p <= end; p += 3) {
                const w = bytes[k++];
                red += w * values[p];
                green += w * values[p + 1];
                blue += w * values[p + 2];
            }
        }
        into[at] += scale * red;
        into[at + 1] += scale * green;
        into[at + 2] += scale * blue;
    }
}

/** Blends tiles front to back and writes their weights. Its arrays grow to what the fullest row of tiles needs. */
class PartWriter {
    /** Bytes written since the last {@link take}. */
    public length = 0;
    private readonly _light = new Float32Array(TilePixels);
    /** What rounding has left of each pixel so far. */
    private readonly _left = new Float32Array(TilePixels);
    /** The weights of one Gaussian. */
    private readonly _weight = new Float32Array(TilePixels);
    private readonly _leastSteps: number;
    private _bytes = new Uint8Array(1 << 16);

    public constructor(
        private readonly _ellipses: IEllipses,
        private readonly _size: number,
    ) {
        this._leastSteps = Math.max(1, LeastSteps * (_size / LeastStepsPx) ** 2);
    }

    /** What was written. */
    public take(): Uint8Array {
        const bytes = this._bytes.slice(0, this.length);
        this.length = 0;
        return bytes;
    }

    /** Adds a tile whose first pixel is (x0, y0). @param ids front to back */
    public write(ids: Uint32Array, x0: number, y0: number): void {
        const { center, conic, reach, opacity } = this._ellipses;
        const weight = this._weight;
        const light = this._light.fill(1);
        this._left.fill(0);
        for (let k = 0; k < ids.length; k++) {
            if (k % 64 === 63 && light.every((left) => left < Opaque)) {
                break;
            }
            const i = ids[k];
            const cx = center[2 * i] - x0;
            const cy = center[2 * i + 1] - y0;
            const rx = reach[2 * i];
            const ry = reach[2 * i + 1];
            const a = conic[3 * i];
            const b = conic[3 * i + 1];
            const c = conic[3 * i + 2];
            const o = opacity[i];
            const left = Math.max(0, Math.ceil(cx - rx - 0.51));
            const right = Math.min(TileEdge, this._size - x0, Math.floor(cx + rx - 0.49) + 1);
            const top = Math.max(0, Math.ceil(cy - ry - 0.51));
            const bottom = Math.min(TileEdge, this._size - y0, Math.floor(cy + ry - 0.49) + 1);
            let most = 0;
            for (let y = top; y < bottom; y++) {
                const dy = y + 0.5 - cy;
                for (let x = left; x < right; x++) {
                    const dx = x + 0.5 - cx;
                    const p = y * TileEdge + x;
                    const alpha = o * Math.exp(-0.5 * (a * dx * dx + 2 * b * dx * dy + c * dy * dy));
                    if (alpha >= AlphaCut) {
                        const w = light[p] * alpha;
                        light[p] -= w;
                        weight[p] = w;
                        most = w > most ? w : most;
                    } else {
                        weight[p] = 0;
                    }
                }
            }
            const steps = Math.ceil(most * PartSteps);
            if (steps >= this._leastSteps) {
                this._writePart(i, steps, left, right, top, bottom);
            } else if (steps > 0) {
                for (let y = top; y < bottom; y++) {
                    for (let p = y * TileEdge + left; p < y * TileEdge + right; p++) {
                        this._left[p] += weight[p];
                    }
                }
            }
        }
    }

    /** Rounds the weights of a box and writes those that are not 0. */
    private _writePart(
        gaussian: number,
        steps: number,
        left: number,
        right: number,
        top: number,
        bottom: number,
    ): void {
        this._reserve();
        const bytes = this._bytes;
        const rounded = this._left;
        const scale = steps / Steps;
        const head = this.length;
        let k = head + PartBytes;
        let firstLine = -1;
        let end = k; // of the last line that shows something
        let lastLine = -1;
        for (let y = top; y < bottom; y++) {
            const begin = k + 1;
            let first = -1;
            let last = begin;
            let write = begin;
            for (let x = left; x < right; x++) {
                const p = y * TileEdge + x;
                if (this._weight[p] === 0) {
                    if (first >= 0) {
                        bytes[write++] = 0;
                    }
                    continue;
                }
                // What is hidden takes no more of it than a step of its own: it must not seem to be seen.
                const taken = Math.min(scale, Math.max(-scale, rounded[p]));
                const wanted = this._weight[p] + taken;
                const entry = Math.min(EntrySteps, Math.max(0, Math.round(wanted / scale)));
                rounded[p] += this._weight[p] - entry * scale;
                if (entry > 0 && first < 0) {
                    first = x;
                }
                if (first >= 0) {
                    bytes[write++] = entry;
                    last = entry > 0 ? write : last;
                }
            }
            if (first < 0 && firstLine < 0) {
                continue; // nothing yet
            }
            if (first < 0) {
                bytes[begin] = 0; // a line between others has at least one pixel
                bytes[k] = left << 4;
                k = begin + 1;
            } else {
                bytes[k] = (first << 4) | (last - begin - 1);
                k = last;
                end = k;
                lastLine = y;
                firstLine = firstLine < 0 ? y : firstLine;
            }
        }
        if (firstLine >= 0) {
            bytes[head] = gaussian & 255;
            bytes[head + 1] = (gaussian >> 8) & 255;
            bytes[head + 2] = gaussian >> 16;
            bytes[head + 3] = steps & 255;
            bytes[head + 4] = steps >> 8;
            bytes[head + 5] = (firstLine << 4) | (lastLine - firstLine);
            this.length = end;
        }
    }

    private _reserve(): void {
        if (this.length + MostBytes > this._bytes.length) {
            const bytes = new Uint8Array(2 * this._bytes.length);
            bytes.set(this._bytes);
            this._bytes = bytes;
        }
    }
}
