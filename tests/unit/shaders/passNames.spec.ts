/**
 * One pass, one name (CONTRIBUTING.md): a shader, the file that records it, and the twin in TypeScript that its head
 * names. Kernels that only work in a row share a recorder, and are listed here.
 */
import { ShaderTexts } from "../../support/readShader";

declare const require: {
    context(folder: string, deep: boolean, pattern: RegExp, mode: "weak"): { keys(): string[] };
};

/** Every file of the runtime, by its path in the repository. */
const runtime = new Set(
    require
        .context("../../../src/runtime", true, /\.ts$/, "weak")
        .keys()
        .map((key) => key.replace("./", "src/runtime/")),
);

/** Recorders of kernels that only work in a row. */
const Rows: readonly [kernels: RegExp, recorder: string][] = [
    [/^driver[A-Z]/, "driver/kernels/driverExecutor"],
    [/^(packStatic|packDelta|coarsen)$/, "passes/mapPacker"],
    [/^sortRadix/, "passes/sort/radixSorter"],
    [/^sort(?!Radix)/, "passes/sort/countingSorter"],
    [/^refine[A-Z]/, "passes/refine/gpuWeigher"],
];

/** Passes without a twin: why. */
const WithoutTwin: Readonly<Record<string, string>> = {
    splatOccluder: "what it hides must not be missed: its test compares pictures with and without it",
};

describe("a pass", () => {
    const passes = Object.entries(ShaderTexts).filter(([, text]) => /^@(compute|vertex)/m.test(text));

    it("is recorded by the file of its name, or by that of its row", () => {
        expect(passes.length).toBeGreaterThan(20);
        for (const [file] of passes) {
            const name = file.replace(/^.*\/|\.wgsl$/g, "");
            const row = Rows.find(([kernels]) => kernels.test(name));
            const recorder = `src/runtime/${row ? row[1] : `passes/${name}`}.ts`;
            expect(runtime.has(recorder)).withContext(`${file}: ${recorder}`).toBeTrue();
        }
    });

    it("names its twin in TypeScript, or there is a reason why it has none", () => {
        for (const [file, text] of passes) {
            const name = file.replace(/^.*\/|\.wgsl$/g, "");
            const head = text.slice(0, text.search(/^[^/]/m)).replace(/\n\/\/ /g, " ");
            const twin = /Reference: (\S+\.ts)/.exec(head)?.[1];
            expect(twin === undefined)
                .withContext(`${file}: ${WithoutTwin[name] ?? "names no twin"}`)
                .toBe(name in WithoutTwin);
            expect(twin === undefined || runtime.has(twin))
                .withContext(`${file}: ${twin}`)
                .toBeTrue();
        }
    });
});
