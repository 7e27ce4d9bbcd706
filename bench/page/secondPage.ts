/**
 * One person with and without hair beyond the scalp and a bust: the same head, and a second page around and below it,
 * before the same camera.
 */
import { CreateExpressionPose } from "../../src/flame/expression";
import { DynamicFlag, TwoSidedFlag } from "../../src/flame/texelTable";
import type { HeadModel } from "../../src/flame/headModel";
import {
    AvatarBuffers,
    HeadBuffers,
    SplatDrawPass,
    SplatPipeline,
    ViewBuffers,
    type ICrowdMember,
} from "../../src/runtime/passes";
import { ClearColor, ClipFromView, SizePx, ViewFromWorld } from "./camera";
import { MakeHead } from "./head";
import { MakeOursHead } from "./oursHead";

const Identity = Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
/** The page is a shell wider than the head, behind the face and further down: half around the head, half below. */
const PageFromHead = Float64Array.of(1.25, 0, 0, 0, 0, 1.1, 0, 0, 0, 0, 1.15, 0, 0, -0.12, -0.07, 1);

/** What a page has none of. */
const NoExpressions: Partial<HeadModel> = {
    dynamicRegions: [],
    expressions: [],
    expressionCount: 0,
    expressionStart: new Uint32Array(1),
    expressionVertex: new Uint16Array(),
    expressionDelta: new Int16Array(),
    expressionScale: new Float32Array(),
    poseFromExpression: new Float32Array(),
};

/** Frames of the one and of the other can be taken by turns. */
export class SecondPage {
    private readonly _pose;
    private readonly _target: GPUTexture;

    private constructor(
        private readonly _device: GPUDevice,
        private readonly _pipeline: SplatPipeline,
        private readonly _draw: SplatDrawPass,
        private readonly _members: readonly ICrowdMember[],
        private readonly _views: readonly ViewBuffers[],
    ) {
        this._pose = CreateExpressionPose(_members[0].avatar.head.model);
        this._target = _device.createTexture({
            size: [SizePx, SizePx],
            format: "rgba8unorm",
            usage: GPUTextureUsage.RENDER_ATTACHMENT,
        });
    }

    /** @param counts Gaussians of the head, and of the page */
    public static async CreateAsync(device: GPUDevice, counts: readonly [number, number]): Promise<SecondPage> {
        const pipeline = await SplatPipeline.CreateAsync(device);
        const draw = await SplatDrawPass.CreateAsync(device, { colorFormat: "rgba8unorm" });
        const members = counts.map((count, index): ICrowdMember => {
            const gaussians = MakeHead(count);
            const { model, table, staticMap } = MakeOursHead(gaussians);
            const ofPage = index > 0;
            const own = ofPage ? { ...model, ...NoExpressions } : model;
            const flags = ofPage
                ? table.flags.map(
                      (flag, g) => (gaussians.uv[2 * g + 1] > 0.5 ? TwoSidedFlag : 0) | (flag & ~DynamicFlag),
                  )
                : table.flags;
            const head = new HeadBuffers(device, own, { ...table, flags }, table);
            const avatar = new AvatarBuffers(device, head);
            avatar.setStaticMap(staticMap);
            // As the plugin does: the upper half is hair with two sides, and a page hides nothing.
            const isOpaque = avatar.isOpaque;
            const worldFromPosed = ofPage ? PageFromHead : Identity;
            return { avatar, worldFromPosed, opacity: 1, cullBackFaces: isOpaque, cullHidden: isOpaque && !ofPage };
        });
        const views = [1, 2].map((shown) => new ViewBuffers(device, counts[0] + (shown > 1 ? counts[1] : 0), shown));
        return new SecondPage(device, pipeline, draw, members, views);
    }

    /** One frame with a new pose, with the page or without. */
    public async frameAsync(frame: number, withPage: boolean): Promise<void> {
        const view = this._views[Number(withPage)];
        const members = withPage ? this._members : this._members.slice(0, 1);
        members[0].avatar.setExpression(this._pose);
        members[1]?.avatar.setExpression({ expression: new Float32Array(0), pose: this._pose.pose });
        const encoder = this._device.createCommandEncoder();
        this._pipeline.prepareCrowd(encoder, members, view, {
            viewFromWorld: ViewFromWorld(frame),
            clipFromView: ClipFromView(),
            viewportWidthPx: SizePx,
            viewportHeightPx: SizePx,
            rightHanded: true,
        });
        const [r, g, b] = ClearColor;
        const pass = encoder.beginRenderPass({
            colorAttachments: [
                { view: this._target.createView(), loadOp: "clear", storeOp: "store", clearValue: { r, g, b, a: 1 } },
            ],
        });
        this._draw.draw(pass, view);
        pass.end();
        this._device.queue.submit([encoder.finish()]);
        await this._device.queue.onSubmittedWorkDone();
    }

    public dispose(): void {
        this._views.forEach((view) => view.dispose());
        for (const { avatar } of this._members) {
            avatar.dispose();
            avatar.head.dispose();
        }
        this._target.destroy();
    }
}
