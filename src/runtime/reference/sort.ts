/** Twin of sortScan, sortScatter, sortTies and sortCrowded: what they have to arrive at together. */
import { BucketCount, CulledKey } from "../layout";

/** [65536] how many records have each key; culled ones are not counted. What splatProject leaves behind for the sort. */
export function CountKeys(keys: Uint32Array): Uint32Array<ArrayBuffer> {
    const counts = new Uint32Array(BucketCount);
    for (const key of keys) {
        if (key !== CulledKey) {
            counts[key]++;
        }
    }
    return counts;
}

/** Record indices by key, equal keys by index, culled ones left out. */
export function SortKeysReference(keys: Uint32Array): Uint32Array<ArrayBuffer> {
    const visible: number[] = [];
    keys.forEach((key, index) => {
        if (key !== CulledKey) {
            visible.push(index);
        }
    });
    visible.sort((a, b) => keys[a] - keys[b] || a - b);
    return Uint32Array.from(visible);
}
