/** What a photo's hair mask says of dome and curtain. Twin: the measuring half of training/bust/hair.py. */
import type { Work } from "../slices.js";
import type { IBustHead, IBustPage } from "./bustInput.js";
import { AsColumn, Blur, Clamp, MeanWhere, Median, Ramp, Steps } from "./grids.js";
import { SolidMeans, ToFrame, ViewAxes } from "./head.js";
import { Clothes, Hair, Skin, type Photo } from "./photo.js";

/** Meters along a row of the mask. */
const Step = 0.002;
const Half = 0.32;
/** Meters that Gaussians reach beyond the surface. */
const Soft = 0.002;
/** Steps without hair that a lock may have. */
const Gap = 4;
/** Meters. */
const LeastWidth = 0.006;
/** Hair that ends above this height (m) hangs nowhere: no curtain. */
const Short = -0.045;
/** How far hair that the photo's edge cuts goes on, meters. */
export const BelowEdge = 0.09;
/** Of the rim, 2 degrees each, over the upper half. */
export const Angles = 90;
const MostExcess = 0.16;
/** Beyond the photo's edge: steps of angle that are smoothed over, and meters that hair goes on. */
const [Round, MostRound] = [2, 0.035];
/** Hair that ends on clothes, or on skin, in front is this much longer behind, meters. */
const [BehindShoulder, BehindNeck] = [0.06, 0.03];
/** Canonical heights: what ends above the first is a bob, and as long behind; below the other it is all of that. */
const Bob = [-0.065, -0.1] as const;
const Turned = (8 * Math.PI) / 180;

/** The head's right and left. */
export type Pair<T> = readonly [T, T];

/** What rows of the mask say of the head's right and left. */
export interface ISides {
    /** [rows] each: inner and outer edge, meters from the middle plane. */
    readonly inner: [Float64Array, Float64Array];
    readonly outer: [Float64Array, Float64Array];
    /** [rows] 1 where they are known. */
    readonly known: [Float64Array, Float64Array];
    /** [rows] 1 where the photo's edge cuts the row. */
    readonly cut: [Float64Array, Float64Array];
    /** Height where the hair ends; NaN without a curtain. */
    readonly lowest: [number, number];
    /** Meters that it goes on below the photo's edge. */
    readonly beyond: [number, number];
    /** Meters that it is longer behind, because it falls behind shoulders there. */
    readonly behind: [number, number];
}

/** The hair's frame in one photo: right, up, towards the camera, about the dome's centre. */
export class HairView {
    public readonly center: readonly number[];
    /** [9] rows of the frame. */
    public readonly axes: readonly number[];
    /** [3] the camera in the frame. */
    public readonly eye: Float64Array;

    public constructor(
        page: IBustPage,
        public readonly photo: Photo,
    ) {
        this.center = page.dome;
        this.axes = ViewAxes(photo.yaw);
        this.eye = ToFrame(photo.eye, this.center, this.axes);
    }

    /** [n,3] in canonical space. */
    public world(local: ArrayLike<number>): Float64Array {
        const points = new Float64Array(local.length);
        for (let i = 0; i < local.length; i += 3) {
            for (let axis = 0; axis < 3; axis++) {
                points[i + axis] =
                    this.center[axis] +
                    local[i] * this.axes[axis] +
                    local[i + 1] * this.axes[3 + axis] +
                    local[i + 2] * this.axes[6 + axis];
            }
        }
        return points;
    }

    /** [n,2] where rays through points [n,3] of the frame meet its plane z = 0. */
    public onPlane(local: ArrayLike<number>): Float64Array {
        const flat = new Float64Array((local.length / 3) * 2);
        for (let i = 0; i < local.length / 3; i++) {
            const share = -this.eye[2] / (local[3 * i + 2] - this.eye[2]);
            for (let k = 0; k < 2; k++) {
                flat[2 * i + k] = this.eye[k] + (local[3 * i + k] - this.eye[k]) * share;
            }
        }
        return flat;
    }

