/**
 * What the filling must know of the person's own head: how far it reaches in every direction, and what it hides from
 * the camera. Twin: training/bust/head.py.
 */
import type { HeadModel } from "../../flame/headModel.js";
import { RegionShift, type TexelTable } from "../../flame/texelTable.js";
import type { IBustHead } from "./bustInput.js";
import { Blur, Clamp, CreateGrid, MeanWhere, Modulo, type IGrid } from "./grids.js";
import type { Photo } from "./photo.js";

/** Bins of 4 degrees. */
const Azimuths = 90;
/** Opacity from which a Gaussian counts. */
export const Solid = 0.4;
const KeptRegions = ["face", "scalp", "neck", "ears"];
/** Pixels of the depth picture over the crop. */
const DepthSize = 192;

/**
 * What the filling asks of a person's head.
 * @param staticMap [14,H,W], before activation
 */
export function BustHeadOf(
    { regions, template }: HeadModel,
    table: TexelTable,
    staticMap: ArrayLike<number>,
): IBustHead {
    const { flags, texel, corners, bary, gaussianCount } = table;
    const texels = table.mapSize ** 2;
    const regionOf = (g: number): number => flags[g] >>> RegionShift;
    const isKept = regions.map((region) => KeptRegions.includes(region));
    const [scalp, neck, ears] = ["scalp", "neck", "ears"].map((region) => regions.indexOf(region));
    let count = 0;
    for (let g = 0; g < gaussianCount; g++) {
        count += Number(isKept[regionOf(g)]);
    }
    const head = {
        means: new Float64Array(3 * count),
        color: new Float64Array(3 * count),
        opacity: new Float64Array(count),
        scalp: new Uint8Array(count),
        neck: new Uint8Array(count),
        ears: new Uint8Array(count),
        place: new Float64Array(2 * count),
        normals: new Float64Array(3 * count),
    };
    for (let g = 0, i = 0; g < gaussianCount; g++) {
        if (!isKept[regionOf(g)]) {
            continue;
        }
        for (let axis = 0; axis < 3; axis++) {
            let place = staticMap[axis * texels + texel[g]];
            for (let k = 0; k < 3; k++) {
                place += bary[3 * g + k] * template[3 * corners[3 * g + k] + axis];
            }
            head.means[3 * i + axis] = place;
            head.color[3 * i + axis] = Clamp(staticMap[(4 + axis) * texels + texel[g]], 0, 1);
        }
        head.opacity[i] = 1 / (1 + Math.exp(-staticMap[3 * texels + texel[g]]));
        head.scalp[i] = Number(regionOf(g) === scalp);
        head.neck[i] = Number(regionOf(g) === neck);
        head.ears[i] = Number(regionOf(g) === ears);
        head.place[2 * i] = ((texel[g] % table.mapSize) + 0.5) / table.mapSize;
        head.place[2 * i + 1] = (Math.floor(texel[g] / table.mapSize) + 0.5) / table.mapSize;
        head.normals.set(NormalOf(template, corners, 3 * g), 3 * i);
        i++;
    }
    return head;
}

/** [3] unit normal of the face whose corners begin at `first`. */
function NormalOf(template: Float32Array, corners: Uint16Array, first: number): number[] {
    const edge = (k: number, axis: number): number =>
        template[3 * corners[first + k] + axis] - template[3 * corners[first] + axis];
    const normal = [0, 1, 2].map((axis) => {
        const [next, last] = [(axis + 1) % 3, (axis + 2) % 3];
        return edge(1, next) * edge(2, last) - edge(1, last) * edge(2, next);
    });
    const length = Math.max(Math.hypot(...normal), 1e-12);
    return normal.map((value) => value / length);
}

/**
 * What other colors of those Gaussians change in the map.
 * @param staticMap [14,H,W], before activation
 * @param color [n,3] of the Gaussians of {@link BustHeadOf}
 * @returns [3,H,W]
 */
