// Refinement as a user meets it. Photos, networks and solver are fakes; the maps on the GPU, the pictures and the files
// are real.
import { FlexAvatarError, ThrowIfAborted } from "../../../../src/flame/error";
import { FlexAvatarComponent } from "../../../../src/plugin/flexAvatarComponent";
import type { IFlexAvatarNotice } from "../../../../src/plugin/notices";
import type { FlexAvatar } from "../../../../src/plugin/avatar/flexAvatar";
import type { IRefineProgress } from "../../../../src/runtime/person/refineSettings";
import { ReadAvatarFile } from "../../../../src/runtime/format/avatarFile";
import type { IRefineInput } from "../../../../src/runtime/refine/refineInput";
import type { IBesideRun } from "../../../../src/runtime/beside/besideRunner";
import { LevelCount } from "../../../../src/flame/levels";
import { ReadBuffer } from "../../../support/gpu";
import { FakeServicesAsync, type IFakeLog } from "../../../support/fakeNetworks";
import { CaptureAsync, CreateStageAsync, MapSize, PixelsAsync, RenderFrame, type IStage } from "../../../support/stage";

const Photo = new Blob(["a photo"]);
const Texels = MapSize ** 2;

/** Redder everywhere. */
const Reddish = (): Float32Array<ArrayBuffer> =>
    new Float32Array(3 * Texels).map((_, i) => (i < Texels ? 0.3 : -0.2) * (1 + 0.3 * Math.sin(i)));

async function CodeOfAsync(work: Promise<unknown>): Promise<string> {
    return work.then(
        () => "none",
        (error: unknown) => (error instanceof FlexAvatarError ? error.code : `foreign: ${String(error)}`),
    );
}

/** Mean of red minus green, 0..255. */
async function RednessAsync(picture: string): Promise<number> {
    const pixels = await PixelsAsync(picture);
    return (
        pixels.reduce((sum, value, i) => sum + (i % 4 === 0 ? value : i % 4 === 1 ? -value : 0), 0) /
        (pixels.length / 4)
    );
}

