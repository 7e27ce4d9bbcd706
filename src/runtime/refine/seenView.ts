/**
 * What one photo knows of each Gaussian: how it is seen, and what keeps its pixels from being believed. Twin:
 * training/refine/views.py.
 */
import { DynamicFlag } from "../../flame/texelTable.js";
import { Teeth, type Atlas, type Plane } from "./atlas.js";
import { ContourOf, DepthInside, EyeOpening, InnerLipsContour, LeftEyeContour, RightEyeContour } from "./contours.js";
import { LogAreaRatio, Luma, Ramp } from "./measures.js";
import { PixelWeight } from "./pixelWeight.js";
import type { IEllipses } from "./projectView.js";
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
    /** [n] 0 where a surface is seen from the side or from behind, to 1. Null once nobody needs it. */
    public facing: Plane | null;
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

    /** Judges. @param shown [n,3] scratch of all views @returns yields the share done, 0 to 1 */
    public static *Make(
        table: IRefineTable,
        atlas: Atlas,
        weighed: IWeighedView,
        view: IRefineView,
        constants: IRefineConstants,
        shown: Float32Array,
    ): Work<SeenView> {
        const { weights, center, change } = weighed;
        const believed = yield* Within(PixelWeight(view, constants.erosion), 0, 0.2);
        const { seen, allowed } = yield* Within(CountPixels(weights, table.gaussianCount, believed), 0.2, 0.4);
        const behind = yield* Within(DepthBehind(weighed), 0.4, 0.7);
        const luminance = yield* Within(Luminance(weights, believed, view.pixels, seen), 0.7, 0.95);
        const kind = KindTrust(table, atlas, view, { center, seen, luminance }, constants);
        yield 0.98;
        const strain = StrainTrust(table, view, constants);
        const facing = weighed.facing.map((cosine) => Ramp(cosine, constants.facing));
        const trust = seen.map(
            (pixels, g) =>
                facing[g] *
                Math.min(1, pixels / constants.seenPx) *
                Ramp(allowed[g], constants.allowed) *
                Ramp(behind[g], [constants.depth[1], constants.depth[0]]) *
                kind[g] *
                strain[g],
        );
        return new SeenView(weights, believed, view.pixels, shown, { change, seen, facing, trust });
    }

    /** (512 / S)², by which pixels of this crop are counted. */
    public get area(): number {
        return (ReferencePx / this.weights.size) ** 2;
    }

    /**
     * Draws the avatar with static colors, clamped as the renderer clamps, and sends a difference to the photo back.
     * @param colors [n,3] static
     * @param difference what of picture, coverage and photo, 0..1 each; it is weighted by how much the pixel is
     * believed
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
                    weight > 0
                        ? weight *
                          difference(drawn[4 * at + channel], coverage, pixels[4 * pixel + channel] / 255, channel)
                        : 0;
            }
        };
        yield* this.weights.pass(shown, step, into);
    }
}

/** What is left of an avatar under a photo's camera once it is weighed: most of the ellipses is in w. n Gaussians. */
export interface IWeighedView {
    readonly weights: ISplatWeights;
    /** [n,2] pixels. */
    readonly center: Float32Array;
    /** [n] meters in front of the camera. */
    readonly depth: Plane;
    /** [n] cosine between its normal and the direction to the camera. */
    readonly facing: Plane;
    /** [n,3] what the driver adds to the colors. */
    readonly change: Float32Array;
}

/**
 * Makes w, and keeps no more of the ellipses than is read afterwards.
 * @param change [n,3] what the driver adds to the colors
 * @param size edge of the picture in pixels
 * @param weigh makes w
 */
export function* WeighView(
    ellipses: IEllipses,
    change: Float32Array,
    size: number,
    weigh: Weigher,
): Work<IWeighedView> {
    const weights = yield* weigh(ellipses, size);
    const { center, depth, facing } = ellipses;
    return { weights, center, depth: depth as Plane, facing: facing as Plane, change };
}

/**
 * [n] pixels of a crop of 512 in which each Gaussian is seen and believed, and which part they are of those in which it
 * is seen.
 */
function* CountPixels(
    weights: ISplatWeights,
    count: number,
    believed: Uint8ClampedArray,
): Work<{ seen: Plane; allowed: Plane }> {
    const area = (ReferencePx / weights.size) ** 2;
    const sums = yield* Gathered(weights, count, (pixel, _drawn, values, at) => {
        values[3 * at] = believed[pixel] / 255;
        values[3 * at + 1] = 1;
        values[3 * at + 2] = 0;
    });
    const seen = new Float32Array(count).map((_, g) => area * sums[3 * g]);
    return { seen, allowed: seen.map((pixels, g) => pixels / (area * sums[3 * g + 1] + 1e-3)) };
}

/** [n] mean luminance of the photo where each Gaussian is seen. */
function* Luminance(
    weights: ISplatWeights,
    believed: Uint8ClampedArray,
    photo: Uint8ClampedArray,
    seen: Plane,
): Work<Plane> {
    const area = (ReferencePx / weights.size) ** 2;
    const light = yield* Gathered(weights, seen.length, (pixel, _drawn, values, at) => {
        for (let channel = 0; channel < 3; channel++) {
            values[3 * at + channel] = ((believed[pixel] / 255) * photo[4 * pixel + channel]) / 255;
        }
    });
    return seen.map(
        (pixels, g) =>
            (area * Luma.reduce((sum, weight, channel) => sum + weight * light[3 * g + channel], 0)) / (pixels + 1e-3),
    );
}

/** [n,3] the transpose of what is in each pixel, whatever is drawn. */
function* Gathered(weights: ISplatWeights, count: number, step: PixelStep): Work<Float32Array> {
    const sums = new Float32Array(3 * count);
    yield* weights.pass(null, step, sums);
    return sums;
}

/** [n] meters by which each Gaussian is behind what is drawn at its centre. */
function* DepthBehind({ weights, center, depth }: IWeighedView): Work<Plane> {
    const { size } = weights;
    const surface = yield* DrawDepth(weights, depth);
    return depth.map((meters, g) => {
        const column = Math.min(size - 1, Math.max(0, Math.floor(center[2 * g])));
        const row = Math.min(size - 1, Math.max(0, Math.floor(center[2 * g + 1])));
        return meters - surface[row * size + column];
    });
}

/** [S,S] depth of what is drawn, meters; 0 where nothing is. */
function* DrawDepth(weights: ISplatWeights, depth: Plane): Work<Float32Array> {
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

/**
 * [n] eyeballs only inside the photo's open eyes; skin only outside of eyes and open mouth; teeth only inside of it,
 * where it is light.
 */
function KindTrust(
    table: IRefineTable,
    atlas: Atlas,
    view: IRefineView,
    shown: IShown,
    constants: IRefineConstants,
): Plane {
    const { contour } = constants;
    const contours = [RightEyeContour, LeftEyeContour, InnerLipsContour].map((indices) =>
        ContourOf(view.landmarks, indices),
    );
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

/** [n,3] what the driver adds to the colors. */
export function DriverColors(
    { mapSize, gaussianCount, texel, flags }: IRefineTable,
    deltaMap: Float32Array | null,
): Float32Array {
    return new Float32Array(3 * gaussianCount).map((_, i) => {
        const g = Math.floor(i / 3);
        return deltaMap && (flags[g] & DynamicFlag) !== 0 ? deltaMap[(4 + (i % 3)) * mapSize ** 2 + texel[g]] : 0;
    });
}
