/**
 * Draws a prepared view into a plain WebGPU render pass: tests, thumbnails, and hosts without a material system.
 * Inside Babylon the splat material does the same with the same shader text (`SplatQuadSource`).
 */
import type { ViewBuffers } from "./viewBuffers.js";
import { HalfOrSingleAsync } from "./halfOrSingle.js";
import { HalfSplatDrawSource, SplatDrawSource } from "./wgsl.js";

/** The render pass that the splats are drawn into. */
export interface ISplatTarget {
    /** Format of color attachment 0. Splats are blended premultiplied into it. */
    colorFormat: GPUTextureFormat;
    /** Format of the depth attachment. Default: none. Splats are tested against it and do not write it. */
    depthFormat?: GPUTextureFormat;
    /** Depth test. Default "less-equal"; "greater-equal" for reversed depth. */
    depthCompare?: GPUCompareFunction;
    /** Samples per pixel, default 1. */
    sampleCount?: number;
}

const PremultipliedOver: GPUBlendComponent = { srcFactor: "one", dstFactor: "one-minus-src-alpha" };

/** One per device and target format. Holds a pipeline and bind groups only, so there is nothing to dispose. */
export class SplatDrawPass {
    private readonly _groups = new WeakMap<ViewBuffers, GPUBindGroup>();

    private constructor(
        public readonly device: GPUDevice,
        /** Whether fragments are computed in half precision. */
        public readonly half: boolean,
        private readonly _pipeline: GPURenderPipeline,
    ) {}

    /**
     * Compiles the draw for one kind of target.
     * @param half fragments in half precision, where the device has `shader-f16`. Default: unless it is a software
     * adapter
     */
    public static CreateAsync(device: GPUDevice, target: ISplatTarget, half?: boolean): Promise<SplatDrawPass> {
        return HalfOrSingleAsync(device, half, (isHalf) => SplatDrawPass._CompileAsync(device, target, isHalf));
    }

    private static async _CompileAsync(device: GPUDevice, target: ISplatTarget, half: boolean): Promise<SplatDrawPass> {
        const module = device.createShaderModule({
            label: "splatDraw",
            code: half ? HalfSplatDrawSource : SplatDrawSource,
        });
        const pipeline = await device.createRenderPipelineAsync({
            label: "splatDraw",
            layout: "auto",
            vertex: { module, entryPoint: "vertexMain" },
            fragment: {
                module,
                entryPoint: "fragmentMain",
                targets: [
                    { format: target.colorFormat, blend: { color: PremultipliedOver, alpha: PremultipliedOver } },
                ],
            },
            depthStencil: target.depthFormat && {
                format: target.depthFormat,
                depthWriteEnabled: false,
                depthCompare: target.depthCompare ?? "less-equal",
            },
            multisample: { count: target.sampleCount ?? 1 },
        });
        return new SplatDrawPass(device, half, pipeline);
    }

    /** Records one indirect draw of all visible splats, back to front. */
    public draw(pass: GPURenderPassEncoder, view: ViewBuffers): void {
        let group = this._groups.get(view);
        if (!group) {
            group = this.device.createBindGroup({
                label: "splatDraw.0",
                layout: this._pipeline.getBindGroupLayout(0),
                entries: [view.records, view.order, view.drawArgs].map((buffer, binding) => ({
                    binding,
                    resource: { buffer },
                })),
            });
            this._groups.set(view, group);
        }
        pass.setPipeline(this._pipeline);
        pass.setBindGroup(0, group);
        pass.drawIndirect(view.drawArgs, 0);
    }
}
