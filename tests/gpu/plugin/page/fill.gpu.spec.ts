// Hair beyond the scalp and bust of an avatar from photos, as a user meets them. Photos, networks and sharpening are
// fakes; page, filling, buffers, pictures and files are real, but for tests that say otherwise.
import { FlexAvatarError, ThrowIfAborted } from "../../../../src/flame/error";
import { ParseHeadModel } from "../../../../src/flame/headModel";
import { ParsePageModel, RegionOfGaussian } from "../../../../src/flame/pageModel";
import { BuildTexelTable } from "../../../../src/flame/texelTable";
import type { FlexAvatar } from "../../../../src/plugin/avatar/flexAvatar";
import type { AvatarPage } from "../../../../src/plugin/page/avatarPage";
import { FlexAvatarComponent } from "../../../../src/plugin/flexAvatarComponent";
import type { IFlexAvatarNotice } from "../../../../src/plugin/notices";
import type { IRefineProgress } from "../../../../src/runtime/person/refineSettings";
import { FillBesideAsync, type IBesideRun } from "../../../../src/runtime/beside/besideRunner";
import type { IFillInput, IFillResult } from "../../../../src/runtime/bust/fillFromCrops";
import { ReadAvatarFile } from "../../../../src/runtime/format/avatarFile";
import { FakeServicesAsync, HeadBytesAsync, type IFakeLog } from "../../../support/fakeNetworks";
import { CaptureAsync, CreateStageAsync, MapSize, PixelsAsync, RenderFrame, type IStage } from "../../../support/stage";

const Photo = new Blob(["a photo"]);
const Texels = MapSize ** 2;
const PageSha256 = "7".repeat(64);

async function CodeOfAsync(work: Promise<unknown>): Promise<string> {
    return work.then(
        () => "none",
        (error: unknown) => (error instanceof FlexAvatarError ? error.code : `foreign: ${String(error)}`),
    );
}

