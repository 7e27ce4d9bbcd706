import { ModelRuntime } from "../../../../src/runtime/models/modelRuntime";

/**
 * tests/fixtures/nano-128.json, written by training/export/write_fixture.py with ONNX Runtime for Python on the same
 * graphs.
 */
interface IFixture {
    model: string;
    graphs: Record<
        string,
        {
            sha256: string;
            dataSha256: string;
            seeds: Record<string, number>;
            outputs: Record<string, { shape: number[]; mean: number; index: number[]; value: number[] }>;
        }
    >;
}

const Fixture = "/repo/tests/fixtures/nano-128.json";
/**
 * Both sides compute in fp32 and differ by the order of sums only. Measured on WebAssembly with 2 threads, x86-64:
 * worst 1.0e-5 (static map, where log scales reach 8), tokens 5e-7, coordinates 2e-7. The limit is relative for values
 * above 1.
 */
const Limit = 1e-4;

/** The generator that the fixture names, so that inputs need not be stored. */
function LcgValues(seed: number, count: number): Float32Array {
    const values = new Float32Array(count);
    let state = seed;
    for (let i = 0; i < count; i++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        values[i] = (state >>> 8) / 2 ** 24;
    }
    return values;
}

describe("nano-128 on WebAssembly gives what ONNX Runtime gave in Python", () => {
    let runtime: ModelRuntime;
    let fixture: IFixture;

    beforeAll(async () => {
        fixture = (await (await fetch(Fixture)).json()) as IFixture;
        runtime = await ModelRuntime.CreateAsync({
            modelsUrl: "/repo/assets/models",
            runtimeUrls: "/repo/node_modules/onnxruntime-web/dist",
            backend: "wasm",
            model: fixture.model,
        });
    });

    afterAll(() => runtime.dispose());

    for (const name of [
        "encoder",
        "reconstructor_n1",
        "reconstructor_n2",
        "reconstructor_n3",
        "reconstructor_n4",
        "driver",
    ]) {
        it(name, async () => {
            const { sha256, dataSha256, seeds, outputs } = fixture.graphs[name];
            const graph = runtime.model.graphs[name];
            expect([graph.sha256, graph.data?.sha256])
                .withContext("the graphs changed: run training.export.write_fixture")
                .toEqual([sha256, dataSha256]);
            const count = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);
            const inputs = Object.fromEntries(
                Object.entries(graph.inputs).map(([key, shape]) => [key, LcgValues(seeds[key], count(shape))]),
            );
            const results = await runtime.runGraphAsync(name, inputs);
            expect(Object.keys(results).sort()).toEqual(Object.keys(outputs).sort());
            for (const [key, { shape, mean, index, value }] of Object.entries(outputs)) {
                const result = results[key];
                expect(result.length).withContext(key).toBe(count(shape));
                let worst = 0;
                let at = -1;
                index.forEach((position, i) => {
                    const difference = Math.abs(result[position] - value[i]) / Math.max(1, Math.abs(value[i]));
                    if (!(difference <= worst)) {
                        worst = difference;
                        at = i;
                    }
                });
                expect(worst)
                    .withContext(`${key}[${index[at]}] is ${result[index[at]]}, Python has ${value[at]}`)
                    .toBeLessThanOrEqual(Limit);
                const ours = result.reduce((sum, v) => sum + v, 0) / result.length;
                expect(Math.abs(ours - mean))
                    .withContext(`mean of ${key}`)
                    .toBeLessThanOrEqual(Limit);
                const spread = value.reduce((most, v) => Math.max(most, Math.abs(v - value[0])), 0);
                expect(spread).withContext(`${key} must not be constant`).toBeGreaterThan(0);
            }
        });
    }
});
