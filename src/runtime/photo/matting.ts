/**
 * From a coarse matte to one at the photo's own resolution. Twin: training/classes/matting.py. The matte's unsure rim
 * is solved in two steps: where a pixel's color lies between the person's and the background's colors around it, then
 * as a local linear function of the photo, which takes the noise out (guided filter with color, He et al. 2010, doi
 * 10.1007/978-3-642-15549-9_1).
 */
import type { IPersonMask } from "./faceFinder.js";
import { ForegroundColors } from "./foreground.js";
import { MeanOfSquares, ResizeMap } from "./picture.js";
import { Within, type Work } from "../slices.js";

/** How far beyond the matte's own rim it is thought unsure, in parts of the picture. */
const Rim = 1 / 200;
/** What is nearer to 0 or 1 is sure. */
const Sure = 0.08;
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
/**
 * Lets a matte follow the photo: strands become visible, and what is sure becomes 0 or 1.
 * @param rgba `[S,S,4]` bytes, sRGB-encoded, opaque
 * @param matte `[S,S]` 0..1, for example of a network, enlarged
 * @param size S
 * @returns a new `[S,S]` 0..1; yields roughly the share done, after each filter
 */
export function* RefineMatte(
    rgba: Uint8ClampedArray,
    matte: Float32Array,
    size: number,
): Work<Float32Array<ArrayBuffer>> {
    const count = size * size;
    const planes: Float32Array[] = [];
    for (let channel = 0; channel < 3; channel++) {
        const plane = new Float32Array(count);
        for (let i = 0; i < count; i++) {
            plane[i] = rgba[4 * i + channel] / 255;
        }
        planes.push(plane);
        yield 0.01 * channel;
    }
    const rim = UnsureRim(matte, size);
    yield 0.05;
    const between = yield* Within(BetweenColors(planes, matte, rim, size), 0.05, 0.65);
    const solved = yield* Within(Guided(planes, between, size), 0.65, 1);
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

/**
 * Mean colors of the known pixels around each pixel: of the smallest square that has enough, larger ones fill the rest.
 */
function* ColorsAround(planes: readonly Float32Array[], known: Float32Array, size: number): Work<ISurroundings> {
    const colors = planes.map((plane) => new Float32Array(plane.length));
    const done = new Float32Array(known.length);
    const take = new Float32Array(known.length);
    for (const [round, radius] of Around.entries()) {
        yield round / Around.length;
        const pixels = PixelsOf(radius, size);
        const share = MeanOfSquares(known, size, pixels);
        for (let i = 0; i < take.length; i++) {
            take[i] = (Math.min(share[i] / Enough, 1) * (1 - done[i])) / Math.max(share[i], 1e-6);
            done[i] += take[i] * Math.max(share[i], 1e-6);
        }
        for (const [channel, plane] of planes.entries()) {
            yield (round + (channel + 1) / 4) / Around.length;
            const mean = MeanOfSquares(Product(plane, known), size, pixels);
            for (let i = 0; i < take.length; i++) {
                colors[channel][i] += take[i] * mean[i];
            }
        }
    }
    yield 0.98;
    for (const plane of colors) {
        for (let i = 0; i < take.length; i++) {
            plane[i] /= Math.max(done[i], 1e-6);
        }
    }
    return { colors, found: done };
}

/**
 * Alpha of the rim from where its color lies between those of person and background around it; the matte's where these
 * are alike or one of them is far away: such a matte is wrong rather than coarse.
 */
function* BetweenColors(
    planes: readonly Float32Array[],
    matte: Float32Array,
    rim: Float32Array,
    size: number,
): Work<Float32Array> {
    const isPerson = new Float32Array(matte.length);
    const isRest = new Float32Array(matte.length);
    for (let i = 0; i < matte.length; i++) {
        isPerson[i] = rim[i] === 0 && matte[i] > 0.5 ? 1 : 0;
        isRest[i] = rim[i] === 0 && matte[i] <= 0.5 ? 1 : 0;
    }
    const person = yield* Within(ColorsAround(planes, isPerson, size), 0, 0.48);
    const rest = yield* Within(ColorsAround(planes, isRest, size), 0.48, 0.96);
    yield 0.96;
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
function* Guided([red, green, blue]: readonly Float32Array[], matte: Float32Array, size: number): Work<Float32Array> {
    const radius = PixelsOf(Window, size);
    let done = 0;
    const mean = function* (a: Float32Array, b?: Float32Array): Work<Float32Array> {
        yield done++ / 17;
        return MeanOfSquares(b ? Product(a, b) : a, size, radius);
    };
    const meanRed = yield* mean(red);
    const meanGreen = yield* mean(green);
    const meanBlue = yield* mean(blue);
    const meanMatte = yield* mean(matte);
    const slopeRed = yield* mean(red, matte);
    const slopeGreen = yield* mean(green, matte);
    const slopeBlue = yield* mean(blue, matte);
    const redRed = yield* mean(red, red);
    const redGreen = yield* mean(red, green);
    const redBlue = yield* mean(red, blue);
    const greenGreen = yield* mean(green, green);
    const greenBlue = yield* mean(green, blue);
    const blueBlue = yield* mean(blue, blue);
    yield 13 / 17;
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
    const ar = yield* mean(slopeRed);
    const ag = yield* mean(slopeGreen);
    const ab = yield* mean(slopeBlue);
    const solved = yield* mean(offset);
    for (let i = 0; i < matte.length; i++) {
        solved[i] += ar[i] * red[i] + ag[i] * green[i] + ab[i] * blue[i];
    }
    return solved;
}

function Product(a: Float32Array, b: Float32Array): Float32Array {
    const values = new Float32Array(a.length);
    for (let i = 0; i < values.length; i++) {
        values[i] = a[i] * b[i];
    }
    return values;
}

/** A length in parts of the picture as whole pixels, at least one. */
function PixelsOf(part: number, size: number): number {
    return Math.max(1, Math.round(part * size));
}

/**
 * Where a matte has to be solved.
 * @param matte `[S,S]` 0..1
 * @returns `[S,S]` 1 there, 0 elsewhere
 */
export function UnsureRim(matte: Float32Array, size: number): Float32Array<ArrayBuffer> {
    const radius = PixelsOf(Rim, size);
    const apart = new Float32Array(matte.length);
    const rim = new Float32Array(matte.length);
    for (let i = 0; i < matte.length; i++) {
        apart[i] = matte[i] > Sure ? 1 : 0;
        rim[i] = matte[i] < 1 - Sure ? 1 : 0;
    }
    const some = MeanOfSquares(apart, size, radius);
    const lacking = MeanOfSquares(rim, size, radius);
    for (let i = 0; i < matte.length; i++) {
        // a mean of zeros and ones is exactly 0 only where all are 0; rounding of the running sum stays far below one
        // pixel's share
        rim[i] = some[i] > 1e-5 && lacking[i] > 1e-5 ? 1 : 0;
    }
    return rim;
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
 * @returns yields roughly the share done: at 1024 pixels it takes more than a second, in steps of 10 to 30 ms
 */
export function* CutOutPerson(rgba: Uint8ClampedArray, person: IPersonMask, size: number): Work<ICutOut> {
    const coarse = ResizeMap(person.mask, person.size, size);
    yield 0.02;
    const matte = yield* Within(RefineMatte(rgba, coarse, size), 0.02, 0.75);
    return { matte, colors: yield* Within(ForegroundColors(rgba, matte, size), 0.75, 1) };
}
