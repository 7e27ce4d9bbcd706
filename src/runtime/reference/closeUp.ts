/**
 * Detail for close-ups as the pictures are measured against, in float64: what each Gaussian reads of the atlas (twin of
 * src/shaders/splatCloseUp.wgsl, by finite differences of the posed surface instead of matrices), and splats drawn with
 * it.
 */
import {
    CloseUpLevels,
    FootprintOf,
    LeastShadedAlpha,
    LevelEdge,
    MipLevels,
    ShadeReach,
    ShadeSteps,
    type ICloseUp,
    type IFootprint,
} from "../closeUp.js";
import { AlphaCut } from "../layout.js";
import { ActivateGaussian, type IAvatarState } from "./activate.js";
import { ProjectGaussian, type IReferenceView, type ISplat } from "./splatProject.js";

/** A splat and what it reads. */
export interface IDetailedSplat extends ISplat {
    /** Of its centre in the atlas, 0..1, y down. */
    readonly place: readonly [number, number];
    readonly footprint: IFootprint;
}

/** Atlas units that a surface is followed for. */
const Step = 1e-4;

/**
 * All Gaussians of an avatar in one view.
 * @param frames [n,4] see AtlasFrames
 * @param edge texels per side of the atlas
 */
export function DetailedSplats(
    state: IAvatarState,
    frames: ArrayLike<number>,
    edge: number,
    view: IReferenceView,
): IDetailedSplat[] {
    const { table } = state;
    return Array.from({ length: table.gaussianCount }, (_, g) => {
        const splat = ProjectGaussian(ActivateGaussian(state, g), view);
        const place = [table.texel[g] % table.mapSize, Math.floor(table.texel[g] / table.mapSize)].map(
            (i) => (i + 0.5) / table.mapSize,
        );
        const [f0, f1, f2, f3] = [0, 1, 2, 3].map((k) => frames[4 * g + k]);
        const none = { placeFromPx: [0, 0, 0, 0], level: 0, strength: 0 } as const;
        // The Gaussian at other places of its face: barycentrics move with the place, and what it is stays.
        const movedPx = (x: number, y: number): readonly [number, number] => {
            const [second, third] = [f0 * x + f1 * y, f2 * x + f3 * y];
            const bary = Float64Array.from(table.bary);
            bary[3 * g] -= second + third;
            bary[3 * g + 1] += second;
            bary[3 * g + 2] += third;
            return ProjectGaussian(ActivateGaussian({ ...state, table: { ...table, bary } as never }, g), view)
                .centerPx;
        };
        const has = [f0, f1, f2, f3].some((value) => value !== 0) && splat.visible;
        if (!has) {
            return { ...splat, place: place as [number, number], footprint: none };
        }
        const [left, right, up, down] = [movedPx(-Step, 0), movedPx(Step, 0), movedPx(0, -Step), movedPx(0, Step)];
        const per = (a: readonly [number, number], b: readonly [number, number], k: 0 | 1): number =>
            (b[k] - a[k]) / (2 * Step);
        const footprint = FootprintOf(
            per(left, right, 0),
            per(up, down, 0),
            per(left, right, 1),
            per(up, down, 1),
            edge,
        );
        return { ...splat, place: place as [number, number], footprint };
    });
}

/** A shade of the atlas between texels and levels; places beyond its edge are those at the edge. */
export function ReadShade(levels: readonly Int8Array[], edge: number, u: number, v: number, level: number): number {
    const low = Math.min(CloseUpLevels - 1, Math.floor(level));
    const high = Math.min(CloseUpLevels - 1, low + 1);
    const share = level - low;
    return (
        ((1 - share) * ReadLevel(levels[low], LevelEdge(edge, low), u, v) +
            share * ReadLevel(levels[high], LevelEdge(edge, high), u, v)) *
        (ShadeReach / ShadeSteps)
    );
}

function ReadLevel(texels: Int8Array, size: number, u: number, v: number): number {
    const [x, y] = [u * size - 0.5, v * size - 0.5];
    const [x0, y0] = [Math.floor(x), Math.floor(y)];
    const held = (i: number): number => Math.min(size - 1, Math.max(0, i));
    let sum = 0;
    for (let k = 0; k < 4; k++) {
        const [column, row] = [x0 + (k & 1), y0 + (k >> 1)];
        sum += (1 - Math.abs(x - column)) * (1 - Math.abs(y - row)) * texels[held(row) * size + held(column)];
    }
    return sum;
}

/**
 * Draws splats with detail over transparent black.
 * @param splats back to front
 * @param strength 0..1
 * @returns [height,width,4] premultiplied RGBA, row 0 at the top
 */
export function RasterizeCloseUp(
    splats: Iterable<IDetailedSplat>,
    closeUp: ICloseUp,
    strength: number,
    width: number,
    height: number,
): Float64Array {
    const levels = MipLevels(closeUp);
    const image = new Float64Array(4 * width * height);
    for (const { centerPx, covariancePx, color, alpha, place, footprint } of splats) {
        const [xx, xy, yy] = covariancePx;
        const determinant = xx * yy - xy * xy;
        const reach = Math.sqrt(Math.max(2 * Math.log(alpha / AlphaCut), 0));
        const [reachX, reachY] = [reach * Math.sqrt(xx), reach * Math.sqrt(yy)];
        const [centerX, centerY] = [width / 2 + centerPx[0], height / 2 - centerPx[1]];
        const [a, b, c, d] = footprint.placeFromPx;
        for (let row = Math.max(0, Math.floor(centerY - reachY)); row < Math.min(height, centerY + reachY + 1); row++) {
            for (
                let column = Math.max(0, Math.floor(centerX - reachX));
                column < Math.min(width, centerX + reachX + 1);
                column++
            ) {
                const x = column + 0.5 - centerX;
                const y = centerY - (row + 0.5);
                const over = alpha * Math.exp(-(yy * x * x - 2 * xy * x * y + xx * y * y) / determinant / 2);
                if (over < AlphaCut) {
                    continue;
                }
                const shade =
                    footprint.strength > 0 && over >= LeastShadedAlpha
                        ? strength *
                          footprint.strength *
                          ReadShade(
                              levels,
                              closeUp.edge,
                              place[0] + a * x + b * y,
                              place[1] + c * x + d * y,
                              footprint.level,
                          )
                        : 0;
                const at = 4 * (row * width + column);
                for (let channel = 0; channel < 4; channel++) {
                    const own = channel < 3 ? Math.min(1, Math.max(0, color[channel] + shade)) : 1;
                    image[at + channel] += over * (own - image[at + channel]);
                }
            }
        }
    }
    return image;
}
