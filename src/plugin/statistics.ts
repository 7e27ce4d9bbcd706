/** Numbers about a component's avatars, and how they are counted. */
import type { SplatPipeline } from "../runtime/passes/index.js";
import type { FlexAvatar } from "./avatar/flexAvatar.js";
import type { SplatCrowds } from "./draw/splatCrowds.js";

/** Numbers about a component's avatars. */
export interface IFlexAvatarStatistics {
    /** Avatars of the scene. */
    avatars: number;
    /** Gaussians of all avatars, drawn or not. */
    gaussians: number;
    /** Compute dispatches of the last frame that was rendered, without those of the driver network. */
    dispatches: number;
    /** Bytes of GPU memory that avatars and their views hold, without networks. */
    gpuBytes: number;
    /** Milliseconds from kick to arrival of each avatar's last driver run, the longest. */
    driverMs: number;
    /** Driver runs so far. */
    driverRuns: number;
    /**
     * Milliseconds of the stages of making an avatar, when each ran last: load, photos, fit, reconstruct, prepare,
     * fill.
     */
    stageMs: Readonly<Record<string, number>>;
    /** Model files that an earlier visit had left in the browser's cache. */
    cached: number;
    /** Requests for models so far. */
    requests: number;
    /** Bytes received by them. */
    bytes: number;
}

/** Counts the dispatches of each frame. One per component. */
export class DispatchCounter {
    /** Of the last frame that was rendered. */
    public lastFrame = 0;
    private readonly _pipelines: SplatPipeline[] = [];
    private _before = 0;

    /** Counts what a pipeline records, too. */
    public add(pipeline: SplatPipeline): void {
        if (!this._pipelines.includes(pipeline)) {
            this._pipelines.push(pipeline);
        }
    }

    /** Forgets the pipelines of a lost device. */
    public clear(): void {
        this._pipelines.length = 0;
    }

    /** Called once a frame; allocates nothing. Dispatches between two calls are those of one frame. */
    public update(avatars: readonly FlexAvatar[]): void {
        let sum = 0;
        for (let index = 0; index < this._pipelines.length; index++) {
            sum += this._pipelines[index].dispatches;
        }
        for (let index = 0; index < avatars.length; index++) {
            sum += avatars[index].counts.driverRuns; // each driver run that arrived had its delta map packed
        }
        this.lastFrame = Math.max(0, sum - this._before);
        this._before = sum;
    }
}

/** Bytes of GPU memory that avatars and their views hold, what they share counted once. */
export function GpuBytesOf(avatars: readonly FlexAvatar[], crowds: SplatCrowds): number {
    const all = avatars.map(({ _internals: internals }) => internals);
    const pages = all.flatMap(({ secondPage }) => secondPage?.splats?.buffers ?? []);
    const heads = new Set([...all.flatMap(({ splats }) => splats?.buffers ?? []), ...pages].map(({ head }) => head));
    let sum = all.reduce((bytes, { splats }) => bytes + (splats?.ownByteLength ?? 0), 0);
    pages.forEach(({ params }) => (sum += params.size));
    heads.forEach(({ byteLength }) => (sum += byteLength));
    for (const { viewByteLength } of crowds.meshes) {
        sum += viewByteLength;
    }
    return sum;
}
