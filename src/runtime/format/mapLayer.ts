/**
 * The map of a head as bytes: offsets in sixteen bits, all other channels in eight, between the least and the largest
 * number of each channel. 17 bytes per texel instead of 28 in halves.
 */
import { MapChannels } from "../layout.js";

/** Offsets, which are kept in sixteen bits: a head is drawn larger than 255 steps of its offsets. */
export const FineChannels = 3;

/** A map as bytes. Lists are channel after channel. */
export interface IPackedMap {
    /** [3,H,W] in steps of 1/65535 of the channel's range */
    readonly fine: Uint16Array<ArrayBuffer>;
    /** [11,H,W] in steps of 1/255 of the channel's range */
    readonly coarse: Uint8Array<ArrayBuffer>;
    /** [28] least and largest number of each channel; exact in single precision */
    readonly ranges: readonly number[];
}

/**
 * Rounds a map. What {@link UnpackMap} gives back packs to the same bytes.
 * @param map [14,H,W], finite
 */
export function PackMap(map: Float32Array): IPackedMap {
    const texels = map.length / MapChannels;
    const fine = new Uint16Array(FineChannels * texels);
    const coarse = new Uint8Array((MapChannels - FineChannels) * texels);
    const ranges: number[] = [];
    for (let c = 0; c < MapChannels; c++) {
        const values = map.subarray(c * texels, (c + 1) * texels);
        let [least, largest] = [values[0], values[0]];
        for (const value of values) {
            least = Math.min(least, value);
            largest = Math.max(largest, value);
        }
        // Minus zero would not be in JSON.
        ranges.push(least + 0, largest + 0);
        const [into, at, steps] =
            c < FineChannels
                ? ([fine, c * texels, 65535] as const)
                : ([coarse, (c - FineChannels) * texels, 255] as const);
        const scale = largest > least ? steps / (largest - least) : 0;
        for (let t = 0; t < texels; t++) {
            into[at + t] = Math.round(scale * (values[t] - least));
        }
    }
    return { fine, coarse, ranges };
}

/** @returns [14,H,W] */
export function UnpackMap({ fine, coarse, ranges }: IPackedMap): Float32Array<ArrayBuffer> {
    const texels = fine.length / FineChannels;
    const map = new Float32Array(MapChannels * texels);
    for (let c = 0; c < MapChannels; c++) {
        const [from, at, steps] =
            c < FineChannels
                ? ([fine, c * texels, 65535] as const)
                : ([coarse, (c - FineChannels) * texels, 255] as const);
        const [least, largest] = [ranges[2 * c], ranges[2 * c + 1]];
        for (let t = 0; t < texels; t++) {
            const step = from[at + t];
            map[c * texels + t] = step === steps ? largest : least + (step * (largest - least)) / steps;
        }
    }
    return map;
}
