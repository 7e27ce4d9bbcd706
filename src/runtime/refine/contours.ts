/**
 * Closed contours of MediaPipe's landmarks: eyes and inner lips. Left and right are the person's. Twin:
 * training/refine/views.py.
 */

/** Around the opening, from one corner; the first and the ninth point are the corners. */
export const RightEyeContour = [33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7] as const;
export const LeftEyeContour = [263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249] as const;
export const InnerLipsContour = [
    78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95,
] as const;

/** A polygon, [m,2], and the box around it. */
export interface IContour {
    readonly points: Float32Array;
    readonly left: number;
    readonly top: number;
    readonly right: number;
    readonly bottom: number;
}

/** @param landmarks [478,2] */
export function ContourOf(landmarks: Float32Array, indices: readonly number[]): IContour {
    const points = Float32Array.from(
        { length: 2 * indices.length },
        (_, i) => landmarks[2 * indices[i >> 1] + (i & 1)],
    );
    const [xs, ys] = [points.filter((_, i) => i % 2 === 0), points.filter((_, i) => i % 2 === 1)];
    return { points, left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
}

/** Distance of a point to the polygon's edges where it lies inside (even-odd rule); 0 outside. */
export function DepthInside({ points, left, top, right, bottom }: IContour, x: number, y: number): number {
    if (x < left || x > right || y < top || y > bottom) {
        return 0;
    }
    let nearest = Infinity;
    let isInside = false;
    for (let i = 0; i < points.length; i += 2) {
        const next = i + 2 < points.length ? i + 2 : 0;
        const [ax, ay] = [points[i], points[i + 1]];
        const [ex, ey] = [points[next] - ax, points[next + 1] - ay];
        const along = Math.min(1, Math.max(0, ((x - ax) * ex + (y - ay) * ey) / Math.max(ex * ex + ey * ey, 1e-12)));
        nearest = Math.min(nearest, Math.hypot(x - ax - along * ex, y - ay - along * ey));
        if (ay > y !== points[next + 1] > y && x < ax + ((y - ay) / ey) * ex) {
            isInside = !isInside;
        }
    }
    return isInside ? nearest : 0;
}

/** Height over width of an eye: the mean of its three middle heights over the distance of its corners. */
export function EyeOpening({ points }: IContour): number {
    const distance = (a: number, b: number): number =>
        Math.hypot(points[2 * a] - points[2 * b], points[2 * a + 1] - points[2 * b + 1]);
    return (distance(3, 13) + distance(4, 12) + distance(5, 11)) / 3 / Math.max(distance(0, 8), 1e-6);
}
