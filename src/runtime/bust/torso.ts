/**
 * The bust: the body's surface moved to the contour of clothes and skin, and to the person's own neck. Twin:
 * training/bust/torso.py.
 */
import type { Work } from "../slices.js";
import type { IBustHead, IBustPage } from "./bustInput.js";
import {
    AsColumn,
    Blur,
    Clamp,
    CreateGrid,
    Interpolate,
    MeanWhere,
    Modulo,
    Ramp,
    SmoothStep,
    Steps,
    type IGrid,
} from "./grids.js";
import { Solid } from "./head.js";
import { AboveRing, BaseOf } from "./page.js";
import { Clothes, Hair, Skin, type Photo } from "./photo.js";

const Radians = Math.PI / 180;
const BesideNeck = 32 * Radians;
/** Meters that Gaussians and the steps of the outline reach beyond it. */
const Soft = 0.0045;
/** Share of the nearest known change where the outline is not in the photo. */
const FarMove = 0.7;
/** Meters of the body that may be missing in matte or classes. */
const Gap = 0.03;
/** Meters: below this height, and so near to the bust's pivot, everyone has a body. */
const [Chest, AroundPivot] = [-0.2, 0.06];
/** Meters that the outline moves the bust. */
const MostMove = 0.06;
/** Meters between columns of the contour. */
const PlaneStep = 0.004;
const Half = 0.26;
const Heights = Steps(-0.09, -0.36, -0.003);
/** Meters: height of the lower edge in front, its rise at the sides, its fading border. */
const Bottom = [-0.31, 0.02];
const Fade = 0.06;
export const NeckAxis = [0, 0, -0.04];
const NeckBins = 48;

/** The bust's surface. */
export interface ITorso {
    /** [rows,P,3] canonical, meters. */
    readonly points: IGrid;
    /** [rows,P] 0..1 */
    readonly shown: IGrid;
    /** How much higher the shoulders are than the body's, meters. */
    readonly height: number;
    /** How much steeper. */
    readonly slope: number;
    /** Columns of the contour that were known. */
    readonly known: number;
}

/** Where rays from the camera through points meet the plane z = depth: [n,2]. */
function OnPlane(points: Float64Array, { eye }: Photo, depth: number): Float64Array {
    const at = new Float64Array((points.length / 3) * 2);
    for (let i = 0; i < points.length / 3; i++) {
        const share = (depth - eye[2]) / (points[3 * i + 2] - eye[2]);
        at[2 * i] = eye[0] + (points[3 * i] - eye[0]) * share;
        at[2 * i + 1] = eye[1] + (points[3 * i + 1] - eye[1]) * share;
    }
    return at;
}

/** What a photo shows on a plane. */
interface IShown {
    readonly inside: Uint8Array;
    readonly matte: Float64Array;
    /** 1 where clothes or skin are seen. */
    readonly body: Uint8Array;
    /** 1 where clothes are seen more than skin. */
    readonly dressed: Uint8Array;
    /** 1 where hair is seen. */
    readonly hair: Uint8Array;
}

function ShownAt(photo: Photo, points: Float64Array): IShown {
    const { px } = photo.project(points);
    const matte = photo.at(photo.matte, px);
    const classes = photo.at(photo.classes, px, 3);
    return {
        inside: photo.inside(px, 2),
        matte,
        body: Uint8Array.from(matte, (value, i) =>
            Number(
                value > 0.5 &&
                    Math.max(classes[3 * i + Skin], classes[3 * i + Clothes]) > Math.max(classes[3 * i + Hair], 0.2),
            ),
        ),
        dressed: Uint8Array.from(matte, (_, i) => Number(classes[3 * i + Clothes] > classes[3 * i + Skin])),
        hair: Uint8Array.from(matte, (value, i) => Number(value > 0.5 && classes[3 * i + Hair] > 0.5)),
    };
}

/** Heights of the top of clothes and skin on the bust's middle plane. */
interface IContour {
    readonly x: Float64Array;
    readonly height: Float64Array;
    /** 0..1 */
    readonly known: Float64Array;
}

/**
 * Index after the last of `n` places that are on before hair or a gap longer than `gap`; it may begin after one.
 * @returns −1 where none is on, `n` where it goes on to the end
 */
