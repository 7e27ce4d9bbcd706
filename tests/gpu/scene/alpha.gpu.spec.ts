// Alpha of what is drawn over nothing: a page, a PNG or a compositor must be able to put any background behind it
// afterwards.
import "@babylonjs/core/Engines/WebGPU/Extensions/engine.readTexture";
import { Constants } from "@babylonjs/core/Engines/constants";
import { RenderTargetTexture } from "@babylonjs/core/Materials/Textures/renderTargetTexture";
import { Color3, Color4 } from "@babylonjs/core/Maths/math.color";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import { DumpData } from "@babylonjs/core/Misc/dumpTools";
import { CreateScreenshotUsingRenderTargetAsync } from "@babylonjs/core/Misc/screenshotTools";
import "@babylonjs/core/Shaders/postprocess.vertex";
import { ImageProcessingPostProcess } from "@babylonjs/core/PostProcesses/imageProcessingPostProcess";
import { Scene } from "@babylonjs/core/scene";
import { GivePage, MakePageMap } from "../../support/gridPage";
import { AddBox, CanvasPx, MakeSynthetic, PixelsAsync } from "../../support/stage";
import { Compare, Lit, ShootAsync } from "../../support/pictures";
import { ShareStage } from "../../support/sharedStage";

const nothing = new Color4(0, 0, 0, 0);
const white = new Color4(1, 1, 1, 1);
const [red, blue] = [new Color4(1, 0, 0, 1), new Color4(0, 0, 1, 1)];

/** Values 0..1, four to a pixel. */
type Picture = ArrayLike<number>;

const Unit = (bytes: ArrayLike<number>): number[] => Array.from(bytes, (value) => value / 255);

/** As a decoded PNG has it, to premultiplied. */
const Premultiplied = (straight: Picture): number[] =>
    Array.from(straight, (value, i) => (i % 4 === 3 ? value : value * straight[i | 3]));

/** How a premultiplied picture, put over a color afterwards, differs from the one that was drawn on it, in 255ths. */
function Over(
    clear: Picture,
    onColor: Picture,
    color: Color4,
): { worst: number; mean: number; seeThrough: number; most: number } {
    let [worst, sum, seeThrough, most] = [0, 0, 0, 0];
    const behind = color.asArray();
    for (let at = 0; at < clear.length; at += 4) {
        const alpha = clear[at + 3];
        seeThrough += alpha > 0.05 && alpha < 0.95 ? 1 : 0;
        most = Math.max(most, alpha);
        for (let channel = 0; channel < 3; channel++) {
            const difference =
                255 * Math.abs(clear[at + channel] + (1 - alpha) * behind[channel] - onColor[at + channel]);
            worst = Math.max(worst, difference);
            sum += difference;
        }
    }
    return { worst, mean: sum / clear.length, seeThrough, most };
}

/**
 * Bytes round at every splat, on the way to either picture: 7 is what 16,384 pixels of random splats came to, where
 * alpha that only adds up gives 91. A half-float target shows that it is rounding: 0.7.
 */
function ExpectSame(clear: Picture, onColor: Picture, limit = 12, what = "", color = white): void {
    const { worst, mean, seeThrough, most } = Over(clear, onColor, color);
    expect(seeThrough).withContext(`${what}: pixels that are partly seen through`).toBeGreaterThan(100);
    expect(most).withContext(`${what}: largest alpha`).toBeLessThanOrEqual(1);
    expect(worst).withContext(`${what}: largest difference`).toBeLessThan(limit);
    expect(mean).withContext(`${what}: mean difference`).toBeLessThan(0.5);
}

