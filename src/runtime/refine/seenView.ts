/** What one photo knows of each Gaussian: how it is seen, and what keeps its pixels from being believed. Twin: training/refine/views.py. */
import { DynamicFlag } from "../../flame/texelTable.js";
import { Teeth, type Atlas, type Plane } from "./atlas.js";
import { ContourOf, DepthInside, EyeOpening, InnerLipsContour, LeftEyeContour, RightEyeContour } from "./contours.js";
import { LogAreaRatio, Luma, Ramp } from "./measures.js";
import { PixelWeight } from "./pixelWeight.js";
import { ProjectView, type IEllipses } from "./projectView.js";
import type { IRefineConstants, IRefineTable, IRefineView } from "./refineInput.js";
import { Within, type Work } from "../slices.js";
import type { ISplatWeights, PixelStep, Weigher } from "./weigher.js";

/** Pixels are counted as if every crop had this edge. */
const ReferencePx = 512;

/** A photo, the avatar under its camera and expression, and their relation. n Gaussians. */
export class SeenView {
    /** [n,3] what the driver adds to the colors. */
    public readonly change: Float32Array;
    /** [n] pixels of a crop of 512 in which it is seen and believed. */
    public readonly seen: Plane;
    /** [n] 0 where a surface is seen from the side or from behind, to 1. */
    public readonly facing: Plane;
    /** [n] 0..1 */
    public trust: Plane;
    /** [3] factor of the photo's colors. */
    public gain: readonly number[] = [1, 1, 1];

    private constructor(
        public readonly weights: ISplatWeights,
        /** [S,S] bytes. */
        private readonly _believed: Uint8ClampedArray,
        private readonly _pixels: Uint8ClampedArray,
        /** [n,3] colors as they are drawn, until the next comparison of any view. */
        private readonly _shown: Float32Array,
        parts: Pick<SeenView, "change" | "seen" | "facing" | "trust">,
    ) {
        this.change = parts.change;
        this.seen = parts.seen;
        this.facing = parts.facing;
        this.trust = parts.trust;
    }

    /** Projects, weighs and judges. @param weigh makes w @param shown [n,3] scratch of all views @returns yields the share done, 0 to 1 */
    public static *Make(
        table: IRefineTable,
        atlas: Atlas,
        staticMap: Float32Array,
        view: IRefineView,
        constants: IRefineConstants,
        weigh: Weigher,
        shown: Float32Array,
    ): Work<SeenView> {
        const ellipses = yield* Within(ProjectView(table, staticMap, view), 0, 0.15);
        const weights = yield* Within(weigh(ellipses, view.size), 0.15, 0.75);
        const believed = yield* Within(PixelWeight(view, constants.erosion), 0.75, 0.8);
        const area = (ReferencePx / view.size) ** 2;
        const sums = new Float32Array(3 * table.gaussianCount);
        const count: PixelStep = (pixel, _drawn, values, at) => {
            values[3 * at] = believed[pixel] / 255;
            values[3 * at + 1] = 1;
            values[3 * at + 2] = 0;
        };
        yield* Within(weights.pass(null, count, sums), 0.8, 0.85);
        const seen = new Float32Array(table.gaussianCount).map((_, g) => area * sums[3 * g]);
        const surface = yield* Within(DrawDepth(weights, ellipses), 0.85, 0.93);
        const light = new Float32Array(3 * table.gaussianCount);
        const shine: PixelStep = (pixel, _drawn, values, at) => {
            for (let channel = 0; channel < 3; channel++) {
                values[3 * at + channel] = ((believed[pixel] / 255) * view.pixels[4 * pixel + channel]) / 255;
            }
        };
        yield* Within(weights.pass(null, shine, light), 0.93, 0.97);
        const luminance = seen.map(
            (pixels, g) => (area * Luma.reduce((sum, weight, channel) => sum + weight * light[3 * g + channel], 0)) / (pixels + 1e-3),
        );
        const kind = KindTrust(table, atlas, view, { center: ellipses.center, seen, luminance }, constants);
        yield 0.98;
        const strain = StrainTrust(table, view, constants);
        const facing = Float32Array.from(ellipses.facing, (cosine) => Ramp(cosine, constants.facing));
        const trust = new Float32Array(table.gaussianCount);
        for (let g = 0; g < trust.length; g++) {
            const column = Math.min(view.size - 1, Math.max(0, Math.floor(ellipses.center[2 * g])));
            const row = Math.min(view.size - 1, Math.max(0, Math.floor(ellipses.center[2 * g + 1])));
            const behind = ellipses.depth[g] - surface[row * view.size + column];
            trust[g] =
                facing[g] *
                Math.min(1, seen[g] / constants.seenPx) *
                Ramp(seen[g] / (area * sums[3 * g + 1] + 1e-3), constants.allowed) *
                Ramp(behind, [constants.depth[1], constants.depth[0]]) *
                kind[g] *
                strain[g];
        }
        return new SeenView(weights, believed, view.pixels, shown, { change: DriverColors(table, view.deltaMap), seen, facing, trust });
    }

    /** (512 / S)², by which pixels of this crop are counted. */
    public get area(): number {
        return (ReferencePx / this.weights.size) ** 2;
    }

