/**
 * Loads MediaPipe's face mesh and selfie segmentation, which are classic scripts that talk through globals, and hides that.
 * Everything runs on this page: scripts, wasm and models come from the two folders given. Inference runs on the processor: the same
 * landmarks within 0.04 px as with WebGL, and on a software adapter 20 times faster (100 ms against 2 s per image, 2-core machine).
 */
import { FlexAvatarError } from "../../flame/error.js";
import { AsyncQueue } from "../models/asyncQueue.js";
import { JoinUrl } from "../models/assetStore.js";
import { IsRefusalOfScripts, PolicyError, PolicyWatch } from "../models/loadFailure.js";

/** Folders that hold the files of the npm packages of the same names. */
export interface IMediaPipeUrls {
    /** The files of `@mediapipe/face_mesh`. */
    faceMesh: string;
    /** The files of `@mediapipe/selfie_segmentation`. */
    selfieSegmentation: string;
}

/** A landmark: x and y in 0..1 of the image, z on the scale of x, smaller is nearer. */
export interface ILandmark {
    x: number;
    y: number;
    z: number;
}

/** What one image gave. */
export interface ISolutionResults {
    multiFaceLandmarks?: ILandmark[][];
    segmentationMask?: CanvasImageSource & { width: number; height: number };
}

interface ISolution {
    initialize(): Promise<void>;
    setOptions(options: Record<string, unknown>): void;
    onResults(listener: (results: ISolutionResults) => void): void;
    send(inputs: { image: HTMLCanvasElement }): Promise<void>;
    reset(): void;
    close(): Promise<void>;
}

type SolutionClass = new (config: { locateFile: (file: string) => string }) => ISolution;

interface IRecipe {
    /** The script and the global it sets. */
    script: string;
    global: string;
    options: Record<string, unknown>;
    what: string;
}

const FaceMesh: IRecipe = {
    script: "face_mesh.js",
    global: "FaceMesh",
    options: { maxNumFaces: 4, refineLandmarks: true, useCpuInference: true }, // its confidence options break the graph of this release
    what: "the face detector",
};
const SelfieSegmentation: IRecipe = {
    script: "selfie_segmentation.js",
    global: "SelfieSegmentation",
    options: { modelSelection: 0, useCpuInference: true },
    what: "the person matte",
};

/** Both solutions start through the same two globals, so one at a time. */
const StartQueue = new AsyncQueue();
/** Started solutions by folder; a failed start is forgotten. */
const Started = new Map<string, Promise<Solution>>();

/** One solution in still-image use: nothing is remembered from one image to the next. */
export class Solution {
    private readonly _queue = new AsyncQueue();
    private readonly _solution: ISolution;
    private readonly _what: string;

    public constructor(solution: ISolution, what: string) {
        this._solution = solution;
        this._what = what;
    }

    /**
     * Processes one image.
     * @param image the image, at least one pixel
     * @param read takes what it needs from the results, which are valid only during the call
     */
    public processAsync<T>(image: HTMLCanvasElement, read: (results: ISolutionResults) => T): Promise<T> {
        return this._queue.run(async () => {
            let result: { value: T } | undefined;
            this._solution.onResults((results) => {
                result = { value: read(results) };
            });
            this._solution.reset();
            await this._solution.send({ image });
            if (result === undefined) {
                throw new Error(`${this._what} gave no result`);
            }
            return result.value;
        });
    }

    /** Frees its memory after the images already sent. */
    public closeAsync(): Promise<void> {
        return this._queue.run(() => this._solution.close());
    }
}

/** @returns the face detector of a folder, started once */
export function LoadFaceMeshAsync(urls: IMediaPipeUrls): Promise<Solution> {
    return loadAsync(FaceMesh, urls.faceMesh);
}

/** @returns the matte of a folder, started once */
export function LoadSelfieSegmentationAsync(urls: IMediaPipeUrls): Promise<Solution> {
    return loadAsync(SelfieSegmentation, urls.selfieSegmentation);
}

