/**
 * The outer layer of a person's hair beyond the scalp: dome and curtain. Twin: the shaping half of
 * training/bust/hair.py.
 */
import { Within, type Work } from "../slices.js";
import type { IBustHead, IBustPage } from "./bustInput.js";
import {
    AsColumn,
    Blur,
    Clamp,
    CreateGrid,
    Interpolate,
    MeanWhere,
    Median,
    Ramp,
    SmoothStep,
    type IGrid,
} from "./grids.js";
import { Reach, ToFrame } from "./head.js";
import { AsidesOf, EndsAside, Nape, ToOutlines } from "./hairAside.js";
import { AsTheNearSide, HairView, MeasureRim, MeasureSides, type ISides, type Pair } from "./hairView.js";
import { ColumnCoordinate, HairAngle, HairRow, RowCoordinate } from "./page.js";
import type { Photo } from "./photo.js";
import type { TorsoReach } from "./torso.js";

/** Meters: hair farther out than these is not on the head's own page. */
const OffHead = [0.002, 0.006] as const;
/** Meters per meter that hair behind falls towards the neck. */
const Inwards = 0.18;
/** Hair is this much as thick behind, and over the forehead, as at its rim. */
const [BackShare, FrontShare] = [0.75, 0.45];
/** Meters: table of the head's front. */
const [FrontHalf, FrontStep] = [0.16, 0.004];
/** Meters that hair stays above the bust; what would have to move more is left out. */
const [OffBust, MostMoved] = [0.008, 0.035];
/** The same from this angle to the camera on, where a photo from behind says how far hair falls. */
const [BackHalf, MostMovedBehind] = [2.6, 0.12];
/** Where hair ends behind on a side that has no curtain, meters below the dome's centre. */
const NoCurtain = -0.075;
/** Angles from the camera: from the first to the other short hair comes from a photo from behind. */
const Cap = [1.9, 2.3] as const;
/** Heights in which hair fades out that is known to hang as low as the bust. */
const LowerEdge = [-0.32, -0.26] as const;
/** Meters over which ends of hair grow thin. */
const Taper = 0.03;
/** Meters that the dome stays off the head's own hair, in front and behind. */
const [LeastOff, BehindOff] = [0.0015, 0.005];
/** Meters: where the photo's edge cuts the sides, per row that it cuts. */
const [Bulge, MostBulge] = [0.0006, 0.025];

/** The outer layer. */
export interface IHair {
    /** [rows,P,3] canonical, meters. */
    readonly points: IGrid;
    /** [rows,P] 0..1 before the photo carves. */
    readonly shown: IGrid;
    /** [rows,P] radians from the camera's direction. */
    readonly theta: IGrid;
    /** [P] 0 on the head's right, 1 on its left. */
    readonly side: Uint8Array;
    /** [P] share of the way from the back to the front end, signed. */
    readonly angle: Float64Array;
    readonly view: HairView;
    /** Whether it hangs below the dome. */
    readonly curtain: boolean;
    /** Canonical height where the photo's curtain ends; NaN without one. */
    readonly lengths: Pair<number>;
    /** [Angles + 1] meters beyond the head's rim. */
    readonly excess: Float64Array;
    /** [rows,P] meters that it was moved out of the bust. */
    readonly moved: IGrid;
    /** [rows,P] 0..1 where it lies on the head, not beside it, and meters that it may sink there. */
    readonly lies: IGrid;
    readonly above: IGrid;
}

/** The curtain's cross sections, one per row: meters about the dome's axis. */
interface IRows {
    /** Half width, opening (share of the half width) and depth in front, of the head's right and left. */
    readonly wide: Pair<Float64Array>;
    readonly openAt: Pair<Float64Array>;
    readonly deep: Pair<Float64Array>;
    readonly behind: Float64Array;
    /** The head's own half width. */
    readonly rim: Pair<Float64Array>;
}

/** Mean excess of the middle angles. */
function MeanExcess(excess: Float64Array): number {
    return excess.subarray(10, 81).reduce((sum, value) => sum + value, 0) / 71;
}

/** Largest z [rows, columns of FrontStep] of the head's points; −infinite where none is. */
function FrontSurface(local: Float64Array, heights: Float64Array): IGrid {
    const front = CreateGrid(heights.length, Math.round((2 * FrontHalf) / FrontStep));
    front.values.fill(-Infinity);
    for (let i = 0; i < local.length; i += 3) {
        const row = Math.round((heights[0] - local[i + 1]) / (heights[0] - heights[1]));
        const column = Math.round((local[i] + FrontHalf) / FrontStep);
        if (row >= 0 && row < front.rows && column >= 0 && column < front.columns) {
            const at = row * front.columns + column;
            front.values[at] = Math.max(front.values[at], local[i + 2]);
        }
    }
    return front;
}

