/** What happens before any network is loaded: models.json, and ONNX Runtime on a backend that works. */
import { FlexAvatarError } from "../../flame/error.js";
import { JoinUrl, type AssetStore } from "./assetStore.js";
import { ParseModelManifest, type IModelManifest } from "./manifest.js";
import type { IModelRuntimeSettings } from "./runtimeSettings.js";
import { IsSoftwareDevice } from "../softwareDevice.js";
import { LoadOnnxBackendAsync } from "./onnxBackend.js";
import { MessageOf } from "./loadFailure.js";
import type { IOnnxBackend } from "./session.js";

/** Reads and checks models.json. */
export async function LoadManifestAsync(
    { modelsUrl, signal, onProgress }: IModelRuntimeSettings,
    store: AssetStore,
): Promise<IModelManifest> {
    const url = JoinUrl(modelsUrl, "models.json");
    const bytes = await store.loadAsync({ url, what: "the file models.json", signal, onProgress });
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
    const { device, runtimeUrls: urls, worker, signal, onProgress, onNotice } = settings;
    const name = settings.backend === "webgpu" ? "webgpu" : "wasm";
    try {
        return await LoadOnnxBackendAsync(name, { device, urls, store, worker, signal, onProgress, onNotice });
    } catch (error) {
        if (error instanceof FlexAvatarError) {
            throw error;
        }
        throw new FlexAvatarError("webgpu-missing", `ONNX Runtime does not start on WebGPU: ${MessageOf(error)}`, {
            cause: error,
        });
    }
}

/**
 * @returns why all networks run on the processor although the caller left it open; null where they do not, or where
 * that was asked for
 */
export function WhyProcessor({ backend = "auto", device }: IModelRuntimeSettings): string | null {
    if (backend !== "auto") {
        return null;
    }
    if (device === undefined) {
        return "no GPUDevice was given";
    }
    return IsSoftwareDevice(device) ? "the graphics adapter is a software one" : null;
}
