// The frame-graph task against classic rendering.
import { FrameGraph } from "@babylonjs/core/FrameGraph/frameGraph";
import { FrameGraphObjectRendererTask } from "@babylonjs/core/FrameGraph/Tasks/Rendering/objectRendererTask";
import { FrameGraphClearTextureTask } from "@babylonjs/core/FrameGraph/Tasks/Texture/clearTextureTask";
import { FrameGraphCopyToBackbufferColorTask } from "@babylonjs/core/FrameGraph/Tasks/Texture/copyToBackbufferColorTask";
import { Constants } from "@babylonjs/core/Engines/constants";
import { Color3 } from "@babylonjs/core/Maths/math.color";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import type { Mesh } from "@babylonjs/core/Meshes/mesh";
import { FlexAvatarError } from "../../../../src/flame/error";
import { FlexAvatarComponent } from "../../../../src/plugin/flexAvatarComponent";
import { FlexAvatarTask } from "../../../../src/plugin/frameGraph/flexAvatarTask";
import {
    AddAvatarAsync,
    AddBox,
    CanvasPx,
    CaptureAsync,
    ColorAt,
    CreateStageAsync,
    MakeSynthetic,
    PixelsAsync,
    RenderFrame,
    type IStage,
} from "../../../support/stage";
import { GivePage, MakePageMap } from "../../../support/gridPage";
import { FakeServicesAsync } from "../../../support/fakeNetworks";

/** clear, opaque objects, avatars, back buffer */
async function BuildGraphAsync(stage: IStage, boxes: Mesh[], samples: number): Promise<FlexAvatarTask> {
    const graph = new FrameGraph(stage.scene);
    stage.scene.frameGraph = graph;
    const target = (name: string, format: number) =>
        graph.textureManager.createRenderTargetTexture(name, {
            size: { width: 100, height: 100 },
            sizeIsPercentage: true,
            options: {
                createMipMaps: false,
                samples,
                types: [Constants.TEXTURETYPE_UNSIGNED_BYTE],
                formats: [format],
                useSRGBBuffers: [false],
                creationFlags: [0],
                labels: [name],
            },
        });
    const clear = new FrameGraphClearTextureTask("clear", graph);
    clear.color = stage.scene.clearColor;
    clear.clearDepth = true;
    clear.targetTexture = target("color", Constants.TEXTUREFORMAT_RGBA);
    clear.depthTexture = target("depth", Constants.TEXTUREFORMAT_DEPTH32_FLOAT);
    graph.addTask(clear);
    const opaque = new FrameGraphObjectRendererTask("opaque", graph, stage.scene);
    opaque.targetTexture = clear.outputTexture;
    opaque.depthTexture = clear.outputDepthTexture;
    opaque.objectList = { meshes: boxes, particleSystems: [] };
    opaque.camera = stage.camera;
    opaque.isMainObjectRenderer = true;
    graph.addTask(opaque);
    const task = new FlexAvatarTask("avatars", graph, stage.component.avatars);
    task.targetTexture = opaque.outputTexture;
    task.depthTexture = opaque.outputDepthTexture;
    task.camera = stage.camera;
    graph.addTask(task);
    const copy = new FrameGraphCopyToBackbufferColorTask("copy", graph);
    copy.sourceTexture = task.outputTexture;
    graph.addTask(copy);
    stage.scene.cameraToUseForPointers = stage.camera;
    await graph.buildAsync();
    return task;
}

