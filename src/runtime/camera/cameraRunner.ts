/**
 * Where a camera's frames are followed: in a worker of its own, or on the page where none starts. One frame is under
 * way at a time, and whoever has another waits for none: frames are dropped, never queued.
 */
import { FlexAvatarError } from "../../flame/error.js";
import type { HeadModel } from "../../flame/headModel.js";
import { MediaPipeLandmarkCount } from "../../flame/headModel.js";
import { AssetStore } from "../models/assetStore.js";
import { LoadOnnxBackendAsync } from "../models/onnxBackend.js";
import { WorkerUrl, type OnnxRuntimeUrls } from "../models/runtimeFiles.js";
import { OpenWorkerAsync, StartWorker } from "../openWorker.js";
import type { IOnnxBackend } from "../models/session.js";
import { NextTaskAsync } from "../slices.js";
import { CanvasFrame } from "./canvasFrame.js";
import { LoadCameraFilesAsync, type ICameraFiles, type IGraphFiles } from "./cameraFiles.js";
import { CommonTime, CreateCameraResult } from "./cameraResult.js";
import { FaceFollower, type IFollowSettings } from "./faceFollower.js";
import { FeatureCount, type ILandmarkNetworks } from "./landmarkFollower.js";
import type { CameraAnswer, CameraRequest } from "./worker/messages.js";
import workerSource from "./worker/cameraWorker.ts?text";

/** A picture that can be handed to a worker. */
export type CameraPicture = VideoFrame | ImageBitmap;

/** Follows a face wherever that is. */
export interface ICameraRunner {
    /** Whether the page itself works. */
    readonly onPage: boolean;
    /** Whether a frame is under way; another one would be refused. */
    readonly busy: boolean;
    /** Looks at a frame and closes it. @param timeMs when it was taken */
    follow(picture: CameraPicture, timeMs: number): void;
    /**
     * Looks at the newest picture of a stream from now on, without the page; null where the page itself works. Results
     * say when theirs was taken.
     */
    readonly pictures: ICameraPictures | null;
    /** Takes landmarks in place of a frame, written into {@link landmarks}. @param seen false: there is no face */
    take(seen: boolean, timeMs: number): void;
    /** [478,2] for {@link take}: around the frame's middle, in its heights, 0.5 the middle. Not while busy. */
    readonly landmarks: Float32Array;
    /** Learns the person's rest again. */
    calibrate(): void;
    dispose(): void;
}

/** How a worker is given a stream of pictures. */
export interface ICameraPictures {
    /** Call once. @param pictures the worker's from now on */
    read(pictures: ReadableStream<VideoFrame>): void;
    /** Tells when one of the last pictures was taken, which the worker cannot know. @param timeMs `performance.now()` */
    taken(timeMs: number): void;
    /** Whether pictures are looked at. They are until something else is said. */
    look(wanted: boolean): void;
}

/** What a runner needs. */
export interface ICameraRunnerSettings extends IFollowSettings {
    head: HeadModel;
    modelsUrl: string;
    runtimeUrls: OnnxRuntimeUrls;
    /** Whether landmarks are given, and no network is needed. */
    givenLandmarks: boolean;
    signal: AbortSignal;
    /** Told each result; the array is overwritten by the next. */
    onResult: (result: Float64Array) => void;
    /** Told once why it works no more. */
    onFailure: (message: string) => void;
    /** Told why the page has to work. */
    onPage: (reason: string) => void;
    /** Starts the worker; null to work on the page. Default: the library's own, from its text or its file. */
    startWorker?: (() => Worker) | null;
}

/**
 * Loads the networks and starts the worker, or works on the page where it does not start.
 * @throws FlexAvatarError those of loading models, `camera-failed`, `aborted`
 */
export async function StartCameraAsync(settings: ICameraRunnerSettings): Promise<ICameraRunner> {
    const filesAsync = settings.givenLandmarks ? null : LoadCameraFilesAsync(settings, settings.signal);
    filesAsync?.catch(() => undefined); // thrown where it is awaited
    let reason = "it was not asked for";
    for (const start of StartsOf(settings)) {
        let worker: Worker;
        try {
            worker = await OpenWorkerAsync(start, settings.signal);
        } catch (error) {
            reason = error instanceof Error ? error.message : String(error);
            continue;
        }
        return await WorkerRunner.StartAsync(worker, await filesAsync, settings);
    }
    settings.onPage(reason);
    return await PageRunner.StartAsync(await filesAsync, settings);
}

