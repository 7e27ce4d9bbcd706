/**
 * From a coarse matte to one at the photo's own resolution, and colors without the background in them. Twin: training/classes/matting.py.
 * The matte's unsure rim is solved in two steps: where a pixel's color lies between the person's and the background's colors around it, then as a
 * local linear function of the photo, which takes the noise out (guided filter with color, He et al. 2010, doi 10.1007/978-3-642-15549-9_1).
 * Colors of the person are solved together with those of the background from coarse to fine (multi-level foreground estimation, Germer et al.
 * 2020, arXiv:2006.14970).
 */
import type { IPersonMask } from "./faceFinder.js";
import { SoftenMatte } from "./matte.js";
import { ResizeMap } from "./picture.js";

/** How far beyond the matte's own rim it is thought unsure, in parts of the picture. */
const Rim = 1 / 100;
/** What is nearer to 0 or 1 is sure. */
const Sure = 0.04;
/** Radii in which colors of person and background are looked for, in parts of the picture. */
const Around = [1 / 80, 1 / 40, 1 / 20, 1 / 10] as const;
/** Share of known pixels in such a square with which its mean is fully believed. */
const Enough = 1 / 6;
/** Squared distance of the two colors, 0..1 each, at which color decides half. */
const Unlike = 0.04;
/** Radius of the filter's window, in parts of the picture. */
const Window = 1 / 80;
/** Squared color that counts as texture. */
const Smooth = 1e-4;
/** Solved alpha between these becomes 0..1: neither step reaches the ends. */
const EdgeLow = 0.15;
const EdgeHigh = 0.85;
/** Pixels of the first level of colors. */
const Coarsest = 16;
/** Weight of neighbours as such, and per difference of alpha. */
const Spread = 1e-5;
/** Rounds of a level of at most {@link SmallLevel} pixels, and of others. */
const Rounds = 10;
const FewRounds = 2;
const SmallLevel = 32;

/**
 * Lets a matte follow the photo: strands become visible, and what is sure becomes 0 or 1.
 * @param rgba `[S,S,4]` bytes, sRGB-encoded, opaque
 * @param matte `[S,S]` 0..1, for example of a network, enlarged
 * @param size S
 * @returns a new `[S,S]` 0..1
 */
export function RefineMatte(rgba: Uint8ClampedArray, matte: Float32Array, size: number): Float32Array<ArrayBuffer> {
    const count = size * size;
    const planes = [0, 1, 2].map((channel) => {
        const plane = new Float32Array(count);
        for (let i = 0; i < count; i++) {
            plane[i] = rgba[4 * i + channel] / 255;
        }
        return plane;
    });
    const rim = UnsureRim(matte, size);
    const solved = guided(planes, betweenColors(planes, matte, rim, size), size);
    const refined = new Float32Array(count);
    for (let i = 0; i < count; i++) {
        const alpha = (solved[i] - EdgeLow) / (EdgeHigh - EdgeLow);
        refined[i] = rim[i] === 0 ? Number(matte[i] > 0.5) : Math.min(1, Math.max(0, alpha));
    }
    return refined;
}

/** What is around each pixel. */
interface ISurroundings {
    /** Red, green and blue, `[S,S]` each. */
    readonly colors: readonly Float32Array[];
    /** `[S,S]` how much of it was found, 0..1. */
    readonly found: Float32Array;
}

/** Mean colors of the known pixels around each pixel: of the smallest square that has enough, larger ones fill the rest. */
function colorsAround(planes: readonly Float32Array[], known: Float32Array, size: number): ISurroundings {
    const colors = planes.map((plane) => new Float32Array(plane.length));
    const done = new Float32Array(known.length);
    const take = new Float32Array(known.length);
    for (const radius of Around) {
        const pixels = pixelsOf(radius, size);
        const share = meanOfSquares(known, size, pixels);
        for (let i = 0; i < take.length; i++) {
            take[i] = (Math.min(share[i] / Enough, 1) * (1 - done[i])) / Math.max(share[i], 1e-6);
            done[i] += take[i] * Math.max(share[i], 1e-6);
        }
        for (const [channel, plane] of planes.entries()) {
            const mean = meanOfSquares(product(plane, known), size, pixels);
            for (let i = 0; i < take.length; i++) {
                colors[channel][i] += take[i] * mean[i];
            }
        }
    }
    for (const plane of colors) {
        for (let i = 0; i < take.length; i++) {
            plane[i] /= Math.max(done[i], 1e-6);
        }
    }
    return { colors, found: done };
}

