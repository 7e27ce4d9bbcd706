/**
 * What long calls of the runtime report while they work, and what they say when they had to do something other than
 * asked.
 */

/** One progress report. Fractions never go back within one stage. */
export interface IRuntimeProgress {
    /** What is being done: a verb phrase such as "loading encoder". */
    stage: string;
    /** 0 to 1 within the stage. */
    fraction: number;
    /** Bytes received so far, for stages that load a file. */
    loadedBytes?: number;
    /** Bytes expected, for stages that load a file. */
    totalBytes?: number;
}

/** Called with each progress report. What it throws is not caught. */
export type ProgressListener = (progress: IRuntimeProgress) => void;

/** Options of the long calls. */
export interface ICallOptions {
    signal?: AbortSignal;
    onProgress?: ProgressListener;
}

/** Something the user should know although the call went on: a fallback, or a choice made for them. */
export interface IRuntimeNotice {
    /**
     * Stable code: `backend-wasm`, `networks-on-page`, `driver-onnx`, `hash-unchecked`, `photo-several-faces`,
     * `photo-coarse-landmarks`, `photo-rotated`.
     */
    code:
        | "backend-wasm"
        | "networks-on-page"
        | "driver-onnx"
        | "hash-unchecked"
        | "cache-full"
        | "photo-several-faces"
        | "photo-coarse-landmarks"
        | "photo-rotated";
    /** What happened and why, one or two sentences. */
    message: string;
}

/** Called once per notice. */
export type NoticeListener = (notice: IRuntimeNotice) => void;
