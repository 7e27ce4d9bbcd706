// Detail for close-ups as Babylon draws it, against the reference rasteriser that reads the same atlas.
import { AtlasFrames } from "../../../../src/flame/atlasFrames";
import { CreateExpressionPose } from "../../../../src/flame/expression";
import { DetailedSplat, FlexAvatarSplatMaterial } from "../../../../src/plugin/draw/splatMaterial";
import { FlexAvatarComponent } from "../../../../src/plugin/flexAvatarComponent";
import type { FlexAvatar } from "../../../../src/plugin/avatar/flexAvatar";
import { CloseUpScale, ShadeSteps, type ICloseUp } from "../../../../src/runtime/closeUp";
import { ReadAvatarFile } from "../../../../src/runtime/format/avatarFile";
import type { IRefineInput } from "../../../../src/runtime/refine/refineInput";
import { DetailedSplats, RasterizeCloseUp } from "../../../../src/runtime/reference/closeUp";
import { PoseVerticesReference } from "../../../../src/runtime/reference/poseVertices";
import { Psnr, Random } from "../../../support/gpu";
import { FakeServicesAsync } from "../../../support/fakeNetworks";
import {
    AddAvatarAsync,
    CanvasPx,
    CaptureAsync,
    CreateStageAsync,
    MakeSynthetic,
    MapSize,
    PixelsAsync,
    RenderFrame,
    type IStage,
} from "../../../support/stage";

const Edge = CloseUpScale * MapSize;
/** Nearly opaque and of even grey, so that what is seen of the shades is not clamped away. */
const Synthetic = () => {
    const synthetic = MakeSynthetic(11);
    const texels = MapSize ** 2;
    synthetic.staticMap.fill(3, 3 * texels, 4 * texels);
    synthetic.staticMap.fill(0.5, 4 * texels, 7 * texels);
    return synthetic;
};

/** Shades of one size of check, in texels of the atlas. */
function Checks(size: number, height = ShadeSteps): ICloseUp {
    const shades = new Int8Array(Edge * Edge).map((_, i) =>
        (Math.floor((i % Edge) / size) + Math.floor(Math.floor(i / Edge) / size)) % 2 === 0 ? height : -height,
    );
    return { edge: Edge, shades };
}

/** Shades without order, smooth over some texels. */
function Noise(): ICloseUp {
    const random = Random(5);
    const waves = Array.from({ length: 12 }, () => [random() - 0.5, random() - 0.5, 6 * random()]);
    const shades = new Int8Array(Edge * Edge).map((_, i) => {
        const [x, y] = [i % Edge, Math.floor(i / Edge)];
        return (127 * waves.reduce((sum, [a, b, c]) => sum + Math.sin(a * x + b * y + c), 0)) / 12;
    });
    return { edge: Edge, shades };
}

function Show(avatar: FlexAvatar, closeUp: ICloseUp | null): void {
    avatar["_core"].parts.person.setDetail(closeUp && new Float32Array(3 * MapSize ** 2), 0, closeUp);
}

/** Rgb 0..255 of a picture. */
async function RgbAsync(stage: IStage): Promise<number[]> {
    await stage.scene.whenReadyAsync();
    for (let frame = 0; frame < 200; frame++) {
        RenderFrame(stage);
        await new Promise((resolve) => setTimeout(resolve, 5));
        if ([...stage.component["_crowds"].meshes].every((mesh) => mesh.isReady(true))) {
            break;
        }
    }
    return Array.from((await PixelsAsync(await CaptureAsync(stage))).filter((_, i) => i % 4 < 3));
}

/** Mean difference. */
const Apart = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((sum, value, i) => sum + Math.abs(value - b[i]), 0) / a.length;

