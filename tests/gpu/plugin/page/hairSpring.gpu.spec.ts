// Long hair that swings: in pictures, in instances and levels of detail, on the skin, and at no cost where it does not.
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import { HangingPage, HangingPose } from "../../../../src/flame/hangingPage";
import { ShellFlags } from "../../../../src/flame/pageModel";
import { JointMatrices } from "../../../../src/flame/skinning";
import { BuildTexelTable } from "../../../../src/flame/texelTable";
import type { FlexAvatar } from "../../../../src/plugin/avatar/flexAvatar";
import { Psnr } from "../../../support/gpu";
import { CrowdPicture, DrawnRgbAsync, HeadMember, PoseOf } from "../../../support/referencePicture";
import { GivePage, MakePageMap, type IPageMap } from "../../../support/gridPage";
import {
    AddAvatarAsync,
    CaptureAsync,
    CreateStageAsync,
    MakeSynthetic,
    RenderFrame,
    type IStage,
} from "../../../support/stage";

const synthetic = MakeSynthetic();
/** A page whose hair hangs from the chin down, where it swings in full. */
const second = ((): IPageMap => {
    const made = MakePageMap(synthetic.model);
    const { model } = made.page;
    const template = model.template.map((value, i) => (i % 3 === 1 ? value - 0.12 : value));
    return { ...made, page: { ...made.page, model: { ...model, template } } };
})();

