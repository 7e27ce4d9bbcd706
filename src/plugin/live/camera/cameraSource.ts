/**
 * A webcam drives a face: head, gaze, lids and the 52 expressions, from landmarks and our own fit in a worker. The page
 * takes pictures, smooths what comes back, and is never held up.
 */
import { Observable } from "@babylonjs/core/Misc/observable.js";
import { FlexAvatarError } from "../../../flame/error.js";
import { ArkitNames } from "../../../flame/expression.js";
import { MediaPipeLandmarkCount } from "../../../flame/headModel.js";
import { CameraResult, CameraStates, OwnTime } from "../../../runtime/camera/cameraResult.js";
import type { CameraPicture, ICameraPictures, ICameraRunner } from "../../../runtime/camera/cameraRunner.js";
import { OneEuroFilter, OneEuroTurn } from "../../../runtime/camera/oneEuro.js";
import { JoinUrl } from "../../../runtime/models/assetStore.js";
import { FindComponent } from "../../flexAvatarComponent.js";
import { JointIndex, type IFaceFrame, type IFaceHost, type IFaceSource, type ISavedSource } from "../faceSource.js";
import { PlainSettings } from "../savedSource.js";
import type { CameraState, ICameraLatency, ICameraSourceOptions } from "./cameraOptions.js";
import { CameraVideo, OpenCameraAsync } from "./cameraVideo.js";

/** Cutoffs at rest and per unit of speed (hertz), of weights and of the turn, at smoothing 1. Ours, by films. */
const WeightSmoothing = { minCutoff: 2.5, beta: 4 };
const TurnSmoothing = { minCutoff: 1.8, beta: 6 };
/** Drawn frames between two of the camera's go this far towards the newest: seconds of the exponential. */
const BetweenS = 0.012;
/** A lost face keeps what it did for so long, and then lets go over so long. */
const [KeepS, RelaxS] = [0.25, 0.7];
/** A found face takes over in so long. */
const ReturnS = 0.3;
/** A longer stop of the page counts as so long. */
const MostPassedS = 0.25;
/** A video without pixels for so long is told. */
const EmptyMs = 3000;
/** A worker that reads pictures itself is told when they are taken until it has answered so many. */
const PicturesTold = 30;
const Neck = JointIndex("neck");

/**
 * One camera and the one person before it. Put it on as many avatars as you like.
 * @example
 * const source = await CameraSource.OpenAsync();
 * avatar.addSource(source);
 */
export class CameraSource implements IFaceSource {
    public readonly name: string;
    /** Whether the avatar moves as in a mirror. May be changed at any time. */
    public mirror: boolean;
    /** Notified when {@link state} changes. */
    public readonly onStateObservable = new Observable<CameraState>();
    /** Milliseconds of the last frame's way. The same object always. */
    public readonly latency: Readonly<ICameraLatency>;
    /**
     * Where the head is from where it rests, in meters: to the person's left, up, and towards the camera. Overwritten.
     */
    public readonly move = new Float32Array(3);
    private readonly _latency: ICameraLatency = { captureMs: 0, inferenceMs: 0, fitMs: 0, waitMs: 0 };
    private readonly _video: CameraVideo;
    private readonly _options: ICameraSourceOptions;
    private readonly _abort = new AbortController();
    private readonly _hosts: IFaceHost[] = [];
    private readonly _told = new Map<string, string>();
    private readonly _cleanups: (() => void)[] = [];
    private readonly _raw = new Float64Array(ArkitNames.length);
    private readonly _filter: OneEuroFilter;
    private readonly _turn: OneEuroTurn;
    /** Index among the head model's expressions of each ARKit name; -1 where it has none. */
    private _order = new Int32Array(0);
    private _runner: ICameraRunner | null = null;
    /** Where the runner reads pictures itself. */
    private _pictures: ICameraPictures | null = null;
    private _picturesRead = 0;
    private _state: CameraState = "waiting";
    private _learned = false;
    private _takenMs = NaN;
    private _frameMs = NaN;
    private _sentMs = 0;
    private _resultMs = NaN;
    private _seenMs = NaN;
    private _emptySinceMs = NaN;
    private _presence = 0;
    private _relaxedMs = 0;

