/** Many avatars in one view: instances of one person, in a grid before the camera. */
import { CreateExpressionPose } from "../../src/flame/expression";
import {
    AvatarBuffers,
    HeadBuffers,
    SplatDrawPass,
    SplatPipeline,
    ViewBuffers,
    type ICrowdMember,
} from "../../src/runtime/passes";
import { ClearColor, ClipFromView, SizePx, ViewFromWorld } from "./camera";
import type { IGaussians } from "./head";
import { MakeOursHead } from "./oursHead";

/** n avatars, each with an expression of its own every frame. */
export class Crowd {
    public dispatches = 0;
    private _members: ICrowdMember[] = [];
    private readonly _pose;
    private readonly _target: GPUTexture;

    private constructor(
        private readonly _device: GPUDevice,
        private readonly _pipeline: SplatPipeline,
        private readonly _draw: SplatDrawPass,
        private readonly _head: HeadBuffers,
        private readonly _staticMap: Float32Array<ArrayBuffer>,
        private readonly _view: ViewBuffers,
    ) {
        this._pose = CreateExpressionPose(_head.model);
        this._target = _device.createTexture({
            size: [SizePx, SizePx],
            format: "rgba8unorm",
            usage: GPUTextureUsage.RENDER_ATTACHMENT,
        });
    }

    /** @param most avatars that will be shown */
    public static async CreateAsync(device: GPUDevice, gaussians: IGaussians, most: number): Promise<Crowd> {
        const { model, table, staticMap } = MakeOursHead(gaussians);
        const pipeline = await SplatPipeline.CreateAsync(device);
        const draw = await SplatDrawPass.CreateAsync(device, { colorFormat: "rgba8unorm" });
        const view = new ViewBuffers(device, most * table.gaussianCount, most);
        return new Crowd(device, pipeline, draw, new HeadBuffers(device, model, table, table), staticMap, view);
    }

    /** Shows this many avatars, 16 at most in view. @returns bytes of GPU memory of head and avatars */
    public setCount(count: number): number {
        while (this._members.length > count) {
            this._members.pop()!.avatar.dispose();
        }
        while (this._members.length < count) {
            const avatar = new AvatarBuffers(this._device, this._head);
            avatar.setStaticMap(this._staticMap);
            const i = this._members.length;
            const [x, y] = [((i % 4) - 1.5) * 0.06, (Math.floor(i / 4) - 1.5) * 0.06];
            const scale = 0.25;
            const worldFromPosed = Float64Array.of(
                scale,
                0,
                0,
                0,
                0,
                scale,
                0,
                0,
                0,
                0,
                scale,
                0,
                x,
                y,
                0.02 * (i % 3),
                1,
            );
            this._members.push({ avatar, worldFromPosed, opacity: 1, cullBackFaces: true, cullHidden: true });
        }
        return this._head.byteLength + this._members.reduce((sum, { avatar }) => sum + avatar.byteLength, 0);
    }

    /** One frame of all. */
    public async frameAsync(frame: number): Promise<void> {
        for (const { avatar } of this._members) {
            avatar.setExpression(this._pose);
        }
        const before = this._pipeline.dispatches;
        const encoder = this._device.createCommandEncoder();
        this._pipeline.poseVertices(
            encoder,
            this._members.map(({ avatar }) => avatar),
        );
        this._pipeline.prepareCrowd(encoder, this._members, this._view, {
            viewFromWorld: ViewFromWorld(frame),
            clipFromView: ClipFromView(),
            viewportWidthPx: SizePx,
            viewportHeightPx: SizePx,
            rightHanded: true,
        });
        this.dispatches = this._pipeline.dispatches - before;
        const [r, g, b] = ClearColor;
        const pass = encoder.beginRenderPass({
            colorAttachments: [
                { view: this._target.createView(), loadOp: "clear", storeOp: "store", clearValue: { r, g, b, a: 1 } },
            ],
        });
        this._draw.draw(pass, this._view);
        pass.end();
        this._device.queue.submit([encoder.finish()]);
        await this._device.queue.onSubmittedWorkDone();
    }

    public dispose(): void {
        this.setCount(0);
        this._view.dispose();
        this._head.dispose();
        this._target.destroy();
    }
}
