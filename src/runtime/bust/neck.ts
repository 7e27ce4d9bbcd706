/** Colors of the head's own neck where a collar stands on it in the photo. Twin: training/bust/neck.py. */
import type { Work } from "../slices.js";
import type { IBustHead, IBustPage } from "./bustInput.js";
import { HiddenSlack, WrappedPushPull } from "./bustColor.js";
import { Clamp, CreateGrid, LookUpAround, Modulo, Ramp, RowsOf, SmoothStep, type IGrid } from "./grids.js";
import { HiddenBy } from "./head.js";
import { AboveRing } from "./page.js";
import { Skin, type Photo } from "./photo.js";
import { NeckAxis, NeckAzimuth } from "./torso.js";

/** Grid around the neck: columns of 7.5 degrees, rows of 4 mm. */
const [Columns, Rows, RowHeight] = [48, 26, 0.004];
/** Cosines to the camera, up to which and from which on a photo is believed. */
const Rim = [0.15, 0.4] as const;
/** A collar stands where so much of the neck's front is clothes: radians from the camera, meters above the ring. */
const Standing = { share: 0.5, around: Math.PI / 3, above: 0.008 };
/** Opacity from which a Gaussian counts. */
const Faint = 0.05;
/** Grid cells of clothes below which the neck stays as it is. */
const LeastDressed = 4;

/** Grid coordinates of a point: row downwards from the top, column around. */
function PlaceOn(page: IBustPage, means: Float64Array, g: number): [number, number] {
    const above = AboveRing(page, means[3 * g + 1], means[3 * g + 2]);
    const turn = NeckAzimuth(means[3 * g], means[3 * g + 2]) / (2 * Math.PI);
    return [Clamp(Rows - above / RowHeight - 0.5, 0, Rows - 1), Modulo(turn * Columns - 0.5, Columns)];
}

/** A grid that is filled around the neck from what is known of it. */
class Around {
    private readonly _total: IGrid;
    private readonly _weight = CreateGrid(Rows, Columns);

    public constructor(private readonly _depth: number) {
        this._total = CreateGrid(Rows, Columns, _depth);
    }

    /** Cells of which something is known. */
    public get known(): number {
        return this._weight.values.filter((weight) => weight > 0.5).length;
    }

    public add(row: number, column: number, value: ArrayLike<number>, weight: number): void {
        const cell = Math.round(row) * Columns + (Math.round(column) % Columns);
        this._weight.values[cell] += weight;
        for (let k = 0; k < this._depth; k++) {
            this._total.values[this._depth * cell + k] += weight * value[k];
        }
    }

    /** Looks a place up. */
    public filled(): (row: number, column: number, channel: number) => number {
        const mean = this._total.values.map(
            (sum, i) => sum / Math.max(this._weight.values[Math.floor(i / this._depth)], 1e-9),
        );
        const weight = CreateGrid(
            Rows,
            Columns,
            1,
            this._weight.values.map((value) => Math.min(value, 1)),
        );
        const grid = WrappedPushPull(CreateGrid(Rows, Columns, this._depth, mean), weight);
        return (row, column, channel) => LookUpAround(grid, row, column, channel);
    }
}

/** A neck with a collar. */
export interface INeckColor {
    /** [n,3] colors of the head. */
    readonly color: Float64Array<ArrayBuffer>;
    /** [n] part of each that is the collar's. */
    readonly collar: Float64Array;
}

/**
 * The head's colors where a collar stands on its neck.
 * @param photo the first one
 * @param depth picture of the head's depth in it
 * @returns null where none stands; yields between its steps
 */
export function* NeckColor(
    page: IBustPage,
    head: IBustHead,
    photo: Photo,
    depth: Float64Array,
): Work<INeckColor | null> {
    const { means, color } = head;
    const turnOf = (g: number): number => {
        const turn = NeckAzimuth(means[3 * g], means[3 * g + 2]) - photo.yaw;
        return Math.abs(Math.atan2(Math.sin(turn), Math.cos(turn)));
    };
    const list = Array.from(head.neck.keys()).filter((g) => head.neck[g] === 1 && head.opacity[g] > Faint);
    const points = RowsOf(means, list);
    yield 0.1;
    const { px } = photo.project(points);
    const classes = photo.at(photo.classes, px, 3);
    const garment = photo.at(photo.garment, px);
    const sure = photo.at(photo.sure, px);
    const inside = photo.inside(px, 2);
    const hidden = HiddenBy(points, depth, photo, HiddenSlack);
    const shown = photo.colorAt(px);
    yield 0.4;
    const [skin, cloth, edges] = [new Around(3), new Around(3), new Around(1)];
    let [dressed, bare] = [0, 0];
    list.forEach((g, i) => {
        const [row, column] = PlaceOn(page, means, g);
        const [x, z] = [points[3 * i] - NeckAxis[0], points[3 * i + 2] - NeckAxis[2]];
        const [ex, ey, ez] = photo.eye.map((value, k) => value - points[3 * i + k]);
        const facing = (x * ex + z * ez) / Math.max(Math.hypot(x, z), 1e-6) / Math.hypot(ex, ey, ez);
        const trust = inside[i] * (1 - hidden[i]) * Ramp(sure[i], 0.5, 0.9) * Ramp(facing, ...Rim);
        const isDressed = trust * Ramp(garment[i], 0.4, 0.7);
        const isBare = trust * Ramp(classes[3 * i + Skin], 0.5, 0.8) * (1 - Ramp(garment[i], 0.2, 0.5));
        cloth.add(row, column, shown.subarray(3 * i, 3 * i + 3), isDressed);
        skin.add(row, column, color.subarray(3 * g, 3 * g + 3), isBare);
        edges.add(row, column, [1], isDressed);
        edges.add(row, column, [0], isBare);
        if (turnOf(g) < Standing.around && AboveRing(page, points[3 * i + 1], points[3 * i + 2]) > Standing.above) {
            dressed += isDressed;
            bare += isBare;
        }
    });
    yield 0.7;
    if (cloth.known < LeastDressed || skin.known === 0 || dressed <= Standing.share * (dressed + bare)) {
        return null;
    }
    const [clothAt, edgeAt, skinAt] = [cloth.filled(), edges.filled(), skin.filled()];
    const result = { color: color.slice() as Float64Array<ArrayBuffer>, collar: new Float64Array(head.neck.length) };
    list.forEach((g) => {
        const [row, column] = PlaceOn(page, means, g);
        const edge = SmoothStep(edgeAt(row, column, 0), 0.35, 0.65);
        result.collar[g] = edge;
        for (let k = 0; k < 3; k++) {
            const wanted = edge * clothAt(row, column, k) + (1 - edge) * skinAt(row, column, k);
            result.color[3 * g + k] += edge * (wanted - result.color[3 * g + k]);
        }
    });
    return result;
}
