// Heads of other programs as avatars: the same picture, joints that turn, files and scenes that bring them back.
import "@babylonjs/core/Loading/loadingScreen";
import "@babylonjs/core/Loading/Plugins/babylonFileLoader";
import { AppendSceneAsync } from "@babylonjs/core/Loading/sceneLoader";
import { SceneSerializer } from "@babylonjs/core/Misc/sceneSerializer";
import { ParseSpz } from "@babylonjs/loaders/SPLAT/spz";
import { FlexAvatarComponent } from "../../../../src/plugin/flexAvatarComponent";
import type { FlexAvatar } from "../../../../src/plugin/avatar/flexAvatar";
import { InflateGzip } from "../../../../src/runtime/format/inflate";
import { Finish } from "../../../../src/runtime/slices";
import { WrongGaussians } from "../../../../src/runtime/splats/gaussians";
import { FakeServicesAsync } from "../../../support/fakeNetworks";
import { OpenHeadAsync } from "../../../support/heads";
import { LamNeckHeight, SampleLam } from "../../../support/lamZip";
import { CaptureAsync, CreateStageAsync, PixelsAsync, type IStage } from "../../../support/stage";

async function PsnrAsync(a: string, b: string): Promise<number> {
    const [one, other] = [await PixelsAsync(a), await PixelsAsync(b)];
    const sum = one.reduce((total, value, at) => total + (value - other[at]) ** 2, 0);
    return 10 * Math.log10((255 ** 2 * one.length) / sum);
}

describe("files of Gaussians", () => {
    let stage: IStage;
    let component: FlexAvatarComponent;
    /** Where the neck of a file that the library wrote is. */
    let neck: { neck: number[] };

    beforeEach(async () => {
        stage = await CreateStageAsync();
        stage.component.dispose();
        component = FlexAvatarComponent.GetOrCreate(stage.scene, { _services: (await FakeServicesAsync()).services });
        neck = { neck: [...(await OpenHeadAsync()).joints.subarray(3, 6)] };
    });
    afterEach(() => {
        expect(stage.errors).toEqual([]);
        stage.dispose();
    });

    async function PictureAsync(avatar: FlexAvatar): Promise<string> {
        await avatar.whenReadyAsync();
        return await CaptureAsync(stage);
    }

    /** A head of Gaussians without a driver, whose answers would be others each time. */
    async function StillAsync(): Promise<FlexAvatar> {
        const person = await component.createFromPhotosAsync([new Blob()], { refine: false });
        const file = await person.exportSplatsAsync("ply");
        person.dispose();
        return await component.loadSplatsAsync(file, { neck });
    }

    it("look like the avatar that they were written from, and turn with the neck", async () => {
        const original = await StillAsync();
        const picture = await PictureAsync(original);
        const files = { ply: 33, splat: 33, spz: 30 } as const;
        const written = await Promise.all(
            Object.keys(files).map((format) => original.exportSplatsAsync(format as keyof typeof files)),
        );
        original.dispose();
        const empty = component.statistics.gpuBytes;
        for (const [i, [format, decibel]] of Object.entries(files).entries()) {
            const avatar = await component.loadSplatsAsync(written[i], { name: format, neck });
            const loaded = await PictureAsync(avatar);
            expect(await PsnrAsync(picture, loaded))
                .withContext(format)
                .toBeGreaterThan(decibel);
            avatar.neck.rotation.y = 0.5;
            expect(await PsnrAsync(picture, await PictureAsync(avatar))).toBeLessThan(decibel - 5);
            avatar.dispose();
        }
        expect(component.statistics.gpuBytes).withContext("all is given back").toBe(empty);
    });

    it("can be read by Babylon where the library writes spz", async () => {
        const original = await StillAsync();
        const [splat, spz] = [await original.exportSplatsAsync("splat"), await original.exportSplatsAsync("spz")];
        expect(spz.byteLength).toBeLessThan(splat.byteLength / 1.5);
        const body = Finish(InflateGzip(new Uint8Array(spz), 1e8, WrongGaussians));
        const { data } = await ParseSpz(body.buffer, stage.scene, {});
        expect(data.byteLength).toBe(splat.byteLength);
        const [wanted, found] = [new Float32Array(splat), new Float32Array(data as ArrayBuffer)];
        const [wantedBytes, foundBytes] = [new Uint8Array(splat), new Uint8Array(data as ArrayBuffer)];
        let [place, size, color, turn] = [0, 0, 0, 0];
        for (let i = 0; i < wanted.length / 8; i++) {
            for (let k = 0; k < 3; k++) {
                place = Math.max(place, Math.abs(wanted[8 * i + k] - found[8 * i + k]));
                size = Math.max(size, Math.abs(Math.log(wanted[8 * i + 3 + k] / found[8 * i + 3 + k])));
                color = Math.max(color, Math.abs(wantedBytes[32 * i + 24 + k] - foundBytes[32 * i + 24 + k]));
            }
            const dot = [28, 29, 30, 31].reduce(
                (sum, at) =>
                    sum + ((wantedBytes[32 * i + at] - 127.5) * (foundBytes[32 * i + at] - 127.5)) / 127.5 ** 2,
                0,
            );
            turn = Math.max(turn, 1 - Math.abs(dot));
        }
        expect(place).toBeLessThan(1e-5);
        expect(size).toBeLessThan(0.04);
        expect(color).toBeLessThanOrEqual(2);
        expect(turn).toBeLessThan(0.03);
    });

    it("are saved, loaded, instanced and brought back by scene files and after a lost device", async () => {
        const { zip } = SampleLam();
        const avatar = await component.loadSplatsAsync(zip, { name: "lam", neck: { neck: [0, LamNeckHeight, -0.03] } });
        expect(avatar.gaussianCount).toBe(144);
        expect(avatar.description.provenance).toContain("2 expressions");
        const picture = await PictureAsync(avatar);
        avatar.expression.getTrack("jawOpen").influence = 1;
        const opened = await PictureAsync(avatar);
        expect(await PsnrAsync(picture, opened)).toBeLessThan(40);
        const bytes = await avatar.saveAsync();
        const scene = JSON.stringify(SceneSerializer.Serialize(stage.scene));
        avatar.dispose();

        const again = await component.loadAsync(bytes, { name: "again" });
        expect((await PictureAsync(again)) === picture).toBeTrue();
        const twin = again.createInstance("twin");
        again.dispose();
        expect((await PictureAsync(twin)) === picture).toBeTrue();
        await expectAsync(twin.refineAsync([new Blob()])).toBeRejectedWithError(/only avatars of photos/);
        component.rebuild();
        while (twin._internals.splats === null) {
            await new Promise((resolve) => setTimeout(resolve, 5));
        }
        expect((await PictureAsync(twin)) === picture).toBeTrue();
        twin.dispose();

        await AppendSceneAsync(new File([scene], "lam.babylon"), stage.scene);
        await stage.scene.whenReadyAsync();
        expect((await PictureAsync(component.avatars[0])) === opened).toBeTrue();
    });
});
