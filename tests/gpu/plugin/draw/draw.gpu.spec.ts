// The avatar's picture through Babylon's own draw: against the reference rasteriser, in both handednesses, classic and
// frame graph, among opaque boxes.
import { Constants } from "@babylonjs/core/Engines/constants";
import { FreeCamera } from "@babylonjs/core/Cameras/freeCamera";
import { RenderTargetTexture } from "@babylonjs/core/Materials/Textures/renderTargetTexture";
import { ImageProcessingPostProcess } from "@babylonjs/core/PostProcesses/imageProcessingPostProcess";
import { Color3 } from "@babylonjs/core/Maths/math.color";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import { Viewport } from "@babylonjs/core/Maths/math.viewport";
import { CreateExpressionPose } from "../../../../src/flame/expression";
import type { FlexAvatar } from "../../../../src/plugin/avatar/flexAvatar";
import { PoseVerticesReference } from "../../../../src/runtime/reference/poseVertices";
import { RasterizeReference } from "../../../../src/runtime/reference/rasterize";
import { SplatProjectReference } from "../../../../src/runtime/reference/splatProject";
import { Psnr } from "../../../support/gpu";
import {
    AddAvatarAsync,
    AddBox,
    CanvasPx,
    CaptureAsync,
    ColorAt,
    CreateStageAsync,
    MakeSynthetic,
    PixelsAsync,
    type ISynthetic,
    type IStage,
} from "../../../support/stage";

/** The picture that the reference makes of the avatar for the stage's camera: rgb 0..1 over black. */
function ReferencePicture(
    stage: IStage,
    avatar: FlexAvatar,
    { model, table, staticMap }: ISynthetic,
    pose = CreateExpressionPose(model),
    visibility = 1,
): number[] {
    const { expressed, jointMatrices } = PoseVerticesReference(model, pose);
    const splats = SplatProjectReference(
        { table, expressed, jointMatrices, staticMap, deltas: [] },
        {
            worldFromPosed: avatar._internals.posedNode.computeWorldMatrix(true).m,
            viewFromWorld: stage.camera.getViewMatrix(true).m,
            clipFromView: stage.camera.getProjectionMatrix(true).m,
            viewportWidthPx: CanvasPx,
            viewportHeightPx: CanvasPx,
            rightHanded: stage.scene.useRightHandedSystem,
        },
    )
        .filter(({ visible }) => visible)
        .map((splat) => ({ ...splat, alpha: visibility * splat.alpha }))
        .sort((a, b) => b.viewDepth - a.viewDepth);
    const picture = RasterizeReference(splats, CanvasPx, CanvasPx);
    return Rgb(picture, 1);
}

/** Drops alpha. */
function Rgb(rgba: ArrayLike<number>, peak: number): number[] {
    return Array.from({ length: (rgba.length / 4) * 3 }, (_, i) => rgba[4 * Math.floor(i / 3) + (i % 3)] / peak);
}

