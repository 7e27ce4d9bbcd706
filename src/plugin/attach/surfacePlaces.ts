/** Names for places on a head: landmarks, atlas coordinates, and back. */
import { FlexAvatarError } from "../../flame/error.js";
import type { HeadModel } from "../../flame/headModel.js";
import type { ISurfacePlace } from "./surfaceAnchor.js";

/** A named place on the skin. Left and right are the head's own. */
export type SurfaceLandmark =
    | "noseBridge"
    | "noseTip"
    | "forehead"
    | "chin"
    | "leftTemple"
    | "rightTemple"
    | "leftBrow"
    | "rightBrow"
    | "leftEyeOuter"
    | "leftEyeInner"
    | "rightEyeInner"
    | "rightEyeOuter"
    | "leftCheek"
    | "rightCheek"
    | "upperLip"
    | "lowerLip"
    | "leftMouthCorner"
    | "rightMouthCorner"
    | "crown"
    | "backOfHead"
    | "leftEar"
    | "rightEar"
    | "leftEarTop"
    | "rightEarTop"
    | "leftEarLobe"
    | "rightEarLobe";

/** Those that MediaPipe numbers. */
const MediaPipeNames: Readonly<Record<Exclude<SurfaceLandmark, keyof typeof ExtremeNames>, number>> = {
    noseBridge: 168,
    noseTip: 4,
    forehead: 151,
    chin: 152,
    leftTemple: 389,
    rightTemple: 162,
    leftBrow: 334,
    rightBrow: 105,
    leftEyeOuter: 263,
    leftEyeInner: 362,
    rightEyeInner: 133,
    rightEyeOuter: 33,
    leftCheek: 425,
    rightCheek: 205,
    upperLip: 0,
    lowerLip: 17,
    leftMouthCorner: 291,
    rightMouthCorner: 61,
};

/** Those found on the template: a region and the direction in which they lie farthest. */
const ExtremeNames = {
    crown: ["scalp", 0, 1, 0],
    backOfHead: ["scalp", 0, 0, -1],
    leftEar: ["ears", 1, 0, 0],
    rightEar: ["ears", -1, 0, 0],
    leftEarTop: ["ears", 0.2, 1, 0],
    rightEarTop: ["ears", -0.2, 1, 0],
    leftEarLobe: ["ears", 0.2, -1, 0],
    rightEarLobe: ["ears", -0.2, -1, 0],
} as const satisfies Partial<Record<SurfaceLandmark, readonly [string, number, number, number]>>;

/** Names of all places that {@link FlexAvatar.attachToSurface} knows. */
export const SurfaceLandmarks = [...Object.keys(MediaPipeNames), ...Object.keys(ExtremeNames)] as SurfaceLandmark[];

/** A point of the atlas: u right, v up, 0..1. */
export interface IAtlasPoint {
    /** To the right, 0..1. */
    readonly u: number;
    /** Upwards, 0..1. */
    readonly v: number;
    /** Page of the atlas: 1 is the head's, 2 is hair beyond the scalp and the bust. Default 1. */
    readonly page?: 1 | 2;
}

/** Where something is on a head: a name, the number of a MediaPipe landmark, or a point of the atlas. */
export type SurfaceTarget = SurfaceLandmark | number | IAtlasPoint;

/**
 * The face and barycentric coordinates of a place.
 * @throws FlexAvatarError `invalid-argument` if the model has no such place
 */
export function FindPlace(model: HeadModel, target: SurfaceTarget): ISurfacePlace {
    const place =
        typeof target === "object"
            ? PlaceOfUv(model, target.u, target.v)
            : typeof target === "number"
              ? PlaceOfMediaPipe(model, target)
              : Object.hasOwn(MediaPipeNames, target)
                ? PlaceOfMediaPipe(model, MediaPipeNames[target as keyof typeof MediaPipeNames])
                : PlaceOfExtreme(model, target);
    if (!place) {
        throw new FlexAvatarError(
            "invalid-argument",
            `The head model "${model.name}" has no place ${JSON.stringify(target)}. Give one of ${SurfaceLandmarks.join(", ")}, ` +
                "the number of a mapped MediaPipe landmark, or a point { u, v } of the atlas that lies on the head.",
        );
    }
    return place;
}

/** Atlas coordinates of a place. */
export function UvOfPlace(model: HeadModel, { face, bary }: ISurfacePlace): IAtlasPoint {
    const [u, v] = [0, 1].map((axis) =>
        bary.reduce((sum, weight, k) => sum + weight * model.uv[2 * model.uvFaces[3 * face + k] + axis], 0),
    );
    return { u, v };
}

function PlaceOfUv(model: HeadModel, u: number, v: number): ISurfacePlace | null {
    for (let face = 0; face < model.faceCount; face++) {
        const [a, b, c] = [0, 1, 2].map((k) => 2 * model.uvFaces[3 * face + k]);
        const [ax, ay, bx, by, cx, cy] = [
            model.uv[a],
            model.uv[a + 1],
            model.uv[b],
            model.uv[b + 1],
            model.uv[c],
            model.uv[c + 1],
        ];
        const doubleArea = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay);
        const wa = ((bx - u) * (cy - v) - (cx - u) * (by - v)) / doubleArea;
        const wb = ((cx - u) * (ay - v) - (ax - u) * (cy - v)) / doubleArea;
        const wc = 1 - wa - wb;
        if (wa >= -1e-6 && wb >= -1e-6 && wc >= -1e-6) {
            return { face, bary: [wa, wb, wc] };
        }
    }
    return null;
}

function PlaceOfMediaPipe(model: HeadModel, landmark: number): ISurfacePlace | null {
    const face = model.mediaPipeFace[landmark] ?? -1;
    return face < 0
        ? null
        : { face, bary: [0, 1, 2].map((k) => model.mediaPipeBary[3 * landmark + k]) as [number, number, number] };
}

function PlaceOfExtreme(model: HeadModel, name: string): ISurfacePlace | null {
    if (!Object.hasOwn(ExtremeNames, name)) {
        return null;
    }
    const [region, x, y, z] = ExtremeNames[name as keyof typeof ExtremeNames];
    const index = model.regions.indexOf(region);
    let best: ISurfacePlace | null = null;
    let farthest = -Infinity;
    for (let i = 0; i < model.faces.length; i++) {
        const face = Math.floor(i / 3);
        if (model.faceRegion[face] === index) {
            const vertex = 3 * model.faces[i];
            const reach = x * model.template[vertex] + y * model.template[vertex + 1] + z * model.template[vertex + 2];
            if (reach > farthest) {
                farthest = reach;
                best = { face, bary: [0, 1, 2].map((k) => (k === i % 3 ? 1 : 0)) as [number, number, number] };
            }
        }
    }
    return best;
}
