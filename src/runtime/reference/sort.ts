/** Twin of the sorts: what all their kernels have to arrive at together. */
import { BucketCount, CulledKey } from "../layout.js";

/**
 * [65536] how many records have each key; culled ones are not counted. What splatProject leaves behind for a sort that
 * needs it.
 */
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
    const recordsOfKey = Array.from({ length: BucketCount }, (): number[] => []);
    keys.forEach((key, record) => {
        if (key !== CulledKey) {
            recordsOfKey[key].push(record);
        }
    });
    return Uint32Array.from(recordsOfKey.flat());
}
