/** A photo at fewer pixels: means over the area of each, in steps. What is not wholly known is not known. */
import type { IRefineView } from "./refineInput.js";

const RowsPerYield = 32;

/**
 * @param size edge wanted
 * @returns the view itself where it is no larger; yields the share done
 */
export function* ShrinkView<T extends Pick<IRefineView, "size" | "pixels" | "matte">>(
    view: T,
    size: number,
): Generator<number, T> {
    if (view.size <= size) {
        return view;
    }
    const step = view.size / size;
    const pixels = new Uint8ClampedArray(4 * size * size);
    const matte = new Uint8ClampedArray(size * size);
    const sums = new Float64Array(5);
    for (let row = 0; row < size; row++) {
        for (let column = 0; column < size; column++) {
            let isKnown = true;
            sums.fill(0);
            for (let y = Math.floor(row * step); y < (row + 1) * step; y++) {
                const high = Math.min(y + 1, (row + 1) * step) - Math.max(y, row * step);
                for (let x = Math.floor(column * step); x < (column + 1) * step; x++) {
                    const weight =
                        (high * (Math.min(x + 1, (column + 1) * step) - Math.max(x, column * step))) / (step * step);
                    const at = y * view.size + x;
                    for (let channel = 0; channel < 3; channel++) {
                        sums[channel] += weight * view.pixels[4 * at + channel];
                    }
                    sums[3] += weight * view.matte[at];
                    isKnown &&= view.pixels[4 * at + 3] === 255;
                }
            }
            const at = row * size + column;
            pixels.set([sums[0], sums[1], sums[2], isKnown ? 255 : 0], 4 * at);
            matte[at] = sums[3];
        }
        if (row % RowsPerYield === RowsPerYield - 1) {
            yield row / size;
        }
    }
    return { ...view, size, pixels, matte };
}
