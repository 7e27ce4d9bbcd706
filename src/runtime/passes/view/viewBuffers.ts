/**
 * GPU buffers of one view: a camera, or an eye, and the avatars that it sees. Nothing here is shared with another view,
 * so several can be in one frame.
 */
import {
    CloseUpRecordLayout,
    CloseUpSlotLayout,
    DrawArgsLayout,
    SplatRecordLayout,
    ViewParamsLayout,
    ViewSlotLayout,
} from "../../layout.js";
import { OwnedBuffers } from "../gpuBuffers.js";
import type { HeadBuffers } from "../headBuffers.js";
import type { ISortScratch, ISortTarget } from "../sort/splatSorter.js";
import { StructData } from "../structData.js";

/** Avatars of one head that a view sees in one level of detail: one dispatch. */
export interface IViewGroup {
    head: HeadBuffers;
    firstSlot: number;
    avatarCount: number;
    /** Of each. */
    gaussianCount: number;
    /** Those that hide what is behind them, in `ViewBuffers.occluders`. */
    firstOccluder: number;
    occluderCount: number;
}

/** Bytes that the occluder pass is told of an avatar: u32 slot, first entry of its person's offsets, 1 if mirrored. */
export const OccluderInstanceBytes = 12;
/** Texels per side of the occluders' depth, whatever the view's size. */
export const OccluderPx = 128;

const NoTexture = { width: 0, height: 0 };

/**
 * Created and disposed by whoever shows the view. `SplatPipeline.prepareView` fills it; a draw reads records, order and
 * drawArgs.
 */
export class ViewBuffers implements ISortTarget {
    /** ViewParams, uniform */
    public readonly params: GPUBuffer;
    /** ViewSlot per avatar and level of detail, those of one head and level next to each other */
    public readonly slots: GPUBuffer;
    /** [n] SplatRecord; those of culled Gaussians hold nothing of use */
    public readonly records: GPUBuffer;
    /** [n] u32 depth keys, smaller is farther; CulledKey where not drawn */
    public readonly keys: GPUBuffer;
    /** [n] u32 record indices back to front; the first `drawArgs.visibleCount` are valid */
    public readonly order: GPUBuffer;
    /** DrawArgs; drawIndirect at offset 0 */
    public readonly drawArgs: GPUBuffer;
    /** [avatars] OccluderInstance, vertex data */
    public readonly occluders: GPUBuffer;
    /** What was prepared last: who is in the view, head by head. @internal */
    public readonly groups: IViewGroup[] = [];
    /**
     * Where the records of each member begin, by its place in the list; nothing for those outside the view. Filled by
     * `WriteView`.
     */
    public readonly firstRecords: (number | undefined)[] = [];
    /** What the sorter of `SplatPipeline` keeps for this view. */
    public sortScratch: ISortScratch | null = null;
    /** Content of `params` on the CPU. @internal */
    public readonly paramsData = new StructData(ViewParamsLayout.byteLength);
    /** Content of `slots` on the CPU. @internal */
    public readonly slotsData: StructData;
    /** Content of `occluders` on the CPU. @internal */
    public readonly occludersData: Uint32Array<ArrayBuffer>;
    /** Avatars that hide what is behind them, of those prepared last. @internal */
    public occluderCount = 0;
    /** Whose detail for close-ups is drawn, of those prepared last; null if no avatar is near enough. */
    public closeUpHead: HeadBuffers | null = null;
    /** Content of `closeUpSlots` on the CPU. @internal */
    public readonly closeUpSlotsData: StructData;
    private _closeUps: GPUBuffer | null = null;
    private _closeUpSlots: GPUBuffer | null = null;
    private _occluderDepth: GPUTexture | null = null;
    private _occluderDepthView: GPUTextureView | null = null;
    private readonly _owned: OwnedBuffers;
    private readonly _slotBindings = new Map<number, GPUBufferBinding>();
    private readonly _closeUpBindings = new Map<number, GPUBufferBinding>();

