/**
 * GPU buffers of one view of one avatar: a camera, or an eye. Nothing here is shared with another view, so several can be in one frame.
 */
import { DrawArgsLayout, SplatRecordLayout, ViewParamsLayout } from "../layout";
import { OwnedBuffers } from "./gpuBuffers";
import type { ISortScratch, ISortTarget } from "./sort/splatSorter";

/** Created and disposed by whoever shows the view. `SplatPipeline.prepareView` fills it; a draw reads records, order and drawArgs. */
export class ViewBuffers implements ISortTarget {
    /** ViewParams, uniform */
    public readonly params: GPUBuffer;
    /** [n] SplatRecord; those of culled Gaussians hold nothing of use */
    public readonly records: GPUBuffer;
    /** [n] u32 depth keys, smaller is farther; CulledKey where not drawn */
    public readonly keys: GPUBuffer;
    /** [n] u32 record indices back to front; the first `drawArgs.visibleCount` are valid */
    public readonly order: GPUBuffer;
    /** DrawArgs; drawIndirect at offset 0 */
    public readonly drawArgs: GPUBuffer;
    /** What the sorter of `SplatPipeline` keeps for this view. */
    public sortScratch: ISortScratch | null = null;
    /** Content of `params` on the CPU. @internal */
    public readonly paramsData = new ArrayBuffer(ViewParamsLayout.byteLength);
    private readonly _owned: OwnedBuffers;

    /**
     * @param device borrowed
     * @param gaussianCount capacity; an avatar with more Gaussians is refused
     */
    public constructor(
        device: GPUDevice,
        public readonly gaussianCount: number,
    ) {
        const storage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
        this._owned = new OwnedBuffers(device, "view");
        this.params = this._owned.create("params", ViewParamsLayout.byteLength, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
        this.records = this._owned.create("records", SplatRecordLayout.byteLength * gaussianCount);
        this.keys = this._owned.create("keys", 4 * gaussianCount);
        this.order = this._owned.create("order", 4 * gaussianCount);
        this.drawArgs = this._owned.create("drawArgs", DrawArgsLayout.byteLength, storage | GPUBufferUsage.INDIRECT);
    }

    /** The device of the buffers. */
    public get device(): GPUDevice {
        return this._owned.device;
    }

    /** Bytes of GPU memory held. */
    public get byteLength(): number {
        return this._owned.byteLength + (this.sortScratch?.byteLength ?? 0);
    }

    /** True after {@link dispose}. */
    public get isDisposed(): boolean {
        return this._owned.isDisposed;
    }

    /** Destroys the buffers. May be called twice. */
    public dispose(): void {
        this.sortScratch?.dispose();
        this._owned.dispose();
    }
}
