/**
 * Colors of the bust: the photos, the mirrored half, then push-pull in which skin counts little. Twin: `bust_color` of
 * training/bust/fill.py.
 */
import type { Work } from "../slices.js";
import type { IBustHead, IBustPage } from "./bustInput.js";
import { Facing, RimBehind } from "./facing.js";
import { Blur, CreateGrid, PushPull, Ramp, SmoothStep, type IGrid } from "./grids.js";
import { HiddenBy } from "./head.js";
import { AboveRing, BaseOf } from "./page.js";
import { Hair, Skin, type Photo } from "./photo.js";
import { AroundNeck, NeckAzimuth, NeckBetween, type ITorso } from "./torso.js";

/** Meters over the neck's ring: where a garment begins that no photo shows. */
const Collar = [-0.006, -0.022] as const;
/** How much the guessed color of clothes, and that edge, count beside what photos show. */
const [Faint, FaintCollar] = [0.004, 0.08];
/** Color of clothes of whom no photo shows any. */
const Plain = [0.27, 0.28, 0.31];
/** Such clothes have a collar that ends so far below the ring, meters, in a line that is so much darker. */
const [Rib, RibDarker] = [-0.028, 0.2];
/** Where light comes from that falls on what no photo shows: meters above the eyes, and towards the camera. */
const Light = { up: 1.2, front: 0.8 };
/** What of it comes from everywhere, and how far it reaches around. */
const [Ambient, Wrap] = [0.65, 0.3];
/** Rows and columns over which the surface is smoothed for that: creases of the neck are no shadows. */
const [CalmRows, CalmColumns] = [2, 5];
/** Texels of usual light that count beside those that a photo shows. */
const [UsualLight, UsualCount] = [0.88, 100];
const NeckBins = 24;
/** Meters behind the head's surface from which it hides a point. */
export const HiddenSlack = 0.012;

/** Cosines to the camera, up to which and from which on a photo is believed. */
const Rim = [0.2, 0.45] as const;
/** A texel is believed as far as those around it are: texels of the mean, and its share from which and up to which. */
const [Specks, SpeckShare] = [1.5, [0.35, 0.75]] as const;
/** Columns over which the edge of a garment is smoothed. */
const EdgeColumns = 4;
/** Of the crops: clothes of which so little is seen have no color. */
const LeastSeen = 0.0004;

/** Median color [3] of the photos' clothes, or else of what may be clothes, 0..1; null where hardly any are seen. */
function ClothGuess(photos: readonly Photo[]): readonly number[] | null {
    const surely = photos.map(
        ({ garment, hairless }) =>
            (i: number) =>
                garment[i] > 0.5 && hairless[i] > 0.8,
    );
    const perhaps = photos.map((photo) => {
        const isBelow = photo.belowHead();
        return (i: number) => photo.garment[i] > 0.3 && photo.classes[3 * i + Hair] < 0.4 && isBelow(i);
    });
    return MedianColor(photos, surely) ?? MedianColor(photos, perhaps);
}

