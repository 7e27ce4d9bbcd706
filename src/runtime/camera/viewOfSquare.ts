/** How a camera stands to what the landmark network sees of its frame. Twin: training/camera/views.py. */
import type { ITurnedRectangle } from "../photo/picture.js";
import type { IWritableNumbers } from "../../flame/rotation.js";

/**
 * Turn from the view of a square, which looks along the line of sight to its middle and rolls with it, to the camera.
 * So the same face at the frame's edge, or with the head on one side, has the same turn in its view.
 * @param frame its size in pixels
 * @param focal in heights of the frame
 * @param into [9] receives it, row-major
 */
export function ViewOfSquare(
    { centerX, centerY, rotation }: Pick<ITurnedRectangle, "centerX" | "centerY" | "rotation">,
    { width, height }: { readonly width: number; readonly height: number },
    focal: number,
    into: IWritableNumbers,
): void {
    let [backX, backY, backZ] = [-(centerX - width / 2) / height / focal, (centerY - height / 2) / height / focal, 1];
    const length = Math.hypot(backX, backY, backZ);
    backX /= length;
    backY /= length;
    backZ /= length;
    // right = (0, 1, 0) × back, up = back × right
    const level = Math.hypot(backZ, backX);
    const [rightX, rightZ] = [backZ / level, -backX / level];
    const [upX, upY, upZ] = [backY * rightZ, backZ * rightX - backX * rightZ, -backY * rightX];
    const [cos, sin] = [Math.cos(rotation), Math.sin(rotation)]; // the picture's y goes down: clockwise
    into[0] = cos * rightX - sin * upX;
    into[1] = sin * rightX + cos * upX;
    into[2] = backX;
    into[3] = -sin * upY;
    into[4] = cos * upY;
    into[5] = backY;
    into[6] = cos * rightZ - sin * upZ;
    into[7] = sin * rightZ + cos * upZ;
    into[8] = backZ;
}
