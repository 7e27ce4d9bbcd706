// Sources on avatars in a rendered scene: what is posed and drawn, instances, a lost device, dispose.
import type { FlexAvatar } from "../../../../src/plugin/avatar/flexAvatar";
import { FlexAvatarComponent } from "../../../../src/plugin/flexAvatarComponent";
import { FaceRecorder } from "../../../../src/plugin/live/faceRecorder";
import { LifeSource } from "../../../../src/plugin/live/lifeSource";
import { LookAtSource } from "../../../../src/plugin/live/lookAtSource";
import { FakeServicesAsync } from "../../../support/fakeNetworks";
import { SaidSource, TurnAbout } from "../../../support/liveFace";
import { CreateStageAsync, RenderFrame, type IStage } from "../../../support/stage";

describe("sources on an avatar", () => {
    let stage: IStage;
    let component: FlexAvatarComponent;
    let avatar: FlexAvatar;

    beforeEach(async () => {
        stage = await CreateStageAsync();
        stage.component.dispose();
        const { services } = await FakeServicesAsync(() => undefined);
        component = stage.component = FlexAvatarComponent.GetOrCreate(stage.scene, { _services: services });
        stage.scene.useConstantAnimationDeltaTime = true;
        avatar = await component.createFromPhotosAsync([new Blob(["a photo"])], { name: "ada", refine: false });
        await avatar.whenReadyAsync();
    });
    afterEach(() => {
        stage.dispose();
    });

    /** What the GPU was given last. */
    const posed = (of: FlexAvatar, name: string): number => {
        const { pose } = (of as unknown as { _core: { pose: { head: { expression: Float32Array } } } })._core;
        return pose.head.expression[of.expression.getTrack(name)["_index"]];
    };

    it("pose it, beside clips and sliders, and hand its node to what hangs on it", () => {
        const handle = avatar.addSource(new SaidSource({ jawOpen: 0.5 }, { neck: TurnAbout("y", 0.4) }), { fadeS: 0 });
        avatar.expression.getTrack("browInnerUp").influence = 0.25;
        RenderFrame(stage);
        expect([posed(avatar, "jawOpen"), posed(avatar, "browInnerUp")]).toEqual([0.5, 0.25]);
        expect(avatar.expression.getTrack("jawOpen").influence).toBe(0);
        RenderFrame(stage);
        const forward = avatar.neck.getDirection(avatar.forward);
        expect(Math.abs(Math.atan2(forward.x, forward.z))).toBeCloseTo(0.4, 3);
        handle.remove();
        RenderFrame(stage);
        expect(posed(avatar, "jawOpen")).toBe(0);
    });

    it("leave the driver alone while nothing moves", () => {
        avatar.addSource(new SaidSource({ jawOpen: 0.5 }), { fadeS: 0 });
        RenderFrame(stage);
        RenderFrame(stage);
        const { splats } = avatar._internals;
        const posedAgain = spyOn(splats!, "setExpression").and.callThrough();
        RenderFrame(stage);
        RenderFrame(stage);
        expect(posedAgain).not.toHaveBeenCalled();
    });

    it("are each instance's own", () => {
        const bea = avatar.createInstance("bea");
        avatar.addSource(new SaidSource({ jawOpen: 0.5 }), { fadeS: 0 });
        bea.addSource(new SaidSource({ jawOpen: 0.25 }), { fadeS: 0 });
        RenderFrame(stage);
        expect([posed(avatar, "jawOpen"), posed(bea, "jawOpen")]).toEqual([0.5, 0.25]);
        avatar.dispose();
        RenderFrame(stage);
        expect(posed(bea, "jawOpen")).toBe(0.25);
    });

    it("are not asked for hidden avatars, and left whole when it is disposed", () => {
        const source = new SaidSource({ jawOpen: 0.5 });
        const detached = jasmine.createSpy("detach");
        const handle = avatar.addSource(Object.assign(source, { detach: detached }));
        avatar.setEnabled(false);
        RenderFrame(stage);
        expect(source.reads).toBe(0);
        avatar.setEnabled(true);
        RenderFrame(stage);
        expect(source.reads).toBe(1);
        avatar.dispose();
        expect(detached).toHaveBeenCalledTimes(1);
        expect(handle.isActive).toBeFalse();
        expect(() => avatar.addSource(source)).toThrowError(/disposed/);
    });

    it("are recorded, and the clip is the avatar's", () => {
        avatar.addSource(new LifeSource({ seed: 2, blink: 60 }));
        avatar.addSource(new LookAtSource("camera"));
        const recorder = new FaceRecorder(avatar);
        recorder.start();
        for (let frame = 0; frame < 10; frame++) {
            RenderFrame(stage);
        }
        const clip = recorder.stop();
        expect(clip.frameCount).toBeGreaterThan(8);
        const group = clip.toAnimationGroup(avatar);
        expect(avatar.clips).toContain(group);
        group.start(true);
        RenderFrame(stage);
        avatar.dispose();
        expect(stage.scene.animationGroups).not.toContain(group);
    });

    it("draw without an error of the device", async () => {
        avatar.addSource(new LifeSource({ seed: 2, mood: "happy" }));
        avatar.addSource(new LookAtSource("camera"));
        for (let frame = 0; frame < 30; frame++) {
            RenderFrame(stage);
        }
        await (stage.engine._device as GPUDevice).queue.onSubmittedWorkDone();
        expect(stage.errors).toEqual([]);
    });
});