    /**
     * Waits for its first avatar, then loads the networks and starts.
     * @param camera a video element that plays, or a stream; borrowed
     * @throws FlexAvatarError `invalid-argument`
     */
    public constructor(camera: HTMLVideoElement | MediaStream, options: ICameraSourceOptions = {}) {
        this.name = options.name ?? "camera";
        this.mirror = options.mirror ?? false;
        this.latency = this._latency;
        this._options = options;
        const smoothing = options.smoothing ?? 1;
        if (!(smoothing >= 0)) {
            throw new FlexAvatarError(
                "invalid-argument",
                `CameraSource got a smoothing of ${smoothing}, wanted 0 or more.`,
            );
        }
        this._filter = new OneEuroFilter(ArkitNames.length, Scaled(WeightSmoothing, smoothing));
        this._turn = new OneEuroTurn(Scaled(TurnSmoothing, smoothing));
        this._video = new CameraVideo(
            camera,
            (takenMs) => this._onFrame(takenMs),
            (reason) => this._onEnd(reason),
        );
        document.addEventListener("visibilitychange", this._onVisibility);
    }

    /**
     * Asks the user for a camera and makes a source of it; disposing the source stops the camera.
     * @param options may name a camera by `constraints`; default: 640 × 480 at 30 fps, the front one
     * @throws FlexAvatarError `camera-refused`, `camera-missing`, `camera-busy`
     */
    public static async OpenAsync(
        options: ICameraSourceOptions & { constraints?: MediaTrackConstraints } = {},
    ): Promise<CameraSource> {
        const stream = await OpenCameraAsync(options.constraints);
        const source = new CameraSource(stream, options);
        source._cleanups.push(() => stream.getTracks().forEach((track) => track.stop()));
        return source;
    }

    /** See {@link IFaceSource}. The camera is not kept. */
    public save(): ISavedSource {
        return { kind: "camera", settings: { ...PlainSettings(this._options), name: this.name, mirror: this.mirror } };
    }

    /** What it is doing. */
    public get state(): CameraState {
        return this._state;
    }

    /** The video that it looks at: the given one, or the one made for a stream. */
    public get video(): HTMLVideoElement {
        return this._video.element;
    }

    /** Learns the person's rest again, from the next second. The face relaxes meanwhile. Look straight and be calm. */
    public calibrate(): void {
        this._learned = false;
        this._runner?.calibrate();
    }

    /** Called when it is put on an avatar. */
    public attach(host: IFaceHost): void {
        this._hosts.push(host);
        this._told.forEach((message, code) => host.notify(code, message));
        if (this._state === "waiting") {
            this._order = Int32Array.from(ArkitNames, (name) => host.head.expressions.indexOf(name));
            this._setState("starting");
            void this._startAsync(host);
        }
    }

    /** Called when it is taken off. It goes on looking, until it is disposed. */
    public detach(host: IFaceHost): void {
        const index = this._hosts.indexOf(host);
        if (index >= 0) {
            this._hosts.splice(index, 1);
        }
    }

    /** Says what the last frame of the camera showed. */
    public readFrame(frame: IFaceFrame, _timeS: number, deltaS: number): boolean {
        this._relax(performance.now());
        if (this._presence === 0) {
            return false;
        }
        const share = deltaS > 0 ? 1 - Math.exp(-deltaS / BetweenS) : 1;
        this._writeWeights(frame, share);
        this._writeTurn(frame, share);
        frame.sampledAtMs = this._takenMs;
        return true;
    }

    /** Ends worker and listening. A camera opened by {@link OpenAsync} is switched off. May be called twice. */
    public dispose(): void {
        this._abort.abort();
        this._video.dispose();
        this._runner?.dispose();
        this._runner = this._pictures = null;
        document.removeEventListener("visibilitychange", this._onVisibility);
        this._cleanups.splice(0).forEach((cleanup) => cleanup());
        this.onStateObservable.clear();
        if (this._state !== "failed") {
            this._state = "ended";
        }
    }

    private async _startAsync({ head, node }: IFaceHost): Promise<void> {
        try {
            const options = FindComponent(node.getScene())?.options;
            const { StartCameraAsync } = await import("../../../runtime/camera/cameraRunner.js");
            const runner = await StartCameraAsync({
                head,
                modelsUrl: this._options.modelsUrl ?? options?.modelsUrl ?? JoinUrl("flexavatar", "models/"),
                runtimeUrls: this._options.runtimeUrls ?? options?.runtimeUrls ?? JoinUrl("flexavatar", "runtime/"),
                focal: 0.5 / Math.tan(((this._options.fieldOfView ?? 42) * Math.PI) / 360),
                calibrationS: this._options.calibrationS,
                givenLandmarks: this._options.landmarker !== undefined,
                signal: this._abort.signal,
                startWorker: this._options._startWorker,
                onResult: (result) => this._onResult(result),
                onFailure: (message) => this._fail(message),
                onPage: (reason) =>
                    this._notify(
                        "camera-on-page",
                        `The camera is followed on the page's own thread and takes time from its frames, because ${reason}.`,
                    ),
            });
            if (this._abort.signal.aborted) {
                runner.dispose();
                return;
            }
            this._runner = runner;
            this._readPictures(runner);
            this._emptySinceMs = performance.now();
            if (this._state === "starting") {
                this._setState("calibrating");
            }
        } catch (error) {
            if (!this._abort.signal.aborted) {
                const advice = error instanceof FlexAvatarError ? ` ${error.advice}` : "";
                this._fail((error instanceof Error ? error.message : String(error)) + advice);
            }
        }
    }

