/** Head models on a square grid of vertices, for tests and benchmarks: what they have in common. */
import { NoCorrectives, type HeadModel } from "../../src/flame/headModel";

/** What a synthetic head has of its own. */
export type GridHeadParts = Pick<
    HeadModel,
    | "name"
    | "source"
    | "regions"
    | "dynamicRegions"
    | "twoSidedRegions"
    | "template"
    | "uv"
    | "faceRegion"
    | "weights"
    | "expressionStart"
    | "expressionVertex"
    | "expressionDelta"
    | "expressionScale"
    | "positionMapCenter"
> &
    Partial<Pick<HeadModel, "poseFromExpression">>;

/** Of a head whose face does not move. */
export const NoExpressions = {
    expressionStart: new Uint32Array(1),
    expressionVertex: new Uint16Array(),
    expressionDelta: new Int16Array(),
    expressionScale: new Float32Array(),
} as const;

/**
 * Two triangles per cell, counter-clockwise seen from where columns go right and rows up: indices [3·2·(edge−1)²] into
 * edge² vertices.
 */
function GridFaces(edge: number): Uint16Array<ArrayBuffer> {
    const faces: number[] = [];
    for (let row = 0; row + 1 < edge; row++) {
        for (let column = 0; column + 1 < edge; column++) {
            const v = row * edge + column;
            faces.push(v, v + 1, v + edge + 1, v, v + edge + 1, v + edge);
        }
    }
    return Uint16Array.from(faces);
}

/** A head without shapes and landmarks; its joints are where those of a head of about 24 cm are. */
export function MakeGridHead(edge: number, parts: GridHeadParts): HeadModel {
    const faces = GridFaces(edge);
    const expressionCount = parts.expressionScale.length;
    return {
        license: "Apache-2.0",
        vertexCount: edge * edge,
        faceCount: faces.length / 3,
        uvCount: edge * edge,
        shapeCount: 0,
        expressionCount,
        expressions: Array.from({ length: expressionCount }, (_, e) => `expression${e}`),
        shapes: [],
        faces,
        uvFaces: faces.slice(),
        shapeDirs: new Int8Array(),
        shapeScale: new Float32Array(),
        joints: Float32Array.of(0, -0.15, 0, 0, -0.1, -0.02, 0, 0, 0, 0.03, 0.03, 0.07, -0.03, 0.03, 0.07),
        jointStart: new Uint32Array(6),
        jointVertex: new Uint16Array(),
        jointWeight: new Float32Array(),
        landmark68Face: new Uint16Array(68),
        landmark68Bary: new Float32Array(3 * 68),
        mediaPipeFace: new Int32Array(478).fill(-1),
        mediaPipeBary: new Float32Array(3 * 478),
        poseFromExpression: new Float32Array(15 * expressionCount),
        ...NoCorrectives,
        positionMapScale: 0.15,
        ...parts,
    };
}