function RunEnd(n: number, isOn: (at: number) => boolean, isHair: (at: number) => boolean, gap: number): number {
    let last = -1;
    for (let at = 0; at < n; at++) {
        if (isOn(at)) {
            last = at;
        } else if (isHair(at) || at - last > gap) {
            break;
        }
    }
    return last < 0 ? -1 : last + 1;
}

/**
 * Walks up from the lowest pixel of every column as long as clothes or skin go on, over gaps that are classes gone
 * wrong.
 */
function ContourOf(photo: Photo, depth: number): IContour {
    const x = Steps(-Half, Half + 1e-9, PlaneStep);
    const points = Float64Array.from({ length: 3 * Heights.length * x.length }, (_, i) => {
        const at = Math.floor(i / 3);
        return [x[at % x.length], Heights[Math.floor(at / x.length)], depth][i % 3];
    });
    const { inside, matte, body, hair } = ShownAt(photo, points);
    const gap = Math.round(Gap / (Heights[0] - Heights[1]));
    const [height, known] = [new Float64Array(x.length), new Float64Array(x.length)];
    for (let k = 0; k < x.length; k++) {
        const fromBelow = Array.from(Heights.keys(), (row) => row)
            .filter((row) => inside[row * x.length + k] === 1)
            .reverse();
        const place = (at: number): number => fromBelow[at] * x.length + k;
        if (fromBelow.length < 3) {
            continue;
        }
        const end = RunEnd(
            fromBelow.length,
            (at) => body[place(at)] === 1,
            (at) => hair[place(at)] === 1,
            gap,
        );
        if (end < 0) {
            // nothing of the body down to the photo's edge: the shoulder is lower
            height[k] = Heights[fromBelow[0]] - 0.015;
            known[k] = matte[place(0)] < 0.5 && Heights[fromBelow[0]] > Chest ? 0.3 : 0;
        } else if (end < fromBelow.length) {
            height[k] = Heights[fromBelow[end]];
            // hair or face above it: the contour is hidden
            known[k] = matte[place(Math.min(end + 2, fromBelow.length - 1))] < 0.5 ? 1 : 0;
        }
    }
    return { x, height, known };
}

/** Highest y of points seen on the plane z = depth, per column of `x`. */
function SilhouetteTop(points: Float64Array, photo: Photo, depth: number, x: Float64Array): Float64Array {
    const at = OnPlane(points, photo, depth);
    const top = new Float64Array(x.length).fill(-Infinity);
    for (let i = 0; i < at.length; i += 2) {
        const column = Math.round((at[i] - x[0]) / PlaneStep);
        for (let k = Math.max(0, column - 1); k <= Math.min(x.length - 1, column + 1); k++) {
            top[k] = Math.max(top[k], at[i + 1]);
        }
    }
    return top;
}

/** By how much the body's shoulders miss the photo's, and from how many columns. */
export function ShoulderLine(
    points: Float64Array,
    photo: Photo,
    depth: number,
): { height: number; slope: number; known: number } {
    const { x, height, known } = ContourOf(photo, depth);
    const top = SilhouetteTop(points, photo, depth, x);
    const difference = new Float64Array(x.length);
    const use = known.map((value, k) => {
        if (!(Math.abs(x[k]) > 0.075 && Math.abs(x[k]) < 0.199 && top[k] > -Infinity && value > 0)) {
            return 0;
        }
        difference[k] = height[k] - top[k];
        // where only the photo's edge is known the shoulder need not rise to it
        return value < 1 && difference[k] > 0 ? 0 : value;
    });
    let [rise, slope] = [0, 0];
    if (!use.some((value) => value > 0)) {
        return { height: 0, slope: 0, known: 0 };
    }
    let weight = use;
    for (let round = 0; round < 3; round++) {
        let [a, b, c, p, q] = [0.2, 0, 0.02, 0, 0];
        for (let k = 0; k < x.length; k++) {
            const off = Math.abs(x[k]) - 0.1;
            a += weight[k];
            b += weight[k] * off;
            c += weight[k] * off * off;
            p += weight[k] * difference[k];
            q += weight[k] * off * difference[k];
        }
        rise = (c * p - b * q) / (a * c - b * b);
        slope = (a * q - b * p) / (a * c - b * b);
        weight = use.map(
            (value, k) => value / Math.max(1, Math.abs(difference[k] - rise - slope * (Math.abs(x[k]) - 0.1)) / 0.01),
        );
    }
    return {
        height: Clamp(rise, -0.06, 0.06),
        slope: Clamp(slope, -0.5, 0.5),
        known: use.filter((value) => value > 0).length,
    };
}

