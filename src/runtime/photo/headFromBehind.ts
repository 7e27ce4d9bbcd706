/** About where the head of a person is who is seen from behind, by the outline alone. */

/** Side of the networks' crop in widths of a head with hair. */
export const CropPerHead = 1.9;
/** The head ends where it is this share of its width below its top; its middle is there too. */
const MiddlePerWidth = 0.75;
/** Pixels of a row that are more than a stray strand. */
const LeastRun = 4;

/** A head, in pixels. */
export interface IHeadFromBehind {
    readonly x: number;
    readonly y: number;
    readonly width: number;
}

/**
 * The topmost part of an outline that is about as high as wide.
 * @param mask [size,size] 0..1 of an upright person
 * @returns null where there is none
 */
export function HeadFromBehind(mask: Float32Array, size: number): IHeadFromBehind | null {
    let [top, width] = [-1, 0];
    const columns: number[] = [];
    for (let row = 0; row < size; row++) {
        const on = Array.from({ length: size }, (_, column) => column).filter((k) => mask[row * size + k] > 0.5);
        if (top < 0 && on.length <= LeastRun) {
            continue;
        }
        top = top < 0 ? row : top;
        columns.push(...on);
        width = Math.max(width, on.length);
        if (row - top >= MiddlePerWidth * width) {
            const x = columns.sort((a, b) => a - b)[columns.length >> 1] + 0.5;
            return { x, y: top + MiddlePerWidth * width, width };
        }
    }
    return null;
}
