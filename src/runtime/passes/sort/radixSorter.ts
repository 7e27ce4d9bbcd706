/**
 * A least-significant-digit radix sort, four bits at a time, for adapters where barriers are cheap. Portable by
 * construction: shared memory instead of subgroups, 256 threads per workgroup, and no workgroup waits for another (each
 * adds up the counts of all tiles itself). Stable, so equal keys stay in index order without a further pass. Neither
 * are the keys counted beforehand, so projection saves an atomic.
 */
import { DigitCount, RadixDigits, RadixTileSize } from "../../layout.js";
import { CompileSortKernelAsync, SetStep, SortScratch, type ISortStep } from "./sortKernels.js";
import type { ISortScratch, ISortTarget, ISplatSorter } from "./splatSorter.js";

interface IPipelines {
    readonly count: GPUComputePipeline;
    /** One per digit, lowest first. */
    readonly scatter: readonly GPUComputePipeline[];
}

class RadixScratch extends SortScratch {
    public readonly keyCounts: GPUBuffer;
    public readonly steps: readonly ISortStep[];

    public constructor(device: GPUDevice, pipelines: IPipelines, { keys, order, drawArgs }: ISortTarget) {
        super(device, keys);
        const capacity = keys.size / 4;
        const tiles = Math.max(1, Math.ceil(capacity / RadixTileSize));
        this.keyCounts = this._owned.create("keyCounts", 4);
        const pairs = [this._owned.create("pairsA", 8 * capacity), this._owned.create("pairsB", 8 * capacity)];
        const counts = Array.from({ length: RadixDigits }, (_, digit) =>
            this._owned.create(`digitCounts${digit}`, 4 * DigitCount * tiles),
        );
        const afterLast = this._owned.create("unused", 4); // the last digit's pass is bound to it and leaves it alone
        this.steps = [
            this._step(pipelines.count, [[this._params], [keys], counts]),
            ...pipelines.scatter.map((pipeline, digit) =>
                this._step(pipeline, [
                    [this._params],
                    [keys, pairs[(digit + 1) % 2], counts[digit]],
                    [pairs[digit % 2], counts[digit + 1] ?? afterLast, order, drawArgs],
                ]),
            ),
        ];
    }
}

/** One per device. */
export class RadixSorter implements ISplatSorter {
    public readonly name = "radix";
    public readonly dispatchCount = 1 + RadixDigits;
    public readonly needsKeyCounts = false;

    private constructor(
        private readonly _device: GPUDevice,
        private readonly _pipelines: IPipelines,
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
            scratch = target.sortScratch = new RadixScratch(this._device, this._pipelines, target);
        }
        (scratch as RadixScratch).setRecordCount(recordCount);
        return scratch;
    }

    public countKeys(): void {}

    public sort(pass: GPUComputePassEncoder, target: ISortTarget): void {
        const { steps, recordCount } = target.sortScratch as RadixScratch;
        const tiles = Math.max(1, Math.ceil(recordCount / RadixTileSize)); // one at least: it writes drawArgs
        for (const step of steps) {
            SetStep(pass, step);
            pass.dispatchWorkgroups(tiles);
        }
    }
}
