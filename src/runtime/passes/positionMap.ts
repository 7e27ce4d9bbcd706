/** positionMap: the driver's input of one avatar, one dispatch. Twin: reference/positionMap.ts. */
import { WorkgroupSizes } from "../layout.js";
import type { AvatarBuffers } from "./avatarBuffers.js";
import { Kernel } from "./kernel.js";
import { KernelSources, ResolveImports } from "./wgsl.js";

/** One per device. */
export class PositionMapPass {
    private constructor(private readonly _kernel: Kernel) {}

    /** Compiles. */
    public static async CreateAsync(device: GPUDevice): Promise<PositionMapPass> {
        const code = ResolveImports(KernelSources.positionMap);
        return new PositionMapPass(await Kernel.CompileAsync(device, { label: "positionMap", code }));
    }

    /** Records one dispatch, which writes the valid texels. @param out [3,P,P] f32, cleared; borrowed */
    public record(pass: GPUComputePassEncoder, { head, params }: AvatarBuffers, out: GPUBuffer): void {
        const kernel = this._kernel;
        pass.setPipeline(kernel.pipeline);
        kernel.bind(pass, 0, head.params, params);
        kernel.bind(pass, 1, head.positionTexels, head.avatars.buffer("expressed"));
        kernel.bind(pass, 2, out);
        pass.dispatchWorkgroups(Math.ceil(head.positionTable.gaussianCount / WorkgroupSizes.positionMap));
    }
}
