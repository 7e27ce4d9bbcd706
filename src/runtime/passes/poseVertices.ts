/** poseVertices: the faces of avatars, one dispatch for all of one head model. Twin: reference/poseVertices.ts. */
import { WorkgroupSizes } from "../layout.js";
import type { HeadBuffers } from "./headBuffers.js";
import { Kernel } from "./kernel.js";
import { KernelSources, ResolveImports } from "./wgsl.js";

/** One per device. */
export class PoseVerticesPass {
    private constructor(private readonly _kernel: Kernel) {}

    /** Compiles. */
    public static async CreateAsync(device: GPUDevice): Promise<PoseVerticesPass> {
        const code = ResolveImports(KernelSources.poseVertices);
        return new PoseVerticesPass(await Kernel.CompileAsync(device, { label: "poseVertices", code }));
    }

    /** Records one dispatch. @param count of the slots listed in `changed` of the head's avatars */
    public record(pass: GPUComputePassEncoder, head: HeadBuffers, count: number): void {
        const { avatars, vertices, expressionStart, expressionEntries } = head;
        const kernel = this._kernel;
        const coefficients = avatars.buffer("coefficients");
        const changed = avatars.buffer("changed");
        pass.setPipeline(kernel.pipeline);
        kernel.bind(pass, 0, head.params);
        kernel.bind(pass, 1, vertices, expressionStart, expressionEntries, coefficients, changed);
        kernel.bind(pass, 2, avatars.buffer("expressed"));
        pass.dispatchWorkgroups(Math.ceil(head.model.vertexCount / WorkgroupSizes.poseVertices), count);
    }
}
