// Groups of splats as one: mean, covariance, color, and what stays alone.
import type { ILevels } from "../../../../src/flame/levels";
import { MergeSplats as MergeInSteps } from "../../../../src/runtime/format/mergeSplats";
import { Finish } from "../../../../src/runtime/slices";
import { SplatByteLength } from "../../../../src/runtime/format/splatFile";

interface ISplat {
    at: readonly [number, number, number];
    scale: readonly [number, number, number];
    /** Red, green, blue, opacity. */
    color: readonly [number, number, number, number];
    /** w, x, y, z. */
    turn: readonly [number, number, number, number];
}

function Bytes(splats: readonly ISplat[]): ArrayBuffer {
    const bytes = new ArrayBuffer(SplatByteLength * splats.length);
    splats.forEach(({ at, scale, color, turn }, i) => {
        new Float32Array(bytes).set([...at, ...scale], 8 * i);
        new Uint8Array(bytes).set(color, 32 * i + 24);
        new Uint8ClampedArray(bytes).set(
            turn.map((q) => 127.5 * q + 127.5),
            32 * i + 28,
        );
    });
    return bytes;
}

/** [9] Σ = R S² Rᵀ of a record. */
function Covariance(bytes: Uint8Array, i: number): number[] {
    const floats = new Float32Array(bytes.slice(32 * i, 32 * i + 24).buffer);
    const q = [...bytes.subarray(32 * i + 28, 32 * i + 32)].map((b) => (b - 127.5) / 127.5);
    const length = Math.hypot(...q);
    const [w, x, y, z] = q.map((value) => value / length);
    const rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ];
    return rows.flatMap((a) => rows.map((b) => a.reduce((sum, v, k) => sum + v * b[k] * floats[3 + k] ** 2, 0)));
}

function Levels(count: number, groups: readonly { first: number; mask: number }[]): ILevels {
    return {
        start: [0, count, count + groups.length, count + groups.length],
        anchor: Uint32Array.from(groups, ({ first }) => first),
        first: Uint32Array.from(groups, ({ first }) => first),
        mask: Uint32Array.from(groups, ({ mask }) => mask),
        spacing: 0.003,
    };
}

const Half = Math.SQRT1_2;

const MergeSplats = (...given: Parameters<typeof MergeInSteps>): Uint8Array<ArrayBuffer> =>
    Finish(MergeInSteps(...given));

describe("MergeSplats", () => {
    it("gives a group its mean and covariance, weighted by opacity and area", () => {
        const bytes = Bytes([
            { at: [0, 0, 0], scale: [0.002, 0.001, 0.0001], color: [200, 100, 0, 255], turn: [1, 0, 0, 0] },
            {
                at: [0.004, 0.001, 0],
                scale: [0.002, 0.001, 0.0001],
                color: [100, 0, 40, 255],
                turn: [Half, 0, 0, Half],
            },
        ]);
        const gaussians = Uint32Array.of(0, 1);
        const merged = MergeSplats({ bytes, gaussians }, Levels(2, [{ first: 0, mask: 3 }]), 1);
        expect(merged.length).toBe(SplatByteLength);
        const floats = new Float32Array(merged.buffer);
        expect(floats[0]).toBeCloseTo(0.002, 7);
        expect(floats[1]).toBeCloseTo(0.0005, 7);
        expect([...merged.subarray(24, 28)]).toEqual([150, 50, 20, 255]);
        // Mean of both covariances and of the offsets' squares: one lies along x, one, turned by 90°, along y.
        const wanted = [
            (4e-6 + 1e-6) / 2 + 4e-6,
            0.002 * 0.0005,
            0,
            0.002 * 0.0005,
            (1e-6 + 4e-6) / 2 + 0.25e-6,
            0,
            0,
            0,
            1e-8,
        ];
        Covariance(merged, 0).forEach((value, k) =>
            expect(Math.abs(value - wanted[k]))
                .withContext(`entry ${k}`)
                .toBeLessThan(0.02 * wanted[0]),
        );
    });

    it("leaves a lone splat as it is, byte for byte, and leaves out what was not seen", () => {
        const one: ISplat = { at: [1, 2, 3], scale: [0.01, 0.02, 0.003], color: [9, 8, 7, 60], turn: [0, 1, 0, 0] };
        const bytes = Bytes([one, one]);
        const levels = Levels(6, [
            { first: 0, mask: 1 },
            { first: 1, mask: 0b11 }, // both unseen
            { first: 4, mask: 0b11 }, // one of two unseen
        ]);
        const merged = MergeSplats({ bytes, gaussians: Uint32Array.of(0, 5) }, levels, 1);
        expect([...merged]).toEqual([...new Uint8Array(bytes)]);
        expect([...MergeSplats({ bytes, gaussians: Uint32Array.of(0, 5) }, levels, 0)]).toEqual([
            ...new Uint8Array(bytes),
        ]);
    });

    it("weights what is hardly there hardly", () => {
        const at = (x: number, opacity: number): ISplat => ({
            at: [x, 0, 0],
            scale: [0.001, 0.001, 0.001],
            color: [x > 0 ? 255 : 0, 0, 0, opacity],
            turn: [1, 0, 0, 0],
        });
        const merged = MergeSplats(
            { bytes: Bytes([at(0, 250), at(1, 5)]), gaussians: Uint32Array.of(0, 1) },
            Levels(2, [{ first: 0, mask: 3 }]),
            1,
        );
        expect(new Float32Array(merged.buffer)[0]).toBeCloseTo(5 / 255, 5);
        expect(merged[24]).toBe(5);
    });
});
