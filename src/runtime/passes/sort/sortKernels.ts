/** What the sorters share: compiled kernels, and the base of their scratch. */
import { SortParamsLayout } from "../../layout.js";
import { OwnedBuffers } from "../gpuBuffers.js";
import { ResolveImports, SortKernelSources, type SortKernelName } from "../wgsl.js";
import type { ISortScratch } from "./splatSorter.js";

/** Compiles one kernel. @param constants values of its `override` constants */
export async function CompileSortKernelAsync(
    device: GPUDevice,
    name: SortKernelName,
    constants?: Record<string, number>,
): Promise<GPUComputePipeline> {
    return await device.createComputePipelineAsync({
        label: name,
        layout: "auto",
        compute: {
            module: device.createShaderModule({ label: name, code: ResolveImports(SortKernelSources[name]) }),
            entryPoint: "main",
            constants,
        },
    });
}

/** A kernel with its buffers. */
export interface ISortStep {
    readonly pipeline: GPUComputePipeline;
    readonly groups: readonly GPUBindGroup[];
}

/** Sets pipeline and bind groups of a step; the caller dispatches. */
export function SetStep(pass: GPUComputePassEncoder, { pipeline, groups }: ISortStep): void {
    pass.setPipeline(pipeline);
    for (let i = 0; i < groups.length; i++) {
        pass.setBindGroup(i, groups[i]);
    }
}

/** Buffers that every scratch has. */
export abstract class SortScratch implements ISortScratch {
    public abstract readonly keyCounts: GPUBuffer;
    /** Keys of this frame. */
    public recordCount = -1;
    /** SortParams, uniform */
    protected readonly _params: GPUBuffer;
    protected readonly _owned: OwnedBuffers;
    private readonly _paramsData = new Uint32Array(SortParamsLayout.byteLength / 4);

    protected constructor(
        device: GPUDevice,
        public readonly keys: GPUBuffer,
    ) {
        this._owned = new OwnedBuffers(device, "sort");
        this._params = this._owned.create(
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
            this._owned.device.queue.writeBuffer(this._params, 0, this._paramsData);
        }
    }

    public dispose(): void {
        this._owned.dispose();
    }

    /** Bind groups 0, 1, 2 of a kernel, buffers in binding order. */
    protected _step(pipeline: GPUComputePipeline, buffers: readonly (readonly GPUBuffer[])[]): ISortStep {
        const groups = buffers.map((group, index) =>
            this._owned.device.createBindGroup({
                label: `${pipeline.label}.${index}`,
                layout: pipeline.getBindGroupLayout(index),
                entries: group.map((buffer, binding) => ({ binding, resource: { buffer } })),
            }),
        );
        return { pipeline, groups };
    }
}
