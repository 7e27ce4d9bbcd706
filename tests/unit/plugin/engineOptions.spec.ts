// Engine options and the check of an engine. NullEngine, no GPU.
import { NullEngine } from "@babylonjs/core/Engines/nullEngine";
import type { WebGPUEngine } from "@babylonjs/core/Engines/webgpuEngine";
import { Scene } from "@babylonjs/core/scene";
import { FlexAvatarError } from "../../../src/flame/error";
import { GetFlexAvatarEngineOptions, FindDevice } from "../../../src/plugin/engineOptions";
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
    it("finds no device without WebGPU: avatars are meshes there, and a notice says so", () => {
        const engine = new NullEngine();
        const scene = new Scene(engine);
        const codes: string[] = [];
        FlexAvatarComponent.GetOrCreate(scene).onNoticeObservable.add(({ code }) => codes.push(code));
        expect(FindDevice(engine)).toBeNull();
        expect(codes).toEqual(["drawn-as-mesh"]);
        scene.dispose();
        engine.dispose();
    });

    it("refuses one that was not initialised, and one whose device is too small", () => {
        const fake = (device: unknown): WebGPUEngine =>
            ({ isWebGPU: true, _device: device }) as unknown as WebGPUEngine;
        const small = { limits: { maxStorageBuffersPerShaderStage: 4 } };
        const enough = { limits: { maxStorageBuffersPerShaderStage: 8 } };
        expect(() => FindDevice(fake(undefined))).toThrowMatching((error) =>
            /initAsync/.test((error as FlexAvatarError).advice),
        );
        expect(() => FindDevice(fake(small))).toThrowMatching((error) =>
            /4 storage buffers/.test((error as FlexAvatarError).message),
        );
        expect(FindDevice(fake(enough)) as unknown).toBe(enough);
    });
});
