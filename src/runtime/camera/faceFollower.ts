/**
 * Follows one face through the frames of a camera: landmarks, calibration, fit, motion. With our networks the motion
 * network tells expressions and most of the turn, and the fit says who it is, where the head is, and the rest of the
 * turn; with landmarks of somebody else the fit tells all. Runs in the camera's worker, or on the page where there is
 * none.
 */
import type { HeadModel } from "../../flame/headModel.js";
import { MediaPipeLandmarkCount } from "../../flame/headModel.js";
import { MultiplyRotations, QuaternionOfRotation } from "../../flame/rotation.js";
import { Calibrate, type ICalibration } from "./calibration.js";
import { CameraResult, CameraStates } from "./cameraResult.js";
import { BetweenTurns, FaceMotion, type IRestFrame } from "./faceMotion.js";
import { DefaultTracking, FaceTracker, type ITrackerSettings } from "./faceTracker.js";
import { LandmarkFollower, type ICameraFrame, type ILandmarkNetworks } from "./landmarkFollower.js";
import { ViewOfSquare } from "./viewOfSquare.js";

/** Settings of a follower. */
export interface IFollowSettings {
    /** Focal length in heights of the frame. Default 1.3. */
    focal?: number;
    /** Seconds of frames from which the rest is learned. Default 1. */
    calibrationS?: number;
}

/** However slow the frames come, calibration takes as many. */
const LeastFrames = 6;
/** More are no surer. */
const MostFrames = 40;
const Turn = new Float64Array(9); // scratch of write: turn from rest
const Transposed = new Float64Array(9); // scratch of write
const Quaternion = new Float64Array(4); // scratch of write
const Moved = new Float64Array(4); // scratch of write: turn by the motion network

/** One face. Not for two frames at once. */
export class FaceFollower {
    private readonly _settings: ITrackerSettings;
    private readonly _calibrationMs: number;
    private readonly _landmarks: LandmarkFollower | null;
    private readonly _seen = new Float32Array(2 * MediaPipeLandmarkCount);
    private _calibration: ICalibration | null = null;
    private _tracker: FaceTracker | null = null;
    private _motion: FaceMotion | null = null;
    private _frames: Float32Array[] = [];
    /** As many, with our networks. */
    private _felt: IRestFrame[] = [];
    private _sinceMs = NaN;

    /**
     * @param _model the head model
     * @param _networks borrowed; null where landmarks are given
     */
    public constructor(
        private readonly _model: HeadModel,
        private readonly _networks: ILandmarkNetworks | null,
        { focal = DefaultTracking.focal, calibrationS = 1 }: IFollowSettings = {},
    ) {
        this._settings = { ...DefaultTracking, focal };
        this._calibrationMs = 1000 * calibrationS;
        this._landmarks = _networks && new LandmarkFollower(_networks);
    }

    /** Forgets who it is and how they rest; learns it again from the next frames. */
    public calibrate(): void {
        this._calibration = null;
        this._tracker = null;
        this._motion = null;
        this._frames = [];
        this._felt = [];
        this._sinceMs = NaN;
    }

    /**
     * Looks at the next frame.
     * @param timeMs when it was taken
     * @param into receives the result
     * @param pauseAsync waited for between networks and fit, where others want to work
     */
    public async followAsync(
        frame: ICameraFrame,
        timeMs: number,
        into: Float64Array,
        pauseAsync?: () => Promise<void>,
    ): Promise<void> {
        const start = performance.now();
        const found = await this._landmarks!.followAsync(frame);
        if (found) {
            const { landmarks, features, square } = this._landmarks!;
            await this._motion?.followAsync(features, square, frame, this._settings.focal);
            for (let i = 0; i < MediaPipeLandmarkCount; i++) {
                this._seen[2 * i] = 0.5 + (landmarks[3 * i] - frame.width / 2) / frame.height;
                this._seen[2 * i + 1] = landmarks[3 * i + 1] / frame.height;
            }
        }
        into[CameraResult.InferenceMs] = performance.now() - start;
        if (pauseAsync) {
            await pauseAsync();
        }
        if (found && !this._calibration) {
            this._feel(frame);
        }
        this._fit(found, timeMs, into);
    }

    /**
     * Takes the landmarks of the next frame from somebody else.
     * @param landmarks [478,2] around the frame's middle, in its heights, 0.5 the middle; null without a face
     */
    public take(landmarks: Float32Array | null, timeMs: number, into: Float64Array): void {
        into[CameraResult.InferenceMs] = 0;
        if (landmarks) {
            this._seen.set(landmarks);
        }
        this._fit(landmarks !== null, timeMs, into);
    }

    /** Keeps what the network felt, beside the frame that {@link _learn} keeps. */
    private _feel(frame: ICameraFrame): void {
        if (this._frames.length < MostFrames) {
            const { features, square } = this._landmarks!;
            const view = new Float64Array(9);
            ViewOfSquare(square, frame, this._settings.focal, view);
            this._felt.push({ features: features.slice(), view });
        }
    }

    private _fit(found: boolean, timeMs: number, into: Float64Array): void {
        const start = performance.now();
        into[CameraResult.Calibrated] = this._calibration ? 1 : 0;
        if (!found) {
            this._tracker?.reset();
            into[CameraResult.State] = CameraStates.Lost;
        } else if (this._calibration) {
            this._tracker!.follow(this._seen);
            into[CameraResult.State] = CameraStates.Following;
            this._write(this._calibration, this._tracker!, into);
        } else {
            into[CameraResult.State] = CameraStates.Calibrating;
            into[CameraResult.Calibrated] = this._learn(timeMs);
        }
        into[CameraResult.FitMs] = performance.now() - start;
    }

    /** Keeps a frame; calibrates once there are enough. */
    private _learn(timeMs: number): number {
        if (Number.isNaN(this._sinceMs)) {
            this._sinceMs = timeMs;
        }
        if (this._frames.length < MostFrames) {
            this._frames.push(this._seen.slice());
        }
        const [passed, count] = [timeMs - this._sinceMs, this._frames.length];
        if (passed < this._calibrationMs || count < LeastFrames) {
            return Math.min(0.99, passed / this._calibrationMs, count / LeastFrames);
        }
        this._calibration = Calibrate(this._model, this._frames, this._settings);
        this._tracker = new FaceTracker(this._calibration.basis, this._model.expressions, this._settings);
        if (this._networks && this._felt.length === count) {
            const { rest, restFrames } = this._calibration;
            this._motion = new FaceMotion(
                this._networks,
                restFrames.map((i) => this._felt[i]),
                rest,
            );
        }
        this._frames = [];
        this._felt = [];
        return 1;
    }

    private _write({ rest, place }: ICalibration, tracker: FaceTracker, into: Float64Array): void {
        const { rotation, translation } = tracker.camera;
        for (let row = 0; row < 3; row++) {
            let move = 0;
            for (let column = 0; column < 3; column++) {
                Transposed[3 * row + column] = rest[3 * column + row];
                move += rest[3 * column + row] * (translation[column] - place[column]);
            }
            into[CameraResult.Move + row] = move;
        }
        MultiplyRotations(Transposed, rotation, Turn);
        QuaternionOfRotation(Turn, Quaternion);
        if (this._motion) {
            QuaternionOfRotation(this._motion.turn, Moved);
            BetweenTurns(Moved, Quaternion, Quaternion);
        }
        into.set(Quaternion, CameraResult.Turn);
        into.set(this._motion?.expression ?? tracker.expression, CameraResult.Expression);
    }
}
