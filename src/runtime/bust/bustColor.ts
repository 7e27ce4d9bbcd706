/** Colors of the bust: the photos, the mirrored half, then push-pull in which skin counts little. Twin: `bust_color` of training/bust/fill.py. */
import type { Work } from "../slices.js";
import type { IBustHead, IBustPage } from "./bustInput.js";
import { Facing } from "./facing.js";
import { CreateGrid, PushPull, Ramp, type IGrid } from "./grids.js";
import { HiddenByHead } from "./head.js";
import { AboveRing, BaseOf } from "./page.js";
import { Clothes, Skin, type Photo } from "./photo.js";
import { AroundNeck, NeckAzimuth, NeckBetween, type ITorso } from "./torso.js";

/** How much skin and the guessed color of clothes count where the bust is filled in. */
const [SkinSpreads, Faint] = [0.01, 0.004];
const NeckBins = 24;
/** Meters behind the head's surface from which it hides a point. */
export const HiddenSlack = 0.012;

/** Median color [3] of the photos' clothes, 0..1; null where hardly any are seen. */
export function ClothGuess(photos: readonly Photo[]): readonly number[] | null {
    const counts = new Float64Array(3 * 256);
    let count = 0;
    for (const { classes, matte, hairless, source } of photos) {
        for (let i = 0; i < matte.length; i++) {
            const isShown = source.pixels[4 * i + 3] > 0;
            if (isShown && classes[3 * i + Clothes] > 0.5 && matte[i] > 0.7 && hairless[i] > 0.8) {
                count++;
                for (let k = 0; k < 3; k++) {
                    counts[256 * k + source.pixels[4 * i + k]]++;
                }
            }
        }
    }
    if (count <= 40) {
        return null;
    }
    /** The value that so many others are below of. */
    const ranked = (channel: number, rank: number): number => {
        let value = 0;
        for (let below = counts[256 * channel]; below <= rank; below += counts[256 * channel + value]) {
            value++;
        }
        return value;
    };
    return [0, 1, 2].map((k) => (ranked(k, (count - 1) >> 1) + ranked(k, count >> 1)) / 510);
}

/** Push-pull on a grid whose first and last column are neighbours. */
function wrappedPushPull(color: IGrid, weight: IGrid): IGrid {
    const { rows, columns } = color;
    const half = columns >> 1;
    const take = ({ depth, values }: IGrid, from: number, width: number): IGrid => {
        const taken = CreateGrid(rows, width, depth);
        for (let i = 0; i < taken.values.length; i++) {
            const at = Math.floor(i / depth);
            const column = (from + (at % width) + 2 * columns) % columns;
            taken.values[i] = values[(Math.floor(at / width) * columns + column) * depth + (i % depth)];
        }
        return taken;
    };
    const width = columns - half + columns + half;
    const filled = PushPull(take(color, half - columns, width), take(weight, half - columns, width));
    const middle = CreateGrid(rows, columns, color.depth);
    for (let row = 0; row < rows; row++) {
        const start = (row * width + columns - half) * color.depth;
        middle.values.set(filled.values.subarray(start, start + columns * color.depth), row * columns * color.depth);
    }
    return middle;
}

/**
 * Colors [rows,P,3] of the bust.
 * @param depths picture of the head's depth for each photo
 * @returns yields after each photo
 */