    /**
     * @param device borrowed
     * @param gaussianCount capacity; avatars that show more Gaussians together are refused
     * @param avatarCount capacity, likewise; an avatar in two levels of detail counts twice
     */
    public constructor(
        device: GPUDevice,
        public readonly gaussianCount: number,
        public readonly avatarCount = 1,
    ) {
        const storage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
        this._owned = new OwnedBuffers(device, "view");
        this.params = this._owned.create(
            "params",
            ViewParamsLayout.byteLength,
            GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
        );
        // The slots of a head start where a binding may start, which is every other slot.
        this.slotsData = new StructData(2 * ViewSlotLayout.byteLength * avatarCount);
        this.closeUpSlotsData = new StructData(2 * CloseUpSlotLayout.byteLength * avatarCount);
        this.slots = this._owned.create("slots", this.slotsData.bytes.byteLength);
        this.records = this._owned.create("records", SplatRecordLayout.byteLength * gaussianCount);
        this.keys = this._owned.create("keys", 4 * gaussianCount);
        this.order = this._owned.create("order", 4 * gaussianCount);
        this.occludersData = new Uint32Array((OccluderInstanceBytes / 4) * avatarCount);
        this.occluders = this._owned.create(
            "occluders",
            this.occludersData.byteLength,
            GPUBufferUsage.VERTEX | GPUBufferUsage.COPY_DST,
        );
        this.drawArgs = this._owned.create("drawArgs", DrawArgsLayout.byteLength, storage | GPUBufferUsage.INDIRECT);
    }

    /** The device of the buffers. */
    public get device(): GPUDevice {
        return this._owned.device;
    }

    /** Bytes of GPU memory held. */
    public get byteLength(): number {
        const { width, height } = this._occluderDepth ?? NoTexture;
        return this._owned.byteLength + (this.sortScratch?.byteLength ?? 0) + 4 * width * height;
    }

    /** [n] CloseUpRecord, beside `records`; made when first needed. */
    public get closeUps(): GPUBuffer {
        return (this._closeUps ??= this._owned.create("closeUps", CloseUpRecordLayout.byteLength * this.gaussianCount));
    }

    /** CloseUpSlot per slot; made when first needed. */
    public get closeUpSlots(): GPUBuffer {
        return (this._closeUpSlots ??= this._owned.create("closeUpSlots", this.closeUpSlotsData.bytes.byteLength));
    }

    /** Depth of the occluders, one texel until there are any. A new object when it has grown. @internal */
    public get occluderDepth(): GPUTextureView {
        const edge = this.occluderCount > 0 ? OccluderPx : 1;
        if (!this._occluderDepthView || edge > this._occluderDepth!.width) {
            this._occluderDepth?.destroy();
            this._occluderDepth = this.device.createTexture({
                label: "view.occluderDepth",
                size: [edge, edge],
                format: "depth32float",
                usage: GPUTextureUsage.RENDER_ATTACHMENT | GPUTextureUsage.TEXTURE_BINDING,
            });
            this._occluderDepthView = this._occluderDepth.createView();
        }
        return this._occluderDepthView;
    }

    /** `slots` from one of them on; the same object for the same slot. @internal */
    public slotsFrom(firstSlot: number): GPUBufferBinding {
        return BindingOf(this._slotBindings, this.slots, firstSlot, ViewSlotLayout.byteLength);
    }

    /** `closeUpSlots`, likewise. @internal */
    public closeUpSlotsFrom(firstSlot: number): GPUBufferBinding {
        return BindingOf(this._closeUpBindings, this.closeUpSlots, firstSlot, CloseUpSlotLayout.byteLength);
    }

    /** True after {@link dispose}. */
    public get isDisposed(): boolean {
        return this._owned.isDisposed;
    }

    /** Destroys the buffers. May be called twice. */
    public dispose(): void {
        this.sortScratch?.dispose();
        this._occluderDepth?.destroy();
        this._occluderDepth = this._occluderDepthView = null;
        this._owned.dispose();
    }
}

function BindingOf(
    known: Map<number, GPUBufferBinding>,
    buffer: GPUBuffer,
    index: number,
    byteLength: number,
): GPUBufferBinding {
    let binding = known.get(index);
    if (!binding) {
        binding = { buffer, offset: index * byteLength };
        known.set(index, binding);
    }
    return binding;
}
