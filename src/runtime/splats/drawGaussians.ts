/** A quick drawing of Gaussians on the processor, round ones in place of ellipses: enough for a face detector. */
import type { IPicture } from "../photo/picture.js";
import type { IGaussians } from "./gaussians.js";

/** From where a drawing is made, without perspective. */
export interface ISight {
    /** [9] rows: right, up and towards the eye. */
    readonly rows: readonly number[];
    /** [3] what is in the middle. */
    readonly center: readonly number[];
    /** Units to each side. */
    readonly reach: number;
    /** Edge of the picture. */
    readonly sizePx: number;
}

/** A drawing over grey. */
export interface IDrawing {
    readonly picture: IPicture;
    /** [H,W] 0..1 how much is covered. */
    readonly coverage: Float32Array;
    /** [H,W] units towards the eye from the middle, times the coverage. */
    readonly depth: Float32Array;
}

const Grey = 0.5;
/** Pixels: smaller splats leave holes, larger ones take too long. */
const [LeastSigma, MostSigma] = [0.6, 6];
/** A splat is drawn this many sigmas wide. */
const Sigmas = 2;

export function DrawGaussians(gaussians: IGaussians, { rows, center, reach, sizePx }: ISight): IDrawing {
    const { count, places, sizes, colors, opacities } = gaussians;
    const pxPerUnit = sizePx / (2 * reach);
    const seen = new Float32Array(3 * count);
    for (let i = 0; i < count; i++) {
        for (let row = 0; row < 3; row++) {
            for (let axis = 0; axis < 3; axis++) {
                seen[3 * i + row] += rows[3 * row + axis] * (places[3 * i + axis] - center[axis]);
            }
        }
    }
    const order = Uint32Array.from({ length: count }, (_, i) => i).sort((a, b) => seen[3 * a + 2] - seen[3 * b + 2]);
    const image = new Float32Array(3 * sizePx * sizePx).fill(Grey);
    const coverage = new Float32Array(sizePx * sizePx);
    const depth = new Float32Array(sizePx * sizePx);
    for (const i of order) {
        const x = sizePx / 2 + seen[3 * i] * pxPerUnit - 0.5;
        const y = sizePx / 2 - seen[3 * i + 1] * pxPerUnit - 0.5;
        const least = Math.min(sizes[3 * i], sizes[3 * i + 1], sizes[3 * i + 2]);
        const mean = (sizes[3 * i] + sizes[3 * i + 1] + sizes[3 * i + 2] - least) / 2; // of the two larger ones
        const sigma = Math.min(MostSigma, Math.max(LeastSigma, mean * pxPerUnit));
        const [firstX, lastX] = [Math.max(0, Math.ceil(x - Sigmas * sigma)), Math.min(sizePx - 1, x + Sigmas * sigma)];
        const [firstY, lastY] = [Math.max(0, Math.ceil(y - Sigmas * sigma)), Math.min(sizePx - 1, y + Sigmas * sigma)];
        for (let row = firstY; row <= lastY; row++) {
            for (let column = firstX; column <= lastX; column++) {
                const distance2 = ((column - x) ** 2 + (row - y) ** 2) / (sigma * sigma);
                const alpha = opacities[i] * Math.exp(-distance2 / 2);
                const at = row * sizePx + column;
                for (let k = 0; k < 3; k++) {
                    image[3 * at + k] += alpha * (colors[3 * i + k] - image[3 * at + k]);
                }
                coverage[at] += alpha * (1 - coverage[at]);
                depth[at] += alpha * (seen[3 * i + 2] - depth[at]);
            }
        }
    }
    const data = new Uint8ClampedArray(4 * sizePx * sizePx).fill(255);
    for (let at = 0; at < sizePx * sizePx; at++) {
        for (let k = 0; k < 3; k++) {
            data[4 * at + k] = 255 * image[3 * at + k];
        }
    }
    return { picture: { data, width: sizePx, height: sizePx }, coverage, depth };
}