export function* BustColor(
    page: IBustPage,
    head: IBustHead,
    { points }: ITorso,
    photos: readonly Photo[],
    depths: readonly Float64Array[],
): Work<IGrid> {
    const { rows, columns, values } = points;
    const count = rows * columns;
    const total = new Float64Array(3 * count);
    const weight = new Float64Array(count);
    const clad = new Float64Array(count);
    for (const [index, photo] of photos.entries()) {
        const { px } = photo.project(values);
        const classes = photo.at(photo.classes, px, 3);
        const matte = photo.at(photo.sure, px);
        const hairless = photo.at(photo.hairless, px);
        const facing = Facing(points, photo, 1);
        const inside = photo.inside(px, 3);
        const hidden = HiddenByHead(values, depths[index], photo, HiddenSlack);
        const color = photo.colorAt(px);
        for (let i = 0; i < count; i++) {
            const [skin, clothes] = [classes[3 * i + Skin], classes[3 * i + Clothes]];
            const seen = inside[i] * (1 - hidden[i]) * Ramp(facing[i], 0.12, 0.4);
            const trust = seen * Ramp(Math.max(clothes, skin), 0.5, 0.8) * Ramp(hairless[i], 0.6, 0.9) * Ramp(matte[i], 0.6, 0.9);
            weight[i] += trust;
            clad[i] += clothes > skin ? trust : 0;
            for (let k = 0; k < 3; k++) {
                total[3 * i + k] += trust * color[3 * i + k];
            }
        }
        yield (0.8 * (index + 1)) / photos.length;
    }
    const mirrorOf = (i: number): number => i - 2 * (i % columns) + columns - 1;
    const known = weight.map((value) => Math.min(value, 1));
    const allKnown = new Float64Array(count);
    const color = new Float64Array(3 * count);
    const source = CreateGrid(rows, columns, 3);
    const spreads = CreateGrid(rows, columns);
    const base = BaseOf(page, page.bust).values;
    const guess = ClothGuess(photos);
    const own = neckColors(page, head);
    const mix = (i: number, other: readonly number[], share: number): void => {
        const sum = Math.max(spreads.values[i] + share, 1e-9);
        for (let k = 0; k < 3; k++) {
            source.values[3 * i + k] = (source.values[3 * i + k] * spreads.values[i] + other[k] * share) / sum;
        }
        spreads.values[i] += share;
    };
    for (let i = 0; i < count; i++) {
        if (i % (16 * columns) === 0) {
            yield 0.8 + (0.1 * i) / count;
        }
        const mirror = mirrorOf(i);
        const mirrored = Math.max(0, 0.8 * known[mirror] - known[i]);
        allKnown[i] = Math.min(known[i] + mirrored, 1);
        for (let k = 0; k < 3; k++) {
            const here = total[3 * i + k] / Math.max(weight[i], 1e-6);
            const there = total[3 * mirror + k] / Math.max(weight[mirror], 1e-6);
            color[3 * i + k] = (here * known[i] + there * mirrored) / Math.max(known[i] + mirrored, 1e-6);
            source.values[3 * i + k] = color[3 * i + k];
        }
        const dressed = Math.min(clad[i], 1);
        const cloth = Math.max(dressed, Math.max(0, 0.8 * Math.min(clad[mirror], 1) - known[i]));
        // what spreads: clothes, a little of the skin, a faint guess everywhere below, and the neck's own color above the ring
        spreads.values[i] = cloth > 0.5 ? allKnown[i] : SkinSpreads * allKnown[i];
        const above = AboveRing(page, base[3 * i + 1], base[3 * i + 2]);
        if (guess) {
            mix(i, guess, allKnown[i] < 0.5 ? Faint * Ramp(above, -0.03, -0.06) : 0);
        }
        if (own) {
            const azimuth = NeckAzimuth(values[3 * i], values[3 * i + 2]);
            mix(
                i,
                [0, 1, 2].map((k) => own.at(azimuth, k)),
                0.5 * Ramp(above, -0.012, 0.004) * (1 - allKnown[i]),
            );
        }
        spreads.values[i] = Math.min(spreads.values[i], 1);
    }
    yield 0.9;
    const filled = wrappedPushPull(source, spreads).values;
    return CreateGrid(
        rows,
        columns,
        3,
        color.map((value, i) => value * allKnown[Math.floor(i / 3)] + filled[i] * (1 - allKnown[Math.floor(i / 3)])),
    );
}

/** Color of the person's own neck a little above the ring, by azimuth; null without a neck. */
function neckColors(page: IBustPage, head: IBustHead): AroundNeck | null {
    const near = NeckBetween(page, head, 0.004, 0.03);
    if (near.length < 50) {
        return null;
    }
    return new AroundNeck(
        NeckBins,
        near.map((g) => NeckAzimuth(head.means[3 * g], head.means[3 * g + 2])),
        near.map((g) => [head.color[3 * g], head.color[3 * g + 1], head.color[3 * g + 2]]),
    );
}
