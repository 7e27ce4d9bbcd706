import * as layout from "../../../src/runtime/layout";
import { RefineKernelNames, RefineSharedSources, RefineSource } from "../../../src/runtime/passes/refine/refineSources";
import {
    HalfSplatDrawSource,
    KernelSources,
    ResolveImports,
    SharedSources,
    PackKernelSources,
    SortKernelSources,
    SplatDrawSource,
} from "../../../src/runtime/passes/wgsl";
import { Opaque, TileEdge } from "../../../src/runtime/refine/weigher";

/** Alignment and size of the types that our structs use (WGSL, "Alignment and Size"). */
const types: Record<string, [align: number, size: number]> = {
    f32: [4, 4],
    u32: [4, 4],
    vec2f: [8, 8],
    vec3f: [16, 12],
    vec4f: [16, 16],
    mat3x4f: [16, 48],
    mat4x4f: [16, 64],
};

function TypeOf(name: string): [number, number] {
    if (/^array<\w+>$/.test(name)) {
        return [4, 0]; // of any length, last in its struct
    }
    const array = /^array<(\w+), (\d+)>$/.exec(name);
    if (array) {
        const [align, size] = TypeOf(array[1]);
        return [align, Number(array[2]) * Math.ceil(size / align) * align];
    }
    if (!(name in types)) {
        throw new Error(`type ${name} is not in the table of this test`);
    }
    return types[name];
}

function ParseStruct(source: string, struct: string): { byteLength: number; offsets: Record<string, number> } {
    const body = new RegExp(`struct ${struct} \\{([^}]*)\\}`).exec(source);
    expect(body).withContext(`struct ${struct}`).not.toBeNull();
    const offsets: Record<string, number> = {};
    let end = 0;
    let largest = 1;
    for (const [, field, type] of body![1].replace(/\/\/.*$/gm, "").matchAll(/(\w+):\s*([^\n]+?),\s*$/gm)) {
        const [align, size] = TypeOf(type);
        offsets[field] = Math.ceil(end / align) * align;
        end = offsets[field] + size;
        largest = Math.max(largest, align);
    }
    return { byteLength: Math.ceil(end / largest) * largest, offsets };
}

const shared = Object.values({ ...SharedSources, ...RefineSharedSources }).join("\n");
const refineKernels = Object.fromEntries(RefineKernelNames.map((name) => [name, RefineSource(name)]));

describe("layout", () => {
    const structs = {
        AvatarParams: layout.AvatarParamsLayout,
        HeadParams: layout.HeadParamsLayout,
        ViewParams: layout.ViewParamsLayout,
        ViewSlot: layout.ViewSlotLayout,
        CloseUpRecord: layout.CloseUpRecordLayout,
        CloseUpSlot: layout.CloseUpSlotLayout,
        AtlasFrame: layout.AtlasFrameLayout,
        PackParams: layout.PackParamsLayout,
        CoarsenParams: layout.CoarsenParamsLayout,
        LevelGroup: layout.LevelGroupLayout,
        PackedAttributes: layout.PackedAttributesLayout,
        PackedDelta: layout.PackedDeltaLayout,
        HeadVertex: layout.HeadVertexLayout,
        OccluderOffset: layout.OccluderOffsetLayout,
        Texel: layout.TexelLayout,
        SplatRecord: layout.SplatRecordLayout,
        DrawArgs: layout.DrawArgsLayout,
        SortParams: layout.SortParamsLayout,
        Crowded: layout.CrowdedLayout,
        RefineParams: layout.RefineParamsLayout,
        RefineEllipse: layout.RefineEllipseLayout,
    };
    for (const [name, expected] of Object.entries(structs)) {
        it(`states the offsets that WGSL gives ${name}`, () => {
            expect(ParseStruct(shared, name)).toEqual(expected as never);
        });
    }

    it("states the constants of the shaders", () => {
        const constants = {
            BucketCount: 0,
            CulledKey: 0,
            CrowdedSize: 0,
            RadixDigits: 0,
            DigitCount: 0,
            ViewCompensateOpacity: 0,
            ViewKeepOffScreen: 0,
        };
        for (const name of Object.keys(constants) as (keyof typeof constants)[]) {
            const value = new RegExp(`const ${name}: u32 = (\\w+?)u;`).exec(shared);
            expect(Number(value?.[1])).withContext(name).toBe(layout[name]);
        }
        expect(Number(/const TileSize: u32 = (\d+)u;/.exec(shared)?.[1])).toBe(layout.RadixTileSize);
        expect(Number(/const TileEdge: u32 = (\d+)u;/.exec(shared)?.[1])).toBe(TileEdge);
        expect(Number(/const TilePixels: u32 = (\d+)u;/.exec(shared)?.[1])).toBe(TileEdge ** 2);
        expect(Number(/const Opaque: f32 = (.+?);/.exec(shared)?.[1])).toBe(Opaque);
        for (const name of [
            "OffsetReach",
            "DeltaOffsetReach",
            "LogScaleMiddle",
            "DeltaLogScaleReach",
            "DeltaBits",
            "NeverVisible",
        ] as const) {
            expect(Number(new RegExp(`const ${name}: f32 = (.+?);`).exec(shared)?.[1]))
                .withContext(name)
                .toBe(layout[name]);
        }
        expect(shared).toContain("const AlphaCut: f32 = 1.0 / 255.0;");
        expect(layout.AlphaCut).toBe(1 / 255);
    });

    it("keeps every stage within eight storage buffers", () => {
        for (const [name, source] of Object.entries({ ...KernelSources, ...PackKernelSources, ...SortKernelSources, ...refineKernels })) {
            expect(source.match(/var<storage/g)!.length)
                .withContext(name)
                .toBeLessThanOrEqual(8);
        }
    });
});

describe("layout of shader text: #import", () => {
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
            ...Object.values({ ...KernelSources, ...PackKernelSources, ...SortKernelSources }).map((kernel) => ResolveImports(kernel)),
        ]) {
            expect(source).not.toContain("#import");
        }
    });
});
