/** What makes avatars and comes from outside of the factory: networks, prepared photos, pipelines, refinement. */
import type { FillBesideAsync, RefineBesideAsync } from "../runtime/beside/besideRunner.js";
import type { ModelRuntime } from "../runtime/models/modelRuntime.js";
import type { IModelRuntimeSettings } from "../runtime/models/runtimeSettings.js";
import type { SplatPipeline } from "../runtime/passes/index.js";
import type { PreparePhotoAsync } from "../runtime/photo/preparePhoto.js";

/** What the factory uses of a `ModelRuntime`. */
export type INetworks = Pick<
    ModelRuntime,
    | "model"
    | "modelName"
    | "headModel"
    | "backend"
    | "timings"
    | "store"
    | "loadHeadModelAsync"
    | "loadPageAsync"
    | "prepareAsync"
    | "reconstructAsync"
    | "createDriverAsync"
    | "runFaceGraphAsync"
    | "dispose"
>;

/** What tests replace. @internal */
export interface IAvatarServices {
    createNetworksAsync(settings: IModelRuntimeSettings): Promise<INetworks>;
    preparePhotoAsync: typeof PreparePhotoAsync;
    createPipelineAsync: typeof SplatPipeline.CreateAsync;
    refineAsync?: typeof RefineBesideAsync;
    fillAsync?: typeof FillBesideAsync;
}
