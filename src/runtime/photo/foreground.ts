/**
 * Colors of a person without the background's light in them. They are solved together with those of the background from
 * coarse to fine: multi-level foreground estimation (Germer et al. 2020, arXiv:2006.14970). Twin: `foreground` in
 * training/classes/matting.py.
 */

import { Within, type Work } from "../slices.js";

/** Pixels of the first level of colors. */
const Coarsest = 16;
const RowsPerYield = 128;
/** Weight of neighbours as such, and per difference of alpha. */
const Spread = 1e-5;
/** Rounds of a level of at most {@link SmallLevel} pixels, and of others. */
const Rounds = 10;
const FewRounds = 2;
const SmallLevel = 32;

/**
 * Colors of the person alone.
 * @param rgba `[S,S,4]` bytes, sRGB-encoded
 * @param matte `[S,S]` 0..1
 * @param size S
 * @returns `[S,S,4]` bytes: where the matte is between 0 and 1 the person's color without the background, else the
 * picture's; alpha as it was. Yields roughly the share done
 */
export function* ForegroundColors(
    rgba: Uint8ClampedArray,
    matte: Float32Array,
    size: number,
): Work<Uint8ClampedArray<ArrayBuffer>> {
    let level: ILevel | undefined;
    for (const edge of LevelsOf(size)) {
        const image = new Float32Array(3 * edge * edge);
        const alpha = new Float32Array(edge * edge);
        for (let row = 0, i = 0; row < edge; row++) {
            if (row % RowsPerYield === RowsPerYield - 1) {
                yield (edge / size) * (0.5 + (0.1 * row) / edge);
            }
            const from = Math.floor((row * size) / edge) * size;
            for (let column = 0; column < edge; column++, i++) {
                const source = from + Math.floor((column * size) / edge);
                alpha[i] = matte[source];
                for (let channel = 0; channel < 3; channel++) {
                    image[3 * i + channel] = rgba[4 * source + channel] / 255;
                }
            }
        }
        // a level begins where the one before ended
        const share = (done: number): number => (edge / size) * (0.5 + 0.5 * done);
        yield share(0.2);
        level = NextLevel(level, image, alpha, edge);
        const isLast = edge === size;
        yield share(0.25);
        if (isLast) {
            KeepKnown(level, image, alpha);
        }
        const rounds = edge <= SmallLevel && !isLast ? Rounds : FewRounds;
        for (let round = 0; round < rounds; round++) {
            const [from, to] = [round, round + 1].map((done) => share(0.3 + (0.6 * done) / rounds));
            yield from;
            level = yield* Within(SolveOnce(level, image, alpha, edge, isLast), from, to);
        }
    }
    yield 0.97;
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

/** Colors of person and background, `[n,n,3]` each. */
interface ILevel {
    readonly size: number;
    readonly front: Float32Array;
    readonly back: Float32Array;
}

/** Edges of the levels, each at most twice the one before. */
function LevelsOf(size: number): number[] {
    const edges = [size];
    while (edges[0] > Coarsest) {
        edges.unshift(Math.ceil(edges[0] / 2));
    }
    return edges;
}

/** The first level has the mean colors, a later one those of the level before. */
function NextLevel(before: ILevel | undefined, image: Float32Array, alpha: Float32Array, size: number): ILevel {
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
function KeepKnown({ front, back }: ILevel, image: Float32Array, alpha: Float32Array): void {
    for (let i = 0; i < alpha.length; i++) {
        const known = alpha[i] === 1 ? front : alpha[i] === 0 ? back : undefined;
        known?.set(image.subarray(3 * i, 3 * i + 3), 3 * i);
    }
}

/** One Jacobi round: each pixel's two colors from its own color and its four neighbours' colors. */
function* SolveOnce(
    { front, back }: ILevel,
    image: Float32Array,
    alpha: Float32Array,
    size: number,
    onlyRim: boolean,
): Work<ILevel> {
    const newFront = front.slice();
    const newBack = back.slice();
    const last = size - 1;
    for (let row = 0, i = 0; row < size; row++) {
        if (row % RowsPerYield === RowsPerYield - 1) {
            yield row / size;
        }
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
                    wAbove * map[3 * above + c] +
                    wBelow * map[3 * below + c] +
                    wLeft * map[3 * left + c] +
                    wRight * map[3 * right + c];
                const person = around(front) + a * color;
                const rest = around(back) + (1 - a) * color;
                newFront[3 * i + c] = Math.min(1, Math.max(0, (m11 * person - m01 * rest) * inverse));
                newBack[3 * i + c] = Math.min(1, Math.max(0, (m00 * rest - m01 * person) * inverse));
            }
        }
    }
    return { size, front: newFront, back: newBack };
}