describe("FlexAvatarTask", () => {
    let stage: IStage;
    afterEach(() => {
        expect(stage.errors).toEqual([]);
        stage.dispose();
    });

    for (const withPage of [false, true]) {
        it(`gives the very bytes of classic rendering at 1 sample, also after the avatar moved${withPage ? ", with a second page" : ""}`, async () => {
            stage = await CreateStageAsync();
            const synthetic = MakeSynthetic();
            const avatar = await AddAvatarAsync(stage, synthetic);
            if (withPage) {
                GivePage(avatar, MakePageMap(synthetic.model));
            }
            const boxes = [
                AddBox(stage.scene, "near", new Color3(0, 0, 1), 0.05, new Vector3(0.05, 0.02, 0.15)),
                AddBox(stage.scene, "far", new Color3(0, 1, 0), 0.2, new Vector3(-0.06, 0, -0.3)),
            ];
            const classic: string[] = [];
            for (const turn of [0, 0.5]) {
                avatar.rotation.y = turn;
                classic.push(await CaptureAsync(stage));
            }
            await BuildGraphAsync(stage, boxes, 1);
            for (const [index, turn] of [0, 0.5].entries()) {
                avatar.rotation.y = turn;
                const graph = await CaptureAsync(stage);
                expect(graph === classic[index])
                    .withContext(`turn ${turn}`)
                    .toBeTrue();
            }
            expect(classic[0] === classic[1]).toBeFalse();
        });
    }

    it("keeps occlusion at 4 samples", async () => {
        stage = await CreateStageAsync();
        const synthetic = MakeSynthetic();
        const texels = synthetic.table.mapSize ** 2;
        synthetic.staticMap.fill(8, 3 * texels, 4 * texels);
        synthetic.staticMap.fill(1, 4 * texels, 7 * texels);
        synthetic.staticMap.fill(Math.log(0.006), 7 * texels, 10 * texels);
        await AddAvatarAsync(stage, synthetic);
        const near = AddBox(stage.scene, "near", new Color3(0, 0, 1), 0.03, new Vector3(0, 0, 0.2));
        const far = AddBox(stage.scene, "far", new Color3(0, 1, 0), 0.5, new Vector3(0, 0, -0.6));
        await BuildGraphAsync(stage, [near, far], 4);
        const pixels = await PixelsAsync(await CaptureAsync(stage));
        const middle = CanvasPx / 2;
        expect(ColorAt(pixels, middle, middle)).toEqual([0, 0, 255]);
        const beside = ColorAt(pixels, middle + 22, middle);
        expect(beside[0]).toBeGreaterThan(240);
        expect(ColorAt(pixels, middle - 40, 14)).toEqual([0, 255, 0]);
    });

    it("follows avatars that come and go", async () => {
        stage = await CreateStageAsync();
        const task = await BuildGraphAsync(stage, [], 1);
        const empty = await CaptureAsync(stage);
        const avatar = await AddAvatarAsync(stage, MakeSynthetic());
        expect(task.isReady()).toBeTrue();
        expect((await CaptureAsync(stage)) === empty).toBeFalse();
        avatar.dispose();
        expect((await CaptureAsync(stage)) === empty).toBeTrue();
    });

    it("draws again in a graph built anew after the device was lost", async () => {
        stage = await CreateStageAsync();
        const empty = await CaptureAsync(stage);
        stage.component.dispose();
        const { services, log } = await FakeServicesAsync(() => undefined);
        const component = (stage.component = FlexAvatarComponent.GetOrCreate(stage.scene, { _services: services }));
        const avatar = await component.createFromPhotosAsync([new Blob(["a photo"])]);
        await avatar.whenReadyAsync();
        await BuildGraphAsync(stage, [], 1);
        const picture = await CaptureAsync(stage);
        expect(picture === empty).toBeFalse();
        // Babylon cannot restore an engine that holds a frame graph's depth-only texture: the graph goes with the
        // device.
        stage.engine.onContextLostObservable.addOnce(() => {
            stage.scene.frameGraph!.dispose();
            stage.scene.frameGraph = null;
            stage.scene.activeCamera = stage.camera; // a graph leaves none behind
        });
        const restored = new Promise((resolve) => stage.engine.onContextRestoredObservable.addOnce(resolve));
        (stage.engine._device as GPUDevice).destroy();
        await restored;
        RenderFrame(stage);
        while (log.drivers.length < 2 || log.drivers[1].runs === 0) {
            await new Promise((resolve) => setTimeout(resolve, 10));
        }
        await new Promise((resolve) => setTimeout(resolve, 30));
        await avatar.whenReadyAsync();
        while (log.drivers[1].runs < log.drivers[0].runs) {
            avatar.expression.getTarget(0).markAsDirty(); // the fake driver's answer grows with its runs
            await avatar.evaluateAsync();
        }
        await BuildGraphAsync(stage, [], 1);
        expect((await CaptureAsync(stage)) === picture).toBeTrue();
    }, 60_000);

    it("says what it lacks", async () => {
        stage = await CreateStageAsync();
        const task = new FlexAvatarTask("avatars", new FrameGraph(stage.scene), []);
        expect(() => task.record()).toThrowMatching(
            (error) => error instanceof FlexAvatarError && error.code === "invalid-argument",
        );
    });
});
