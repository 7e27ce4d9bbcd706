/**
 * The camera path of the bench: an orbit around the head at eye height, the head filling four fifths of the picture.
 */

/** Edge of the picture, pixels. */
export const SizePx = 512;
/** Vertical field of view, radians: 0.3 m at {@link DistanceM}. */
export const FieldOfView = 2 * Math.atan(0.25);
export const DistanceM = 0.6;
export const Near = 0.1;
export const Far = 10;
/** What the picture is cleared to, sRGB-encoded 0..1. */
export const ClearColor = [51 / 255, 64 / 255, 77 / 255] as const;
/** Frame whose picture is compared. */
export const PictureFrame = 3;

/**
 * Where the camera is in a frame, looking at the origin, y up. Every frame differs by 5°, so that every contender has
 * to sort again.
 */
export function EyeOf(frame: number): [number, number, number] {
    const yaw = ((-30 + 5 * frame) * Math.PI) / 180;
    return [DistanceM * Math.sin(yaw), 0, DistanceM * Math.cos(yaw)];
}

/** View from world, right-handed (the camera looks along −z), column-major. */
export function ViewFromWorld(frame: number): Float64Array {
    const [x, y, z] = EyeOf(frame).map((value) => value / DistanceM); // backward
    return Float64Array.of(z, -x * y, x, 0, 0, 1, y, 0, -x, -z * y, z, 0, 0, 0, -DistanceM, 1);
}

/** Projection to NDC z 0..1, column-major. */
export function ClipFromView(): Float64Array {
    const f = 1 / Math.tan(FieldOfView / 2);
    return Float64Array.of(f, 0, 0, 0, 0, f, 0, 0, 0, 0, Far / (Near - Far), -1, 0, 0, (Near * Far) / (Near - Far), 0);
}