export function ColorChange(
    head: HeadModel,
    table: TexelTable,
    staticMap: ArrayLike<number>,
    color: ArrayLike<number>,
): Float32Array<ArrayBuffer> {
    const own = BustHeadOf(head, table, staticMap).color;
    const texels = table.mapSize ** 2;
    const change = new Float32Array(3 * texels);
    for (let g = 0, i = 0; g < table.gaussianCount; g++) {
        if (KeptRegions.includes(head.regions[table.flags[g] >>> RegionShift])) {
            for (let k = 0; k < 3; k++, i++) {
                change[k * texels + table.texel[g]] = color[i] - own[i];
            }
        }
    }
    return change;
}

/** [n] indices of those Gaussians in the table. */
export function KeptGaussians({ regions }: HeadModel, { flags, gaussianCount }: TexelTable): Uint32Array {
    const isKept = regions.map((region) => KeptRegions.includes(region));
    const kept = new Uint32Array(gaussianCount);
    let count = 0;
    for (let g = 0; g < gaussianCount; g++) {
        if (isKept[flags[g] >>> RegionShift]) {
            kept[count++] = g;
        }
    }
    return kept.subarray(0, count);
}

/** [n,3] means of the Gaussians that count. */
export function SolidMeans({ means, opacity }: IBustHead): Float64Array {
    const solid = new Float64Array(means.length);
    let count = 0;
    for (let g = 0; g < opacity.length; g++) {
        if (opacity[g] > Solid) {
            for (let axis = 0; axis < 3; axis++) {
                solid[3 * count + axis] = means[3 * g + axis];
            }
            count++;
        }
    }
    return solid.slice(0, 3 * count);
}

/** Three rows: right of the picture (the head's left), up, towards the camera; the head's vertical is kept. */
export function ViewAxes(yaw: number): readonly number[] {
    const [c, s] = [Math.cos(yaw), Math.sin(yaw)];
    return [c, 0, -s, 0, 1, 0, s, 0, c];
}

/** Points in a frame. */
export function ToFrame(points: ArrayLike<number>, center: readonly number[], axes: readonly number[]): Float64Array {
    const local = new Float64Array(points.length);
    for (let i = 0; i < points.length; i += 3) {
        for (let k = 0; k < 3; k++) {
            for (let axis = 0; axis < 3; axis++) {
                local[i + k] += axes[3 * k + axis] * (points[i + axis] - center[axis]);
            }
        }
    }
    return local;
}

/** Extents of the head about a vertical axis through `center`, in the frame of `axes`. */
export class Reach {
    /** [n,3] */
    public readonly local: Float64Array;

    public constructor(head: IBustHead, center: readonly number[], axes: readonly number[]) {
        this.local = ToFrame(SolidMeans(head), center, axes);
    }

    /**
     * Radius about the axis.
     * @param heights above the centre, evenly spaced and falling
     */
    public byHeight(heights: Float64Array): IGrid {
        const step = heights[0] - heights[1];
        return Blur(
            this._table(
                heights.length,
                (_, y) => Math.round((heights[0] - y) / step),
                (x, _, z) => Math.hypot(x, z),
            ),
            1,
            1,
            true,
        );
    }

    /**
     * Radius about the centre.
     * @param elevations radians, evenly spaced and falling from near the pole
     */
    public byElevation(elevations: Float64Array): IGrid {
        const step = elevations[0] - elevations[1];
        const table = this._table(
            elevations.length,
            (x, y, z) => Math.round((elevations[0] - Math.atan2(y, Math.hypot(x, z))) / step),
            Math.hypot,
        );
        return Blur(Blur(table, 1, 1, true), 1, 0);
    }

    /** Bilinear in rows (fractional) and azimuth (radians, any turn). */
    public static LookUp({ rows, values }: IGrid, row: number, azimuth: number): number {
        const column = Modulo((azimuth / (2 * Math.PI)) * Azimuths - 0.5, Azimuths);
        const c0 = Math.floor(column) % Azimuths;
        const share = column - Math.floor(column);
        const at = Clamp(row, 0, rows - 1);
        const r0 = Math.min(Math.floor(at), rows - 2);
        const pick = (r: number): number =>
            values[r * Azimuths + c0] * (1 - share) + values[r * Azimuths + ((c0 + 1) % Azimuths)] * share;
        return pick(r0) * (1 - (at - r0)) + pick(r0 + 1) * (at - r0);
    }

