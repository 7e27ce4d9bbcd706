/**
 * Colors of the hair, and what the photos carve away. Twin: `hair_color`, `hung_down`, `behind` and `combed` of
 * training/bust/fill.py.
 */
import { Within, type Work } from "../slices.js";
import { HiddenSlack } from "./bustColor.js";
import type { IBustPage } from "./bustInput.js";
import type { IShownGrid } from "./back.js";
import { Facing, RimBehind } from "./facing.js";
import { HairGrain } from "./grain.js";
import {
    AsColumn,
    Blur,
    Clamp,
    Closed,
    CreateGrid,
    Interpolate,
    MeanWhere,
    Median,
    Modulo,
    PushPull,
    Ramp,
    SmoothStep,
    Weighted,
    type IGrid,
} from "./grids.js";
import type { IHair } from "./hair.js";
import { DepthOf, HiddenBy } from "./head.js";
import { HairAngle } from "./page.js";
import { Clothes, Hair, Skin, type Photo } from "./photo.js";

/** The photo's colors are believed up to this angle from the camera. */
const Rim = (68 * Math.PI) / 180;
const CarvedAt = (95 * Math.PI) / 180;
/** Strands that are carried behind are no darker or lighter than this. */
const Detail = [0.72, 1.38] as const;
/** What is wider than so many columns is tone, not strands. */
const LockColumns = 6;
/** Rows that strands are drawn out over; shares of variance that then remain in curls and in straight hair. */
const StrandRows = 12;
const Straight = [0.032, 0.06] as const;
/** Of the spread of curls that is carried behind: what repeats must not be seen to. */
const Curls = 0.6;
/** Of the crop's side: so near to the photo's lower edge its hair fades into its continuation. */
const LowerEdge = 0.07;
/** Where light comes from that falls on hair that no photo shows: meters above the eyes, and towards the camera. */
const Light = { up: 1.5, front: 0.3 };
/** What of it comes from everywhere, and how far it reaches around. */
const [Ambient, Wrap] = [0.6, 0.4];
/** Rows and columns over which the surface is smoothed for that; the height of a light straight above, meters. */
const [CalmRows, CalmColumns, FarUp] = [5, 5, 100];
/** Least and most of it, against what the photo shows. */
const LightLimits = [0.85, 1.08] as const;
/** Hair shines where its surface rises so steeply (sine) from the horizontal, about so much. */
const Shine = { at: 0.45, wide: 0.22, most: 0.09 };
/** What is brighter than this does not. */
const Dull = 0.8;
/** Rows and columns over which the edges that photos carve are smoothed. */
const EdgeBlur = [1.5, 0.6] as const;
/** Half widths, rows and columns, of slits and spots of other classes in the middle of hair: they are closed. */
const Slit = [3, 2] as const;
/** Of skin or clothes: from there on a photo shows them and not the background. */
const Bodily = [0.2, 0.4] as const;
/** Rows and columns over which the depth is smoothed by which a dome sinks that photos show to be too wide. */
const SinkBlur = [2, 2] as const;
/** Share of the way down from which, and up to which, a photo's colors are no longer believed there. */
const Sinking = [0.2, 0.02] as const;
/** Of the crop's side: hair that is so deep inside the matte tells the color of the rest, the rim hardly. */
const Deep = 0.025;
const RimShare = 0.03;
/** Rows by which strands move from one run over the photo's columns to the next: what repeats is not seen. */
const RunRows = 17;
/** The lowest rows do not move: the hair's edge is not its middle. */
const EdgeRows = 8;
/** Radians that a head is turned from which, up to which, its far side looks as the near one. */
const FarSide = [(15 * Math.PI) / 180, (25 * Math.PI) / 180] as const;
/** Angles from the camera from which, up to which, it does so also where the photo shows it. */
const FarRim = [0.6, 1] as const;
/** Share of the way from the back in which it passes over to that. */
const FarSeam = 0.15;
/** Where in a run the next one begins to show. */
const RunEnd = 0.7;
/** Of a strand's color from row to row, below which it is continued. */
const StrandFade = 0.93;

