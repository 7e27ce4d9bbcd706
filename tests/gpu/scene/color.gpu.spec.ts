// Colors on the way through post-processes and image processing: what arrives on the canvas must be what the direct
// path shows.
import { Constants } from "@babylonjs/core/Engines/constants";
import { ImageProcessingConfiguration } from "@babylonjs/core/Materials/imageProcessingConfiguration";
import { Color3, Color4 } from "@babylonjs/core/Maths/math.color";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import { ImageProcessingPostProcess } from "@babylonjs/core/PostProcesses/imageProcessingPostProcess";
import { DefaultRenderingPipeline } from "@babylonjs/core/PostProcesses/RenderPipeline/Pipelines/defaultRenderingPipeline";
import { AddBox, CanvasPx, MakeSynthetic } from "../../support/stage";
import { Psnr } from "../../support/gpu";
import { Compare, ExpectAlike, ExpectColor, MakeSolid, ShootAsync, type Rgb } from "../../support/pictures";
import { ShareStage, type ISharedStage } from "../../support/sharedStage";

const avatarColor: Rgb = [200, 120, 60];
const Middle = [CanvasPx / 2, CanvasPx / 2];

/**
 * The middle of the head, without its rim, where it is mixed with the background: in linear light in a linear target,
 * as every mesh is.
 */
function Inner(pixels: Uint8ClampedArray): number[] {
    return Array.from({ length: 60 }, (_, row) =>
        Array.from(pixels.subarray(4 * ((34 + row) * CanvasPx + 44), 4 * ((34 + row) * CanvasPx + 84))),
    ).flat();
}

/** Pictures of the stage through a post-process that gets linear color, and directly. */
async function BothWaysAsync(stage: ISharedStage): Promise<[Uint8ClampedArray, Uint8ClampedArray]> {
    const direct = await ShootAsync(stage, 2);
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
    const viaPost = await ShootAsync(stage, 4);
    post.dispose(stage.camera);
    expect(stage.scene.imageProcessingConfiguration.applyByPostProcess).toBeFalse();
    return [viaPost, direct];
}

describe("colors of an avatar", () => {
    const solid = ShareStage(MakeSolid(avatarColor));

    it("are the same by the direct way and through a linear target", async () => {
        const [viaPost, direct] = await BothWaysAsync(solid);
        ExpectColor(direct, Middle, avatarColor, 2);
        ExpectColor(viaPost, Middle, avatarColor, 2);
        ExpectAlike(Inner(viaPost), Inner(direct), 2);
    });

    it("follow exposure, contrast and tone mapping by the direct way as through a post-process, and as an unlit mesh", async () => {
        const { scene } = solid;
        AddBox(
            scene,
            "same color",
            new Color3(...avatarColor.map((value) => value / 255)),
            0.02,
            new Vector3(0.02, 0, 0.2),
        );
        const box = [CanvasPx / 2 - 10, CanvasPx / 2];
        const image = scene.imageProcessingConfiguration;
        image.exposure = 1.4;
        image.contrast = 1.3;
        image.toneMappingEnabled = true;
        image.toneMappingType = ImageProcessingConfiguration.TONEMAPPING_ACES;
        try {
            const [viaPost, direct] = await BothWaysAsync(solid);
            const at = 4 * (box[1] * CanvasPx + box[0]);
            for (const [name, pixels] of Object.entries({ viaPost, direct })) {
                const expected = [pixels[at], pixels[at + 1], pixels[at + 2]] as const;
                expect(
                    Math.max(...expected.map((value, channel) => Math.abs(value - avatarColor[channel]))),
                ).toBeGreaterThan(8);
                ExpectColor(pixels, [CanvasPx / 2 + 12, CanvasPx / 2 + 15], expected, 3, name);
            }
            ExpectAlike(Inner(viaPost), Inner(direct), 3);
        } finally {
            image.exposure = image.contrast = 1;
            image.toneMappingEnabled = false;
        }
    });

    it("survive a default rendering pipeline with a half-float target, at one sample and at four", async () => {
        const { scene, camera } = solid;
        const direct = await ShootAsync(solid);
        const pipeline = new DefaultRenderingPipeline("pipeline", true, scene, [camera]);
        try {
            for (const samples of [1, 4]) {
                pipeline.samples = samples;
                const pixels = await ShootAsync(solid, 4);
                ExpectColor(pixels, Middle, avatarColor, 2, `${samples} samples`);
                ExpectAlike(Inner(pixels), Inner(direct), 2, 0, `${samples} samples`);
            }
        } finally {
            pipeline.dispose();
        }
    });
});

describe("colors of an avatar whose neighboring splats have nothing in common", () => {
    const stage = ShareStage(MakeSynthetic());

    it("differ through a linear target by no more than random colors must, far less than without decoding", async () => {
        const [viaPost, direct] = await BothWaysAsync(stage);
        const rgb = (pixels: ArrayLike<number>): number[] => Array.from(pixels, (value) => value / 255);
        expect(Psnr(rgb(viaPost), rgb(direct))).toBeGreaterThan(22);
        expect(Compare(viaPost, direct).lit).toBeGreaterThan(2000);
    });

    it("are mixed with a background in linear light there, as every mesh is", async () => {
        stage.scene.clearColor = new Color4(1, 1, 1, 1);
        const [viaPost, direct] = await BothWaysAsync(stage);
        const sum = (pixels: ArrayLike<number>): number =>
            Array.from(pixels).reduce((total, value) => total + value, 0);
        expect(sum(viaPost)).toBeGreaterThan(sum(direct));
    });
});
