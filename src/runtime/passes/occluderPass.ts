/**
 * Draws the shrunk heads of a view into its small depth texture, before projection reads it: one render pass, one draw
 * per head and level of detail.
 */
import type { HeadBuffers } from "./headBuffers.js";
import { OccluderInstanceBytes, type ViewBuffers } from "./viewBuffers.js";
import { SplatOccluderSource } from "./wgsl.js";

interface IBoundGroup {
    readonly revision: number;
    readonly group: GPUBindGroup;
}

/** One per device. Holds a pipeline and bind groups only. */
export class OccluderPass {
    private readonly _groups = new WeakMap<ViewBuffers, WeakMap<HeadBuffers, IBoundGroup>>();

    private constructor(
        private readonly _device: GPUDevice,
        private readonly _pipeline: GPURenderPipeline,
    ) {}

    /** Compiles. */
    public static async CreateAsync(device: GPUDevice): Promise<OccluderPass> {
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
        return new OccluderPass(device, pipeline);
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
        pass.setPipeline(this._pipeline);
        pass.setVertexBuffer(0, view.occluders);
        for (const { head, firstOccluder, occluderCount } of view.groups) {
            if (occluderCount > 0) {
                pass.setBindGroup(0, this._groupOf(view, head));
                pass.setIndexBuffer(head.occluderFaces, "uint16");
                pass.drawIndexed(head.occluderIndexCount, occluderCount, 0, 0, firstOccluder);
            }
        }
        pass.end();
    }

    private _groupOf(view: ViewBuffers, head: HeadBuffers): GPUBindGroup {
        const groups = this._groups.get(view) ?? new WeakMap<HeadBuffers, IBoundGroup>();
        this._groups.set(view, groups);
        let bound = groups.get(head);
        if (bound?.revision !== head.revision) {
            const buffers = [
                view.params,
                view.slots,
                head.avatars.buffer("expressed"),
                head.persons.buffer("occluder"),
            ];
            const group = this._device.createBindGroup({
                label: "splatOccluder.0",
                layout: this._pipeline.getBindGroupLayout(0),
                entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
            });
            bound = { revision: head.revision, group };
            groups.set(head, bound);
        }
        return bound.group;
    }
}
