/** Options of a `CameraSource`. */
import type { OnnxRuntimeUrls } from "../../../runtime/models/runtimeFiles.js";

/** A landmark in parts of the picture, from its upper left corner. */
export interface ILandmarkerPoint {
    /** To the right, 0..1. */
    readonly x: number;
    /** Down, 0..1. */
    readonly y: number;
}

/** What a face landmarker finds in a picture. */
export interface ILandmarkerResult {
    /** Faces; of each 478 landmarks. */
    readonly faceLandmarks: readonly (readonly ILandmarkerPoint[])[];
}

/**
 * Somebody else who finds landmarks: a `FaceLandmarker` of `@mediapipe/tasks-vision` in video mode, made by the user
 * with a `face_landmarker.task`, or a function with its results.
 */
export interface ICameraLandmarker {
    /**
     * @param video the picture
     * @param timestampMs rises from call to call
     * @returns faces; of each 478 landmarks, x and y in parts of the picture
     */
    detectForVideo(video: HTMLVideoElement, timestampMs: number): ILandmarkerResult;
}

/** Options. A field left undefined keeps its default. */
export interface ICameraSourceOptions {
    /** For messages and recordings. Default "camera". */
    name?: string;
    /**
     * Whether the avatar moves as in a mirror: what the person does on the left, it does on the right. Default false.
     */
    mirror?: boolean;
    /**
     * Vertical field of view of the camera in degrees. Webcams have 35 to 50; 10 degrees too many or too few change
     * turns by little. Default 42.
     */
    fieldOfView?: number;
    /** Seconds of frames from which the person's rest is learned. Default 1. */
    calibrationS?: number;
    /**
     * How quiet a still face is, against how late a moving one: 1 is the default, 0 shows what each frame gave, 2 is
     * twice as quiet.
     */
    smoothing?: number;
    /** Finds landmarks in the place of our networks. They run on the page then. Default: none, ours in a worker. */
    landmarker?: ICameraLandmarker;
    /** Folder of models.json. Default: the component's. */
    modelsUrl?: string;
    /** Where files of onnxruntime-web are. Default: the component's. */
    runtimeUrls?: OnnxRuntimeUrls;
    /** Starts the worker in another way; null to work on the page. @internal */
    _startWorker?: (() => Worker) | null;
}

/** What a source is doing. */
export type CameraState = "waiting" | "starting" | "calibrating" | "following" | "lost" | "ended" | "failed";

/** Milliseconds of the last frame's way. */
export interface ICameraLatency {
    /**
     * From the camera until work on the picture began; to this page where the page hands pictures over. 0 where the
     * browser does not tell when one was taken.
     */
    captureMs: number;
    /** Picture for the networks, and both networks. */
    inferenceMs: number;
    /** Expressions and pose from landmarks. */
    fitMs: number;
    /** All other time until the result was here: to the worker and back, and busy pages. */
    waitMs: number;
}
