/**
 * A photo and the atlas: where each texel of the atlas lies in the picture, and what the avatar's colors leave missing
 * there. Twin: training/refine/close_up.py.
 */
import { BlendJointMatrices } from "../../flame/skinning.js";
import { JointCount } from "../../flame/headModel.js";
import { AlphaCut } from "../layout.js";
import { FootprintOf } from "../closeUp.js";
import { Luma } from "./measures.js";
import { PixelWeight } from "./pixelWeight.js";
import { ProjectView, type IEllipses } from "./projectView.js";
import type { IRefineConstants, IRefineTable, IRefineView } from "./refineInput.js";
import { Within, type Work } from "../slices.js";

const GaussiansPerYield = 1024;

/** A photo, ready to be read from the atlas. n Gaussians, S pixels a side. */
export interface ICloseUpView {
    readonly size: number;
    /** [n,2] pixels. */
    readonly center: Float32Array;
    /** [n,4] row-major d pixel / d place of the atlas; all 0 where a Gaussian has no detail or is seen edge-on. */
    readonly pxFromPlace: Float32Array;
    /** [S,S] luminance that the picture lacks, weighted by how much the pixel is believed. */
    readonly missing: Float32Array;
}

/** What a view is made of. */
export interface ICloseUpSource {
    readonly table: IRefineTable;
    /** [n,4] see AtlasFrames. */
    readonly frames: Float32Array;
    readonly staticMap: Float32Array;
    readonly view: IRefineView;
    /** [n,3] colors as they are drawn. */
    readonly colors: Float32Array;
    /** [3] factor of the photo's colors. */
    readonly gain: readonly number[];
}

/** Projects, draws and compares. @returns yields the share done */
export function* LookFrom(source: ICloseUpSource, edge: number, { erosion }: IRefineConstants): Work<ICloseUpView> {
    const { table, staticMap, view, colors, gain } = source;
    const { size, pixels } = view;
    const ellipses = yield* Within(ProjectView(table, staticMap, view), 0, 0.3);
    const believed = yield* Within(PixelWeight(view, erosion), 0.3, 0.4);
    const luma = new Float32Array(table.gaussianCount).map((_, g) =>
        Luma.reduce((sum, weight, channel) => sum + weight * Math.min(1, Math.max(0, colors[3 * g + channel])), 0),
    );
    const drawn = yield* Within(DrawLuma(ellipses, luma, size), 0.4, 1);
    const missing = drawn.luma;
    for (let i = 0; i < missing.length; i++) {
        const weight = believed[i] / 255;
        const photo = Luma.reduce(
            (sum, part, channel) => sum + (part * gain[channel] * pixels[4 * i + channel]) / 255,
            0,
        );
        missing[i] = weight > 0 ? weight * (drawn.coverage[i] * photo - missing[i]) : 0;
    }
    return { size, center: ellipses.center, pxFromPlace: PxFromPlace(source, ellipses, edge), missing };
}

/**
 * [S,S] luminance over black, and coverage: back to front, one ellipse after the other. @returns yields the share done
 */
function* DrawLuma(
    { count, center, conic, reach, opacity, depth }: IEllipses,
    values: Float32Array,
    size: number,
): Work<{ luma: Float32Array; coverage: Float32Array }> {
    const order = Uint32Array.from({ length: count }, (_, i) => i).sort((i, k) => depth[k] - depth[i] || i - k);
    const luma = new Float32Array(size * size);
    const coverage = new Float32Array(size * size);
    for (let k = 0; k < count; k++) {
        const i = order[k];
        if (k % GaussiansPerYield === GaussiansPerYield - 1) {
            yield k / count;
        }
        if (!(opacity[i] >= AlphaCut)) {
            continue;
        }
        const [cx, cy] = [center[2 * i], center[2 * i + 1]];
        const [a, b, c] = [conic[3 * i], conic[3 * i + 1], conic[3 * i + 2]];
        const left = Math.max(0, Math.ceil(cx - reach[2 * i] - 0.51));
        const right = Math.min(size, Math.floor(cx + reach[2 * i] - 0.49) + 1);
        const top = Math.max(0, Math.ceil(cy - reach[2 * i + 1] - 0.51));
        const bottom = Math.min(size, Math.floor(cy + reach[2 * i + 1] - 0.49) + 1);
        for (let y = top; y < bottom; y++) {
            const dy = y + 0.5 - cy;
            for (let x = left; x < right; x++) {
                const dx = x + 0.5 - cx;
                const alpha = opacity[i] * Math.exp(-0.5 * (a * dx * dx + 2 * b * dx * dy + c * dy * dy));
                if (alpha >= AlphaCut) {
                    const p = y * size + x;
                    luma[p] += alpha * (values[i] - luma[p]);
                    coverage[p] += alpha * (1 - coverage[p]);
                }
            }
        }
    }
    return { luma, coverage };
}

/** [n,4] how the screen moves with the atlas, by the face of each Gaussian. */
function PxFromPlace(
    { table, frames, view }: ICloseUpSource,
    { center, depth }: IEllipses,
    edge: number,
): Float32Array {
    const { corners, weights, gaussianCount } = table;
    const { rotation: r, expressed, jointMatrices, focal, size } = view;
    const into = new Float32Array(4 * gaussianCount);
    const blend = new Float32Array(12);
    const tangent = new Float64Array(3);
    for (let g = 0; g < gaussianCount; g++) {
        const frame = frames.subarray(4 * g, 4 * g + 4);
        if (!(depth[g] > 0) || frame.every((value) => value === 0)) {
            continue;
        }
        BlendJointMatrices(weights, JointCount * g, jointMatrices, blend);
        const [a, b, c] = [3 * corners[3 * g], 3 * corners[3 * g + 1], 3 * corners[3 * g + 2]];
        const scale = (focal * size) / depth[g];
        const sx = (center[2 * g] - 0.5 * size) / (focal * size);
        const sy = (0.5 * size - center[2 * g + 1]) / (focal * size);
        for (let axis = 0; axis < 2; axis++) {
            for (let k = 0; k < 3; k++) {
                tangent[k] =
                    frame[axis] * (expressed[b + k] - expressed[a + k]) +
                    frame[2 + axis] * (expressed[c + k] - expressed[a + k]);
            }
            const [x, y, z] = [0, 4, 8].map(
                (row) => blend[row] * tangent[0] + blend[row + 1] * tangent[1] + blend[row + 2] * tangent[2],
            );
            const ahead = r[6] * x + r[7] * y + r[8] * z;
            into[4 * g + axis] = scale * (r[0] * x + r[1] * y + r[2] * z + sx * ahead);
            into[4 * g + 2 + axis] = -scale * (r[3] * x + r[4] * y + r[5] * z + sy * ahead);
        }
        const { strength } = FootprintOf(into[4 * g], into[4 * g + 1], into[4 * g + 2], into[4 * g + 3], edge);
        if (strength === 0) {
            into.fill(0, 4 * g, 4 * g + 4);
        }
    }
    return into;
}
