/**
 * Every number that shaders and TypeScript share has one name and one value on both sides. A new `const`, `override` or
 * `struct` of a shader fails here until TypeScript exports its twin, or until it is listed below with the reason why it
 * needs none.
 */
import * as closeUp from "../../../src/runtime/closeUp";
import * as coarsen from "../../../src/runtime/reference/coarsen";
import * as half from "../../../src/runtime/format/half";
import * as headModel from "../../../src/flame/headModel";
import * as layout from "../../../src/runtime/layout";
import * as texelTable from "../../../src/flame/texelTable";
import * as weigher from "../../../src/runtime/refine/weigher";
import { ReadShader, ShaderTexts, type IShaderConstant } from "../../support/readShader";

/** Where twins of constants are, under the same name, and those that only one shader knows. */
const Exports: Readonly<Record<string, unknown>> = {
    ...closeUp,
    ...half,
    ...headModel,
    ...layout,
    ...texelTable,
    ...weigher,
};
const ExportsByShader: Readonly<Record<string, Readonly<Record<string, unknown>>>> = { "coarsen.wgsl": coarsen };

/** Constants without a twin, by shader: why. */
const OwnConstants: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    "refine/refineDraw.wgsl": { Chunk: "how the workgroup reads; the result does not depend on it" },
    "refine/refineGather.wgsl": {
        Chunk: "how the workgroup reads; the result does not depend on it",
        Lanes: "follows from Chunk",
        ChunksPerCheck: "how often it looks whether all is opaque; the result does not depend on it",
    },
    "shared/radix.wgsl": {
        DigitBits: "follows from DigitCount, see below",
        RadixThreads: "workgroup size; dispatches count tiles",
        KeysPerThread: "follows from RadixTileSize, see below",
    },
    "shared/splatQuad.wgsl": { OffsetSigmas: "unit of the quad's offset, between vertex and fragment shader" },
    "sortCrowded.wgsl": { Threads: "workgroup size; dispatched per bucket" },
    "sortRadixCount.wgsl": { Copies: "counters in workgroup memory" },
    "sortRadixScatter.wgsl": {
        digit: "set per pipeline; WebGPU refuses a name that is none",
        LastDigit: "follows from RadixDigits",
        Lanes: "follows from RadixThreads",
        Words: "follows from DigitCount",
        WordStride: "follows from RadixThreads",
        Segment: "how the workgroup adds up; the result does not depend on it",
        Segments: "follows from Segment",
    },
    "sortScan.wgsl": {
        Threads: "workgroup size; one workgroup is dispatched",
        QuadsPerThread: "follows from BucketCount",
    },
    "splatProject.wgsl": {
        CountKeys: "set per pipeline; WebGPU refuses a name that is none",
        LeastTransmittance: "only while two levels of detail fade into each other, which the reference does not do",
    },
};

/** Structs that are in no buffer, by shader: why. */
const OwnStructs: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    "shared/attributes.wgsl": { Attributes: "unpacked" },
    "shared/closeUp.wgsl": { CloseUp: "unpacked" },
    "shared/headVertex.wgsl": { SkinWeights: "unpacked" },
    "shared/posedFace.wgsl": { PosedFace: "between functions" },
    "shared/splatQuad.wgsl": { SplatCorner: "between functions" },
    "splatDraw.wgsl": { Varyings: "between vertex and fragment shader" },
    "splatOccluder.wgsl": { Varyings: "between vertex and fragment shader" },
};

/**
 * Kernels that are not dispatched by the number of their threads: the constant that is their workgroup size, and where
 * it is.
 */
const OwnWorkgroups: Readonly<Record<string, readonly [file: string, constant: string]>> = {
    sortCrowded: ["sortCrowded.wgsl", "Threads"],
    sortScan: ["sortScan.wgsl", "Threads"],
    sortRadixCount: ["shared/radix.wgsl", "RadixThreads"],
    sortRadixScatter: ["shared/radix.wgsl", "RadixThreads"],
    refineDraw: ["shared/refineEllipse.wgsl", "TilePixels"],
    refineGather: ["shared/refineEllipse.wgsl", "TilePixels"],
};

/** What driverSources.ts puts in front of the driver's shaders. */
const DriverFront =
    "alias real = f32;\n" +
    ["Kernel", "Stride", "Pad", "Columns", "OutBlocks", "Window"].map((n) => `const ${n} = 1u;`).join("\n");

const shaders = Object.fromEntries(
    Object.keys(ShaderTexts).map((file) => [file, ReadShader(file, file.startsWith("driver/") ? DriverFront : "")]),
);

