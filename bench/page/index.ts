/**
 * The bench as the script sees it: `window.bench`. Everything is asked for step by step, so that the script can
 * interleave and note the machine's load.
 */
import { PictureFrame, SizePx } from "./camera";
import { Contenders, type IContender } from "./contenders";
import { Crowd } from "./crowd";
import { LoadDriverProgramAsync, ShaderDriverContenderAsync, type IDriverContender } from "./driverProgram";
import * as networks from "./networks";
import { Ours, RequestBenchDeviceAsync } from "./ours";
import { MeasurePassesAsync, type IPassReport } from "./passes";
import { SecondPage } from "./secondPage";
import { CreateBabylonSortAsync, CreateOurSortAsync, type ISortContender } from "./sorts";
import { MakeHead, PaperCount, type IGaussians } from "./head";
import { Psnr, ReferencePicture } from "./reference";

const created = new Map<string, IContender>();
let sorts: ISortContender[] = [];
let drivers: IDriverContender[] = [];
let crowd: Crowd | undefined;
let secondPage: SecondPage | undefined;
let head: IGaussians | undefined;
let reference: Uint8ClampedArray<ArrayBuffer> | undefined;

async function ToJpegAsync(pixels: Uint8ClampedArray): Promise<string> {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = SizePx;
    canvas.getContext("2d")!.putImageData(new ImageData(new Uint8ClampedArray(pixels), SizePx), 0, 0);
    return canvas.toDataURL("image/jpeg", 0.9);
}

async function TimeAsync(work: () => Promise<void>): Promise<number> {
    const start = performance.now();
    await work();
    return performance.now() - start;
}

