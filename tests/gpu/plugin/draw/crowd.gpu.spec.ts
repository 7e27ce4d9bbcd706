// Several avatars in a scene: one mesh, one sort and one indirect draw for all of them; instances; who comes and goes.
import { Matrix, Vector3 } from "@babylonjs/core/Maths/math.vector";
import type { FlexAvatar } from "../../../../src/plugin/avatar/flexAvatar";
import { Psnr } from "../../../support/gpu";
import { CrowdPicture, DrawnRgbAsync, HeadMember } from "../../../support/referencePicture";
import {
    AddAvatarAsync,
    CaptureAsync,
    CreateStageAsync,
    MakeSynthetic,
    RenderFrame,
    type IStage,
} from "../../../support/stage";

describe("a crowd", () => {
    let stage: IStage;
    afterEach(() => {
        expect(stage.errors).toEqual([]);
        stage.dispose();
    });

    const synthetic = MakeSynthetic();

    const PictureAsync = (): Promise<number[]> => DrawnRgbAsync(stage);

    /** What the reference makes of the avatars in one list. */
    const Reference = (avatars: readonly FlexAvatar[]): number[] =>
        CrowdPicture(
            stage,
            avatars.map((avatar) => HeadMember(avatar, synthetic)),
        );

    it("draws interlocking instances with their own places, faces and opacities by one mesh and one indirect draw", async () => {
        stage = await CreateStageAsync();
        const ada = await AddAvatarAsync(stage, synthetic);
        const [bob, eve] = [ada.createInstance("bob"), ada.createInstance("eve")];
        expect(stage.component.avatars).toEqual([ada, bob, eve]);
        expect(stage.scene.meshes.filter((mesh) => mesh.getClassName() === "FlexAvatarSplatMesh")).toEqual([
            ada.splatMesh,
        ]);
        bob.position.set(0.05, 0.02, 0.02);
        bob.rotation.y = 0.6;
        bob.expression.getTarget(2).influence = 0.8;
        eve.position.set(-0.06, -0.03, -0.1);
        eve.scaling.set(-1, 1.2, 0.9);
        eve.visibility = 0.6;
        const picture = await PictureAsync();
        const psnr = Psnr(picture, Reference([ada, bob, eve]));
        console.log(`PSNR ${psnr.toFixed(1)} dB`);
        expect(psnr).toBeGreaterThan(45);
        expect(Psnr(picture, Reference([ada, bob]))).toBeLessThan(35);

        const indirect = spyOn(GPURenderPassEncoder.prototype, "drawIndirect").and.callThrough();
        const direct = spyOn(GPURenderPassEncoder.prototype, "draw").and.callThrough();
        const computed = spyOn(GPUComputePassEncoder.prototype, "dispatchWorkgroups").and.callThrough();
        [ada, bob, eve].forEach((avatar) => (avatar.expression.getTarget(1).influence = 0.3));
        RenderFrame(stage);
        expect(indirect).toHaveBeenCalledTimes(1);
        expect(direct).not.toHaveBeenCalled();
        expect(computed.calls.count() + 1).toBeLessThanOrEqual(8); // and sortCrowded's, indirect
        RenderFrame(stage);
        expect(stage.component.statistics.dispatches).toBeLessThanOrEqual(8);
    });

    it("costs an instance little memory, and gives it back", async () => {
        stage = await CreateStageAsync();
        const ada = await AddAvatarAsync(stage, synthetic);
        const before = stage.component.statistics.gpuBytes;
        const instances = ["bob", "eve"].map((name) => ada.createInstance(name));
        const { table, model } = synthetic;
        const dynamicCount = table.flags.filter((flags) => (flags & 1) !== 0).length;
        const each = (stage.component.statistics.gpuBytes - before) / 2;
        // Two delta maps of 20 bytes per dynamic Gaussian, the expressed vertices, expressions and a uniform; not its
        // maps at rest.
        expect(each).toBeLessThanOrEqual(
            40 * dynamicCount + 16 * model.vertexCount + 4 * model.expressionCount + 4 + 256,
        );
        ada.dispose(); // instances live on
        RenderFrame(stage);
        await CaptureAsync(stage);
        instances.forEach((instance) => instance.dispose());
        expect(stage.scene.meshes.length).toBe(0);
        expect(
            [...stage.heads.values()].map(({ avatars, persons }) => avatars.byteLength + persons.byteLength),
        ).toEqual([0]);
    });

    it("follows avatars that come, go, hide and are disabled while it runs", async () => {
        stage = await CreateStageAsync();
        const ada = await AddAvatarAsync(stage, synthetic);
        const alone = await CaptureAsync(stage);
        const bob = ada.createInstance("bob");
        bob.position.set(0.08, 0, 0.05);
        const both = await CaptureAsync(stage);
        expect(both === alone).toBeFalse();
        bob.setEnabled(false);
        expect((await CaptureAsync(stage)) === alone).toBeTrue();
        bob.setEnabled(true);
        bob.visibility = 0;
        expect((await CaptureAsync(stage)) === alone).toBeTrue();
        bob.visibility = 1;
        expect((await CaptureAsync(stage)) === both).toBeTrue();
        bob.position.x = 4;
        expect((await CaptureAsync(stage)) === alone).toBeTrue();
        bob.dispose();
        expect((await CaptureAsync(stage)) === alone).toBeTrue();
        // In the middle of a frame, after it was drawn and before it is shown.
        const eve = ada.createInstance("eve");
        stage.scene.onAfterRenderObservable.addOnce(() => eve.dispose());
        await CaptureAsync(stage);
        expect((await CaptureAsync(stage)) === alone).toBeTrue();
    });

    it("has a mesh for each rendering group and layer mask in use", async () => {
        stage = await CreateStageAsync();
        const ada = await AddAvatarAsync(stage, synthetic);
        const bob = ada.createInstance("bob");
        const empty = stage.scene.meshes.length;
        bob.layerMask = 0x10000000;
        expect(bob.splatMesh).not.toBe(ada.splatMesh);
        expect([bob.layerMask, ada.layerMask]).toEqual([0x10000000, 0x0fffffff]);
        expect(stage.scene.meshes.length).toBe(empty + 1);
        bob.position.x = 0.08;
        const masked = await CaptureAsync(stage);
        bob.layerMask = 0x0fffffff;
        bob.renderingGroupId = 1;
        expect(bob.renderingGroupId).toBe(1);
        expect((await CaptureAsync(stage)) === masked).toBeFalse();
        bob.renderingGroupId = 0;
        expect(bob.splatMesh).toBe(ada.splatMesh);
        expect(stage.scene.meshes.length).toBe(empty);
    });

    it("is culled by the avatars' own boxes, not by their common one", async () => {
        stage = await CreateStageAsync();
        const ada = await AddAvatarAsync(stage, synthetic);
        const bob = ada.createInstance("bob");
        ada.position.x = -3;
        bob.position.x = 3;
        RenderFrame(stage);
        const active = stage.scene.getActiveMeshes();
        expect(active.data.slice(0, active.length)).not.toContain(ada.splatMesh);
        expect(
            ada.splatMesh.getBoundingInfo().boundingBox.centerWorld.equalsWithEpsilon(Vector3.Zero(), 0.05),
        ).toBeTrue();
        expect(ada.splatMesh.getWorldMatrix().equals(Matrix.Identity())).toBeTrue();
        bob.position.x = 0;
        RenderFrame(stage);
        expect(active.data.slice(0, active.length)).toContain(ada.splatMesh);
    });
});
