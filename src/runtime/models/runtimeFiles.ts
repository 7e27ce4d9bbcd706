/** Files of onnxruntime-web, and where they are. Its scripts are loaded from there, so no bundler has to know them. */
import { FlexAvatarError } from "../../flame/error.js";
import { JoinUrl } from "./assetStore.js";
import type { BackendName } from "./session.js";

/** The three files of one ONNX Runtime build, all of one release. */
export interface IOnnxBuildUrls {
    /** As `ort.wasm.min.mjs`. */
    script: string;
    /** As `ort-wasm-simd-threaded.mjs`. */
    mjs: string;
    /** The `.wasm` of the same name. */
    wasm: string;
}

/**
 * The builds of ONNX Runtime. "wasm" runs on the processor. The other two run on WebGPU too: "jspi" in browsers that
 * can suspend WebAssembly, "webgpu" (half as large again) in all others.
 */
export type OnnxBuildName = BackendName | "jspi";

/** Files one by one, in place of a folder. Only those of builds that are used must be there. */
export interface IOnnxFileUrls extends Partial<Record<OnnxBuildName, IOnnxBuildUrls>> {
    /** The build for the processor. */
    wasm?: IOnnxBuildUrls;
    /** The build for `backend: "webgpu"` in browsers that can suspend WebAssembly. */
    jspi?: IOnnxBuildUrls;
    /** The build for `backend: "webgpu"` in all other browsers. */
    webgpu?: IOnnxBuildUrls;
    /**
     * `onnxWorker.js` of this package, on the page's own origin: used where the page's policy refuses workers from
     * `blob:`.
     */
    worker?: string;
    /** `refineWorker.js`, likewise. */
    refineWorker?: string;
    /** `cameraWorker.js`, likewise. */
    cameraWorker?: string;
}

/** A folder that holds files of onnxruntime-web's `dist` under their own names, or the addresses one by one. */
export type OnnxRuntimeUrls = string | IOnnxFileUrls;

/** Names in a folder. */
export const RuntimeFiles: Readonly<Record<OnnxBuildName, Readonly<IOnnxBuildUrls>>> = Object.freeze({
    webgpu: {
        script: "ort.webgpu.min.mjs",
        mjs: "ort-wasm-simd-threaded.asyncify.mjs",
        wasm: "ort-wasm-simd-threaded.asyncify.wasm",
    },
    jspi: {
        script: "ort.jspi.min.mjs",
        mjs: "ort-wasm-simd-threaded.jspi.mjs",
        wasm: "ort-wasm-simd-threaded.jspi.wasm",
    },
    wasm: { script: "ort.wasm.min.mjs", mjs: "ort-wasm-simd-threaded.mjs", wasm: "ort-wasm-simd-threaded.wasm" },
});

/** Names of the workers' scripts in a folder. */
export const WorkerFiles = Object.freeze({
    worker: "onnxWorker.js",
    refineWorker: "refineWorker.js",
    cameraWorker: "cameraWorker.js",
});

/**
 * @param urls where they name files one by one, only what they name is taken
 * @returns the smallest build that runs a backend in this browser
 */
export function ChooseOnnxBuild(backend: BackendName, urls: OnnxRuntimeUrls): OnnxBuildName {
    const suspends = typeof WebAssembly === "object" && "Suspending" in WebAssembly;
    const listed = typeof urls === "object" && urls.webgpu !== undefined && urls.jspi === undefined;
    return backend === "webgpu" && suspends && !listed ? "jspi" : backend;
}

/**
 * @returns absolute addresses of a build: ONNX Runtime would resolve relative ones against its own script, and we mean
 * the page
 * @throws where addresses are given one by one and not for this build: FlexAvatarError `invalid-argument` for the
 * processor's, which is the last resort, a plain Error for WebGPU's
 */
export function BuildUrls(urls: OnnxRuntimeUrls, name: OnnxBuildName): IOnnxBuildUrls {
    if (typeof urls === "string") {
        const { script, mjs, wasm } = RuntimeFiles[name];
        return {
            script: Absolute(JoinUrl(urls, script)),
            mjs: Absolute(JoinUrl(urls, mjs)),
            wasm: Absolute(JoinUrl(urls, wasm)),
        };
    }
    const build = urls[name];
    if (build === undefined) {
        const message = `runtimeUrls has no addresses for "${name}"`;
        throw name === "wasm" ? new FlexAvatarError("invalid-argument", `${message}.`) : new Error(message);
    }
    return { script: Absolute(build.script), mjs: Absolute(build.mjs), wasm: Absolute(build.wasm) };
}

/** @returns the address of a worker's script, if there is one: "worker" runs networks, "refineWorker" refines, "cameraWorker" follows faces */
export function WorkerUrl(urls: OnnxRuntimeUrls, which: keyof typeof WorkerFiles): string | undefined {
    const url = typeof urls === "string" ? JoinUrl(urls, WorkerFiles[which]) : urls[which];
    return url === undefined ? undefined : Absolute(url);
}

function Absolute(url: string): string {
    return new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href).href;
}
