/**
 * A small z-buffer over the fitted head, to tell which parts of it the photo can show. Twin: training/synth/mesh.cpp.
 */
import type { HeadModel } from "../headModel.js";

/** Depth that stands for "nothing here", meters. */
const Background = 1e9;
/** Faces nearer to the camera than this are not drawn, meters. */
const NearestDepth = 0.05;

/** Depth along the camera's axis at each pixel centre. */
export interface DepthBuffer {
    /** Pixels per side. */
    readonly size: number;
    /** [size²] meters; {@link Background} where nothing is. */
    readonly depth: Float32Array;
    /** [V,3] pixel x, pixel y and 1 / depth of each vertex; 0 for 1 / depth where it is too near. */
    readonly projected: Float32Array;
}

/**
 * Draws the depth of all faces, from both sides.
 * @param vertices [V,3] camera frame, meters
 * @param focal focal length in units of the picture's side
 */
export function DrawDepth(model: HeadModel, vertices: ArrayLike<number>, focal: number, size: number): DepthBuffer {
    const buffer = {
        size,
        depth: new Float32Array(size * size).fill(Background),
        projected: new Float32Array(3 * model.vertexCount),
    };
    for (let i = 0; i < buffer.projected.length; i += 3) {
        const depth = -vertices[i + 2];
        if (depth >= NearestDepth) {
            buffer.projected[i] = size * (0.5 + (focal * vertices[i]) / depth);
            buffer.projected[i + 1] = size * (0.5 - (focal * vertices[i + 1]) / depth);
            buffer.projected[i + 2] = 1 / depth;
        }
    }
    for (let face = 0; face < model.faceCount; face++) {
        DrawFace(buffer, 3 * model.faces[3 * face], 3 * model.faces[3 * face + 1], 3 * model.faces[3 * face + 2]);
    }
    return buffer;
}

function DrawFace({ size, depth, projected: p }: DepthBuffer, a: number, b: number, c: number): void {
    const [ax, ay, bx, by, cx, cy] = [p[a], p[a + 1], p[b], p[b + 1], p[c], p[c + 1]];
    const area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay);
    if (p[a + 2] === 0 || p[b + 2] === 0 || p[c + 2] === 0 || Math.abs(area) < 1e-9) {
        return;
    }
    const firstColumn = Math.max(0, Math.ceil(Math.min(ax, bx, cx) - 0.5));
    const lastColumn = Math.min(size - 1, Math.floor(Math.max(ax, bx, cx) - 0.5));
    const firstRow = Math.max(0, Math.ceil(Math.min(ay, by, cy) - 0.5));
    const lastRow = Math.min(size - 1, Math.floor(Math.max(ay, by, cy) - 0.5));
    for (let row = firstRow; row <= lastRow; row++) {
        for (let column = firstColumn; column <= lastColumn; column++) {
            const x = column + 0.5 - ax;
            const y = row + 0.5 - ay;
            const wb = (x * (cy - ay) - (cx - ax) * y) / area;
            const wc = ((bx - ax) * y - x * (by - ay)) / area;
            if (wb >= 0 && wc >= 0 && wb + wc <= 1) {
                const here = 1 / ((1 - wb - wc) * p[a + 2] + wb * p[b + 2] + wc * p[c + 2]);
                depth[row * size + column] = Math.min(depth[row * size + column], here);
            }
        }
    }
}

/**
 * Whether a point is seen: in the picture and not behind the farthest of the four depth samples around it,
 * so that silhouettes and slopes do not hide themselves.
 * @param x pixel
 * @param y pixel
 * @param pointDepth meters along the camera's axis
 * @param bias meters that a point may lie behind the surface
 */
export function IsVisible(
    { size, depth }: DepthBuffer,
    x: number,
    y: number,
    pointDepth: number,
    bias: number,
): boolean {
    if (!(x >= 0 && y >= 0 && x < size && y < size)) {
        return false;
    }
    const column = Math.min(Math.max(Math.floor(x - 0.5), 0), size - 2);
    const row = Math.min(Math.max(Math.floor(y - 0.5), 0), size - 2);
    let farthest = 0;
    for (const at of [
        row * size + column,
        row * size + column + 1,
        (row + 1) * size + column,
        (row + 1) * size + column + 1,
    ]) {
        if (depth[at] < Background) {
            farthest = Math.max(farthest, depth[at]);
        }
    }
    return pointDepth <= farthest + bias;
}