    /** Largest value per bin; empty bins from their neighbours. */
    private _table(
        rows: number,
        rowOf: (x: number, y: number, z: number) => number,
        valueOf: (x: number, y: number, z: number) => number,
    ): IGrid {
        const most = new Float64Array(rows * Azimuths).fill(-Infinity);
        const { local } = this;
        for (let i = 0; i < local.length; i += 3) {
            const [x, y, z] = [local[i], local[i + 1], local[i + 2]];
            const row = rowOf(x, y, z);
            if (row >= 0 && row < rows) {
                const at = row * Azimuths + Modulo(Math.floor((Math.atan2(x, z) / (2 * Math.PI)) * Azimuths), Azimuths);
                most[at] = Math.max(most[at], valueOf(x, y, z));
            }
        }
        const known = CreateGrid(
            rows,
            Azimuths,
            1,
            most.map((value) => Number(value > -Infinity)),
        );
        const seen = CreateGrid(rows, Azimuths);
        for (let row = 0; row < rows; row++) {
            const any = known.values.subarray(row * Azimuths, (row + 1) * Azimuths).some((value) => value > 0);
            seen.values.fill(Number(any), row * Azimuths, (row + 1) * Azimuths);
        }
        const around = MeanWhere(CreateGrid(rows, Azimuths, 1, most), known, 1, 1, true);
        const filled = MeanWhere(around, seen, 1, 0).values;
        return CreateGrid(
            rows,
            Azimuths,
            1,
            filled.map((value, i) => (known.values[i] > 0 ? most[i] : value)),
        );
    }
}

/** Pixel of a depth picture and depth of a point; the picture is a square `wider` times the crop. */
function PlaceOf(
    { source: { rotation: r, translation: t, focal } }: Photo,
    points: ArrayLike<number>,
    i: number,
    wider: number,
): [number, number, number] {
    const [x, y, z] = [points[3 * i], points[3 * i + 1], points[3 * i + 2]];
    const depth = Math.max(-(r[6] * x + r[7] * y + r[8] * z + t[2]), 0.05);
    const scale = focal / wider / depth;
    return [
        Math.floor((0.5 + scale * (r[0] * x + r[1] * y + r[2] * z + t[0])) * DepthSize),
        Math.floor((0.5 - scale * (r[3] * x + r[4] * y + r[5] * z + t[1])) * DepthSize),
        depth,
    ];
}

/** {@link DepthOf} solid Gaussians of the head over the crop. */
export function DepthPicture(head: IBustHead, photo: Photo): Float64Array {
    return DepthOf(SolidMeans(head), photo);
}

/**
 * Least depth of points, infinite where none is; every one marks 3 x 3 pixels.
 * @param points [n,3]
 * @param wider edge of the square that it is over, in sides of the crop
 */
export function DepthOf(points: ArrayLike<number>, photo: Photo, wider = 1): Float64Array {
    const picture = new Float64Array(DepthSize * DepthSize).fill(Infinity);
    for (let i = 0; i < points.length / 3; i++) {
        const [u, v, depth] = PlaceOf(photo, points, i, wider);
        for (let row = Math.max(0, v - 1); row <= Math.min(DepthSize - 1, v + 1); row++) {
            for (let column = Math.max(0, u - 1); column <= Math.min(DepthSize - 1, u + 1); column++) {
                const at = row * DepthSize + column;
                picture[at] = Math.min(picture[at], depth);
            }
        }
    }
    return picture;
}

/**
 * [n] 1 where points lie more than `slack` meters behind the surface of a depth picture.
 * @param wider as it was for the picture
 */
export function HiddenBy(
    points: ArrayLike<number>,
    picture: Float64Array,
    photo: Photo,
    slack: number,
    wider = 1,
): Uint8Array {
    return Uint8Array.from({ length: points.length / 3 }, (_, i) => {
        const [u, v, depth] = PlaceOf(photo, points, i, wider);
        const isIn = u >= 0 && u < DepthSize && v >= 0 && v < DepthSize;
        return Number(isIn && depth > picture[v * DepthSize + u] + slack);
    });
}