    /** Hair and matte at points, and whether they lie in the photo. */
    public mask(local: ArrayLike<number>): { hair: Float64Array; matte: Float64Array; inside: Uint8Array } {
        const { px } = this.photo.project(this.world(local));
        const matte = this.photo.at(this.photo.matte, px);
        const classes = this.photo.at(this.photo.classes, px, 3);
        return {
            hair: matte.map((value, i) => value * classes[3 * i + Hair]),
            matte,
            inside: this.photo.inside(px, 1.5),
        };
    }
}

/**
 * Radius of the head's rim, and how far hair reaches beyond it: [Angles + 1] meters over angles 0 (left of the head) to
 * 180 degrees (right).
 */
export function MeasureRim(view: HairView, head: IBustHead): { rim: Float64Array; excess: Float64Array } {
    const solid = ToFrame(SolidMeans(head), view.center, view.axes);
    const most = new Float64Array(Angles + 1);
    const flat = view.onPlane(solid);
    for (let i = 0; i < flat.length; i += 2) {
        const column = Math.round((Math.atan2(flat[i + 1], flat[i]) * 90) / Math.PI);
        if (column >= 0 && column <= Angles) {
            most[column] = Math.max(most[column], Math.hypot(flat[i], flat[i + 1]));
        }
    }
    const rim = MeanWhere(AsColumn(most), AsColumn(most.map((value) => Number(value > 0))), 1).values;
    const r = Steps(0, 0.34, Step);
    const local = new Float64Array(3 * (Angles + 1) * r.length);
    for (let i = 0; i < local.length / 3; i++) {
        const angle = (Math.floor(i / r.length) * 2 * Math.PI) / 180;
        local[3 * i] = Math.cos(angle) * r[i % r.length];
        local[3 * i + 1] = Math.sin(angle) * r[i % r.length];
    }
    const { hair, inside } = view.mask(local);
    const [excess, known] = [new Float64Array(Angles + 1), new Float64Array(Angles + 1)];
    for (let k = 0; k <= Angles; k++) {
        const start = Math.max(0, Math.trunc((rim[k] - 0.012) / Step));
        let [last, misses] = [-1, 0];
        for (let at = start; at < r.length && misses <= Gap; at++) {
            const isOn = hair[k * r.length + at] > 0.5 && inside[k * r.length + at] === 1;
            misses = isOn ? 0 : misses + 1;
            last = isOn ? at : last;
        }
        excess[k] = last >= 0 ? Math.max(0, r[last] - rim[k]) : 0;
        const isCut = last >= 0 && inside[k * r.length + Math.min(last + 2, r.length - 1)] === 0;
        known[k] = isCut ? 0.15 : 1;
    }
    // where the photo's edge cuts the hair it reaches at least there, and goes on as round as it is beside that
    const sure = known.map((value) => Number(value === 1));
    const radius = MeanWhere(AsColumn(rim.map((value, k) => value + excess[k])), AsColumn(sure), Round).values;
    const around = excess.map((value, k) =>
        known[k] === 1 ? 0 : sure.includes(1) ? Clamp(radius[k] - rim[k], value, value + MostRound) : value,
    );
    const mean = MeanWhere(AsColumn(excess.map((value, k) => Math.max(value, around[k]))), AsColumn(known), 1.5);
    const reaches = mean.values.map((value, k) => Math.max(value, around[k]));
    const smooth = Blur(AsColumn(reaches), 1, 0).values.map((value, k) =>
        Math.min(Math.max(value, known[k] < 1 ? excess[k] : 0), MostExcess),
    );
    return { rim, excess: smooth };
}

/** Meters, by what is seen at a place: hair falls behind shoulders, not behind background. */
function LongerBehind(photo: Photo, place: Float64Array): number {
    const { px } = photo.project(place);
    const classes = photo.at(photo.classes, px, 3);
    if (
        photo.inside(px, 1.5)[0] === 0 ||
        photo.at(photo.matte, px)[0] <= 0.5 ||
        Math.max(classes[Skin], classes[Clothes]) <= 0.5
    ) {
        return 0;
    }
    return classes[Clothes] > classes[Skin] ? BehindShoulder : BehindNeck;
}

/**
 * Edges of the hair beside face and neck, row by row.
 * @param heights [rows] above the dome's centre
 * @returns yields before each side
 */
