/**
 * A counting sort with global atomics: whoever writes the keys counts them, one workgroup scans the counts, records are
 * scattered in arrival order and ties are then put in index order. Two barriers in all, where a radix sort needs
 * dozens: on a software adapter 13 to 15 ms for 141,445 keys against 160 to 500 ms.
 */
import { BucketCount, CrowdedLayout, CrowdedSize, WorkgroupSizes } from "../../layout.js";
import type { Kernel } from "../kernel.js";
import { CompileSortKernelAsync, SortScratch } from "./sortKernels.js";
import type { ISortScratch, ISortTarget, ISplatSorter } from "./splatSorter.js";

interface IKernels {
    readonly count: Kernel;
    readonly scan: Kernel;
    readonly scatter: Kernel;
    readonly ties: Kernel;
    readonly crowded: Kernel;
}

class CountingScratch extends SortScratch {
    public readonly keyCounts: GPUBuffer;
    /** [n] u32: the records of each bucket in the order they came. */
    public readonly scattered: GPUBuffer;
    /** Starts with the arguments of sortCrowded's indirect dispatch. */
    public readonly crowded: GPUBuffer;

    public constructor(device: GPUDevice, { keys }: ISortTarget) {
        super(device, keys);
        const capacity = keys.size / 4;
        const storage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
        this.keyCounts = this._owned.create("keyCounts", 4 * BucketCount);
        this.scattered = this._owned.create("scattered", 4 * capacity);
        const crowdedBytes = CrowdedLayout.byteLength + 4 * Math.ceil(capacity / CrowdedSize);
        this.crowded = this._owned.create("crowded", crowdedBytes, storage | GPUBufferUsage.INDIRECT);
    }
}

/** One per device. */
export class CountingSorter implements ISplatSorter {
    public readonly name = "counting";
    public readonly dispatchCount = 4;
    public readonly needsKeyCounts = true;

    private constructor(
        private readonly _device: GPUDevice,
        private readonly _kernels: IKernels,
    ) {}

    /** Compiles the kernels. @param device needs no optional feature and no limit above the defaults */
    public static async CreateAsync(device: GPUDevice): Promise<CountingSorter> {
        const [count, scan, scatter, ties, crowded] = await Promise.all([
            CompileSortKernelAsync(device, "sortCountKeys"),
            CompileSortKernelAsync(device, "sortScan"),
            CompileSortKernelAsync(device, "sortScatter"),
            CompileSortKernelAsync(device, "sortTies"),
            CompileSortKernelAsync(device, "sortCrowded"),
        ]);
        return new CountingSorter(device, { count, scan, scatter, ties, crowded });
    }

    public prepare(encoder: GPUCommandEncoder, target: ISortTarget, recordCount: number): ISortScratch {
        let scratch = target.sortScratch;
        if (!(scratch instanceof CountingScratch) || scratch.keys !== target.keys) {
            scratch?.dispose();
            scratch = target.sortScratch = new CountingScratch(this._device, target);
        }
        (scratch as CountingScratch).setRecordCount(recordCount);
        encoder.clearBuffer(scratch.keyCounts);
        return scratch;
    }

    public countKeys(pass: GPUComputePassEncoder, { keys, sortScratch }: ISortTarget): void {
        const { params, keyCounts, recordCount } = sortScratch as CountingScratch;
        const { count } = this._kernels;
        pass.setPipeline(count.pipeline);
        count.bind(pass, 0, params);
        count.bind(pass, 1, keys);
        count.bind(pass, 2, keyCounts);
        pass.dispatchWorkgroups(Math.ceil(recordCount / WorkgroupSizes.sortCountKeys));
    }

    public sort(pass: GPUComputePassEncoder, { keys, order, drawArgs, sortScratch }: ISortTarget): void {
        const scratch = sortScratch as CountingScratch;
        const { params, keyCounts, scattered, recordCount } = scratch;
        const { scan, scatter, ties, crowded } = this._kernels;
        pass.setPipeline(scan.pipeline);
        scan.bind(pass, 0);
        scan.bind(pass, 1);
        scan.bind(pass, 2, keyCounts, drawArgs, scratch.crowded);
        pass.dispatchWorkgroups(1);

        pass.setPipeline(scatter.pipeline);
        scatter.bind(pass, 0, params);
        scatter.bind(pass, 1, keys);
        scatter.bind(pass, 2, keyCounts, scattered);
        pass.dispatchWorkgroups(Math.ceil(recordCount / WorkgroupSizes.sortScatter));

        pass.setPipeline(ties.pipeline);
        ties.bind(pass, 0, params);
        ties.bind(pass, 1, keys, scattered, keyCounts);
        ties.bind(pass, 2, order);
        pass.dispatchWorkgroups(Math.ceil(recordCount / WorkgroupSizes.sortTies));

        pass.setPipeline(crowded.pipeline);
        crowded.bind(pass, 0, params);
        crowded.bind(pass, 1, keys, scratch.crowded, keyCounts);
        crowded.bind(pass, 2, order);
        pass.dispatchWorkgroupsIndirect(scratch.crowded, 0);
    }
}
