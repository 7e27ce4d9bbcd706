/**
 * What of a head surely hides what is behind it: its outer skin, moved inwards. Eyes, lids, lips and all inside the
 * mouth are no part of it, so that open mouths and eyes stay open.
 */
import type { HeadModel } from "./headModel.js";
import { VertexNormals } from "./normals.js";
import { PersonalVertices } from "./personalHead.js";
import type { TexelTable } from "./texelTable.js";

/**
 * Regions of the outer skin, without the ears: they are thinner than the step inwards, which would turn them inside
 * out.
 */
const OccludingRegions: readonly string[] = ["face", "scalp", "neck"];
/**
 * Meters that the occluder lies below the Gaussians' surface, so that it hides none of those that make the surface up.
 */
const OccluderDepth = 0.008;

/**
 * The faces that occlude. Those at the open end of the neck do not: whoever looks in past the edge of the skin would
 * see the occluder's, which is farther in.
 * @returns [3·F'] vertices, counter-clockwise from outside
 */
export function OccluderFaces(model: HeadModel): Uint16Array<ArrayBuffer> {
    const occluding = new Set(OccludingRegions.map((name) => model.regions.indexOf(name)));
    const atRim = RimVertices(model);
    const corners: number[] = [];
    for (let face = 0; face < model.faceCount; face++) {
        const [a, b, c] = model.faces.subarray(3 * face, 3 * face + 3);
        if (occluding.has(model.faceRegion[face]) && !(atRim[a] || atRim[b] || atRim[c])) {
            corners.push(a, b, c);
        }
    }
    return Uint16Array.from(corners);
}

/** [V] 1 for vertices of an edge that has a face on one side only. */
function RimVertices({ faces, vertexCount }: HeadModel): Uint8Array {
    const edges = new Set<number>(); // from · V + to, as faces go round: the face on the other side goes the other way
    for (let i = 0; i < faces.length; i++) {
        edges.add(faces[i] * vertexCount + faces[i % 3 === 2 ? i - 2 : i + 1]);
    }
    const atRim = new Uint8Array(vertexCount);
    for (const edge of edges) {
        const [from, to] = [Math.floor(edge / vertexCount), edge % vertexCount];
        if (!edges.has(to * vertexCount + from)) {
            atRim[from] = atRim[to] = 1;
        }
    }
    return atRim;
}

/**
 * From the template's vertices to a person's occluder at rest: the offset of the person's own surface, less a step
 * inwards. Skinned like the vertices, it stays inside in every pose.
 * @param table texel table of the map
 * @param staticMap [14,H,W], before activation
 * @returns [V,3] meters, canonical, new; null if the map says nowhere of use where the surface is
 */
export function OccluderOffsets(
    model: HeadModel,
    table: TexelTable,
    staticMap: ArrayLike<number>,
): Float32Array | null {
    const rest = PersonalVertices(model, table, staticMap);
    const normals = VertexNormals(model, rest);
    for (let i = 0; i < rest.length; i++) {
        rest[i] -= model.template[i] + OccluderDepth * normals[i];
    }
    return rest.every(Number.isFinite) ? rest : null;
}
