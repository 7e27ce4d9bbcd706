// What TypeScript writes into buffers, read back with the types and offsets that the shaders declare.
import { DynamicFlag, TwoSidedFlag, BuildTexelTable } from "../../../src/flame/texelTable";
import { PlanDriverStep } from "../../../src/runtime/driver/kernels/driverPlan";
import type { DriverStep, IDriverMap } from "../../../src/runtime/driver/kernels/driverProgram";
import { PackTexels, PackVertices } from "../../../src/runtime/passes/headBuffers";
import { StructArray, StructOfWords } from "../../../src/runtime/passes/structData";
import { TinyHead } from "../../support/heads";
import { ReadShader, ReadStruct } from "../../support/readShader";

function StructOf(file: string, front?: string): Parameters<typeof ReadStruct>[0] {
    return ReadShader(file, front).structs[0];
}

const maps: IDriverMap[] = [
    { channels: 9, height: 5, width: 7 },
    { channels: 6, height: 10, width: 14 },
    { channels: 12, height: 10, width: 14 },
];

function ParamsOf(step: DriverStep): Record<string, number | number[]> {
    const { kernel, constants, parameters } = PlanDriverStep(step, maps, false, 1);
    const front =
        "alias real = f32;\n" +
        Object.entries(constants)
            .map(([name, value]) => `const ${name}: u32 = ${value}u;\n`)
            .join("");
    return ReadStruct(StructOf(`driver/${kernel}.wgsl`, front), parameters[0].buffer);
}

describe("shader bytes", () => {
    it("tell driverEnter what a step says", () => {
        const step: DriverStep = {
            kind: "enter",
            input: "position",
            rest: new Float32Array(3),
            gain: 2.5,
            block: 2,
            channels: 3,
            result: 1,
        };
        const params = { width: 14, height: 10, channels: 3, block: 2, gain: 2.5, hasRest: 1 };
        expect(ParamsOf(step)).toEqual(params);
        expect(ParamsOf({ ...step, rest: null })).toEqual({ ...params, hasRest: 0 });
    });

    it("tell driverConv what a step says", () => {
        const step: DriverStep = {
            kind: "conv",
            sources: [
                { map: 0, shift: 1 },
                { map: 1, shift: 0 },
            ],
            weights: new Float32Array(12 * 15 * 9),
            bias: new Float32Array(12),
            kernel: 3,
            stride: 1,
            pad: 1,
            before: 2,
            relu: false,
            after: null,
            result: 2,
        };
        const sizes = {
            width: 14,
            height: 10,
            sourceWidth: 14,
            sourceHeight: 10,
            blocks0: 3,
            blocks: 5,
            shift0: 1,
            outBlocks: 3,
        };
        expect(ParamsOf(step)).toEqual({ ...sizes, relu: 0, hasBefore: 1, hasAfter: 0 });
        expect(ParamsOf({ ...step, before: null, relu: true })).toEqual({
            ...sizes,
            relu: 1,
            hasBefore: 0,
            hasAfter: 0,
        });
        expect(ParamsOf({ ...step, before: null, after: 2 })).toEqual({ ...sizes, relu: 0, hasBefore: 0, hasAfter: 1 });
    });

    it("tell driverPool and driverExit what a step says", () => {
        expect(ParamsOf({ kind: "pool", source: 1, result: 0 })).toEqual({
            width: 7,
            height: 5,
            sourceWidth: 14,
            sourceHeight: 10,
        });
        const exit: DriverStep = { kind: "exit", source: 2, block: 2, unit: new Float32Array(3), scale: 4 };
        expect(ParamsOf(exit)).toEqual({ width: 14, height: 10, channels: 3, block: 2, scale: 4 });
    });

    it("have vertices and texels where the shaders look for them", () => {
        const model = TinyHead();
        const vertices = PackVertices(model);
        const vertex = StructOf("shared/headVertex.wgsl");
        for (let v = 0; v < model.vertexCount; v++) {
            const { position, weights } = ReadStruct(vertex, vertices.buffer, vertex.size * v);
            expect(position as number[]).toEqual(Array.from(model.template.subarray(3 * v, 3 * v + 3)));
            const joints = [0, 8, 16, 24].map((shift) => ((weights as number) >>> shift) & 255);
            expect(joints).toEqual(Array.from(model.weights.subarray(5 * v + 1, 5 * v + 5)));
        }
        const table = BuildTexelTable(model, 8);
        const texels = PackTexels(
            table,
            Uint32Array.from(table.texel, (_, g) => 1000 + g),
        );
        const texel = StructOf("shared/texel.wgsl");
        expect(table.gaussianCount).toBeGreaterThan(2);
        for (let g = 0; g < table.gaussianCount; g++) {
            const read = ReadStruct(texel, texels.buffer, texel.size * g) as Record<string, number>;
            const corners = [read.vertices01 & 0xffff, read.vertices01 >>> 16, read.vertex2Flags & 0xffff];
            expect(corners).toEqual(Array.from(table.corners.subarray(3 * g, 3 * g + 3)));
            const [flags, wanted] = [read.vertex2Flags >>> 16, table.flags[g]].map(
                (bits) => bits & (DynamicFlag | TwoSidedFlag),
            );
            expect(flags).toBe(wanted);
            expect((read.bary01 & 0xffff) / 65535).toBeCloseTo(table.bary[3 * g], 4);
            expect((read.bary01 >>> 16) / 65535).toBeCloseTo(table.bary[3 * g + 1], 4);
            expect(read.place).toBe(1000 + g);
        }
    });

    it("put each field of each struct of a row where its name says", () => {
        const layout = { byteLength: 16, offsets: { place: 0, count: 8, gain: 12 } };
        const rows = new StructArray(layout, 2);
        rows.setFloats("place", [1.5, -2], 1);
        rows.setWord("count", 7, 1);
        rows.setFloat("gain", 0.25, 1);
        expect(Array.from(rows.words.subarray(0, 4))).toEqual([0, 0, 0, 0]);
        expect([rows.floats[4], rows.floats[5], rows.words[6], rows.floats[7]]).toEqual([1.5, -2, 7, 0.25]);
        const one = StructOfWords(layout, { gain: 3, place: 1, count: 2 });
        expect(Array.from(one.words)).toEqual([1, 0, 2, 3]);
    });
});
