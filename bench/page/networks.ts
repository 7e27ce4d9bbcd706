/** The networks: encoding 1 to 4 photos and reconstructing, and the driver in ONNX Runtime and in our shaders. */
import { ModelRuntime } from "../../src/runtime/models/modelRuntime";
import { DriverFlops, type IDriverProgram } from "../../src/runtime/driver/kernels/driverProgram";
import type { IDriverContender } from "./driverProgram";

export const ModelsUrl = "/assets/models";

/** Networks on the processor, as on a software adapter, unless another backend is named. */
export async function CreateRuntimeAsync(backend: "wasm" | "webgpu", device?: GPUDevice): Promise<ModelRuntime> {
    return await ModelRuntime.CreateAsync({
        modelsUrl: ModelsUrl,
        runtimeUrls: "/node_modules/onnxruntime-web/dist",
        backend,
        device,
    });
}

/**
 * Milliseconds of all encodings and of the reconstructor, per round, for 1 to `most` photos of noise. The first, which
 * loads graphs, is left out.
 */
export async function MeasureReconstructionAsync(
    runtime: ModelRuntime,
    most: number,
    rounds: number,
): Promise<{ photos: number; encodeMs: number[]; reconstructMs: number[] }[]> {
    const { photoSize, anchorSize } = runtime.model;
    const msOf = (graph: string): number => runtime.timings[graph]?.runMs ?? 0;
    const rows = Array.from({ length: most }, (_, i) => ({
        photos: i + 1,
        encodeMs: [] as number[],
        reconstructMs: [] as number[],
    }));
    for (let round = -1; round < rounds; round++) {
        for (const { photos, encodeMs, reconstructMs } of rows) {
            // Other photos each round, so that no answer is remembered.
            const photo = (seed: number): Float32Array =>
                Float32Array.from({ length: 3 * photoSize ** 2 }, (_, i) => 0.5 + 0.5 * Math.sin(seed + i * 0.37));
            const input = {
                photos: Array.from({ length: photos }, (_, i) => photo(10 * round + i)),
                anchors: Array.from({ length: photos }, () => new Float32Array(3 * anchorSize ** 2)),
                prior: new Float32Array(4 * anchorSize ** 2),
            };
            const graph = `reconstructor_n${photos}`;
            const [encoded, reconstructed] = [msOf("encoder"), msOf(graph)];
            await runtime.reconstructAsync(input);
            if (round >= 0) {
                encodeMs.push(msOf("encoder") - encoded);
                reconstructMs.push(msOf(graph) - reconstructed);
            }
        }
    }
    return rows;
}

/** Operations of one run, to turn milliseconds into GFLOP/s. */
export const FlopsOf = DriverFlops;

/** ONNX Runtime. */
export function OnnxDriverContender(runtime: ModelRuntime, program: IDriverProgram, name: string): IDriverContender {
    const inputs = {
        identity_features: new Float32Array(program.identityCount).fill(0.1),
        position_map: new Float32Array(program.positionCount).fill(0.1),
    };
    return { name, runAsync: async () => void (await runtime.runGraphAsync("driver", inputs)) };
}
