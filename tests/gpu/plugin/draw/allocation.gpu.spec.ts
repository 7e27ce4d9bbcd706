// What a drawn frame of a moving face makes beside Babylon's own: WebGPU's encoders, passes and command buffers, and
// numbers that the engine boxes. It needs Chromium's --enable-precise-memory-info and --expose-gc (karma.conf.js).
import { CreateExpressionPose } from "../../../../src/flame/expression";
import { AvatarEvaluator } from "../../../../src/runtime/driver/avatarEvaluator";
import { AddAvatarAsync, CreateStageAsync, MakeSynthetic, RenderFrame, type IStage } from "../../../support/stage";

/** 152 measured; closures, lists, descriptors and iterators at a dozen places were 773. */
const MostBytes = 400;
const [WarmFrames, Frames, Runs] = [6000, 1500, 4];

declare const gc: (() => void) | undefined;

function Heap(): number {
    return (performance as unknown as { memory: { usedJSHeapSize: number } }).memory.usedJSHeapSize;
}

describe("a frame of splats", () => {
    let stage: IStage;

    beforeEach(async () => {
        stage = await CreateStageAsync();
    });

    afterEach(() => stage.dispose());

    it("makes hardly more than WebGPU's objects", async () => {
        const avatar = await AddAvatarAsync(stage, MakeSynthetic());
        const evaluator = avatar._internals.splats!;
        RenderFrame(stage);
        const evaluators = [evaluator];
        const views = avatar.splatMesh["_views"];
        const pose = CreateExpressionPose(evaluator.buffers.head.model);
        const { queue } = evaluator.pipeline.device;
        queue.submit = () => undefined; // recorded and not drawn: without a graphics card that would take minutes
        const run = (frames: number): void => {
            for (let frame = 0; frame < frames; frame++) {
                stage.engine["_frameId"]++;
                pose.expression[0] = (frame % 50) / 50;
                evaluator.setExpression(pose);
                AvatarEvaluator.PoseAll(evaluators);
                views.prepare(stage.camera);
            }
        };
        try {
            run(WarmFrames);
            let least = Infinity;
            for (let at = 0; at < Runs; at++) {
                gc!();
                const before = Heap();
                run(Frames);
                least = Math.min(least, Math.max(0, Heap() - before) / Frames);
            }
            console.log(`a frame of splats makes ${least.toFixed(0)} bytes`);
            expect(least).toBeLessThan(MostBytes);
            expect(evaluator.buffers.isPosed).toBeTrue();
        } finally {
            delete (queue as Partial<GPUQueue>).submit;
        }
    });
});
