/**
 * splatDraw: a prepared view in a plain WebGPU render pass: tests, thumbnails, and hosts without a material system.
 * Inside Babylon the splat material does the same with the same shader text (`SplatQuadSource`). Twin: reference/rasterize.ts.
 */
import type { ViewBuffers } from "./view/viewBuffers.js";
import { HalfOrSingleAsync } from "./halfOrSingle.js";
import { Kernel } from "./kernel.js";
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

/** One per device and target format. Nothing to dispose. */
export class SplatDrawPass {
    private constructor(
        public readonly device: GPUDevice,
        /** Whether fragments are computed in half precision. */
        public readonly half: boolean,
        private readonly _kernel: Kernel<GPURenderPipeline>,
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
        return new SplatDrawPass(device, half, new Kernel(device, pipeline));
    }

    /** Records one indirect draw of all visible splats, back to front. */
    public draw(pass: GPURenderPassEncoder, view: ViewBuffers): void {
        pass.setPipeline(this._kernel.pipeline);
        this._kernel.bind(pass, 0, view.records, view.order, view.drawArgs);
        pass.drawIndirect(view.drawArgs, 0);
    }
}
