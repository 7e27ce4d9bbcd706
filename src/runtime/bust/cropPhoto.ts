/** A photo for the filling from a crop that was prepared for detail (detailCrop.ts). */
import type { CropCamera } from "../../flame/fit/camera.js";
import { ResizeMap } from "../photo/picture.js";
import type { IDetailCrop } from "../photo/detailCrop.js";
import { ShrinkView } from "../refine/shrinkView.js";
import { Within, type Work } from "../slices.js";
import type { IBustPhoto } from "./bustInput.js";

/** A photo is shrunk so that the crop of its camera has at most so many pixels. */
const MostCropPx = 640;
const RowsPerYield = 128;

/** What a network says of a crop. */
export interface IClassMaps {
    /** Edge in pixels. */
    readonly size: number;
    /** Hair, skin and clothes, [size,size] each, 0..1. */
    readonly maps: readonly [Float32Array, Float32Array, Float32Array];
}

/**
 * @param detail the crop, which may be wider than that of the camera
 * @param camera of the crop that the networks saw
 * @param wider edge of `detail` in parts of that crop, about the same centre: 1 for the same crop
 * @param classes over `detail`, or null where no network tells them
 * @param roll by which the crop is turned in the photo, radians
 * @returns yields the share done
 */
export function* PhotoOfCrop(
    detail: Pick<IDetailCrop, "size" | "pixels" | "matte">,
    camera: CropCamera,
    wider: number,
    classes: IClassMaps | null,
    roll = 0,
): Work<IBustPhoto> {
    const { size, pixels, matte } = yield* Within(ShrinkView(detail, Math.round(MostCropPx * wider)), 0, 0.5);
    return {
        width: size,
        height: size,
        pixels,
        matte,
        classes: classes ? yield* Within(Interleaved(classes, size), 0.5, 1) : null,
        crop: { centerX: size / 2, centerY: size / 2, sidePx: size / wider, cosRoll: 1, sinRoll: 0 },
        roll,
        rotation: camera.rotation,
        translation: camera.translation,
        focal: camera.focal,
    };
}

/** [size,size,3] bytes. */
function* Interleaved({ size: from, maps }: IClassMaps, size: number): Work<Uint8ClampedArray> {
    const bytes = new Uint8ClampedArray(3 * size * size);
    for (const [k, map] of maps.entries()) {
        const plane = from === size ? map : ResizeMap(map, from, size);
        for (let row = 0; row < size; row++) {
            for (let i = row * size; i < (row + 1) * size; i++) {
                bytes[3 * i + k] = 255 * plane[i];
            }
            if (row % RowsPerYield === 0) {
                yield (k + row / size) / 3;
            }
        }
    }
    return bytes;
}
