/**
 * A photo from behind: no face tells where it was taken from, the person's outline does. Every formula is in
 * training/bust/ALGORITHM.md. Twin: training/bust/back.py.
 */
import { Within, type Work } from "../slices.js";
import type { IBustHead, IBustPhoto } from "./bustInput.js";
import { Clamp, type IGrid } from "./grids.js";
import { SolidMeans } from "./head.js";
import { Box, Clothes, Ears, Eroded, Hair, Photo, Project, Skin } from "./photo.js";

/** Pixels per side of the outline, over a square twice as wide as the crop. */
const Outline = 64;
/** Canonical: below it the outline does not count. */
const Lowest = [0, -0.24, -0.035];
/** Canonical, and meters: below it only so much beside it counts, for arms are held in many ways. */
const [Narrow, Beside] = [[0, -0.13, -0.035], 0.17];
/** First search: scales, and shifts in parts of the crop's side, to so many steps on either side. */
const [ScaleStep, ShiftStep, Steps] = [1.14, 0.08, 4];
/** Of the steps, while the place is made exact. */
const Halvings = 5;
/** Of both outlines: what agrees less is not used. */
const LeastOverlap = 0.75;
/** Canonical: clothes begin below; farther out and below the other they are sure. */
const [Collar, Shoulders] = [-0.12, [0.11, -0.17]];
/** Variance of a color that counts beside the measured one. */
const Spread = 0.004;
/** Power of likelihoods: what is more likely is so by far. */
const Surer = 2;
/** Of skin, where hair or clothes are as likely. */
const SkinShare = 0.5;
/** Pixels, on either side, that a strand may go aside from one row to the next. */
const Slip = 2;
/** Likelihood of everything where no color is known. */
const Unknown = 0.02;
const LeastSample = 50;
/** Canonical: heights at which hair behind is looked for, and where its back is; across its middle. */
const Lengths = { first: Ears[1] - 0.06, step: 0.004, count: 75 };
const [Back, Middle] = [-0.12, [-0.03, -0.02, -0.01, 0, 0.01, 0.02, 0.03]];

/** A photo from behind that was placed, and how well its outline agrees. */
export interface IPlaced {
    /** Null where the outlines do not agree. */
    readonly photo: IBustPhoto | null;
    /** 0..1 */
    readonly overlap: number;
}

/** A grid of points, and where they are shown. */
export interface IShownGrid {
    readonly points: IGrid;
    readonly shown: IGrid;
}

/** Camera of the same crop as seen from behind: it goes around the person at its own height. */
function Behind({ source: { rotation: r, translation: t } }: Photo): Pick<IBustPhoto, "rotation" | "translation"> {
    const yaw = Math.PI - Math.atan2(r[2], r[8]);
    const [c, s] = [Math.cos(yaw), Math.sin(yaw)];
    const rotation = Float64Array.from(r);
    for (let k = 0; k < 3; k++) {
        rotation[k] = c * r[k] + s * r[6 + k];
        rotation[6 + k] = c * r[6 + k] - s * r[k];
    }
    const depth = -0.08; // of the head's middle
    const along = (of: ArrayLike<number>, row: number): number => depth * of[3 * row + 2];
    const seen = [0, along(r, 1) + t[1], along(r, 2) + t[2]];
    return { rotation, translation: seen.map((value, row) => value - along(rotation, row)) };
}

/** [Outline,Outline] 1 where points are seen, their gaps closed; in the square around the crop. */
function OutlineOf(
    points: Iterable<ArrayLike<number>>,
    { rotation: r, translation: t, focal }: IBustPhoto,
): Uint8Array {
    const edge = Outline + 4;
    let picture = new Uint8Array(edge * edge);
    for (const [x, y, z] of points as Iterable<[number, number, number]>) {
        const scale = focal / -(r[6] * x + r[7] * y + r[8] * z + t[2]) / 2;
        const column = Math.floor((0.5 + scale * (r[0] * x + r[1] * y + r[2] * z + t[0])) * Outline);
        const row = Math.floor((0.5 - scale * (r[3] * x + r[4] * y + r[5] * z + t[1])) * Outline);
        if (row >= 0 && row < Outline && column >= 0 && column < Outline) {
            picture[(row + 2) * edge + column + 2] = 1;
        }
    }
    for (const choose of [Math.max, Math.min]) {
        const from = picture;
        picture = from.map((value, i) => {
            const [row, column] = [Math.floor(i / edge), i % edge];
            for (let k = 0; k < 9; k++) {
                const y = Clamp(row + Math.floor(k / 3) - 1, 0, edge - 1);
                value = choose(value, from[y * edge + Clamp(column + (k % 3) - 1, 0, edge - 1)]);
            }
            return value;
        });
    }
    return Uint8Array.from(
        { length: Outline * Outline },
        (_, i) => picture[(Math.floor(i / Outline) + 2) * edge + (i % Outline) + 2],
    );
}

