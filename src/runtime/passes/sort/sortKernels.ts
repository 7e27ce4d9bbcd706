/** What the sorters share: compiled kernels, and the base of their scratch. */
import { SortParamsLayout } from "../../layout.js";
import { OwnedBuffers } from "../gpuBuffers.js";
import { Kernel } from "../kernel.js";
import { ResolveImports, SortKernelSources, type SortKernelName } from "../wgsl.js";
import type { ISortScratch } from "./splatSorter.js";

/** Compiles one kernel. @param constants values of its `override` constants */
export async function CompileSortKernelAsync(
    device: GPUDevice,
    name: SortKernelName,
    constants?: Record<string, number>,
): Promise<Kernel> {
    return await Kernel.CompileAsync(device, { label: name, code: ResolveImports(SortKernelSources[name]), constants });
}

/** Buffers that every scratch has. */
export abstract class SortScratch implements ISortScratch {
    public abstract readonly keyCounts: GPUBuffer;
    /** Keys of this frame. */
    public recordCount = -1;
    /** SortParams, uniform */
    public readonly params: GPUBuffer;
    protected readonly _owned: OwnedBuffers;
    private readonly _paramsData = new Uint32Array(SortParamsLayout.byteLength / 4);

    protected constructor(
        device: GPUDevice,
        public readonly keys: GPUBuffer,
    ) {
        this._owned = new OwnedBuffers(device, "sort");
        this.params = this._owned.create(
            "params",
            SortParamsLayout.byteLength,
            GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
        );
    }

    public get byteLength(): number {
        return this._owned.byteLength;
    }

    public setRecordCount(recordCount: number): void {
        if (recordCount !== this.recordCount) {
            this.recordCount = recordCount;
            this._paramsData[SortParamsLayout.offsets.recordCount / 4] = recordCount;
            this._owned.device.queue.writeBuffer(this.params, 0, this._paramsData);
        }
    }

    public dispose(): void {
        this._owned.dispose();
    }
}
