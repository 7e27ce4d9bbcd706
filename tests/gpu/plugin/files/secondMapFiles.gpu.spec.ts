// Hair beyond the scalp, and bust, from the models' folder to files and back. Networks are fakes; head model, formats,
// GPU and Babylon are real.
import "@babylonjs/core/Loading/loadingScreen";
import "@babylonjs/core/Loading/Plugins/babylonFileLoader";
import { AppendSceneAsync } from "@babylonjs/core/Loading/sceneLoader";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import { SceneSerializer } from "@babylonjs/core/Misc/sceneSerializer";
import { FlexAvatarError } from "../../../../src/flame/error";
import { ParseHeadModel, type HeadModel } from "../../../../src/flame/headModel";
import { FlexAvatarComponent } from "../../../../src/plugin/flexAvatarComponent";
import type { IFlexAvatarNotice } from "../../../../src/plugin/notices";
import { ReadAvatarFile, WriteAvatarFile } from "../../../../src/runtime/format/avatarFile";
import { Psnr } from "../../../support/gpu";
import { FakeServicesAsync, HeadBytesAsync, type IFakeLog, type Stage } from "../../../support/fakeNetworks";
import { GridPageBytes, MakePageMap, PageSha256, PageSize, type IPageMap } from "../../../support/gridPage";
import { DrawnRgbAsync } from "../../../support/referencePicture";
import { CaptureAsync, CreateStageAsync, RenderFrame, type IStage } from "../../../support/stage";

const Photo = new Blob();
/** A map as fine as a person's, so that its quantisation is measured where it matters. */
const FineSize = 96;

async function CodeOf(promise: Promise<unknown>): Promise<string> {
    return promise.then(
        () => "no error",
        (error: unknown) => (error instanceof FlexAvatarError ? error.code : `not ours: ${String(error)}`),
    );
}

