/** Faces before a camera, as exact landmarks: what the tracking tests look at. */
import { ToCamera, type CropCamera } from "../../src/flame/fit/camera";
import type { HeadModelFit } from "../../src/flame/fit/fitHeadModel";
import { FittedVertices } from "../../src/flame/fit/fittedHead";
import type { HeadModel } from "../../src/flame/headModel";
import { MediaPipeLandmarks } from "../../src/flame/landmarks";
import { MultiplyRotations, RotationOfAxisAngle } from "../../src/flame/rotation";
import { ProjectToCrop } from "./projectToCrop";

/** Focal length of the film's camera in heights of the frame. */
const FilmFocal = 1.3;

/** A head 55 cm before the camera, turned by yaw and pitch (degrees), its middle moved in meters. */
export function FilmCamera(yaw: number, pitch: number, move: readonly number[] = [0, 0, 0]): CropCamera {
    const [turn, tilt, rotation] = [0, 1, 2].map(() => new Float64Array(9));
    RotationOfAxisAngle(0, (yaw * Math.PI) / 180, 0, turn);
    RotationOfAxisAngle((pitch * Math.PI) / 180, 0, 0, tilt);
    MultiplyRotations(tilt, turn, rotation);
    return { rotation, translation: Float64Array.of(move[0], move[1], move[2] - 0.55), focal: FilmFocal };
}

/**
 * Landmarks of one frame.
 * @param shape [S] identity
 * @param expression [E]
 * @returns [478,2] around the frame's middle, in its heights
 */
export function FilmedLandmarks(
    model: HeadModel,
    shape: Float32Array,
    expression: Float32Array,
    camera: CropCamera,
): Float32Array {
    const view = { ...camera, expression, pose: new Float32Array(15) };
    const fit: HeadModelFit = { shape, views: [view], residual: 0, iterations: 0 };
    return ProjectToCrop(view, ToCamera(view, MediaPipeLandmarks(model, FittedVertices(model, fit, view))));
}

/** Degrees between two rotations, row-major. */
export function DegreesApart(a: ArrayLike<number>, b: ArrayLike<number>): number {
    let trace = 0;
    for (let i = 0; i < 9; i++) {
        trace += a[i] * b[i];
    }
    return (Math.acos(Math.min(Math.max((trace - 1) / 2, -1), 1)) * 180) / Math.PI;
}
