/** Person against background: softens the mask and puts grey behind the person, as in training. */

/** Color of everything that is not the person, as in training. */
export const BackgroundGrey = 0.5;
/** The mask is nearly binary with a rim of a few pixels; this range of it becomes the soft edge. */
const EdgeLow = 0.1;
const EdgeHigh = 0.9;

/**
 * Smooths a mask with a 3×3 binomial kernel and stretches its rim to 0..1 (smoothstep).
 * @param mask `[S,S]` 0..1
 * @param size S
 * @returns a new `[S,S]` 0..1
 */
export function SoftenMatte(mask: Float32Array, size: number): Float32Array {
    const rows = new Float32Array(mask.length);
    const soft = new Float32Array(mask.length);
    const last = size - 1;
    for (let y = 0; y < size; y++) {
        for (let x = 0; x < size; x++) {
            const row = y * size;
            rows[row + x] = (mask[row + Math.max(0, x - 1)] + 2 * mask[row + x] + mask[row + Math.min(last, x + 1)]) / 4;
        }
    }
    for (let y = 0; y < size; y++) {
        const above = Math.max(0, y - 1) * size;
        const below = Math.min(last, y + 1) * size;
        for (let x = 0; x < size; x++) {
            const value = (rows[above + x] + 2 * rows[y * size + x] + rows[below + x]) / 4;
            const t = Math.min(1, Math.max(0, (value - EdgeLow) / (EdgeHigh - EdgeLow)));
            soft[y * size + x] = t * t * (3 - 2 * t);
        }
    }
    return soft;
}

/**
 * Blends a picture over grey.
 * @param rgba `[S,S,4]` bytes, sRGB-encoded, opaque
 * @param matte `[S,S]` 0..1
 * @returns `[3,S,S]` RGB 0..1, sRGB-encoded
 */
export function ComposeOverGrey(rgba: Uint8ClampedArray, matte: Float32Array): Float32Array {
    const pixels = matte.length;
    const image = new Float32Array(3 * pixels);
    for (let i = 0; i < pixels; i++) {
        for (let channel = 0; channel < 3; channel++) {
            image[channel * pixels + i] = BackgroundGrey + matte[i] * (rgba[4 * i + channel] / 255 - BackgroundGrey);
        }
    }
    return image;
}
