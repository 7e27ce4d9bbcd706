/**
 * What page and camera worker say to each other. One frame is under way at a time. Times that both have are
 * milliseconds since 1970, as each has a clock of its own otherwise ({@link CommonTime}).
 */
import type { HeadModel } from "../../../flame/headModel.js";
import type { IFollowSettings } from "../faceFollower.js";
import type { ICameraFiles } from "../cameraFiles.js";

/** What the worker is told. */
export type CameraRequest =
    /** Before all. `files` null: landmarks are given. */
    | { kind: "start"; head: HeadModel; files: ICameraFiles | null; settings: IFollowSettings }
    /** Looks at a frame, closes it, and fills `result`. */
    | { kind: "frame"; frame: VideoFrame | ImageBitmap; timeMs: number; result: Float32Array }
    /** Looks at the newest of these from now on, and answers each with `result`. */
    | { kind: "pictures"; pictures: ReadableStream<VideoFrame>; resultLength: number }
    /** When one of the pictures was taken: only the page is told. */
    | { kind: "taken"; atMs: number }
    /** Whether pictures are looked at; they are passed over while nobody sees the face. */
    | { kind: "look"; wanted: boolean }
    /** Takes landmarks in place of a frame; `seen` false: there is no face. Both arrays come back. */
    | { kind: "landmarks"; landmarks: Float32Array; seen: boolean; timeMs: number; result: Float32Array }
    /** Learns the person's rest again. */
    | { kind: "calibrate" };

/** What the worker says. */
export type CameraAnswer =
    /** Its script runs. */
    | { kind: "ready" }
    /** Networks are there. */
    | { kind: "started" }
    | { kind: "result"; result: Float32Array; landmarks?: Float32Array }
    /** The same of pictures: when this one was taken, and when work began. The array is new. */
    | { kind: "picture"; result: Float32Array; takenMs: number; beganMs: number }
    | { kind: "error"; message: string };

/** The time of page and worker. @param ms of this side's `performance.now()` */
export function CommonTime(ms: number): number {
    return performance.timeOrigin + ms;
}

/** Back from it. */
export function OwnTime(ms: number): number {
    return ms - performance.timeOrigin;
}