export function* MeasureSides(view: HairView, heights: Float64Array): Work<ISides> {
    const x = Steps(Step / 2, Half, Step);
    const rows = heights.length;
    const pair = (): [Float64Array, Float64Array] => [new Float64Array(rows), new Float64Array(rows)];
    const sides: ISides = {
        inner: pair(),
        outer: pair(),
        known: pair(),
        cut: pair(),
        lowest: [NaN, NaN],
        beyond: [0, 0],
        behind: [0, 0],
    };
    for (const [side, sign] of [-1, 1].entries()) {
        yield side / 2;
        const local = new Float64Array(3 * rows * x.length);
        for (let i = 0; i < rows * x.length; i++) {
            local[3 * i] = sign * x[i % x.length];
            local[3 * i + 1] = heights[Math.floor(i / x.length)];
        }
        const { hair, inside } = view.mask(local);
        const on = hair.map((value, i) => Number(value > 0.5 && inside[i] === 1));
        const [inner, outer, known] = [sides.inner[side], sides.outer[side], sides.known[side]];
        for (let k = 0; k < rows; k++) {
            const last = on.subarray(k * x.length, (k + 1) * x.length).lastIndexOf(1);
            // inwards from the outermost hair, over small gaps
            let first = last;
            for (let at = last; at >= 0 && first - at <= Gap + 1; at--) {
                first = on[k * x.length + at] === 1 ? at : first;
            }
            if (last < 0 || (last - first + 1) * Step < LeastWidth) {
                continue;
            }
            inner[k] = first <= 1 ? 0 : x[first] - Step / 2;
            outer[k] = x[last] + Step / 2;
            known[k] = 1;
            sides.cut[side][k] = Number(inside[k * x.length + Math.min(last + 2, x.length - 1)] === 0);
            outer[k] -= sides.cut[side][k] > 0 ? 0 : Soft;
        }
        // the curtain: rows from the dome downwards that have hair, small gaps allowed; a few stray hairs are none
        const width = outer.map((value, k) => value - inner[k]);
        const usual = Median(width.filter((_, k) => known[k] > 0));
        let [end, misses] = [-1, 0];
        for (let k = 0; k < rows; k++) {
            known[k] *= Number(width[k] > Math.max(LeastWidth, 0.3 * usual));
        }
        for (let k = 0; k < rows && misses <= 5; k++) {
            misses = known[k] > 0 ? 0 : misses + 1;
            end = known[k] > 0 ? k : end;
        }
        if (end < 0) {
            continue;
        }
        if (heights[end] < Short - view.center[1]) {
            sides.lowest[side] = heights[end];
            const middle = (inner[end] + outer[end]) / 2;
            const isLong = Ramp(heights[end] + view.center[1], ...Bob);
            sides.behind[side] =
                isLong * LongerBehind(view.photo, view.world([sign * middle, heights[end] - 0.012, 0]));
            const nearest = x.reduce(
                (best, value, at) => (Math.abs(value - middle) < Math.abs(x[best] - middle) ? at : best),
                0,
            );
            if (inside[Math.min(end + 2, rows - 1) * x.length + nearest] === 0) {
                sides.beyond[side] = BelowEdge * Ramp(width[end] / usual, 0.5, 0.9);
            }
        }
        known.fill(0, end + 1);
    }
    return sides;
}

/** The far side of a turned head hides its hair: it gets what the near side shows. */
export function AsTheNearSide(sides: ISides, yaw: number): ISides {
    const [near, far] = yaw < 0 ? [0, 1] : [1, 0];
    if (Math.abs(yaw) <= Turned || !Number.isFinite(sides.lowest[near])) {
        return sides;
    }
    const { inner, outer, known, cut, lowest, beyond, behind } = sides;
    if (known[far].every((value) => value === 0)) {
        for (const part of [inner, outer, known, cut]) {
            part[far] = part[near];
        }
    }
    if (!(lowest[far] <= lowest[near])) {
        // shorter, or none
        for (const part of [lowest, beyond, behind]) {
            part[far] = part[near];
        }
    }
    return sides;
}
