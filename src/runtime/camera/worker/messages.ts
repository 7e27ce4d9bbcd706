/** What page and camera worker say to each other. One frame is under way at a time. */
import type { HeadModel } from "../../../flame/headModel.js";
import type { IFollowSettings } from "../faceFollower.js";
import type { ICameraFiles } from "../cameraFiles.js";

/** What the worker is told. */
export type CameraRequest =
    /** Before all. `files` null: landmarks are given. */
    | { kind: "start"; head: HeadModel; files: ICameraFiles | null; settings: IFollowSettings }
    /** Looks at a frame, closes it, and fills `result`. */
    | { kind: "frame"; frame: VideoFrame | ImageBitmap; timeMs: number; result: Float32Array }
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
    | { kind: "error"; message: string };