/** Outer edges with a bulge where the photo's edge cuts them, run of rows by run: no wall. */
function Rounded(outer: Float64Array, known: Float64Array, cut: Float64Array): Float64Array {
    const round = outer.slice();
    for (let k = 0; k < outer.length; k++) {
        const start = k;
        while (k < outer.length && cut[k] > 0 && known[k] > 0) {
            k++;
        }
        for (let row = start; k - start > 2 && row < k; row++) {
            const at = ((row - start + 0.5) / (k - start)) * 2 - 1;
            round[row] += Math.min(MostBulge, Bulge * (k - start)) * Math.sqrt(1 - at ** 2);
        }
    }
    return round;
}

/** Meters that locks of some columns, and strands in them, are longer than others. */
function Ragged(column: number): number {
    return (
        0.006 * Math.sin(column * 0.47) + 0.004 * Math.sin(column * 0.19 + 1) + 0.003 * Math.sin(column * 1.31) - 0.013
    );
}

/** @param radii of the head, by heights */
function CrossSections(sides: ISides, around: Reach, radii: IGrid, heights: Float64Array, excess: Float64Array): IRows {
    const step = heights[0] - heights[1];
    const front = FrontSurface(around.local, heights);
    const radiusAt = (azimuth: number): Float64Array => heights.map((_, row) => Reach.LookUp(radii, row, azimuth));
    const shapes = [-1, 1].map((sign, k) => {
        const rim = radiusAt((sign * Math.PI) / 2);
        const known = sides.known[k];
        const plain = {
            rim,
            wide: rim.map((value) => value + 0.002),
            openAt: rim.map(() => 0.9),
            deep: rim.map(() => 0.04),
        };
        if (known.every((value) => value === 0)) {
            return plain;
        }
        const sure = known.map((value, row) => value * (sides.cut[k][row] > 0 ? 0.3 : 1));
        const outer = MeanWhere(AsColumn(Rounded(sides.outer[k], known, sides.cut[k])), AsColumn(sure), 1.2).values;
        const wide = outer.map((value, row) => Math.max(value, rim[row] * 0.98));
        const inner = MeanWhere(AsColumn(sides.inner[k]), AsColumn(known), 1.2).values;
        const openAt = inner.map((value, row) => Clamp(value / wide[row], 0, 0.97));
        // the ellipse in front goes through the head's surface beside the opening
        const found = new Float64Array(known.length);
        const z = heights.map((height, row) => {
            const column = Math.round((sign * (openAt[row] * wide[row] - 0.006) + FrontHalf) / FrontStep);
            const there = front.values[row * front.columns + Clamp(column, 0, front.columns - 1)] - 0.006;
            found[row] = Number(there > -Infinity && known[row] > 0 && height > -0.13);
            return found[row] > 0 ? Clamp(there, 0.004, 0.085) / Math.sqrt(Math.max(1 - openAt[row] ** 2, 0.06)) : 0;
        });
        const deep = found.some((value) => value > 0)
            ? MeanWhere(AsColumn(z), AsColumn(found), 2.5).values.map((value) => Clamp(value, 0.025, 0.1))
            : plain.deep;
        return { rim, wide, openAt, deep };
    });
    const thickness = shapes.map(({ wide, rim }) =>
        Clamp(Median(wide.subarray(0, 10).map((value, row) => value - rim[row])), 0, 0.07),
    );
    const thick = Math.max((thickness[0] + thickness[1]) / 2, 0.7 * MeanExcess(excess));
    const behind = radiusAt(Math.PI).map((value) => value + BackShare * thick + 0.003);
    for (let row = 1; row < behind.length; row++) {
        // it hangs from the back of the head, falling in a little
        behind[row] = Math.max(heights[row] > -0.06 ? behind[row] : 0, behind[row - 1] - Inwards * step);
    }
    const pair = (name: "wide" | "openAt" | "deep" | "rim"): Pair<Float64Array> => [shapes[0][name], shapes[1][name]];
    return {
        wide: pair("wide"),
        openAt: pair("openAt"),
        deep: pair("deep"),
        behind: Blur(AsColumn(behind), 5, 0).values,
        rim: pair("rim"),
    };
}

