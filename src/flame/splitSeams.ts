/** The head model's faces with one vertex per pair of template vertex and atlas vertex, as engines want them. */
import type { HeadModel } from "./headModel.js";

/** N vertices, at least as many as the model has. Faces keep their order, so face numbers are the model's. */
export interface ISeamlessMesh {
    /** [N] template vertex of each. */
    readonly source: Uint16Array;
    /** [F,3] */
    readonly indices: Uint32Array;
    /** [N,2] */
    readonly uvs: Float32Array;
    /** [N,3] to be filled */
    readonly positions: Float32Array;
    /** [N,3] to be filled */
    readonly normals: Float32Array;
}

/**
 * Splits vertices at the seams of the atlas.
 * @param kept numbers of the faces that the mesh has. Default: all
 */
export function SplitSeams(model: HeadModel, kept?: Uint32Array): ISeamlessMesh {
    const indexOfPair = new Map<number, number>();
    const source: number[] = [];
    const uvs: number[] = [];
    const indices = new Uint32Array(kept ? 3 * kept.length : model.faces.length);
    for (let corner = 0; corner < indices.length; corner++) {
        const i = kept ? 3 * kept[Math.floor(corner / 3)] + (corner % 3) : corner;
        const pair = model.faces[i] * model.uvCount + model.uvFaces[i];
        let index = indexOfPair.get(pair);
        if (index === undefined) {
            index = source.length;
            indexOfPair.set(pair, index);
            source.push(model.faces[i]);
            uvs.push(model.uv[2 * model.uvFaces[i]], model.uv[2 * model.uvFaces[i] + 1]);
        }
        indices[corner] = index;
    }
    return {
        source: Uint16Array.from(source),
        indices,
        uvs: Float32Array.from(uvs),
        positions: new Float32Array(3 * source.length),
        normals: new Float32Array(3 * source.length),
    };
}

/** Copies a value per template vertex to the split vertices. [V,3] to [N,3] */
export function ToSplitVertices({ source }: ISeamlessMesh, values: ArrayLike<number>, into: Float32Array): void {
    for (let i = 0; i < source.length; i++) {
        const at = 3 * source[i];
        into[3 * i] = values[at];
        into[3 * i + 1] = values[at + 1];
        into[3 * i + 2] = values[at + 2];
    }
}
