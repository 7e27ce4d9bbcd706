/**
 * Where an atlas goes around: its first and its last column are one place on the skin, as on a bust behind. The second
 * page has two vertices there. Where hair parts before the face the two are apart, and stay so.
 */
import type { HeadModel } from "../../flame/headModel.js";

/** Meters: vertices of both ends that are nearer are one place. Ours; fits of the two sides differ by 0.5 mm. */
const Near = 0.003;
/** Of the atlas, beside its ends. */
const AtEnd = 1e-4;

/**
 * Moves vertices of both ends that are nearly one place to their middle: no crack is left between them.
 * @param vertices [V,3] meters; changed in place
 * @returns the same array
 */
export function CloseEnds(model: HeadModel, vertices: Float32Array): Float32Array {
    for (const [left, right] of EndPairs(model)) {
        if (IsNear(vertices, left, right)) {
            for (let axis = 0; axis < 3; axis++) {
                const middle = (vertices[3 * left + axis] + vertices[3 * right + axis]) / 2;
                vertices[3 * left + axis] = vertices[3 * right + axis] = middle;
            }
        }
    }
    return vertices;
}

/**
 * @param vertices [V,3] meters
 * @param edge E, texels per side of a texture
 * @returns [E] 1 for rows whose first and last texel are neighbours on the skin
 */
export function RowsAround(model: HeadModel, vertices: ArrayLike<number>, edge: number): Uint8Array {
    const { uv, uvFaces, faces, faceCount } = model;
    const closed = new Set<number>();
    for (const [left, right] of EndPairs(model)) {
        if (IsNear(vertices, left, right)) {
            closed.add(left);
        }
    }
    const rows = new Uint8Array(edge);
    for (let face = 0; face < faceCount; face++) {
        const heights = [0, 1, 2]
            .map((k) => 3 * face + k)
            .filter((i) => uv[2 * uvFaces[i]] < AtEnd && closed.has(faces[i]))
            .map((i) => (1 - uv[2 * uvFaces[i] + 1]) * edge);
        if (heights.length > 1) {
            rows.fill(1, Math.floor(Math.min(...heights)), Math.ceil(Math.max(...heights)));
        }
    }
    return rows;
}

/** Vertices at the first and at the last column: of one place of the template, at one height of the atlas. */
function EndPairs({ uv, uvFaces, faces, template }: HeadModel): [left: number, right: number][] {
    const ends = [new Map<string, number>(), new Map<string, number>()];
    for (let i = 0; i < faces.length; i++) {
        const [u, v] = [uv[2 * uvFaces[i]], uv[2 * uvFaces[i] + 1]];
        if (u < AtEnd || u > 1 - AtEnd) {
            const place = [0, 1, 2].map((axis) => Math.round(1e5 * template[3 * faces[i] + axis]));
            ends[Number(u > 0.5)].set(`${Math.round(1e4 * v)} ${place.join(" ")}`, faces[i]);
        }
    }
    const [left, right] = ends;
    return [...left].flatMap(([key, vertex]) =>
        right.has(key) ? [[vertex, right.get(key)!] as [number, number]] : [],
    );
}

function IsNear(vertices: ArrayLike<number>, a: number, b: number): boolean {
    const [x, y, z] = [0, 1, 2].map((axis) => vertices[3 * a + axis] - vertices[3 * b + axis]);
    return Math.hypot(x, y, z) < Near;
}
