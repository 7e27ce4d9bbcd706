/** What a `ModelRuntime` is told. */
import type { AssetStore } from "./assetStore.js";
import type { OnnxRuntimeUrls } from "./onnxBackend.js";
import type { NoticeListener, ProgressListener } from "./progress.js";
import type { BackendName } from "./session.js";

/** Settings of `ModelRuntime.CreateAsync`. */
export interface IModelRuntimeSettings {
    /** Folder of models.json. */
    modelsUrl: string;
    /** Which model set of models.json. Default: the one it names as default. */
    model?: string;
    /** The scene's device, borrowed. Without one, everything runs on the processor. */
    device?: GPUDevice;
    /**
     * Where ONNX Runtime runs. "auto" is the processor: reading photos takes a fraction of a second there, once, and
     * the build that does it is the smallest to download. Where that leaves the driver to the processor too, `onNotice`
     * is told why. "webgpu" and "wasm" insist. Default "auto".
     */
    backend?: "auto" | BackendName;
    /**
     * What runs the driver network: "shaders" are our own, recorded in the frame; "onnx" is ONNX Runtime on `backend`.
     * "auto" takes the shaders on a device that is no software one, unless `backend` insists on "wasm", and ONNX
     * Runtime where they fail, with a notice. Default "auto".
     */
    driver?: "auto" | "shaders" | "onnx";
    /** Whether networks on the processor run in a worker. Default true. */
    worker?: boolean;
    /** Where onnxruntime-web's files are. */
    runtimeUrls: OnnxRuntimeUrls;
    /** SHA-256 of the head model in use; when given, it must be the one the networks were trained for. */
    headModelSha256?: string;
    /** Whether files are kept for the next visit, in the browser's Cache Storage by their hash. Default false. */
    cache?: boolean;
    /** A store to share. Default: an own one, disposed with the runtime. */
    store?: AssetStore;
    onNotice?: NoticeListener;
    onProgress?: ProgressListener;
    signal?: AbortSignal;
}
