/**
 * The splat rasteriser that every other one is measured against: slow, float64, one splat after the other. Falloff
 * exp(−d²/2) with the Mahalanobis distance d of the 2D covariance, cut at 1/255 (a
 * shell's: its own), premultiplied "over" on sRGB-encoded
 * color.
 */
import { AlphaCut } from "../layout.js";

/** What is drawn; a splat of {@link SplatProjectReference} is one. */
export interface IRasterSplat {
    /** Pixels, y up, origin in the middle of the image. */
    readonly centerPx: readonly [number, number];
    /** xx, xy, yy in px² */
    readonly covariancePx: readonly [number, number, number];
    readonly color: readonly number[];
    readonly alpha: number;
    /** Alpha down to which it is drawn. Default 1/255 */
    readonly faintest?: number;
}

/**
 * Draws splats over transparent black.
 * @param splats back to front
 * @returns [height,width,4] premultiplied RGBA, row 0 at the top
 */
export function RasterizeReference(splats: Iterable<IRasterSplat>, width: number, height: number): Float64Array {
    const image = new Float64Array(4 * width * height);
    for (const { centerPx, covariancePx, color, alpha, faintest = AlphaCut } of splats) {
        const [xx, xy, yy] = covariancePx;
        const determinant = xx * yy - xy * xy;
        const centerX = width / 2 + centerPx[0];
        const centerY = height / 2 - centerPx[1];
        // Beyond this many pixels even the longest axis is below the cut.
        const reach = Math.sqrt(Math.max(2 * Math.log(alpha / faintest), 0));
        const [reachX, reachY] = [reach * Math.sqrt(xx), reach * Math.sqrt(yy)];
        for (let row = Math.max(0, Math.floor(centerY - reachY)); row < Math.min(height, centerY + reachY + 1); row++) {
            for (
                let column = Math.max(0, Math.floor(centerX - reachX));
                column < Math.min(width, centerX + reachX + 1);
                column++
            ) {
                const x = column + 0.5 - centerX;
                const y = centerY - (row + 0.5);
                const distance2 = (yy * x * x - 2 * xy * x * y + xx * y * y) / determinant;
                const a = alpha * Math.exp(-distance2 / 2);
                if (a >= faintest) {
                    const at = 4 * (row * width + column);
                    for (let c = 0; c < 3; c++) {
                        image[at + c] = color[c] * a + (1 - a) * image[at + c];
                    }
                    image[at + 3] = a + (1 - a) * image[at + 3];
                }
            }
        }
    }
    return image;
}
