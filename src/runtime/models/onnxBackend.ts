/** The one place that meets ONNX Runtime: which build is loaded, on which device it runs, and the proof that it is that device. */
import type * as Ort from "onnxruntime-web";
import { FlexAvatarError } from "../../flame/error";
import { OrAborted } from "./abort";
import { OnnxQueue } from "./asyncQueue";
import { JoinUrl, type AssetStore } from "./assetStore";
import { BuildSumGraph } from "./probeGraph";
import type { ProgressListener } from "./progress";

/** Where networks run: on the scene's own GPUDevice, or on the processor. */
export type BackendName = "webgpu" | "wasm";

/** The two files of one ONNX Runtime build. */
export interface IOnnxBuildUrls {
    /** `ort-wasm-simd-threaded.asyncify.wasm` for WebGPU, `ort-wasm-simd-threaded.wasm` for the processor. */
    wasm: string;
    /** The `.mjs` of the same name. Not needed where the bundler has it inlined. */
    mjs?: string;
}

/** A folder that holds the files of onnxruntime-web's `dist` under their own names, or the addresses one by one. */
export type OnnxRuntimeUrls = string | Partial<Record<BackendName, IOnnxBuildUrls>>;

/** ONNX Runtime loaded for one backend. */
export interface IOnnxBackend {
    readonly name: BackendName;
    readonly ort: typeof Ort;
    /** The device, on WebGPU. */
    readonly device: GPUDevice | undefined;
}

const BuildName: Readonly<Record<BackendName, string>> = { webgpu: "ort-wasm-simd-threaded.asyncify", wasm: "ort-wasm-simd-threaded" };

/** An empty function that uses one SIMD instruction (i8x16.splat): valid only where WebAssembly has SIMD. */
const SimdModule = new Uint8Array([
    0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
]);

/** @returns whether this browser has WebAssembly with SIMD */
export function HasWasmSimd(): boolean {
    return typeof WebAssembly === "object" && WebAssembly.validate(SimdModule);
}

/**
 * Software rasterisers run networks two orders of magnitude slower than WebAssembly does.
 * @returns whether the device belongs to one
 */
export function IsSoftwareDevice(device: GPUDevice): boolean {
    const info = (device as { adapterInfo?: GPUAdapterInfo }).adapterInfo;
    if (info === undefined) {
        return false;
    }
    return (
        info.isFallbackAdapter === true ||
        /swiftshader|llvmpipe|lavapipe|basic render/i.test(`${info.architecture} ${info.device} ${info.description}`)
    );
}

/**
 * Loads ONNX Runtime for a backend and, on WebGPU, checks that it works on the very device it was given.
 * @param name the backend
 * @param device the device to share; needed for "webgpu"
 * @param urls where the runtime's files are; undefined leaves it to the bundler
 * @param store fetches the large wasm file, so that it is counted and can be aborted
 * @throws FlexAvatarError `wasm-simd-missing`, `webgpu-missing`, `models-missing`, `aborted`; on WebGPU also whatever ONNX Runtime throws
 */
export async function LoadOnnxBackendAsync(
    name: BackendName,
    device: GPUDevice | undefined,
    urls: OnnxRuntimeUrls | undefined,
    store: AssetStore,
    signal: AbortSignal | undefined,
    onProgress: ProgressListener | undefined,
): Promise<IOnnxBackend> {
    if (!HasWasmSimd()) {
        throw new FlexAvatarError("wasm-simd-missing", "This browser has no WebAssembly SIMD, which ONNX Runtime needs on every backend.");
    }
    if (name === "webgpu" && device === undefined) {
        throw new FlexAvatarError("webgpu-missing", "The webgpu backend was asked for without a GPUDevice.");
    }
    const ort = await OrAborted(importAsync(name), signal, "loading ONNX Runtime");
    await configureAsync(ort, name, urls, store, signal, onProgress);
    const backend: IOnnxBackend = { name, ort, device: name === "webgpu" ? device : undefined };
    try {
        await OrAborted(selfCheckAsync(backend), signal, "starting ONNX Runtime");
    } catch (error) {
        if (name === "webgpu" || error instanceof FlexAvatarError) {
            throw error;
        }
        throw new FlexAvatarError(
            "models-missing",
            `ONNX Runtime does not start: ${error instanceof Error ? error.message : String(error)}`,
            {
                advice: "Check that runtimeUrls names the files of onnxruntime-web's dist folder.",
                cause: error,
            },
        );
    }
    ort.env.wasm.wasmBinary = undefined; // compiled by now
    return backend;
}

