/**
 * Ours: every frame poses the head, skins and projects all Gaussians, sorts, and draws. One submit; nothing is awaited
 * or read back.
 */
import { CreateExpressionPose } from "../../src/flame/expression";
import {
    AvatarBuffers,
    HeadBuffers,
    SplatDrawPass,
    SplatPipeline,
    ViewBuffers,
    type ISplatPipelineSettings,
    type IViewSettings,
} from "../../src/runtime/passes";
import { ClearColor, ClipFromView, SizePx, ViewFromWorld } from "./camera";
import type { IGaussians } from "./head";
import { MakeOursHead } from "./oursHead";

const Format: GPUTextureFormat = "rgba8unorm";
const Identity = Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);

/** A device for measuring: timestamps where the adapter has them, and buffers as large as it allows. */
export async function RequestBenchDeviceAsync(gpu: GPU): Promise<GPUDevice> {
    const adapter = await gpu.requestAdapter();
    if (!adapter) {
        throw new Error("The bench needs WebGPU and there is no adapter.");
    }
    const { maxStorageBufferBindingSize, maxBufferSize } = adapter.limits;
    const wanted: GPUFeatureName[] = ["timestamp-query", "shader-f16"];
    const device = await adapter.requestDevice({
        requiredFeatures: wanted.filter((feature) => adapter.features.has(feature)),
        requiredLimits: { maxStorageBufferBindingSize, maxBufferSize },
    });
    device.onuncapturederror = ({ error }) => console.error(`WebGPU: ${error.message}`);
    return device;
}

/** One avatar before one camera. */
export class Ours {
    public readonly target: GPUTexture;
    private readonly _pose;
    /** May be changed between frames. */
    public readonly settings: IViewSettings;
    private _frame = 0;

    private constructor(
        public readonly device: GPUDevice,
        public readonly pipeline: SplatPipeline,
        public readonly head: HeadBuffers,
        public readonly avatar: AvatarBuffers,
        public readonly view: ViewBuffers,
        public readonly draw: SplatDrawPass,
    ) {
        this.target = device.createTexture({
            size: [SizePx, SizePx],
            format: Format,
            usage: GPUTextureUsage.RENDER_ATTACHMENT | GPUTextureUsage.COPY_SRC,
        });
        this._pose = CreateExpressionPose(head.model);
        this.settings = {
            worldFromPosed: Identity,
            viewFromWorld: ViewFromWorld(0),
            clipFromView: ClipFromView(),
            viewportWidthPx: SizePx,
            viewportHeightPx: SizePx,
            rightHanded: true,
            // As the plugin does.
            cullBackFaces: avatar.isOpaque,
            cullHidden: avatar.isOpaque,
        };
    }

    public static async CreateAsync(
        device: GPUDevice,
        gaussians: IGaussians,
        settings: ISplatPipelineSettings = {},
    ): Promise<Ours> {
        const { model, table, staticMap } = MakeOursHead(gaussians);
        const pipeline = await SplatPipeline.CreateAsync(device, settings);
        const draw = await SplatDrawPass.CreateAsync(device, { colorFormat: Format }, settings.half);
        const head = new HeadBuffers(device, model, table, table);
        const avatar = new AvatarBuffers(device, head);
        avatar.setStaticMap(staticMap);
        // the driver's answer to a face at rest; read every frame all the same
        avatar.setDeltaMap(new Float32Array(staticMap.length));
        return new Ours(device, pipeline, head, avatar, new ViewBuffers(device, table.gaussianCount), draw);
    }

    /** Camera and expression of a frame. */
    public setFrame(frame: number): void {
        this._frame = frame;
        this.settings.viewFromWorld = ViewFromWorld(frame);
        this.avatar.setExpression(this._pose); // at rest, so that the picture is the peers'; it costs the same
    }

    /** Records what computes. */
    public compute(encoder: GPUCommandEncoder): void {
        this.pipeline.poseVertices(encoder, this.avatar);
        this.pipeline.prepareView(encoder, this.avatar, this.view, this.settings);
    }

    /** Records what draws. */
    public render(encoder: GPUCommandEncoder, timestampWrites?: GPURenderPassTimestampWrites): void {
        const [r, g, b] = ClearColor;
        const pass = encoder.beginRenderPass({
            colorAttachments: [
                { view: this.target.createView(), loadOp: "clear", storeOp: "store", clearValue: { r, g, b, a: 1 } },
            ],
            timestampWrites,
        });
        this.draw.draw(pass, this.view);
        pass.end();
    }

    /** One whole frame, submitted. */
    public submitFrame(frame: number): void {
        this.setFrame(frame);
        const encoder = this.device.createCommandEncoder();
        this.compute(encoder);
        this.render(encoder);
        this.device.queue.submit([encoder.finish()]);
    }

    public get frame(): number {
        return this._frame;
    }

    public dispose(): void {
        [this.view, this.avatar, this.head].forEach((buffers) => buffers.dispose());
        this.target.destroy();
    }
}