/** Meters behind the bust from which it hides hair, and sides of the crop in which it does. */
const [BustSlack, BustWider] = [0.02, 2];

/** A layer of hair with colors. */
export interface IHairColor {
    /** [rows,P,3] 0..1 */
    readonly color: IGrid;
    /** [rows,P] 0..1 */
    readonly shown: IGrid;
}

/** With its points. */
export interface ISunkHair extends IHairColor {
    /** [rows,P,3] canonical, meters. */
    readonly points: IGrid;
}

/**
 * Colors, and where hair remains after every photo has carved away what would cover face, clothes or background.
 * @param torso hides hair from all photos but the first, which made the shape
 * @param depths picture of the head's depth for each photo
 * @returns with points that sank onto the head where photos show the background; yields after each photo
 */
export function* HairColor(
    page: IBustPage,
    layer: IHair,
    torso: IShownGrid,
    photos: readonly Photo[],
    depths: readonly Float64Array[],
): Work<ISunkHair> {
    const { points, theta } = layer;
    const { rows, columns } = theta;
    const count = rows * columns;
    const kept = CreateGrid(rows, columns);
    kept.values.fill(1);
    // what the background leaves, and what remains where hair that lies on the head sinks and is not carved by it
    const [through, firm] = [kept.values.slice(), { ...kept, values: kept.values.slice() }];
    const deep = new Float64Array(count);
    const total = new Float64Array(3 * count);
    const weight = new Float64Array(count);
    const solid = torso.points.values.filter((_, i) => torso.shown.values[Math.floor(i / 3)] > 0.5);
    for (const [index, photo] of photos.entries()) {
        const part = (share: number): number => (0.3 * (index + share)) / photos.length;
        const posed = photo.posed(points.values, page.torsoShare.subarray(page.hair.first * columns));
        const { px } = photo.project(posed);
        const inside = photo.inside(px, 2);
        const classes = photo.at(photo.classes, px, 3);
        const matte = photo.at(photo.matte, px);
        const sure = photo.at(photo.sure, px);
        const within = DeepInside(photo, px);
        const lower = photo.lowerEdge(px);
        yield part(0.3);
        const hidden = HiddenBy(posed, depths[index], photo, HiddenSlack);
        if (index > 0) {
            const bust = DepthOf(solid, photo.torso, BustWider);
            HiddenBy(posed, bust, photo, BustSlack, BustWider).forEach((isHidden, i) => (hidden[i] |= isHidden));
        }
        const toward = Facing({ ...points, values: posed }, photo, -1);
        yield part(0.6);
        const color = photo.colorAt(px);
        yield part(0.8);
        for (let i = 0; i < count; i++) {
            const mask = classes[3 * i + Hair];
            const isFront = index === 0 ? theta.values[i] < CarvedAt : toward[i] > 0;
            const isSeen = inside[i] * (1 - hidden[i]);
            const keeps = isFront ? Ramp(mask * matte[i], 0.3, 0.6) : Ramp(matte[i], 0.35, 0.65);
            // a camera behind is about right: it tells nothing of the rim
            const carves = photo.source.fromBehind ? isSeen * Ramp(toward[i], ...RimBehind) : isSeen;
            kept.values[i] *= 1 - carves * (1 - keeps);
            through[i] *= 1 - carves * (1 - Ramp(matte[i], 0.35, 0.65));
            const body = Ramp(Math.max(classes[3 * i + Skin], classes[3 * i + Clothes]), ...Bodily);
            firm.values[i] *= 1 - carves * (1 - keeps) * (1 - layer.lies.values[i] * (1 - body));
            // the first photo made the surface: there the angle from the camera says how far its colors may be believed
            const believed =
                index > 0 ? Ramp(toward[i], 0.3, 0.6) : isFront ? Ramp(theta.values[i], Rim + 0.15, Rim) : 0;
            // towards the photo's lower edge the strands give way to what goes on below it
            const near = Ramp(lower[i] / photo.source.crop.sidePx, 0, LowerEdge);
            const trust =
                believed *
                near *
                isSeen *
                Ramp(mask, 0.6, 0.9) *
                Ramp(sure[i], 0.5, 0.9) *
                (1 - Math.min(weight[i], 1));
            weight[i] += trust;
            deep[i] += trust * within[i];
            for (let k = 0; k < 3; k++) {
                total[3 * i + k] += trust * color[3 * i + k];
            }
        }
        yield part(1);
    }
    const edges = SoftEdges(kept, through);
    const firmEdges = SoftEdges(
        firm,
        through.map((value, i) => 1 - (1 - value) * (1 - layer.lies.values[i])),
    );
    const shown = layer.shown.values.map((value, i) => value * firmEdges[i]);
    const lost = firmEdges.map((value, i) => value - edges[i]);
    const sinks = Blur(Blur(CreateGrid(rows, columns, 1, lost), SinkBlur[0], 0), SinkBlur[1], 1).values;
    const sunk = Sunk(
        page,
        points,
        layer.above.values.map((value, i) => value * sinks[i]),
    );
    yield 0.35;
    const trust = CreateGrid(
        rows,
        columns,
        1,
        weight.map((value, i) => Math.min(value, 1) * Ramp(sinks[i], ...Sinking)),
    );
    const mean = total.map((value, i) => value / Math.max(weight[Math.floor(i / 3)], 1e-6));
    const color = HungDown(PushPull(CreateGrid(rows, columns, 3, mean), trust), trust);
    yield 0.4;
    return {
        points: sunk,
        color: yield* ColorBehind(page, { ...layer, points: sunk }, color, trust, deep),
        shown: CreateGrid(rows, columns, 1, shown),
    };
}

