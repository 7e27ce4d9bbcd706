import { RefineKernelNames, RefineSource } from "../../../src/runtime/passes/refine/refineSources";
import {
    HalfSplatDrawSource,
    KernelSources,
    ResolveImports,
    PackKernelSources,
    SortKernelSources,
    SplatDrawSource,
} from "../../../src/runtime/passes/wgsl";

const refineKernels = Object.fromEntries(RefineKernelNames.map((name) => [name, RefineSource(name)]));

describe("shaders", () => {
    it("keeps every stage within eight storage buffers", () => {
        for (const [name, source] of Object.entries({
            ...KernelSources,
            ...PackKernelSources,
            ...SortKernelSources,
            ...refineKernels,
        })) {
            expect(source.match(/var<storage/g)!.length)
                .withContext(name)
                .toBeLessThanOrEqual(8);
        }
    });
});

describe("shader text", () => {
    it("inserts a file once, where it is first named", () => {
        const files = { "a.wgsl": '#import "b.wgsl"\nA', "b.wgsl": "B" };
        expect(ResolveImports('#import "a.wgsl"\n#import "b.wgsl"\nC', files)).toBe("B\nA\n\nC");
    });

    it("names the file that is missing", () => {
        expect(() => ResolveImports('#import "shared/nothing.wgsl"')).toThrowError(/shared\/nothing\.wgsl/);
    });

    it("puts f16 into the twin in half precision only", () => {
        expect(HalfSplatDrawSource).toMatch(/^enable f16;\n/);
        expect(HalfSplatDrawSource).toContain("alias real = f16;");
        expect(SplatDrawSource).toContain("alias real = f32;");
        expect(SplatDrawSource.replace(/\/\/.*/g, "")).not.toContain("f16");
    });

    it("leaves no import in any shader", () => {
        for (const source of [
            SplatDrawSource,
            HalfSplatDrawSource,
            ...Object.values(refineKernels),
            ...Object.values({ ...KernelSources, ...PackKernelSources, ...SortKernelSources }).map((kernel) =>
                ResolveImports(kernel),
            ),
        ]) {
            expect(source).not.toContain("#import");
        }
    });
});
