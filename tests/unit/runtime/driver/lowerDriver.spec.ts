import { FlexAvatarError } from "../../../../src/flame/error";
import { LowerDriver } from "../../../../src/runtime/driver/lowerDriver";
import { ReadOnnxGraph, type IOnnxGraph } from "../../../../src/runtime/driver/onnxGraph";
import { ProbeInputs } from "../../../../src/runtime/models/probe";
import { BuildSumGraph } from "../../../../src/runtime/models/probeGraph";
import { AssignBuffers } from "../../../../src/runtime/driver/kernels/driverPlan";
import { DriverFlops, type IConvStep } from "../../../../src/runtime/driver/kernels/driverProgram";
import { RunDriver } from "../../../../src/runtime/reference/driver";

/**
 * tests/fixtures/drivers.json, written by training/export/write_driver_fixture.py: small networks of both kinds and
 * what ONNX Runtime makes of them.
 */
interface IDriverFixture {
    onnx: string;
    data: string;
    inputs: { identity_features: number[]; position_map: number[] };
    output: { index: number[]; value: number[] };
}

const FromBase64 = (text: string): Uint8Array => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

function CodeOf(work: () => unknown): string {
    try {
        work();
        return "no error";
    } catch (error) {
        return error instanceof FlexAvatarError ? error.code : String(error);
    }
}

describe("driver network from its ONNX file", () => {
    let fixtures: Record<string, IDriverFixture>;
    const read = ({ onnx, data }: IDriverFixture): IOnnxGraph =>
        ReadOnnxGraph(FromBase64(onnx), new Map([["driver.data", FromBase64(data)]]));

    beforeAll(async () => {
        fixtures = (await (await fetch("/repo/tests/fixtures/drivers.json")).json()) as Record<string, IDriverFixture>;
    });

    for (const kind of ["light", "plain"]) {
        it(`gives ONNX Runtime's numbers for the ${kind} kind`, () => {
            const { inputs, output } = fixtures[kind];
            const program = LowerDriver(read(fixtures[kind]), inputs.identity_features, inputs.position_map);
            const { identity_features: identity, position_map: position } = ProbeInputs({ inputs });
            const delta = RunDriver(program, identity, position);
            const scale = output.value.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
            expect(scale).toBeGreaterThan(0);
            output.index.forEach((at, i) =>
                expect(Math.abs(delta[at] - output.value[i]))
                    .withContext(`value ${at}`)
                    .toBeLessThan(1e-5 * scale),
            );
            expect(program.deltaCount).toBe(delta.length);
            expect(program.once.length).toBe(2);
            expect(program.steps.at(-1)!.kind).toBe("exit");
            expect(DriverFlops(program)).toBeGreaterThan(0);
        });
    }

    it("fuses additions and activations into convolutions, and moves the identity out of the frame", () => {
        const { inputs } = fixtures.light;
        const { steps, once } = LowerDriver(read(fixtures.light), inputs.identity_features, inputs.position_map);
        const convs = steps.filter((step): step is IConvStep => step.kind === "conv");
        expect(steps.map(({ kind }) => kind).filter((kind) => kind !== "conv")).toEqual(["enter", "exit"]);
        expect(convs[0].before).toBe((once[1] as IConvStep).result);
        expect(convs.filter(({ after }) => after !== null).length).toBeGreaterThan(2);
        expect(convs.filter(({ sources }) => sources.length === 2 && sources[0].shift === 1).length).toBeGreaterThan(0);
    });

    it("says which operation it does not know, and what is wrong with a file", () => {
        const sum = ReadOnnxGraph(BuildSumGraph([4], "position_map", "position_map", "delta_map"), new Map());
        expect(sum.nodes.map(({ op }) => op)).toEqual(["Add"]);
        expect(CodeOf(() => LowerDriver(sum, [1, 2, 4, 4], [1, 3, 8, 8]))).toBe("models-mismatch");
        const { onnx, inputs } = fixtures.light;
        expect(CodeOf(() => ReadOnnxGraph(FromBase64(onnx), new Map()))).toBe("file-format");
        expect(CodeOf(() => ReadOnnxGraph(FromBase64(onnx).subarray(0, 2000), new Map()))).toBe("file-format");
        const graph = read(fixtures.light);
        const odd = {
            ...graph,
            nodes: graph.nodes.map((node) => (node.op === "Relu" ? { ...node, op: "Tanh" } : node)),
        };
        expect(() => LowerDriver(odd, inputs.identity_features, inputs.position_map)).toThrowError(
            FlexAvatarError,
            /Tanh/,
        );
    });

    it("lets maps share a buffer only when they are not needed at the same time", () => {
        const steps = [
            { inputs: ["position" as const], output: 0 },
            { inputs: [0], output: 1 },
            { inputs: [1], output: 2 },
            { inputs: [2, 0], output: 3 },
            { inputs: [3], output: "delta" as const },
        ];
        const { sizes, bufferOfMap } = AssignBuffers(steps, (map) => 10 * (map + 1));
        expect(bufferOfMap.get(1)).not.toBe(bufferOfMap.get(0));
        expect(bufferOfMap.get(2)).not.toBe(bufferOfMap.get(0)); // 0 is read again
        expect(bufferOfMap.get(3)).toBe(bufferOfMap.get(1));
        expect(sizes.length).toBe(3);
        expect(sizes[bufferOfMap.get(3)!]).toBe(40);
    });
});