/** [n] 0..1 how sure it is that the person is seen around a pixel. */
function DeepInside(photo: Photo, px: Float64Array): Float64Array {
    const reach = Deep * photo.source.crop.sidePx;
    const around = [-1, 1].flatMap((sign) =>
        [0, 1].map((axis) =>
            photo.at(
                photo.sure,
                px.map((value, i) => value + (i % 2 === axis ? sign * reach : 0)),
            ),
        ),
    );
    return around[0].map((_, i) => Ramp(Math.min(...around.map((values) => values[i])), 0.5, 0.9));
}

/** What remains of hair: a lock's edge is no stair, and no slit unless one sees through it. */
function SoftEdges(kept: IGrid, through: Float64Array): Float64Array {
    const values = Closed(kept, ...Slit).values.map((value, i) => value * through[i]);
    const edges = Blur(Blur({ ...kept, values }, EdgeBlur[0], 0), EdgeBlur[1], 1).values;
    return edges.map((value, i) => Math.min(Ramp(value, 0.25, 0.55), 4 * values[i]));
}

/** Points that are nearer to the dome's centre. */
function Sunk({ dome }: IBustPage, points: IGrid, depth: Float64Array): IGrid {
    const values = points.values.slice();
    depth.forEach((value, i) => {
        const from = [0, 1, 2].map((k) => values[3 * i + k] - dome[k]);
        const share = value / Math.max(Math.hypot(...from), 1e-6);
        from.forEach((part, k) => (values[3 * i + k] -= share * part));
    });
    return { ...points, values };
}

/** What hangs below all that is trusted goes on in the mean color of the strand above it. */
function HungDown(color: IGrid, trust: IGrid): IGrid {
    const { rows, columns } = trust;
    const strand = CreateGrid(1, columns, 4); // color times weight, weight
    const below = new Uint8Array(rows * columns);
    for (let column = 0; column < columns; column++) {
        let sum = 0;
        for (let row = rows - 1; row >= 0; row--) {
            sum += trust.values[row * columns + column];
            below[row * columns + column] = Number(sum < 0.5);
        }
    }
    const values = color.values.slice();
    for (let row = 0; row < rows; row++) {
        const next = strand.values.map((value, k) => {
            const i = row * columns + Math.floor(k / 4);
            return StrandFade * value + trust.values[i] * (k % 4 < 3 ? color.values[3 * i + (k % 4)] : 1);
        });
        const wide = Blur({ ...strand, values: next }, 1.5, 1).values;
        for (let column = 0; column < columns; column++) {
            const i = row * columns + column;
            const weight = wide[4 * column + 3];
            const share = below[i] * Ramp(weight, 0.2, 1) * (1 - trust.values[i]);
            for (let k = 0; k < 3; k++) {
                values[3 * i + k] += share * (wide[4 * column + k] / Math.max(weight, 1e-6) - values[3 * i + k]);
            }
        }
        // what hangs on keeps the color of where the photo ended
        next.forEach((value, k) => {
            strand.values[k] = below[row * columns + Math.floor(k / 4)] > 0 ? value / StrandFade : value;
        });
    }
    return { ...color, values };
}