/**
 * Points moved outwards or inwards about the pivot, in the picture's plane, to the outline of clothes and skin:
 * collars, thick coats, one shoulder higher than the other. Only where the photo shows the outline against the
 * background.
 */
function ToOutline(points: IGrid, photo: Photo, { pivot }: IBustPage, share: Float64Array): IGrid {
    const angles = Steps(-20, 201, 2).map((angle) => angle * Radians);
    const r = Steps(0.03, 0.36, 0.003);
    const plane = Float64Array.from({ length: 3 * angles.length * r.length }, (_, i) => {
        const at = Math.floor(i / 3);
        const [angle, radius] = [angles[Math.floor(at / r.length)], r[at % r.length]];
        return [Math.cos(angle) * radius, Math.sin(angle) * radius + pivot[1], pivot[2]][i % 3];
    });
    const { inside, matte, body, dressed, hair } = ShownAt(photo, plane);
    const longest = Math.round(Gap / (r[1] - r[0]));
    const at = OnPlane(points.values, photo, pivot[2]);
    const length = new Float64Array(at.length / 2);
    const angle = new Float64Array(at.length / 2);
    const [all, lateral] = [new Float64Array(angles.length), new Float64Array(angles.length)];
    for (let i = 0; i < length.length; i++) {
        const [x, y] = [at[2 * i] - pivot[0], at[2 * i + 1] - pivot[1]];
        length[i] = Math.hypot(x, y);
        angle[i] = Math.atan2(y, x);
        angle[i] += angle[i] < -Math.PI / 2 ? 2 * Math.PI : 0;
        const column = Math.round((angle[i] - angles[0]) / (angles[1] - angles[0]));
        if (column >= 0 && column < angles.length) {
            all[column] = Math.max(all[column], length[i]);
            lateral[column] = share[i] > 0.05 ? Math.max(lateral[column], length[i]) : lateral[column];
        }
    }
    const reach = all.map((value, k) => (lateral[k] > 0 ? lateral[k] : value));
    const [change, known] = [new Float64Array(angles.length), new Float64Array(angles.length)];
    for (let k = 0; k < angles.length; k++) {
        const rows = Array.from(r.keys(), (row) => row).filter((row) => inside[k * r.length + row] === 1);
        if (rows.length < 4 || lateral[k] === 0) {
            continue;
        }
        // beside the neck only clothes may pull: a collar, not the neck's own side
        const beside = Math.abs(angles[k] - Math.PI / 2) < BesideNeck;
        const isOn = (at: number): boolean => {
            const place = k * r.length + rows[at];
            return body[place] === 1 && (!beside || dressed[place] === 1);
        };
        const end = RunEnd(rows.length, isOn, (at) => hair[k * r.length + rows[at]] === 1, longest);
        const last = rows[rows.length - 1];
        if (end < 0) {
            // the body ends before the photo begins; a chest that is in the photo and not seen is classes gone wrong
            if (matte[k * r.length + rows[0]] < 0.5 && r[rows[0]] > AroundPivot && r[rows[0]] < reach[k]) {
                [change[k], known[k]] = [r[rows[0]] - 0.004 - reach[k], 0.5];
            }
        } else if (end === rows.length) {
            // the body goes on beyond the photo's edge
            if (reach[k] < r[last] && r[last] < 0.3) {
                [change[k], known[k]] = [r[last] + 0.008 - reach[k], 0.7];
            }
        } else if (matte[k * r.length + rows[Math.min(end + 2, rows.length - 1)]] < 0.5 && r[rows[end]] < 0.3) {
            [change[k], known[k]] = [r[rows[end]] - Soft - reach[k], 1];
        }
    }
    if (!known.some((value) => value > 0)) {
        return points;
    }
    const moves = AsColumn(change.map((value) => Clamp(value, -MostMove, MostMove)));
    const smooth = MeanWhere(moves, AsColumn(known), 2).values;
    const sure = Blur(AsColumn(known), 3, 0).values;
    const full = reach.map((value) => Math.max(value, 0.05));
    const grows = smooth.map((value, k) => (value * (FarMove + (1 - FarMove) * Ramp(sure[k], 0.03, 0.3))) / full[k]);
    const moved = points.values.slice();
    for (let i = 0; i < length.length; i++) {
        const grow =
            Interpolate(angle[i], angles, grows) *
            share[i] *
            Math.min(1, length[i] / Interpolate(angle[i], angles, full));
        moved[3 * i] += (points.values[3 * i] - pivot[0]) * grow;
        moved[3 * i + 1] += (points.values[3 * i + 1] - pivot[1]) * grow;
    }
    return { ...points, values: moved };
}