describe("the alpha of a picture with an avatar", () => {
    const synthetic = MakeSynthetic();
    const stage = ShareStage(synthetic);

    /** The canvas on a page that is transparent, premultiplied, and the canvas cleared with white. */
    async function BothAsync(): Promise<[Picture, Picture]> {
        stage.scene.clearColor = nothing;
        const clear = Premultiplied(Unit(await ShootAsync(stage, 3)));
        stage.scene.clearColor = white;
        return [clear, Unit(await ShootAsync(stage, 3))];
    }

    it("on a transparent canvas lets through what the splats leave of the page", async () => {
        ExpectSame(...(await BothAsync()), 12, "plain");
        stage.avatar.visibility = 0.5;
        ExpectSame(...(await BothAsync()), 12, "faded");
        stage.avatar.visibility = 1;
        stage.scene.fogMode = Scene.FOGMODE_LINEAR;
        Object.assign(stage.scene, { fogStart: 0.2, fogEnd: 0.9, fogColor: new Color3(0.2, 0.5, 0.9) });
        ExpectSame(...(await BothAsync()), 12, "in fog");
    });

    it("falls with visibility", async () => {
        stage.scene.clearColor = nothing;
        const sum = async (): Promise<number> =>
            (await ShootAsync(stage)).reduce((all, value, i) => all + (i % 4 === 3 ? value : 0), 0);
        const full = await sum();
        stage.avatar.visibility = 0.3;
        const faded = await sum();
        expect(faded).toBeGreaterThan(0.1 * full);
        expect(faded).toBeLessThan(0.95 * full);
    });

    for (const [name, type, limit] of [
        ["bytes", Constants.TEXTURETYPE_UNSIGNED_BYTE, 12],
        ["half floats", Constants.TEXTURETYPE_HALF_FLOAT, 1.5],
    ] as const) {
        it(`in a target of ${name} lets through what the splats leave, and is never above 1`, async () => {
            const [clear, onWhite] = [await TargetAsync(type, nothing), await TargetAsync(type, white)];
            ExpectSame(clear, onWhite, limit);
            expect(Math.min(...Array.from(onWhite).filter((_, i) => i % 4 === 3))).toBeGreaterThan(0.999);
        });
    }

    async function TargetAsync(type: number, background: Color4): Promise<Picture> {
        const { scene, camera } = stage;
        const target = new RenderTargetTexture("target", CanvasPx, scene, { type, generateMipMaps: false });
        target.renderList = [...scene.meshes];
        target.activeCamera = camera;
        target.clearColor = background;
        scene.customRenderTargets.push(target);
        await ShootAsync(stage, 3);
        const read = (await target.readPixels())!;
        scene.customRenderTargets.splice(0);
        target.dispose();
        return read instanceof Float32Array
            ? read
            : Unit(new Uint8Array(read.buffer, read.byteOffset, read.byteLength));
    }

    it("is 1 over an opaque mesh, whose picture does not change", async () => {
        AddBox(stage.scene, "wall", new Color3(0.2, 0.6, 0.4), 2, new Vector3(0, 0, -1.5));
        stage.scene.clearColor = nothing;
        const overNothing = await ShootAsync(stage);
        expect(Math.min(...overNothing.filter((_, i) => i % 4 === 3))).toBe(255);
        stage.scene.clearColor = white;
        expect(Compare(overNothing, await ShootAsync(stage)).worst).toBe(0);
        expect(Lit(overNothing)).toBe(CanvasPx ** 2);
    });

    it("survives an image-processing post-process, which gets linear color", async () => {
        const { scene, camera, engine } = stage;
        scene.clearColor = nothing;
        const direct = await ShootAsync(stage);
        const type = Constants.TEXTURETYPE_HALF_FLOAT;
        const post = new ImageProcessingPostProcess("post", 1, camera, undefined, engine, undefined, type);
        const viaPost = await ShootAsync(stage, 4);
        post.dispose(camera);
        const worst = direct.reduce(
            (most, value, i) => (i % 4 === 3 ? Math.max(most, Math.abs(value - viaPost[i])) : most),
            0,
        );
        expect(worst).toBeLessThan(12);
    });

    it("in Babylon's screenshots of a target, put over red and over blue, gives what is drawn on them, edges of hair included", async () => {
        const { scene, camera, engine, avatar } = stage;
        GivePage(avatar, MakePageMap(synthetic.model));
        const drawn: Picture[] = [];
        for (const color of [red, blue]) {
            scene.clearColor = color;
            drawn.push(Unit(await ShootAsync(stage, 3)));
        }
        scene.clearColor = nothing;
        await ShootAsync(stage, 3);
        const render = (): void => scene.render();
        engine.runRenderLoop(render); // what screenshots wait for
        const settings = ["image/png", 1, false, undefined, false, false, true, undefined, undefined] as const;
        const urls = {
            "of a target": await CreateScreenshotUsingRenderTargetAsync(engine, camera, CanvasPx, ...settings, Divided),
            "of a target, as it is": await CreateScreenshotUsingRenderTargetAsync(engine, camera, CanvasPx),
        };
        engine.stopRenderLoop(render);
        await avatar.setSecondMapAsync(null);
        for (const [what, url] of Object.entries(urls)) {
            const clear = Premultiplied(Unit(await PixelsAsync(url)));
            for (const [i, color] of [red, blue].entries()) {
                const { worst, mean } = Over(clear, drawn[i], color);
                console.log(`screenshot ${what} over ${["red", "blue"][i]}: ${worst.toFixed(1)}, ${mean.toFixed(2)}`);
                if (what.endsWith("as it is")) {
                    expect(worst).withContext(what).toBeGreaterThan(20);
                } else {
                    ExpectSame(clear, drawn[i], 12, what, color);
                }
            }
        }
    }, 60000);

    /** As docs/scenes.md has it. */
    const Divided: typeof DumpData = (width, height, data, ...rest) => {
        const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
        const divided = bytes.map((value, i) => (i % 4 === 3 ? value : (255 * value) / Math.max(bytes[i | 3], 1)));
        return DumpData(width, height, divided, ...rest);
    };
});
