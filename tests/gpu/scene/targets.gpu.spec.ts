// Mirrors, sizes, several canvases and scenes on one engine, and snapshot rendering.
import "@babylonjs/core/Engines/AbstractEngine/abstractEngine.views";
import { Constants } from "@babylonjs/core/Engines/constants";
import { FreeCamera } from "@babylonjs/core/Cameras/freeCamera";
import { MirrorTexture } from "@babylonjs/core/Materials/Textures/mirrorTexture";
import { Color4 } from "@babylonjs/core/Maths/math.color";
import { Plane } from "@babylonjs/core/Maths/math.plane";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import { TransformNode } from "@babylonjs/core/Meshes/transformNode";
import { Scene } from "@babylonjs/core/scene";
import { FlexAvatarComponent } from "../../../src/plugin/flexAvatarComponent";
import { AddAvatarAsync, CanvasPx, MakeSynthetic, PixelsAsync, RenderFrame } from "../../support/stage";
import { Psnr } from "../../support/gpu";
import { Compare, ExpectAlike, Lit, ShootAsync } from "../../support/pictures";
import { ReferencePicture } from "../../support/referencePicture";
import { ShareStage } from "../../support/sharedStage";

const synthetic = MakeSynthetic();
const unit = (pixels: ArrayLike<number>): number[] => Array.from(pixels, (value) => value / 255);

