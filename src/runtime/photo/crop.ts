/**
 * The square crop that the networks see, from MediaPipe's landmarks (docs/conventions.md, "Crop").
 * Twin: training/synth/crop.py. All points are in pixels, origin top left, x right, y down, pixel centres at +0.5.
 */
import { FlexAvatarError } from "../../flame/error.js";

/** MediaPipe's landmark count with irises. */
export const LandmarkCount = 478;
/** Corners of the eyes and of the mouth in MediaPipe's numbering; left and right are the head's own. */
export const EyeRightCorners = [33, 133] as const;
export const EyeLeftCorners = [362, 263] as const;
const MouthCorners = [61, 291] as const;

const SidePerEyeDistance = 5.2;
const SidePerEyeToMouth = 4.8;
const CentreBelowEyes = 0.02;
/**
 * Below this ratio of eye distance to eye-mouth distance the face is seen from the side and its vertical is the surer
 * guide.
 */
const LeastEyeRatio = 0.3;

/**
 * A rotated square in a photo: crop pixel = S/2 + S/side · Rᵀ(photo pixel − centre), with R's columns `right` and
 * `down`.
 */
export interface ICrop {
    /** Centre in photo pixels. */
    centerX: number;
    centerY: number;
    /** Edge in photo pixels. */
    sidePx: number;
    /** Unit vector of the crop's x axis in the photo: (cos roll, sin roll). Its y axis is (−sin roll, cos roll). */
    cosRoll: number;
    sinRoll: number;
}

/**
 * Places the crop.
 * @param landmarksPx `[478,2]` or `[478,3]` photo pixels, row by row
 * @param stride numbers per landmark, 2 or 3
 * @returns the crop that puts the eyes level and a little above the middle
 * @throws FlexAvatarError `photo-no-face` when the landmarks fall together in one point
 */
export function CropFromLandmarks(landmarksPx: ArrayLike<number>, stride: 2 | 3): ICrop {
    const mean = (indices: readonly number[], axis: number): number => {
        return indices.reduce((sum, index) => sum + landmarksPx[index * stride + axis], 0) / indices.length;
    };
    const rightX = mean(EyeRightCorners, 0);
    const rightY = mean(EyeRightCorners, 1);
    const leftX = mean(EyeLeftCorners, 0);
    const leftY = mean(EyeLeftCorners, 1);
    const eyesX = (rightX + leftX) / 2;
    const eyesY = (rightY + leftY) / 2;
    const ex = leftX - rightX;
    const ey = leftY - rightY;
    const dx = mean(MouthCorners, 0) - eyesX;
    const dy = mean(MouthCorners, 1) - eyesY;
    const eyeDistance = Math.hypot(ex, ey);
    const eyeToMouth = Math.hypot(dx, dy);
    const sidePx = Math.max(SidePerEyeDistance * eyeDistance, SidePerEyeToMouth * eyeToMouth);
    if (!(sidePx > 0) || !Number.isFinite(sidePx)) {
        throw new FlexAvatarError("photo-no-face", "The face landmarks of the photo fall together in one point.");
    }
    const fromSide = eyeDistance < LeastEyeRatio * eyeToMouth;
    const cosRoll = fromSide ? dy / eyeToMouth : ex / eyeDistance;
    const sinRoll = fromSide ? -dx / eyeToMouth : ey / eyeDistance;
    const below = CentreBelowEyes * sidePx;
    return { centerX: eyesX - sinRoll * below, centerY: eyesY + cosRoll * below, sidePx, cosRoll, sinRoll };
}

/** @returns crop coordinates 0..1 of a photo pixel */
export function CropFromPhoto(crop: ICrop, x: number, y: number): [number, number] {
    const dx = (x - crop.centerX) / crop.sidePx;
    const dy = (y - crop.centerY) / crop.sidePx;
    return [0.5 + crop.cosRoll * dx + crop.sinRoll * dy, 0.5 - crop.sinRoll * dx + crop.cosRoll * dy];
}

/** @returns photo pixel of crop coordinates 0..1; the inverse of {@link CropFromPhoto} */
export function PhotoFromCrop(crop: ICrop, u: number, v: number): [number, number] {
    const dx = (u - 0.5) * crop.sidePx;
    const dy = (v - 0.5) * crop.sidePx;
    return [crop.centerX + crop.cosRoll * dx - crop.sinRoll * dy, crop.centerY + crop.sinRoll * dx + crop.cosRoll * dy];
}

/**
 * The same map as {@link CropFromPhoto} for a canvas of `cropPx` pixels.
 * @returns arguments a, b, c, d, e, f of `CanvasRenderingContext2D.setTransform`
 */
export function CanvasTransform(crop: ICrop, cropPx: number): [number, number, number, number, number, number] {
    const scale = cropPx / crop.sidePx;
    const a = scale * crop.cosRoll;
    const b = -scale * crop.sinRoll;
    const e = cropPx / 2 - a * crop.centerX + b * crop.centerY;
    const f = cropPx / 2 - b * crop.centerX - a * crop.centerY;
    return [a, b, -b, a, e, f];
}

/** Left, top, width and height in photo pixels. */
export type PhotoRectangle = [number, number, number, number];

/**
 * What lies below a head whose photo ends too early: the photo's edge on that side goes on, so that a neck keeps its
 * color instead of fading to the grey of the background.
 * @param width upright size of the photo in pixels
 * @returns the outermost row or column of pixels on the side that the crop's y axis points to, and the rectangle it is
 * to fill: itself and what a crop can reach beyond it
 */
export function EdgeBelow(crop: ICrop, width: number, height: number): { edge: PhotoRectangle; reach: PhotoRectangle } {
    const [downX, downY] = [-crop.sinRoll, crop.cosRoll];
    const reach = 1 + crop.sidePx;
    if (Math.abs(downY) >= Math.abs(downX)) {
        const y = downY > 0 ? height - 1 : 0;
        return { edge: [0, y, width, 1], reach: [0, downY > 0 ? y : 1 - reach, width, reach] };
    }
    const x = downX > 0 ? width - 1 : 0;
    return { edge: [x, 0, 1, height], reach: [downX > 0 ? x : 1 - reach, 0, reach, height] };
}
