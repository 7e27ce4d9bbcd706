/** The video behind a source: opened, played, and heard when it ends. */
import { FlexAvatarError, type FlexAvatarErrorCode } from "../../../flame/error.js";

const Codes: Readonly<Record<string, FlexAvatarErrorCode>> = {
    NotAllowedError: "camera-refused",
    SecurityError: "camera-refused",
    NotFoundError: "camera-missing",
    OverconstrainedError: "camera-missing",
    NotReadableError: "camera-busy",
    AbortError: "camera-busy",
};
const Whats: Partial<Record<FlexAvatarErrorCode, string>> = {
    "camera-refused": "The page may not use the camera",
    "camera-missing": "There is no such camera",
    "camera-busy": "The camera does not start",
};

/**
 * Asks the user for a camera.
 * @param constraints default: 640 × 480 at 30 fps, the front camera
 * @throws FlexAvatarError `camera-refused`, `camera-missing`, `camera-busy`
 */
export async function OpenCameraAsync(constraints?: MediaTrackConstraints): Promise<MediaStream> {
    const devices = (globalThis.navigator as Partial<Navigator> | undefined)?.mediaDevices;
    if (!devices) {
        throw new FlexAvatarError("camera-refused", "This page has no access to cameras (navigator.mediaDevices).");
    }
    try {
        return await devices.getUserMedia({
            audio: false,
            video: constraints ?? { width: 640, height: 480, frameRate: 30, facingMode: "user" },
        });
    } catch (error) {
        const name = error instanceof Error ? error.name : "";
        const code = Codes[name] ?? "camera-busy";
        throw new FlexAvatarError(code, `${Whats[code]}: ${error instanceof Error ? error.message : String(error)}`, {
            cause: error,
        });
    }
}

/** Gives a track's pictures one by one. Browsers that have it in workers only are not asked. */
declare class MediaStreamTrackProcessor {
    public constructor(init: { track: MediaStreamTrack });
    public readonly readable: ReadableStream<VideoFrame>;
}

/** A video element with its stream, ours or the user's. */
export class CameraVideo {
    public readonly element: HTMLVideoElement;
    private readonly _owned: boolean;
    private readonly _tracks: readonly MediaStreamTrack[];
    private _request = 0;

    /**
     * @param source a video element, borrowed, or a stream, for which a video is made; the stream is borrowed too
     * @param _onFrame told each new picture, and when it was taken in milliseconds of `performance.now()`, NaN where
     * that is not known
     * @param _onEnd told why no more will come
     * @throws FlexAvatarError `invalid-argument` if it is neither, or a stream without pictures
     */
    public constructor(
        source: HTMLVideoElement | MediaStream,
        private readonly _onFrame: (takenMs: number) => void,
        private readonly _onEnd: (reason: string) => void,
    ) {
        if (source instanceof MediaStream) {
            if (source.getVideoTracks().length === 0) {
                throw new FlexAvatarError("invalid-argument", "CameraSource got a stream without a video track.");
            }
            this.element = document.createElement("video");
            this.element.muted = true;
            this.element.playsInline = true;
            this.element.srcObject = source;
            this._owned = true;
        } else if (source instanceof HTMLVideoElement) {
            this.element = source;
            this._owned = false;
        } else {
            throw new FlexAvatarError("invalid-argument", "CameraSource takes a video element or a MediaStream.");
        }
        const { srcObject } = this.element;
        this._tracks = srcObject instanceof MediaStream ? srcObject.getVideoTracks() : [];
        this._tracks.forEach((track) => track.addEventListener("ended", this._onTrackEnd));
        this.element.addEventListener("ended", this._onVideoEnd);
        if (this._owned) {
            // What does not play shows no frame, which the source tells.
            this.element.play().catch(() => undefined);
        }
        if (this._tracks.length > 0 && this._tracks.every((track) => track.readyState === "ended")) {
            queueMicrotask(this._onTrackEnd);
        }
        this._wait();
    }

    /** Whether there are pixels. */
    public get hasPicture(): boolean {
        const { videoWidth, videoHeight, readyState } = this.element;
        return videoWidth > 0 && videoHeight > 0 && readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
    }

    /**
     * The pictures themselves, which a worker may read without the page. A video element that was given shows what its
     * owner plays, and has none.
     * @returns null where the browser has no such stream; a new one with each call
     */
    public openPictures(): ReadableStream<VideoFrame> | null {
        return this._owned && typeof MediaStreamTrackProcessor !== "undefined"
            ? new MediaStreamTrackProcessor({ track: this._tracks[0] }).readable
            : null;
    }

    /** Tells of no more pictures, but still of the end. */
    public rest(): void {
        this.element.cancelVideoFrameCallback(this._request);
    }

    /** Stops listening. The stream goes on: whoever opened it stops its tracks. */
    public dispose(): void {
        this.rest();
        this._tracks.forEach((track) => track.removeEventListener("ended", this._onTrackEnd));
        this.element.removeEventListener("ended", this._onVideoEnd);
        if (this._owned) {
            this.element.pause();
            this.element.srcObject = null;
        }
    }

    private readonly _onTrackEnd = (): void => this._onEnd("its track ended; the camera may be unplugged");
    private readonly _onVideoEnd = (): void => this._onEnd("the video ended");

    private _wait(): void {
        this._request = this.element.requestVideoFrameCallback(this._onVideoFrame);
    }

    private readonly _onVideoFrame = (_now: number, { captureTime }: VideoFrameCallbackMetadata): void => {
        this._wait();
        this._onFrame(captureTime ?? NaN);
    };
}
