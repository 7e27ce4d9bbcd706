/**
 * Where an avatar is in a view, and whether it is in it. Products are formed in float64, so an avatar far from the
 * world's origin loses nothing. One avatar at a time: what {@link PlaceAvatar} finds is here until the next one.
 */
import type { ICameraSettings, ICrowdMember } from "./viewSettings.js";

/** 4×4, of the avatar that was placed last. */
export const ViewFromPosed = new Float64Array(16);
/** 4×4, likewise, for NDC z of 0..1. */
export const ClipFromPosed = new Float64Array(16);
/** In posed space, likewise: a point with w = 1, or the direction towards an orthographic camera with w = 0. */
export const Eye = new Float64Array(4);
/** Pixels that a splat may reach beyond the box of its avatar, for the low-pass filter. */
const FilterReachPx = 2;

/** Fills ViewFromPosed, ClipFromPosed and Eye. @returns whether any of the avatar's box may be in the view */
export function PlaceAvatar(camera: ICameraSettings, { avatar, worldFromPosed }: ICrowdMember): boolean {
    Multiply(camera.viewFromWorld, worldFromPosed, ViewFromPosed);
    ReadEye(IsPerspective(camera) ? null : -Ahead(camera));
    Multiply(camera.clipFromView, ViewFromPosed, ClipFromPosed);
    if (camera.ndcHalfZ === false) {
        for (let column = 0; column < 4; column++) {
            ClipFromPosed[4 * column + 2] = 0.5 * (ClipFromPosed[4 * column + 2] + ClipFromPosed[4 * column + 3]);
        }
    }
    const reachX = 1 + (2 * FilterReachPx) / camera.viewportWidthPx;
    const reachY = 1 + (2 * FilterReachPx) / camera.viewportHeightPx;
    const { min, max } = avatar.bounds;
    let outside = 63;
    for (let corner = 0; corner < 8; corner++) {
        const px = corner & 1 ? max[0] : min[0];
        const py = corner & 2 ? max[1] : min[1];
        const pz = corner & 4 ? max[2] : min[2];
        const m = ClipFromPosed;
        const x = m[0] * px + m[4] * py + m[8] * pz + m[12];
        const y = m[1] * px + m[5] * py + m[9] * pz + m[13];
        const z = m[2] * px + m[6] * py + m[10] * pz + m[14];
        const w = m[3] * px + m[7] * py + m[11] * pz + m[15];
        outside &=
            (x < -reachX * w ? 1 : 0) |
            (x > reachX * w ? 2 : 0) |
            (y < -reachY * w ? 4 : 0) |
            (y > reachY * w ? 8 : 0) |
            (z < 0 ? 16 : 0) |
            (z > w ? 32 : 0);
    }
    return (camera.keepOffScreen ? outside & 48 : outside) === 0; // 48: before or behind
}

/**
 * A projection whose clip w does not depend on view z is orthographic: every point sees the camera in the same
 * direction.
 */
export function IsPerspective({ clipFromView }: ICameraSettings): boolean {
    return clipFromView[11] !== 0;
}

/** Sign of view z where the camera looks. */
export function Ahead({ rightHanded }: ICameraSettings): number {
    return rightHanded ? -1 : 1;
}

/** `into` = `a` · `b`. */
function Multiply(a: ArrayLike<number>, b: ArrayLike<number>, into: Float64Array): void {
    for (let column = 0; column < 4; column++) {
        for (let row = 0; row < 4; row++) {
            let sum = 0;
            for (let k = 0; k < 4; k++) {
                sum += a[4 * k + row] * b[4 * column + k];
            }
            into[4 * column + row] = sum;
        }
    }
}

/**
 * Fills Eye: the view origin (`towards` null), or the direction (0, 0, towards), taken from view space to posed space
 * by Cramer's rule.
 */
function ReadEye(towards: number | null): void {
    const m = ViewFromPosed;
    const x = towards === null ? -m[12] : 0;
    const y = towards === null ? -m[13] : 0;
    const z = towards === null ? -m[14] : towards;
    const cofactorX = m[5] * m[10] - m[6] * m[9];
    const cofactorY = m[6] * m[8] - m[4] * m[10];
    const cofactorZ = m[4] * m[9] - m[5] * m[8];
    const determinant = m[0] * cofactorX + m[1] * cofactorY + m[2] * cofactorZ;
    const scale = determinant === 0 ? 0 : 1 / determinant; // a flattened avatar has no inside
    Eye[3] = towards === null ? 1 : 0;
    // Rows of the inverse are the cross products of the columns.
    Eye[0] = scale * (x * cofactorX + y * cofactorY + z * cofactorZ);
    Eye[1] =
        scale * (x * (m[9] * m[2] - m[10] * m[1]) + y * (m[10] * m[0] - m[8] * m[2]) + z * (m[8] * m[1] - m[9] * m[0]));
    Eye[2] =
        scale * (x * (m[1] * m[6] - m[2] * m[5]) + y * (m[2] * m[4] - m[0] * m[6]) + z * (m[0] * m[5] - m[1] * m[4]));
}