/** Mean of values at azimuths about the neck's axis. */
export class AroundNeck {
    private readonly _mean: IGrid;

    /**
     * @param azimuths [n] radians
     * @param values [n,depth]
     */
    public constructor(
        private readonly _bins: number,
        azimuths: readonly number[],
        values: readonly (readonly number[])[],
    ) {
        const depth = values[0].length;
        const total = CreateGrid(_bins, 1, depth);
        const count = new Float64Array(_bins);
        azimuths.forEach((azimuth, i) => {
            const bin = Modulo(Math.floor((azimuth / (2 * Math.PI)) * _bins), _bins);
            count[bin]++;
            values[i].forEach((value, k) => (total.values[depth * bin + k] += value));
        });
        const mean = {
            ...total,
            values: total.values.map((sum, i) => sum / Math.max(count[Math.floor(i / depth)], 1)),
        };
        const known = AsColumn(count.map((value) => Number(value > 0)));
        this._mean = Blur(MeanWhere(mean, known, 1, 0, true), 1, 0, true);
    }

    public at(azimuth: number, channel = 0): number {
        const { depth, values } = this._mean;
        const at = (azimuth / (2 * Math.PI)) * this._bins - 0.5;
        const [low, share] = [Math.floor(at), at - Math.floor(at)];
        const value = (bin: number): number => values[depth * Modulo(bin, this._bins) + channel];
        return value(low) * (1 - share) + value(low + 1) * share;
    }
}

/** Azimuth about the neck's axis. */
export function NeckAzimuth(x: number, z: number): number {
    return Math.atan2(x - NeckAxis[0], z - NeckAxis[2]);
}

/** Indices of the neck's Gaussians between two heights above the ring. */
export function NeckBetween(page: IBustPage, { means, neck, opacity }: IBustHead, low: number, high: number): number[] {
    return Array.from(neck.keys()).filter((g) => {
        const above = AboveRing(page, means[3 * g + 1], means[3 * g + 2]);
        return neck[g] === 1 && opacity[g] > Solid && above > low && above < high;
    });
}

/** Points whose first rows lie a little inside the person's own neck; from the ring down its shape fades out. */
function OwnNeck(points: IGrid, above: Float64Array, head: IBustHead, page: IBustPage): IGrid {
    const near = NeckBetween(page, head, -0.004, 0.022);
    if (near.length < 50) {
        return points;
    }
    const off = (values: Float64Array, i: number): [number, number] => [
        values[3 * i] - NeckAxis[0],
        values[3 * i + 2] - NeckAxis[2],
    ];
    const own = new AroundNeck(
        NeckBins,
        near.map((g) => NeckAzimuth(head.means[3 * g], head.means[3 * g + 2])),
        near.map((g) => [Math.hypot(...off(head.means, g))]),
    );
    const { rows, columns, values } = points;
    const moved = values.slice();
    for (let column = 0; column < columns; column++) {
        let nearest = column;
        for (let row = 1; row < rows; row++) {
            const at = row * columns + column;
            nearest = Math.abs(above[at] - 0.006) < Math.abs(above[nearest] - 0.006) ? at : nearest;
        }
        const atRing = Math.hypot(...off(values, nearest));
        for (let row = 0; row < rows; row++) {
            const i = row * columns + column;
            const [x, z] = off(values, i);
            const ratio = Clamp(own.at(Math.atan2(x, z)) / atRing, 0.75, 1.35);
            const inwards = (0.003 * Ramp(above[i], 0.002, 0.012)) / Math.max(Math.hypot(x, z), 0.01);
            const scale = 1 + (ratio - 1) * SmoothStep(above[i], -0.06, 0) - inwards;
            moved[3 * i] = NeckAxis[0] + x * scale;
            moved[3 * i + 2] = NeckAxis[2] + z * scale;
        }
    }
    return { ...points, values: moved };
}

