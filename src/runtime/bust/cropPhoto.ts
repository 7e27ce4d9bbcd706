/** A photo for the filling from a crop that was prepared for detail (detailCrop.ts). */
import type { CropCamera } from "../../flame/fit/camera.js";
import { ResizeMap } from "../photo/picture.js";
import type { IDetailCrop } from "../photo/detailCrop.js";
import { ShrinkView } from "../refine/shrinkView.js";
import type { Work } from "../slices.js";
import type { IBustPhoto } from "./bustInput.js";

/** A photo is shrunk so that the crop of its camera has at most so many pixels. */
const MostCropPx = 640;

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
 * @returns yields the share done
 */
export function* PhotoOfCrop(detail: IDetailCrop, camera: CropCamera, wider: number, classes: IClassMaps | null): Work<IBustPhoto> {
    const { size, pixels, matte } = yield* ShrinkView(detail, Math.round(MostCropPx * wider));
    const planes = classes?.maps.map((map) => (classes.size === size ? map : ResizeMap(map, classes.size, size)));
    return {
        width: size,
        height: size,
        pixels,
        matte,
        classes: planes ? Uint8ClampedArray.from({ length: 3 * size * size }, (_, i) => 255 * planes[i % 3][Math.floor(i / 3)]) : null,
        crop: { centerX: size / 2, centerY: size / 2, sidePx: size / wider, cosRoll: 1, sinRoll: 0 },
        rotation: camera.rotation,
        translation: camera.translation,
        focal: camera.focal,
    };
}
