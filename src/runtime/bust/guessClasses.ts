/**
 * Hair, skin and clothes where no network told them: from the matte, from where the person's own head is in the photo,
 * and from colors. Coarse: dark hair on a dark coat is taken for the coat. Where the head's surface is nearest it says
 * what is seen, but for a fringe; beside it, above the ears, a person is hair; below, the nearest of three colors
 * decides, and hair must hang from hair.
 */
import type { Work } from "../slices.js";
import type { IBustHead, IBustPhoto } from "./bustInput.js";
import { Clamp } from "./grids.js";
import { SolidMeans, Solid } from "./head.js";
import { Clothes, Hair, Project, Skin } from "./photo.js";

/** Cells over the crop in which the head's surface is looked for. */
const Cells = 96;
/** Canonical places where heights of a photo are read, meters. */
const Ears = [0, 0, 0.05];
const Chin = [0, -0.085, 0.06];
/**
 * What is below the chin, beside the neck, and no likelier than this to be hair or skin, tells the color of clothes.
 */
const Unlike = 0.3;
/** Squared distance of colors, 0..1 each, that says nothing. */
const Alike = 0.01;
/** Likeness to a color that is not known. */
const Unknown = 0.05;
/** How likely bare skin is beside head and neck. */
const Bare = 0.25;
/** Meters behind the middle of the head from which its surface is seen through holes only. */
const Middle = [0, 0.02, -0.015];
const Behind = 0.02;
/** Pixels from which a mean color is one. */
const LeastPixels = 200;
/** How much likelier clothes are than hair below the ears, where colors cannot tell. */
const ClothesFirst = 2;
/** Of the crop's side: how far hair may hang aside from row to row. */
const Aside = 0.004;

/** Colors of one class. */
interface ITone {
    readonly mean: readonly number[];
    /** Mean squared distance to it. */
    readonly spread: number;
}

/** Mean color of some of many; null for too few. */
function ToneOf(
    count: number,
    least: number,
    colorOf: (i: number, channel: number) => number,
    keeps: (i: number) => boolean,
): ITone | null {
    const [sum, squares] = [
        [0, 0, 0],
        [0, 0, 0],
    ];
    let kept = 0;
    for (let i = 0; i < count; i++) {
        if (keeps(i)) {
            kept++;
            for (let k = 0; k < 3; k++) {
                sum[k] += colorOf(i, k);
                squares[k] += colorOf(i, k) ** 2;
            }
        }
    }
    if (kept < least) {
        return null;
    }
    const mean = sum.map((value) => value / kept);
    return { mean, spread: squares.reduce((total, value, k) => total + Math.max(0, value / kept - mean[k] ** 2), 0) };
}

/** How likely a color is one of a class, 0..1. */
function Likeness(tone: ITone | null, pixels: Uint8ClampedArray, i: number): number {
    if (tone === null) {
        return Unknown;
    }
    const distance = tone.mean.reduce((total, value, k) => total + (pixels[4 * i + k] / 255 - value) ** 2, 0);
    return Math.exp(-distance / (tone.spread + Alike)) + 1e-6;
}

/** [Cells²] 0 beside the head, 1 where its skin is nearest to the camera, 2 where its scalp is. */
function Coverage(photo: IBustPhoto, head: IBustHead): Uint8Array {
    const means = SolidMeans(head);
    const isScalp = head.scalp.filter((_, g) => head.opacity[g] > Solid);
    const { rotation: r, translation: t, focal } = photo;
    const nearest = new Float64Array(Cells * Cells).fill(Infinity);
    const covered = new Uint8Array(Cells * Cells);
    const depthOf = (x: number, y: number, z: number): number => -(r[6] * x + r[7] * y + r[8] * z + t[2]);
    const deepest = depthOf(Middle[0], Middle[1], Middle[2]) + Behind;
    for (let g = 0; g < isScalp.length; g++) {
        const [x, y, z] = [means[3 * g], means[3 * g + 1], means[3 * g + 2]];
        const depth = Math.max(depthOf(x, y, z), 0.05);
        const column = Math.floor((0.5 + (focal * (r[0] * x + r[1] * y + r[2] * z + t[0])) / depth) * Cells);
        const row = Math.floor((0.5 - (focal * (r[3] * x + r[4] * y + r[5] * z + t[1])) / depth) * Cells);
        const at = row * Cells + column;
        if (row >= 0 && row < Cells && column >= 0 && column < Cells && depth < Math.min(deepest, nearest[at])) {
            nearest[at] = depth;
            covered[at] = 1 + isScalp[g];
        }
    }
    return Closed(covered);
}