/** What one side of the hair shows, row by row. */
interface ISide {
    /** [rows,3] smooth color; null where it shows none. */
    readonly mean: Float64Array | null;
    /** First and last row of which something is seen, without those of the lower edge. */
    readonly rows: readonly [number, number];
    /** [rows] first and last angle that are seen. */
    readonly least: Float64Array;
    readonly most: Float64Array;
}

function SideOf({ theta, angle }: IHair, k: number, color: IGrid, trust: IGrid, deep: Float64Array): ISide {
    const { rows, columns } = theta;
    const value = CreateGrid(rows, 1, 3);
    const weight = new Float64Array(rows);
    const [first, last] = [new Float64Array(rows).fill(Infinity), new Float64Array(rows).fill(-Infinity)];
    for (let i = 0; i < theta.values.length; i++) {
        if (angle[i % columns] > 0 !== (k === 1)) {
            continue;
        }
        const row = Math.floor(i / columns);
        const at = theta.values[i];
        const near = (RimShare * trust.values[i] + (1 - RimShare) * deep[i]) * Ramp(at, Rim - 0.9, Rim - 0.2);
        weight[row] += near;
        for (let channel = 0; channel < 3; channel++) {
            value.values[3 * row + channel] += near * color.values[3 * i + channel];
        }
        if (trust.values[i] > 0.3 && at < Rim) {
            first[row] = Math.min(first[row], at);
            last[row] = Math.max(last[row], at);
        }
    }
    const known = AsColumn(weight.map((sum) => Math.min(sum / 6, 1)));
    const mean = { ...value, values: value.values.map((sum, i) => sum / Math.max(weight[Math.floor(i / 3)], 1e-6)) };
    const isSeen = AsColumn(last.map((at) => Number(at > -Infinity)));
    const smooth = (angles: Float64Array): Float64Array =>
        isSeen.values.some((seen) => seen > 0)
            ? MeanWhere(AsColumn(angles), isSeen, 1.5).values
            : angles.map(() => Rim);
    return {
        rows: [isSeen.values.indexOf(1), isSeen.values.lastIndexOf(1) - EdgeRows],
        mean: weight.some((sum) => sum > 0) ? MeanWhere(mean, known, 5).values : null,
        least: smooth(first),
        most: smooth(last),
    };
}

/** [rows,3] the mean color of all that is trusted, in every row. */
function OverallMean(color: IGrid, trust: IGrid): Float64Array {
    const sum = [0, 0, 0];
    let count = 0;
    trust.values.forEach((value, i) => {
        if (value > 0.3) {
            count++;
            sum.forEach((_, k) => (sum[k] += color.values[3 * i + k]));
        }
    });
    return Float64Array.from({ length: 3 * color.rows }, (_, i) => (count > 0 ? sum[i % 3] / count : 0.3));
}

/**
 * Colors with those that no photo shows: the sides' smooth color carried around the back, times the photo's own
 * strands, which go back and forth over the columns that are seen and run down them.
 */
