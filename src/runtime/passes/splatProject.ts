/**
 * splatProject: records and depth keys of the Gaussians of a view, one dispatch per head and level of detail. Twin:
 * reference/splatProject.ts.
 */
import { WorkgroupSizes } from "../layout.js";
import { Kernel } from "./kernel.js";
import type { IViewGroup, ViewBuffers } from "./view/viewBuffers.js";
import { KernelSources, ResolveTwin } from "./wgsl.js";

/** One per device. */
export class SplatProjectPass {
    private constructor(private readonly _kernel: Kernel) {}

    /**
     * Compiles.
     * @param countsKeys whether it adds the keys up for the sort
     * @param half colors in half precision; needs `shader-f16`
     */
    public static async CreateAsync(device: GPUDevice, countsKeys: boolean, half: boolean): Promise<SplatProjectPass> {
        const source = {
            label: "splatProject",
            code: ResolveTwin(KernelSources.splatProject, half),
            constants: { CountKeys: Number(countsKeys) },
        };
        return new SplatProjectPass(await Kernel.CompileAsync(device, source));
    }

    /** Records one dispatch. @param keyCounts of the sort's scratch */
    public record(pass: GPUComputePassEncoder, view: ViewBuffers, group: IViewGroup, keyCounts: GPUBuffer): void {
        const { head, firstSlot, gaussianCount, avatarCount } = group;
        const kernel = this._kernel;
        const slots = view.slotsFrom(firstSlot);
        const expressed = head.avatars.buffer("expressed");
        const attributes = head.persons.buffer("attributes");
        const deltas = head.avatars.buffer("deltas");
        pass.setPipeline(kernel.pipeline);
        kernel.bind(pass, 0, view.params, view.occluderDepth);
        kernel.bind(pass, 1, slots, head.texels, expressed, attributes, deltas);
        kernel.bind(pass, 2, view.records, view.keys, keyCounts);
        pass.dispatchWorkgroups(Math.ceil(gaussianCount / WorkgroupSizes.splatProject), avatarCount);
    }
}