    /**
     * Draws the avatar with static colors, clamped as the renderer clamps, and sends a difference to the photo back.
     * @param colors [n,3] static
     * @param difference what of picture, coverage and photo, 0..1 each; it is weighted by how much the pixel is believed
     * @param into [n,3] is added to, in pixels of a crop of 512
     */
    public *compare(
        colors: Float32Array,
        difference: (drawn: number, coverage: number, photo: number, channel: number) => number,
        into: Float32Array,
    ): Work<void> {
        const { area, _believed: believed, _pixels: pixels } = this;
        const shown = this._shown;
        for (let i = 0; i < shown.length; i++) {
            shown[i] = Math.min(1, Math.max(0, colors[i] + this.change[i]));
        }
        const step: PixelStep = (pixel, drawn, values, at) => {
            const weight = (area * believed[pixel]) / 255;
            const coverage = drawn[4 * at + 3];
            for (let channel = 0; channel < 3; channel++) {
                values[3 * at + channel] =
                    weight > 0 ? weight * difference(drawn[4 * at + channel], coverage, pixels[4 * pixel + channel] / 255, channel) : 0;
            }
        };
        yield* this.weights.pass(shown, step, into);
    }
}

/** [S,S] depth of what is drawn, meters; 0 where nothing is. */
function* DrawDepth(weights: ISplatWeights, { depth }: IEllipses): Work<Float32Array> {
    const surface = new Float32Array(weights.size ** 2);
    const values = new Float32Array(3 * depth.length).map((_, i) => (i % 3 === 0 ? depth[i / 3] : 0));
    const keep: PixelStep = (pixel, drawn, _values, at) => {
        surface[pixel] = drawn[4 * at] / Math.max(drawn[4 * at + 3], 1e-3);
    };
    yield* weights.pass(values, keep, null);
    return surface;
}

/** How the photo shows Gaussians: where, in how many pixels, how bright. */
interface IShown {
    /** [n,2] pixels. */
    readonly center: Float32Array;
    readonly seen: Plane;
    readonly luminance: Plane;
}

/** [n] eyeballs only inside the photo's open eyes; skin only outside of eyes and open mouth; teeth only inside of it, where it is light. */
function KindTrust(table: IRefineTable, atlas: Atlas, view: IRefineView, shown: IShown, constants: IRefineConstants): Plane {
    const { contour } = constants;
    const contours = [RightEyeContour, LeftEyeContour, InnerLipsContour].map((indices) => ContourOf(view.landmarks, indices));
    const eyeballs = [atlas.regions("eyeRight"), atlas.regions("eyeLeft")];
    const teeth = atlas.regions(...Teeth);
    const edges = atlas.regions("lids");
    const openings = contours.slice(0, 2).map((eye) => Ramp(EyeOpening(eye), constants.openEye));
    const kind = new Float32Array(table.gaussianCount);
    for (let g = 0; g < kind.length; g++) {
        const [x, y] = [shown.center[2 * g] / view.size, shown.center[2 * g + 1] / view.size];
        const eye = eyeballs.findIndex((is) => is[g] === 1);
        if (atlas.detached[table.texel[g]] === 1) {
            kind[g] = 0;
        } else if (eye >= 0) {
            kind[g] = Ramp(DepthInside(contours[eye], x, y), [0, contour]) * openings[eye];
        } else if (teeth[g] === 1) {
            kind[g] = Ramp(DepthInside(contours[2], x, y), [0, contour]);
        } else {
            // The edges of the lids, with the lashes, lie where the eyes' contours are.
            const barred = edges[g] === 1 ? contours.slice(2) : contours;
            kind[g] = barred.reduce((share, outline) => share * Ramp(DepthInside(outline, x, y), [contour, 0]), 1);
        }
    }
    const face = Brightness(shown, atlas.regions("face"));
    const within = Brightness(
        shown,
        kind.map((value, g) => value * teeth[g]),
    );
    const isLight = Ramp(within / Math.max(face, 1e-6), constants.teeth);
    return kind.map((value, g) => (teeth[g] === 1 ? value * isLight : value));
}

/** Mean luminance of the photo where Gaussians are seen. @param weight [n] */
function Brightness({ seen, luminance }: IShown, weight: Plane): number {
    let [sum, total] = [0, 0];
    for (let g = 0; g < weight.length; g++) {
        total += weight[g] * seen[g];
        sum += weight[g] * seen[g] * luminance[g];
    }
    return sum / Math.max(total, 1e-3);
}

/** [n] less where the skin is stretched or folded: wrinkles of an expression must not stay. */
function StrainTrust(table: IRefineTable, view: IRefineView, constants: IRefineConstants): Plane {
    const strained = (g: number): number => Ramp(Math.abs(LogAreaRatio(table, g, view.posed)), constants.strain);
    return new Float32Array(table.gaussianCount).map((_, g) => 1 - (1 - constants.leastStrained) * strained(g));
}

/** [n,3] */
function DriverColors({ mapSize, gaussianCount, texel, flags }: IRefineTable, deltaMap: Float32Array | null): Float32Array {
    return new Float32Array(3 * gaussianCount).map((_, i) => {
        const g = Math.floor(i / 3);
        return deltaMap && (flags[g] & DynamicFlag) !== 0 ? deltaMap[(4 + (i % 3)) * mapSize ** 2 + texel[g]] : 0;
    });
}