function* PointsOf(head: IBustHead, grids: readonly IShownGrid[]): Generator<ArrayLike<number>> {
    const means = SolidMeans(head);
    for (let i = 0; i < means.length; i += 3) {
        yield means.subarray(i, i + 3);
    }
    for (const { points, shown } of grids) {
        for (let i = 0; i < shown.values.length; i++) {
            if (shown.values[i] > 0.5) {
                yield points.values.subarray(3 * i, 3 * i + 3);
            }
        }
    }
}

/** The photo as it came: no classes yet. */
function Bare(source: IBustPhoto): Photo {
    const none = new Float32Array(0);
    return new Photo(
        source,
        Float32Array.from(source.matte, (value) => value / 255),
        none,
        none,
        none,
        none,
    );
}

/**
 * Finds where a photo from behind was taken from.
 * @param rough its camera does not count; its crop, upright, says about where the head is
 * @param front the photo that made the shape
 * @param grids hair and bust
 * @returns yields the share done
 */
export function* PlaceBack(
    rough: IBustPhoto,
    front: Photo,
    head: IBustHead,
    grids: readonly IShownGrid[],
): Work<IPlaced> {
    const camera: IBustPhoto = { ...rough, ...Behind(front), focal: front.source.focal, fromBehind: true };
    const outline = OutlineOf(PointsOf(head, grids), camera);
    const seen = Bare(camera);
    const { rotation: r, translation: t, focal, crop } = camera;
    const seenAt = (point: readonly number[], row: number): number =>
        r[3 * row] * point[0] + r[3 * row + 1] * point[1] + r[3 * row + 2] * point[2] + t[row];
    const last = (0.5 + (focal * seenAt(Lowest, 1)) / seenAt(Lowest, 2) / 2) * Outline;
    const rows = Math.min(Outline, Math.max(0, Math.ceil(last)));
    const perMeter = ((focal / -seenAt(Narrow, 2)) * Outline) / 2;
    const counts = Uint8Array.from({ length: rows * Outline }, (_, i) => {
        const [column, row] = [(i % Outline) + 0.5 - Outline / 2, Math.floor(i / Outline) + 0.5 - Outline / 2];
        const isBeside = Math.abs(column - perMeter * seenAt(Narrow, 0)) >= perMeter * Beside;
        return Number(row < -perMeter * seenAt(Narrow, 1) || !isBeside);
    });
    const px = new Float64Array(2 * rows * Outline);
    let [place, best] = [{ x: 0, y: 0, scale: 1 }, 0];
    const look = (x: number, y: number, scale: number): void => {
        const side = (2 * crop.sidePx * scale) / Outline;
        for (let i = 0; i < px.length / 2; i++) {
            px[2 * i] = crop.centerX + x * crop.sidePx + ((i % Outline) + 0.5 - Outline / 2) * side;
            px[2 * i + 1] = crop.centerY + y * crop.sidePx + (Math.floor(i / Outline) + 0.5 - Outline / 2) * side;
        }
        const matte = seen.at(seen.matte, px);
        const inside = seen.inside(px, 1);
        let [both, either] = [0, 0];
        for (let i = 0; i < matte.length; i++) {
            both += counts[i] * inside[i] * Math.min(matte[i], outline[i]);
            either += counts[i] * inside[i] * Math.max(matte[i], outline[i]);
        }
        if (both / Math.max(1, either) > best) {
            best = both / Math.max(1, either);
            place = { x, y, scale };
        }
    };
    for (let k = -Steps; k <= Steps; k++) {
        for (let i = -Steps; i <= Steps; i++) {
            for (let j = -Steps; j <= Steps; j++) {
                look(ShiftStep * i, ShiftStep * j, ScaleStep ** k);
            }
            yield (0.8 * (k + Steps + (i + Steps) / (2 * Steps + 1))) / (2 * Steps + 1);
        }
    }
    let [step, ratio] = [ShiftStep, ScaleStep];
    for (let round = 0; round < Halvings; round++) {
        yield 0.8 + (0.2 * round) / Halvings;
        [step, ratio] = [step / 2, Math.sqrt(ratio)];
        const { scale } = place;
        for (const size of [scale / ratio, scale, scale * ratio]) {
            const { x } = place;
            for (const across of [x - step, x, x + step]) {
                const { y } = place;
                for (const down of [y - step, y, y + step]) {
                    look(across, down, size);
                }
            }
        }
    }
    const placed = {
        ...crop,
        centerX: crop.centerX + place.x * crop.sidePx,
        centerY: crop.centerY + place.y * crop.sidePx,
        sidePx: crop.sidePx * place.scale,
    };
    return { photo: best >= LeastOverlap ? { ...camera, crop: placed } : null, overlap: best };
}

/** What a sample of colors looks like. */
class Sample {
    private readonly _sum = new Float64Array(4); // colors, squares
    private _count = 0;

    public add(r: number, g: number, b: number): void {
        this._sum[0] += r;
        this._sum[1] += g;
        this._sum[2] += b;
        this._sum[3] += r * r + g * g + b * b;
        this._count++;
    }