describe("close-up detail as it is drawn", () => {
    let stage: IStage;
    beforeEach(async () => {
        stage = await CreateStageAsync();
        stage.camera.position.z = 0.25; // near: its Gaussians are some pixels apart
    });
    afterEach(() => {
        expect(stage.errors).toEqual([]);
        stage.dispose();
    });

    function Reference(
        avatar: FlexAvatar,
        closeUp: ICloseUp,
        synthetic: ReturnType<typeof Synthetic>,
        strength = 1,
    ): number[] {
        const { model, table, staticMap } = synthetic;
        const { expressed, jointMatrices } = PoseVerticesReference(model, CreateExpressionPose(model));
        const state = { table, expressed, jointMatrices, staticMap, deltas: [] };
        const splats = DetailedSplats(state, AtlasFrames(model, table), Edge, {
            worldFromPosed: avatar._internals.posedNode.computeWorldMatrix(true).m,
            viewFromWorld: stage.camera.getViewMatrix(true).m,
            clipFromView: stage.camera.getProjectionMatrix(true).m,
            viewportWidthPx: CanvasPx,
            viewportHeightPx: CanvasPx,
        })
            .filter(({ visible }) => visible)
            .sort((a, b) => b.viewDepth - a.viewDepth);
        const image = RasterizeCloseUp(splats, closeUp, strength, CanvasPx, CanvasPx);
        return Array.from(image, (value) => 255 * value).filter((_, i) => i % 4 < 3);
    }

    it("is drawn as the reference draws it, and scales with detailStrength", async () => {
        const synthetic = Synthetic();
        const avatar = await AddAvatarAsync(stage, synthetic);
        const plain = await RgbAsync(stage);
        const closeUp = Noise();
        Show(avatar, closeUp);
        for (const strength of [1, 0.4]) {
            avatar.detailStrength = strength;
            const drawn = await RgbAsync(stage);
            const [expected, without] = [
                Reference(avatar, closeUp, synthetic, strength),
                Reference(avatar, closeUp, synthetic, 0),
            ];
            const decibels = (a: number[], b: number[]): number =>
                Psnr(
                    a.map((x) => x / 255),
                    b.map((x) => x / 255),
                );
            console.log(
                `close-up at ${strength}: ${decibels(drawn, expected).toFixed(1)} dB, plain ${decibels(plain, without).toFixed(1)} dB`,
            );
            expect(decibels(plain, without)).toBeGreaterThan(45);
            expect(decibels(drawn, expected)).toBeGreaterThan(45);
            expect(decibels(drawn, without)).toBeLessThan(decibels(drawn, expected) - 6);
        }
    });

    it("fades with distance: fine checks vanish, and far away nothing is drawn or prepared for it", async () => {
        const avatar = await AddAvatarAsync(stage, Synthetic());
        avatar.levelOfDetail = 0;
        const shown: number[] = [];
        for (const distance of [0.2, 0.4, 1.5]) {
            stage.camera.position.z = distance;
            Show(avatar, null);
            const plain = await RgbAsync(stage);
            Show(avatar, Checks(1));
            const drawn = await RgbAsync(stage);
            shown.push(Apart(drawn, plain) / plain.reduce((sum, value) => sum + value / plain.length, 0));
            const view = avatar.splatMesh["_views"].all[0];
            expect(view.buffers.closeUpHead !== null)
                .withContext(`${distance} m`)
                .toBe(distance < 1);
        }
        expect(shown[0]).toBeGreaterThan(0.03);
        expect(shown[1]).toBeLessThan(0.6 * shown[0]);
        expect(shown[2]).toBe(0);
    });

    it("is drawn with what a user sets on the material's stencil", () => {
        const drawn = new FlexAvatarSplatMaterial("drawn", stage.scene);
        const detailed = new FlexAvatarSplatMaterial("detailed", stage.scene, DetailedSplat);
        const settings = Object.entries(drawn.stencil.serialize() as Record<string, unknown>);
        expect(settings.length).toBeGreaterThan(8);
        for (const [name, value] of settings.filter(([, setting]) => typeof setting !== "string")) {
            Object.assign(drawn.stencil, { [name]: typeof value === "number" ? value + 1 : !value });
            detailed.follow(drawn);
            expect(detailed.stencil.serialize()).withContext(name).toEqual(drawn.stencil.serialize());
        }
        drawn.dispose();
        detailed.dispose();
    });

    it("goes without a trace", async () => {
        const avatar = await AddAvatarAsync(stage, Synthetic());
        const [before, bytes] = [await RgbAsync(stage), avatar._internals.splats!.buffers.head.byteLength];
        Show(avatar, Checks(6));
        expect(Apart(await RgbAsync(stage), before)).toBeGreaterThan(1);
        expect(avatar._internals.splats!.buffers.head.byteLength).toBeGreaterThan(bytes + Edge * Edge);
        avatar.unrefine();
        expect(await RgbAsync(stage)).toEqual(before);
        expect(avatar._internals.splats!.buffers.head.byteLength).toBe(bytes);
        expect(avatar._internals.splats!.buffers.head.closeUps.texture).toBeNull();
    });

    it("is shared by instances, and another person beside them has its own", async () => {
        const synthetic = Synthetic();
        const avatar = await AddAvatarAsync(stage, synthetic, { name: "ada" });
        const other = await AddAvatarAsync(stage, synthetic, { name: "bea" });
        stage.camera.position.z = 0.4;
        avatar.position.x = -0.1;
        other.position.x = 0.1;
        const plain = await RgbAsync(stage);
        const sides = (a: readonly number[]): number[] =>
            [0, 1].map((side) =>
                a.reduce(
                    (sum, value, i) =>
                        sum +
                        (Math.floor(i / 3) % CanvasPx < CanvasPx / 2 === (side === 0) ? Math.abs(value - plain[i]) : 0),
                    0,
                ),
            );
        Show(avatar, Checks(8));
        const one = sides(await RgbAsync(stage));
        const [most, least] = [Math.max(...one), Math.min(...one)];
        expect(most).toBeGreaterThan(20 * Math.max(1, least)); // of one side only
        Show(other, Checks(12, 60));
        const { closeUps } = avatar._internals.splats!.buffers.head;
        expect(closeUps.texture!.depthOrArrayLayers).toBe(2);
        const both = sides(await RgbAsync(stage));
        // the first keeps its layer when the texture grows
        expect(Math.abs(Math.max(...both) / most - 1)).toBeLessThan(0.02);
        expect(Math.min(...both)).toBeGreaterThan(0.1 * most);
        const twin = avatar.createInstance("twin");
        expect(twin._internals.splats!.buffers.closeUp).toBe(avatar._internals.splats!.buffers.closeUp);
        expect(closeUps.texture!.depthOrArrayLayers).toBe(2);
        avatar.dispose();
        twin.position.x = -0.1;
        expect(sides(await RgbAsync(stage))).toEqual(both);
        twin.unrefine();
        other.unrefine();
        expect(closeUps.texture).toBeNull();
    });

    it("is kept in the file byte for byte, and the file is small", async () => {
        const avatar = await AddAvatarAsync(stage, Synthetic());
        const closeUp = Checks(6);
        closeUp.shades.fill(0, 0, (2 * Edge * Edge) / 3);
        const plain = (await avatar.saveAsync()).byteLength;
        Show(avatar, closeUp);
        const file = new Uint8Array(await avatar.saveAsync());
        expect(ReadAvatarFile(file).closeUp).toEqual(closeUp);
        expect(file.byteLength - plain).toBeLessThan(3 * MapSize ** 2 + 0.36 * Edge * Edge + 600);
    });
});

