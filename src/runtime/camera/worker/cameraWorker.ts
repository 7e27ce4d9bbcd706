/**
 * Entry of the worker that follows a camera, with networks and fit, so that a page keeps its frames. The page starts it
 * from the text of this file, compiled with all it imports. ONNX Runtime comes from an address.
 */
import type * as Ort from "onnxruntime-web";
import { CanvasFrame } from "../canvasFrame.js";
import type { ICameraFiles, IGraphFiles } from "../cameraFiles.js";
import { FaceFollower } from "../faceFollower.js";
import { FeatureCount, type ILandmarkNetworks } from "../landmarkFollower.js";
import { CameraResult, CommonTime } from "../cameraResult.js";
import { PictureClock } from "../pictureClock.js";
import type { CameraAnswer, CameraRequest } from "./messages.js";

/** The part of a worker's global scope that is used; the page's library types do not know it. */
interface IWorkerScope {
    onmessage: ((event: MessageEvent<CameraRequest>) => void) | null;
    postMessage(answer: CameraAnswer, transfer?: Transferable[]): void;
}

const Scope = globalThis as unknown as IWorkerScope;
const Frame = new CanvasFrame();
const Clock = new PictureClock();
let Follower: FaceFollower | null = null;
let IsWanted = true;
/** Requests are served one after the other, in the order they came. */
let Last: Promise<void> = Promise.resolve();

Scope.onmessage = ({ data }) => {
    Last = Last.then(() => ServeAsync(data)).catch(Tell);
};
Scope.postMessage({ kind: "ready" });

function Tell(error: unknown): void {
    Scope.postMessage({ kind: "error", message: error instanceof Error ? error.message : String(error) });
}

async function ServeAsync(request: CameraRequest): Promise<void> {
    switch (request.kind) {
        case "start": {
            const networks = request.files && (await StartAsync(request.files));
            Follower = new FaceFollower(request.head, networks, request.settings);
            Scope.postMessage({ kind: "started" });
            return;
        }
        case "frame": {
            const { frame, timeMs, result } = request;
            await FollowAsync(frame, timeMs, result);
            Scope.postMessage({ kind: "result", result }, [result.buffer as ArrayBuffer]);
            return;
        }
        case "pictures":
            ReadAsync(request.pictures, request.result).catch(Tell);
            return;
        case "taken":
            Clock.learn(request.atMs);
            return;
        case "look":
            IsWanted = request.wanted;
            return;
        case "landmarks": {
            const { landmarks, seen, timeMs, result } = request;
            Follower!.take(seen ? landmarks : null, timeMs, result);
            Scope.postMessage({ kind: "result", result, landmarks }, [
                result.buffer as ArrayBuffer,
                landmarks.buffer as ArrayBuffer,
            ]);
            return;
        }
        case "calibrate":
            Follower?.calibrate();
    }
}

/** Looks at a picture and closes it. @param into receives the result */
async function FollowAsync(frame: VideoFrame | ImageBitmap, timeMs: number, into: Float64Array): Promise<void> {
    try {
        const [width, height] =
            "displayWidth" in frame ? [frame.displayWidth, frame.displayHeight] : [frame.width, frame.height];
        Frame.show(frame, width, height);
        await Follower!.followAsync(Frame, timeMs, into);
    } finally {
        Frame.show(null, 0, 0);
        frame.close();
    }
}

/** Looks at pictures until there are no more. The browser keeps the newest one while another is under way. */
async function ReadAsync(pictures: ReadableStream<VideoFrame>, result: Float64Array): Promise<void> {
    const reader = pictures.getReader();
    for (;;) {
        const { value: picture } = await reader.read();
        if (!picture) {
            return;
        }
        const beganMs = CommonTime(performance.now());
        const takenMs = Clock.arrive(picture.timestamp / 1000, beganMs);
        if (!IsWanted) {
            picture.close();
            continue;
        }
        await (Last = Last.then(() => FollowAsync(picture, takenMs, result)));
        result[CameraResult.TakenMs] = takenMs;
        result[CameraResult.BeganMs] = beganMs;
        Scope.postMessage(result);
    }
}

async function StartAsync(files: ICameraFiles): Promise<ILandmarkNetworks> {
    const ort = (await import(files.script)) as typeof Ort;
    const { env } = ort;
    env.wasm.wasmPaths = files.wasmPaths;
    env.wasm.wasmBinary = files.wasmBinary;
    env.wasm.numThreads = 1; // the networks are small
    env.logLevel = "error";
    const createAsync = async ({ graph, data }: IGraphFiles): Promise<Ort.InferenceSession> =>
        await ort.InferenceSession.create(graph, {
            executionProviders: ["wasm"],
            externalData: data,
            graphOptimizationLevel: "all",
            logSeverityLevel: 3,
        });
    const detector = await createAsync(files.detector);
    const landmarks = await createAsync(files.landmarks);
    const motion = await createAsync(files.motion);
    env.wasm.wasmBinary = undefined; // compiled by now
    const runAsync = async (
        session: Ort.InferenceSession,
        name: string,
        values: Float32Array,
        dims: readonly number[],
    ): Promise<Ort.InferenceSession.ReturnType> => {
        return await session.run({ [name]: new ort.Tensor("float32", values, dims) });
    };
    return {
        detectAsync: async (image) => {
            const { boxes, scores } = await runAsync(detector, "image", image, [1, 3, 128, 128]);
            return { boxes: boxes.data as Float32Array, scores: scores.data as Float32Array };
        },
        findLandmarksAsync: async (image) => {
            const found = await runAsync(landmarks, "image", image, [1, 3, 192, 192]);
            return {
                landmarks: found.landmarks.data as Float32Array,
                presence: found.presence.data as Float32Array,
                features: found.features.data as Float32Array,
            };
        },
        findMotionAsync: async (change) => {
            const { expressions, turn } = await runAsync(motion, "change", change, [1, FeatureCount]);
            return { expressions: expressions.data as Float32Array, turn: turn.data as Float32Array };
        },
    };
}
