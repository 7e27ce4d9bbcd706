/** What is known of one frame of a camera, as numbers in one buffer that page and worker hand back and forth. */

/** Where each number stands. Times in milliseconds. */
export const CameraResult = Object.freeze({
    /** {@link CameraStates}. */
    State: 0,
    /** 0 to 1: how much of the calibration is done. */
    Calibrated: 1,
    /** Preparing the picture and running the networks. */
    InferenceMs: 2,
    /** The fit. */
    FitMs: 3,
    /** Of a picture that the worker read itself: when it was taken ({@link CommonTime}). */
    TakenMs: 4,
    /** And when work on it began. */
    BeganMs: 5,
    /** [4] turn of the head from rest, unit quaternion x, y, z, w, canonical axes. */
    Turn: 6,
    /** [3] where the head's origin is from where it rests, meters, axes of the head at rest. */
    Move: 10,
    /** [E] expressions in the head model's order, 0..1. */
    Expression: 13,
});

/** What a frame showed. */
export const CameraStates = Object.freeze({
    /** No face. */
    Lost: 0,
    /** A face whose rest is being learned. */
    Calibrating: 1,
    /** A face: turn and expressions are known. */
    Following: 2,
});

/** A buffer for results. @param expressionCount E */
export function CreateCameraResult(expressionCount: number): Float64Array<ArrayBuffer> {
    return new Float64Array(CameraResult.Expression + expressionCount);
}

/** Page and worker have clocks of their own, and this time, milliseconds since 1970, in common. */
const Origin = performance.timeOrigin;

/** The common time. @param ms of this side's `performance.now()` */
export function CommonTime(ms: number): number {
    return Origin + ms;
}

/** Back from it. */
export function OwnTime(ms: number): number {
    return ms - Origin;
}