/** Points about the dome's centre, and how far they are off the head's own hair, meters. */
function* DomeSurface(
    around: Reach,
    excess: Float64Array,
    elevations: Float64Array,
    azimuths: IGrid,
): Work<{ points: Float64Array; grown: IGrid }> {
    const fine = Float64Array.from({ length: 31 }, (_, i) => ((30 - i) / 30) * (Math.PI / 2));
    const own = around.byElevation(fine);
    yield 0.5;
    const { rows, columns, values } = azimuths;
    const points = new Float64Array(3 * values.length);
    const grown = CreateGrid(rows, columns);
    const index = excess.map((_, i) => i);
    const mean = MeanExcess(excess);
    values.forEach((azimuth, i) => {
        const elevation = elevations[Math.floor(i / columns)];
        const x = Math.sin(azimuth) * Math.cos(elevation);
        const y = Math.sin(elevation);
        const toward = Math.cos(azimuth) * Math.cos(elevation);
        const lateral = x * x + y * y;
        const atRim = Interpolate((Math.atan2(y, x) * 90) / Math.PI, index, excess);
        const even = (toward < 0 ? BackShare : FrontShare) * mean;
        const grow = (lateral * atRim + (1 - lateral) * even) * (1 - 0.4 * SmoothStep(toward, 0.3, 0.9));
        const least = LeastOff + (BehindOff - LeastOff) * SmoothStep(toward, 0.05, -0.35);
        const radius = Reach.LookUp(own, (1 - elevation / (Math.PI / 2)) * 30, azimuth) + Math.max(grow, least);
        points.set([x * radius, y * radius, toward * radius], 3 * i);
        grown.values[i] = grow;
    });
    return { points, grown };
}

/** Canonical points moved out of the bust along the rays from its pivot, and how far, meters. */
function OutsideBust(points: IGrid, reach: TorsoReach): { points: IGrid; moved: IGrid } {
    const { rows, columns, values } = points;
    const { pivot } = reach;
    const distance = new Float64Array(rows * columns);
    const need = distance.map((_, i) => {
        distance[i] = Math.hypot(values[3 * i] - pivot[0], values[3 * i + 1] - pivot[1], values[3 * i + 2] - pivot[2]);
        const radius = reach.towards(values, 3 * i);
        return Math.max((radius > 0.001 ? radius + OffBust : 0) - distance[i], 0);
    });
    const moved = Blur(Blur(CreateGrid(rows, columns, 1, need), 3, 0), 1.5, 1);
    const outside = values.map((value, i) => {
        const at = Math.floor(i / 3);
        return pivot[i % 3] + (value - pivot[i % 3]) * (1 + moved.values[at] / Math.max(distance[at], 1e-3));
    });
    return { points: { ...points, values: outside }, moved };
}

/**
 * The outer layer of a person's hair; null where everything is on the head's own page. Yields after each step.
 * @param photos the first makes the shape; outlines of the others count where it shows none
 * @param seenBehind canonical height at which hair ends behind, where a photo from there shows it
 * @param cap whether short hair too is shown behind, where a photo from there gives its color
 */
