/** Small measures that several parts of refinement share. */
import type { IRefineTable } from "./refineInput.js";

/** 0 up to `low`, 1 from `high` on, linear between; falling where `high` is the smaller. */
export function Ramp(x: number, [low, high]: readonly [number, number]): number {
    return Math.min(1, Math.max(0, (x - low) / (high - low)));
}

/** Weights of red, green and blue in the luminance. */
export const Luma = [0.299, 0.587, 0.114] as const;

/** ln(area of a Gaussian's face in `posed` / at rest). @param posed [V,3] */
export function LogAreaRatio({ corners, template }: IRefineTable, g: number, posed: Float32Array): number {
    const [a, b, c] = [3 * corners[3 * g], 3 * corners[3 * g + 1], 3 * corners[3 * g + 2]];
    return Math.log(Math.max(TriangleArea(posed, a, b, c), 1e-12) / Math.max(TriangleArea(template, a, b, c), 1e-12));
}

function TriangleArea(v: Float32Array, a: number, b: number, c: number): number {
    const [ux, uy, uz] = [v[b] - v[a], v[b + 1] - v[a + 1], v[b + 2] - v[a + 2]];
    const [wx, wy, wz] = [v[c] - v[a], v[c + 1] - v[a + 1], v[c + 2] - v[a + 2]];
    return 0.5 * Math.hypot(uy * wz - uz * wy, uz * wx - ux * wz, ux * wy - uy * wx);
}