    /** Lets the runner read pictures itself, where browser and runner can, and networks find the landmarks. */
    private _readPictures({ pictures }: ICameraRunner): void {
        const stream = pictures && !this._options.landmarker && this._video.openPictures();
        if (stream) {
            pictures.read(stream);
            this._pictures = pictures;
        }
    }

    /** A new picture: handed over, or dropped while the last one is under way. */
    private _onFrame(takenMs: number): void {
        if (this._pictures) {
            this._tellTaken(this._pictures, takenMs);
            return;
        }
        const runner = this._runner;
        if (!runner || runner.busy || this._state === "ended" || this._state === "failed" || !this._video.hasPicture) {
            return;
        }
        const now = performance.now();
        this._emptySinceMs = NaN;
        this._sentMs = now;
        this._frameMs = Number.isNaN(takenMs) ? now : takenMs;
        try {
            if (this._options.landmarker) {
                this._ask(runner, now);
            } else {
                this._send(runner);
            }
        } catch (error) {
            this._fail(error instanceof Error ? error.message : String(error));
        }
    }

    /** Only the page is told when a picture was taken; the first do for all. */
    private _tellTaken(pictures: ICameraPictures, takenMs: number): void {
        if (Number.isNaN(takenMs) || this._picturesRead > PicturesTold) {
            this._video.rest();
        } else {
            pictures.taken(takenMs);
        }
    }

    private _send(runner: ICameraRunner): void {
        const timeMs = this._frameMs;
        if (typeof VideoFrame !== "undefined") {
            runner.follow(new VideoFrame(this._video.element), timeMs);
            return;
        }
        createImageBitmap(this._video.element).then(
            (bitmap: CameraPicture) =>
                runner.busy || this._runner !== runner ? bitmap.close() : runner.follow(bitmap, timeMs),
            () => undefined, // the video lost its picture: the next frame tells
        );
    }

    /** The user's landmarker, on the page. */
    private _ask(runner: ICameraRunner, now: number): void {
        const { videoWidth, videoHeight } = this._video.element;
        const [face] = this._options.landmarker!.detectForVideo(this._video.element, now).faceLandmarks;
        const seen = face !== undefined && face.length >= MediaPipeLandmarkCount;
        for (let i = 0; i < MediaPipeLandmarkCount && seen; i++) {
            runner.landmarks[2 * i] = 0.5 + ((face[i].x - 0.5) * videoWidth) / videoHeight;
            runner.landmarks[2 * i + 1] = face[i].y;
        }
        runner.take(seen, this._frameMs);
    }

    private _onResult(result: Float64Array): void {
        if (this._state === "ended" || this._state === "failed") {
            return;
        }
        if (this._pictures) {
            this._frameMs = OwnTime(result[CameraResult.TakenMs]);
            this._sentMs = OwnTime(result[CameraResult.BeganMs]);
            this._emptySinceMs = NaN;
            this._picturesRead++;
        }
        const now = performance.now();
        const { _latency: latency } = this;
        latency.captureMs = this._sentMs - this._frameMs;
        latency.inferenceMs = result[CameraResult.InferenceMs];
        latency.fitMs = result[CameraResult.FitMs];
        latency.waitMs = Math.max(0, now - this._sentMs - latency.inferenceMs - latency.fitMs);
        const state = result[CameraResult.State];
        if (state === CameraStates.Lost) {
            this._setState("lost");
            return;
        }
        this._learned = state === CameraStates.Following;
        this._setState(this._learned ? "following" : "calibrating");
        if (!this._learned) {
            return;
        }
        const deltaS = (this._frameMs - this._resultMs) / 1000;
        if (!(now - this._seenMs < 1000 * KeepS)) {
            this._filter.reset();
            this._turn.reset();
        }
        for (let i = 0; i < this._raw.length; i++) {
            this._raw[i] = this._order[i] < 0 ? 0 : result[CameraResult.Expression + this._order[i]];
        }
        this._filter.update(this._raw, deltaS);
        for (let i = 0; i < 4; i++) {
            Turn[i] = result[CameraResult.Turn + i];
        }
        this._turn.update(Turn, deltaS);
        for (let axis = 0; axis < 3; axis++) {
            this.move[axis] = result[CameraResult.Move + axis];
        }
        this._resultMs = this._takenMs = this._frameMs;
        this._seenMs = now;
    }

