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
 * The device that splats are drawn with. The one place that chooses how avatars are drawn.
 * @returns null on engines without WebGPU: there avatars are meshes
 * @throws FlexAvatarError `webgpu-missing` where a WebGPUEngine cannot show splats
 */
export function FindDevice(engine: AbstractEngine): GPUDevice | null {
    if (!engine.isWebGPU) {
        return null;
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
