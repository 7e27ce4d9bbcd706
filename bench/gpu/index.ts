/**
 * The compute passes on a machine with a GPU, without a browser: ours pass by pass, both sorts, and the drivers of models.json in our shaders.
 * Rasterisation is timed too, but a data-centre GPU has few units for it: compare computing, not drawing.
 */
import { MakeHead } from "../page/head";
import { LoadDriverProgramAsync, ShaderDriverContenderAsync, type IDriverGraph } from "../page/driverProgram";
import { Ours, RequestBenchDeviceAsync } from "../page/ours";
import { MeasurePassesAsync, type IPassReport } from "../page/passes";
import { CreateOurSortAsync } from "../page/sorts";
import { DriverFlops } from "../../src/runtime/passes/driver/driverProgram";
import type { SplatSorterName } from "../../src/runtime/passes/sort/splatSorter";

const SorterNames: readonly SplatSorterName[] = ["counting", "radix"];

/** What to measure. */
export interface IGpuBenchSettings {
    gpu: GPU;
    counts: readonly number[];
    frames: number;
    /** models.json */
    models: { models: Record<string, { graphs: { driver: IDriverGraph } }> };
    /** Gives a file of the models folder. */
    readAsync(file: string): Promise<Uint8Array>;
    log(text: string): void;
}

/** Everything measured, as plain data. */
export async function MeasureAsync({ gpu, counts, frames, models, readAsync, log }: IGpuBenchSettings): Promise<Record<string, unknown>> {
    const device = await RequestBenchDeviceAsync(gpu);
    const { vendor, architecture, description } = device.adapterInfo;
    const passes: IPassReport[] = [];
    const sorts: Record<string, unknown>[] = [];
    for (const count of counts) {
        const head = MakeHead(count);
        for (const sort of SorterNames) {
            const ours = await Ours.CreateAsync(device, head, { sort });
            const report = await MeasurePassesAsync(ours, frames);
            passes.push(report);
            ours.dispose();
            const compute = report.passes.filter(({ name }) => name !== "splatDraw").map(({ ms }) => Median(ms));
            log(`${count} Gaussians, ${sort}: ${compute.reduce((sum, ms) => sum + ms, 0).toFixed(3)} ms of computing`);

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
        for (const half of device.features.has("shader-f16") ? [false, true] : [false]) {
            const contender = await ShaderDriverContenderAsync(device, program, half);
            await contender.runAsync();
            const ms: number[] = [];
            for (let i = 0; i < frames; i++) {
                const start = performance.now();
                await contender.runAsync();
                ms.push(performance.now() - start);
            }
            const flops = DriverFlops(program);
            drivers.push({ model, half, ms, flops, gflopPerSecond: flops / 1e6 / Median(ms) });
            log(`driver ${model}, ${half ? "f16" : "f32"}: ${Median(ms).toFixed(2)} ms`);
        }
    }
    return { adapter: { vendor, architecture, description }, chosenSort: sorter.name, sortProbe, passes, sorts, drivers };
}

function Median(values: readonly number[]): number {
    return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}
