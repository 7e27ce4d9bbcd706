/**
 * The crop that hair and bust are filled from: the networks' crop (crop.ts), wider about the same centre, for most of
 * shoulders and long hair lie outside of that one. It is cut out of the background later, beside the page
 * (bust/fillFromCrops.ts).
 */
import type { ICrop } from "./crop.js";
import type { IPersonMask } from "./faceFinder.js";
import { ResizeMap } from "./picture.js";

/** Its edge in parts of the networks' crop. */
export const WiderThanCrop = 2;
/**
 * Most pixels of the networks' crop in it: 0.7 mm each, where the page's texels are 2 to 4 apart. Cutting out 640 takes
 * twice as long.
 */
const MostFillPx = 448;
/** Edges between which {@link WideSize} chooses, in pixels. */
const LeastWidePx = 512;
const MostWidePx = WiderThanCrop * MostFillPx;

/** One photo around a head. */
export interface IWideCrop {
    /** S, edge in pixels: a multiple of 16. */
    readonly size: number;
    /**
     * [S,S,4] sRGB-encoded bytes; alpha is 255 where the photo shows something and 0 where it does not. What is there
     * has colors that go on from the photo's edge.
     */
    readonly pixels: Uint8ClampedArray<ArrayBuffer>;
    /** Radians by which it is turned in the photo, as {@link ICrop}. */
    readonly roll: number;
    /** What networks say of the person, over this crop. */
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

/** Of the networks' crop: the border in which its mask gives way to the wide one. */
const Border = 0.12;

/**
 * What is known of the person in both crops: in the middle from the networks' crop, which shows it twice as large,
 * around that from the wide one.
 * @param inner over the networks' crop
 * @param wide over the wide crop
 * @returns over the wide crop, as fine as `inner`; with classes where both have them
 */
export function MergeMasks(inner: IPersonMask, wide: IPersonMask): IPersonMask {
    const { size } = inner;
    const edge = WiderThanCrop * size;
    const first = (edge - size) / 2;
    const shareAt = (k: number): number =>
        Math.min(1, Math.max(0, (Math.min(k, size - 1 - k) + 0.5) / (Border * size)));
    const shares = Float32Array.from({ length: size }, (_, k) => shareAt(k));
    const merged = (near: Float32Array, far: Float32Array): Float32Array => {
        const map = ResizeMap(far, wide.size, edge);
        for (let row = 0; row < size; row++) {
            for (let column = 0; column < size; column++) {
                const at = (first + row) * edge + first + column;
                map[at] += Math.min(shares[row], shares[column]) * (near[row * size + column] - map[at]);
            }
        }
        return map;
    };
    const [near, far] = [inner.classes, wide.classes];
    return {
        mask: merged(inner.mask, wide.mask),
        size: edge,
        ...(near && far
            ? { classes: [merged(near[0], far[0]), merged(near[1], far[1]), merged(near[2], far[2])] }
            : {}),
    };
}
