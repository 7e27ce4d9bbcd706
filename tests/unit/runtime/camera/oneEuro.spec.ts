import { OneEuroFilter, OneEuroTurn } from "../../../../src/runtime/camera/oneEuro";

/** The paper's formula, written once more: one number, without arrays. */
function Reference(samples: readonly number[], deltaS: number, minCutoff: number, beta: number): number[] {
    const alpha = (cutoff: number): number => 1 / (1 + 1 / (2 * Math.PI * cutoff) / deltaS);
    let [last, speed, out] = [samples[0], 0, samples[0]];
    return samples.map((x, i) => {
        if (i > 0) {
            speed = alpha(1) * ((x - last) / deltaS) + (1 - alpha(1)) * speed;
            const a = alpha(minCutoff + beta * Math.abs(speed));
            out = a * x + (1 - a) * out;
            last = x;
        }
        return out;
    });
}

describe("One-Euro filter", () => {
    it("gives the paper's numbers", () => {
        const samples = Array.from({ length: 60 }, (_, i) => Math.sin(i / 5) + (i > 30 ? 1 : 0));
        const filter = new OneEuroFilter(1, { minCutoff: 1.5, beta: 0.7 });
        const wanted = Reference(samples, 1 / 30, 1.5, 0.7);
        samples.forEach((sample, i) => {
            filter.update([sample], 1 / 30);
            expect(filter.values[0]).withContext(`sample ${i}`).toBeCloseTo(wanted[i], 10);
        });
    });

    it("without beta is an exponential low pass: a step is followed by its closed form", () => {
        const filter = new OneEuroFilter(1, { minCutoff: 2, beta: 0 });
        filter.update([0], 0.02);
        const share = 1 / (1 + 1 / (2 * Math.PI * 2 * 0.02));
        for (let n = 1; n < 40; n++) {
            filter.update([1], 0.02);
            expect(filter.values[0]).toBeCloseTo(1 - (1 - share) ** n, 10);
        }
    });

    it("turns about one axis as it filters an angle", () => {
        // Small angles: the normalised linear interpolation of quaternions is that of the angle.
        const angles = Array.from({ length: 50 }, (_, i) => 0.01 * Math.sin(i / 6));
        const turn = new OneEuroTurn({ minCutoff: 1, beta: 3 });
        const wanted = Reference(angles, 1 / 30, 1, 0);
        const still = new OneEuroTurn({ minCutoff: 1, beta: 0 });
        angles.forEach((angle, i) => {
            const sign = i % 2 === 0 ? 1 : -1; // both signs mean the same turn
            const raw = [0, sign * Math.sin(angle / 2), 0, sign * Math.cos(angle / 2)];
            turn.update(raw, 1 / 30);
            still.update(raw, 1 / 30);
            const { value } = still;
            expect(2 * Math.atan2(value[1], value[3]))
                .withContext(`sample ${i}`)
                .toBeCloseTo(wanted[i], 6);
            expect(Math.hypot(...turn.value)).toBeCloseTo(1, 12);
        });
    });

    it("takes the first sample after a reset as it is", () => {
        const filter = new OneEuroFilter(2, { minCutoff: 0.1, beta: 0 });
        filter.update([1, 2], 0.1);
        filter.reset();
        filter.update([5, -3], 0.1);
        expect(Array.from(filter.values)).toEqual([5, -3]);
    });
});