describe("refinement of an avatar", () => {
    let stage: IStage;
    let log: IFakeLog;
    let component: FlexAvatarComponent;
    let runs: IRefineInput[];
    /** What the solver does before it answers. */
    let solve: (input: IRefineInput, run: IBesideRun) => Promise<void>;
    let faceTrust: number;

    beforeEach(async () => {
        stage = await CreateStageAsync();
        stage.component.dispose();
        runs = [];
        faceTrust = 0.5;
        solve = async () => undefined;
        const fake = await FakeServicesAsync(undefined, async (input, run = {}) => {
            runs.push(input);
            await solve(input, run);
            ThrowIfAborted(run.signal, "a test");
            return { detail: Reddish(), faceTrust };
        });
        log = fake.log;
        component = stage.component = FlexAvatarComponent.GetOrCreate(stage.scene, { _services: fake.services });
    });
    afterEach(() => {
        expect(stage.errors).toEqual([]);
        stage.dispose();
    });

    /** The packed attributes of the avatar's Gaussians at rest, all levels. */
    async function MapOnGpuAsync(avatar: FlexAvatar): Promise<Uint32Array> {
        const { head } = avatar._internals.splats!.buffers;
        const slot = avatar._internals.splats!.buffers.firstAttributes() / head.levels.start[LevelCount];
        const { buffer, offset, size } = head.persons.binding("attributes", slot);
        const bytes = await ReadBuffer(stage.engine._device as GPUDevice, buffer);
        return new Uint32Array(bytes.slice(offset, offset + size));
    }

    it("shows the avatar at once and sharpens it afterwards", async () => {
        let release = (): void => undefined;
        solve = () => new Promise((resolve) => (release = resolve));
        const avatar = await component.createFromPhotosAsync([Photo, Photo]);
        await avatar.whenReadyAsync();
        const before = await CaptureAsync(stage);
        expect([avatar.isRefining, avatar.isRefined]).toEqual([true, false]);
        while (runs.length === 0) {
            await new Promise((resolve) => setTimeout(resolve, 5));
        }
        release();
        expect(await avatar.whenRefinedAsync()).toBe(true);
        await avatar.evaluateAsync(); // ends the fade
        const after = await CaptureAsync(stage);
        expect(await RednessAsync(after)).toBeGreaterThan((await RednessAsync(before)) + 5);
        expect(runs[0].views.length).toBe(2);
        expect(runs[0].views[0].deltaMap!.some((value) => value !== 0)).toBe(true);
        expect(runs[0].views[0].landmarks.length).toBe(956);
        avatar.unrefine();
        expect(await CaptureAsync(stage)).toBe(before);
        expect(avatar.isRefined).toBe(false);
    });

    it("does not refine when told not to, and takes settings", async () => {
        const plain = await component.createFromPhotosAsync([Photo], { refine: false });
        expect(await plain.whenRefinedAsync()).toBe(false);
        expect(runs.length).toBe(0);
        const progress: IRefineProgress[] = [];
        const rough = await component.createFromPhotosAsync([Photo], {
            refine: { rounds: 3, onProgress: (step) => progress.push(step) },
        });
        expect(await rough.whenRefinedAsync()).toBe(true);
        expect(runs[0].settings.rounds).toBe(3);
        expect(progress[progress.length - 1]).toEqual({ stage: "sharpening", fraction: 1, secondsLeft: 0 });
        for (const refine of [{ rounds: 0 }, { cropPx: 100 }, { fadeSeconds: -1 }]) {
            expect(await CodeOfAsync(component.createFromPhotosAsync([Photo], { refine }))).toBe("invalid-argument");
            expect(await CodeOfAsync(rough.refineAsync([Photo], refine))).toBe("invalid-argument");
        }
        expect(await CodeOfAsync(rough.refineAsync([]))).toBe("photo-count");
        expect(component.avatars.length).toBe(2);
    });

    it("goes back to the very maps from before, and to none of the detail while its strength is 0", async () => {
        const avatar = await component.createFromPhotosAsync([Photo], { refine: false });
        await avatar.whenReadyAsync();
        const [map, picture] = [await MapOnGpuAsync(avatar), await CaptureAsync(stage)];
        await avatar.refineAsync([Photo], { fadeSeconds: 0 });
        const refined = await MapOnGpuAsync(avatar);
        const refinedPicture = await CaptureAsync(stage);
        expect(refined).not.toEqual(map);
        avatar.detailStrength = 0;
        expect(await MapOnGpuAsync(avatar)).toEqual(map);
        avatar.detailStrength = 1;
        expect(await MapOnGpuAsync(avatar)).toEqual(refined);
        expect(await CaptureAsync(stage)).toBe(refinedPicture);
        avatar.unrefine();
        expect(await MapOnGpuAsync(avatar)).toEqual(map);
        expect(await CaptureAsync(stage)).toBe(picture);
    });

    it("leaves the driver alone: the same expression has the same delta map", async () => {
        const avatar = await component.createFromPhotosAsync([Photo], { refine: false });
        const pose = { expression: new Float32Array(52).fill(0.3), pose: new Float32Array(15) };
        // The fake's map is a base map times the number of the run: in parts of its first value it is always the same.
        const mapAsync = async (): Promise<number[]> => {
            const map = (await avatar._internals.splats!.deltaMapOfAsync(pose))!;
            return Array.from(map.subarray(0, 500), (value) => Math.round((1e4 * value) / map[0]));
        };
        const before = await mapAsync();
        await avatar.refineAsync([Photo]);
        expect(await mapAsync()).toEqual(before);
        expect(log.drivers.length).toBe(1);
    });

    it("fades in, and a change on the way begins where the eye is", async () => {
        const avatar = await component.createFromPhotosAsync([Photo], { refine: false });
        await avatar.whenReadyAsync();
        const before = await MapOnGpuAsync(avatar);
        const now = spyOn(performance, "now").and.callThrough();
        await avatar.refineAsync([Photo], { fadeSeconds: 10 });
        const start = performance.now();
        const { person } = avatar["_core"].parts;
        const red = (): number => (person.map[4 * Texels] - person.file.staticMap[4 * Texels]) / Reddish()[0];
        now.and.callFake(() => start + 5000);
        RenderFrame(stage);
        expect(red()).toBeGreaterThan(0.45);
        expect(red()).toBeLessThan(0.55);
        expect(await MapOnGpuAsync(avatar)).not.toEqual(before);
        const half = red();
        person.setDetail(null, 10_000);
        RenderFrame(stage);
        expect(red()).toBeCloseTo(half, 3);
        now.and.callFake(() => start + 10_000);
        RenderFrame(stage);
        expect(red()).toBeCloseTo(half / 2, 1);
        now.and.callFake(() => start + 20_000);
        RenderFrame(stage);
        now.and.callThrough();
        expect(await MapOnGpuAsync(avatar)).toEqual(before);
    });

    it("sharpens all instances, also those that come later, and outlives the first", async () => {
        const avatar = await component.createFromPhotosAsync([Photo], { refine: false });
        const twin = avatar.createInstance("twin");
        const told: number[] = [];
        twin.onRefineProgressObservable.add(({ fraction }) => told.push(fraction));
        twin.position.x = 0.15;
        avatar.position.x = -0.15;
        await twin.whenReadyAsync();
        const map = await MapOnGpuAsync(twin);
        const before = await CaptureAsync(stage);
        await avatar.refineAsync([Photo], { fadeSeconds: 0 });
        expect(told.length).toBeGreaterThan(1);
        expect(avatar._internals.splats!.buffers.person).toBe(twin._internals.splats!.buffers.person); // still one map
        const after = await CaptureAsync(stage);
        const half = async (url: string, right: boolean): Promise<number> => {
            const pixels = await PixelsAsync(url);
            return pixels.reduce((sum, value, i) => {
                const isRight = (i >> 2) % 128 >= 64;
                return sum + (isRight === right ? (i % 4 === 0 ? value : i % 4 === 1 ? -value : 0) : 0);
            }, 0);
        };
        for (const right of [false, true]) {
            expect(await half(after, right)).toBeGreaterThan((await half(before, right)) + 1000);
        }
        avatar.dispose();
        const late = twin.createInstance("late");
        await late.whenReadyAsync();
        expect([twin.isRefined, late.isRefined]).toEqual([true, true]);
        expect(await MapOnGpuAsync(late)).not.toEqual(map);
        late.unrefine();
        expect(await MapOnGpuAsync(twin)).toEqual(map);
    });

    it("composes with the feather of a character", async () => {
        const avatar = await component.createFromPhotosAsync([Photo], { refine: false });
        const { person } = avatar["_core"].parts;
        const feathered = Float32Array.from(person.map);
        feathered.fill(-12, 3 * Texels, 3.5 * Texels); // half of the head unseen
        avatar["_core"].maps["_feathered"] = feathered;
        avatar._internals.splats!.setStaticMap(feathered);
        const before = feathered.slice();
        await avatar.refineAsync([Photo], { fadeSeconds: 0 });
        const shown = avatar["_core"].maps["_feathered"];
        expect(shown.subarray(0, 4 * Texels)).toEqual(before.subarray(0, 4 * Texels));
        expect(shown.subarray(7 * Texels)).toEqual(before.subarray(7 * Texels));
        expect(shown.subarray(4 * Texels, 7 * Texels)).toEqual(person.map.subarray(4 * Texels, 7 * Texels));
        const twin = avatar.createInstance("twin"); // without a character
        expect(twin._internals.splats!.buffers.person).not.toBe(avatar._internals.splats!.buffers.person);
        expect(await MapOnGpuAsync(twin)).not.toEqual(await MapOnGpuAsync(avatar));
    });

    it("keeps what there is when it is stopped, and a new one stops the one before", async () => {
        const avatar = await component.createFromPhotosAsync([Photo], { refine: false });
        await avatar.refineAsync([Photo], { fadeSeconds: 0 });
        const map = await MapOnGpuAsync(avatar);
        solve = (_input, { signal }) => new Promise((resolve) => signal!.addEventListener("abort", () => resolve()));
        const stopped = avatar.refineAsync([Photo]);
        const replaced = avatar.refineAsync([Photo, Photo]);
        expect(await CodeOfAsync(stopped)).toBe("aborted");
        expect(avatar.isRefining).toBe(true);
        avatar.cancelRefining();
        expect(await CodeOfAsync(replaced)).toBe("aborted");
        const abort = new AbortController();
        const signalled = avatar.refineAsync([Photo], { signal: abort.signal });
        abort.abort();
        expect(await CodeOfAsync(signalled)).toBe("aborted");
        expect([avatar.isRefining, avatar.isRefined]).toEqual([false, true]);
        expect(await MapOnGpuAsync(avatar)).toEqual(map);
    });

    it("says why it failed and leaves the avatar as it was", async () => {
        const heard: IFlexAvatarNotice[] = [];
        component.onNoticeObservable.add((notice) => heard.push(notice));
        faceTrust = 0.001;
        const avatar = await component.createFromPhotosAsync([Photo]);
        expect(await avatar.whenRefinedAsync()).toBe(false);
        await new Promise((resolve) => setTimeout(resolve, 0));
        expect(heard.map(({ code }) => code)).toContain("refine-failed");
        expect(await CodeOfAsync(avatar.refineAsync([Photo]))).toBe("refine-failed");
        expect(avatar.isRefined).toBe(false);
    });

    it("may be disposed while it is refined", async () => {
        solve = () => new Promise((resolve) => setTimeout(resolve, 30));
        const avatar = await component.createFromPhotosAsync([Photo], { refine: false });
        const twin = avatar.createInstance("twin");
        const refining = avatar.refineAsync([Photo]);
        while (runs.length === 0) {
            await new Promise((resolve) => setTimeout(resolve, 5));
        }
        avatar.dispose();
        expect(await CodeOfAsync(refining)).toBe("none"); // the twin goes on
        expect(twin.isRefined).toBe(true);
        const last = twin.refineAsync([Photo]);
        twin.dispose();
        expect(await CodeOfAsync(last)).toBe("disposed");
        const heard: IFlexAvatarNotice[] = [];
        component.onNoticeObservable.add((notice) => heard.push(notice));
        const other = await component.createFromPhotosAsync([Photo]);
        other.dispose();
        await new Promise((resolve) => setTimeout(resolve, 60));
        expect(heard.filter(({ code }) => code === "refine-failed")).toEqual([]);
    });

    it("is saved and loaded: 45 dB and more, and unrefined after that", async () => {
        const avatar = await component.createFromPhotosAsync([Photo], { refine: false });
        await avatar.whenReadyAsync();
        const plainBytes = new Uint8Array(await avatar.saveAsync());
        await avatar.refineAsync([Photo], { fadeSeconds: 0 });
        const bytes = new Uint8Array(await avatar.saveAsync());
        const before = await PixelsAsync(await CaptureAsync(stage));
        avatar.dispose();
        const loaded = await component.loadAsync(bytes);
        await loaded.whenReadyAsync();
        expect(loaded.isRefined).toBe(true);
        const after = await PixelsAsync(await CaptureAsync(stage));
        const error = before.reduce((sum, value, i) => sum + (value - after[i]) ** 2, 0) / before.length;
        expect(-10 * Math.log10(error / 255 ** 2)).toBeGreaterThan(45);
        const refinedMap = await MapOnGpuAsync(loaded);
        loaded.unrefine();
        const map = await MapOnGpuAsync(loaded);
        expect(map).not.toEqual(refinedMap);
        expect(new Uint8Array(await loaded.saveAsync())).toEqual(plainBytes);
        expect(ReadAvatarFile(bytes).staticMap).toEqual(ReadAvatarFile(plainBytes).staticMap);
        const plain = await component.loadAsync(plainBytes);
        expect(await MapOnGpuAsync(plain)).toEqual(map);
    });

    it("is still there after the device was replaced, on instances too", async () => {
        const avatar = await component.createFromPhotosAsync([Photo], { refine: false });
        await avatar.refineAsync([Photo], { fadeSeconds: 0 });
        const twin = avatar.createInstance("twin");
        const map = await MapOnGpuAsync(avatar);
        component.rebuild(); // what Babylon calls when a lost device was replaced
        while (!avatar._internals.splats || !twin._internals.splats) {
            await new Promise((resolve) => setTimeout(resolve, 5));
        }
        expect(await MapOnGpuAsync(avatar)).toEqual(map);
        expect(await MapOnGpuAsync(twin)).toEqual(map);
        expect(avatar.isRefined).toBe(true);
    });
});
