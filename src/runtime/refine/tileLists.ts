/** Which ellipses touch which tile of a picture, front to back. Twin: training/rasterizer/tiles.py. */
import { AlphaCut } from "../layout.js";
import type { IEllipses } from "./projectView.js";
import type { Work } from "../slices.js";
import { TileEdge } from "./weigher.js";

/** Lists of all tiles, one after the other, T tiles row by row. A pair is an ellipse in a tile. */
export interface ITileLists {
    /** Tiles per side. */
    readonly across: number;
    /** [pairs] ellipses, front to back within a tile; equal depths by index. */
    readonly order: Uint32Array<ArrayBuffer>;
    /** [T+1] first pair of each tile. */
    readonly start: Uint32Array<ArrayBuffer>;
}

/** @returns yields the share done */
export function* SortIntoTiles(ellipses: IEllipses, size: number): Work<ITileLists> {
    const across = Math.ceil(size / TileEdge);
    const byDepth = SortByDepth(ellipses);
    yield 0.4;
    const { count, center, reach, opacity } = ellipses;
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
    yield 0.7;
    const next = start.slice();
    const order = new Uint32Array(start[across * across]);
    for (const i of byDepth) {
        for (let row = box[4 * i + 2]; row <= box[4 * i + 3]; row++) {
            for (let column = box[4 * i]; column <= box[4 * i + 1]; column++) {
                order[next[row * across + column]++] = i;
            }
        }
    }
    return { across, order, start };
}

/** Indices by depth, nearest first. What lies behind the camera is somewhere: it has no opacity. */
function SortByDepth({ count, depth }: IEllipses): Uint32Array {
    // Positive floats sort as their bits do; with the index below them a plain numeric sort is stable.
    const bits = new Uint32Array(depth.buffer, depth.byteOffset, count);
    const keys = new Float64Array(count);
    for (let i = 0; i < count; i++) {
        keys[i] = (bits[i] & 0x7fffffff) * count + i;
    }
    keys.sort();
    const order = new Uint32Array(count);
    for (let i = 0; i < count; i++) {
        order[i] = keys[i] % count;
    }
    return order;
}
