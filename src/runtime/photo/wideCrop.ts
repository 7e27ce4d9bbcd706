/**
 * The crop that hair and bust are filled from: the networks' crop (crop.ts), wider about the same centre, for most of shoulders and long hair lie
 * outside of that one. It is cut out of the background later, beside the page (bust/fillFromCrops.ts).
 */
import type { ICrop } from "./crop.js";
import type { IPersonMask } from "./faceFinder.js";

/** Its edge in parts of the networks' crop. */
export const WiderThanCrop = 2;
/** Most pixels of the networks' crop in it: half a millimeter each, where the page's texels are 2 to 4 apart. Cutting out 640 takes half as long again. */
const MostFillPx = 512;
/** Edges between which {@link WideSize} chooses, in pixels. */
const LeastWidePx = 512;
const MostWidePx = WiderThanCrop * MostFillPx;

/** One photo around a head. */
export interface IWideCrop {
    /** S, edge in pixels: a multiple of 16. */
    readonly size: number;
    /** [S,S,4] sRGB-encoded bytes; alpha is 255 where the photo shows something and 0 where it does not. What is there has colors that go on from the photo's edge. */
    readonly pixels: Uint8ClampedArray<ArrayBuffer>;
    /** What a network says of the person, over this crop. */
    readonly person: IPersonMask;
}

/** The wider square about the same centre. */
export function WideCropOf(crop: ICrop): ICrop {
    return { ...crop, sidePx: WiderThanCrop * crop.sidePx };
}

/**
 * Edge of the wide crop: as many pixels as the photo has there, to a multiple of 16.
 * @param sidePx edge of the wide crop in photo pixels
 */
export function WideSize(sidePx: number): number {
    return Math.min(MostWidePx, Math.max(LeastWidePx, 16 * Math.round(sidePx / 16)));
}
