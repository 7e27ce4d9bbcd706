/**
 * The one place that meets ONNX Runtime: which build is loaded, on which device it runs, and the proof that it is that
 * device.
 */
import type * as Ort from "onnxruntime-web";
import { FlexAvatarError, ThrowIfAborted } from "../../flame/error.js";
import { OrAborted } from "./abort.js";
import { OnnxQueue } from "./asyncQueue.js";
import type { AssetStore } from "./assetStore.js";
import {
    IsRefusalOfScripts,
    MessageOf,
    PolicyError,
    PolicyWatch,
    WasmRefusalIn,
    type IRefusal,
} from "./loadFailure.js";
import { PageBackend } from "./pageBackend.js";
import { BuildSumGraph } from "./probeGraph.js";
import type { NoticeListener, ProgressListener } from "./progress.js";
import { BuildUrls, ChooseOnnxBuild, WorkerUrl, type IOnnxBuildUrls, type OnnxRuntimeUrls } from "./runtimeFiles.js";
import type { BackendName, IOnnxBackend } from "./session.js";
import { WorkerBackend, type WorkerStart } from "./workerBackend.js";

export type { IOnnxBuildUrls, IOnnxFileUrls, OnnxRuntimeUrls } from "./runtimeFiles.js";
export type { BackendName, IOnnxBackend } from "./session.js";

/** An empty function that uses one SIMD instruction (i8x16.splat): valid only where WebAssembly has SIMD. */
const SimdModule = new Uint8Array([
    0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
]);

/** @returns whether this browser has WebAssembly with SIMD */
function HasWasmSimd(): boolean {
    return typeof WebAssembly === "object" && WebAssembly.validate(SimdModule);
}

/** What {@link LoadOnnxBackendAsync} needs to know. */
export interface IOnnxSettings {
    /** The device to share; needed for "webgpu". */
    device?: GPUDevice;
    /** Where the runtime's files are. */
    urls: OnnxRuntimeUrls;
    /** Fetches the large wasm file, so that it is counted and can be aborted. */
    store: AssetStore;
    /**
     * Whether "wasm" runs in a worker. Default true; where a worker does not start, networks run on the page, with a
     * notice.
     */
    worker?: boolean;
    /** Threads of "wasm" on the page. Default: as many as the machine has use for. */
    threads?: number;
    signal?: AbortSignal;
    onProgress?: ProgressListener;
    onNotice?: NoticeListener;
}

/**
 * Loads ONNX Runtime for a backend and, on WebGPU, checks that it works on the very device it was given.
 * @throws FlexAvatarError `wasm-simd-missing`, `webgpu-missing`, `models-missing`, `policy-refused`, `aborted`; on
 * WebGPU also whatever ONNX Runtime throws
 */
