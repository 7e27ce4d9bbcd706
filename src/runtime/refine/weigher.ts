/**
 * The contract of w, the matrix that says how much of each Gaussian each pixel shows. With geometry held, a picture is
 * linear in the colors, I = Σ w_ij c_j. The solver knows no more of it than this: the processor keeps its entries
 * (splatWeights.ts), a graphics card makes them anew in every pass (passes/refine/gpuSplatWeights.ts).
 */
import type { IEllipses } from "./projectView.js";
import type { Work } from "../slices.js";

/** Edge of a tile in pixels: pictures are drawn, and sums are formed, tile after tile. */
export const TileEdge = 16;
/** Its pixels. */
export const TilePixels = TileEdge ** 2;

/** A tile whose light is used up needs no farther Gaussians. */
export const Opaque = 1e-5;

/**
 * What happens in a pixel between picture and transpose.
 * @param pixel row · S + column
 * @param drawn four numbers from `at` · 4 on: the picture's color over black, and its coverage
 * @param values three numbers from `at` · 3 on: to be set
 */
export type PixelStep = (pixel: number, drawn: Float32Array, values: Float32Array, at: number) => void;

/** The matrix w of one photo. The same calls give the same bytes. */
export interface ISplatWeights {
    /** S, edge of the picture in pixels. */
    readonly size: number;
    /** Bytes held, on either side. */
    readonly byteLength: number;
    /**
     * Draws colors, and sends what becomes of each pixel back.
     * Picture: P_i = Σ_j w_ij c_j. Transpose: T_j = Σ_i w_ij x_i, the sums of a tile first, then tiles in order.
     * Where no Gaussian is, pixels may be left out.
     * @param colors [n,3], or null if the picture does not matter
     * @param step makes x_i from P_i
     * @param into [n,3] T is added to it; null if only the picture matters
     * @returns yields the share done, 0 to 1, or what it waits for
     */
    pass(colors: Float32Array | null, step: PixelStep, into: Float32Array | null): Work<void>;
    /** Gives up what is held. May be called twice. */
    dispose(): void;
}

/**
 * Makes w.
 * @param size edge of the picture in pixels
 */
export type Weigher = (ellipses: IEllipses, size: number) => Work<ISplatWeights>;