/** Bust of a person from the contour of a photo. Yields after each step. */
export function* FitTorso(page: IBustPage, head: IBustHead, photo: Photo): Work<ITorso> {
    const base = BaseOf(page, page.bust);
    const count = base.rows * base.columns;
    const above = Float64Array.from({ length: count }, (_, i) =>
        AboveRing(page, base.values[3 * i + 1], base.values[3 * i + 2]),
    );
    // what turns with the neck stays at the neck
    const share = above.map(
        (value, i) => SmoothStep(value, 0.02, -0.012) * Ramp(page.torsoShare[page.bust.first * page.size + i], 0.98, 1),
    );
    const narrow = OwnNeck(base, above, head, page);
    yield 0.25;
    const line = ShoulderLine(narrow.values, photo, page.pivot[2]);
    yield 0.6;
    const x = OnPlane(narrow.values, photo, page.pivot[2]);
    const raised = narrow.values.slice();
    for (let i = 0; i < count; i++) {
        raised[3 * i + 1] += share[i] * (line.height + line.slope * (Clamp(Math.abs(x[2 * i]), 0.06, 0.2) - 0.1));
    }
    const points = ToOutline({ ...base, values: raised }, photo, page, share);
    yield 0.9;
    // the lower edge rises towards the sides and fades; nothing ends in a straight line
    const shown = Float64Array.from({ length: count }, (_, i) => {
        const end = Bottom[0] + Bottom[1] * Math.min(1, (points.values[3 * i] / 0.2) ** 2);
        return SmoothStep(points.values[3 * i + 1], end, end + Fade);
    });
    return { points, shown: CreateGrid(base.rows, base.columns, 1, shown), ...line };
}

const ReachStep = 2 * Radians;
const ReachTop = 88 * Radians;
const ReachRows = 61;
const ReachColumns = 72;

/** How far the bust reaches from its pivot in a direction: hair must stay outside. */
export class TorsoReach {
    public readonly pivot: readonly number[];
    private readonly _radius = new Float64Array(ReachRows * ReachColumns);

    public constructor(page: IBustPage, { points: { values } }: ITorso) {
        this.pivot = page.pivot;
        for (let i = 0; i < values.length; i += 3) {
            const { elevation, azimuth, distance } = this._direction(values, i);
            const row = Math.round((ReachTop - elevation) / ReachStep);
            const column = Modulo(Math.floor((azimuth / (2 * Math.PI)) * ReachColumns), ReachColumns);
            for (const r of [row, row + 1]) {
                if (r >= 0 && r < ReachRows) {
                    const at = r * ReachColumns + column;
                    this._radius[at] = Math.max(this._radius[at], distance);
                }
            }
        }
    }

    /**
     * Radius of the bust in the direction of a point; 0 where it is not.
     * @param at index of the point's first number
     */
    public towards(points: Float64Array, at: number): number {
        const { elevation, azimuth } = this._direction(points, at);
        const row = Clamp((ReachTop - elevation) / ReachStep, 0, ReachRows - 1.001);
        const column = Modulo((azimuth / (2 * Math.PI)) * ReachColumns - 0.5, ReachColumns);
        const [r0, c0] = [Math.floor(row), Math.floor(column)];
        const [fr, fc] = [row - r0, column - c0];
        const value = (r: number): number =>
            this._radius[r * ReachColumns + (c0 % ReachColumns)] * (1 - fc) +
            this._radius[r * ReachColumns + ((c0 + 1) % ReachColumns)] * fc;
        return value(r0) * (1 - fr) + value(r0 + 1) * fr;
    }

    private _direction(points: Float64Array, at: number): { elevation: number; azimuth: number; distance: number } {
        const [x, y, z] = [points[at] - this.pivot[0], points[at + 1] - this.pivot[1], points[at + 2] - this.pivot[2]];
        return { elevation: Math.atan2(y, Math.hypot(x, z)), azimuth: Math.atan2(x, z), distance: Math.hypot(x, y, z) };
    }
}