    /** How much of the face is the camera's: falls while nobody is seen, rises again. */
    private _relax(now: number): void {
        const passedS = this._relaxedMs > 0 ? Math.min((now - this._relaxedMs) / 1000, MostPassedS) : 0;
        this._relaxedMs = now;
        const seen = this._learned && now - this._seenMs < 1000 * KeepS;
        const change = seen ? passedS / ReturnS : -passedS / RelaxS;
        this._presence = Math.min(Math.max(this._presence + change, 0), 1);
        if (now - this._emptySinceMs > EmptyMs && this._state !== "ended" && this._state !== "failed") {
            this._emptySinceMs = NaN;
            this._notify(
                "camera-empty",
                "The camera's video shows no picture: it does not play, or has no size. Call play() on a video element that is given.",
            );
        }
    }

    private _writeWeights(frame: IFaceFrame, share: number): void {
        const { values } = this._filter;
        for (let i = 0; i < values.length; i++) {
            const from = this.mirror ? MirrorOrder[i] : i;
            const fresh = frame.says[i] === 0; // nothing of this face was said before
            frame.weights[i] += (fresh ? 1 : share) * (values[from] - frame.weights[i]);
            frame.says[i] = this._order[from] < 0 ? 0 : Eased(this._presence);
        }
    }

    private _writeTurn(frame: IFaceFrame, share: number): void {
        const { value } = this._turn;
        const side = this.mirror ? -1 : 1;
        const at = 4 * Neck;
        const fresh = frame.saysTurns[Neck] === 0;
        // Mirrored at the plane between left and right, turns about y and z change their sense.
        Target[0] = value[0];
        Target[1] = side * value[1];
        Target[2] = side * value[2];
        Target[3] = value[3];
        let dot = 0;
        for (let k = 0; k < 4; k++) {
            dot += frame.turns[at + k] * Target[k];
        }
        const sign = dot < 0 ? -1 : 1;
        let squared = 0;
        for (let k = 0; k < 4; k++) {
            const from = fresh ? Target[k] : frame.turns[at + k];
            Target[k] = from + share * ((fresh ? 1 : sign) * Target[k] - from);
            squared += Target[k] * Target[k];
        }
        const scale = 1 / Math.sqrt(squared);
        for (let k = 0; k < 4; k++) {
            frame.turns[at + k] = scale * Target[k];
        }
        frame.saysTurns[Neck] = Eased(this._presence);
    }

    private _onEnd(reason: string): void {
        if (this._state !== "failed" && this._state !== "ended") {
            this._setState("ended");
            this._learned = false;
            this._notify(
                "camera-ended",
                `The camera gives no more pictures: ${reason}. Make a new source when it is back.`,
            );
        }
    }

    private _fail(message: string): void {
        if (this._state === "failed") {
            return;
        }
        this._setState("failed");
        this._learned = false;
        this._runner?.dispose();
        this._runner = this._pictures = null;
        this._notify("camera-failed", `The camera is followed no more: ${message}`);
    }

    private readonly _onVisibility = (): void => {
        this._pictures?.look(document.visibilityState !== "hidden");
        if (document.visibilityState === "hidden" && this._runner) {
            this._notify(
                "camera-hidden",
                "The page is hidden, so the browser shows it no pictures of the camera. The face goes on when the page is back.",
            );
        }
        this._emptySinceMs = NaN;
    };

    private _setState(state: CameraState): void {
        if (state !== this._state) {
            this._state = state;
            this.onStateObservable.notifyObservers(state);
        }
    }

    /** Tells all avatars, those of now and those that come. */
    private _notify(code: string, message: string): void {
        if (!this._told.has(code)) {
            this._told.set(code, message);
            this._hosts.forEach((host) => host.notify(code, message));
        }
    }
}

const Turn = new Float64Array(4); // scratch of _onResult: the newest turn
const Target = new Float64Array(4); // scratch of _writeTurn: where the neck goes

/** Where the weight of the other side is, by ARKit's order. */
const MirrorOrder = Int32Array.from(ArkitNames, (name, index) => {
    const other = name.endsWith("Left") ? name.replace(/Left$/, "Right") : name.replace(/Right$/, "Left");
    const found = (ArkitNames as readonly string[]).indexOf(other);
    return found < 0 ? index : found;
});

function Scaled({ minCutoff, beta }: { minCutoff: number; beta: number }, smoothing: number): typeof WeightSmoothing {
    const most = 1e9; // lets all through
    return {
        minCutoff: smoothing === 0 ? most : minCutoff / smoothing,
        beta: smoothing === 0 ? most : beta / smoothing,
    };
}

/** Starts and ends slowly. */
function Eased(x: number): number {
    return x * x * (3 - 2 * x);
}
