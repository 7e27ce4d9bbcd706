/**
 * The compute passes on a machine with a GPU, without a browser: ours pass by pass, both sorts, and the drivers of
 * models.json in our shaders. Rasterisation is timed too, but a data-centre GPU has few units for it: compare
 * computing, not drawing.
 */
import { MakeHead } from "../page/head";
import { LoadDriverProgramAsync, type IDriverGraph } from "../page/driverProgram";
import { Ours, RequestBenchDeviceAsync } from "../page/ours";
import { MeasurePassesAsync, type IPassReport } from "../page/passes";
import { CreateOurSortAsync } from "../page/sorts";
import type { IGraphEntry } from "../../src/runtime/models/manifest";
import { ReadOnDeviceAsync } from "../../src/runtime/models/onnxBackend";
import { ProbeError, ProbeInputs } from "../../src/runtime/models/probe";
import { DriverExecutor } from "../../src/runtime/driver/kernels/driverExecutor";
import { DriverFlops } from "../../src/runtime/driver/kernels/driverProgram";
import type { SplatSorterName } from "../../src/runtime/passes/sort/splatSorter";

/** Driver runs between two looks at the clock. */
const RunsPerMeasurement = 4;
const SorterNames: readonly SplatSorterName[] = ["counting", "radix"];

/** What to measure. */
export interface IGpuBenchSettings {
    gpu: GPU;
    counts: readonly number[];
    frames: number;
    /** models.json */
    models: { models: Record<string, { graphs: { driver: IDriverGraph & Pick<IGraphEntry, "probe"> } }> };
    /** Gives a file of the models folder. */
    readAsync(file: string): Promise<Uint8Array>;
    log(text: string): void;
}

/** Everything measured, as plain data. */
export async function MeasureAsync({
    gpu,
    counts,
    frames,
    models,
    readAsync,
    log,
}: IGpuBenchSettings): Promise<Record<string, unknown>> {
    const device = await RequestBenchDeviceAsync(gpu);
    const { vendor, architecture, description } = device.adapterInfo;
    const passes: IPassReport[] = [];
    const sorts: Record<string, unknown>[] = [];
    const precisions = device.features.has("shader-f16") ? [false, true] : [false];
    for (const count of counts) {
        const head = MakeHead(count);
        for (const sort of SorterNames) {
            for (const half of precisions) {
                const ours = await Ours.CreateAsync(device, head, { sort, half });
                const report = await MeasurePassesAsync(ours, frames);
                passes.push(report);
                ours.dispose();
                const [draw, compute] = [true, false].map((isDraw) =>
                    report.passes
                        .filter(({ name }) => (name === "splatDraw") === isDraw)
                        .reduce((sum, { ms }) => sum + Median(ms), 0),
                );
                log(
                    `${count} Gaussians, ${sort}, ${half ? "f16" : "f32"}: ${compute.toFixed(3)} ms of computing, ${draw.toFixed(3)} ms of drawing`,
                );
            }

            const contender = await CreateOurSortAsync(device, sort, count);
            await contender.sortAsync(1);
            const times = 20; // in one submit, so that submitting does not count
            const ms: number[] = [];
            for (let i = 0; i < frames; i++) {
                const start = performance.now();
                await contender.sortAsync(times);
                ms.push((performance.now() - start) / times);
            }
            sorts.push({ sort, keys: count, ms, keysPerSecond: count / (Median(ms) / 1000) });
        }
    }
    const { sorter, sortProbe } = (await Ours.CreateAsync(device, MakeHead(1000))).pipeline;
    const drivers: Record<string, unknown>[] = [];
    for (const [model, { graphs }] of Object.entries(models.models)) {
        const program = await LoadDriverProgramAsync(graphs.driver, readAsync);
        for (const half of precisions) {
            const executor = await DriverExecutor.CreateAsync(device, program, { half });
            const error = await DriverErrorAsync(executor, graphs.driver);
            // means of runs that follow each other on the queue, as in a scene, so that submitting does not count
            const ms: number[] = [];
            for (let i = 0; i < frames; i++) {
                ms.push(await executor.measureAsync(RunsPerMeasurement, i === 0));
            }
            executor.dispose();
            const flops = DriverFlops(program);
            drivers.push({ model, half, ms, probeError: error, flops, gflopPerSecond: flops / 1e6 / Median(ms) });
            log(
                `driver ${model}, ${half ? "f16" : "f32"}: ${Median(ms).toFixed(2)} ms, off by ${error.toExponential(1)} of the range`,
            );
        }
    }
    return {
        adapter: { vendor, architecture, description },
        chosenSort: sorter.name,
        sortProbe,
        passes,
        sorts,
        drivers,
    };
}

/**
 * Largest error for the inputs of models.json's probe, in parts of the range: a fast driver that is wrong must show.
 */
async function DriverErrorAsync(
    executor: DriverExecutor,
    entry: IDriverGraph & Pick<IGraphEntry, "probe">,
): Promise<number> {
    const { device, program } = executor;
    const { identity_features: identity, position_map: position } = ProbeInputs({
        inputs: entry.inputs as IGraphEntry["inputs"],
    });
    const person = executor.createPerson(identity);
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const positionMap = device.createBuffer({ size: position.byteLength, usage });
    const delta = device.createBuffer({ size: 4 * program.deltaCount, usage });
    device.queue.writeBuffer(positionMap, 0, position);
    const encoder = device.createCommandEncoder();
    executor.encode(encoder, person, positionMap, delta);
    device.queue.submit([encoder.finish()]);
    const error = ProbeError(entry, { delta_map: await ReadOnDeviceAsync(device, delta, program.deltaCount) });
    person.dispose();
    [positionMap, delta].forEach((buffer) => buffer.destroy());
    return error;
}

function Median(values: readonly number[]): number {
    return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}
