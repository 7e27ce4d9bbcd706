// Engine options and the check of an engine. NullEngine, no GPU.
import { NullEngine } from "@babylonjs/core/Engines/nullEngine";
import type { WebGPUEngine } from "@babylonjs/core/Engines/webgpuEngine";
import { Scene } from "@babylonjs/core/scene";
import { FlexAvatarError } from "../../../src/flame/error";
import { GetFlexAvatarEngineOptions, RequireDevice } from "../../../src/plugin/engineOptions";
import { FlexAvatarComponent } from "../../../src/plugin/flexAvatarComponent";

describe("engine options", () => {
    it("ask for features and limits, and keep the caller's own", () => {
        const options = GetFlexAvatarEngineOptions({
            antialias: true,
            deviceDescriptor: { label: "mine", requiredFeatures: ["depth-clip-control", "shader-f16"] },
        });
        expect(options.antialias).toBeTrue();
        expect(options.setMaximumLimits).toBeTrue();
        expect(options.deviceDescriptor?.label).toBe("mine");
        expect([...options.deviceDescriptor!.requiredFeatures!]).toEqual([
            "depth-clip-control",
            "shader-f16",
            "subgroups",
            "timestamp-query",
        ]);
        expect(GetFlexAvatarEngineOptions({ setMaximumLimits: false }).setMaximumLimits).toBeFalse();
    });

    it("are not shared between calls", () => {
        GetFlexAvatarEngineOptions().deviceDescriptor!.requiredFeatures = [];
        expect([...GetFlexAvatarEngineOptions().deviceDescriptor!.requiredFeatures!].length).toBe(3);
    });
});

describe("the check of an engine", () => {
    it("refuses one without WebGPU, says what to do, and leaves the scene alone", () => {
        const engine = new NullEngine();
        const scene = new Scene(engine);
        const observers = scene.onBeforeRenderObservable.observers.length;
        const components = scene._components.length;
        expect(() => FlexAvatarComponent.GetOrCreate(scene)).toThrowMatching(
            (error) =>
                error instanceof FlexAvatarError &&
                error.code === "webgpu-missing" &&
                /GetFlexAvatarEngineOptions/.test(error.advice),
        );
        expect(scene.onBeforeRenderObservable.observers.length).toBe(observers);
        expect(scene._components.length).toBe(components);
        scene.dispose();
        engine.dispose();
    });

    it("refuses one that was not initialised, and one whose device is too small", () => {
        const fake = (device: unknown): WebGPUEngine =>
            ({ isWebGPU: true, _device: device }) as unknown as WebGPUEngine;
        const small = { limits: { maxStorageBuffersPerShaderStage: 4 } };
        const enough = { limits: { maxStorageBuffersPerShaderStage: 8 } };
        expect(() => RequireDevice(fake(undefined))).toThrowMatching((error) =>
            /initAsync/.test((error as FlexAvatarError).advice),
        );
        expect(() => RequireDevice(fake(small))).toThrowMatching((error) =>
            /4 storage buffers/.test((error as FlexAvatarError).message),
        );
        expect(RequireDevice(fake(enough)) as unknown).toBe(enough);
    });
});
