// What is behind an opaque head is left out of a scene, of whichever avatar it is, but where it can be seen after all.
import { Camera } from "@babylonjs/core/Cameras/camera";
import { TargetCamera } from "@babylonjs/core/Cameras/targetCamera";
import { Plane } from "@babylonjs/core/Maths/math.plane";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import { Viewport } from "@babylonjs/core/Maths/math.viewport";
import type { FlexAvatar } from "../../../../src/plugin/avatar/flexAvatar";
import { DrawArgsLayout } from "../../../../src/runtime/layout";
import { Psnr, ReadBuffer } from "../../../support/gpu";
import {
    AddAvatarAsync,
    CaptureAsync,
    CreateStageAsync,
    MakeSynthetic,
    PixelsAsync,
    RenderFrame,
    type IStage,
} from "../../../support/stage";

/** Opacity of trained networks. */
const OpaqueLogit = 4;
/** Gaussians so wide that light finds no way through. */
const WideLogScale = Math.log(0.01);

describe("what is behind a head", () => {
    let stage: IStage;
    let front: FlexAvatar;
    let back: FlexAvatar;

    beforeEach(async () => {
        stage = await CreateStageAsync();
        const synthetic = MakeSynthetic();
        const texels = synthetic.staticMap.length / 14;
        synthetic.staticMap.fill(OpaqueLogit, 3 * texels, 4 * texels);
        synthetic.staticMap.fill(WideLogScale, 7 * texels, 10 * texels);
        front = await AddAvatarAsync(stage, synthetic);
        back = front.createInstance("back");
        back.position.z = -0.4;
        back.expression.getTarget(0).influence = 1;
        front.levelOfDetail = back.levelOfDetail = 0;
        await back.whenReadyAsync();
    });

    afterEach(() => {
        expect(stage.errors).toEqual([]);
        stage.dispose();
    });

    /** Gaussians drawn in the next frame, of each view, and its picture. */
    async function DrawnAsync(): Promise<{ counts: number[]; pixels: number[] }> {
        const pixels = Array.from(await PixelsAsync(await CaptureAsync(stage)), (value) => value / 255);
        const counts: number[] = [];
        for (const { buffers } of front.splatMesh["_views"].all) {
            const args = new Uint32Array(await ReadBuffer(buffers.device, buffers.drawArgs));
            counts.push(args[DrawArgsLayout.offsets.visibleCount / 4]);
        }
        return { counts, pixels };
    }

    function Keep(): void {
        front.cullHidden = back.cullHidden = false;
    }

    it("is left out, in the same number of dispatches, and comes back where it may be seen", async () => {
        const { pipeline } = front._internals.splats!;
        const dispatchesOf = (): number => {
            const before = pipeline.dispatches;
            front.rotation.z += 1e-6; // so that the view is out of date
            RenderFrame(stage);
            return pipeline.dispatches - before;
        };
        const hidden = await DrawnAsync();
        const few = dispatchesOf();
        Keep();
        const all = await DrawnAsync();
        expect(dispatchesOf()).toBe(few);
        expect(hidden.counts[0]).toBeLessThan(0.75 * all.counts[0]);
        expect(Psnr(hidden.pixels, all.pixels)).toBeGreaterThan(45);
        front.cullHidden = "auto";
        expect((await DrawnAsync()).counts[0])
            .withContext("by the front one alone")
            .toBeLessThan(0.8 * all.counts[0]);
        front.visibility = 0.9;
        const throughFaded = (await DrawnAsync()).counts[0];
        expect(throughFaded).withContext("behind a faded head").toBeGreaterThanOrEqual(all.counts[0]);
        front.visibility = 1;
        stage.scene.clipPlane = new Plane(0, 0, 1, -100); // cuts nothing, but might
        expect((await DrawnAsync()).counts[0])
            .withContext("where a plane may cut the head open")
            .toBeGreaterThanOrEqual(all.counts[0]);
        front.cullHidden = true;
        expect((await DrawnAsync()).counts[0])
            .withContext("on demand")
            .toBeLessThan(0.8 * all.counts[0]);
        stage.scene.clipPlane = null;
    });

    it("stays for the eyes of one head", async () => {
        const { camera, scene } = stage;
        const alone = await DrawnAsync();
        const head = new TargetCamera("head", camera.position.clone(), scene);
        head.rotation.copyFrom(camera.rotation);
        Object.assign(head, { fov: camera.fov, minZ: camera.minZ, maxZ: camera.maxZ });
        for (const side of [-1, 1]) {
            const eye = new TargetCamera(side < 0 ? "left" : "right", Vector3.Zero(), scene, false);
            eye.isRigCamera = true;
            eye.rigParent = head;
            eye.position.copyFrom(head.position).addInPlace(camera.getDirection(Vector3.Right()).scale(side * 0.032));
            eye.rotation.copyFrom(head.rotation);
            eye.viewport = new Viewport(side < 0 ? 0 : 0.5, 0, 0.5, 1);
            head._rigCameras.push(eye);
        }
        head.cameraRigMode = Camera.RIG_MODE_CUSTOM;
        scene.activeCamera = head;
        const both = await DrawnAsync();
        Keep();
        const kept = await DrawnAsync();
        expect(both.pixels).toEqual(kept.pixels);
        expect(both.counts.slice(1)).toEqual(kept.counts.slice(1)); // the first is the camera's that was
        expect(both.counts[1]).toBeGreaterThan(alone.counts[0]);
        head._rigCameras.splice(0).forEach((eye) => eye.dispose());
    });
});
