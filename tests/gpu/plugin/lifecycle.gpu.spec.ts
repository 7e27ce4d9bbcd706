// Making, updating and disposing avatars: what a scene keeps, what the GPU keeps, what a frame costs. Networks are
// fakes; everything else is real.
import "@babylonjs/core/Culling/ray";
import { Animation } from "@babylonjs/core/Animations/animation";
import { AnimationGroup } from "@babylonjs/core/Animations/animationGroup";
import { Quaternion, Vector3 } from "@babylonjs/core/Maths/math.vector";
import { TransformNode } from "@babylonjs/core/Meshes/transformNode";
import { FlexAvatarError } from "../../../src/flame/error";
import { ReadAvatarFile } from "../../../src/runtime/format/avatarFile";
import { FlexAvatarComponent } from "../../../src/plugin/flexAvatarComponent";
import type { IFlexAvatarNotice } from "../../../src/plugin/notices";
import { Rewrite } from "../../support/avatarBytes";
import {
    AddAvatarAsync,
    CanvasPx,
    CaptureAsync,
    CreateStageAsync,
    FakeDriver,
    MakeSynthetic,
    RenderFrame,
    type IStage,
} from "../../support/stage";
import { FakeServicesAsync, Stages, type IFakeLog, type Stage } from "../../support/fakeNetworks";
import { RandomDeltaMap } from "../../support/syntheticHead";
import { Random } from "../../support/gpu";

const photo = new Blob(["a photo"]);

/** Everything countable in a scene. */
function CountScene({ scene, engine }: IStage): Record<string, number> {
    return {
        meshes: scene.meshes.length,
        materials: scene.materials.length,
        geometries: scene.geometries.length,
        transformNodes: scene.transformNodes.length,
        rootNodes: scene.rootNodes.length,
        animationGroups: scene.animationGroups.length,
        beforeRender: scene.onBeforeRenderObservable.observers.length,
        cameraRemoved: scene.onCameraRemovedObservable.observers.length,
        dispose: scene.onDisposeObservable.observers.length,
        endFrame: engine.onEndFrameObservable.observers.length,
    };
}

/** Counts our live GPU buffers and everything else that is created on the device, until the spec ends. */
function WatchDevice(device: GPUDevice): { created: Record<string, number>; bufferCount(): number } {
    const live = new Set<GPUBuffer>();
    const created: Record<string, number> = {};
    const create = device.createBuffer.bind(device);
    spyOn(device, "createBuffer").and.callFake((descriptor) => {
        const buffer = create(descriptor);
        created.createBuffer = (created.createBuffer ?? 0) + 1;
        if (/^(avatar|view|head)\./.test(descriptor.label ?? "")) {
            live.add(buffer);
            const destroy = buffer.destroy.bind(buffer);
            buffer.destroy = () => {
                live.delete(buffer);
                return destroy();
            };
        }
        return buffer;
    });
    for (const name of [
        "createComputePipeline",
        "createComputePipelineAsync",
        "createRenderPipeline",
        "createShaderModule",
        "createBindGroup",
    ] as const) {
        const original = (device[name] as (...parameters: unknown[]) => unknown).bind(device);
        spyOn(device as unknown as Record<string, typeof original>, name).and.callFake((...parameters: unknown[]) => {
            created[name] = (created[name] ?? 0) + 1;
            return original(...parameters);
        });
    }
    return { created, bufferCount: () => live.size };
}

/** Runs a call that must fail. */
async function CodeOf(work: Promise<unknown>): Promise<string> {
    try {
        await work;
        return "none";
    } catch (error) {
        return error instanceof FlexAvatarError ? error.code : `foreign: ${String(error)}`;
    }
}

