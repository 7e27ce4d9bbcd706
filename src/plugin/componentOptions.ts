/** Options of the component, and their defaults. */
import type { BackendName, OnnxRuntimeUrls } from "../runtime/models/onnxBackend.js";
import type { SplatSorterName } from "../runtime/passes/index.js";
import type { IAvatarServices } from "./avatarFactory.js";
import { DefaultDriverSchedule, type IDriverSchedule } from "./driverScheduler.js";
import type { LevelOfDetail } from "./levelOfDetail.js";

/** Options of `FlexAvatarComponent.GetOrCreate`. Addresses are relative to the page. */
export interface IFlexAvatarOptions {
    /** Folder of models.json: a copy of the package's `assets/models`. Default "models/". */
    modelsUrl: string;
    /** Which networks of models.json. Default: the one it names as default. */
    model?: string;
    /** Where onnxruntime-web's `dist` files are. Default: where the bundler put them. */
    runtimeUrls?: OnnxRuntimeUrls;
    /**
     * No longer needed: faces are found by networks of `modelsUrl`. Ignored, with the notice `option-unused`.
     * @deprecated
     */
    mediaPipeUrls?: unknown;
    /** Where networks run. "auto" takes WebGPU, and the processor on software adapters or where WebGPU fails, with a notice. Default "auto". */
    backend: "auto" | BackendName;
    /** How splats are sorted. "auto" measures both sorts for a few milliseconds while the models load, and takes the faster one. Default "auto". */
    sort?: SplatSorterName | "auto";
    /**
     * What runs the driver network: "shaders", recorded in the frame, or "onnx". "auto" takes the shaders, and ONNX Runtime on software adapters,
     * where `backend` is "wasm", and where the shaders fail, with a notice. Default "auto".
     */
    driver: "auto" | "shaders" | "onnx";
    /** Milliseconds per frame for drivers, and their cadence on slow devices. Default 4 ms, and 30 Hz where a run takes more than 4 ms. */
    driverSchedule: Readonly<IDriverSchedule>;
    /**
     * Level of detail of avatars that say nothing else ({@link FlexAvatar.levelOfDetail}). "auto" takes a map of half or a quarter of the edge where
     * its Gaussians are still less than 1.5 pixels apart. Default "auto".
     */
    levelOfDetail: LevelOfDetail;
    /** Replaces parts in tests. @internal */
    _services?: Partial<IAvatarServices>;
}

/** What an option is when it is left undefined. */
export const DefaultFlexAvatarOptions: Readonly<IFlexAvatarOptions> = Object.freeze({
    modelsUrl: "models/",
    backend: "auto",
    driver: "auto",
    driverSchedule: DefaultDriverSchedule,
    levelOfDetail: "auto",
});