// Photos, networks and solver are fakes.
describe("close-up detail of a refinement", () => {
    const Photo = new Blob(["a photo"]);
    let stage: IStage;
    let runs: IRefineInput[];
    let component: FlexAvatarComponent;
    beforeEach(async () => {
        stage = await CreateStageAsync();
        stage.camera.position.z = 0.25;
        stage.component.dispose();
        runs = [];
        const { services } = await FakeServicesAsync(undefined, async (input) => {
            runs.push(input);
            const detail = new Float32Array(3 * MapSize ** 2).fill(0.05);
            return { detail, faceTrust: 0.5, ...(input.closeUp ? { closeUp: Checks(6) } : {}) };
        });
        component = stage.component = FlexAvatarComponent.GetOrCreate(stage.scene, { _services: services });
    });
    afterEach(() => {
        expect(stage.errors).toEqual([]);
        stage.dispose();
    });

    it("is wanted unless it is turned off, and colors have their own size", async () => {
        const avatar = await component.createFromPhotosAsync([Photo], { refine: false });
        await avatar.refineAsync([Photo], { cropPx: 528 });
        const { closeUp } = runs[0];
        expect([closeUp!.edge, closeUp!.colorPx, closeUp!.leastPx]).toEqual([Edge, 528, 704]);
        expect(closeUp!.frames.length).toBe(4 * runs[0].table.gaussianCount);
        expect(closeUp!.frames.some((value) => value !== 0)).toBe(true);
        await avatar.refineAsync([Photo], { closeUp: false, fadeSeconds: 0 });
        expect(runs[1].closeUp).toBeUndefined();
        expect(avatar._internals.splats!.buffers.closeUp).toBeNull(); // the one before is gone with its colors
        const wrong = avatar
            .refineAsync([Photo], { closeUp: true as never })
            .catch(({ code }: { code: string }) => code);
        expect(await wrong).toBe("invalid-argument");
    });

    it("comes with the colors, survives a lost device, a file and a feathered neck, and goes with them", async () => {
        const avatar = await component.createFromPhotosAsync([Photo], { refine: false });
        await avatar.whenReadyAsync();
        const before = await RgbAsync(stage);
        await avatar.refineAsync([Photo], { fadeSeconds: 0 });
        const refined = await RgbAsync(stage);
        avatar["_core"].maps.showCloseUp(null, 0);
        const colorsAlone = await RgbAsync(stage);
        expect(Apart(refined, colorsAlone)).toBeGreaterThan(1);
        component.rebuild(); // what Babylon calls when a lost device was replaced
        while (!avatar._internals.splats) {
            await new Promise((resolve) => setTimeout(resolve, 5));
        }
        await avatar.evaluateAsync();
        expect(Apart(await RgbAsync(stage), refined)).toBeLessThan(0.5);
        expect(avatar._internals.splats.buffers.closeUp!.strength).toBe(1);
        const twin = avatar.createInstance("twin");
        twin._internals.splats!.setStaticMap(avatar["_core"].parts.person.map.slice()); // as a feather does: a map of its own
        expect(twin._internals.splats!.buffers.person).not.toBe(avatar._internals.splats.buffers.person);
        expect(twin._internals.splats!.buffers.closeUp!.layer).toBe(avatar._internals.splats.buffers.closeUp!.layer);
        twin.dispose();
        const loaded = await component.loadAsync(new Uint8Array(await avatar.saveAsync()));
        expect(loaded._internals.splats!.buffers.closeUp!.strength).toBe(1);
        loaded.dispose();
        avatar.unrefine();
        await avatar.evaluateAsync();
        expect(Apart(await RgbAsync(stage), before)).toBeLessThan(0.5);
        expect(avatar._internals.splats.buffers.head.closeUps.texture).toBeNull();
        expect(ReadAvatarFile(new Uint8Array(await avatar.saveAsync())).closeUp).toBeUndefined();
    });

    it("fades in, and another one takes its place without a jump", async () => {
        const avatar = await component.createFromPhotosAsync([Photo], { refine: false });
        await avatar.whenReadyAsync();
        const start = performance.now();
        const now = spyOn(performance, "now").and.callFake(() => start);
        const { person } = avatar["_core"].parts;
        person.setDetail(new Float32Array(3 * MapSize ** 2), 10_000, Checks(4));
        const strengthAt = (share: number): number => {
            now.and.callFake(() => start + share * 10_000);
            RenderFrame(stage);
            return avatar._internals.splats!.buffers.closeUp?.strength ?? 0;
        };
        expect(strengthAt(0.25)).toBeCloseTo(0.25, 2);
        expect(strengthAt(1.1)).toBe(1);
        now.and.callFake(() => start);
        person.setDetail(new Float32Array(3 * MapSize ** 2), 10_000, Checks(8));
        const first = avatar._internals.splats!.buffers.head.closeUps.texture;
        expect(strengthAt(0.25)).toBeCloseTo(0.5, 2); // the old one, half gone
        expect(strengthAt(0.75)).toBeCloseTo(0.5, 2); // the new one, half there
        expect(strengthAt(1.1)).toBe(1);
        expect(first).not.toBeNull();
        now.and.callThrough();
    });
});
