// w on a graphics card: the same numbers as on the processor, the same bytes again, and the processor where the card
// fails.
import { GpuWeigher } from "../../../../src/runtime/passes/refine/gpuWeigher";
import { RefineColors } from "../../../../src/runtime/refine/refineColors";
import type { IRefineInput, IRefineView } from "../../../../src/runtime/refine/refineInput";
import {
    CheckWeigherAsync,
    OpenGpuWeigherAsync,
    RefineWhereFasterAsync,
    type IOpenWeigher,
} from "../../../../src/runtime/refine/refineWhereFaster";
import { Finish, FinishAsync } from "../../../../src/runtime/slices";
import { BuildSplatWeights } from "../../../../src/runtime/refine/splatWeights";
import type { Weigher } from "../../../../src/runtime/refine/weigher";
import { RefineFixtureAsync } from "../../../support/refineFixture";
import { DrawAsync, RandomScene, TransposeAsync } from "../../../support/splatScenes";
import { ExpectNoGpuErrors, GetDevice, Psnr, Random } from "../../../support/gpu";

/** The same photo with a larger crop: more tiles, and a last one that is not full. */
function Enlarged(view: IRefineView, size: number): IRefineView {
    const from = (i: number): number => {
        const [row, column] = [Math.floor(i / size), i % size].map((at) => Math.floor((at * view.size) / size));
        return row * view.size + column;
    };
    return {
        ...view,
        size,
        pixels: new Uint8ClampedArray(4 * size * size).map((_, i) => view.pixels[4 * from(i >> 2) + (i & 3)]),
        matte: new Uint8ClampedArray(size * size).map((_, i) => view.matte[from(i)]),
    };
}

/** As if what differs between the two had peak 1. */
function Decibels(found: Float32Array, wanted: Float32Array): number {
    const peak = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    return Psnr(
        found.map((value) => value / peak),
        wanted.map((value) => value / peak),
    );
}

describe("w on a graphics card", () => {
    let weigher: GpuWeigher;
    let input: IRefineInput;

    beforeAll(async () => {
        weigher = await GpuWeigher.CreateAsync(await GetDevice());
        ({ input } = await RefineFixtureAsync());
    });
    afterAll(() => weigher.dispose());
    afterEach(() => ExpectNoGpuErrors());

    it("draws and sends back as on the processor: few and many Gaussians, one tile and more, full and not", async () => {
        for (const [count, size] of [
            [0, 20],
            [1, 16],
            [63, 16],
            [64, 17],
            [65, 47],
            [3000, 33],
            [900, 300],
        ]) {
            const { ellipses, colors, reference } = RandomScene(count, count, size);
            const gpu = await FinishAsync(weigher.weigh(ellipses, size));
            const picture = await DrawAsync(gpu, colors);
            expect(Psnr(picture, reference)).withContext(`picture, ${count} Gaussians`).toBeGreaterThan(90);
            const random = Random(size);
            const values = Float32Array.from({ length: 3 * size * size }, () => random() - 0.5);
            const sums = await TransposeAsync(gpu, values, count);
            const twin = await TransposeAsync(Finish(BuildSplatWeights(ellipses, size)), values, count);
            expect(count === 0 || Decibels(sums, twin) > 55)
                .withContext(`transpose, ${count} Gaussians: ${Decibels(sums, twin)} dB`)
                .toBeTrue();
            expect(await TransposeAsync(gpu, values, count)).toEqual(sums);
            gpu.dispose();
            gpu.dispose();
        }
    });

    it("goes on with a small photo after a large one was made", async () => {
        const [small, large] = [RandomScene(5, 100, 20), RandomScene(6, 2000, 200)];
        const first = await FinishAsync(weigher.weigh(small.ellipses, 20));
        const before = await DrawAsync(first, small.colors);
        const second = await FinishAsync(weigher.weigh(large.ellipses, 200));
        expect(Psnr(await DrawAsync(second, large.colors), large.reference)).toBeGreaterThan(90);
        expect(await DrawAsync(first, small.colors)).toEqual(before);
        expect(first.byteLength).toBeLessThan(second.byteLength);
        first.dispose();
        second.dispose();
    });

    it("refines as the processor does, and gives the same bytes again", async () => {
        const cases: Record<string, IRefineInput> = {
            "two photos": input,
            "one larger photo": { ...input, views: [Enlarged(input.views[1], 104)] },
        };
        for (const [name, given] of Object.entries(cases)) {
            const processor = Finish(RefineColors(given));
            const shares: number[] = [];
            const gpu = await FinishAsync(
                RefineColors(given, {}, { weigh: weigher.weigh }),
                (share) => void shares.push(share),
            );
            const decibels = Psnr(gpu.detail, processor.detail);
            console.log(`${name}: ${decibels.toFixed(1)} dB`);
            expect(decibels).withContext(name).toBeGreaterThan(45);
            expect(Psnr(gpu.detail, new Float32Array(gpu.detail.length)))
                .withContext("no change at all")
                .toBeLessThan(35);
            expect(Math.abs(gpu.faceTrust - processor.faceTrust)).toBeLessThan(1e-3);
            expect((await FinishAsync(RefineColors(given, {}, { weigh: weigher.weigh }))).detail).toEqual(gpu.detail);
            expect(shares.every((share, i) => share <= 1 && (i === 0 || share >= shares[i - 1]))).toBeTrue();
        }
    });
});

