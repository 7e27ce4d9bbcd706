/** What an avatar needs of Babylon's engine: options to create one with, and a check of one that exists. */
import type { AbstractEngine } from "@babylonjs/core/Engines/abstractEngine.js";
import type { WebGPUEngine, WebGPUEngineOptions } from "@babylonjs/core/Engines/webgpuEngine.js";
import { FlexAvatarError } from "../flame/error.js";

/** Features that are used where the adapter has them. None is required. */
const WantedFeatures: readonly string[] = ["shader-f16", "subgroups", "timestamp-query"];
/** Storage buffers that the largest pass binds. */
const StorageBuffersPerStage = 8;

/**
 * Engine options that let the networks run at full speed. Babylon asks the browser for no feature and no limit by
 * itself; an engine created without these options works too, but slower.
 * @param options your own options; they win
 * @example
 * const engine = new WebGPUEngine(canvas, GetFlexAvatarEngineOptions());
 * await engine.initAsync();
 */
export function GetFlexAvatarEngineOptions(options: WebGPUEngineOptions = {}): WebGPUEngineOptions {
    const descriptor = options.deviceDescriptor;
    return {
        // Babylon raises the limits only while `requiredLimits` is unset.
        setMaximumLimits: true,
        ...options,
        deviceDescriptor: {
            ...descriptor,
            // Babylon drops what the adapter lacks.
            requiredFeatures: [
                ...new Set([...(descriptor?.requiredFeatures ?? []), ...WantedFeatures]),
            ] as GPUFeatureName[],
        },
    };
}

/**
 * Checks that an engine can show avatars and returns its device.
 * @throws FlexAvatarError `webgpu-missing`, with everything that is missing in one message
 */
export function RequireDevice(engine: AbstractEngine): GPUDevice {
    if (!engine.isWebGPU) {
        throw new FlexAvatarError(
            "webgpu-missing",
            `FlexAvatar got an engine of class ${engine.getClassName()} and needs a WebGPUEngine.`,
            {
                advice:
                    "Create the engine with `new WebGPUEngine(canvas, GetFlexAvatarEngineOptions())` and `await engine.initAsync()`; " +
                    "where `await WebGPUEngine.IsSupportedAsync` is false, use a browser with WebGPU.",
            },
        );
    }
    const device = (engine as WebGPUEngine)._device as GPUDevice | undefined;
    if (!device) {
        throw new FlexAvatarError("webgpu-missing", "FlexAvatar got a WebGPUEngine without a device.", {
            advice: "Wait for `engine.initAsync()` before you create the scene.",
        });
    }
    const storageBuffers = device.limits.maxStorageBuffersPerShaderStage;
    if (storageBuffers < StorageBuffersPerStage) {
        throw new FlexAvatarError(
            "webgpu-missing",
            `The GPU device allows ${storageBuffers} storage buffers per shader stage; ${StorageBuffersPerStage} are needed.`,
            { advice: "Create the engine with GetFlexAvatarEngineOptions()." },
        );
    }
    return device;
}
