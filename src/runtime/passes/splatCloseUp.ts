/**
 * splatCloseUp: detail for close-ups beside the records of a view, one dispatch per head. Twin: reference/closeUp.ts.
 */
import { WorkgroupSizes } from "../layout.js";
import { Kernel } from "./kernel.js";
import type { IViewGroup, ViewBuffers } from "./view/viewBuffers.js";
import { KernelSources, ResolveImports } from "./wgsl.js";

/** One per device. */
export class SplatCloseUpPass {
    private constructor(private readonly _kernel: Kernel) {}

    /** Compiles. */
    public static async CreateAsync(device: GPUDevice): Promise<SplatCloseUpPass> {
        const code = ResolveImports(KernelSources.splatCloseUp);
        return new SplatCloseUpPass(await Kernel.CompileAsync(device, { label: "splatCloseUp", code }));
    }

    /** Records one dispatch, after the group's records. */
    public record(pass: GPUComputePassEncoder, view: ViewBuffers, group: IViewGroup): void {
        const { head, firstSlot, gaussianCount, avatarCount } = group;
        const kernel = this._kernel;
        const slots = view.slotsFrom(firstSlot);
        const closeUpSlots = view.closeUpSlotsFrom(firstSlot);
        const expressed = head.avatars.buffer("expressed");
        const { frames } = head.closeUps;
        pass.setPipeline(kernel.pipeline);
        kernel.bind(pass, 0, view.params);
        kernel.bind(pass, 1, slots, head.texels, expressed, frames, closeUpSlots, view.records, view.keys);
        kernel.bind(pass, 2, view.closeUps);
        pass.dispatchWorkgroups(Math.ceil(gaussianCount / WorkgroupSizes.splatCloseUp), avatarCount);
    }
}