/**
 * Alpha of the rim from where its color lies between those of person and background around it; the matte's where these are alike or one of them is
 * far away: such a matte is wrong rather than coarse.
 */
function betweenColors(planes: readonly Float32Array[], matte: Float32Array, rim: Float32Array, size: number): Float32Array {
    const isPerson = new Float32Array(matte.length);
    const isRest = new Float32Array(matte.length);
    for (let i = 0; i < matte.length; i++) {
        isPerson[i] = rim[i] === 0 && matte[i] > 0.5 ? 1 : 0;
        isRest[i] = rim[i] === 0 && matte[i] <= 0.5 ? 1 : 0;
    }
    const person = colorsAround(planes, isPerson, size);
    const rest = colorsAround(planes, isRest, size);
    const alpha = isPerson;
    for (let i = 0; i < matte.length; i++) {
        if (rim[i] === 0) {
            continue;
        }
        let length = 0;
        let along = 0;
        for (let channel = 0; channel < 3; channel++) {
            const line = person.colors[channel][i] - rest.colors[channel][i];
            length += line * line;
            along += line * (planes[channel][i] - rest.colors[channel][i]);
        }
        const share = Math.min(1, Math.max(0, along / (length + 1e-6)));
        const trust = (length / (length + Unlike)) * Math.min(person.found[i], rest.found[i]);
        alpha[i] = trust * share + (1 - trust) * matte[i];
    }
    return alpha;
}

/** The matte as a function of the photo that is linear in every window; may leave 0..1. */
function guided([red, green, blue]: readonly Float32Array[], matte: Float32Array, size: number): Float32Array {
    const radius = pixelsOf(Window, size);
    const mean = (map: Float32Array): Float32Array => meanOfSquares(map, size, radius);
    const [meanRed, meanGreen, meanBlue, meanMatte] = [red, green, blue, matte].map(mean);
    const slopeRed = mean(product(red, matte));
    const slopeGreen = mean(product(green, matte));
    const slopeBlue = mean(product(blue, matte));
    const redRed = mean(product(red, red));
    const redGreen = mean(product(red, green));
    const redBlue = mean(product(red, blue));
    const greenGreen = mean(product(green, green));
    const greenBlue = mean(product(green, blue));
    const blueBlue = mean(product(blue, blue));
    const offset = meanMatte;
    for (let i = 0; i < matte.length; i++) {
        const r = meanRed[i];
        const g = meanGreen[i];
        const b = meanBlue[i];
        const p = meanMatte[i];
        const rr = redRed[i] - r * r + Smooth;
        const rg = redGreen[i] - r * g;
        const rb = redBlue[i] - r * b;
        const gg = greenGreen[i] - g * g + Smooth;
        const gb = greenBlue[i] - g * b;
        const bb = blueBlue[i] - b * b + Smooth;
        const x = slopeRed[i] - r * p;
        const y = slopeGreen[i] - g * p;
        const z = slopeBlue[i] - b * p;
        // adjugate of the symmetric covariance
        const c00 = gg * bb - gb * gb;
        const c01 = rb * gb - rg * bb;
        const c02 = rg * gb - rb * gg;
        const c11 = rr * bb - rb * rb;
        const c12 = rb * rg - rr * gb;
        const c22 = rr * gg - rg * rg;
        const inverse = 1 / (rr * c00 + rg * c01 + rb * c02);
        slopeRed[i] = (c00 * x + c01 * y + c02 * z) * inverse;
        slopeGreen[i] = (c01 * x + c11 * y + c12 * z) * inverse;
        slopeBlue[i] = (c02 * x + c12 * y + c22 * z) * inverse;
        offset[i] = p - slopeRed[i] * r - slopeGreen[i] * g - slopeBlue[i] * b;
    }
    const [ar, ag, ab, solved] = [slopeRed, slopeGreen, slopeBlue, offset].map(mean);
    for (let i = 0; i < matte.length; i++) {
        solved[i] += ar[i] * red[i] + ag[i] * green[i] + ab[i] * blue[i];
    }
    return solved;
}

function product(a: Float32Array, b: Float32Array): Float32Array {
    const values = new Float32Array(a.length);
    for (let i = 0; i < values.length; i++) {
        values[i] = a[i] * b[i];
    }
    return values;
}

/** A length in parts of the picture as whole pixels, at least one. */
function pixelsOf(part: number, size: number): number {
    return Math.max(1, Math.round(part * size));
}

/**
 * Where a matte has to be solved.
 * @param matte `[S,S]` 0..1
 * @returns `[S,S]` 1 there, 0 elsewhere
 */
