/**
 * A dark layer a little inside the hair, so that no glance between strands goes through. Twin: `inner_layer` of
 * training/bust/fill.py.
 */
import type { Work } from "../slices.js";
import type { IBustPage } from "./bustInput.js";
import { Blur, Clamp, CreateGrid, Frames, Ramp, type IGrid } from "./grids.js";
import type { IHair } from "./hair.js";
import type { IHairColor } from "./hairColor.js";
import { RowCoordinate } from "./page.js";

/** Meters inside, and how dark. */
const [InnerDepth, InnerDark] = [0.012, 0.62];
/** Rows and columns around in which the outer layer must be shown. */
const [AroundRows, AroundColumns] = [3, 4];
/** Meters that hair was moved out of the bust: what lies on it has no inside. */
const Lying = [0.012, 0.004] as const;

/** A grid of Gaussians before they are written. */
export interface ILayer extends IHairColor {
    /** [rows,P,3] canonical, meters. */
    readonly points: IGrid;
}

/** The same surface a little inside, darker and without detail. Yields after each step. */
export function* InnerLayer(page: IBustPage, { points, moved }: IHair, { color, shown }: IHairColor): Work<ILayer> {
    const { rows, columns } = points;
    const { axes } = Frames(points);
    const normals = CreateGrid(
        rows,
        columns,
        3,
        points.values.map((_, i) => -axes[9 * Math.floor(i / 3) + 3 * (i % 3) + 2]),
    );
    yield 0.2;
    const soft = Blur(Blur(normals, 3, 0), 3, 1).values;
    const inside = points.values.map((value, i) => {
        const at = i - (i % 3);
        return value - (InnerDepth * soft[i]) / Math.max(Math.hypot(soft[at], soft[at + 1], soft[at + 2]), 1e-9);
    });
    yield 0.5;
    const calm = Blur(Blur(color, 2, 0), 4, 1).values.map((value) => InnerDark * value);
    yield 0.8;
    // it ends before the outer layer does
    const whole = shown.values.map((_, i) => {
        let least = Infinity;
        for (const r of [-AroundRows, 0, AroundRows]) {
            for (const c of [-AroundColumns, 0, AroundColumns]) {
                const row = (Math.floor(i / columns) + r + rows) % rows;
                least = Math.min(least, shown.values[row * columns + (((i % columns) + c + columns) % columns)]);
            }
        }
        return least * Ramp(moved.values[i], ...Lying);
    });
    const take = (values: Float64Array, depth: number): IGrid => {
        const width = columns * depth;
        const taken = CreateGrid(page.hairInner.rows, columns, depth);
        for (let row = 0; row < taken.rows; row++) {
            const at = RowCoordinate(page.hairInner, row) * rows - 0.5;
            const low = Clamp(Math.trunc(at), 0, rows - 2);
            for (let k = 0; k < width; k++) {
                taken.values[row * width + k] =
                    values[low * width + k] * (1 - (at - low)) + values[(low + 1) * width + k] * (at - low);
            }
        }
        return taken;
    };
    return { points: take(inside, 3), color: take(calm, 3), shown: take(whole, 1) };
}