/** Ways to start the worker, in the order they are tried: from its text, which no bundler can move, then its file. */
function StartsOf({ startWorker, runtimeUrls }: ICameraRunnerSettings): (() => Worker)[] {
    if (startWorker !== undefined) {
        return startWorker === null ? [] : [startWorker];
    }
    const url = WorkerUrl(runtimeUrls, "cameraWorker");
    const scripts = [{ text: workerSource }, ...(url === undefined ? [] : [{ url }])];
    return scripts.map((script) => () => StartWorker(script, "flexAvatarCamera"));
}

/**
 * In a worker. Buffers go there with a frame and come back with its result; of a stream nothing but results comes to
 * the page.
 */
class WorkerRunner implements ICameraRunner, ICameraPictures {
    public readonly onPage = false;
    public readonly pictures = this;
    public busy = false;
    public landmarks: Float32Array = new Float32Array(2 * MediaPipeLandmarkCount);
    private _result: Float64Array;
    /** What goes with each picture: written anew, so that a followed frame makes nothing but messages. */
    private readonly _picture: { kind: "frame"; frame: CameraPicture | null; timeMs: number; result: Float64Array };
    private readonly _transfer: Transferable[] = [];

    private constructor(
        private readonly _worker: Worker,
        { head, onResult, onFailure }: ICameraRunnerSettings,
    ) {
        this._result = CreateCameraResult(head.expressionCount);
        this._picture = { kind: "frame", frame: null, timeMs: 0, result: this._result };
        _worker.onmessage = ({ data }: MessageEvent<CameraAnswer>) => {
            if (data instanceof Float64Array) {
                onResult(data);
            } else if (data.kind === "result") {
                this._result = data.result;
                this.landmarks = data.landmarks ?? this.landmarks;
                this.busy = false;
                onResult(data.result);
            } else if (data.kind === "error") {
                onFailure(data.message);
            }
        };
        _worker.onerror = (event) => onFailure(event.message || "it has no memory left");
        _worker.onmessageerror = () => onFailure("a message cannot be read");
    }

    public static async StartAsync(
        worker: Worker,
        files: ICameraFiles | null,
        settings: ICameraRunnerSettings,
    ): Promise<WorkerRunner> {
        const { head, focal, calibrationS, signal } = settings;
        try {
            await new Promise<void>((resolve, reject) => {
                const fail = (message: string): void => reject(CameraFailure(message));
                signal.addEventListener("abort", () => fail("aborted"), { once: true });
                worker.onmessage = ({ data }: MessageEvent<CameraAnswer>) =>
                    "kind" in data && data.kind === "error" ? fail(data.message) : resolve();
                worker.onerror = (event) => fail(event.message || "it has no memory left");
                const request: CameraRequest = { kind: "start", head, files, settings: { focal, calibrationS } };
                worker.postMessage(request, files ? [files.wasmBinary.buffer as ArrayBuffer] : []);
            });
        } catch (error) {
            worker.terminate();
            throw error;
        }
        return new WorkerRunner(worker, settings);
    }

    public follow(frame: CameraPicture, timeMs: number): void {
        this.busy = true;
        const { _picture: picture, _transfer: transfer } = this;
        picture.frame = frame;
        picture.timeMs = timeMs;
        picture.result = this._result;
        transfer[0] = frame as Transferable;
        transfer[1] = this._result.buffer as ArrayBuffer;
        this._post(picture as CameraRequest, transfer);
        picture.frame = null; // it is the worker's
    }

    public read(pictures: ReadableStream<VideoFrame>): void {
        this._post({ kind: "pictures", pictures, result: this._result }, [pictures]);
    }

    public taken(timeMs: number): void {
        this._post({ kind: "taken", atMs: CommonTime(timeMs) }, []);
    }

    public look(wanted: boolean): void {
        this._post({ kind: "look", wanted }, []);
    }

