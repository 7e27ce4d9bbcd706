/** What refinement is given and what it gives back: typed arrays only, so that a worker can do it. */

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
    /** [n] bit 0: the driver may change it. */
    readonly flags: Uint32Array;
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
    /** [V,3] template and expression, no joints, meters. */
    readonly expressed: Float32Array;
    /** [5,12] 3×4 row-major. */
    readonly jointMatrices: Float32Array;
    /** [14,H,W] what the driver adds for that expression, or null for nothing. */
    readonly deltaMap: Float32Array | null;
}