describe("avatar in a Babylon scene", () => {
    let stage: IStage;
    afterEach(() => {
        expect(stage.errors).toEqual([]);
        stage.dispose();
    });

    for (const rightHanded of [false, true]) {
        it(`is the reference rasteriser's picture in a ${rightHanded ? "right" : "left"}-handed scene`, async () => {
            stage = await CreateStageAsync({ rightHanded });
            const synthetic = MakeSynthetic();
            const avatar = await AddAvatarAsync(stage, synthetic);
            avatar.rotation.y = 0.4;
            avatar.position.x = 0.02;
            avatar.scaling.y = 1.1;
            avatar.neck.rotation.set(0.2, 0.1, 0);
            avatar.expression.getTarget(2).influence = 0.7;
            const pose = CreateExpressionPose(synthetic.model);
            pose.expression[2] = 0.7;
            // Babylon's Euler order (yaw, pitch, roll), as axis-angle.
            const turn = avatar.neck.rotation.toQuaternion();
            if (!rightHanded) {
                turn.set(turn.x, -turn.y, -turn.z, turn.w); // the avatar's axes mirror canonical ones
            }
            const angle = 2 * Math.acos(turn.w);
            const scale = angle / Math.sin(angle / 2);
            pose.pose.set([scale * turn.x, scale * turn.y, scale * turn.z], 3);
            const pixels = await PixelsAsync(await CaptureAsync(stage));
            const expected = ReferencePicture(stage, avatar, synthetic, pose);
            expect(expected.reduce((sum, value) => sum + value, 0) / expected.length).toBeGreaterThan(0.02);
            const psnr = Psnr(Rgb(pixels, 255), expected);
            console.log(`PSNR ${psnr.toFixed(1)} dB`);
            expect(psnr).toBeGreaterThan(45);
            // The comparison sees a wrong picture: the same head at rest.
            expect(Psnr(Rgb(pixels, 255), ReferencePicture(stage, avatar, synthetic))).toBeLessThan(35);
        });
    }

    it("shows the same side of the face in left- and right-handed scenes", async () => {
        const pictures: number[][] = [];
        for (const rightHanded of [false, true]) {
            stage = await CreateStageAsync({ rightHanded });
            await AddAvatarAsync(stage, MakeSynthetic());
            pictures.push(Rgb(await PixelsAsync(await CaptureAsync(stage)), 255));
            if (!rightHanded) {
                stage.dispose();
            }
        }
        const mirrored = pictures[1].map((_, i) => {
            const [pixel, channel] = [Math.floor(i / 3), i % 3];
            return pictures[1][3 * (pixel - (pixel % CanvasPx) + CanvasPx - 1 - (pixel % CanvasPx)) + channel];
        });
        expect(Psnr(pictures[0], pictures[1])).toBeGreaterThan(45);
        expect(Psnr(pictures[0], mirrored)).toBeLessThan(30);
    });

    for (const samples of [1, 4]) {
        it(`is hidden by a nearer box and covers a farther one at ${samples} sample(s)`, async () => {
            stage = await CreateStageAsync({ samples });
            const synthetic = MakeSynthetic();
            // Opaque white Gaussians everywhere: what is behind is gone, what is in front is untouched.
            const texels = synthetic.table.mapSize ** 2;
            synthetic.staticMap.fill(0);
            synthetic.staticMap.fill(8, 3 * texels, 4 * texels);
            synthetic.staticMap.fill(1, 4 * texels, 7 * texels);
            synthetic.staticMap.fill(Math.log(0.006), 7 * texels, 10 * texels);
            synthetic.staticMap.fill(1, 13 * texels, 14 * texels);
            await AddAvatarAsync(stage, synthetic);
            AddBox(stage.scene, "near", new Color3(0, 0, 1), 0.03, new Vector3(0.03, 0, 0.2));
            AddBox(stage.scene, "far", new Color3(0, 1, 0), 0.03, new Vector3(-0.03, 0, -0.3));
            const pixels = await PixelsAsync(await CaptureAsync(stage));
            // Seen from the front in a left-handed scene, +x is on the left.
            const project = (x: number, z: number): number =>
                Math.round(CanvasPx / 2 - ((x / (0.6 - z)) * CanvasPx) / 2 / Math.tan(0.3));
            expect(ColorAt(pixels, project(0.03, 0.2), CanvasPx / 2)).toEqual([0, 0, 255]);
            const covered = ColorAt(pixels, project(-0.03, -0.3), CanvasPx / 2);
            expect(covered[0]).toBeGreaterThan(240);
            expect(covered[2]).toBeGreaterThan(240);
            // Without the avatar the far box is seen there.
            stage.component.avatars[0].setEnabled(false);
            const bare = await PixelsAsync(await CaptureAsync(stage));
            expect(ColorAt(bare, project(-0.03, -0.3), CanvasPx / 2)).toEqual([0, 255, 0]);
        });
    }

    it("is right for two cameras in two viewports", async () => {
        stage = await CreateStageAsync();
        const synthetic = MakeSynthetic();
        const avatar = await AddAvatarAsync(stage, synthetic);
        const second = new FreeCamera("second", new Vector3(0.35, 0.1, 0.5), stage.scene);
        second.setTarget(Vector3.Zero());
        second.fov = 0.6;
        second.minZ = 0.05;
        stage.camera.viewport = new Viewport(0, 0, 0.5, 1);
        second.viewport = new Viewport(0.5, 0, 0.5, 1);
        stage.scene.activeCameras = [stage.camera, second];
        const both = await PixelsAsync(await CaptureAsync(stage));
        expect(avatar.splatMesh.viewCount).toBe(2);
        // Each half alone must be the same picture.
        for (const [camera, from] of [
            [stage.camera, 0],
            [second, CanvasPx / 2],
        ] as const) {
            stage.scene.activeCameras = [camera];
            const alone = await PixelsAsync(await CaptureAsync(stage));
            let lit = 0;
            let different = 0;
            for (let y = 0; y < CanvasPx; y++) {
                for (let x = from; x < from + CanvasPx / 2; x++) {
                    const [a, b] = [ColorAt(both, x, y), ColorAt(alone, x, y)];
                    lit += a[0] + a[1] + a[2] > 30 ? 1 : 0;
                    different += a.join() === b.join() ? 0 : 1;
                }
            }
            expect(lit).toBeGreaterThan(500);
            expect(different).toBe(0);
        }
        stage.scene.activeCameras = [stage.camera];
        second.dispose();
        expect(avatar.splatMesh.viewCount).toBe(1);
    });

    it("draws both pictures when the scene is rendered twice within one frame", async () => {
        stage = await CreateStageAsync();
        const avatar = await AddAvatarAsync(stage, MakeSynthetic());
        const { engine, scene, camera } = stage;
        const halves = [
            { viewport: new Viewport(0, 0, 0.5, 1), turn: 0 },
            { viewport: new Viewport(0.5, 0, 0.5, 1), turn: 0.8 },
        ];
        const draw = (parts: typeof halves): string => {
            engine.beginFrame();
            parts.forEach(({ viewport, turn }, index) => {
                scene.autoClear = index === 0;
                camera.viewport = viewport;
                avatar.rotation.y = turn;
                scene.render();
            });
            engine.endFrame();
            scene.autoClear = true;
            return stage.canvas.toDataURL();
        };
        await CaptureAsync(stage);
        const [both, left, right] = [
            await PixelsAsync(draw(halves)),
            await PixelsAsync(draw([halves[0]])),
            await PixelsAsync(draw([halves[1]])),
        ];
        let [lit, different] = [0, 0];
        for (let y = 0; y < CanvasPx; y++) {
            for (let x = 0; x < CanvasPx; x++) {
                const [a, b] = [ColorAt(both, x, y), ColorAt(x < CanvasPx / 2 ? left : right, x, y)];
                lit += b[0] + b[1] + b[2] > 30 ? 1 : 0;
                different += a.join() === b.join() ? 0 : 1;
            }
        }
        expect(lit).toBeGreaterThan(1000);
        expect(different).toBe(0);
    });

    it("is the same picture in a render target, with a view of its own", async () => {
        stage = await CreateStageAsync();
        const avatar = await AddAvatarAsync(stage, MakeSynthetic());
        const direct = await CaptureAsync(stage);
        const target = new RenderTargetTexture("mirror", CanvasPx, stage.scene, { samples: 1, generateMipMaps: false });
        target.renderList = [avatar.splatMesh];
        target.activeCamera = stage.camera;
        target.clearColor = stage.scene.clearColor;
        stage.scene.customRenderTargets.push(target);
        expect((await CaptureAsync(stage)) === direct).toBeTrue();
        expect(avatar.splatMesh.viewCount).toBe(2);
        const read = new Uint8Array((await target.readPixels())!.buffer);
        const pixels = await PixelsAsync(direct);
        // Rows of a render target go up.
        const upright = Array.from({ length: read.length }, (_, i) => {
            const row = Math.floor(i / (4 * CanvasPx));
            return read[i + 4 * CanvasPx * (CanvasPx - 1 - 2 * row)];
        });
        expect(Psnr(Rgb(upright, 255), Rgb(pixels, 255))).toBeGreaterThan(50);
        target.dispose();
    });

    it("fades with the visibility of its mesh", async () => {
        stage = await CreateStageAsync();
        const synthetic = MakeSynthetic();
        const avatar = await AddAvatarAsync(stage, synthetic);
        avatar.splatMesh.visibility = 0.5;
        const half = Rgb(await PixelsAsync(await CaptureAsync(stage)), 255);
        const pose = CreateExpressionPose(synthetic.model);
        expect(Psnr(half, ReferencePicture(stage, avatar, synthetic, pose, 0.5))).toBeGreaterThan(45);
        expect(Psnr(half, ReferencePicture(stage, avatar, synthetic, pose))).toBeLessThan(35);
        avatar.splatMesh.visibility = 0;
        expect(Rgb(await PixelsAsync(await CaptureAsync(stage)), 255).every((value) => value === 0)).toBeTrue();
    });

    it("keeps its colors where a post-process applies image processing to a linear target", async () => {
        stage = await CreateStageAsync();
        const synthetic = MakeSynthetic();
        const texels = synthetic.table.mapSize ** 2;
        const color = [0.2, 0.5, 0.8];
        synthetic.staticMap.fill(9, 3 * texels, 4 * texels);
        color.forEach((value, channel) =>
            synthetic.staticMap.fill(value, (4 + channel) * texels, (5 + channel) * texels),
        );
        synthetic.staticMap.fill(Math.log(0.008), 7 * texels, 10 * texels);
        await AddAvatarAsync(stage, synthetic);
        const middle = async (): Promise<number[]> => {
            const pixels = await PixelsAsync(await CaptureAsync(stage));
            return ColorAt(pixels, CanvasPx / 2, CanvasPx / 2);
        };
        const expected = color.map((value) => Math.round(255 * value));
        const ExpectNear = (actual: number[], limit: number): void =>
            actual.forEach((value, channel) =>
                expect(Math.abs(value - expected[channel]))
                    .withContext(`channel ${channel}`)
                    .toBeLessThanOrEqual(limit),
            );
        ExpectNear(await middle(), 2);
        const post = new ImageProcessingPostProcess(
            "post",
            1,
            stage.camera,
            undefined,
            stage.engine,
            undefined,
            Constants.TEXTURETYPE_HALF_FLOAT,
        );
        expect(stage.scene.imageProcessingConfiguration.applyByPostProcess).toBeTrue();
        ExpectNear(await middle(), 3); // sRGB to linear and back by two formulas that differ a little
        post.dispose(stage.camera);
    });
});
