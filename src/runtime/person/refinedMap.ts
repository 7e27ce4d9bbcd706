/** A person's static map with the photos' detail. */
import type { IAvatarFile } from "../format/avatarFile.js";
import { MapChannels } from "../layout.js";

/** First channel of the colors in a map. */
export const ColorChannel = 4;

/** [14,H,W] the static map with all of the detail; the file's own where it has none. Not to be changed. */
export function RefinedMap({ staticMap, detail }: Pick<IAvatarFile, "staticMap" | "detail">): Float32Array {
    if (!detail) {
        return staticMap;
    }
    const map = staticMap.slice();
    const first = ColorChannel * (staticMap.length / MapChannels);
    for (let i = 0; i < detail.length; i++) {
        map[first + i] += detail[i];
    }
    return map;
}

/** [3,H,W] the sum of two. */
export function SumOf(detail: Float32Array, change: Float32Array): Float32Array<ArrayBuffer> {
    return Float32Array.from(detail, (value, i) => value + change[i]);
}