export function UnsureRim(matte: Float32Array, size: number): Float32Array<ArrayBuffer> {
    const radius = pixelsOf(Rim, size);
    const apart = new Float32Array(matte.length);
    const rim = new Float32Array(matte.length);
    for (let i = 0; i < matte.length; i++) {
        apart[i] = matte[i] > Sure ? 1 : 0;
        rim[i] = matte[i] < 1 - Sure ? 1 : 0;
    }
    const some = meanOfSquares(apart, size, radius);
    const lacking = meanOfSquares(rim, size, radius);
    for (let i = 0; i < matte.length; i++) {
        // a mean of zeros and ones is exactly 0 only where all are 0; rounding of the running sum stays far below one pixel's share
        rim[i] = some[i] > 1e-5 && lacking[i] > 1e-5 ? 1 : 0;
    }
    return rim;
}

/**
 * Colors of the person alone.
 * @param rgba `[S,S,4]` bytes, sRGB-encoded
 * @param matte `[S,S]` 0..1
 * @param size S
 * @returns `[S,S,4]` bytes: where the matte is between 0 and 1 the person's color without the background, else the picture's; alpha as it was
 */
export function ForegroundColors(rgba: Uint8ClampedArray, matte: Float32Array, size: number): Uint8ClampedArray<ArrayBuffer> {
    let level: ILevel | undefined;
    for (const edge of levelsOf(size)) {
        const image = new Float32Array(3 * edge * edge);
        const alpha = new Float32Array(edge * edge);
        for (let row = 0, i = 0; row < edge; row++) {
            const from = Math.floor((row * size) / edge) * size;
            for (let column = 0; column < edge; column++, i++) {
                const source = from + Math.floor((column * size) / edge);
                alpha[i] = matte[source];
                for (let channel = 0; channel < 3; channel++) {
                    image[3 * i + channel] = rgba[4 * source + channel] / 255;
                }
            }
        }
        level = nextLevel(level, image, alpha, edge);
        const isLast = edge === size;
        if (isLast) {
            keepKnown(level, image, alpha);
        }
        const rounds = edge <= SmallLevel && !isLast ? Rounds : FewRounds;
        for (let round = 0; round < rounds; round++) {
            level = solveOnce(level, image, alpha, edge, isLast);
        }
    }
    const colors = new Uint8ClampedArray(rgba);
    for (let i = 0; i < matte.length; i++) {
        if (matte[i] > 0 && matte[i] < 1) {
            for (let channel = 0; channel < 3; channel++) {
                colors[4 * i + channel] = 255 * level!.front[3 * i + channel];
            }
        }
    }
    return colors;
}

/** A person without the background. */
export interface ICutOut {
    /** `[S,S]` 0..1, 1 on the person. */
    matte: Float32Array<ArrayBuffer>;
    /** `[S,S,4]` bytes: the picture, without the background's light in the person's rim. */
    colors: Uint8ClampedArray<ArrayBuffer>;
}

/**
 * Cuts a person out of a picture at the picture's own resolution.
 * @param rgba `[S,S,4]` bytes, sRGB-encoded
 * @param person a network's mask over the same square, at its own size
 * @param size S
 */
export function CutOutPerson(rgba: Uint8ClampedArray, person: IPersonMask, size: number): ICutOut {
    const matte = RefineMatte(rgba, SoftenMatte(ResizeMap(person.mask, person.size, size), size), size);
    return { matte, colors: ForegroundColors(rgba, matte, size) };
}

/** Colors of person and background, `[n,n,3]` each. */
interface ILevel {
    readonly size: number;
    readonly front: Float32Array;
    readonly back: Float32Array;
}

/** Edges of the levels, each at most twice the one before. */
function levelsOf(size: number): number[] {
    const edges = [size];
    while (edges[0] > Coarsest) {
        edges.unshift(Math.ceil(edges[0] / 2));
    }
    return edges;
}

