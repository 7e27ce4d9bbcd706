/** Vertex normals of a posed head. */
import type { HeadModel } from "./headModel.js";

/**
 * Unit vertex normals, the faces around a vertex weighted by their area; +Z where a vertex has no face.
 * @param vertices [V,3]
 * @returns [V,3], new, in the frame of `vertices`
 */
export function VertexNormals(model: HeadModel, vertices: ArrayLike<number>): Float32Array {
    const normals = new Float32Array(3 * model.vertexCount);
    for (let face = 0; face < model.faceCount; face++) {
        const [a, b, c] = [3 * model.faces[3 * face], 3 * model.faces[3 * face + 1], 3 * model.faces[3 * face + 2]];
        const [ux, uy, uz] = [
            vertices[b] - vertices[a],
            vertices[b + 1] - vertices[a + 1],
            vertices[b + 2] - vertices[a + 2],
        ];
        const [vx, vy, vz] = [
            vertices[c] - vertices[a],
            vertices[c + 1] - vertices[a + 1],
            vertices[c + 2] - vertices[a + 2],
        ];
        for (const corner of [a, b, c]) {
            normals[corner] += uy * vz - uz * vy;
            normals[corner + 1] += uz * vx - ux * vz;
            normals[corner + 2] += ux * vy - uy * vx;
        }
    }
    for (let i = 0; i < normals.length; i += 3) {
        const length = Math.hypot(normals[i], normals[i + 1], normals[i + 2]);
        normals.set(
            length > 1e-20 ? [normals[i] / length, normals[i + 1] / length, normals[i + 2] / length] : [0, 0, 1],
            i,
        );
    }
    return normals;
}
