/** Puts grey behind the person, as in training. */

/** Color of everything that is not the person, as in training. */
const BackgroundGrey = 0.5;
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