/** The first level has the mean colors, a later one those of the level before. */
function nextLevel(before: ILevel | undefined, image: Float32Array, alpha: Float32Array, size: number): ILevel {
    const front = new Float32Array(image.length);
    const back = new Float32Array(image.length);
    if (before === undefined) {
        for (let channel = 0; channel < 3; channel++) {
            let [person, rest, persons, rests] = [0, 0, 0, 0];
            for (let i = 0; i < alpha.length; i++) {
                person += alpha[i] * image[3 * i + channel];
                rest += (1 - alpha[i]) * image[3 * i + channel];
                persons += alpha[i];
                rests += 1 - alpha[i];
            }
            for (let i = 0; i < alpha.length; i++) {
                front[3 * i + channel] = person / Math.max(persons, 1e-3);
                back[3 * i + channel] = rest / Math.max(rests, 1e-3);
            }
        }
        return { size, front, back };
    }
    for (let row = 0, i = 0; row < size; row++) {
        const from = Math.floor((row * before.size) / size) * before.size;
        for (let column = 0; column < size; column++, i++) {
            const source = 3 * (from + Math.floor((column * before.size) / size));
            for (let channel = 0; channel < 3; channel++) {
                front[3 * i + channel] = before.front[source + channel];
                back[3 * i + channel] = before.back[source + channel];
            }
        }
    }
    return { size, front, back };
}

/** Where there is only one of the two, its color is the picture's. */
function keepKnown({ front, back }: ILevel, image: Float32Array, alpha: Float32Array): void {
    for (let i = 0; i < alpha.length; i++) {
        const known = alpha[i] === 1 ? front : alpha[i] === 0 ? back : undefined;
        known?.set(image.subarray(3 * i, 3 * i + 3), 3 * i);
    }
}

/** One Jacobi round: each pixel's two colors from its own color and its four neighbours' colors. */
function solveOnce({ front, back }: ILevel, image: Float32Array, alpha: Float32Array, size: number, onlyRim: boolean): ILevel {
    const newFront = front.slice();
    const newBack = back.slice();
    const last = size - 1;
    for (let row = 0, i = 0; row < size; row++) {
        for (let column = 0; column < size; column++, i++) {
            const a = alpha[i];
            if (onlyRim && (a === 0 || a === 1)) {
                continue;
            }
            const above = row > 0 ? i - size : i;
            const below = row < last ? i + size : i;
            const left = column > 0 ? i - 1 : i;
            const right = column < last ? i + 1 : i;
            const wAbove = Spread + Math.abs(a - alpha[above]);
            const wBelow = Spread + Math.abs(a - alpha[below]);
            const wLeft = Spread + Math.abs(a - alpha[left]);
            const wRight = Spread + Math.abs(a - alpha[right]);
            const total = wAbove + wBelow + wLeft + wRight;
            const m00 = total + a * a;
            const m01 = a * (1 - a);
            const m11 = total + (1 - a) * (1 - a);
            const inverse = 1 / (m00 * m11 - m01 * m01);
            for (let c = 0; c < 3; c++) {
                const color = image[3 * i + c];
                const around = (map: Float32Array): number =>
                    wAbove * map[3 * above + c] + wBelow * map[3 * below + c] + wLeft * map[3 * left + c] + wRight * map[3 * right + c];
                const person = around(front) + a * color;
                const rest = around(back) + (1 - a) * color;
                newFront[3 * i + c] = Math.min(1, Math.max(0, (m11 * person - m01 * rest) * inverse));
                newBack[3 * i + c] = Math.min(1, Math.max(0, (m00 * rest - m01 * person) * inverse));
            }
        }
    }
    return { size, front: newFront, back: newBack };
}

/**
 * Mean over squares of 2 · radius + 1 pixels, by running sums; the map's border goes on.
 * @param map `[S,S]`
 * @returns a new `[S,S]`
 */
function meanOfSquares(map: Float32Array, size: number, radius: number): Float32Array<ArrayBuffer> {
    const last = size - 1;
    const share = 1 / (2 * radius + 1);
    const across = new Float32Array(map.length);
    for (let row = 0; row < size; row++) {
        const start = row * size;
        let sum = 0;
        for (let k = -radius; k <= radius; k++) {
            sum += map[start + Math.min(last, Math.max(0, k))];
        }
        for (let k = 0; k < size; k++) {
            across[start + k] = sum * share;
            sum += map[start + Math.min(last, k + radius + 1)] - map[start + Math.max(0, k - radius)];
        }
    }
    const mean = new Float32Array(map.length);
    const sums = new Float64Array(size);
    for (let k = -radius; k <= radius; k++) {
        const start = Math.min(last, Math.max(0, k)) * size;
        for (let column = 0; column < size; column++) {
            sums[column] += across[start + column];
        }
    }
    for (let row = 0; row < size; row++) {
        const start = row * size;
        const enters = Math.min(last, row + radius + 1) * size;
        const leaves = Math.max(0, row - radius) * size;
        for (let column = 0; column < size; column++) {
            mean[start + column] = sums[column] * share;
            sums[column] += across[enters + column] - across[leaves + column];
        }
    }
    return mean;
}