export function* HairSurface(
    page: IBustPage,
    head: IBustHead,
    photos: readonly Photo[],
    reach: TorsoReach,
    seenBehind: number | null = null,
    cap = false,
): Work<IHair | null> {
    const [photo] = photos;
    const view = new HairView(page, photo);
    const columns = page.size;
    const allRows = Array.from({ length: page.hair.rows }, (_, row) => HairRow(page, RowCoordinate(page.hair, row)));
    const dome = allRows.filter(({ elevation }) => elevation > 1e-6);
    const first = dome.length; // rows from here on are the curtain
    const elevations = Float64Array.from(dome, ({ elevation }) => elevation);
    const heights = Float64Array.from(allRows.slice(first), ({ height }) => height - view.center[1]);
    const angle = Float64Array.from({ length: columns }, (_, column) =>
        HairAngle(page, ColumnCoordinate(page, column)),
    );
    const q = angle.map(Math.abs);
    const side = Uint8Array.from(angle, (value) => Number(value > 0));

    const { excess } = MeasureRim(view, head);
    yield 0.2;
    const measured = yield* Within(MeasureSides(view, heights), 0.2, 0.3);
    const asides = yield* Within(AsidesOf(page, head, photos, heights), 0.3, 0.4);
    const hangingAside = asides.filter(({ lowest }) => Number.isFinite(lowest));
    const hangsBehind = seenBehind !== null && seenBehind < Nape;
    const curtain = measured.lowest.some(Number.isFinite) || hangingAside.length > 0 || hangsBehind;
    if (Math.max(...excess) < OffHead[1] && !curtain && !asides.some(({ grows }) => grows) && !cap) {
        return null;
    }
    const lowestAside = Math.min(...hangingAside.map(({ lowest }) => lowest));
    const freeEnds = hangingAside.filter(({ free }) => free).map(({ lowest }) => view.center[1] + lowest);
    const endsBehind = seenBehind ?? (freeEnds.length > 0 ? Math.min(...freeEnds) : null);
    yield 0.45;
    const sides = AsTheNearSide(measured, photo.yaw);
    const around = new Reach(head, view.center, view.axes);
    yield 0.47;
    const radii = around.byHeight(heights);
    yield 0.5;
    const rows = CrossSections(sides, around, radii, heights, excess);
    yield 0.6;

    // columns run from the back to the opening in front, which closes towards the top of the head
    const theta = CreateGrid(page.hair.rows, columns);
    for (let i = 0; i < theta.values.length; i++) {
        const [row, column] = [Math.floor(i / columns), i % columns];
        const openAt = rows.openAt[side[column]];
        const opening =
            row < first ? SmoothStep(elevations[row], 0.9, 0) * Math.asin(openAt[0]) : Math.asin(openAt[row - first]);
        theta.values[i] = Math.PI - q[column] * (Math.PI - opening);
    }
    const blend = q.map((value) => 0.5 * (1 - SmoothStep(value, 0, 0.35))); // left and right meet behind
    const turned = CreateGrid(
        first,
        columns,
        1,
        Float64Array.from({ length: first * columns }, (_, i) => theta.values[i] * (side[i % columns] > 0 ? 1 : -1)),
    );
    yield 0.65;
    const { points: top, grown } = yield* Within(DomeSurface(around, excess, elevations, turned), 0.65, 0.7);
    yield 0.7;
    const local = CreateGrid(page.hair.rows, columns, 3);
    local.values.set(top);
    for (let i = first * columns; i < theta.values.length; i++) {
        if (i === ((first + page.hair.rows) >> 1) * columns) {
            yield 0.75;
        }
        const [row, column] = [Math.floor(i / columns) - first, i % columns];
        const point = Hang(rows, row, side[column], blend[column], theta.values[i]);
        // z in front slides along the camera's rays, so that points stay on their pixels
        const z = point.z;
        const share = z > 0 ? z / view.eye[2] : 0;
        const x = point.x + (view.eye[0] - point.x) * share;
        const y = heights[row] + (view.eye[1] - heights[row]) * share;
        local.values.set([x, y, z], 3 * i);
    }
    const outOfHead = (): void => {
        for (let i = first * columns; i < theta.values.length; i++) {
            const [x, , z] = local.values.subarray(3 * i, 3 * i + 3);
            const row = Math.floor(i / columns) - first;
            if (theta.values[i] > 1.2) {
                // not those in front, which stand beside it
                const need = Reach.LookUp(radii, row, Math.atan2(x, z)) + 0.002;
                const push = Math.max(1, need / Math.max(Math.hypot(x, z), 1e-3));
                const scale = 1 + (push - 1) * Ramp(heights[row], -0.16, -0.14);
                local.values[3 * i] = x * scale;
                local.values[3 * i + 2] = z * scale;
            }
        }
    };
    outOfHead();
    const torsoShare = page.torsoShare.subarray(page.hair.first * columns);
    const added = new Float64Array(theta.values.length);
    if (asides.length > 0) {
        const least = grown.values.map((value) => Math.max(value, LeastOff) - LeastOff);
        const eye = [0, 1, 2].map((axis) => photo.eye[axis] - view.center[axis]);
        const world = { ...local, values: view.world(local.values) };
        const shift = ToFrame(
            yield* Within(ToOutlines(world, least, asides, eye, view.axes), 0.76, 0.79),
            [0, 0, 0],
            view.axes,
        );
        for (let i = 0; i < added.length; i++) {
            const [x, y, z] = local.values.subarray(3 * i, 3 * i + 3);
            const [right, up, near] = shift.subarray(3 * i, 3 * i + 3);
            added[i] = (x * right + y * up + z * near) / Math.max(Math.hypot(x, y, z), 1e-9);
        }
        shift.forEach((value, i) => (local.values[i] += value));
        grown.values.forEach((value, i) => (grown.values[i] = value + added[i]));
        outOfHead();
    }
    const seam = CreateGrid(12, columns, 3, local.values.slice(3 * (first - 6) * columns, 3 * (first + 6) * columns));
    local.values.set(Blur(seam, 1.5, 0).values.subarray(9 * columns, 27 * columns), 3 * (first - 3) * columns);
    yield 0.8;
    const resting = photo.unposed(view.world(local.values), torsoShare);
    const { points, moved } = OutsideBust({ ...local, values: resting }, reach);
    yield 0.9;

    const ends = [0, 1].map((k) => (Number.isFinite(sides.lowest[k]) ? sides.lowest[k] - sides.beyond[k] : NoCurtain));
    const longer = Math.max(...sides.behind);
    const hanging = CreateGrid(heights.length, columns, 3, points.values.subarray(3 * first * columns));
    const seenEnds = [
        ...asides.map(({ view: { photo: other } }) => other),
        ...photos.filter(({ source }) => source.fromBehind),
    ].map((other) => EndsAside(hanging, heights, other, torsoShare.subarray(first * columns)));
    const shown = CreateGrid(page.hair.rows, columns);
    const lies = CreateGrid(page.hair.rows, columns);
    const above = CreateGrid(page.hair.rows, columns);
    grown.values.forEach((value, i) => (above.values[i] = Math.max(value, LeastOff) - LeastOff));
    for (let i = 0; i < shown.values.length; i++) {
        const [row, column] = [Math.floor(i / columns) - first, i % columns];
        const k = side[column];
        const seen = Math.min(...seenEnds.map((ends) => ends[column]));
        let value: number;
        if (row < 0) {
            value = Ramp(grown.values[i], ...OffHead);
            // sides, back and crown of the dome lie on the head: the curtain has no upper edge, the crown is of one piece
            lies.values[i] = curtain ? SmoothStep(theta.values[i], 0.75, 1.05) : 0;
            value = Math.max(value, lies.values[i]);
        } else if (curtain) {
            const even = ends[k] * (1 - blend[column]) + ends[1 - k] * blend[column];
            const more = endsBehind === null ? longer : even - (endsBehind - view.center[1]);
            const [from, to] = endsBehind === null ? [0.35, 0.6] : [0.15, 0.35];
            let end = even - more * (1 - SmoothStep(q[column], from, to));
            if (endsBehind === null && lowestAside < Infinity) {
                // it falls behind a shoulder: at least as far
                end = Math.min(end, end + (lowestAside - end) * (1 - SmoothStep(q[column], 0.35, 0.6)));
            }
            end = Math.min(end, seen) + Ragged(column);
            value = SmoothStep(heights[row], end, end + Taper + 0.75 * sides.beyond[k]);
            value *= Number(Number.isFinite(sides.lowest[k]) || q[column] < 0.5 || Number.isFinite(seen));
        } else {
            value = Ramp(heights[row], -0.07, -0.02) * Ramp(rows.wide[k][row] - rows.rim[k][row], ...OffHead);
            value = Math.max(value, Ramp(added[i], ...OffHead));
        }
        if (cap) {
            const above = row < 0 ? 1 : Ramp(heights[row], Nape - view.center[1], Nape - view.center[1] + Taper);
            value = Math.max(value, SmoothStep(theta.values[i], ...Cap) * above);
        }
        let most = MostMoved;
        if (curtain && endsBehind !== null) {
            const isBehind = theta.values[i] > BackHalf || (theta.values[i] > Cap[0] && Number.isFinite(seen));
            most = isBehind ? MostMovedBehind : MostMoved;
            value *= SmoothStep(points.values[3 * i + 1], ...LowerEdge);
        }
        shown.values[i] = moved.values[i] < most ? value : 0;
    }
    const lengths = [sides.lowest[0] + view.center[1], sides.lowest[1] + view.center[1]] as const;
    return { points, shown, theta, side, angle, view, curtain, lengths, excess, moved, lies, above };
}

/**
 * A point of the curtain's ellipses about the dome's axis, on the plane z = 0, and its depth: the photo's half width
 * where the camera sees their rim.
 */
function Hang(rows: IRows, row: number, side: number, blend: number, theta: number): { x: number; z: number } {
    const wide = rows.wide[side][row] * (1 - blend) + rows.wide[1 - side][row] * blend;
    return {
        x: (side > 0 ? 1 : -1) * wide * Math.sin(theta),
        z: (theta < Math.PI / 2 ? rows.deep[side][row] : rows.behind[row]) * Math.cos(theta),
    };
}
