/** What the filling of the second page is given: typed arrays only, so that a worker can do it. */
import type { PageFill } from "../../flame/pageModel.js";
import type { ICrop } from "../photo/crop.js";

/** Rows of texels. */
export interface IBand {
    readonly first: number;
    readonly rows: number;
}

/**
 * The second page of the atlas as the filling wants it: every island a grid of texels, and where its columns and rows
 * are.
 */
export interface IBustPage extends PageFill {
    /** P, texels per side of the map. */
    readonly size: number;
    readonly hair: IBand;
    readonly bust: IBand;
    readonly hairInner: IBand;
    /** [P,P,3] base points, meters; zero where there is no texel. */
    readonly base: Float64Array;
    /** [P,P] share of the torso's joint. */
    readonly torsoShare: Float64Array;
}

/** Gaussians of the person's head at rest, of face, scalp, neck and ears. n of them. */
export interface IBustHead {
    /** [n,3] meters. */
    readonly means: Float64Array;
    /** [n,3] 0..1. */
    readonly color: Float64Array;
    /** [n] 0..1. */
    readonly opacity: Float64Array;
    /** [n] 1 on the scalp. */
    readonly scalp: Uint8Array;
    /** [n] 1 on the neck. */
    readonly neck: Uint8Array;
    /** [n] 1 on the ears. */
    readonly ears: Uint8Array;
    /** [n,2] column and row in the atlas, 0..1. */
    readonly place: Float64Array;
    /** [n,3] unit normals of the template's faces. */
    readonly normals: Float64Array;
}

/**
 * A photo and where it was taken from. More than the crop of the face is welcome: shoulders and long hair are mostly
 * outside.
 */
export interface IBustPhoto {
    /** Pixels of the picture. */
    readonly width: number;
    readonly height: number;
    /** [H,W,4] sRGB-encoded bytes; alpha is 0 where the photo shows nothing. */
    readonly pixels: Uint8ClampedArray;
    /** [H,W] bytes, 255 on the person. */
    readonly matte: Uint8ClampedArray;
    /** [H,W,3] bytes: hair, skin, clothes. Null where no network told them (guessClasses.ts). */
    readonly classes: Uint8ClampedArray | null;
    /** The crop that the camera is for, in pixels of this picture. */
    readonly crop: ICrop;
    /** Radians by which the photo itself is turned against this picture, as a crop's roll. Default 0. */
    readonly roll?: number;
    /** [9] camera from canonical, row-major. */
    readonly rotation: ArrayLike<number>;
    /** [3] meters. */
    readonly translation: ArrayLike<number>;
    /** Focal length in parts of the crop's side. */
    readonly focal: number;
    /** Whether the outline alone says where it was taken from (back.ts). Default false. */
    readonly fromBehind?: boolean;
}

/** A person and the photos. */
export interface IBustInput {
    readonly page: IBustPage;
    readonly head: IBustHead;
    /** One to four. The first makes the shape. */
    readonly photos: readonly IBustPhoto[];
    /** One from behind, upright, whose crop says about where the head is; its camera does not count. */
    readonly back?: IBustPhoto | null;
    /** Whether shoulders are made. */
    readonly bust: boolean;
    /** Whether hair beyond the scalp is made. */
    readonly hair: boolean;
}