export async function LoadOnnxBackendAsync(name: BackendName, settings: IOnnxSettings): Promise<IOnnxBackend> {
    const { device, worker = true, signal, onNotice } = settings;
    if (!HasWasmSimd()) {
        throw new FlexAvatarError(
            "wasm-simd-missing",
            "This browser has no WebAssembly SIMD, which ONNX Runtime needs on every backend.",
        );
    }
    if (name === "webgpu") {
        if (device === undefined) {
            throw new FlexAvatarError("webgpu-missing", "The webgpu backend was asked for without a GPUDevice.");
        }
        return await LoadPageAsync(name, settings);
    }
    if (worker) {
        const watch = new PolicyWatch();
        try {
            return await LoadWorkerAsync(settings);
        } catch (error) {
            if (error instanceof FlexAvatarError) {
                throw error;
            }
            SharedWorkerBackend = null;
            const refusal = await watch.findAsync(({ directive }) => directive === "worker-src");
            // first, so that what fails on both is an error and no notice
            const backend = await LoadPageAsync(name, settings, 1);
            ThrowIfAborted(signal, "starting ONNX Runtime");
            onNotice?.({
                code: "networks-on-page",
                message: `Networks run on the page's own thread and hold up its frames, because ${
                    refusal
                        ? `the page's Content-Security-Policy refuses their worker (worker-src): ${refusal.blocked}`
                        : MessageOf(error)
                }`,
            });
            return backend;
        } finally {
            watch.dispose();
        }
    }
    return await LoadPageAsync(name, settings, settings.threads);
}

/** The page's one worker, started and checked, or on its way. */
let SharedWorkerBackend: Promise<WorkerBackend> | null = null;

async function LoadWorkerAsync({ urls, store, signal, onProgress }: IOnnxSettings): Promise<IOnnxBackend> {
    if (SharedWorkerBackend === null) {
        const { script, wasm, mjs } = BuildUrls(urls, "wasm");
        const wasmBinary = await FetchWasmAsync(wasm, { store, signal, onProgress });
        SharedWorkerBackend ??= StartWorkerAsync(
            { script, wasmPaths: { wasm, mjs }, wasmBinary: wasmBinary.buffer, threads: ThreadCount() },
            WorkerUrl(urls, "worker"),
        );
    }
    return await OrAborted(SharedWorkerBackend, signal, "starting ONNX Runtime");
}

async function StartWorkerAsync(start: WorkerStart, fileUrl: string | undefined): Promise<WorkerBackend> {
    const backend = await WorkerBackend.StartAsync(fileUrl);
    try {
        await backend.startAsync(start);
        await SelfCheckAsync(backend);
        return backend;
    } catch (error) {
        backend.terminate();
        throw error;
    }
}

/**
 * @param threads of the processor's build. They are workers too: where a policy refuses one, ONNX Runtime would wait
 * for ever for the others
 */
async function LoadPageAsync(
    name: BackendName,
    settings: IOnnxSettings,
    threads = ThreadCount(),
): Promise<IOnnxBackend> {
    const { signal } = settings;
    const watch = new PolicyWatch();
    try {
        const urls = BuildUrls(settings.urls, ChooseOnnxBuild(name, settings.urls));
        const ort = await OrAborted(ImportAsync(urls), signal, "loading ONNX Runtime");
        if (!Configured.has(ort.env)) {
            const { wasm, mjs } = urls;
            ort.env.wasm.wasmBinary = await FetchWasmAsync(wasm, settings);
            ort.env.wasm.wasmPaths = { wasm, mjs };
            ort.env.wasm.numThreads = name === "wasm" ? threads : 1;
            ort.env.logLevel = "error";
            Configured.add(ort.env);
        }
        const backend = new PageBackend(name, ort, name === "webgpu" ? settings.device : undefined);
        await OrAborted(SelfCheckAsync(backend), signal, "starting ONNX Runtime");
        ort.env.wasm.wasmBinary = undefined; // compiled by now
        return backend;
    } catch (error) {
        if (error instanceof FlexAvatarError) {
            throw error;
        }
        throw StartError(name, error, (await watch.findAsync(IsRefusalOfScripts)) ?? WasmRefusalIn(MessageOf(error)));
    } finally {
        watch.dispose();
    }
}

/**
 * Why ONNX Runtime does not start on the page. On WebGPU what is left is its own affair: the device may be at fault.
 */
function StartError(name: BackendName, error: unknown, refusal: IRefusal | null): unknown {
    if (refusal) {
        return PolicyError("ONNX Runtime", refusal, error);
    }
    const message = MessageOf(error);
    const missing = (
        text: string,
        advice = "Check that assetsUrl or runtimeUrls names files of one release of onnxruntime-web.",
    ): FlexAvatarError => new FlexAvatarError("models-missing", text, { advice, cause: error });
    const script = /dynamically imported module:? (\S+)/i.exec(message);
    if (script) {
        return missing(
            `ONNX Runtime does not start: its script ${script[1]} cannot be loaded.`,
            "Check that assetsUrl or runtimeUrls is right, that .mjs files are served as text/javascript, and with CORS headers if from another site.",
        );
    }
    return name === "webgpu" ? error : missing(`ONNX Runtime does not start: ${message}`);
}

/** Bundlers leave this import alone: the address is known when the page runs. */
async function ImportAsync({ script }: IOnnxBuildUrls): Promise<typeof Ort> {
    return (await import(
        /* webpackIgnore: true */ /* turbopackIgnore: true */ /* @vite-ignore */ script
    )) as typeof Ort;
}

/** Builds whose wasm is already compiled; their settings can no longer change. */
const Configured = new WeakSet<object>();

async function FetchWasmAsync(
    url: string,
    { store, signal, onProgress }: Pick<IOnnxSettings, "store" | "signal" | "onProgress">,
): Promise<Uint8Array<ArrayBuffer>> {
    const wasmBinary = await store.loadAsync({ url, what: "ONNX Runtime", signal, onProgress });
    store.release(url);
    return wasmBinary;
}

/** Threads need shared memory. */
function ThreadCount(): number {
    return globalThis.crossOriginIsolated ? Math.min(2, navigator.hardwareConcurrency || 1) : 1;
}

/** Runs y = x + x; on WebGPU reads y through our own device, which fails if ONNX Runtime made itself another one. */
async function SelfCheckAsync(backend: IOnnxBackend): Promise<void> {
    const x = Float32Array.from({ length: 64 }, (_, i) => i + 0.25);
    const session = await backend.createSessionAsync(BuildSumGraph([x.length], "x", "x", "y"), [], true);
    try {
        const { y } = await OnnxQueue.run(() => session.run({ x: { data: x, dims: [x.length] } }));
        const values =
            y.data instanceof Float32Array ? y.data : await ReadOnDeviceAsync(backend.device!, y.data, x.length);
        y.dispose?.();
        const bad = x.findIndex((value, i) => values[i] !== 2 * value);
        if (bad >= 0) {
            throw new Error(`the ${backend.name} self-check gave ${values[bad]} for ${x[bad]} + ${x[bad]}`);
        }
    } finally {
        await OnnxQueue.run(() => session.release());
    }
}

/** Reads floats of a buffer through `device`, inside an error scope. Throws if the buffer is not this device's. */
export async function ReadOnDeviceAsync(device: GPUDevice, buffer: GPUBuffer, count: number): Promise<Float32Array> {
    device.pushErrorScope("validation");
    const staging = device.createBuffer({
        label: "onnx self-check",
        size: count * 4,
        usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    const encoder = device.createCommandEncoder({ label: "onnx self-check" });
    encoder.copyBufferToBuffer(buffer, 0, staging, 0, count * 4);
    device.queue.submit([encoder.finish()]);
    const error = await device.popErrorScope();
    try {
        if (error) {
            throw new Error(`ONNX Runtime does not share the device: ${error.message}`);
        }
        await staging.mapAsync(GPUMapMode.READ);
        return new Float32Array(staging.getMappedRange().slice(0));
    } finally {
        staging.destroy();
    }
}
