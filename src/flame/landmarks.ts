/** Where the landmarks of photos lie on the head: points in faces, moved along with the vertices. */
import { type HeadModel, MediaPipeLandmarkCount } from "./headModel.js";

/**
 * The 68 Multi-PIE landmarks on given vertices.
 * @param vertices [V,3]
 * @returns [68,3], new
 */
export function Landmarks68(model: HeadModel, vertices: ArrayLike<number>): Float32Array {
    return PointsInFaces(model, model.landmark68Face, model.landmark68Bary, vertices);
}

/**
 * The 478 MediaPipe landmarks on given vertices; NaN where the model has no such landmark.
 * @param vertices [V,3]
 * @returns [478,3], new
 */
export function MediaPipeLandmarks(model: HeadModel, vertices: ArrayLike<number>): Float32Array {
    return PointsInFaces(model, model.mediaPipeFace, model.mediaPipeBary, vertices);
}

/** Indices of the MediaPipe landmarks that the model maps, ascending. */
export function MappedMediaPipeLandmarks(model: HeadModel): number[] {
    return Array.from({ length: MediaPipeLandmarkCount }, (_, index) => index).filter(
        (index) => model.mediaPipeFace[index] >= 0,
    );
}

function PointsInFaces(
    model: HeadModel,
    faces: ArrayLike<number>,
    bary: Float32Array,
    vertices: ArrayLike<number>,
): Float32Array {
    const points = new Float32Array(3 * faces.length);
    for (let i = 0; i < faces.length; i++) {
        for (let axis = 0; axis < 3; axis++) {
            let sum = faces[i] < 0 ? Number.NaN : 0;
            for (let corner = 0; corner < 3 && faces[i] >= 0; corner++) {
                sum += bary[3 * i + corner] * vertices[3 * model.faces[3 * faces[i] + corner] + axis];
            }
            points[3 * i + axis] = sum;
        }
    }
    return points;
}
