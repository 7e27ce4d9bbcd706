/** What refinement is given and what it gives back: typed arrays only, so that a worker can do it. */
import type { ICloseUp } from "../closeUp.js";

/** The Gaussians of a head model at one map size: fields of a texel table. n Gaussians. */
export interface IRefineTable {
    /** Texels per side of the maps. */
    readonly mapSize: number;
    /** n */
    readonly gaussianCount: number;
    /** [n] */
    readonly texel: Uint32Array;
    /** [n,3] vertices of the face of each Gaussian. */
    readonly corners: Uint16Array;
    /** [n,3] */
    readonly bary: Float32Array;
    /** [n,5] skin weights. */
    readonly weights: Float32Array;
    /** [n] bit 0: the driver may change it; bits 8–15: index into `regions`. */
    readonly flags: Uint32Array;
    /** Names of the head model's regions. */
    readonly regions: readonly string[];
    /** [V,3] head at rest, meters. */
    readonly template: Float32Array;
    /** [V,3] its unit normals. */
    readonly normals: Float32Array;
    /** [V,3] head at rest with closed eyes, no joints, meters; the template where the head model has no blink. */
    readonly shut: Float32Array;
}

/** The head as it stood in one photo, and that photo. */
export interface IRefineView {
    /** S, edge of the crop in pixels. */
    readonly size: number;
    /** [S,S,4] sRGB-encoded bytes; alpha is 0 outside the photo, where nothing is known. */
    readonly pixels: Uint8ClampedArray;
    /** [S,S] bytes, 255 on the person. */
    readonly matte: Uint8ClampedArray;
    /** [9] camera from canonical, row-major. */
    readonly rotation: ArrayLike<number>;
    /** [3] meters. */
    readonly translation: ArrayLike<number>;
    /** Focal length in parts of the crop's side. */
    readonly focal: number;
    /** [478,2] MediaPipe's landmarks in crop coordinates 0..1. */
    readonly landmarks: Float32Array;
    /** [V,3] template and expression, no joints, meters. */
    readonly expressed: Float32Array;
    /** [V,3] the same with joints. */
    readonly posed: Float32Array;
    /** [5,12] 3×4 row-major. */
    readonly jointMatrices: Float32Array;
    /** [14,H,W] what the driver adds for that expression, or null for nothing. */
    readonly deltaMap: Float32Array | null;
}

/** A person and the photos. */
export interface IRefineInput {
    readonly table: IRefineTable;
    /** [14,H,W], before activation: as the networks gave it. */
    readonly staticMap: Float32Array;
    /** One to four, in any order. */
    readonly views: readonly IRefineView[];
    readonly settings: IRefineConstants;
    /** Detail for close-ups beside the colors. Default: none. */
    readonly closeUp?: ICloseUpWish;
}

/** What detail for close-ups is made from, besides the photos. */
export interface ICloseUpWish {
    /** [n,4] see `AtlasFrames`. */
    readonly frames: Float32Array;
    /** Texels per side of the atlas of detail: a multiple of that of the maps. */
    readonly edge: number;
    /** Edge in pixels to which photos are brought for the colors; the detail takes them as they are. */
    readonly colorPx: number;
    /** Photos smaller than this are not read for detail. */
    readonly leastPx: number;
}

/**
 * Constants of the refinement (training/refine/ALGORITHM.md). Pairs are the ends of ramps. Lengths in a photo are parts
 * of the crop's side.
 */