    /** How much a color is like it, 0..1. */
    public likeness(): (r: number, g: number, b: number) => number {
        if (this._count <= LeastSample) {
            return () => Unknown;
        }
        const [r, g, b, square] = this._sum.map((value) => value / this._count);
        const spread = Math.max(0, square - r * r - g * g - b * b) + Spread;
        return (x, y, z) => Math.exp(-((x - r) ** 2 + (y - g) ** 2 + (z - b) ** 2) / spread);
    }
}

/**
 * A placed photo with classes by color, because networks that saw faces take hair from behind for clothes: hair is what
 * looks like what lies above the ears and hangs from it, clothes look like the shoulders, skin like the head's own
 * neck.
 * @returns yields the share done
 */
export function* SortOut(source: IBustPhoto, head: IBustHead): Work<Photo> {
    const { width, height, crop, pixels } = source;
    const count = width * height;
    const reach = Math.max(1, Math.round(0.01 * crop.sidePx));
    const matte = Float32Array.from(source.matte, (value) => value / 255);
    const colors: Float32Array[] = [];
    for (let k = 0; k < 3; k++) {
        const plane = Float32Array.from({ length: count }, (_, i) => pixels[4 * i + k] / 255);
        colors.push(Box(plane, width, height, reach));
        yield 0.1 * (k + 1);
    }
    const sure = yield* Within(Eroded(matte, width, height, reach), 0.3, 0.5);
    const z = -0.06; // of the ears
    const [, ears, , collar, left, low, right] = Project(source, [
        ...[0, Ears[1], z],
        ...[0, Collar, z],
        ...[Shoulders[0], Shoulders[1], z],
        ...[-Shoulders[0], Shoulders[1], z],
    ]).px;
    const [locks, garments, neck] = [new Sample(), new Sample(), new Sample()];
    for (let i = 0; i < count; i++) {
        const [x, y] = [(i % width) + 0.5, Math.floor(i / width) + 0.5];
        if (sure[i] > 0.8 && (y < ears || (y > low && (x < left || x > right)))) {
            (y < ears ? locks : garments).add(colors[0][i], colors[1][i], colors[2][i]);
        }
    }
    for (let i = 0; i < head.opacity.length; i++) {
        if (head.neck[i] > 0 && head.opacity[i] > 0.4) {
            neck.add(head.color[3 * i], head.color[3 * i + 1], head.color[3 * i + 2]);
        }
    }
    const [ofHair, ofClothes, ofSkin] = [locks.likeness(), garments.likeness(), neck.likeness()];
    const classes = new Float32Array(3 * count);
    const garment = new Float32Array(count);
    const hairless = new Float32Array(count);
    yield 0.55;
    for (let row = 0; row < height; row++) {
        const y = row + 0.5;
        const above = Clamp((ears - y) / (0.05 * crop.sidePx) + 0.5, 0, 1);
        for (let column = 0; column < width; column++) {
            const i = row * width + column;
            const [r, g, b] = [colors[0][i], colors[1][i], colors[2][i]];
            const clad = y > collar ? ofClothes(r, g, b) ** Surer : 0;
            const bare = SkinShare * ofSkin(r, g, b) ** Surer;
            const locky = ofHair(r, g, b) ** Surer;
            const total = Math.max(locky + clad + bare, 1e-12);
            let hair = Math.max(locky / total, above) * matte[i];
            let clothes = (clad / total) * (1 - above);
            if (row > 0 && y > ears) {
                let most = 0;
                for (let k = Math.max(0, column - Slip); k <= Math.min(width - 1, column + Slip); k++) {
                    most = Math.max(most, classes[3 * (i - width - column + k) + Hair]);
                }
                clothes += y > collar ? Math.max(0, hair - most) : 0;
                hair = Math.min(hair, most);
            }
            classes[3 * i + Hair] = hair;
            classes[3 * i + Skin] = (bare / total) * (1 - above) * matte[i];
            classes[3 * i + Clothes] = clothes * matte[i];
            garment[i] = clothes;
            hairless[i] = 1 - hair;
        }
        if (row % 64 === 0) {
            yield 0.55 + (0.25 * row) / height;
        }
    }
    const away = yield* Within(Eroded(hairless, width, height, reach), 0.8, 1);
    return new Photo(source, matte, classes, sure, away, garment);
}

/** Canonical height at which the middle of the hair ends behind; null where none hangs there. */
export function HairEnds(photo: Photo): number | null {
    let end: number | null = null;
    for (let k = 0; k < Lengths.count; k++) {
        const y = Lengths.first - k * Lengths.step;
        const { px } = photo.project(Middle.flatMap((x) => [x, y, Back]));
        const classes = photo.at(photo.classes, px, 3);
        const inside = photo.inside(px, 1);
        const on = inside.reduce((sum, isIn, i) => sum + (isIn > 0 && classes[3 * i + Hair] > 0.5 ? 1 : 0), 0);
        if (on <= Middle.length / 2) {
            break;
        }
        end = y;
    }
    return end;
}
