/**
 * A least-significant-digit radix sort, four bits at a time, for adapters where barriers are cheap. Portable by
 * construction: shared memory instead of subgroups, 256 threads per workgroup, and no workgroup waits for another (each
 * adds up the counts of all tiles itself). Stable, so equal keys stay in index order without a further pass. Neither
 * are the keys counted beforehand, so projection saves an atomic.
 */
import { DigitCount, RadixDigits, RadixTileSize } from "../../layout.js";
import type { Kernel } from "../kernel.js";
import { CompileSortKernelAsync, SortScratch } from "./sortKernels.js";
import type { ISortScratch, ISortTarget, ISplatSorter } from "./splatSorter.js";

interface IKernels {
    readonly count: Kernel;
    /** One per digit, lowest first. */
    readonly scatter: readonly Kernel[];
}

class RadixScratch extends SortScratch {
    public readonly keyCounts: GPUBuffer;
    /** [2] of [n] key and record: a digit's pass reads one and writes the other. */
    public readonly pairs: readonly GPUBuffer[];
    /** By digit; and one that the last digit's pass is bound to and leaves alone. */
    public readonly counts: readonly GPUBuffer[];

    public constructor(device: GPUDevice, { keys }: ISortTarget) {
        super(device, keys);
        const capacity = keys.size / 4;
        const tiles = Math.max(1, Math.ceil(capacity / RadixTileSize));
        this.keyCounts = this._owned.create("keyCounts", 4);
        this.pairs = [this._owned.create("pairsA", 8 * capacity), this._owned.create("pairsB", 8 * capacity)];
        const counts = Array.from({ length: RadixDigits }, (_, digit) =>
            this._owned.create(`digitCounts${digit}`, 4 * DigitCount * tiles),
        );
        this.counts = [...counts, this._owned.create("unused", 4)];
    }
}

/** One per device. */
export class RadixSorter implements ISplatSorter {
    public readonly name = "radix";
    public readonly dispatchCount = 1 + RadixDigits;
    public readonly needsKeyCounts = false;

    private constructor(
        private readonly _device: GPUDevice,
        private readonly _kernels: IKernels,
    ) {}

    /** Compiles the kernels. @param device needs no optional feature and no limit above the defaults */
    public static async CreateAsync(device: GPUDevice): Promise<RadixSorter> {
        const [count, ...scatter] = await Promise.all([
            CompileSortKernelAsync(device, "sortRadixCount"),
            ...Array.from({ length: RadixDigits }, (_, digit) =>
                CompileSortKernelAsync(device, "sortRadixScatter", { digit }),
            ),
        ]);
        return new RadixSorter(device, { count, scatter });
    }

    public prepare(_encoder: GPUCommandEncoder, target: ISortTarget, recordCount: number): ISortScratch {
        let scratch = target.sortScratch;
        if (!(scratch instanceof RadixScratch) || scratch.keys !== target.keys) {
            scratch?.dispose();
            scratch = target.sortScratch = new RadixScratch(this._device, target);
        }
        (scratch as RadixScratch).setRecordCount(recordCount);
        return scratch;
    }

    public countKeys(): void {}

    public sort(pass: GPUComputePassEncoder, { keys, order, drawArgs, sortScratch }: ISortTarget): void {
        const { params, pairs, counts, recordCount } = sortScratch as RadixScratch;
        const { count, scatter } = this._kernels;
        const tiles = Math.max(1, Math.ceil(recordCount / RadixTileSize)); // one at least: it writes drawArgs
        pass.setPipeline(count.pipeline);
        count.bind(pass, 0, params);
        count.bind(pass, 1, keys);
        count.bind(pass, 2, counts[0], counts[1], counts[2], counts[3]);
        pass.dispatchWorkgroups(tiles);
        for (let digit = 0; digit < scatter.length; digit++) {
            const kernel = scatter[digit];
            pass.setPipeline(kernel.pipeline);
            kernel.bind(pass, 0, params);
            kernel.bind(pass, 1, keys, pairs[(digit + 1) % 2], counts[digit]);
            kernel.bind(pass, 2, pairs[digit % 2], counts[digit + 1], order, drawArgs);
            pass.dispatchWorkgroups(tiles);
        }
    }
}