export interface IRefineConstants {
    /** Times that what is missing is sent back to the colors. */
    readonly rounds: number;
    /**
     * Pixels of a crop of 512 that a Gaussian is taken to be seen in besides those that show it: faint ones change
     * slowly.
     */
    readonly damping: number;
    /** Part of a step that a Gaussian without trust takes, so that its neighbours need not make up for it. */
    readonly leastWeight: number;
    /** Power of trust by which photos share a Gaussian. */
    readonly sharpness: number;
    /** Largest factor by which a photo's tone is changed. */
    readonly gainLimit: number;
    /** How far from the edge of person and photo a pixel must be. */
    readonly erosion: number;
    /** Cosine between normal and direction to the camera: no trust, full trust. */
    readonly facing: readonly [number, number];
    /** Pixels of a crop of 512 that a Gaussian must fill for full trust. */
    readonly seenPx: number;
    /** Part of them that is believed: no trust, full trust. */
    readonly allowed: readonly [number, number];
    /** Meters behind the drawn surface: full trust, no trust. */
    readonly depth: readonly [number, number];
    /** |ln(area in the photo / area at rest)|: full trust, least trust. */
    readonly strain: readonly [number, number];
    /** Trust left where the skin is strained most. */
    readonly leastStrained: number;
    /** Width of the ramps at the contours of eyes and inner lips. */
    readonly contour: number;
    /** Height of an eye over its width: shut, open. */
    readonly openEye: readonly [number, number];
    /** Luminance of the teeth in an open mouth over that of the face: none shown, shown. */
    readonly teeth: readonly [number, number];
    /** Difference of color to the avatar, in the low band: full trust, no trust. */
    readonly unlike: readonly [number, number];
    /** That limit where a surface is seen from the side, in parts of it. */
    readonly oblique: number;
    /** Texels of a map of 256 on either side of a box; the low band is two box means. */
    readonly lowBox: number;
    /** What is left of the low band per level of the pyramid. */
    readonly fade: number;
    /** What is taken of the other side's high band. */
    readonly mirror: number;
    /** How much a normal at rest points sideways: front, side of the face. */
    readonly side: readonly [number, number];
    /** Texels of a map of 256 on either side of a box: how far believed colors go on the sides. */
    readonly nearBox: number;
    /** One over the share of believed texels around that counts as near. */
    readonly near: number;
    /** ln(area with closed eyes / area at rest): skin that open eyes show, skin that they hide in a fold. */
    readonly lids: readonly [number, number];
    /** Luminance over that of the surroundings: shadow or brow, skin whose color the lids may take. */
    readonly lidLight: readonly [number, number];
    /** Texels of a map of 256 on either side of a box; those surroundings are two box means. */
    readonly lightBox: number;
    /** Rounds after spreading, for what is believed alone. */
    readonly lastRounds: number;
    /** Luminance above the surroundings that stays; part of the rest that is taken away. */
    readonly highlight: readonly [number, number];
}

/** Those of training/refine/settings.py. */
export const RefineConstants: IRefineConstants = Object.freeze({
    rounds: 10,
    damping: 0.1,
    leastWeight: 0.02,
    sharpness: 3,
    gainLimit: 2,
    erosion: 0.008,
    facing: [0.12, 0.4],
    seenPx: 0.12,
    allowed: [0.6, 0.9],
    depth: [0.004, 0.01],
    strain: [0.35, 0.9],
    leastStrained: 0.3,
    contour: 0.002,
    openEye: [0.1, 0.2],
    teeth: [0.6, 0.9],
    unlike: [0.2, 0.45],
    oblique: 0.4,
    lowBox: 4,
    fade: 0.5,
    mirror: 0.8,
    side: [0.6, 0.8],
    nearBox: 8,
    near: 2.5,
    lids: [0.4, 1.2],
    lidLight: [0.6, 0.95],
    lightBox: 12,
    lastRounds: 3,
    highlight: [0.12, 0.4],
} as const);

/** What refinement found. */
export interface IRefineResult {
    /** [3,H,W] differences to the static map's colors; 0 where nothing changes. */
    readonly detail: Float32Array<ArrayBuffer>;
    /** Mean trust of the Gaussians of the face, 0..1: how much of it the photos show. */
    readonly faceTrust: number;
    /** Detail for close-ups, where it was wanted and a photo is large enough. */
    readonly closeUp?: ICloseUp;
}
