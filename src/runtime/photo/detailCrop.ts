/**
 * The crop that refinement reads: the same square as the networks' crop (crop.ts), at the photo's own resolution,
 * without a background put behind the person, and with what the photo does not show marked. Twin:
 * training/refine/portraits.py.
 */
import { PhotoFromCrop, type ICrop } from "./crop.js";

/** One photo at its own resolution. */
export interface IDetailCrop {
    /** S, edge in pixels: a multiple of 16. */
    readonly size: number;
    /**
     * [S,S,4] sRGB-encoded bytes, in the person's rim without the background's light; alpha is 255 where the photo
     * shows something and 0 where it does not, at its last row of pixels too.
     */
    readonly pixels: Uint8ClampedArray<ArrayBuffer>;
    /** [S,S] bytes, 255 on the person. */
    readonly matte: Uint8ClampedArray<ArrayBuffer>;
}

/** Edges between which {@link DetailSize} chooses, in pixels. */
export const LeastDetailPx = 512;
export const MostDetailPx = 1024;

/**
 * Edge of the crop for detail: that of the crop in the photo, to a multiple of 16.
 * @param sidePx edge of the crop in photo pixels
 * @param most largest edge wanted, 512 to 1024
 */
export function DetailSize(sidePx: number, most = MostDetailPx): number {
    return Math.min(most, Math.max(LeastDetailPx, 16 * Math.round(sidePx / 16)));
}

/**
 * Puts a crop and its matte together.
 * @param rgba [S,S,4] the crop (matting.ts)
 * @param matte [S,S] 0..1
 * @param width upright size of the photo in pixels
 */
export function ToDetailCrop(
    rgba: Uint8ClampedArray,
    matte: Float32Array,
    crop: ICrop,
    width: number,
    height: number,
    size: number,
): IDetailCrop {
    const pixels = new Uint8ClampedArray(rgba);
    MarkOutside(pixels, crop, width, height, size);
    return { size, pixels, matte: MatteBytes(matte) };
}

/**
 * Sets the alpha of a crop: 255 where the photo shows something, else 0.
 * @param pixels [S,S,4] of the crop
 * @param width upright size of the photo in pixels
 */
export function MarkOutside(pixels: Uint8ClampedArray, crop: ICrop, width: number, height: number, size: number): void {
    // The outermost pixel of the photo, and of the crop, is mixed with what is beyond it.
    const edge = Math.max(1, crop.sidePx / size);
    const step = crop.sidePx / size;
    for (let row = 0; row < size; row++) {
        let [x, y] = PhotoFromCrop(crop, 0.5 / size, (row + 0.5) / size);
        for (let column = 0; column < size; column++) {
            const isInside = x >= edge && x <= width - edge && y >= edge && y <= height - edge;
            pixels[4 * (row * size + column) + 3] = isInside ? 255 : 0;
            x += step * crop.cosRoll;
            y += step * crop.sinRoll;
        }
    }
}

/** A matte of 0..1 as bytes. */
export function MatteBytes(matte: Float32Array): Uint8ClampedArray<ArrayBuffer> {
    const bytes = new Uint8ClampedArray(matte.length);
    for (let i = 0; i < bytes.length; i++) {
        bytes[i] = 255 * matte[i]; // `from` with a function took 40 ms of the page
    }
    return bytes;
}