describe("swinging hair", () => {
    let stage: IStage;
    let ada: FlexAvatar;
    beforeEach(async () => {
        stage = await CreateStageAsync();
        stage.scene.useConstantAnimationDeltaTime = true; // 16 ms a frame
        stage.camera.position.set(0.3, 0.05, -0.9);
        stage.camera.setTarget(new Vector3(0, -0.1, 0));
        ada = await AddAvatarAsync(stage, synthetic);
        GivePage(ada, second);
    });
    afterEach(() => {
        expect(stage.errors).toEqual([]);
        stage.dispose();
    });

    /** The scene stands still for it, and so does hair. */
    async function PictureAsync(): Promise<number[]> {
        stage.scene.animationsEnabled = false;
        return await DrawnRgbAsync(stage);
    }

    /** Turns heads by 0.9 rad within some frames, and stops in the middle of it. */
    function Turn(...avatars: FlexAvatar[]): void {
        stage.scene.animationsEnabled = true;
        RenderFrame(stage);
        for (let frame = 1; frame <= 12; frame++) {
            avatars.forEach((avatar) => (avatar.neck.rotation.y = 0.075 * frame));
            RenderFrame(stage);
        }
    }

    const swingOf = (avatar: FlexAvatar): number[] => Array.from(avatar["_core"].pose["_spring"]?.hanging ?? [0, 0, 0]);

    /** What the reference makes of the head and of a page whose hair is turned, hanging and lying. */
    function Reference(swing: readonly number[], lying: readonly number[]): number[] {
        const head = HeadMember(ada, synthetic);
        const hanging = HangingPage(second.page.model);
        const own = HangingPose(PoseOf(ada, synthetic).pose, swing, lying, new Float32Array(15));
        const table = BuildTexelTable(hanging, second.page.mapSize);
        const state = {
            table: { ...table, flags: ShellFlags(hanging, table, second.map) },
            expressed: hanging.template,
            jointMatrices: JointMatrices(own, hanging.joints, new Float32Array(60)),
            staticMap: ada["_core"].parts.page.map,
            deltas: [],
            opacity: 1,
        };
        return CrowdPicture(stage, [head, { state, worldFromPosed: head.worldFromPosed }]);
    }

    it("is drawn as the reference has it, behind the head's turn, and goes back to rest at once when it is switched off", async () => {
        Turn(ada);
        const still = await PictureAsync();
        ada.resetPose();
        stage.scene.animationsEnabled = true;
        for (let frame = 0; frame < 3; frame++) {
            RenderFrame(stage);
        }
        ada.hairSpring = {};
        expect(ada.hairSpring).toEqual({ frequency: 1.6, dampingRatio: 0.35 });
        Turn(ada);
        const swing = swingOf(ada);
        expect(Math.hypot(...swing)).toBeGreaterThan(0.15);
        const lying = [...ada["_core"].pose["_spring"]!.lying];
        const picture = await PictureAsync();
        const noTurn = [0, 0, 0];
        const [psnr, other] = [Psnr(picture, Reference(swing, lying)), Psnr(picture, Reference(noTurn, noTurn))];
        console.log(`swinging: PSNR ${psnr.toFixed(1)} dB, without its swing ${other.toFixed(1)} dB`);
        expect(psnr).toBeGreaterThan(45);
        expect(other).toBeLessThan(psnr - 5);
        ada.hairSpring = null;
        expect(await PictureAsync()).toEqual(still);
    });

    it("costs nothing where it does not swing or has settled, and one pose where it does", async () => {
        await CaptureAsync(stage);
        const { gpuBytes } = stage.component.statistics;
        const writes = spyOn(GPUQueue.prototype, "writeBuffer").and.callThrough();
        const created = [spyOn(GPUDevice.prototype, "createBuffer"), spyOn(GPUDevice.prototype, "createBindGroup")].map(
            (spy) => spy.and.callThrough(),
        );
        const dispatches = spyOn(GPUComputePassEncoder.prototype, "dispatchWorkgroups").and.callThrough();
        const count = (frames: number): number[] => {
            writes.calls.reset();
            dispatches.calls.reset();
            for (let frame = 0; frame < frames; frame++) {
                RenderFrame(stage);
            }
            return [writes.calls.count(), dispatches.calls.count()];
        };
        const paramsOf = (): unknown => ada._internals.secondPage!.splats!.buffers.params;
        const idle = count(10);
        expect(idle[1]).toBe(0);
        ada.hairSpring = {};
        RenderFrame(stage);
        expect(count(10)).toEqual(idle); // at rest
        ada.neck.rotation.y = 0.3;
        RenderFrame(stage);
        const { driverRuns } = ada.counts;
        count(1);
        expect(writes.calls.allArgs().filter(([buffer]) => buffer === paramsOf()).length).toBe(1);
        expect(ada.counts.driverRuns).toBe(driverRuns);
        count(400);
        expect(swingOf(ada)).toEqual([0, 0, 0]);
        expect(count(10)).toEqual(idle); // settled
        created.forEach((spy) => expect(spy).not.toHaveBeenCalled());
        expect(stage.component.statistics.gpuBytes).toBe(gpuBytes);
        ada.hair = "scalp";
        RenderFrame(stage);
        ada.neck.rotation.y = -0.3;
        RenderFrame(stage);
        count(1);
        expect(
            writes.calls.allArgs().filter(([buffer]) => buffer === ada._internals.secondPage!.splats?.buffers.params)
                .length,
        ).toBe(0);
    });

    it("swings in each instance by itself, at every level of detail, and after the page was replaced", async () => {
        ada.hairSpring = { frequency: 2 };
        const bob = ada.createInstance("bob");
        expect(bob.hairSpring).toEqual({ frequency: 2, dampingRatio: 0.35 });
        bob.position.x = 0.25;
        Turn(bob);
        expect([Math.hypot(...swingOf(ada)), Math.hypot(...swingOf(bob)) > 0.15]).toEqual([0, true]);
        ada.dispose();
        for (const level of [0, 1, 2] as const) {
            bob.levelOfDetail = level;
            bob.hairSpring = null;
            const still = await PictureAsync();
            await new Promise((resolve) => setTimeout(resolve, 300)); // levels are faded
            expect((await PictureAsync()).length).toBe(still.length);
            const settled = await PictureAsync();
            bob.hairSpring = {};
            bob.resetPose();
            Turn(bob);
            const swinging = await PictureAsync();
            expect(Psnr(swinging, settled)).withContext(`level ${level}`).toBeLessThan(40);
        }
        GivePage(bob, second);
        Turn(bob);
        expect(Math.hypot(...swingOf(bob))).toBeGreaterThan(0.1);
    });

    it("takes along what hangs on it, what rays meet, and where it is culled by", () => {
        const place = { u: 0.5, v: 0.7, page: 2 } as const; // the back, a little above where hair ends
        const node = ada.attachToSurface(place);
        const placeOf = (): Vector3 => (node.computeWorldMatrix(true), node.getAbsolutePosition().clone());
        const proxy = (): number[] => (ada.proxyMesh.update(), Array.from(ada.proxyMesh.getVerticesData("position")!));
        Turn(ada);
        const [still, surface] = [placeOf(), proxy()];
        ada.resetPose();
        ada.hairSpring = {};
        RenderFrame(stage);
        Turn(ada);
        expect(Vector3.Distance(placeOf(), still)).toBeGreaterThan(0.004);
        // The node is where the proxy's surface is.
        const swung = proxy();
        expect(Math.max(...swung.map((value, i) => Math.abs(value - surface[i])))).toBeGreaterThan(0.004);
        const own = Vector3.TransformCoordinates(
            placeOf(),
            ada._internals.posedNode.computeWorldMatrix(true).clone().invert(),
        );
        let nearest = Infinity;
        for (let i = 0; i < swung.length; i += 3) {
            nearest = Math.min(nearest, Vector3.Distance(own, Vector3.FromArray(swung, i)));
        }
        expect(nearest).toBeLessThan(0.012); // half an edge of a face
        const { min, max } = ada._internals.secondPage!.splats!.buffers.bounds;
        [own.x, own.y, own.z].forEach((value, axis) => expect(value > min[axis] && value < max[axis]).toBeTrue());
    });
});
