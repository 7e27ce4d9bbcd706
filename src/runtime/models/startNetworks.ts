/** What happens before any network is loaded: models.json, and ONNX Runtime on a backend that works. */
import { FlexAvatarError } from "../../flame/error.js";
import { JoinUrl, type AssetStore } from "./assetStore.js";
import { ParseModelManifest, type IModelManifest } from "./manifest.js";
import type { IModelRuntimeSettings } from "./modelRuntime.js";
import { IsSoftwareDevice, LoadOnnxBackendAsync, type IOnnxSettings } from "./onnxBackend.js";
import type { BackendName, IOnnxBackend } from "./session.js";

/** Reads and checks models.json. */
export async function LoadManifestAsync(
    { modelsUrl, signal, onProgress }: IModelRuntimeSettings,
    store: AssetStore,
): Promise<IModelManifest> {
    const url = JoinUrl(modelsUrl, "models.json");
    const bytes = await store.loadAsync({ url, what: "models.json", signal, onProgress });
    let json: unknown;
    try {
        json = JSON.parse(new TextDecoder().decode(bytes));
    } catch (error) {
        throw new FlexAvatarError("models-missing", `What the server sent for ${url} is not JSON.`, {
            advice: "Check the address; many servers answer a wrong one with a page of their own.",
            cause: error,
        });
    }
    return ParseModelManifest(json);
}

/** Starts ONNX Runtime where the settings want it. */
export async function StartOnnxAsync(settings: IModelRuntimeSettings, store: AssetStore): Promise<IOnnxBackend> {
    const { backend = "auto", device } = settings;
    const load = (name: BackendName): Promise<IOnnxBackend> => LoadOnnxBackendAsync(name, onnxSettings(settings, store));
    if (backend !== "auto") {
        try {
            return await load(backend);
        } catch (error) {
            if (error instanceof FlexAvatarError) {
                throw error;
            }
            throw new FlexAvatarError("webgpu-missing", `ONNX Runtime does not start on WebGPU: ${messageOf(error)}`, { cause: error });
        }
    }
    if (device === undefined) {
        return await FallBackAsync("no GPUDevice was given", settings, store);
    }
    if (IsSoftwareDevice(device)) {
        return await FallBackAsync("the graphics adapter is a software one", settings, store);
    }
    try {
        return await load("webgpu");
    } catch (error) {
        if (error instanceof FlexAvatarError) {
            throw error;
        }
        return await FallBackAsync(`WebGPU failed: ${messageOf(error)}`, settings, store);
    }
}

/** Loads the processor backend and says why, once it works. */
export async function FallBackAsync(reason: string, settings: IModelRuntimeSettings, store: AssetStore): Promise<IOnnxBackend> {
    const onnx = await LoadOnnxBackendAsync("wasm", onnxSettings(settings, store));
    settings.onNotice?.({ code: "backend-wasm", message: `Networks run on the processor (WebAssembly), because ${reason}.` });
    return onnx;
}

function onnxSettings(
    { device, runtimeUrls, worker, signal, onProgress, onNotice }: IModelRuntimeSettings,
    store: AssetStore,
): IOnnxSettings {
    return { device, urls: runtimeUrls, store, worker, signal, onProgress, onNotice };
}

function messageOf(error: unknown): string {
    return error instanceof Error ? error.message : String(error);
}