/** What the page offers. */
export const Bench = {
    contenders: () => Contenders.map(({ name, license, frame }) => ({ name, license, frame })),

    async adapterAsync(): Promise<Record<string, unknown>> {
        const adapter = await navigator.gpu.requestAdapter();
        const { vendor, architecture, device, description } = adapter!.info;
        return {
            vendor,
            architecture,
            device,
            description,
            features: [...adapter!.features].sort(),
            userAgent: navigator.userAgent,
        };
    },

    /** Makes a contender and its first pictures, until what it shows no longer changes. */
    async createAsync(name: string, count = PaperCount): Promise<{ version: string; createMs: number }> {
        const info = Contenders.find((other) => other.name === name)!;
        head = MakeHead(count, info.head);
        reference = undefined;
        const start = performance.now();
        const contender = await info.createAsync(head);
        created.set(name, contender);
        await contender.frameAsync(PictureFrame);
        return { version: contender.version, createMs: performance.now() - start };
    },

    /** Milliseconds from the call to the end of the GPU's work. */
    async frameAsync(name: string, frame: number): Promise<number> {
        const contender = created.get(name)!;
        return await TimeAsync(() => contender.frameAsync(frame));
    },

    /** The picture of the fixed frame, once workers had time to answer, and its PSNR against the reference. */
    async pictureAsync(name: string, frames = 6): Promise<{ jpeg: string; psnr: number }> {
        const contender = created.get(name)!;
        reference ??= ReferencePicture(head!, PictureFrame);
        let psnr = -Infinity;
        let pixels = new Uint8ClampedArray();
        for (let i = 0; i < frames; i++) {
            await contender.frameAsync(PictureFrame);
            pixels = new Uint8ClampedArray(await contender.readAsync());
            const next = Psnr(pixels, reference);
            if (i > 0 && Math.abs(next - psnr) < 1e-3 && contender.isSettled?.() !== false) {
                break;
            }
            psnr = next;
            await new Promise((resolve) => setTimeout(resolve, 300));
        }
        return { jpeg: await ToJpegAsync(pixels), psnr: Psnr(pixels, reference) };
    },

    async referencePictureAsync(count = PaperCount): Promise<string> {
        head ??= MakeHead(count);
        return await ToJpegAsync((reference ??= ReferencePicture(head, PictureFrame)));
    },

    /** One frame of ours pass by pass. */
    async passesAsync(count: number, frames: number, sort?: "counting" | "radix"): Promise<IPassReport> {
        const ours = await Ours.CreateAsync(await RequestBenchDeviceAsync(navigator.gpu), MakeHead(count), { sort });
        const report = await MeasurePassesAsync(ours, frames);
        ours.dispose();
        ours.device.destroy();
        return report;
    },

    /** Prepares the sorts; {@link sortAsync} then runs one of them. */
    async createSortsAsync(count: number): Promise<{ name: string; dispatches: number }[]> {
        const device = await RequestBenchDeviceAsync(navigator.gpu);
        sorts = [
            await CreateOurSortAsync(device, "counting", count),
            await CreateOurSortAsync(device, "radix", count),
            await CreateBabylonSortAsync(MakeHead(count)),
        ];
        await Promise.all(sorts.map((sort) => sort.sortAsync(1)));
        return sorts.map(({ name, dispatches }) => ({ name, dispatches }));
    },

    async sortAsync(index: number, times: number): Promise<number> {
        return await TimeAsync(() => sorts[index].sortAsync(times));
    },

    /** Prepares ours with another number of Gaussians under the name "scaled". */
    async createScaledAsync(count: number): Promise<void> {
        const device = await RequestBenchDeviceAsync(navigator.gpu);
        const ours = await Ours.CreateAsync(device, MakeHead(count));
        created.get("scaled")?.dispose();
        created.set("scaled", {
            version: "",
            async frameAsync(frame) {
                ours.submitFrame(frame);
                await device.queue.onSubmittedWorkDone();
            },
            readAsync: () => Promise.reject(new Error("not read")),
            dispose: () => (ours.dispose(), device.destroy()),
        });
        await created.get("scaled")!.frameAsync(0);
    },

    async createCrowdAsync(gaussians: number, most: number): Promise<void> {
        crowd = await Crowd.CreateAsync(await RequestBenchDeviceAsync(navigator.gpu), MakeHead(gaussians), most);
    },

    async crowdSizeAsync(count: number): Promise<{ bytes: number; dispatches: number }> {
        const bytes = crowd!.setCount(count);
        await crowd!.frameAsync(0);
        return { bytes, dispatches: crowd!.dispatches };
    },

    async crowdFrameAsync(frame: number): Promise<number> {
        return await TimeAsync(() => crowd!.frameAsync(frame));
    },

    /** A head with a second page; {@link secondPageFrameAsync} then draws the one or both. */
    async createSecondPageAsync(head: number, page: number): Promise<void> {
        secondPage?.dispose();
        secondPage = await SecondPage.CreateAsync(await RequestBenchDeviceAsync(navigator.gpu), [head, page]);
        for (const withPage of [false, true]) {
            await secondPage.frameAsync(0, withPage);
        }
    },

    async secondPageFrameAsync(frame: number, withPage: boolean): Promise<number> {
        return await TimeAsync(() => secondPage!.frameAsync(frame, withPage));
    },

    /** Encoder and reconstructor for 1 to `most` photos, on the processor, several times. */
    async reconstructionAsync(most: number, rounds: number): ReturnType<typeof networks.MeasureReconstructionAsync> {
        const runtime = await networks.CreateRuntimeAsync("wasm");
        const rows = await networks.MeasureReconstructionAsync(runtime, most, rounds);
        runtime.dispose();
        return rows;
    },

    /** Prepares the driver wherever it runs; {@link driverAsync} then runs one of them. */
    async createDriversAsync(): Promise<{ names: string[]; flops: number; model: string }> {
        const device = await RequestBenchDeviceAsync(navigator.gpu);
        const runtime = await networks.CreateRuntimeAsync("wasm");
        const program = await LoadDriverProgramAsync(runtime.model.graphs.driver, async (file) => {
            return new Uint8Array(await (await fetch(`${networks.ModelsUrl}/${file}`)).arrayBuffer());
        });
        drivers = [
            networks.OnnxDriverContender(runtime, program, "ONNX Runtime, processor"),
            await ShaderDriverContenderAsync(device, program, false),
        ];
        if (device.features.has("shader-f16")) {
            drivers.push(await ShaderDriverContenderAsync(device, program, true));
        }
        try {
            const onGpu = await networks.CreateRuntimeAsync("webgpu", await RequestBenchDeviceAsync(navigator.gpu));
            drivers.push(networks.OnnxDriverContender(onGpu, program, "ONNX Runtime, WebGPU"));
        } catch (error) {
            console.error(`ONNX Runtime does not start on WebGPU: ${String(error)}`);
        }
        for (const driver of drivers) {
            await driver.runAsync();
        }
        return { names: drivers.map(({ name }) => name), flops: networks.FlopsOf(program), model: runtime.modelName };
    },

    async driverAsync(index: number): Promise<number> {
        return await TimeAsync(() => drivers[index].runAsync());
    },

    dispose(name: string): void {
        created.get(name)?.dispose();
        created.delete(name);
    },
};

(window as unknown as { bench: typeof Bench }).bench = Bench;
