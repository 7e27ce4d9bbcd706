/** Options of the component, and their defaults. */
import { JoinUrl } from "../runtime/models/assetStore.js";
import type { BackendName, OnnxRuntimeUrls } from "../runtime/models/onnxBackend.js";
import type { SplatSorterName } from "../runtime/passes/index.js";
import type { IAvatarServices } from "./avatarServices.js";
import { DefaultDriverSchedule, type IDriverSchedule } from "../runtime/driver/driverScheduler.js";
import type { LevelOfDetail } from "./draw/levelOfDetail.js";

/**
 * Options of `FlexAvatarComponent.GetOrCreate`. Addresses are relative to the page; all of them may be on another
 * origin that sends CORS headers.
 */
export interface IFlexAvatarOptions {
    /**
     * The folder that `npx babylon-flexavatar copy-assets` filled: everything that is loaded at run time. The two
     * addresses below win over it. Default "flexavatar/".
     */
    assetsUrl: string;
    /** Folder of models.json. Default: "models/" in `assetsUrl`. */
    modelsUrl: string;
    /** Which networks of models.json. Default: the one it names as default. */
    model?: string;
    /** Where files of onnxruntime-web's `dist` are: a folder, or one by one. Default: "runtime/" in `assetsUrl`. */
    runtimeUrls: OnnxRuntimeUrls;
    /**
     * Where ONNX Runtime runs. "auto" is the processor: reading photos takes a fraction of a second there, once, and
     * that build is the smallest to download; on software adapters, whose driver runs there too, with a notice.
     * "webgpu" insists on the graphics card. Default "auto".
     */
    backend: "auto" | BackendName;
    /**
     * How splats are sorted. "auto" measures both sorts for a few milliseconds while the models load, and takes the
     * faster one. Default "auto".
     */
    sort?: SplatSorterName | "auto";
    /**
     * What runs the driver network: "shaders", recorded in the frame, or "onnx". "auto" takes the shaders, and ONNX
     * Runtime on software adapters, where `backend` is "wasm", and where the shaders fail, with a notice. Default
     * "auto".
     */
    driver: "auto" | "shaders" | "onnx";
    /**
     * Milliseconds per frame for drivers, and their cadence on slow devices. Default 4 ms, and 30 Hz where a run takes
     * more than 4 ms.
     */
    driverSchedule: Readonly<IDriverSchedule>;
    /**
     * Level of detail of avatars that say nothing else ({@link FlexAvatar.levelOfDetail}). "auto" takes a map of half
     * or a quarter of the edge where its Gaussians are still less than 1.5 pixels apart. Default "auto".
     */
    levelOfDetail: LevelOfDetail;
    /**
     * Whether model files are kept for the next visit, by their hash, in the Cache Storage of the page's origin. Every
     * page of the origin shares them. Default true.
     */
    cacheModels: boolean;
    /** Replaces parts in tests. @internal */
    _services?: Partial<IAvatarServices>;
}

/** What an option is when it is left undefined. Other addresses follow from `assetsUrl`. */
export const DefaultFlexAvatarOptions: Readonly<Omit<IFlexAvatarOptions, "modelsUrl" | "runtimeUrls">> = Object.freeze({
    assetsUrl: "flexavatar/",
    backend: "auto",
    driver: "auto",
    driverSchedule: DefaultDriverSchedule,
    levelOfDetail: "auto",
    cacheModels: true,
});

/** @returns `options` with what is undefined replaced by its default */
export function ResolveFlexAvatarOptions(options: Partial<IFlexAvatarOptions>): IFlexAvatarOptions {
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
    const assetsUrl = options.assetsUrl ?? DefaultFlexAvatarOptions.assetsUrl;
    return {
        modelsUrl: JoinUrl(assetsUrl, "models/"),
        runtimeUrls: JoinUrl(assetsUrl, "runtime/"),
        ...DefaultFlexAvatarOptions,
        ...given,
    };
}

/** @returns names of the options that are given and are others than those in use */
export function OptionsThatDiffer(options: Partial<IFlexAvatarOptions>, inUse: IFlexAvatarOptions): string[] {
    const names = Object.keys(options) as (keyof IFlexAvatarOptions)[];
    return names.filter((name) => options[name] !== undefined && !IsSame(options[name], inUse[name]));
}

/** Compares values, and the fields of plain objects. */
function IsSame(a: unknown, b: unknown): boolean {
    if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) {
        return Object.is(a, b);
    }
    const [first, second] = [a as Record<string, unknown>, b as Record<string, unknown>];
    return [...new Set([...Object.keys(first), ...Object.keys(second)])].every((name) =>
        IsSame(first[name], second[name]),
    );
}