describe("the component", () => {
    let stage: IStage;
    let log: IFakeLog;
    let onStage: (stage: Stage) => void;
    let component: FlexAvatarComponent;

    beforeEach(async () => {
        stage = await CreateStageAsync();
        stage.component.dispose();
        onStage = () => undefined;
        const fake = await FakeServicesAsync((name) => onStage(name));
        log = fake.log;
        component = stage.component = FlexAvatarComponent.GetOrCreate(stage.scene, { _services: fake.services });
    });
    afterEach(() => {
        expect(stage.errors).toEqual([]);
        stage.dispose();
    });

    it("is one per scene, and a new one after dispose", () => {
        expect(FlexAvatarComponent.GetOrCreate(stage.scene)).toBe(component);
        component.dispose();
        component.dispose();
        expect(FlexAvatarComponent.GetOrCreate(stage.scene)).not.toBe(component);
    });

    it("says which options of a later call it ignores, and nothing where they are the same", () => {
        const heard: IFlexAvatarNotice[] = [];
        component.onNoticeObservable.add((notice) => heard.push(notice));
        const { modelsUrl, driverSchedule, model } = component.options;
        for (const same of [{}, { modelsUrl, backend: undefined }, { driverSchedule: { ...driverSchedule }, model }]) {
            FlexAvatarComponent.GetOrCreate(stage.scene, same);
        }
        expect(heard).toEqual([]);
        const other = {
            modelsUrl: "elsewhere/",
            driver: "onnx",
            runtimeUrls: "elsewhere/runtime/",
        } as const;
        for (let twice = 0; twice < 2; twice++) {
            expect(FlexAvatarComponent.GetOrCreate(stage.scene, { ...other, backend: "auto" })).toBe(component);
        }
        expect(heard.map(({ code }) => code)).toEqual(["options-ignored"]);
        expect(heard[0].message).toContain("ignores: modelsUrl, driver, runtimeUrls.");
        expect(component.options.modelsUrl).toBe(modelsUrl);
    });

    it("prepares the networks for as many photos as there are, and for none where a file is opened", async () => {
        const avatar = await component.createFromPhotosAsync([photo, photo]);
        await component.loadAsync(await avatar.saveAsync());
        expect(log.prepared).toEqual([2, 0]);
    });

    it("refuses what are no photos before anything is loaded", async () => {
        const wrong = [photo, "a.png", null, { length: "2" }] as unknown as Blob[][];
        for (const photos of [...wrong, [photo, {}], [document.body]]) {
            expect(await CodeOf(component.createFromPhotosAsync(photos as Blob[]))).toBe("invalid-argument");
        }
        expect(await CodeOf(component.loadAsync(7 as unknown as string))).toBe("invalid-argument");
        expect(log.stages).toEqual([]);
    });

    it("makes an avatar from photos, tells everybody, and keeps notices for the first listener", async () => {
        const added: string[] = [];
        component.onAvatarAddedObservable.add(({ name }) => added.push(name));
        const progress: string[] = [];
        const avatar = await component.createFromPhotosAsync([photo, photo], {
            name: "ada",
            onProgress: ({ stage: text }) => progress.push(text),
        });
        expect(added).toEqual(["ada"]);
        expect(component.avatars).toEqual([avatar]);
        expect(avatar.expression.getTrack("jawOpen").influence).toBe(0);
        expect(log.stages).toEqual(["networks", "headModel", "photo", "photo", "reconstruct", "driver", "driverRun"]);
        expect(progress).toContain("fitting the head");
        const heard: IFlexAvatarNotice[] = [];
        component.onNoticeObservable.add((notice) => heard.push(notice));
        expect(heard.map(({ code }) => code)).toEqual(["photo-several-faces"]); // once, though both photos say so
        const { statistics } = component;
        expect(statistics.avatars).toBe(1);
        expect(statistics.gaussians).toBe(avatar.gaussianCount);
        expect(Object.keys(statistics.stageMs)).toEqual(
            jasmine.arrayContaining(["load", "photos", "fit", "reconstruct", "prepare"]),
        );
    });

    it("binds clips with one notice each, and leaves joints and tracks to the user", async () => {
        const { scene } = stage;
        const avatar = await component.createFromPhotosAsync([photo], { name: "ada" });
        const heard: IFlexAvatarNotice[] = [];
        component.onNoticeObservable.add((notice) => heard.push(notice));
        heard.length = 0;
        const clip = new AnimationGroup("nod", scene);
        const add = (name: string, property: string, type: number, from: unknown, to: unknown) => {
            const animation = new Animation(name, property, 60, type);
            animation.setKeys([
                { frame: 0, value: from },
                { frame: 60, value: to },
            ]);
            const target = property === "influence" ? { name, influence: 0 } : new TransformNode(name, scene);
            clip.addTargetedAnimation(animation, target);
        };
        const {
            ANIMATIONTYPE_FLOAT: float,
            ANIMATIONTYPE_QUATERNION: quaternion,
            ANIMATIONTYPE_VECTOR3: vector,
        } = Animation;
        const turn = Quaternion.RotationAxis(Vector3.Up(), 0.5);
        add("jawOpen", "influence", float, 0, 60);
        add("jawOpen", "influence", float, 0, 0);
        add("ears_wiggle", "influence", float, 0, 100);
        add("CC_Base_Head", "rotationQuaternion", quaternion, Quaternion.Identity(), turn);
        add("CC_Base_Head", "position", vector, Vector3.Zero(), Vector3.Up());
        add("CC_Base_L_Thigh", "rotationQuaternion", quaternion, Quaternion.Identity(), turn);
        const bound = avatar.bindAnimationGroup(clip);
        expect(heard.map(({ code }) => code)).toEqual(["clip-tracks-missing", "clip-adjusted"]);
        expect(heard[0].message).toContain("ears_wiggle, CC_Base_Head.position");
        expect(heard[0].message).toContain("Bones of the body that are left out as well: 1.");
        expect(heard[1].message).toContain("multiplied by 0.01");
        expect(heard[1].message).toContain("animate jawOpen;");

        // The case of the report: a TypeError in each frame.
        bound.enableBlending = true;
        avatar.neck.rotation = new Vector3(0, 0.2, 0);
        bound.start(true);
        for (let frame = 0; frame < 5; frame++) {
            scene.render();
        }
        bound.stop();
        bound.enableBlending = false;
        bound.start(true);
        bound.goToFrame(60);
        bound.pause();
        scene.render();
        expect(avatar.neck.rotation.y).toBe(0.2);
        expect(avatar.expression.getTrack("jawOpen").influence).toBeCloseTo(0.6, 5);
        const forward = avatar.neck.getDirection(new Vector3(0, 0, 1));
        expect(Math.atan2(forward.x, forward.z)).withContext("clip and user").toBeCloseTo(0.7, 3);
        bound.dispose();
        avatar.neck.rotation.y = 0.5;
        scene.render();
        const after = avatar.neck.getDirection(new Vector3(0, 0, 1));
        expect(Math.atan2(after.x, after.z)).withContext("after the clip").toBeCloseTo(1, 3);
        avatar.resetPose();
        scene.render();
        expect(avatar.neck.getDirection(new Vector3(0, 0, 1)).z).toBeCloseTo(1, 6);
        expect([...avatar.expression.influences].every((value) => value === 0)).toBeTrue();

        // The Inspector's sliders.
        const sliders = avatar.inspectableCustomProperties;
        expect(sliders.map(({ label }) => label)).toEqual(
            Array.from(avatar.expression.influences, (_, i) => avatar.expression.getTarget(i).name),
        );
        const slider = sliders.find(({ label }) => label === "mouthSmileLeft")!;
        expect([slider.min, slider.max, slider.step]).toEqual([0, 1, 0.01]);
        const properties = avatar as unknown as Record<string, number>;
        properties[slider.propertyName] = 0.75;
        expect(avatar.expression.getTrack("mouthSmileLeft").influence).toBe(0.75);
        avatar.expression.getTrack("mouthSmileLeft").influence = 0.25;
        expect(properties[slider.propertyName]).toBe(0.25);

        expect(scene.getMorphTargetById("ada.jawOpen")).not.toBeNull();
        avatar.dispose();
        expect(scene.getMorphTargetById("ada.jawOpen")).toBeNull();
    });

    it("refuses no photo and five photos before anything is loaded", async () => {
        const before = CountScene(stage);
        expect(await CodeOf(component.createFromPhotosAsync([]))).toBe("photo-count");
        expect(await CodeOf(component.createFromPhotosAsync([1, 2, 3, 4, 5].map(() => photo)))).toBe("photo-count");
        expect(log.stages).toEqual([]);
        expect(CountScene(stage)).toEqual(before);
    });

    for (const stageName of Stages) {
        it(`leaves the scene and the GPU as they were when aborted at ${stageName}`, async () => {
            const watch = WatchDevice(stage.engine._device as GPUDevice);
            const before = CountScene(stage);
            const controller = new AbortController();
            onStage = (name) => name === stageName && controller.abort();
            expect(await CodeOf(component.createFromPhotosAsync([photo], { signal: controller.signal }))).toBe(
                "aborted",
            );
            await new Promise((resolve) => setTimeout(resolve, 30));
            expect(CountScene(stage)).toEqual(before);
            expect(component.avatars.length).toBe(0);
            expect(log.drivers.every(({ disposed }) => disposed)).toBeTrue();
            onStage = () => undefined;
            const avatar = await component.createFromPhotosAsync([photo]); // and nothing is broken
            avatar.dispose();
            component.dispose();
            expect(watch.bufferCount()).toBe(0);
        });

        it(`survives a dispose of the scene at ${stageName}`, async () => {
            const watch = WatchDevice(stage.engine._device as GPUDevice);
            onStage = (name) => name === stageName && stage.scene.dispose();
            expect(await CodeOf(component.createFromPhotosAsync([photo]))).toBe("disposed");
            await new Promise((resolve) => setTimeout(resolve, 30));
            expect(watch.bufferCount()).toBe(0);
            expect(log.drivers.every(({ disposed }) => disposed)).toBeTrue();
            expect(stage.scene.meshes.length + stage.scene.transformNodes.length + stage.scene.materials.length).toBe(
                0,
            );
        });
    }

    it("passes a stage's own error on and leaves nothing behind", async () => {
        const watch = WatchDevice(stage.engine._device as GPUDevice);
        const before = CountScene(stage);
        onStage = (name) => {
            if (name === "reconstruct") {
                throw new FlexAvatarError("models-hash", "The file is another one.");
            }
        };
        expect(await CodeOf(component.createFromPhotosAsync([photo]))).toBe("models-hash");
        expect(CountScene(stage)).toEqual(before);
        component.dispose();
        expect(watch.bufferCount()).toBe(0);
        expect(log.networksDisposed).toBe(1);
    });

    it("loads the models once for two avatars at the same time, and goes on when only one of them is aborted", async () => {
        const controller = new AbortController();
        onStage = (name) => name === "headModel" && controller.abort();
        const [first, second] = await Promise.allSettled([
            component.createFromPhotosAsync([photo], { signal: controller.signal }),
            component.createFromPhotosAsync([photo]),
        ]);
        expect([first.status, second.status]).toEqual(["rejected", "fulfilled"]);
        expect(log.stages.filter((name) => name === "networks").length).toBe(1);
    });

    it("writes a file that it reads back to the same picture", async () => {
        const avatar = await component.createFromPhotosAsync([photo], { name: "ada" });
        const first = await avatar.saveAsync();
        expect(ReadAvatarFile(new Uint8Array(first)).mouth!.some((value) => value !== 0)).toBeTrue();
        avatar.dispose();
        const loaded = await component.loadAsync(first);
        expect(loaded.name).toBe("ada");
        await loaded.whenReadyAsync();
        const picture = await CaptureAsync(stage);
        const second = await loaded.saveAsync();
        expect(new Uint8Array(second)).toEqual(new Uint8Array(first)); // halves are exact the second time
        loaded.dispose();
        const again = await component.loadAsync(new Blob([second]));
        await again.whenReadyAsync();
        expect((await CaptureAsync(stage)) === picture).toBeTrue();
    });

    it("refuses a file that is none, and one of another model", async () => {
        expect(await CodeOf(component.loadAsync(new ArrayBuffer(100)))).toBe("file-format");
        expect(await CodeOf(component.loadAsync("/repo/tests/nothing.flexavatar"))).toBe("file-missing");
        const avatar = await component.createFromPhotosAsync([photo]);
        const bytes = await avatar.saveAsync();
        const altered = Rewrite(new Uint8Array(bytes), '"name":"fake"', '"name":"other"');
        expect(await CodeOf(component.loadAsync(altered))).toBe("models-mismatch");
        expect(component.avatars).toEqual([avatar]);
    });

    it("brings avatars back after the device was lost", async () => {
        const avatar = await component.createFromPhotosAsync([photo]);
        avatar.neck.rotation.y = 0.4;
        const crown = avatar.attachToSurface("crown");
        await avatar.whenReadyAsync();
        const picture = await CaptureAsync(stage);
        const middle = (): number[] => stage.scene.pick(CanvasPx / 2, CanvasPx / 2).pickedPoint!.asArray();
        const [met, top] = [middle(), crown.getAbsolutePosition().asArray()];
        const lost = stage.engine._device as GPUDevice;
        const restored = new Promise((resolve) => stage.engine.onContextRestoredObservable.addOnce(resolve));
        lost.destroy();
        await restored;
        expect(stage.engine._device as GPUDevice).not.toBe(lost);
        RenderFrame(stage); // nothing to draw yet, and nothing breaks
        while (log.drivers.length < 2 || log.drivers[1].runs === 0) {
            await new Promise((resolve) => setTimeout(resolve, 10));
        }
        await new Promise((resolve) => setTimeout(resolve, 30));
        await avatar.whenReadyAsync();
        // The fake driver's answer grows with its runs: bring it to where it was.
        while (log.drivers[1].runs < log.drivers[0].runs) {
            avatar.expression.getTarget(0).markAsDirty();
            await avatar.evaluateAsync();
        }
        expect(log.drivers[1].runs).toBe(log.drivers[0].runs);
        expect((await CaptureAsync(stage)) === picture).toBeTrue();
        expect(log.drivers[0].disposed).toBeTrue();
        expect([middle(), crown.getAbsolutePosition().asArray()]).toEqual([met, top]);
        avatar.neck.rotation.y = -0.4; // and everything still follows
        expect((await CaptureAsync(stage)) === picture).toBeFalse();
        expect(middle()).not.toEqual(met);
        expect(crown.getAbsolutePosition().asArray()).not.toEqual(top);
    });

    it("brings instances back as instances after the device was lost, also when the first of them is gone", async () => {
        const avatar = await component.createFromPhotosAsync([photo]);
        const [bob, eve] = [avatar.createInstance("bob"), avatar.createInstance("eve")];
        expect(log.drivers.length).toBe(1);
        await CaptureAsync(stage);
        const restored = new Promise((resolve) => stage.engine.onContextRestoredObservable.addOnce(resolve));
        (stage.engine._device as GPUDevice).destroy();
        await restored;
        expect(() => bob.createInstance("too soon")).toThrowMatching(({ code }) => code === "disposed");
        avatar.dispose(); // while it is restored
        while (!bob._internals.splats || !eve._internals.splats) {
            await new Promise((resolve) => setTimeout(resolve, 10));
        }
        await Promise.all([bob.whenReadyAsync(), eve.whenReadyAsync()]);
        const { persons, avatars } = bob._internals.splats.buffers.head;
        expect([persons.usedCount, avatars.usedCount]).toEqual([1, 2]);
        expect(log.drivers.filter(({ disposed }) => !disposed).length).toBe(1);
        await CaptureAsync(stage);
        expect(component.avatars).toEqual([bob, eve]);
    });

    it("gives everything back when an avatar is disposed, twice", async () => {
        const watch = WatchDevice(stage.engine._device as GPUDevice);
        const first = await component.createFromPhotosAsync([photo]);
        const shared = watch.bufferCount();
        await CaptureAsync(stage);
        first.dispose();
        const before = CountScene(stage);
        const beforeBuffers = watch.bufferCount();
        expect(beforeBuffers).toBeLessThan(shared);
        const avatar = await component.createFromPhotosAsync([photo]);
        await CaptureAsync(stage);
        expect(watch.bufferCount()).toBeGreaterThan(beforeBuffers);
        avatar.dispose();
        avatar.dispose();
        expect(CountScene(stage)).toEqual(before);
        expect(watch.bufferCount()).toBe(beforeBuffers);
        expect(component.avatars.length).toBe(0);
        expect(await CodeOf(avatar.evaluateAsync())).toBe("disposed");
        RenderFrame(stage);
    });
});