/** Frees the detector and the matte of all folders. The next photo starts them again. */
export async function ReleaseMediaPipeAsync(): Promise<void> {
    const started = [...Started.values()];
    Started.clear();
    const solutions = await Promise.allSettled(started);
    await Promise.all(solutions.map((result) => (result.status === "fulfilled" ? result.value.closeAsync() : undefined)));
}

function loadAsync(recipe: IRecipe, folder: string): Promise<Solution> {
    const key = JoinUrl(folder, recipe.script);
    let started = Started.get(key);
    if (started === undefined) {
        started = StartQueue.run(() => startAsync(recipe, folder));
        Started.set(key, started);
        started.catch(() => Started.delete(key));
    }
    return started;
}

async function startAsync(recipe: IRecipe, folder: string): Promise<Solution> {
    if (document.createElement("canvas").getContext("webgl2") === null) {
        throw new FlexAvatarError("webgl-missing", `${recipe.what} needs WebGL 2 for reading images, and this browser has none.`);
    }
    const before = new Set(document.scripts);
    const watch = new PolicyWatch();
    const lines: string[] = [];
    const restore = muteStart(lines);
    try {
        const Class = await injectAsync(recipe, folder);
        const solution = new Class({ locateFile: (file) => JoinUrl(folder, file) });
        solution.setOptions(recipe.options);
        await solution.initialize();
        return new Solution(solution, recipe.what);
    } catch (error) {
        if (error instanceof FlexAvatarError) {
            throw error;
        }
        const refusal = await watch.findAsync(IsRefusalOfScripts);
        if (refusal) {
            throw PolicyError(recipe.what, refusal, error);
        }
        const said = lines.length > 0 ? ` It said: ${lines.slice(-3).join(" | ")}` : "";
        throw new FlexAvatarError("models-missing", `${recipe.what} did not start from ${folder}.${said}`, {
            advice: "Check that all files of the npm package are served from that folder.",
            cause: error,
        });
    } finally {
        restore();
        watch.dispose();
        for (const script of Array.from(document.scripts)) {
            if (!before.has(script) && script.src.startsWith(new URL(JoinUrl(folder, ""), document.baseURI).href)) {
                script.remove();
            }
        }
    }
}

/** Runs the solution's script once and takes its class out of the global scope. */
function injectAsync(recipe: IRecipe, folder: string): Promise<SolutionClass> {
    const url = JoinUrl(folder, recipe.script);
    const globals = window as unknown as Record<string, SolutionClass | undefined>;
    const script = document.createElement("script");
    script.src = url;
    script.crossOrigin = "anonymous";
    return new Promise<SolutionClass>((resolve, reject) => {
        script.onload = () => {
            const Class = globals[recipe.global];
            if (Class) {
                resolve(Class);
            } else {
                reject(new Error(`${url} did not define ${recipe.global}`));
            }
        };
        script.onerror = () => reject(new Error(`${url} could not be loaded`));
        document.head.append(script);
    });
}

/**
 * MediaPipe hands its wasm module the object in a global, and the module prints to the console unless that object has print functions.
 * This adds them, and returns a function that removes the trap again.
 * @param lines receives what the module says, the newest 20 lines
 */
function muteStart(lines: string[]): () => void {
    const name = "createMediapipeSolutionsPackedAssets";
    const keep = (...words: unknown[]): void => {
        lines.push(words.join(" "));
        lines.splice(0, lines.length - 20);
    };
    let current: unknown;
    Object.defineProperty(window, name, {
        configurable: true,
        get: () => current,
        set: (value: unknown) => {
            current = value;
            if (typeof value === "object" && value !== null) {
                Object.assign(value, { print: keep, printErr: keep });
            }
        },
    });
    return () => {
        delete (window as unknown as Record<string, unknown>)[name];
    };
}
