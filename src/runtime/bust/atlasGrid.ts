/**
 * Values of the head's Gaussians on a coarse grid over the atlas: smoothed, and spread to where nothing is known.
 * Twin: training/bust/atlas_grid.py.
 */
import { WrappedPushPull } from "./bustColor.js";
import { Blur, Clamp, CreateGrid, LookUpAround, Modulo, type IGrid } from "./grids.js";

/** Cells of the grid to either side. */
const Cells = 64;
/** Gaussians from which on a cell is known. */
const Full = 4;
/** How much the other side of the head counts, and most that its light differs by. */
const [Mirror, MostLight] = [0.3, 2];
/** Added to both colors before their ratio. */
const LightFloor = 0.02;

/** The grid's first and last column are neighbours. n Gaussians. */
export class AtlasGrid {
    /** [n] coordinates on the grid, and the cell. */
    private readonly _row: Float64Array;
    private readonly _column: Float64Array;
    private readonly _cell: Uint32Array;

    /** @param place [n,2] column and row in the atlas, 0..1 */
    public constructor(place: Float64Array) {
        const count = place.length / 2;
        this._row = new Float64Array(count);
        this._column = new Float64Array(count);
        this._cell = new Uint32Array(count);
        for (let i = 0; i < count; i++) {
            this._column[i] = Modulo(place[2 * i] * Cells - 0.5, Cells);
            this._row[i] = Clamp(place[2 * i + 1] * Cells - 0.5, 0, Cells - 1);
            this._cell[i] = Math.floor(this._row[i] + 0.5) * Cells + (Math.floor(this._column[i] + 0.5) % Cells);
        }
    }

    /** [n,k] means around of values [n,k]. @param weight [n]; all count alike without it */
    public smooth(values: ArrayLike<number>, weight?: ArrayLike<number>): Float64Array {
        const depth = values.length / this._cell.length;
        const around = (sums: IGrid): Float64Array => Blur(Blur(sums, 1, 0), 1, 1, true).values;
        const [sums, total] = this._sums(values, weight);
        const [mean, below] = [around(sums), around(total)];
        mean.forEach((sum, i) => (mean[i] = sum / Math.max(below[Math.floor(i / depth)], 1e-9)));
        return this._lookUp(CreateGrid(Cells, Cells, depth, mean));
    }

    /**
     * [n,3] colors everywhere, from those that have a weight. The other side's, in this side's light, count less.
     * @param colors [n,3]
     * @param weight [n]
     */
    public spread(colors: ArrayLike<number>, weight: ArrayLike<number>): Float64Array {
        const [sums, count] = this._sums(colors, weight);
        const mean = sums.values.map((sum, i) => sum / Math.max(count.values[Math.floor(i / 3)], 1e-9));
        const known = count.values.map((value) => Math.min(value / Full, 1));
        const mirrorOf = (cell: number): number => cell - 2 * (cell % Cells) + Cells - 1;
        // the light of either half against that of the other
        const totals = [new Float64Array(6), new Float64Array(6)];
        for (let cell = 0; cell < known.length; cell++) {
            const aside = ((cell % Cells) + 0.5) / Cells - 0.5;
            const both = known[cell] * known[mirrorOf(cell)] * aside ** 2;
            const total = totals[Number(aside > 0)];
            for (let k = 0; k < 3; k++) {
                total[k] += both * mean[3 * cell + k];
                total[3 + k] += both * mean[3 * mirrorOf(cell) + k];
            }
        }
        const filled = CreateGrid(Cells, Cells, 3);
        const sure = CreateGrid(Cells, Cells);
        for (let cell = 0; cell < known.length; cell++) {
            const mirror = mirrorOf(cell);
            const total = totals[Number(cell % Cells >= Cells / 2)];
            const more = Math.max(0, Mirror * known[mirror] - known[cell]);
            sure.values[cell] = known[cell] + more;
            for (let k = 0; k < 3; k++) {
                const gain = Clamp((total[k] + LightFloor) / (total[3 + k] + LightFloor), 1 / MostLight, MostLight);
                filled.values[3 * cell + k] =
                    (mean[3 * cell + k] * known[cell] + gain * mean[3 * mirror + k] * more) /
                    Math.max(known[cell] + more, 1e-9);
            }
        }
        return this._lookUp(WrappedPushPull(filled, sure));
    }

    /** Sums of weighted values and of weights. */
    private _sums(values: ArrayLike<number>, weight?: ArrayLike<number>): [IGrid, IGrid] {
        const depth = values.length / this._cell.length;
        const [sums, total] = [CreateGrid(Cells, Cells, depth), CreateGrid(Cells, Cells)];
        this._cell.forEach((cell, i) => {
            const share = weight ? weight[i] : 1;
            total.values[cell] += share;
            for (let k = 0; k < depth; k++) {
                sums.values[depth * cell + k] += share * values[depth * i + k];
            }
        });
        return [sums, total];
    }

    private _lookUp(grid: IGrid): Float64Array {
        const { depth } = grid;
        const found = new Float64Array(this._cell.length * depth);
        for (let i = 0; i < this._cell.length; i++) {
            for (let k = 0; k < depth; k++) {
                found[depth * i + k] = LookUpAround(grid, this._row[i], this._column[i], k);
            }
        }
        return found;
    }
}
