/**
 * Finds out whether a backend computes a network rightly: known inputs, and a few of the outputs that the exporter
 * measured (training/export/probe.py).
 */
import type { IGraphEntry } from "./manifest.js";

/**
 * Largest error of a good backend in single precision, in parts of the largest value; wrong convolutions were off by
 * 0.3 and more.
 */
export const ProbeLimit = 0.01;
/** The same in half precision. */
export const HalfProbeLimit = 0.05;

/**
 * Inputs of the probe: the k-th input, from 1, is drawn from seed k by a linear congruential generator that Python has
 * too.
 * @returns values 0..1 by name
 */
export function ProbeInputs({ inputs }: Pick<IGraphEntry, "inputs">): Record<string, Float32Array<ArrayBuffer>> {
    return Object.fromEntries(
        Object.entries(inputs).map(([name, shape], k) => {
            const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
            let state = k + 1;
            for (let i = 0; i < values.length; i++) {
                state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
                values[i] = (state >>> 8) / 2 ** 24;
            }
            return [name, values];
        }),
    );
}

/**
 * @param outputs of the graph for {@link ProbeInputs}
 * @returns the largest error of a listed value, in parts of the largest listed value of its output; Infinity where
 * there is none; 0 without a probe
 */
export function ProbeError(
    { probe }: Pick<IGraphEntry, "probe">,
    outputs: Readonly<Record<string, ArrayLike<number>>>,
): number {
    let worst = 0;
    for (const [name, { index, value }] of Object.entries(probe ?? {})) {
        const scale = value.reduce((most, each) => Math.max(most, Math.abs(each)), 1e-12);
        index.forEach((at, i) => {
            const error = Math.abs(outputs[name]?.[at] - value[i]) / scale;
            worst = error <= worst ? worst : Number.isNaN(error) ? Infinity : error;
        });
    }
    return worst;
}