/**
 * Creates a session behind the page-wide queue.
 * @param backend where it runs
 * @param graph the bytes of the .onnx file
 * @param data external data by the name that the graph uses for it
 * @param outputOnGpu keep outputs in GPU buffers (WebGPU only)
 */
export function CreateSessionAsync(
    backend: IOnnxBackend,
    graph: Uint8Array,
    data: readonly { path: string; data: Uint8Array }[],
    outputOnGpu: boolean,
): Promise<Ort.InferenceSession> {
    const provider: Ort.InferenceSession.ExecutionProviderConfig =
        backend.name === "webgpu"
            ? { name: "webgpu", device: backend.device } // the session option counts; `ort.env.webgpu.device` is ignored by this build
            : { name: "wasm" };
    return OnnxQueue.run(() =>
        backend.ort.InferenceSession.create(graph, {
            executionProviders: [provider],
            externalData: data.map((file) => ({ ...file })),
            preferredOutputLocation: outputOnGpu && backend.name === "webgpu" ? "gpu-buffer" : "cpu",
            graphOptimizationLevel: "all",
            logSeverityLevel: 3,
        }),
    );
}

async function importAsync(name: BackendName): Promise<typeof Ort> {
    return name === "webgpu" ? await import("onnxruntime-web/webgpu") : await import("onnxruntime-web/wasm");
}

/** Builds whose wasm is already compiled; their settings can no longer change. */
const Configured = new WeakSet<object>();

async function configureAsync(
    ort: typeof Ort,
    name: BackendName,
    urls: OnnxRuntimeUrls | undefined,
    store: AssetStore,
    signal: AbortSignal | undefined,
    onProgress: ProgressListener | undefined,
): Promise<void> {
    if (Configured.has(ort.env)) {
        return;
    }
    const build = buildUrls(urls, name);
    if (build !== undefined) {
        const wasm = absolute(build.wasm);
        ort.env.wasm.wasmPaths = build.mjs === undefined ? { wasm } : { wasm, mjs: absolute(build.mjs) };
        ort.env.wasm.wasmBinary = await store.loadAsync({ url: wasm, what: "ONNX Runtime", signal, onProgress });
        store.release(wasm);
    }
    const threads = globalThis.crossOriginIsolated && name === "wasm" && build?.mjs !== undefined;
    ort.env.wasm.numThreads = threads ? Math.min(2, navigator.hardwareConcurrency || 1) : 1;
    ort.env.logLevel = "error";
    Configured.add(ort.env);
}

function buildUrls(urls: OnnxRuntimeUrls | undefined, name: BackendName): IOnnxBuildUrls | undefined {
    if (typeof urls === "string") {
        return { wasm: JoinUrl(urls, `${BuildName[name]}.wasm`), mjs: JoinUrl(urls, `${BuildName[name]}.mjs`) };
    }
    return urls?.[name];
}

/** ONNX Runtime resolves relative addresses against its own script; we mean the page. */
function absolute(url: string): string {
    return new URL(url, globalThis.location.href).href;
}

/** Runs y = x + x; on WebGPU reads y through our own device, which fails if ONNX Runtime made itself another one. */
async function selfCheckAsync(backend: IOnnxBackend): Promise<void> {
    const x = Float32Array.from({ length: 64 }, (_, i) => i + 0.25);
    const session = await CreateSessionAsync(backend, BuildSumGraph([x.length], "x", "x", "y"), [], true);
    try {
        const y = await OnnxQueue.run(async () => (await session.run({ x: new backend.ort.Tensor("float32", x, [x.length]) })).y);
        const values = backend.device
            ? await ReadOnDeviceAsync(backend.device, y.gpuBuffer as unknown as GPUBuffer, x.length)
            : (y.data as Float32Array);
        y.dispose();
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
