/** How much a grid's surface faces a photo's camera. */
import { Frames, type IGrid } from "./grids.js";
import type { Photo } from "./photo.js";

/**
 * Cosines between the outward normal and the direction to the camera.
 * @param turn −1 where columns run against the outside, else 1
 * @returns [rows,columns]
 */
export function Facing(points: IGrid, { eye }: Photo, turn: number): Float64Array {
    const { axes, width } = Frames(points);
    return width.map((_, i) => {
        const to = [0, 1, 2].map((axis) => eye[axis] - points.values[3 * i + axis]);
        const along = to[0] * axes[9 * i + 2] + to[1] * axes[9 * i + 5] + to[2] * axes[9 * i + 8];
        return (turn * along) / Math.hypot(...to);
    });
}
