/**
 * What the camera's networks need: the two of photos that find faces, the one that tells their motion, and ONNX Runtime
 * for the processor.
 */
import { FlexAvatarError } from "../../flame/error.js";
import { AssetStore, JoinUrl } from "../models/assetStore.js";
import type { IGraphEntry } from "../models/manifest.js";
import type { NoticeListener } from "../models/progress.js";
import { BuildUrls, type OnnxRuntimeUrls } from "../models/runtimeFiles.js";
import { LoadManifestAsync } from "../models/startNetworks.js";

/** A network in memory. */
export interface IGraphFiles {
    graph: Uint8Array;
    data: { path: string; data: Uint8Array }[];
}

/** All of it. */
export interface ICameraFiles {
    detector: IGraphFiles;
    landmarks: IGraphFiles;
    motion: IGraphFiles;
    /** ONNX Runtime: its script, and what that loads. */
    script: string;
    wasmPaths: { wasm: string; mjs: string };
    wasmBinary: Uint8Array;
}

/** Where it is. */
export interface ICameraUrls {
    /** Folder of models.json. */
    modelsUrl: string;
    /** Files of onnxruntime-web. */
    runtimeUrls: OnnxRuntimeUrls;
}

/**
 * Fetches it, from the browser's cache where photos have brought it.
 * @throws FlexAvatarError `models-missing`, `models-hash`, `models-mismatch`, `policy-refused`, `aborted`
 */
export async function LoadCameraFilesAsync(
    { modelsUrl, runtimeUrls }: ICameraUrls,
    signal: AbortSignal,
    onNotice?: NoticeListener,
): Promise<ICameraFiles> {
    const store = new AssetStore(onNotice);
    try {
        const { face } = await LoadManifestAsync({ modelsUrl, runtimeUrls, signal }, store);
        if (!face) {
            throw new FlexAvatarError("models-mismatch", "models.json has no networks that find faces.");
        }
        const { script, wasm, mjs } = BuildUrls(runtimeUrls, "wasm");
        const load = async (name: string, { file, sha256, bytes, data }: IGraphEntry): Promise<IGraphFiles> => {
            const fetchAsync = (what: string, part: { file: string; sha256: string; bytes: number }) =>
                store.loadAsync({ url: JoinUrl(modelsUrl, part.file), what, ...part, signal });
            const [graph, weights] = await Promise.all([
                fetchAsync(name, { file, sha256, bytes }),
                data && fetchAsync(`weights of ${name}`, data),
            ]);
            const path = data?.file.slice(data.file.lastIndexOf("/") + 1);
            return { graph, data: weights ? [{ path: path!, data: weights }] : [] };
        };
        const [detector, landmarks, motion, wasmBinary] = await Promise.all([
            load("face detector", face.graphs.detector),
            load("face landmarks", face.graphs.landmarks),
            load("face motion", face.graphs.motion),
            store.loadAsync({ url: wasm, what: "ONNX Runtime", signal }),
        ]);
        return { detector, landmarks, motion, script, wasmPaths: { wasm, mjs }, wasmBinary };
    } finally {
        store.dispose();
    }
}