/** A number of TypeScript as a constant of this type holds it. */
function AsShader(value: unknown, { type }: IShaderConstant): unknown {
    return typeof value === "number" && type === "f32" ? Math.fround(value) : value;
}

/** What a table lists and the shaders do not have. */
function Stale(table: Readonly<Record<string, object>>, names: (file: string) => readonly string[]): string[] {
    return Object.entries(table).flatMap(([file, listed]) =>
        Object.keys(listed)
            .filter((name) => !(file in shaders) || !names(file).includes(name))
            .map((name) => `${file} ${name}`),
    );
}

function ValueOf(file: string, constant: string): number | undefined {
    return shaders[file].constants.find(({ name }) => name === constant)?.value;
}

const constantsOf = (file: string): string[] => shaders[file].constants.map(({ name }) => name);
const structsOf = (file: string): string[] => shaders[file].structs.map(({ name }) => name);

describe("shader twins", () => {
    for (const [file, { constants, structs }] of Object.entries(shaders)) {
        if (constants.length > 0) {
            it(`gives the constants of ${file} the values that TypeScript has`, () => {
                const exported = { ...Exports, ...ExportsByShader[file] };
                for (const constant of constants) {
                    const { name, value, isOverride } = constant;
                    if (OwnConstants[file]?.[name]) {
                        expect(name in exported)
                            .withContext(`${name} has a twin and needs no reason`)
                            .toBeFalse();
                        continue;
                    }
                    expect(name in exported)
                        .withContext(
                            `${isOverride ? "override" : "const"} ${name} has a twin in TypeScript, or a reason`,
                        )
                        .toBeTrue();
                    expect(value)
                        .withContext(name)
                        .toEqual(AsShader(exported[name], constant) as never);
                }
            });
        }
        for (const { name, size, members } of structs) {
            if (OwnStructs[file]?.[name]) {
                continue;
            }
            it(`lays ${name} of ${file} out as TypeScript fills it`, () => {
                const twin = (layout as Readonly<Record<string, unknown>>)[`${name}Layout`] as
                    layout.IStructLayout | undefined;
                expect(twin).withContext(`${name}Layout in layout.ts`).toBeDefined();
                expect(Object.entries(twin?.offsets ?? {})).toEqual(
                    members.map((member) => [member.name, member.offset]),
                );
                expect(twin?.byteLength).withContext("byteLength").toBe(size);
            });
        }
    }

    it("finds a shader for every layout", () => {
        const declared = new Set(
            Object.keys(shaders).flatMap((file) => structsOf(file).map((name) => `${name}Layout`)),
        );
        expect(Object.keys(layout).filter((name) => name.endsWith("Layout") && !declared.has(name))).toEqual([]);
    });

    it("lists no constant and no struct that a shader no longer has", () => {
        expect(Stale(OwnConstants, constantsOf)).toEqual([]);
        expect(Stale(OwnStructs, structsOf)).toEqual([]);
        expect(Object.keys(ExportsByShader).filter((file) => !(file in shaders))).toEqual([]);
    });

    it("dispatches kernels by the workgroup sizes that they have", () => {
        const found: Record<string, unknown> = {};
        const wanted: Record<string, unknown> = {};
        for (const [file, { workgroupSize }] of Object.entries(shaders)) {
            if (workgroupSize) {
                const name = file.replace(/^.*\/|\.wgsl$/g, "");
                found[name] = workgroupSize;
                wanted[name] = file.startsWith("driver/")
                    ? [layout.DriverWorkgroupEdge, layout.DriverWorkgroupEdge, 1]
                    : "no entry";
            }
        }
        for (const [name, size] of Object.entries(layout.WorkgroupSizes)) {
            wanted[name] = [size, 1, 1];
        }
        for (const [name, [file, constant]] of Object.entries(OwnWorkgroups)) {
            wanted[name] = [ValueOf(file, constant), 1, 1];
        }
        expect(found).toEqual(wanted);
    });

    it("keeps the numbers of the radix sort in step", () => {
        const value = (name: string): number => ValueOf("shared/radix.wgsl", name)!;
        expect(2 ** value("DigitBits")).toBe(value("DigitCount"));
        expect(value("RadixThreads") * value("KeysPerThread")).toBe(value("RadixTileSize"));
        expect(value("RadixDigits") * value("DigitBits")).toBe(Math.log2(layout.BucketCount));
    });

    it("takes the constants of a whole file, and those only", () => {
        expect(constantsOf("sortScan.wgsl")).toEqual(["Threads", "QuadsPerThread"]);
        expect(ValueOf("sortScan.wgsl", "QuadsPerThread")).withContext("BucketCount / 4 / Threads").toBe(64);
    });
});
