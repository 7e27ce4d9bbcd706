import { SolveBounded } from "../../../../src/runtime/flame/boundedLeastSquares";
import { RandomNumbers } from "../../../support/heads";

describe("least squares between 0 and 1", () => {
    it("finds what no step within the bounds makes better", () => {
        const random = RandomNumbers(5);
        for (let round = 0; round < 20; round++) {
            const [rows, n] = [12, 6];
            const m = Array.from({ length: rows * n }, random);
            const target = Array.from({ length: rows }, () => 1.5 * random() + 0.5);
            const a = new Float64Array(n * n);
            const b = new Float64Array(n);
            for (let row = 0; row < rows; row++) {
                for (let i = 0; i < n; i++) {
                    b[i] += m[row * n + i] * target[row];
                    for (let j = 0; j < n; j++) {
                        a[i * n + j] += m[row * n + i] * m[row * n + j];
                    }
                }
            }
            const x = new Float64Array(n);
            SolveBounded(a, b, x);
            // Karush, Kuhn and Tucker: the slope is 0 inside, and points outwards at a bound.
            x.forEach((value, i) => {
                const slope = x.reduce((sum, other, j) => sum + a[i * n + j] * other, -b[i]);
                expect(value).toBeGreaterThanOrEqual(0);
                expect(value).toBeLessThanOrEqual(1);
                const outwards = value === 0 ? Math.min(0, slope) : value === 1 ? Math.max(0, slope) : slope;
                expect(Math.abs(outwards)).withContext(`round ${round}, unknown ${i}`).toBeLessThan(1e-4);
            });
        }
    });
});