describe("hair and bust of an avatar from photos", () => {
    let stage: IStage;
    let log: IFakeLog;
    let component: FlexAvatarComponent;
    let notices: IFlexAvatarNotice[];
    let order: string[];
    let inputs: IFillInput[];
    let page: { bytes: Uint8Array<ArrayBuffer>; sha256: string; headSha256: string };
    /** A map of hair and bust in all of their texels, blue, as a filling that takes no time. */
    let blue: Omit<IFillResult, "headColor">;
    /** What fills. */
    let fill: (input: IFillInput, run: IBesideRun) => Promise<IFillResult>;
    let faceTrust: number;

    beforeAll(async () => {
        const head = ParseHeadModel((await HeadBytesAsync()).slice().buffer);
        const bytes = new Uint8Array(await (await fetch("/repo/assets/models/open-head-page2.bin")).arrayBuffer());
        const model = ParsePageModel(bytes.slice().buffer, head);
        page = { bytes, sha256: PageSha256, headSha256: model.headSha256! };
        const size = model.mapSize;
        const table = BuildTexelTable(model.model, size);
        const map = new Float32Array(14 * size * size);
        map.fill(-12, 3 * size * size, 4 * size * size).fill(1, 6 * size * size, 7 * size * size);
        map.fill(-5, 7 * size * size, 10 * size * size).fill(1, 13 * size * size);
        for (let g = 0; g < table.gaussianCount; g++) {
            // every fourth texel, as the software adapter is slow
            const isShown = model.model.regions[RegionOfGaussian(table, g)] !== "hairInner" && table.texel[g] % 4 === 0;
            map[3 * size * size + table.texel[g]] = isShown ? 4 : -12;
        }
        blue = { map, count: 9000, hasHat: false, back: null };
    });
    beforeEach(async () => {
        stage = await CreateStageAsync();
        stage.component.dispose();
        stage.camera.position.set(0, -0.1, 1.4);
        [order, inputs, notices] = [[], [], []];
        faceTrust = 0.5;
        fill = async () => Blue();
        const fake = await FakeServicesAsync(
            undefined,
            async (_input, run = {}) => {
                order.push("refine");
                ThrowIfAborted(run.signal, "a test");
                return { detail: new Float32Array(3 * Texels).fill(0.1), faceTrust };
            },
            page,
            async (input, run = {}) => {
                order.push("fill");
                inputs.push(input);
                const result = await fill(input, run);
                ThrowIfAborted(run.signal, "a test");
                return result;
            },
        );
        log = fake.log;
        component = stage.component = FlexAvatarComponent.GetOrCreate(stage.scene, { _services: fake.services });
        component.onNoticeObservable.add((notice) => notices.push(notice));
    });
    afterEach(() => {
        expect(stage.errors).toEqual([]);
        stage.dispose();
    });

    /** That map, and the head's colors as they were given. */
    function Blue(): IFillResult {
        return { ...blue, map: blue.map.slice(), headColor: inputs[inputs.length - 1].head.color };
    }

    /** How much bluer than red a picture is. */
    async function BluenessAsync(): Promise<number> {
        const pixels = await PixelsAsync(await CaptureAsync(stage));
        return (
            pixels.reduce((sum, value, i) => sum + (i % 4 === 2 ? value : i % 4 === 0 ? -value : 0), 0) /
            (pixels.length / 4)
        );
    }

    async function UntilAsync(isTrue: () => boolean): Promise<void> {
        while (!isTrue()) {
            await new Promise((resolve) => setTimeout(resolve, 5));
        }
    }

    /** A filling that ends when it is told to, or stopped. */
    function Held(): { release(): void; begun(): boolean } {
        let begun = false;
        let release = (): void => undefined;
        fill = (_input, { signal }) =>
            new Promise((resolve) => {
                begun = true;
                release = () => resolve(Blue());
                signal!.addEventListener("abort", () => resolve(Blue()));
            });
        return { release: () => release(), begun: () => begun };
    }

    const codes = (): string[] => notices.map(({ code }) => code).filter((code) => code !== "photo-several-faces");

    it("come after the face is sharp, from the photo's own colors, and are told of in one progress", async () => {
        fill = (input, run) => FillBesideAsync(input, run);
        const told: IRefineProgress[] = [];
        const avatar = await component.createFromPhotosAsync([Photo], {
            refine: { onProgress: (step) => told.push(step) },
        });
        await avatar.whenReadyAsync();
        expect([avatar.isRefining, avatar.hasSecondMap]).toEqual([true, false]);
        const before = await BluenessAsync();
        const count = avatar.gaussianCount;
        expect(await avatar.whenRefinedAsync()).toBe(true);
        expect(order).toEqual(["refine", "fill"]);
        expect(avatar.hasSecondMap).toBe(true);
        expect(avatar.gaussianCount).toBeGreaterThan(count + 5000);
        await avatar.evaluateAsync(); // ends the fade
        expect(await BluenessAsync()).toBeGreaterThan(before + 5); // the photo's clothes
        // the head that it was fitted to has the detail
        const { means, color } = inputs[0].head;
        expect(means.length).toBe(0); // handed over
        expect(color.length).toBe(0);
        expect(told.every(({ fraction }, i) => fraction >= (told[i - 1]?.fraction ?? 0) && fraction <= 1)).toBe(true);
        expect(told[told.length - 1]).toEqual({ stage: "filling hair and bust", fraction: 1, secondsLeft: 0 });
        expect(component.statistics.stageMs.fill).toBeGreaterThan(0);
        expect(codes()).toEqual([]);
        // saved and loaded
        const file = new Uint8Array(await avatar.saveAsync());
        const shown = avatar.gaussianCount;
        const { map } = ReadAvatarFile(file).page!;
        const own = avatar["_core"].parts.page.map;
        const size = Math.sqrt(own.length / 14);
        let worst = 0;
        for (let i = 0; i < size * size; i++) {
            if (own[3 * size * size + i] > -5) {
                for (let k = 0; k < 3; k++) {
                    worst = Math.max(worst, Math.abs(own[k * size * size + i] - map[k * size * size + i]));
                }
            }
        }
        expect(worst).toBeLessThan(1e-4); // meters
        avatar.dispose();
        const loaded = await component.loadAsync(file);
        expect(Math.abs(loaded.gaussianCount - shown)).toBeLessThan(0.01 * shown);
    });

    it("cost nothing where neither is wanted, and are only what is wanted", async () => {
        const bare = await component.createFromPhotosAsync([Photo], { bust: "none", hair: "scalp" });
        expect(await bare.whenRefinedAsync()).toBe(true);
        expect(order).toEqual(["refine"]);
        expect(log.stages).not.toContain("page");
        const other = await component.createFromPhotosAsync([Photo], { refine: { fill: false } });
        await other.whenRefinedAsync();
        expect(order).toEqual(["refine", "refine"]);
        const haired = await component.createFromPhotosAsync([Photo], { bust: "none" });
        await haired.whenRefinedAsync();
        expect([inputs[0].bust, inputs[0].hair]).toEqual([false, true]);
        expect(log.stages.filter((name) => name === "page").length).toBe(1);
        expect(await CodeOfAsync(component.createFromPhotosAsync([Photo], { refine: { fill: true as false } }))).toBe(
            "invalid-argument",
        );
    });

    it("come at once where the face is not sharpened, and not at all where the photo has none", async () => {
        const avatar = await component.createFromPhotosAsync([Photo], { refine: false });
        expect(await avatar.whenRefinedAsync()).toBe(false);
        expect([order, avatar.hasSecondMap]).toEqual([["fill"], true]);
        fill = async () => ({ ...Blue(), count: 0 });
        const short = await component.createFromPhotosAsync([Photo], { refine: false });
        const count = short.gaussianCount;
        await short.whenRefinedAsync();
        expect([short.hasSecondMap, short.gaussianCount]).toEqual([false, count]);
        // a person that had some loses it with photos that show none
        await avatar.refineAsync([Photo]);
        expect(avatar.hasSecondMap).toBe(false);
    });

    it("fade in, and stay when the detail is taken away", async () => {
        const avatar = await component.createFromPhotosAsync([Photo], { refine: { fadeSeconds: 10 } });
        await avatar.whenReadyAsync();
        const now = spyOn(performance, "now").and.callThrough();
        await avatar.whenRefinedAsync();
        const start = performance.now();
        RenderFrame(stage);
        const opacity = (): number => (avatar._internals.secondPage as AvatarPage).visibility;
        expect(opacity()).toBeLessThan(0.2);
        now.and.callFake(() => start + 5000);
        RenderFrame(stage);
        expect(opacity()).toBeCloseTo(0.5, 1);
        const half = await BluenessAsync();
        now.and.callFake(() => start + 11_000);
        RenderFrame(stage);
        now.and.callThrough();
        expect(opacity()).toBe(1);
        expect(await BluenessAsync()).toBeGreaterThan(half + 1); // measured: 2.3
        avatar.unrefine();
        expect([avatar.isRefined, avatar.hasSecondMap]).toEqual([false, true]);
    });

    it("are given to instances that came meanwhile, and are made again by refineAsync unless it is told not to", async () => {
        const held = Held();
        const avatar = await component.createFromPhotosAsync([Photo]);
        await UntilAsync(held.begun);
        const twin = avatar.createInstance("twin");
        held.release();
        await twin.whenRefinedAsync();
        expect([avatar.hasSecondMap, twin.hasSecondMap, twin._internals.secondPage!.gaussianCount > 1000]).toEqual([
            true,
            true,
            true,
        ]);
        fill = async () => Blue();
        await twin.refineAsync([Photo], { fill: false });
        expect(order).toEqual(["refine", "fill", "refine"]);
        avatar.bust = "none"; // the twin still shows one
        await avatar.refineAsync([Photo, Photo]);
        expect([inputs[1].bust, inputs[1].photos.length]).toEqual([true, 2]);
        twin.bust = "none";
        await avatar.refineAsync([Photo]);
        expect([inputs[2].bust, inputs[2].hair]).toEqual([false, true]);
    });

    it("are still made where the sharpening fails or is taken back, and the other way round", async () => {
        faceTrust = 0;
        const avatar = await component.createFromPhotosAsync([Photo]);
        expect(await avatar.whenRefinedAsync()).toBe(false);
        expect(avatar.hasSecondMap).toBe(true);
        await UntilAsync(() => codes().length > 0);
        expect(codes()).toEqual(["refine-failed"]);
        expect(await CodeOfAsync(avatar.refineAsync([Photo]))).toBe("refine-failed");
        faceTrust = 0.5;
        fill = async () => Promise.reject(new FlexAvatarError("fill-failed", "A test."));
        notices.length = 0;
        const other = await component.createFromPhotosAsync([Photo]);
        expect(await other.whenRefinedAsync()).toBe(true);
        await UntilAsync(() => codes().length > 0);
        expect([codes(), other.hasSecondMap]).toEqual([["fill-failed"], false]);
        expect(await CodeOfAsync(avatar.refineAsync([Photo]))).toBe("fill-failed");
        expect([avatar.isRefined, avatar.hasSecondMap]).toEqual([true, true]); // the earlier one
    });

    it("stop with their signal, and when the avatar or the component is disposed, and leave what there is", async () => {
        for (const stop of ["signal", "avatar", "component"] as const) {
            const held = Held();
            const abort = new AbortController();
            const avatar = await component.createFromPhotosAsync([Photo], { signal: abort.signal });
            await UntilAsync(held.begun);
            if (stop === "signal") {
                abort.abort();
                await avatar.whenRefinedAsync();
                expect([avatar.isRefined, avatar.hasSecondMap]).toEqual([true, false]);
                avatar.cancelRefining(); // nothing is left to stop
            } else if (stop === "avatar") {
                avatar.dispose();
            } else {
                component.dispose();
            }
            await new Promise((resolve) => setTimeout(resolve, 30));
        }
        expect(codes()).toEqual([]);
    });

    it("come although the device was replaced meanwhile, before and after the page was loaded", async () => {
        const held = Held();
        const avatar = await component.createFromPhotosAsync([Photo]);
        await UntilAsync(held.begun);
        component.rebuild(); // what Babylon calls when a lost device was replaced
        held.release();
        await avatar.whenRefinedAsync();
        expect(avatar.hasSecondMap).toBe(true);
        await UntilAsync(() => avatar._internals.splats !== null);
        expect(avatar._internals.secondPage!.gaussianCount).toBeGreaterThan(1000);
        fill = async () => Blue();
        const early = await component.createFromPhotosAsync([Photo], { refine: false });
        component.rebuild();
        await early.whenRefinedAsync();
        expect(early.hasSecondMap).toBe(true);
        expect(codes()).toEqual([]);
        await UntilAsync(() => early._internals.splats !== null);
    });

    it("give way to a map that is set by hand", async () => {
        const held = Held();
        const avatar: FlexAvatar = await component.createFromPhotosAsync([Photo]);
        await UntilAsync(held.begun);
        const own = blue.map.map((value, i) => (i < blue.map.length / 14 ? value + 0.01 : value));
        await avatar.setSecondMapAsync(own);
        await avatar.whenRefinedAsync();
        expect(avatar["_core"].parts.page.map[5]).toBe(own[5]);
        expect(codes()).toEqual([]);
    });

    it("tell of a hat that became hair", async () => {
        fill = async () => ({ ...Blue(), hasHat: true });
        const avatar = await component.createFromPhotosAsync([Photo], { refine: false });
        await avatar.whenRefinedAsync();
        expect(codes()).toEqual(["hair-with-hat"]);
    });
});