describe("an avatar", () => {
    const stage = ShareStage(synthetic);

    it("is in a mirror what a mirrored avatar behind the glass would be, cut off at the glass", async () => {
        const { scene, camera, avatar } = stage;
        const glass = 0.1; // the mirror stands at x = 0.1 and the head reaches through it
        avatar.position.x = 0.06;
        avatar.rotation.y = 0.4;
        camera.position.set(-0.3, 0.1, 0.4);
        camera.setTarget(new Vector3(0.12, 0, 0));
        const mirror = new MirrorTexture("mirror", CanvasPx, scene, false);
        mirror.mirrorPlane = new Plane(1, 0, 0, -glass);
        mirror.renderList = [avatar.splatMesh];
        mirror.clearColor = new Color4(0, 0, 0, 1);
        scene.customRenderTargets.push(mirror);
        await ShootAsync(stage, 3);
        const read = new Uint8Array((await mirror.readPixels())!.buffer);
        // Rows of a render target go up.
        const reflected = Array.from(
            read,
            (_, i) => read[i + 4 * CanvasPx * (CanvasPx - 1 - 2 * Math.floor(i / (4 * CanvasPx)))],
        );
        scene.customRenderTargets.splice(0);
        mirror.dispose();

        const behind = new TransformNode("behind", scene);
        behind.scaling.x = -1;
        behind.position.x = 2 * glass;
        avatar.parent = behind;
        const whole = await ShootAsync(stage);
        scene.clipPlane = new Plane(-1, 0, 0, glass); // shows only what lies behind the glass
        const expected = await ShootAsync(stage);
        expect(Lit(expected)).toBeGreaterThan(500);
        expect(Lit(whole)).toBeGreaterThan(1.1 * Lit(expected));
        expect(Psnr(unit(reflected), unit(expected))).toBeGreaterThan(40);
        expect(Psnr(unit(reflected), unit(whole))).toBeLessThan(30);
        behind.dispose(true);
    });

    it("is the reference's picture at another hardware scaling level and after a resize", async () => {
        const { engine, camera, avatar, canvas } = stage;
        try {
            engine.setHardwareScalingLevel(2);
            const half = CanvasPx / 2;
            const small = await ShootAsync(stage);
            expect(engine.getRenderWidth()).toBe(half);
            camera.getProjectionMatrix(true);
            expect(Psnr(unit(small), unit(ReferencePicture(stage, avatar, synthetic, half, half)))).toBeGreaterThan(42);
            engine.setHardwareScalingLevel(1);
            engine.setSize(160, 96);
            const wide = await ShootAsync(stage);
            expect(canvas.width).toBe(160);
            expect(Psnr(unit(wide), unit(ReferencePicture(stage, avatar, synthetic, 160, 96)))).toBeGreaterThan(42);
        } finally {
            engine.setHardwareScalingLevel(1);
            engine.setSize(CanvasPx, CanvasPx);
        }
    });

    it("stands in two scenes of one engine, one drawn over the other", async () => {
        const { engine, scene, camera, avatar } = stage;
        avatar.position.x = 0.08;
        const first = await ShootAsync(stage);
        const second = new Scene(engine);
        second.autoClear = false;
        const other = new FreeCamera("other", camera.position.clone(), second);
        other.rotation.copyFrom(camera.rotation);
        other.fov = camera.fov;
        other.minZ = camera.minZ;
        other.maxZ = camera.maxZ;
        const component = FlexAvatarComponent.GetOrCreate(second);
        const twin = await AddAvatarAsync({ ...stage, scene: second, component }, synthetic, { name: "twin" });
        twin.position.x = -0.08;
        await second.whenReadyAsync();
        engine.beginFrame();
        scene.render();
        second.render();
        engine.endFrame();
        const both = await PixelsAsync(stage.canvas.toDataURL());
        avatar.position.x = -0.08;
        const alone = await ShootAsync(stage);
        // Each half shows one of them.
        const halves = both.map((_, i) => ((i / 4) % CanvasPx < CanvasPx / 2 ? first[i] : alone[i]));
        expect(Compare(both, halves, 2).different).toBeLessThan(0.1 * Compare(both, both).lit);
        expect(Lit(both)).toBeGreaterThan(1.5 * Lit(first));
        second.dispose();
    });

    it("is shown on several canvases of one engine, each with its camera", async () => {
        const { engine, scene, camera, avatar } = stage;
        const side = new FreeCamera("side", new Vector3(0.5, 0.1, 0.35), scene);
        side.setTarget(Vector3.Zero());
        Object.assign(side, { fov: camera.fov, minZ: camera.minZ, maxZ: camera.maxZ });
        const cameras = [camera, side];
        avatar.rotation.y = 0.2;
        const alone: Uint8ClampedArray[] = [];
        for (const one of cameras) {
            scene.activeCamera = one;
            alone.push(await ShootAsync(stage, 2));
        }
        const canvases = cameras.map(() => document.createElement("canvas"));
        cameras.forEach((one, index) => engine.registerView(canvases[index], one));
        // Babylon copies with drawImage, by which headless Chromium copies nothing of a WebGPU canvas on a software
        // adapter: take what it is given.
        const copied: { to: HTMLCanvasElement; url: string }[] = [];
        spyOn(CanvasRenderingContext2D.prototype, "drawImage").and.callFake(function (
            this: CanvasRenderingContext2D,
            source: unknown,
        ) {
            copied.push({ to: this.canvas, url: (source as HTMLCanvasElement).toDataURL() });
        } as CanvasRenderingContext2D["drawImage"]);
        const render = (): void => scene.render();
        engine.runRenderLoop(render);
        engine.beginFrame();
        expect(engine._renderViews()).toBeTrue();
        engine.endFrame();
        engine.stopRenderLoop(render);
        canvases.forEach((canvas) => engine.unRegisterView(canvas));
        expect(copied.map(({ to }) => canvases.indexOf(to))).toEqual([0, 1]);
        for (const [index, { url }] of copied.entries()) {
            ExpectAlike(await PixelsAsync(url), alone[index], 0, 0, cameras[index].name);
        }
        expect(Compare(alone[0], alone[1], 20).different).toBeGreaterThan(500);
    });

    for (const [name, mode] of [
        ["standard", Constants.SNAPSHOTRENDERING_STANDARD],
        ["fast", Constants.SNAPSHOTRENDERING_FAST],
    ] as const) {
        it(`moves under ${name} snapshot rendering as without it`, async () => {
            const { engine, avatar, camera } = stage;
            const shoot = async (turn: number, x: number): Promise<Uint8ClampedArray> => {
                avatar.rotation.y = turn;
                camera.position.x = x;
                camera.setTarget(Vector3.Zero());
                return ShootAsync(stage, 2);
            };
            const poses = [
                [0, 0],
                [0.6, 0],
                [0.6, 0.3],
            ] as const;
            const expected: Uint8ClampedArray[] = [];
            for (const [turn, x] of poses) {
                expected.push(await shoot(turn, x));
            }
            expect(Compare(expected[0], expected[1], 20).different).toBeGreaterThan(300);
            await shoot(0, 0);
            engine.snapshotRenderingMode = mode;
            engine.snapshotRendering = true;
            try {
                RenderFrame(stage);
                for (const [index, [turn, x]] of poses.entries()) {
                    ExpectAlike(await shoot(turn, x), expected[index], 0, 0, `pose ${index}`);
                }
            } finally {
                engine.snapshotRendering = false;
                engine.snapshotRenderingMode = Constants.SNAPSHOTRENDERING_STANDARD;
            }
        });
    }
});
