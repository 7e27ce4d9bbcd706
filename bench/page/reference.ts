/**
 * The picture that all others are compared with: every Gaussian projected by the textbook formula in float64, sorted by
 * depth, and rasterised slowly.
 */
import { RasterizeReference, type IRasterSplat } from "../../src/runtime/reference/rasterize";
import { ClearColor, FieldOfView, SizePx, ViewFromWorld } from "./camera";
import type { IGaussians } from "./head";

/** Variance that the training rasteriser adds, px². */
const DilationPx2 = 0.3;

/** RGBA bytes, row 0 at the top, over the clear color. */
export function ReferencePicture(head: IGaussians, frame: number): Uint8ClampedArray<ArrayBuffer> {
    const view = ViewFromWorld(frame);
    const focal = SizePx / 2 / Math.tan(FieldOfView / 2);
    const splats: (IRasterSplat & { depth: number })[] = [];
    for (let i = 0; i < head.count; i++) {
        const [x, y, z] = [0, 1, 2].map((row) => TransformRow(view, row, head.position.subarray(3 * i, 3 * i + 3)));
        const depth = -z;
        const jacobianX = [0, 1, 2].map((k) => (focal / depth) * (view[4 * k] + (x / depth) * view[4 * k + 2]));
        const jacobianY = [0, 1, 2].map((k) => (focal / depth) * (view[4 * k + 1] + (y / depth) * view[4 * k + 2]));
        const rotation = RotationOf(head.rotation.subarray(4 * i, 4 * i + 4));
        const covariance = [DilationPx2, 0, DilationPx2];
        for (let axis = 0; axis < 3; axis++) {
            const scale = head.scale[3 * i + axis];
            const alongX =
                scale *
                (jacobianX[0] * rotation[axis] + jacobianX[1] * rotation[3 + axis] + jacobianX[2] * rotation[6 + axis]);
            const alongY =
                scale *
                (jacobianY[0] * rotation[axis] + jacobianY[1] * rotation[3 + axis] + jacobianY[2] * rotation[6 + axis]);
            covariance[0] += alongX * alongX;
            covariance[1] += alongX * alongY;
            covariance[2] += alongY * alongY;
        }
        splats.push({
            centerPx: [(focal * x) / depth, (focal * y) / depth],
            covariancePx: covariance as [number, number, number],
            color: Array.from(head.color.subarray(3 * i, 3 * i + 3)),
            alpha: head.opacity[i],
            depth,
        });
    }
    splats.sort((a, b) => b.depth - a.depth);
    const image = RasterizeReference(splats, SizePx, SizePx);
    const bytes = new Uint8ClampedArray(image.length);
    for (let at = 0; at < image.length; at += 4) {
        for (let c = 0; c < 3; c++) {
            bytes[at + c] = 255 * (image[at + c] + (1 - image[at + 3]) * ClearColor[c]);
        }
        bytes[at + 3] = 255;
    }
    return bytes;
}

/** Peak signal-to-noise ratio of the colors, dB. */
export function Psnr(a: ArrayLike<number>, b: ArrayLike<number>): number {
    let sum = 0;
    let count = 0;
    for (let i = 0; i < a.length; i++) {
        if (i % 4 < 3) {
            sum += (a[i] - b[i]) ** 2;
            count++;
        }
    }
    return 10 * Math.log10((255 * 255 * count) / sum);
}

function TransformRow(matrix: ArrayLike<number>, row: number, point: ArrayLike<number>): number {
    return matrix[row] * point[0] + matrix[4 + row] * point[1] + matrix[8 + row] * point[2] + matrix[12 + row];
}

/** Rows of the rotation matrix of a quaternion. */
function RotationOf([x, y, z, w]: Float32Array): number[] {
    return [
        ...[1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        ...[2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        ...[2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ];
}
