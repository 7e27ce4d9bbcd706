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
    /** Of the pass that is recorded; its view is another one for each. */
    private readonly _depth: GPURenderPassDepthStencilAttachment;
    private readonly _pass: GPURenderPassDescriptor;

    private constructor(private readonly _kernel: Kernel<GPURenderPipeline>) {
        this._depth = {
            view: null as unknown as GPUTextureView,
            depthClearValue: 0,
            depthLoadOp: "clear",
            depthStoreOp: "store",
        };
        this._pass = { label: "splatOccluder", colorAttachments: [], depthStencilAttachment: this._depth };
    }

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
        this._depth.view = view.occluderDepth;
        const pass = encoder.beginRenderPass(this._pass);
        pass.setPipeline(this._kernel.pipeline);
        pass.setVertexBuffer(0, view.occluders);
        for (let index = 0; index < view.groups.length; index++) {
            const { head, firstOccluder, occluderCount } = view.groups[index];
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
