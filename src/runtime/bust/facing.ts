/** How much a grid's surface faces a photo's camera. */
import { Frames, type IGrid } from "./grids.js";
import type { Photo } from "./photo.js";

/** Cosines to a camera behind, up to which and from which on its photo is believed: it is about right. */
export const RimBehind = [0.35, 0.65] as const;

/**
 * Cosines between the outward normal and the direction to the camera.
 * @param turn −1 where columns run against the outside, else 1
 * @returns [rows,columns]
 */
export function Facing(points: IGrid, { eye }: Pick<Photo, "eye">, turn: number): Float64Array {
    const { axes, width } = Frames(points);
    const { values } = points;
    return width.map((_, i) => {
        const x = eye[0] - values[3 * i];
        const y = eye[1] - values[3 * i + 1];
        const z = eye[2] - values[3 * i + 2];
        const along = x * axes[9 * i + 2] + y * axes[9 * i + 5] + z * axes[9 * i + 8];
        return (turn * along) / Math.hypot(x, y, z);
    });
}