describe("a second map", () => {
    let stage: IStage;
    let component: FlexAvatarComponent;
    let log: IFakeLog;
    let head: HeadModel;
    let fine: IPageMap;
    let notices: IFlexAvatarNotice[];

    async function StartAsync(
        page?: { bytes: Uint8Array<ArrayBuffer>; sha256: string },
        onStage?: (stageName: Stage) => void,
    ): Promise<void> {
        component?.dispose();
        const fakes = await FakeServicesAsync(onStage, undefined, page);
        log = fakes.log;
        component = FlexAvatarComponent.GetOrCreate(stage.scene, { _services: fakes.services });
        notices = [];
        component.onNoticeObservable.add((notice) => void notices.push(notice));
    }

    beforeEach(async () => {
        stage = await CreateStageAsync();
        stage.component.dispose();
        head = ParseHeadModel((await HeadBytesAsync()).slice().buffer);
        fine = MakePageMap(head, FineSize);
        stage.camera.position.set(0.25, 0, 0.9);
        stage.camera.setTarget(new Vector3(0, -0.08, 0));
        await StartAsync({ bytes: GridPageBytes(head, FineSize), sha256: PageSha256 });
    });
    afterEach(() => {
        expect(stage.errors).toEqual([]);
        component.dispose();
        stage.dispose();
    });

    const PictureAsync = (): Promise<number[]> => DrawnRgbAsync(stage);

    it("loads its page when the first person gets one, once, and never before", async () => {
        const [ada, bob] = [
            await component.createFromPhotosAsync([Photo]),
            await component.createFromPhotosAsync([Photo]),
        ];
        const bare = await ada.saveAsync();
        const again = await component.loadAsync(bare);
        await CaptureAsync(stage);
        expect(log.stages).not.toContain("page");
        expect([ada.hasSecondMap, ada.splatMesh["_members"].length]).toEqual([false, 3]);
        await Promise.all([ada.setSecondMapAsync(fine.map), bob.setSecondMapAsync(fine.map)]);
        await ada.setSecondMapAsync(fine.map);
        expect(log.stages.filter((name) => name === "page").length).toBe(1);
        expect([ada.hasSecondMap, bob.hasSecondMap, again.hasSecondMap]).toEqual([true, true, false]);
        expect(notices.filter(({ code }) => code === "page-unused")).toEqual([]);
    });

    it("is refused where it has the wrong size or no numbers, is aborted, or there is no page, and the person keeps what it has", async () => {
        const ada = await component.createFromPhotosAsync([Photo]);
        expect(await CodeOf(ada.setSecondMapAsync(new Float32Array(14 * 9)))).toBe("invalid-argument");
        expect(await CodeOf(ada.setSecondMapAsync(fine.map.map((value, i) => (i === 77 ? NaN : value))))).toBe(
            "invalid-argument",
        );
        expect(await CodeOf(ada.setSecondMapAsync(fine.map, { signal: AbortSignal.abort() }))).toBe("aborted");
        expect(ada.hasSecondMap).toBeFalse();
        await ada.setSecondMapAsync(fine.map);
        expect(await CodeOf(ada.setSecondMapAsync(new Float32Array(3)))).toBe("invalid-argument");
        expect(ada.hasSecondMap).toBeTrue();
        ada.dispose();
        expect(await CodeOf(ada.setSecondMapAsync(null))).toBe("disposed");
        await StartAsync();
        const eve = await component.createFromPhotosAsync([Photo]);
        expect(await CodeOf(eve.setSecondMapAsync(fine.map))).toBe("models-mismatch");
        // A page that cannot be read is no end: the next call tries again.
        await StartAsync({ bytes: new Uint8Array(40), sha256: PageSha256 });
        const fay = await component.createFromPhotosAsync([Photo]);
        expect(await CodeOf(fay.setSecondMapAsync(fine.map))).toBe("file-format");
        expect(await CodeOf(fay.setSecondMapAsync(fine.map))).toBe("file-format");
        expect(log.stages.filter((name) => name === "page").length).toBe(2);
        expect(await CodeOf(component.createFromPhotosAsync([Photo], { bust: "some" as "auto" }))).toBe(
            "invalid-argument",
        );
        expect(await CodeOf(component.createFromPhotosAsync([Photo], { hairSpring: { frequency: 0 } }))).toBe(
            "invalid-argument",
        );
    });

    it("is saved and loaded: 45 dB and more drawn, the same bytes again, and without bust or hair where it is asked for", async () => {
        const ada = await component.createFromPhotosAsync([Photo], { name: "ada" });
        await ada.setSecondMapAsync(fine.map);
        await ada.whenReadyAsync();
        const unsaved = await PictureAsync();
        const file = await ada.saveAsync();
        const count = ada.gaussianCount;
        ada.dispose();
        const loaded = await component.loadAsync(file);
        await loaded.whenReadyAsync();
        const psnr = Psnr(await PictureAsync(), unsaved);
        console.log(`saved and loaded: PSNR ${psnr.toFixed(1)} dB, ${file.byteLength} bytes`);
        expect(psnr).toBeGreaterThan(45);
        expect(Math.abs(loaded.gaussianCount - count)).toBeLessThan(5);
        expect(new Uint8Array(await loaded.saveAsync())).toEqual(new Uint8Array(file));
        loaded.dispose();
        const some = await component.loadAsync(file, { bust: "none" });
        expect([some.bust, some.hair, some.gaussianCount < count]).toEqual(["none", "auto", true]);
        const swinging = await component.loadAsync(file, { hairSpring: { frequency: 3 } });
        expect([some.hairSpring, swinging.hairSpring?.frequency]).toEqual([null, 3]);
        swinging.dispose();
        expect(new Uint8Array(await some.saveAsync())).toEqual(new Uint8Array(file)); // hidden is not gone
        some.dispose();
        const none = await component.loadAsync(file, { bust: "none", hair: "scalp" });
        await none.whenReadyAsync();
        expect(Psnr(await PictureAsync(), unsaved)).toBeLessThan(35);
        none.dispose();
        const bare = ReadAvatarFile(new Uint8Array(file));
        delete bare.page;
        const alone = await component.loadAsync(WriteAvatarFile(bare));
        expect(alone.hasSecondMap).toBeFalse();
    });

    it("is left out, with a notice and the head alone, where the models have another page or none, and is kept in the file", async () => {
        const ada = await component.createFromPhotosAsync([Photo], { name: "ada" });
        await ada.setSecondMapAsync(fine.map);
        const file = await ada.saveAsync();
        for (const page of [
            undefined,
            { bytes: GridPageBytes(head, FineSize), sha256: "6".repeat(64) },
            { bytes: GridPageBytes(head, PageSize), sha256: PageSha256 },
        ]) {
            await StartAsync(page);
            const loaded = await component.loadAsync(file);
            expect([loaded.hasSecondMap, notices.map(({ code }) => code)]).toEqual([false, ["page-unused"]]);
            await CaptureAsync(stage);
            expect(new Uint8Array(await loaded.saveAsync())).toEqual(new Uint8Array(file));
        }
    });

    it("comes back in a scene file, with the options and the torso of each avatar", async () => {
        const ada = await component.createFromPhotosAsync([Photo], { name: "ada", hair: "scalp" });
        await ada.setSecondMapAsync(fine.map);
        const twin = ada.createInstance("twin");
        twin.hair = "auto";
        twin.bust = "none";
        twin.hairSpring = { dampingRatio: 1 };
        twin.torso.rotation.z = 0.2;
        twin.torso.position.y = 0.03;
        const counts = [ada.gaussianCount, twin.gaussianCount];
        const text = JSON.stringify(SceneSerializer.Serialize(stage.scene));
        ada.dispose();
        twin.dispose();
        await AppendSceneAsync(new File([text], "two.babylon"), stage.scene);
        await stage.scene.whenReadyAsync();
        const [first, second] = component.avatars;
        expect([first.hair, first.bust, second.hair, second.bust]).toEqual(["scalp", "auto", "auto", "none"]);
        expect([first.hairSpring, second.hairSpring]).toEqual([null, { frequency: 1.6, dampingRatio: 1 }]);
        expect([first.gaussianCount, second.gaussianCount]).toEqual(counts);
        expect(second.torso.rotationQuaternion!.toEulerAngles().z).toBeCloseTo(0.2, 5);
        expect(second.torso.position.asArray()).toEqual([0, 0.03, 0]);
    });

    it("is back after the device was lost, on instances too", async () => {
        const ada = await component.createFromPhotosAsync([Photo]);
        await ada.setSecondMapAsync(fine.map);
        const bob = ada.createInstance("bob");
        bob.bust = "none";
        bob.position.x = 0.2;
        ada.neck.rotation.y = 0.5;
        await CaptureAsync(stage);
        const counts = [ada.gaussianCount, bob.gaussianCount];
        const restored = new Promise((resolve) => stage.engine.onContextRestoredObservable.addOnce(resolve));
        (stage.engine._device as GPUDevice).destroy();
        await restored;
        RenderFrame(stage);
        while (!ada._internals.splats || !bob._internals.splats) {
            await new Promise((resolve) => setTimeout(resolve, 10));
        }
        await Promise.all([ada.whenReadyAsync(), bob.whenReadyAsync()]);
        await CaptureAsync(stage);
        expect([ada.gaussianCount, bob.gaussianCount]).toEqual(counts);
        expect(ada._internals.secondPage!.splats!.buffers.device).toBe(stage.engine._device as GPUDevice);
        expect(Array.from(ada._internals.secondPage!.splats!.buffers.posedMatrices.subarray(0, 24))).toEqual(
            Array.from(ada._internals.splats.buffers.posedMatrices.subarray(0, 24)),
        );
    });
});