/**
 * The same without holes: eyes and mouth are not told, and a neck of few Gaussians is a grid. What has cells on all
 * four sides is what is on its left.
 */
function Closed(covered: Uint8Array): Uint8Array {
    const sides = new Uint8Array(covered.length);
    const left = new Uint8Array(covered.length);
    for (const [start, step, next, bit] of [
        [0, 1, Cells, 1],
        [Cells - 1, -1, Cells, 2],
        [0, Cells, 1, 4],
        [Cells * (Cells - 1), -Cells, 1, 8],
    ]) {
        for (let line = 0; line < Cells; line++) {
            let before = 0;
            for (let k = 0; k < Cells; k++) {
                const at = start + line * next + k * step;
                before = covered[at] > 0 ? covered[at] : before;
                sides[at] |= before > 0 ? bit : 0;
                left[at] = bit === 1 ? before : left[at];
            }
        }
    }
    return covered.map((cell, at) => (cell === 0 && sides[at] === 15 ? left[at] : cell));
}

/**
 * A class map for a photo without one.
 * @returns [H,W,3] bytes: hair, skin, clothes; yields the share done
 */
export function* GuessClasses(photo: IBustPhoto, head: IBustHead): Work<Uint8ClampedArray> {
    const { width, height, pixels, matte, crop } = photo;
    const covered = Coverage(photo, head);
    const heightOf = (place: readonly number[]): number => Project(photo, place).px[1];
    const [ears, chin] = [heightOf(Ears), heightOf(Chin)];
    const { centerX, centerY, sidePx, cosRoll, sinRoll } = crop;
    /** What of the head is seen at a pixel. */
    const seenAt = (column: number, row: number): number => {
        const [dx, dy] = [(column + 0.5 - centerX) / sidePx, (row + 0.5 - centerY) / sidePx];
        const u = Math.floor((0.5 + cosRoll * dx + sinRoll * dy) * Cells);
        const v = Math.floor((0.5 - sinRoll * dx + cosRoll * dy) * Cells);
        return u >= 0 && u < Cells && v >= 0 && v < Cells ? covered[v * Cells + u] : 0;
    };
    const count = head.opacity.length;
    const ofHead = (i: number, channel: number): number => head.color[3 * i + channel];
    const hairTone = ToneOf(count, 1, ofHead, (g) => head.scalp[g] === 1 && head.opacity[g] > Solid);
    const skinTone = ToneOf(
        count,
        1,
        ofHead,
        (g) => head.scalp[g] === 0 && head.neck[g] === 0 && head.opacity[g] > Solid,
    );
    const inPhoto = (i: number, channel: number): number => pixels[4 * i + channel] / 255;
    yield 0.1;
    const clothTone = ToneOf(width * height, LeastPixels, inPhoto, (i) => {
        const isBody = i / width > chin && matte[i] > 230 && pixels[4 * i + 3] > 0;
        return (
            isBody &&
            seenAt(i % width, Math.floor(i / width)) === 0 &&
            Likeness(hairTone, pixels, i) < Unlike &&
            Likeness(skinTone, pixels, i) < Unlike
        );
    });
    yield 0.3;

    const classes = new Uint8ClampedArray(3 * width * height);
    const aside = Math.max(1, Math.round(Aside * sidePx));
    for (let row = 0; row < height; row++) {
        for (let column = 0; column < width; column++) {
            const i = row * width + column;
            if (matte[i] === 0) {
                continue;
            }
            const seen = seenAt(column, row);
            let [hair, skin, clothes] = [1, 0, 0];
            if (seen === 1) {
                // a fringe, or hair before the neck, must be far likelier than skin
                const isHair = Likeness(hairTone, pixels, i) > 8 * Likeness(skinTone, pixels, i);
                [hair, skin] = isHair ? [1, 0] : [0, 1];
            } else if (seen === 0 && row >= ears) {
                let above = 0;
                for (let k = Math.max(0, column - aside); k <= Math.min(width - 1, column + aside); k++) {
                    above = Math.max(above, row > 0 ? classes[3 * (i - column - width + k) + Hair] : 0);
                }
                hair = Likeness(hairTone, pixels, i) * Clamp(above / 64, 0, 1);
                skin = Bare * Likeness(skinTone, pixels, i);
                clothes = ClothesFirst * Likeness(clothTone, pixels, i);
            }
            const scale = matte[i] / (hair + skin + clothes);
            classes[3 * i + Hair] = hair * scale;
            classes[3 * i + Skin] = skin * scale;
            classes[3 * i + Clothes] = clothes * scale;
        }
        if (row % 64 === 63) {
            yield 0.3 + (0.7 * row) / height;
        }
    }
    return classes;
}
