// Stereo as WebXR does it: a camera whose two rig cameras are the eyes, each with a matrix and a viewport of its own.
import { Camera } from "@babylonjs/core/Cameras/camera";
import { TargetCamera } from "@babylonjs/core/Cameras/targetCamera";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import { Viewport } from "@babylonjs/core/Maths/math.viewport";
import { GivePage, MakePageMap } from "../../support/gridPage";
import { CanvasPx, ColorAt, MakeSynthetic, RenderFrame } from "../../support/stage";
import { Lit, ShootAsync } from "../../support/pictures";
import { ShareStage, type ISharedStage } from "../../support/sharedStage";

const EyeDistance = 0.064;

/**
 * A head where the stage's camera is; its eyes are turned outwards by an angle. It is the scene's camera from now on.
 */
function AddHead({ scene, camera }: ISharedStage, outwards: number): TargetCamera[] {
    const head = new TargetCamera("head", camera.position.clone(), scene);
    head.rotation.copyFrom(camera.rotation);
    Object.assign(head, { fov: camera.fov, minZ: camera.minZ, maxZ: camera.maxZ }); // the eyes take these over
    const eyes = [-1, 1].map((side) => {
        const eye = new TargetCamera(side < 0 ? "left" : "right", Vector3.Zero(), scene, false);
        eye.isRigCamera = true;
        eye.rigParent = head;
        eye.position
            .copyFrom(head.position)
            .addInPlace(camera.getDirection(Vector3.Right()).scale((side * EyeDistance) / 2));
        eye.rotation.copyFrom(head.rotation);
        eye.rotation.y += side * outwards;
        eye.viewport = new Viewport(side < 0 ? 0 : 0.5, 0, 0.5, 1);
        return eye;
    });
    head.cameraRigMode = Camera.RIG_MODE_CUSTOM;
    head._rigCameras.push(...eyes);
    scene.activeCamera = head;
    return eyes;
}

for (const withPage of [false, true]) {
    const synthetic = MakeSynthetic();
    describe(`an avatar ${withPage ? "with a second page " : ""}seen by two eyes`, () => {
        const stage = ShareStage(synthetic);
        beforeAll(() => (withPage ? GivePage(stage.avatar, MakePageMap(synthetic.model)) : undefined));

        for (const [name, outwards] of [
            ["parallel eyes", 0],
            ["eyes of a canted display", 0.05],
        ] as const) {
            it(`is to each of ${name} what a camera at its place sees${outwards ? "" : ", with one sort for both"}`, async () => {
                const { scene, camera, avatar } = stage;
                const { pipeline } = avatar._internals.splats!;
                const dispatchesAfter = (turn: number): number => {
                    const before = pipeline.dispatches;
                    avatar.rotation.y = turn;
                    RenderFrame(stage);
                    return pipeline.dispatches - before;
                };
                const eyes = AddHead(stage, outwards);
                // So far to the side that each eye has on its picture what the other has not.
                avatar.position.x = 0.06;
                await ShootAsync(stage, 2);
                const ofBoth = dispatchesAfter(0.5);
                const both = await ShootAsync(stage);
                expect(Lit(both)).toBeGreaterThan(1000);
                (scene.activeCamera as TargetCamera)._rigCameras.splice(0);
                for (const [index, eye] of eyes.entries()) {
                    camera.position.copyFrom(eye.position);
                    camera.rotation.copyFrom(eye.rotation);
                    camera.viewport = eye.viewport.clone();
                    scene.activeCamera = camera;
                    dispatchesAfter(0);
                    const ofOne = dispatchesAfter(0.5);
                    // A shared sort leaves the second eye its projections: of the head, and of the page.
                    expect(ofBoth).toBe(outwards ? 2 * ofOne : ofOne + (withPage ? 2 : 1));
                    const alone = await ShootAsync(stage);
                    const inView = { different: 0, lit: 0 };
                    for (let y = 0; y < CanvasPx; y++) {
                        for (let x = (index * CanvasPx) / 2; x < ((index + 1) * CanvasPx) / 2; x++) {
                            const color = ColorAt(alone, x, y);
                            inView.different += ColorAt(both, x, y).join() === color.join() ? 0 : 1;
                            inView.lit += Math.max(...color) > 30 ? 1 : 0;
                        }
                    }
                    expect(inView.lit).toBeGreaterThan(300);
                    expect(inView.different).withContext(eye.name).toBe(0);
                }
                for (const eye of eyes) {
                    eye.dispose();
                }
            });
        }
    });
}