describe("a frame", () => {
    let stage: IStage;
    afterEach(() => {
        expect(stage.errors).toEqual([]);
        stage.dispose();
    });

    it("creates no buffer, pipeline or shader and reads nothing back once it is warm, though pose and camera move", async () => {
        stage = await CreateStageAsync();
        const random = Random(3);
        const deltas = [1, 2, 3].map(() => RandomDeltaMap(48, random));
        const avatar = await AddAvatarAsync(stage, MakeSynthetic(), {
            driver: new FakeDriver((_map, run) => deltas[run % 3]),
        });
        const move = async (step: number): Promise<void> => {
            avatar.expression.getTarget(1).influence = 0.1 * step;
            avatar.neck.rotation.y = 0.03 * step;
            stage.camera.position.x = 0.01 * step;
            RenderFrame(stage);
            await new Promise((resolve) => setTimeout(resolve, 10));
        };
        for (let step = 0; step < 5; step++) {
            await move(step);
        }
        const { created } = WatchDevice(stage.engine._device as GPUDevice);
        const mapped = spyOn(GPUBuffer.prototype, "mapAsync").and.callThrough();
        const waited = spyOn(GPUQueue.prototype, "onSubmittedWorkDone").and.callThrough();
        for (let step = 5; step < 15; step++) {
            await move(step);
        }
        expect(created).toEqual({});
        expect([mapped.calls.count(), waited.calls.count()]).toEqual([0, 0]);
        expect(stage.component.statistics.driverRuns).toBeGreaterThan(3);
    });

    it("costs no dispatch while nothing moves, and six when the face does", async () => {
        stage = await CreateStageAsync();
        const avatar = await AddAvatarAsync(stage, MakeSynthetic());
        await CaptureAsync(stage);
        const direct = spyOn(GPUComputePassEncoder.prototype, "dispatchWorkgroups").and.callThrough();
        const indirect = spyOn(GPUComputePassEncoder.prototype, "dispatchWorkgroupsIndirect").and.callThrough();
        RenderFrame(stage);
        expect(direct.calls.count() + indirect.calls.count()).toBe(0);
        avatar.expression.getTarget(0).influence = 0.5;
        RenderFrame(stage);
        expect(direct.calls.count() + indirect.calls.count()).toBe(6); // pose; project, scan, scatter, ties, crowded
        expect(stage.component.statistics.dispatches).toBeLessThanOrEqual(6);
    });

    it("shows the driver's answer to the expression set last after evaluateAsync", async () => {
        stage = await CreateStageAsync();
        const synthetic = MakeSynthetic();
        const texels = synthetic.table.mapSize ** 2;
        // The delta darkens all by how far the position map is from that of the rest pose, so that a stale one is seen.
        let rest: Float32Array | null = null;
        const driver = new FakeDriver((map) => {
            rest ??= map.slice();
            const delta = new Float32Array(14 * texels);
            const moved = map.reduce((sum, value, i) => sum + Math.abs(value - rest![i]), 0) / map.length;
            expect(moved === 0 || moved > 1e-3).toBeTrue();
            return delta.fill(moved > 0 ? -0.4 : 0, 4 * texels, 7 * texels);
        });
        const avatar = await AddAvatarAsync(stage, synthetic, { driver });
        const pictures: string[] = [];
        for (const influence of [0, 1, 0]) {
            avatar.expression.getTarget(3).influence = influence;
            await avatar.evaluateAsync();
            RenderFrame(stage);
            pictures.push(stage.canvas.toDataURL());
            // It was final: nothing that arrives later changes it.
            for (let frame = 0; frame < 4; frame++) {
                await new Promise((resolve) => setTimeout(resolve, 15));
                RenderFrame(stage);
            }
            expect(stage.canvas.toDataURL() === pictures.at(-1))
                .withContext(`influence ${influence}`)
                .toBeTrue();
        }
        expect(pictures[0] === pictures[1]).toBeFalse();
        expect(pictures[0] === pictures[2]).toBeTrue();
    });

    it("leaves the page time between driver runs on the processor, and blends the delta maps", async () => {
        stage = await CreateStageAsync();
        const random = Random(4);
        const deltas = [RandomDeltaMap(48, random), RandomDeltaMap(48, random)];
        let now = 1000; // milliseconds, by our own clock: a run takes 60, a frame 10
        spyOn(performance, "now").and.callFake(() => now);
        const driver = new FakeDriver((_map, run) => {
            now += 60;
            return deltas[run % 2];
        });
        const avatar = await AddAvatarAsync(stage, MakeSynthetic(), { driver });
        const runsBefore = driver.runs;
        const blends = new Set<number>();
        for (let step = 0; step < 40; step++) {
            avatar.expression.getTarget(1).influence = step % 2;
            now += 10;
            RenderFrame(stage);
            blends.add(avatar._internals.splats!.buffers.deltaBlend);
            await new Promise((resolve) => setTimeout(resolve, 8));
        }
        const runs = driver.runs - runsBefore;
        expect(runs).toBeGreaterThan(1);
        expect(runs).toBeLessThan(8); // one in at least seven frames; without rest it would be one in two
        expect([...blends].filter((blend) => blend > 0 && blend < 1).length).toBeGreaterThan(2);
        await avatar.evaluateAsync();
        expect(avatar._internals.splats!.buffers.deltaBlend).toBe(1);
    });

    it("picks the posed surface and reports bounds that follow the node", async () => {
        stage = await CreateStageAsync();
        const avatar = await AddAvatarAsync(stage, MakeSynthetic());
        RenderFrame(stage);
        const hit = stage.scene.pick(CanvasPx / 2, CanvasPx / 2);
        expect(hit.hit).toBeTrue();
        expect(hit.pickedMesh).toBe(avatar.proxyMesh);
        expect(hit.pickedPoint!.z).toBeGreaterThan(0.07);
        expect(hit.pickedPoint!.z).toBeLessThan(0.11);
        expect(stage.scene.pick(1, 1).hit).toBeFalse();
        avatar.position.x = 5;
        RenderFrame(stage);
        expect(stage.scene.pick(CanvasPx / 2, CanvasPx / 2).hit).toBeFalse();
        expect(avatar.splatMesh.getBoundingInfo().boundingBox.centerWorld.x).toBeCloseTo(5, 1);
        expect(stage.scene.getActiveMeshes().data.slice(0, stage.scene.getActiveMeshes().length)).not.toContain(
            avatar.splatMesh,
        );
    });
});
