/**
 * The seam between whoever writes depth keys and the sorts that order them. A sorter is one per device; what it needs
 * for one view is that view's {@link ISortScratch}.
 */

/** Names of the sorts. */
export type SplatSorterName = "counting" | "radix";

/** What is sorted: the part of a view that a sorter sees. */
export interface ISortTarget {
    /**
     * [n] u32, 16-bit depth keys, smaller is farther; CulledKey where not drawn. Its size is the capacity of the target
     */
    readonly keys: GPUBuffer;
    /**
     * [n] u32: the sorter writes record indices, back to front, equal keys by index; as many as keys that are not
     * culled
     */
    readonly order: GPUBuffer;
    /** DrawArgs: the sorter writes all of it */
    readonly drawArgs: GPUBuffer;
    /**
     * Made by the sorter when it first meets the target or its buffers were replaced by larger ones. The target's owner
     * disposes it.
     */
    sortScratch: ISortScratch | null;
}

/** A sorter's buffers and bind groups for one target. */
export interface ISortScratch {
    /** The `keys` it was made for. */
    readonly keys: GPUBuffer;
    /** [65536] atomic u32, if the sorter needs key counts; otherwise a placeholder. */
    readonly keyCounts: GPUBuffer;
    /** Bytes of GPU memory held. */
    readonly byteLength: number;
    /** Destroys the buffers. May be called twice. */
    dispose(): void;
}

/** Orders a target's keys on the GPU. Holds pipelines only, so there is nothing to dispose. */
export interface ISplatSorter {
    readonly name: SplatSorterName;
    /** Compute dispatches of one {@link sort}. */
    readonly dispatchCount: number;
    /**
     * Whoever writes keys adds 1 to the scratch's `keyCounts` per key that is not culled, between {@link prepare} and
     * {@link sort}.
     */
    readonly needsKeyCounts: boolean;
    /**
     * Gets the scratch ready for new keys. Call before the compute pass that writes them.
     * @param recordCount keys that will be written; at most one value per target and submit
     * @returns the target's scratch
     */
    prepare(encoder: GPUCommandEncoder, target: ISortTarget, recordCount: number): ISortScratch;
    /**
     * Records the count of the keys, for writers that do not count as they write. Nothing, if the sorter needs no
     * counts.
     */
    countKeys(pass: GPUComputePassEncoder, target: ISortTarget): void;
    /** Records the sort of the keys that were announced to {@link prepare}. */
    sort(pass: GPUComputePassEncoder, target: ISortTarget): void;
}
