// Springs in closed form against small steps of the equation of motion.
import { SpringStep } from "../../../src/flame/dampedSpring";

/** x″ + 2ζω·x′ + ω²·x = 0 by Runge and Kutta, from x = 1 and x′ = −2. */
function Integrate(frequencyHz: number, dampingRatio: number, seconds: number): [number, number] {
    const omega = 2 * Math.PI * frequencyHz;
    const pull = (x: number, v: number): number => -2 * dampingRatio * omega * v - omega * omega * x;
    let [x, v] = [1, -2];
    const steps = 20000;
    const h = seconds / steps;
    for (let i = 0; i < steps; i++) {
        const a1 = pull(x, v);
        const [v2, a2] = [v + (h / 2) * a1, pull(x + (h / 2) * v, v + (h / 2) * a1)];
        const [v3, a3] = [v + (h / 2) * a2, pull(x + (h / 2) * v2, v + (h / 2) * a2)];
        const [v4, a4] = [v + h * a3, pull(x + h * v3, v + h * a3)];
        x += (h / 6) * (v + 2 * v2 + 2 * v3 + v4);
        v += (h / 6) * (a1 + 2 * a2 + 2 * a3 + a4);
    }
    return [x, v];
}

describe("a damped spring", () => {
    for (const dampingRatio of [0, 0.05, 0.35, 0.9999, 1, 1.0001, 1.5, 4]) {
        it(`moves as its equation says with a damping ratio of ${dampingRatio}`, () => {
            const step = new Float64Array(4);
            for (const [frequency, seconds] of [
                [1.6, 0.01],
                [1.6, 0.3],
                [0.2, 1],
                [10, 0.2],
            ]) {
                SpringStep(frequency, dampingRatio, seconds, step);
                const [x, v] = Integrate(frequency, dampingRatio, seconds);
                const speed = 1 + 2 * Math.PI * frequency;
                // Near 1 the critical formula is used up to 1e-4 beside it.
                expect(Math.abs(step[0] - 2 * step[1] - x)).toBeLessThan(3e-4);
                expect(Math.abs(step[2] - 2 * step[3] - v) / speed).toBeLessThan(3e-4);
            }
        });
    }

    it("goes as far in one step as in a hundred, and rests after a very long one", () => {
        for (const dampingRatio of [0.35, 1, 2]) {
            const [once, part] = [new Float64Array(4), new Float64Array(4)];
            SpringStep(1.6, dampingRatio, 0.7, once);
            SpringStep(1.6, dampingRatio, 0.007, part);
            let [x, v] = [1, 0];
            for (let i = 0; i < 100; i++) {
                [x, v] = [part[0] * x + part[1] * v, part[2] * x + part[3] * v];
            }
            expect(x).toBeCloseTo(once[0], 9);
            expect(v).toBeCloseTo(once[2], 8);
            SpringStep(10, dampingRatio, 1e4, once);
            expect(Array.from(once).map(Math.abs)).toEqual([0, 0, 0, 0]);
        }
    });

    it("does nothing in no time", () => {
        const step = new Float64Array(4);
        SpringStep(1.6, 0.35, 0, step);
        expect(Array.from(step).map((value) => value + 0)).toEqual([1, 0, 0, 1]);
    });
});
