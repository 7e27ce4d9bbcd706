import { Finish } from "../../../../src/runtime/slices";
import { ForegroundColors } from "../../../../src/runtime/photo/foreground";
import { RefineMatte, UnsureRim } from "../../../../src/runtime/photo/matting";

/** Written by training/classes/write_fixture.py: rays around a disc, and a matte that knows the disc alone. */
interface IMattingFixture {
    size: number;
    every: number;
    image: number[];
    matte: number[];
    refined: number[];
    colors: number[];
}

function Rgba({ image }: IMattingFixture): Uint8ClampedArray {
    return Uint8ClampedArray.from({ length: (image.length / 3) * 4 }, (_, i) =>
        i % 4 === 3 ? 255 : image[3 * (i >> 2) + (i % 4)],
    );
}

describe("matting", () => {
    let fixture: IMattingFixture;
    let rgba: Uint8ClampedArray;
    let coarse: Float32Array;

    beforeAll(async () => {
        fixture = (await (await fetch("/repo/tests/fixtures/matting.json")).json()) as IMattingFixture;
        rgba = Rgba(fixture);
        coarse = Float32Array.from(fixture.matte, (value) => value / 255);
    });

    it("solves the matte as its twin in Python does", () => {
        const refined = Finish(RefineMatte(rgba, coarse, fixture.size));
        const away = fixture.refined.map((value, k) => Math.abs(value - refined[k * fixture.every]));
        expect(fixture.refined.filter((value) => value > 0.05 && value < 0.95).length).toBeGreaterThan(20);
        expect(Math.max(...away)).toBeLessThan(2e-3); // single precision; the window's covariance cancels
    });

    it("takes the background out of the rim's colors as its twin does, and leaves the rest alone", () => {
        const refined = Finish(RefineMatte(rgba, coarse, fixture.size));
        const colors = Finish(ForegroundColors(rgba, refined, fixture.size));
        let worst = 0;
        fixture.colors.forEach((value, k) => {
            const pixel = Math.floor(k / 3) * fixture.every;
            worst = Math.max(worst, Math.abs(value - colors[4 * pixel + (k % 3)]));
        });
        expect(worst).toBeLessThan(3); // of 255
        let changed = 0;
        for (let i = 0; i < refined.length; i++) {
            const isSame = [0, 1, 2, 3].every((c) => colors[4 * i + c] === rgba[4 * i + c]);
            changed += Number(!isSame);
            expect(isSame || (refined[i] > 0 && refined[i] < 1)).toBeTrue();
        }
        expect(changed).toBeGreaterThan(50);
    });

    it("knows a flat matte everywhere, and a step only within the rim", () => {
        const size = 200;
        const step = Float32Array.from({ length: size * size }, (_, i) => Number(i % size >= 100));
        expect(UnsureRim(new Float32Array(size * size).fill(1), size).every((value) => value === 0)).toBeTrue();
        const row = UnsureRim(step, size).subarray(50 * size, 51 * size);
        expect([...row].flatMap((value, i) => (value ? [i] : []))).toEqual([99, 100]);
    });

    it("finds the share of a pixel between two colors, whatever the coarse matte says there", () => {
        const size = 128;
        const edge = 60.35; // the person ends within a pixel
        const cover = (x: number): number => Math.min(1, Math.max(0, edge - x));
        const picture = new Uint8ClampedArray(4 * size * size).map((_, i) => {
            const share = cover((i >> 2) % size);
            return i % 4 === 3 ? 255 : 230 + share * ([40, 30, 20][i % 4] - 230);
        });
        const blurred = Float32Array.from({ length: size * size }, (_, i) =>
            Math.min(1, Math.max(0, 0.5 + (edge - 0.5 - (i % size)) / 8)),
        );
        const refined = Finish(RefineMatte(picture, blurred, size));
        for (let x = 50; x < 72; x++) {
            expect(refined[64 * size + x])
                .withContext(`column ${x}`)
                .toBeGreaterThan(cover(x) - 0.08);
            expect(refined[64 * size + x]).toBeLessThan(cover(x) + 0.08);
        }
        const color = Finish(ForegroundColors(picture, refined, size)).subarray(
            4 * (64 * size + 60),
            4 * (64 * size + 60) + 3,
        );
        [40, 30, 20].forEach((value, c) => expect(Math.abs(color[c] - value)).toBeLessThan(12));
        expect(picture[4 * (64 * size + 60)]).toBeGreaterThan(150); // where the background's light was
    });
});
