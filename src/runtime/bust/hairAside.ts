/**
 * What photos from other sides than the first say of the hair's shape: their outlines at the back of the head, and how
 * far it hangs there. Twin: `asides`, `to_outlines` and `ends_aside` of training/bust/hair.py.
 */
import { Within, type Work } from "../slices.js";
import type { IBustHead, IBustPage } from "./bustInput.js";
import { Facing } from "./facing.js";
import { AsColumn, Blur, Clamp, Interpolate, MeanWhere, Ramp, SmoothStep, type IGrid } from "./grids.js";
import { ToFrame, ViewAxes } from "./head.js";
import { Angles, BelowEdge, HairView, MeasureRim, MeasureSides } from "./hairView.js";
import { Hair, type Photo } from "./photo.js";

/** Radians that another photo is taken from farther aside than the first: then its outline is another one. */
const Aside = (25 * Math.PI) / 180;
/** Radians: from so far aside on its photo shows where hair ends in the middle of the back. */
const Free = (48 * Math.PI) / 180;
/** Hair at the back that ends above this height (m) is the head's own. */
export const Nape = -0.1;
/** Meters: hair farther out than this at the back is not on the head's own page. */
const OffSide = 0.01;
/** Meters that its outline moves the surface outwards, and inwards. */
const [MostOut, MostIn] = [0.12, 0.04];
/** Sines to its direction of view where its outline counts. */
const DomeRim = [0.6, 0.95] as const;
const CurtainRim = [0.3, 1] as const;
/** The same for the first photo, whose outline stays. */
const FirstRim = [0.75, 0.98] as const;
/** Rows below the last that it tells in which its change fades out. */
const FadeRows = 60;
/** Rows of hair of a column that another photo sees; rows without it in between. */
const [LeastOn, MostOff] = [8, 5];
/** Least cosine to the camera of what it sees. */
const Seen = 0.3;
/** Meters, of those over which ends grow thin, that lie below where hair is seen to end. */
const BelowEnd = 0.015;

/** What a photo from another side says. */
export interface IAside {
    readonly view: HairView;
    /** [Angles + 1] meters: the dome's outline. */
    readonly dome: Float64Array;
    /** Of its x at the back of the head. */
    readonly sign: 1 | -1;
    /** [rows] meters: the curtain's outline at the back, and where it is known. */
    readonly outer: Float64Array;
    readonly known: Float64Array;
    /** Whether hair reaches beyond the head there. */
    readonly grows: boolean;
    /** Height above the dome's centre where hair ends there; NaN where none hangs. */
    readonly lowest: number;
    /** Whether that is seen, not hidden by the photo's edge or a shoulder. */
    readonly free: boolean;
}

/**
 * Of those photos that are from another side than the first.
 * @param heights [rows] above the dome's centre
 */
export function* AsidesOf(
    page: IBustPage,
    head: IBustHead,
    photos: readonly Photo[],
    heights: Float64Array,
): Work<IAside[]> {
    const [first, ...others] = photos;
    const front = ViewAxes(first.yaw).slice(6);
    const asides: IAside[] = [];
    for (const [index, photo] of others.entries()) {
        const view = new HairView(page, photo);
        const along = view.axes[0] * front[0] + view.axes[1] * front[1] + view.axes[2] * front[2];
        if (photo.source.fromBehind || Math.abs(along) < Math.sin(Aside)) {
            continue;
        }
        const { rim, excess } = MeasureRim(view, head);
        const sides = yield* Within(MeasureSides(view, heights), index / others.length, (index + 1) / others.length);
        const back = along < 0 ? 1 : 0;
        const half = Angles >> 1;
        const upper = back === 1 ? excess.subarray(0, half) : excess.subarray(half);
        const more = sides.beyond[back] + sides.behind[back];
        asides.push({
            view,
            dome: rim.map((value, k) => value + excess[k]),
            sign: back === 1 ? 1 : -1,
            outer: sides.outer[back],
            known: sides.known[back].map((value, row) => value * (1 - sides.cut[back][row])),
            grows: Math.max(...upper) >= OffSide,
            lowest: sides.lowest[back] < Nape - view.center[1] ? sides.lowest[back] - more : NaN,
            free: more === 0 && Math.abs(along) > Math.sin(Free),
        });
    }
    return asides;
}

/** Of the angle between a direction and an axis. */
function Sine(x: number, y: number, z: number, axis: ArrayLike<number>): number {
    const along = x * axis[0] + y * axis[1] + z * axis[2];
    const length = Math.max(Math.hypot(x, y, z), 1e-9) * Math.hypot(axis[0], axis[1], axis[2]);
    return Math.sqrt(Clamp(1 - (along / length) ** 2, 0, 1));
}

/**
 * How far canonical points move until the outlines of photos from aside are met.
 * @param points [rows,columns,3], of which the first rows are the dome
 * @param least [first,columns] meters that points of the dome may move inwards
 * @param eye [3] the first photo's camera about the dome's centre
 * @param axes [9] the first photo's frame
 * @returns [rows,columns,3] yields after each photo
 */
