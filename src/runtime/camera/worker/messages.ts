/** What page and camera worker say to each other. One frame is under way at a time. */
import type { HeadModel } from "../../../flame/headModel.js";
import type { IFollowSettings } from "../faceFollower.js";
import type { ICameraFiles } from "../cameraFiles.js";

/** What the worker is told. */
export type CameraRequest =
    /** Before all. `files` null: landmarks are given. */
    | { kind: "start"; head: HeadModel; files: ICameraFiles | null; settings: IFollowSettings }
    /** Looks at a frame, closes it, and fills `result`. */
    | { kind: "frame"; frame: VideoFrame | ImageBitmap; timeMs: number; result: Float64Array }
    /** Looks at the newest of these from now on, and answers each with its result alone: a copy of `result`. */
    | { kind: "pictures"; pictures: ReadableStream<VideoFrame>; result: Float64Array }
    /** When one of the pictures was taken, in common time: only the page is told. */
    | { kind: "taken"; atMs: number }
    /** Whether pictures are looked at; they are passed over while nobody sees the face. */
    | { kind: "look"; wanted: boolean }
    /** Takes landmarks in place of a frame; `seen` false: there is no face. Both arrays come back. */
    | { kind: "landmarks"; landmarks: Float32Array; seen: boolean; timeMs: number; result: Float64Array }
    /** Learns the person's rest again. */
    | { kind: "calibrate" };

/** What the worker says. */
export type CameraAnswer =
    /** Its script runs. */
    | { kind: "ready" }
    /** Networks are there. */
    | { kind: "started" }
    | { kind: "result"; result: Float64Array; landmarks?: Float32Array }
    /** The result of a picture of a stream, as that comes for each and a message would be made around it. */
    | Float64Array
    | { kind: "error"; message: string };
