/** The open end of a head's neck, and how far along the skin everything is from it. */
import { FlexAvatarError } from "../../flame/error.js";
import type { HeadModel } from "../../flame/headModel.js";

/** The rim and the distances from it. */
export interface INeckRing {
    /** Template vertices on the rim. */
    readonly vertices: readonly number[];
    /** [V] meters along the edges of the skin; infinite for parts that do not hang together with the neck. */
    readonly distance: Float32Array;
}

/**
 * Finds the rim: edges with one face only, between faces of the region "neck".
 * @param rest [V,3] the person
 * @throws FlexAvatarError `invalid-argument` for a head model without an open neck
 */
export function FindNeckRing(model: HeadModel, rest: ArrayLike<number>): INeckRing {
    const neck = model.regions.indexOf("neck");
    const facesOfEdge = new Map<number, number>();
    const isNeck = new Set<number>();
    const neighbours: number[][] = Array.from({ length: model.vertexCount }, () => []);
    for (let i = 0; i < model.faces.length; i++) {
        const [a, b] = [model.faces[i], model.faces[i % 3 === 2 ? i - 2 : i + 1]];
        const edge = Math.min(a, b) * model.vertexCount + Math.max(a, b);
        facesOfEdge.set(edge, (facesOfEdge.get(edge) ?? 0) + 1);
        if (model.faceRegion[Math.floor(i / 3)] === neck) {
            isNeck.add(edge);
        }
        neighbours[a].push(b);
        neighbours[b].push(a);
    }
    const rim = new Set<number>();
    for (const edge of isNeck) {
        if (facesOfEdge.get(edge) === 1) {
            rim.add(Math.floor(edge / model.vertexCount)).add(edge % model.vertexCount);
        }
    }
    if (rim.size === 0) {
        throw new FlexAvatarError(
            "invalid-argument",
            `The head model "${model.name}" has no open neck that could meet a body.`,
        );
    }
    return { vertices: [...rim], distance: Distances(neighbours, rest, rim) };
}

/** Shortest ways over edges. The list of open vertices is short, so that it is searched without a heap. */
function Distances(
    neighbours: readonly (readonly number[])[],
    rest: ArrayLike<number>,
    from: Iterable<number>,
): Float32Array {
    const distance = new Float32Array(neighbours.length).fill(Infinity);
    let front = new Set(from);
    front.forEach((vertex) => (distance[vertex] = 0));
    // Waves instead of an order by distance: a vertex may be visited again when a shorter way is found.
    while (front.size > 0) {
        const next = new Set<number>();
        for (const a of front) {
            for (const b of neighbours[a]) {
                const step = Math.hypot(
                    rest[3 * a] - rest[3 * b],
                    rest[3 * a + 1] - rest[3 * b + 1],
                    rest[3 * a + 2] - rest[3 * b + 2],
                );
                if (distance[a] + step < distance[b] - 1e-7) {
                    distance[b] = distance[a] + step;
                    next.add(b);
                }
            }
        }
        front = next;
    }
    return distance;
}

/** 0 at the rim, 1 from `length` on, without corners. */
export function FeatherAt(distance: number, length: number): number {
    const t = length > 0 ? Math.min(1, Math.max(0, distance / length)) : 1;
    return t * t * (3 - 2 * t);
}
