/**
 * Entry of the worker that follows a camera, with networks and fit, so that a page keeps its frames. The page starts it
 * from the text of this file, compiled with all it imports. ONNX Runtime comes from an address.
 */
import type * as Ort from "onnxruntime-web";
import { CanvasFrame } from "../canvasFrame.js";
import type { ICameraFiles, IGraphFiles } from "../cameraFiles.js";
import { FaceFollower } from "../faceFollower.js";
import type { ILandmarkNetworks } from "../landmarkFollower.js";
import type { CameraAnswer, CameraRequest } from "./messages.js";

/** The part of a worker's global scope that is used; the page's library types do not know it. */
interface IWorkerScope {
    onmessage: ((event: MessageEvent<CameraRequest>) => void) | null;
    postMessage(answer: CameraAnswer, transfer?: Transferable[]): void;
}

const Scope = globalThis as unknown as IWorkerScope;
const Frame = new CanvasFrame();
let Follower: FaceFollower | null = null;
/** Requests are served one after the other, in the order they came. */
let Last: Promise<void> = Promise.resolve();

Scope.onmessage = ({ data }) => {
    Last = Last.then(() => ServeAsync(data)).catch((error: unknown) =>
        Scope.postMessage({ kind: "error", message: error instanceof Error ? error.message : String(error) }),
    );
};
Scope.postMessage({ kind: "ready" });

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
            try {
                const [width, height] =
                    "displayWidth" in frame ? [frame.displayWidth, frame.displayHeight] : [frame.width, frame.height];
                Frame.show(frame, width, height);
                await Follower!.followAsync(Frame, timeMs, result);
            } finally {
                Frame.show(null, 0, 0);
                frame.close();
            }
            Scope.postMessage({ kind: "result", result }, [result.buffer as ArrayBuffer]);
            return;
        }
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

async function StartAsync(files: ICameraFiles): Promise<ILandmarkNetworks> {
    const ort = (await import(files.script)) as typeof Ort;
    const { env } = ort;
    env.wasm.wasmPaths = files.wasmPaths;
    env.wasm.wasmBinary = files.wasmBinary;
    env.wasm.numThreads = 1; // both networks are small
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
    env.wasm.wasmBinary = undefined; // compiled by now
    const runAsync = async (
        session: Ort.InferenceSession,
        image: Float32Array,
    ): Promise<Ort.InferenceSession.ReturnType> => {
        const size = Math.sqrt(image.length / 3);
        return await session.run({ image: new ort.Tensor("float32", image, [1, 3, size, size]) });
    };
    return {
        detectAsync: async (image) => {
            const { boxes, scores } = await runAsync(detector, image);
            return { boxes: boxes.data as Float32Array, scores: scores.data as Float32Array };
        },
        findLandmarksAsync: async (image) => {
            const found = await runAsync(landmarks, image);
            return { landmarks: found.landmarks.data as Float32Array, presence: found.presence.data as Float32Array };
        },
    };
}