function* ColorBehind(page: IBustPage, layer: IHair, color: IGrid, trust: IGrid, deep: Float64Array): Work<IGrid> {
    const { theta, side, angle } = layer;
    const { rows, columns } = theta;
    const down = Blur(Weighted(color, trust), 2, 0);
    yield 0.45;
    const colors = Blur(down, LockColumns, 1).values;
    yield 0.5;
    const weights = Blur(Blur(trust, 2, 0), LockColumns, 1).values;
    yield 0.55;
    const factors = colors.map((sum, i) => {
        const at = Math.floor(i / 3);
        const smooth = sum / Math.max(weights[at], 1e-3);
        const factor = trust.values[at] > 0.05 ? Clamp((color.values[i] + 0.02) / (smooth + 0.02), ...Detail) : 1;
        return 1 + (factor - 1) * trust.values[at];
    });
    yield 0.6;
    const detail = Combed(CreateGrid(rows, columns, 3, factors), trust).values;
    yield 0.7;
    const sides = [0, 1].map((k) => SideOf(layer, k, color, trust, deep));
    const means = sides.map(({ mean }, k) => mean ?? sides[1 - k].mean ?? OverallMean(color, trust));
    // the far side of a turned head is a rim of loose hair, through which the background shines
    const { yaw } = layer.view.photo;
    const far = yaw < 0 ? 1 : 0;
    const turned = layer.curtain ? Ramp(Math.abs(yaw), ...FarSide) : 0;
    means[far] = means[far].map((value, i) => value + turned * (means[1 - far][i] - value));
    // Strands run down the columns, so one place per side says where the photo's knowledge ends, and one how far it goes.
    const ends = sides.map((side, k) => {
        const column = k * (columns - 1);
        const shareAt = (angles: Float64Array): number =>
            Median(
                angles.map(
                    (at, row) =>
                        (Math.abs(angle[column]) * (Math.PI - at)) / (Math.PI - theta.values[row * columns + column]),
                ),
            );
        const [last, first] = [shareAt(side.most), shareAt(side.least)];
        return { last, span: Math.max(first - last - 0.03, 0.05) };
    });
    // column coordinate of a share of the way from the back
    const fine = Float64Array.from({ length: 513 }, (_, i) => i / 512);
    const shares = fine.map((s) => HairAngle(page, s));
    const strand = (of: number, row: number, q: number, into: number[]): void => {
        const { last, span } = ends[of];
        // 0 where the photo's knowledge ends, up to its span, and back
        const beyond = Math.max(last - q, 0);
        const turn = span - Math.abs(Modulo(beyond, 2 * span) - span);
        const s = Interpolate(Math.min(last + turn, 1), shares, fine) * (of === 1 ? 1 : -1);
        const c = Clamp(((s + 1) / 2) * columns - 0.5, 0, columns - 1.001);
        const run = Math.floor(beyond / span);
        const next = SmoothStep(beyond / span - run, RunEnd, 1);
        for (const [index, weight] of [1 - next, next].entries()) {
            const from = MovedRow(row, RunRows * (run + index), sides[of].rows);
            const start = 3 * (from * columns + Math.floor(c));
            for (let k = 0; k < 3; k++) {
                const value = detail[start + k] * (1 - (c % 1)) + detail[start + 3 + k] * (c % 1);
                into[k] = weight * value + (index > 0 ? into[k] : 0);
            }
        }
    };
    const [own, other] = [
        [0, 0, 0],
        [0, 0, 0],
    ];
    const { light, shine } = LightOn(layer, trust);
    const result = color.values.slice();
    yield 0.75;
    // short hair, which has no strands that hang down, goes on with the grain of the head's own scalp
    const grain = layer.curtain
        ? null
        : yield* Within(HairGrain(layer.points.values, page.dome, color.values, trust.values), 0.75, 0.8);
    for (let i = 0; i < rows * columns; i++) {
        if (i > 0 && i % (30 * columns) === 0) {
            yield 0.8 + (0.2 * i) / (rows * columns);
        }
        const [row, column] = [Math.floor(i / columns), i % columns];
        const k = side[column];
        const edge = sides[k].most[row];
        const at = theta.values[i];
        const share = Ramp(at, edge - 0.15, edge + 0.05) * (at > Rim + 0.2 ? 1 - trust.values[i] : 1);
        if (share === 0) {
            continue;
        }
        const q = Math.abs(angle[column]);
        strand(k, row, q, own);
        strand(1 - k, row, q, other);
        const cross = 0.5 * (1 - SmoothStep(q, 0, 0.15));
        const across = 0.5 * (1 - SmoothStep(q, 0, 0.6));
        for (let channel = 0; channel < 3; channel++) {
            const base = means[k][3 * row + channel] * (1 - across) + means[1 - k][3 * row + channel] * across;
            const strands = own[channel] * (1 - cross) + other[channel] * cross;
            const lit = base * light[i] + shine[i] * Math.max(0, Dull - base);
            const rough = grain ? Math.exp(grain[i]) : strands;
            result[3 * i + channel] = color.values[3 * i + channel] * (1 - share) + lit * rough * share;
        }
    }
    if (turned === 0) {
        return { ...color, values: result };
    }
    const values = result.slice();
    for (let i = 0; i < rows * columns; i++) {
        const [row, column] = [Math.floor(i / columns), i % columns];
        if (side[column] !== far) {
            continue;
        }
        const unseen = Math.max(1 - trust.values[i], SmoothStep(theta.values[i], ...FarRim));
        const share = turned * unseen * SmoothStep(Math.abs(angle[column]), 0, FarSeam);
        const from = (MovedRow(row, RunRows, sides[1 - far].rows) + 1) * columns - 1 - column;
        for (let k = 0; k < 3; k++) {
            values[3 * i + k] += share * (result[3 * from + k] - result[3 * i + k]);
        }
    }
    return { ...color, values };
}