    public take(seen: boolean, timeMs: number): void {
        this.busy = true;
        this._post({ kind: "landmarks", landmarks: this.landmarks, seen, timeMs, result: this._result }, [
            this.landmarks.buffer as ArrayBuffer,
            this._result.buffer as ArrayBuffer,
        ]);
    }

    public calibrate(): void {
        this._post({ kind: "calibrate" }, []);
    }

    public dispose(): void {
        this._worker.terminate();
    }

    private _post(request: CameraRequest, transfer: Transferable[]): void {
        this._worker.postMessage(request, transfer);
    }
}

/** On the page: networks and fit have a task of their own each, and the page lives between frames. */
class PageRunner implements ICameraRunner {
    public readonly onPage = true;
    public readonly pictures = null;
    public busy = false;
    public readonly landmarks = new Float32Array(2 * MediaPipeLandmarkCount);
    private readonly _frame = new CanvasFrame();
    private readonly _result: Float64Array;
    private _disposed = false;

    private constructor(
        private readonly _follower: FaceFollower,
        private readonly _settings: ICameraRunnerSettings,
    ) {
        this._result = CreateCameraResult(_settings.head.expressionCount);
    }

    public static async StartAsync(files: ICameraFiles | null, settings: ICameraRunnerSettings): Promise<PageRunner> {
        const networks = files && (await PageNetworksAsync(files, settings));
        return new PageRunner(new FaceFollower(settings.head, networks, settings), settings);
    }

    public follow(picture: CameraPicture, timeMs: number): void {
        this.busy = true;
        const [width, height] =
            "displayWidth" in picture ? [picture.displayWidth, picture.displayHeight] : [picture.width, picture.height];
        this._frame.show(picture, width, height);
        this._follower
            .followAsync(this._frame, timeMs, this._result, NextTaskAsync)
            .finally(() => picture.close())
            .then(NextTaskAsync)
            .then(() => this._tell())
            .catch((error: unknown) => this._settings.onFailure(String(error)));
    }

    public take(seen: boolean, timeMs: number): void {
        this._follower.take(seen ? this.landmarks : null, timeMs, this._result);
        this._tell();
    }

    public calibrate(): void {
        this._follower.calibrate();
    }

    public dispose(): void {
        this._disposed = true;
    }

    private _tell(): void {
        this.busy = false;
        if (!this._disposed) {
            this._settings.onResult(this._result);
        }
    }
}

async function PageNetworksAsync(
    files: ICameraFiles,
    { runtimeUrls: urls, signal }: ICameraRunnerSettings,
): Promise<ILandmarkNetworks> {
    const store = new AssetStore();
    try {
        // One thread: others are workers too, which are refused here, and ONNX Runtime would wait for them for ever.
        const settings = { urls, store, worker: false, threads: 1, signal };
        const backend: IOnnxBackend = await LoadOnnxBackendAsync("wasm", settings);
        const create = ({ graph, data }: IGraphFiles) => backend.createSessionAsync(graph, data, false);
        const [detector, landmarks] = [await create(files.detector), await create(files.landmarks)];
        const motion = await create(files.motion);
        const runAsync = async (
            session: typeof detector,
            name: string,
            data: Float32Array,
            dims: readonly number[],
        ): Promise<Record<string, Float32Array>> => {
            const outputs = await session.run({ [name]: { data, dims } });
            return Object.fromEntries(
                Object.entries(outputs).map(([output, { data: values }]) => [output, values as Float32Array]),
            );
        };
        return {
            detectAsync: async (image) => {
                const { boxes, scores } = await runAsync(detector, "image", image, [1, 3, 128, 128]);
                return { boxes, scores };
            },
            findLandmarksAsync: async (image) => {
                const found = await runAsync(landmarks, "image", image, [1, 3, 192, 192]);
                return { landmarks: found.landmarks, presence: found.presence, features: found.features };
            },
            findMotionAsync: async (change) => {
                const { expressions, turn } = await runAsync(motion, "change", change, [1, FeatureCount]);
                return { expressions, turn };
            },
        };
    } finally {
        store.dispose();
    }
}

function CameraFailure(message: string): FlexAvatarError {
    return new FlexAvatarError("camera-failed", `The camera cannot be followed: ${message}.`);
}
