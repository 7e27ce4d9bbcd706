import type { CropCamera } from "../../src/flame/fit/camera";

/**
 * Projects camera-frame points into the crop.
 * @param points [n,3] camera frame, meters, in front of the camera (z < 0)
 * @returns [n,2] crop coordinates, new; NaN for points that are not in front
 */
export function ProjectToCrop(camera: CropCamera, points: ArrayLike<number>): Float32Array {
    const projected = new Float32Array((points.length / 3) * 2);
    for (let i = 0; i < points.length / 3; i++) {
        const perDepth = points[3 * i + 2] < -1e-3 ? camera.focal / -points[3 * i + 2] : Number.NaN;
        projected[2 * i] = 0.5 + perDepth * points[3 * i];
        projected[2 * i + 1] = 0.5 - perDepth * points[3 * i + 1];
    }
    return projected;
}
