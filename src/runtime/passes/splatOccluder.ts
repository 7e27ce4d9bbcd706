/**
 * splatOccluder: the shrunk heads of a view in its small depth texture, before projection reads it. One render pass,
 * one draw per head and level of detail. It has no twin: what it hides must not be missed, so the test compares pictures
 * with and without it.
 */
import { Kernel } from "./kernel.js";
import { OccluderInstanceBytes, type ViewBuffers } from "./view/viewBuffers.js";
import { SplatOccluderSource } from "./wgsl.js";

/** One per device. */
export class SplatOccluderPass {
    private constructor(private readonly _kernel: Kernel<GPURenderPipeline>) {}

    /** Compiles. */
    public static async CreateAsync(device: GPUDevice): Promise<SplatOccluderPass> {
        const module = device.createShaderModule({ label: "splatOccluder", code: SplatOccluderSource });
        const pipeline = await device.createRenderPipelineAsync({
            label: "splatOccluder",
            layout: "auto",
            vertex: {
                module,
                entryPoint: "vertexMain",
                buffers: [
                    {
                        arrayStride: OccluderInstanceBytes,
                        stepMode: "instance",
                        attributes: [0, 1, 2].map((shaderLocation) => ({
                            shaderLocation,
                            offset: 4 * shaderLocation,
                            format: "uint32",
                        })),
                    },
                ],
            },
            fragment: { module, entryPoint: "fragmentMain", targets: [] },
            depthStencil: { format: "depth32float", depthWriteEnabled: true, depthCompare: "greater" },
        });
        return new SplatOccluderPass(new Kernel(device, pipeline));
    }

    /** Records the pass for what `WriteView` found; nothing where no avatar hides anything. */
    public draw(encoder: GPUCommandEncoder, view: ViewBuffers): void {
        if (view.occluderCount === 0) {
            return;
        }
        const pass = encoder.beginRenderPass({
            label: "splatOccluder",
            colorAttachments: [],
            depthStencilAttachment: {
                view: view.occluderDepth,
                depthClearValue: 0,
                depthLoadOp: "clear",
                depthStoreOp: "store",
            },
        });
        pass.setPipeline(this._kernel.pipeline);
        pass.setVertexBuffer(0, view.occluders);
        for (const { head, firstOccluder, occluderCount } of view.groups) {
            if (occluderCount > 0) {
                const expressed = head.avatars.buffer("expressed");
                this._kernel.bind(pass, 0, view.params, view.slots, expressed, head.persons.buffer("occluder"));
                pass.setIndexBuffer(head.occluderFaces, "uint16");
                pass.drawIndexed(head.occluderIndexCount, occluderCount, 0, 0, firstOccluder);
            }
        }
        pass.end();
    }
}