describe("refining where it is faster", () => {
    let input: IRefineInput;

    beforeAll(async () => {
        ({ input } = await RefineFixtureAsync());
    });

    /** A device of its own, and how often it was given back. */
    async function OpenAsync(): Promise<IOpenWeigher & { device: GPUDevice; disposed: number }> {
        const device = await (await navigator.gpu.requestAdapter())!.requestDevice();
        const weigher = await GpuWeigher.CreateAsync(device);
        const opened = {
            device,
            weigh: weigher.weigh,
            disposed: 0,
            dispose: () => {
                opened.disposed++;
                weigher.dispose();
                device.destroy();
            },
        };
        return opened;
    }

    it("takes the processor on software adapters, as here", async () => {
        expect(await OpenGpuWeigherAsync()).toBeNull();
    });

    it("checks a card's numbers before it is taken", async () => {
        const opened = await OpenAsync();
        await expectAsync(CheckWeigherAsync(opened.weigh)).toBeResolved();
        const wrong: Weigher = function* (ellipses, size) {
            const weights = yield* opened.weigh(ellipses, size);
            return {
                size,
                byteLength: 0,
                pass: (colors, step, into) => weights.pass(colors && colors.map((color) => 0.95 * color), step, into),
                dispose: () => weights.dispose(),
            };
        };
        await expectAsync(CheckWeigherAsync(wrong)).toBeRejectedWithError(/wrong by [\d.]+ %/);
        opened.dispose();
    });

    it("takes the card, and the processor with its reason where the card is lost on the way", async () => {
        const processor = Finish(RefineColors(input));
        const reasons: string[] = [];
        const onProcessor = (reason: string): void => void reasons.push(reason);
        const whole = await OpenAsync();
        const onCard = await RefineWhereFasterAsync(input, {
            onStep: () => undefined,
            onProcessor,
            openAsync: async () => whole,
        });
        expect(onCard.detail).not.toEqual(processor.detail);
        expect([reasons.length, whole.disposed]).toEqual([0, 1]);

        const lost = await OpenAsync();
        const shares: number[] = [];
        const onStep = (share: number): void => {
            shares.push(share);
            if (share > 0.6) {
                lost.device.destroy();
            }
        };
        const saved = await RefineWhereFasterAsync(input, { onStep, onProcessor, openAsync: async () => lost });
        expect(saved).toEqual(processor);
        expect([reasons.length, lost.disposed]).toEqual([1, 1]);
        expect(shares.every((share, i) => i === 0 || share >= shares[i - 1])).toBeTrue();

        const refused = (): Promise<never> => Promise.reject(new Error("no device for you"));
        expect(
            await RefineWhereFasterAsync(input, { onStep: () => undefined, onProcessor, openAsync: refused }),
        ).toEqual(processor);
        expect(reasons[1]).toBe("no device for you");
    });

    it("stops when it is told to, and gives the card back", async () => {
        const opened = await OpenAsync();
        const reasons: string[] = [];
        const stop = async (share: number): Promise<void> => {
            if (share > 0.3) {
                throw new Error("enough");
            }
        };
        const stopped = RefineWhereFasterAsync(input, {
            onStep: stop,
            onProcessor: (reason) => reasons.push(reason),
            openAsync: async () => opened,
        });
        await expectAsync(stopped).toBeRejectedWithError("enough");
        expect([reasons.length, opened.disposed]).toEqual([0, 1]);
    });
});
