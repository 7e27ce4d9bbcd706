/**
 * Grain of short hair: what no photo shows of it is as rough as what one shows, band by band. Strands run away from the
 * whorl. Twin: training/bust/grain.py.
 */
import type { Work } from "../slices.js";
import { Clamp, Modulo } from "./grids.js";

/** Radians from the top of the head back to the whorl. */
const Whorl = (35 * Math.PI) / 180;
/** Cells around the whorl's axis, of each band: about 2, 4, 8 and 16 mm where they are widest. */
const Bands = [320, 160, 80, 40];
/** Cells are so many times longer down the strands. */
const Stretch = 6;
/** Strands wave: cells around and along, and by how much, radians. */
const Wave = { around: 24, along: 12, most: 0.09 };
/** Most of each band's spread, and of the sum, in logarithms: what is wide is light and shade, and not strands. */
const [MostSpread, MostValue] = [[0.12, 0.1, 0.06, 0.03], 0.4];
/** Root mean square of the noise. */
const NoiseSpread = 0.43;
/** Added to light before its logarithm. */
const Floor = 0.04;

/** Where Gaussians are about the whorl's axis, [n] each: part of a turn, and part of it from the axis. */
interface IPlaces {
    readonly around: Float64Array;
    readonly along: Float64Array;
}

/**
 * Logarithms of light that belong to hair.
 * @param means [n,3] meters
 * @param center [3] of the head
 * @param color [n,3]
 * @param seen [n] weight of hair that photos show
 * @returns [n]; yields between bands
 */
export function* HairGrain(
    means: Float64Array,
    center: readonly number[],
    color: Float64Array,
    seen: Float64Array,
): Work<Float64Array> {
    const places = PlacesOf(means, center);
    const logs = seen.map((_, g) =>
        Math.log(0.299 * color[3 * g] + 0.587 * color[3 * g + 1] + 0.114 * color[3 * g + 2] + Floor),
    );
    const wanted = SpreadsOf(logs, places, seen);
    const waves = places.around.map(
        (turn, g) =>
            (Wave.most / (2 * Math.PI)) *
            Noise(turn * Wave.around, places.along[g] * Wave.along, Wave.around, Bands.length),
    );
    const grain = new Float64Array(seen.length);
    for (const [band, cells] of Bands.entries()) {
        yield band / Bands.length;
        const noise = NoiseOf(places, waves, cells, band);
        const gain = Math.min(wanted[band], MostSpread[band]) / NoiseSpread;
        noise.forEach((value, g) => (grain[g] += gain * value));
    }
    return grain.map((value) => Clamp(value, -MostValue, MostValue));
}

function PlacesOf(means: Float64Array, center: readonly number[]): IPlaces {
    const [c, s] = [Math.cos(Whorl), Math.sin(Whorl)];
    const [around, along] = [new Float64Array(means.length / 3), new Float64Array(means.length / 3)];
    for (let g = 0; g < around.length; g++) {
        const [x, y, z] = [0, 1, 2].map((k) => means[3 * g + k] - center[k]);
        const [up, front] = [c * y - s * z, s * y + c * z];
        around[g] = Math.atan2(x, front) / (2 * Math.PI);
        along[g] = Math.atan2(Math.hypot(x, front), up) / (2 * Math.PI);
    }
    return { around, along };
}

/** Root mean squares of what each band adds to the next, where hair is seen. */
function SpreadsOf(values: Float64Array, { around, along }: IPlaces, seen: Float64Array): number[] {
    let fine = values;
    const total = seen.reduce((sum, weight) => sum + weight, 0);
    return Bands.map((cells) => {
        const count = cells / 2;
        const cellOf = (g: number): number =>
            Math.floor(along[g] * count) * count + Modulo(Math.floor(around[g] * count), count);
        const [sums, weights] = [new Float64Array(count * count), new Float64Array(count * count)];
        seen.forEach((weight, g) => {
            sums[cellOf(g)] += weight * values[g];
            weights[cellOf(g)] += weight;
        });
        const coarse = values.map((_, g) => sums[cellOf(g)] / Math.max(weights[cellOf(g)], 1e-9));
        const squares = seen.reduce((sum, weight, g) => sum + weight * (fine[g] - coarse[g]) ** 2, 0);
        fine = coarse;
        return Math.sqrt(squares / Math.max(total, 1e-9));
    });
}

/** [n] noise of a band, −1..1. */
function NoiseOf({ around, along }: IPlaces, waves: Float64Array, cells: number, band: number): Float64Array {
    return around.map((turn, g) => Noise((turn + waves[g]) * cells, (along[g] * cells) / Stretch, cells, band));
}

/** Value noise that wraps after so many columns. */
function Noise(x: number, y: number, columns: number, seed: number): number {
    const [i, j] = [Math.floor(x), Math.floor(y)];
    const ease = (t: number): number => t * t * (3 - 2 * t);
    const [u, v] = [ease(x - i), ease(y - j)];
    const line = (row: number): number =>
        Hash(Modulo(i, columns), row, seed) * (1 - u) + Hash(Modulo(i + 1, columns), row, seed) * u;
    return line(j) * (1 - v) + line(j + 1) * v;
}

/** −1..1, the same for the same numbers. */
function Hash(i: number, j: number, seed: number): number {
    let hash = Math.imul(i, 374761393) + Math.imul(j, 668265263) + Math.imul(seed, 974634817);
    hash = Math.imul(hash ^ (hash >>> 13), 1274126177);
    return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 31 - 1;
}