/** Median color of the pixels of which something holds; null where they are hardly any. */
function MedianColor(
    photos: readonly Photo[],
    holds: readonly ((index: number) => boolean)[],
): readonly number[] | null {
    const counts = new Float64Array(3 * 256);
    let count = 0;
    let least = 0;
    for (const [index, { matte, source, gain }] of photos.entries()) {
        least += LeastSeen * source.crop.sidePx ** 2;
        for (let i = 0; i < matte.length; i++) {
            const isShown = source.pixels[4 * i + 3] > 0;
            if (isShown && matte[i] > 0.7 && holds[index](i)) {
                count++;
                for (let k = 0; k < 3; k++) {
                    counts[256 * k + Math.min(255, Math.round(gain[k] * source.pixels[4 * i + k]))]++;
                }
            }
        }
    }
    if (count <= least) {
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
export function WrappedPushPull(color: IGrid, weight: IGrid): IGrid {
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
        const part = (share: number): number => (0.75 * (index + share)) / photos.length;
        const { px } = photo.project(values);
        const classes = photo.at(photo.classes, px, 3);
        const garment = photo.at(photo.garment, px);
        const matte = photo.at(photo.sure, px);
        const hairless = photo.at(photo.hairless, px);
        yield part(0.3);
        const facing = Facing(points, photo, 1);
        const inside = photo.inside(px, 3);
        const hidden = HiddenBy(values, depths[index], photo, HiddenSlack);
        yield part(0.6);
        const color = photo.colorAt(px);
        const [from, to] = photo.source.fromBehind ? RimBehind : Rim;
        for (let i = 0; i < count; i++) {
            const [skin, clothes] = [classes[3 * i + Skin], garment[i]];
            const seen = inside[i] * (1 - hidden[i]) * Ramp(facing[i], from, to);
            const trust =
                seen * Ramp(Math.max(clothes, skin), 0.5, 0.8) * Ramp(hairless[i], 0.6, 0.9) * Ramp(matte[i], 0.6, 0.9);
            weight[i] += trust;
            clad[i] += clothes > skin ? trust : 0;
            for (let k = 0; k < 3; k++) {
                total[3 * i + k] += trust * color[3 * i + k];
            }
        }
        yield part(1);
    }
    const mirrorOf = (i: number): number => i - 2 * (i % columns) + columns - 1;
    const calm = WithoutSpecks(CreateGrid(rows, columns, 1, weight));
    const known = weight.map((value, i) => Math.min(value, 1) * calm[i]);
    const color = CreateGrid(rows, columns, 3);
    const base = BaseOf(page, page.bust).values;
    // skin and clothes spread apart, and where one ends and the other begins spreads by itself: a garment has an edge
    const [skin, cloth] = [new Spread(rows, columns, 3), new Spread(rows, columns, 3)];
    const collar = new Spread(rows, columns, 1);
    const guess = ClothGuess(photos);
    const rib = guess ? 0 : RibDarker;
    const own = NeckColors(page, head);
    const allKnown = new Float64Array(count);
    yield 0.78;
    for (let i = 0; i < count; i++) {
        if (i === (rows >> 1) * columns) {
            yield 0.81;
        }
        const mirror = mirrorOf(i);
        const mirrored = Math.max(0, 0.8 * known[mirror] - known[i]);
        const sure = Math.min(known[i] + mirrored, 1);
        const dressed =
            Math.min(clad[i], 1) * calm[i] + Math.max(0, 0.8 * Math.min(clad[mirror], 1) * calm[mirror] - known[i]);
        const share = Math.min(dressed / Math.max(sure, 1e-6), 1);
        for (let k = 0; k < 3; k++) {
            const here = total[3 * i + k] / Math.max(weight[i], 1e-6);
            const there = total[3 * mirror + k] / Math.max(weight[mirror], 1e-6);
            color.values[3 * i + k] = (here * known[i] + there * mirrored) / Math.max(known[i] + mirrored, 1e-6);
        }
        allKnown[i] = sure;
        const above = AboveRing(page, base[3 * i + 1], base[3 * i + 2]);
        const seen = color.values.subarray(3 * i, 3 * i + 3);
        const azimuth = NeckAzimuth(values[3 * i], values[3 * i + 2]);
        const neck = own ? [0, 1, 2].map((k) => own.at(azimuth, k)) : [0, 0, 0];
        skin.add(i, seen, sure * (1 - share), neck, own ? 0.5 * Ramp(above, -0.012, 0.004) * (1 - sure) : 0);
        cloth.add(i, seen, sure * share, guess ?? Plain, sure < 0.5 ? Faint : 0);
        collar.add(i, [share], sure, [SmoothStep(above, ...Collar)], FaintCollar * (1 - sure));
    }
    yield 0.84;
    const skinColor = skin.filled();
    yield 0.9;
    const clothColor = cloth.filled();
    yield 0.96;
    const edges = Blur(CreateGrid(rows, columns, 1, collar.filled()), EdgeColumns, 1, true).values;
    const light = LightOn(points, photos[0].yaw);
    const usual = known.reduce((sum, weight, i) => sum + weight * light[i], UsualLight * UsualCount);
    const mean = usual / known.reduce((sum, weight) => sum + weight, UsualCount);
    for (let i = 0; i < count; i++) {
        const edge = SmoothStep(edges[i], 0.35, 0.65);
        const above = AboveRing(page, base[3 * i + 1], base[3 * i + 2]);
        const worn =
            edge * (1 - rib * SmoothStep(above, Rib + 0.004, Rib) * SmoothStep(above, Rib - 0.007, Rib - 0.003));
        for (let k = 3 * i; k < 3 * i + 3; k++) {
            const filled = (skinColor[k] * (1 - edge) + clothColor[k] * worn) * (light[i] / mean);
            color.values[k] = color.values[k] * allKnown[i] + filled * (1 - allKnown[i]);
        }
    }
    return color;
}

/** [rows,columns] 0..1: less where the texels around are not seen, as where the head's outline hides some of them. */
function WithoutSpecks(weight: IGrid): Float64Array {
    const known = { ...weight, values: weight.values.map((value) => Math.min(value, 1)) };
    return Blur(Blur(known, Specks, 0), Specks, 1, true).values.map((mean) => Ramp(mean, ...SpeckShare));
}

/** [rows,columns] 0..1: light from above the camera. */
function LightOn(points: IGrid, yaw: number): Float64Array {
    const eye = [Light.front * Math.sin(yaw), Light.up, Light.front * Math.cos(yaw)];
    const calm = Blur(Blur(points, CalmRows, 0), CalmColumns, 1, true);
    return Facing(calm, { eye }, 1).map(
        (cosine) => Ambient + (1 - Ambient) * Math.max(0, (cosine + Wrap) / (1 + Wrap)),
    );
}

/** What spreads around the bust by push-pull: what is seen, and beside it a guess that counts little. */
class Spread {
    private readonly _source: IGrid;
    private readonly _weight: IGrid;

    public constructor(rows: number, columns: number, depth: number) {
        this._source = CreateGrid(rows, columns, depth);
        this._weight = CreateGrid(rows, columns);
    }

    public add(i: number, seen: ArrayLike<number>, weight: number, guess: ArrayLike<number>, faint: number): void {
        const { depth, values } = this._source;
        for (let k = 0; k < depth; k++) {
            values[depth * i + k] = (seen[k] * weight + guess[k] * faint) / Math.max(weight + faint, 1e-9);
        }
        this._weight.values[i] = Math.min(weight + faint, 1);
    }

    public filled(): Float64Array {
        return WrappedPushPull(this._source, this._weight).values;
    }
}

/** Color of the person's own neck a little above the ring, by azimuth; null without a neck. */
function NeckColors(page: IBustPage, head: IBustHead): AroundNeck | null {
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
