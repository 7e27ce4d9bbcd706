// Stereo as WebXR does it: a camera whose two rig cameras are the eyes, each with a matrix and a viewport of its own.
import { Camera } from "@babylonjs/core/Cameras/camera";
import { TargetCamera } from "@babylonjs/core/Cameras/targetCamera";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import { Viewport } from "@babylonjs/core/Maths/math.viewport";
import { CanvasPx, ColorAt, MakeSynthetic } from "../plugin/stage";
import { Compare, Lit, ShootAsync } from "./pictures";
import { ShareStage } from "./sharedStage";

const EyeDistance = 0.064;

describe("an avatar seen by two eyes", () => {
    const stage = ShareStage(MakeSynthetic());

    it("is to each eye what a camera at its place sees", async () => {
        const { scene, camera, avatar } = stage;
        const head = new TargetCamera("head", camera.position.clone(), scene);
        head.setTarget(Vector3.Zero());
        head.minZ = camera.minZ;
        head.maxZ = camera.maxZ;
        const eyes = [-1, 1].map((side) => {
            const eye = new TargetCamera(side < 0 ? "left" : "right", Vector3.Zero(), scene, false);
            eye._isLeftCamera = side < 0;
            eye._isRightCamera = side > 0;
            eye.isRigCamera = true;
            eye.rigParent = head;
            eye.fov = camera.fov;
            eye.minZ = camera.minZ;
            eye.maxZ = camera.maxZ;
            eye.position.copyFrom(head.position).addInPlace(head.getDirection(Vector3.Right()).scale((side * EyeDistance) / 2));
            eye.rotation.copyFrom(head.rotation);
            eye.viewport = new Viewport(side < 0 ? 0 : 0.5, 0, 0.5, 1);
            return eye;
        });
        head.cameraRigMode = Camera.RIG_MODE_CUSTOM;
        head._rigCameras.push(...eyes);
        scene.activeCamera = head;
        const pictures: Uint8ClampedArray[] = [];
        for (const turn of [0, 0.5]) {
            avatar.rotation.y = turn;
            pictures.push(await ShootAsync(stage, 2));
        }
        const [, both] = pictures;
        expect(Compare(pictures[0], both, 20).different).toBeGreaterThan(300);
        head._rigCameras.splice(0);
        for (const [index, eye] of eyes.entries()) {
            camera.position.copyFrom(eye.position);
            camera.rotation.copyFrom(eye.rotation);
            camera.viewport = eye.viewport.clone();
            scene.activeCamera = camera;
            const alone = await ShootAsync(stage);
            expect(Lit(alone)).toBeGreaterThan(1000);
            let different = 0;
            for (let y = 0; y < CanvasPx; y++) {
                for (let x = (index * CanvasPx) / 2; x < ((index + 1) * CanvasPx) / 2; x++) {
                    different += ColorAt(both, x, y).join() === ColorAt(alone, x, y).join() ? 0 : 1;
                }
            }
            expect(different)
                .withContext(index === 0 ? "left eye" : "right eye")
                .toBe(0);
        }
        for (const eye of eyes) {
            eye.dispose();
        }
    });
});