/** A row moved down within the rows that are seen, and back up at their ends. */
function MovedRow(row: number, shift: number, [first, last]: readonly [number, number]): number {
    const n = last - first;
    return row < first || row > last || n < 1 ? row : first + n - Math.abs(Modulo(row - first + shift, 2 * n) - n);
}

/** What falls on hair that no photo shows: [rows,P] factors of its color, and what shines beside that. */
function LightOn({ points, view }: IHair, trust: IGrid): { light: Float64Array; shine: Float64Array } {
    const calm = Blur(Blur(points, CalmRows, 0), CalmColumns, 1);
    const { yaw } = view.photo;
    const towards = (eye: readonly number[]): Float64Array => Facing(calm, { eye }, -1);
    const light = towards([Light.front * Math.sin(yaw), Light.up, Light.front * Math.cos(yaw)]).map(
        (cosine) => Ambient + (1 - Ambient) * Math.max(0, (cosine + Wrap) / (1 + Wrap)),
    );
    const seen = trust.values.reduce((sum, value) => sum + value, 0);
    const usual = trust.values.reduce((sum, value, i) => sum + value * light[i], 0) / Math.max(seen, 1e-6);
    return {
        light: light.map((value) => (seen > 0 ? Clamp(value / usual, ...LightLimits) : 1)),
        shine: towards([0, FarUp, 0]).map((rise) => Shine.most * Math.exp(-(((rise - Shine.at) / Shine.wide) ** 2))),
    };
}

/**
 * Detail (factors of color) drawn out down the columns, as strands hang, with the spread it had; less so the curlier
 * the hair is.
 */
function Combed(detail: IGrid, trust: IGrid): IGrid {
    const log = { ...detail, values: detail.values.map(Math.log) };
    const down = Blur(log, StrandRows, 0).values;
    const spread = (values: Float64Array): number => {
        const seen = values.filter((_, i) => trust.values[Math.floor(i / 3)] > 0.5);
        const mean = seen.reduce((sum, value) => sum + value, 0) / seen.length;
        return Math.sqrt(seen.reduce((sum, value) => sum + (value - mean) ** 2, 0) / seen.length);
    };
    if (trust.values.filter((value) => value > 0.5).length < 50) {
        return detail;
    }
    const [own, drawn] = [spread(log.values), spread(down)];
    const straight = Ramp(drawn ** 2 / Math.max(own ** 2, 1e-8), ...Straight);
    const gain = Math.min(own / Math.max(drawn, 1e-4), 1.6);
    return {
        ...detail,
        values: log.values.map((value, i) => Math.exp(straight * down[i] * gain + (1 - straight) * Curls * value)),
    };
}
