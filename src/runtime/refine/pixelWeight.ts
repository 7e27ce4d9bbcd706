/** How much a pixel of a photo is believed: inside the photo and the person, a few pixels from the edge of either. */
import type { IRefineView } from "./refineInput.js";
import { Within, type Work } from "../slices.js";

const LinesPerYield = 64;

/**
 * @param erosion pixels' distance from the edge, in parts of the crop's side
 * @returns [S,S] bytes: the weight times 255; yields the share done
 */
export function* PixelWeight(
    { size, pixels, matte }: IRefineView,
    erosion: number,
): Work<Uint8ClampedArray<ArrayBuffer>> {
    const reach = Math.max(1, Math.round(erosion * size));
    const known = new Uint8ClampedArray(matte.length);
    for (let i = 0; i < known.length; i++) {
        known[i] = pixels[4 * i + 3] === 255 ? matte[i] : 0;
    }
    const across = yield* Within(LeastOfLines(known, size, reach, 1, size), 0, 0.5);
    const believed = yield* Within(LeastOfLines(across, size, reach, size, 1), 0.5, 1);
    for (let i = 0; i < believed.length; i++) {
        believed[i] = 2 * (believed[i] - 127.5); // from half to all
    }
    return believed;
}

/** The least value within `reach` along lines; beyond the crop it is 0. */
function* LeastOfLines(
    map: Uint8ClampedArray<ArrayBuffer>,
    size: number,
    reach: number,
    step: number,
    stride: number,
): Work<Uint8ClampedArray<ArrayBuffer>> {
    const into = new Uint8ClampedArray(map.length);
    for (let line = 0; line < size; line++) {
        for (let k = reach; k < size - reach; k++) {
            let least = 255;
            for (let near = k - reach; near <= k + reach; near++) {
                const value = map[line * stride + near * step];
                least = value < least ? value : least;
            }
            into[line * stride + k * step] = least;
        }
        if (line % LinesPerYield === LinesPerYield - 1) {
            yield line / size;
        }
    }
    return into;
}
