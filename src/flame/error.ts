/**
 * The one error class of the library. It lives in the lowest layer so that every layer can throw it;
 * each code, with its meaning, is listed in docs/errors.md.
 */

/** Stable codes of {@link FlexAvatarError}: branch on these, never on the text. */
export type FlexAvatarErrorCode =
    | "photo-count"
    | "photo-unreadable"
    | "photo-no-face"
    | "photo-too-small"
    | "photo-too-large"
    | "models-missing"
    | "models-hash"
    | "models-mismatch"
    | "splats-no-head"
    | "policy-refused"
    | "webgpu-missing"
    | "wasm-simd-missing"
    | "aborted"
    | "disposed"
    | "file-missing"
    | "file-format"
    | "pickle-refused"
    | "clip-empty"
    | "refine-failed"
    | "fill-failed"
    | "microphone-refused"
    | "microphone-missing"
    | "sound-unreadable"
    | "camera-refused"
    | "camera-missing"
    | "camera-busy"
    | "camera-failed"
    | "too-many-avatars"
    | "invalid-argument";

/** What most callers can do about each code, when the thrower knows nothing better. */
const DefaultAdvice: Readonly<Record<FlexAvatarErrorCode, string>> = Object.freeze({
    "photo-count": "Pass one to four photos of the same person.",
    "photo-unreadable": "Pass a JPEG, PNG or WebP image that the browser can open.",
    "photo-no-face": "Use a photo in which one face is well lit and not covered.",
    "photo-too-small": "Use a photo in which the face is larger.",
    "photo-too-large": "Scale the photo down before passing it.",
    "models-missing": "Check the address of models.json and that its folder is served.",
    "models-hash": "Fetch the model files again; they differ from what models.json lists.",
    "models-mismatch": "Use the networks together with the head model they were trained for.",
    "splats-no-head": "Tell where the neck is: the setting neck of loadSplatsAsync.",
    "policy-refused":
        "Allow what the message names in the page's Content-Security-Policy; docs/hosting.md lists all that is needed.",
    "webgpu-missing": "Use a browser with WebGPU and create the scene on a WebGPUEngine.",
    "wasm-simd-missing": "Use a browser with WebAssembly SIMD, or one with WebGPU.",
    aborted: "Nothing is left to do; the scene is as it was before the call.",
    disposed: "Create a new one; what is disposed cannot be used again.",
    "file-missing": "Check the address, and that the file is there.",
    "file-format": "Check that the file is complete and of the expected kind and version.",
    "pickle-refused":
        "Pass the file as its authors published it; a pickle that asks for more than numbers is not opened.",
    "clip-empty": "Check the track names of the clip, or pass aliases for them.",
    "refine-failed": "Use photos that show the face well; the avatar stays as it was.",
    "fill-failed": "Leave memory free on small devices, or try other photos; the avatar stays as it was.",
    "microphone-refused":
        "Ask again from a click, on https, and tell the visitor where the browser keeps the permission; the avatar goes on.",
    "microphone-missing":
        "Plug a microphone in, or close the program that holds it, and try again; the avatar goes on.",
    "sound-unreadable": "Pass a whole file of a kind that the browser plays: WAV, MP3, AAC, Ogg or WebM.",
    "camera-refused": "Ask the user to allow the camera for this page, and serve it over HTTPS or from localhost.",
    "camera-missing": "Connect a camera, or ask for one that this machine has.",
    "camera-busy": "Close other programs that use the camera, or connect it again.",
    "camera-failed": "Make a new source; the avatar goes on without it.",
    "too-many-avatars":
        "Dispose avatars that are not needed, or create the engine with GetFlexAvatarEngineOptions, which asks for all that the GPU offers.",
    "invalid-argument": "Correct the argument named in the message.",
});

/** What {@link FlexAvatarError} may be given besides code and message. */
export interface IFlexAvatarErrorDetails {
    /** What to do about it, one sentence. Default: a general sentence for the code. */
    advice?: string;
    /** The error underneath, if any. */
    cause?: unknown;
    /** Which of several photos it is about, from 0. */
    photo?: number;
}

/**
 * An error that says what to do. The message says who complains, what came and what was wanted; `advice` says what to
 * do; `code` is stable across releases.
 */
export class FlexAvatarError extends Error {
    /** Stable code, listed in docs/errors.md. */
    public readonly code: FlexAvatarErrorCode;
    /** What the caller can do about it. */
    public readonly advice: string;
    /** The error underneath, or undefined. */
    public override readonly cause: unknown;
    /** Which of the photos that were passed it is about, from 0; undefined for all else. */
    public readonly photo: number | undefined;

    /**
     * @param code stable code
     * @param message who, what came, what was wanted
     * @param details advice that fits better than the general one, and the cause
     */
    public constructor(code: FlexAvatarErrorCode, message: string, details: IFlexAvatarErrorDetails = {}) {
        super(message);
        this.name = "FlexAvatarError";
        this.code = code;
        this.advice = details.advice ?? DefaultAdvice[code];
        this.cause = details.cause;
        this.photo = details.photo;
    }
}

/**
 * Throws a {@link FlexAvatarError} with code `aborted` if `signal` was aborted; else does nothing.
 * @param signal the caller's signal, or undefined
 * @param what the work that would stop, for the message, as in "loading the head model"
 */
export function ThrowIfAborted(signal: AbortSignal | undefined, what: string): void {
    if (signal?.aborted) {
        throw new FlexAvatarError("aborted", `Aborted while ${what}.`, { cause: signal.reason });
    }
}