export function* ToOutlines(
    { rows, columns, values }: IGrid,
    least: ArrayLike<number>,
    asides: readonly IAside[],
    eye: ArrayLike<number>,
    axes: readonly number[],
): Work<Float64Array> {
    const moved = new Float64Array(values.length);
    const count = rows * columns;
    const top = least.length;
    const [center, level] = [asides[0].view.center, [eye[0], 0, eye[2]]];
    const free = Float64Array.from({ length: count }, (_, i) => {
        const [x, y, z] = [0, 1, 2].map((k) => values[3 * i + k] - center[k]);
        return 1 - Ramp(i < top ? Sine(x, y, z, eye) : Sine(x, 0, z, level), ...FirstRim);
    });
    for (const [index, { view, dome, sign, outer, known }] of asides.entries()) {
        const own = view.axes;
        const local = ToFrame(
            values.map((value, i) => value + moved[i]),
            view.center,
            own,
        );
        const flat = view.onPlane(local);
        // dome
        const angle = new Float64Array(top);
        const ours = new Float64Array(Angles + 1);
        for (let i = 0; i < top; i++) {
            angle[i] = (Math.atan2(flat[2 * i + 1], flat[2 * i]) * 90) / Math.PI;
            const at = Clamp(Math.round(angle[i]), 0, Angles);
            ours[at] = Math.max(ours[at], Math.hypot(flat[2 * i], flat[2 * i + 1]));
        }
        const found = AsColumn(ours.map((value) => Number(value > 0)));
        const off = AsColumn(ours.map((value, k) => (value > 0 ? dome[k] - value : 0)));
        const change = Blur(MeanWhere(off, found, 1), 1, 0).values.map((value) => Clamp(value, -MostIn, MostOut));
        const places = change.map((_, k) => k);
        for (let i = 0; i < top; i++) {
            const share = SmoothStep(Sine(local[3 * i], local[3 * i + 1], local[3 * i + 2], view.eye), ...DomeRim);
            const by = Math.max(Interpolate(angle[i], places, change) * share * free[i], -least[i]);
            const [c, s] = [Math.cos((angle[i] * Math.PI) / 90), Math.sin((angle[i] * Math.PI) / 90)];
            for (let k = 0; k < 3; k++) {
                moved[3 * i + k] += by * (c * own[k] + s * own[3 + k]);
            }
        }
        // curtain
        const reach = new Float64Array(outer.length).fill(-Infinity);
        for (let i = top; i < count; i++) {
            const row = Math.floor((i - top) / columns);
            reach[row] = Math.max(reach[row], sign * flat[2 * i]);
        }
        const misses = AsColumn(outer.map((value, row) => (known[row] > 0 ? value - reach[row] : 0)));
        const near = Blur(AsColumn(known), 3, 0).values;
        const last = Math.max(0, known.lastIndexOf(1));
        const moves = Blur(MeanWhere(misses, AsColumn(known), 1.5), 1, 0).values.map((value, row) => {
            const goesOn = row > last ? Math.max(0, 1 - (row - last) / FadeRows) : 0;
            return Clamp(value, -MostIn, MostOut) * Math.max(Ramp(near[row], 0, 0.5), goesOn);
        });
        for (let i = top; i < count; i++) {
            const toward = (sign * local[3 * i]) / Math.max(Math.hypot(local[3 * i], local[3 * i + 2]), 1e-9);
            const by = moves[Math.floor((i - top) / columns)] * SmoothStep(toward, ...CurtainRim) * free[i];
            for (let k = 0; k < 3; k++) {
                moved[3 * i + k] += by * sign * own[k];
            }
        }
        yield (index + 1) / asides.length;
    }
    const atBack = new Set(
        asides.map(({ sign, view }) => Math.sign(sign * [0, 1, 2].reduce((sum, k) => sum + view.axes[k] * axes[k], 0))),
    );
    return atBack.size > 1 ? moved : Mirrored({ rows, columns, depth: 3, values: moved }, axes);
}

/** The other side, which no photo tells of, moves as this one. */
function Mirrored({ rows, columns, values }: IGrid, axes: readonly number[]): Float64Array {
    const own = ToFrame(values, [0, 0, 0], axes);
    const both = new Float64Array(values.length);
    for (let i = 0; i < rows * columns; i++) {
        const [x, y, z] = own.subarray(3 * i, 3 * i + 3);
        const at = 3 * (i - 2 * (i % columns) + columns - 1);
        const [right, up, near] = [-own[at], own[at + 1], own[at + 2]];
        const [size, other] = [x * x + y * y + z * z, right * right + up * up + near * near];
        const share = size / Math.max(size + other, 1e-12);
        const mean = [x, y, z].map((value, k) => value * share + [right, up, near][k] * (1 - share));
        for (let k = 0; k < 3; k++) {
            both[3 * i + k] = mean[0] * axes[k] + mean[1] * axes[3 + k] + mean[2] * axes[6 + k];
        }
    }
    return both;
}

/**
 * Down to where a photo from aside shows hair.
 * @param points [rows,columns,3] of the curtain, canonical
 * @param heights [rows] above the dome's centre
 * @param share [rows,columns] of the torso's joint
 * @returns [columns] height above the dome's centre; infinite where it tells nothing
 */
export function EndsAside(points: IGrid, heights: Float64Array, photo: Photo, share: ArrayLike<number>): Float64Array {
    const { rows, columns } = points;
    const posed = { ...points, values: photo.posed(points.values, share) };
    const { px } = photo.project(posed.values);
    const facing = Facing(posed, photo, -1);
    const inside = photo.inside(px, 1.5);
    const matte = photo.at(photo.matte, px);
    const classes = photo.at(photo.classes, px, 3);
    return Float64Array.from({ length: columns }, (_, column) => {
        let [last, misses, count] = [-1, 0, 0];
        for (let row = 0; row < rows && misses <= MostOff; row++) {
            const i = row * columns + column;
            if (facing[i] > Seen) {
                const isOn = classes[3 * i + Hair] * matte[i] > 0.5 && inside[i] > 0;
                misses = isOn ? 0 : misses + 1;
                last = isOn ? row : last;
                count += Number(isOn);
            }
        }
        if (count < LeastOn) {
            return Infinity;
        }
        const isCut = last + 2 >= rows || inside[(last + 2) * columns + column] === 0;
        return heights[last] - (isCut ? BelowEdge : BelowEnd);
    });
}
