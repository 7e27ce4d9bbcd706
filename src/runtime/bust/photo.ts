/**
 * A photo as the filling wants it, and looking up its pixels at points of canonical space. Twin:
 * training/bust/photo.py.
 */
import { PhotoFromCrop } from "../photo/crop.js";
import { Within, type Work } from "../slices.js";
import type { IBustPhoto } from "./bustInput.js";
import { FindClothes, type IRows } from "./garment.js";
import { Clamp } from "./grids.js";

/** Channels of a class map. */
export const [Hair, Skin, Clothes] = [0, 1, 2];
/** Canonical places where heights of a photo are read, meters. */
export const Ears = [0, 0, 0.05];
const Chin = [0, -0.085, 0.06];
/** Up to here a collar may reach. */
const Mouth = [0, -0.05, 0.055];
/** Of the crop's side over the photo's lower edge, where a garment is rather than a beard or a lock. */
const Low = 0.05;
/** Of the crop's side: reach of the box in which hair must be seen for an undecided pixel to count as hair. */
const NearHair = 0.02;

/** Of the crop: pixels of the person that no class wants are taken for the color of clothes where there are so many. */
const MuchLeft = 0.006;
/** Canonical: the neck's joint, and a place above it. */
const [Neck, Crown] = [
    [0, -0.075, -0.035],
    [0, 0.1, -0.035],
];
/** Radians: a head that leans by no more counts as straight on the torso; more than the other is not believed. */
const [StraightNeck, MostLean] = [(3 * Math.PI) / 180, (20 * Math.PI) / 180];
/** Meters around the chin that a beard may reach. */
const Beard = [0.065, 0.05] as const;

/** Pixels that are looked at between two yields. */
const PixelsAtOnce = 2 ** 17;

/** Points in the photo. n of them. */
export interface IPlaces {
    /** [n,2] pixels, x right, y down. */
    readonly px: Float64Array;
    /** [n] meters. */
    readonly depth: Float64Array;
}

/** Least value in a square of 2 · reach + 1 pixels; edges go on. Yields between rows and columns. */
export function* Eroded(values: Float32Array, width: number, height: number, reach: number): Work<Float32Array> {
    let from = values;
    let share = 0;
    for (const [n, stride, lines, next] of [
        [width, 1, height, width],
        [height, width, width, 1],
    ]) {
        const least = new Float32Array(from.length);
        for (let line = 0; line < lines; line++) {
            for (let at = 0; at < n; at++) {
                let value = 1;
                for (let k = Math.max(0, at - reach); k <= Math.min(n - 1, at + reach); k++) {
                    value = Math.min(value, from[line * next + k * stride]);
                }
                least[line * next + at * stride] = value;
            }
            if (line % Math.ceil(lines / 4) === 0) {
                yield share + line / lines / 2;
            }
        }
        from = least;
        share += 0.5;
    }
    return from;
}

/** Mean over a square of 2 · reach + 1 pixels; edges go on. */
export function Box(values: Float32Array, width: number, height: number, reach: number): Float32Array {
    let from = values;
    for (const [n, stride, lines, next] of [
        [height, width, width, 1],
        [width, 1, height, width],
    ]) {
        const mean = new Float32Array(from.length);
        for (let line = 0; line < lines; line++) {
            const at = (k: number): number => from[line * next + Clamp(k, 0, n - 1) * stride];
            let sum = 0;
            for (let k = -reach; k <= reach; k++) {
                sum += at(k);
            }
            for (let k = 0; k < n; k++) {
                mean[line * next + k * stride] = sum / (2 * reach + 1);
                sum += at(k + reach + 1) - at(k - reach);
            }
        }
        from = mean;
    }
    return from;
}

/** One photo with classes that add up. Made by {@link CleanPhoto}. */
export class Photo {
    /** [3] where the camera is. */
    public readonly eye: readonly number[];
    /** Azimuth of the camera about the head, radians, positive to the head's left. */
    public readonly yaw: number;
    /** Radians that the head leans to the right of the photo on a torso that is upright in it. */
    public readonly lean: number;
    public readonly width: number;
    public readonly height: number;
    /** Whether all pixels are of the photo. */
    private readonly _isWhole: boolean;
    /** [W] rows down to the photo's lower edge. */
    private readonly _lowest: Float64Array;

    /**
     * @param matte [H,W] 0..1
     * @param classes [H,W,3] 0..1 hair, skin, clothes
     * @param sure [H,W] the matte a hundredth of the crop inside its edge: no background mixes into colors there
     * @param hairless [H,W] 1 − hair, a hundredth of the crop away from it
     * @param garment [H,W] 0..1 clothes whose color may be believed: fewer than in `classes`
     * @param gain [3] that its colors are multiplied by
     */
    public constructor(
        public readonly source: IBustPhoto,
        public readonly matte: Float32Array,
        public readonly classes: Float32Array,
        public readonly sure: Float32Array,
        public readonly hairless: Float32Array,
        public readonly garment: Float32Array,
        public readonly gain: readonly number[] = [1, 1, 1],
    ) {
        const { rotation: r, translation: t } = source;
        this.eye = [0, 1, 2].map((k) => -(r[k] * t[0] + r[3 + k] * t[1] + r[6 + k] * t[2]));
        this.yaw = Math.atan2(this.eye[0], this.eye[2]);
        this.lean = LeanOf(source);
        this.width = source.width;
        this.height = source.height;
        this._isWhole = matte.every((_, i) => source.pixels[4 * i + 3] > 0);
        this._lowest = new Float64Array(this.width);
        for (let i = 0; i < matte.length; i++) {
            if (source.pixels[4 * i + 3] > 0) {
                this._lowest[i % this.width] = Math.floor(i / this.width) + 1;
            }
        }
    }

    /** The same photo with the camera of the torso: the head leans, the shoulders do not. */
    public get torso(): Photo {
        if (this.lean === 0) {
            return this;
        }
        const { rotation: r, translation: t } = this.source;
        const [c, s] = [Math.cos(this.lean), Math.sin(this.lean)];
        const turned = (x: number, y: number): [number, number] => [c * x - s * y, s * x + c * y];
        const neck = this._neck();
        const rotation = Float64Array.from(r);
        for (let k = 0; k < 3; k++) {
            [rotation[k], rotation[3 + k]] = turned(r[k], r[3 + k]);
        }
        const [x, y] = turned(t[0] - neck[0], t[1] - neck[1]);
        const source = { ...this.source, rotation, translation: [x + neck[0], y + neck[1], t[2]] };
        return new Photo(source, this.matte, this.classes, this.sure, this.hairless, this.garment, this.gain);
    }

    /** Whether a pixel lies at the photo's lower edge and is no beard, by its index. */
    public belowHead(): (index: number) => boolean {
        const [x, y, wide, high] = RowsOf(this.source).beard;
        return (index) => {
            const [column, row] = [(index % this.width) + 0.5, Math.floor(index / this.width) + 0.5];
            const isLow = this._lowest[index % this.width] - row < Low * this.source.crop.sidePx;
            return isLow && ((column - x) / wide) ** 2 + ((row - y) / high) ** 2 >= 1;
        };
    }

    /** The same photo with colors that are multiplied by so much. */
    public inTone(gain: readonly number[]): Photo {
        return new Photo(this.source, this.matte, this.classes, this.sure, this.hairless, this.garment, gain);
    }

    /**
     * Points at rest as they are in the photo, in the head's frame.
     * @param points [n,3] meters
     * @param share [n] of the torso's joint
     */
    public posed(points: Float64Array, share: ArrayLike<number>): Float64Array {
        return this._leaned(points, share, (x, y, c, s) => [c * x - s * y, s * x + c * y]);
    }

    /** Inverse of {@link posed}. */
    public unposed(points: Float64Array, share: ArrayLike<number>): Float64Array {
        return this._leaned(points, share, (x, y, c, s) => {
            const size = c * c + s * s;
            return [(c * x + s * y) / size, (c * y - s * x) / size];
        });
    }

    private _neck(): [number, number] {
        const { rotation: r, translation: t } = this.source;
        const along = (row: number): number => r[row] * Neck[0] + r[row + 1] * Neck[1] + r[row + 2] * Neck[2];
        return [along(0) + t[0], along(3) + t[1]];
    }

    private _leaned(
        points: Float64Array,
        share: ArrayLike<number>,
        turn: (x: number, y: number, cosine: number, sine: number) => [number, number],
    ): Float64Array {
        if (this.lean === 0) {
            return points;
        }
        const { rotation: r, translation: t } = this.source;
        const neck = this._neck();
        const [cosine, sine] = [Math.cos(this.lean), Math.sin(this.lean)];
        const leaned = points.slice();
        for (let i = 0; i < points.length; i += 3) {
            const [px, py, pz] = [points[i], points[i + 1], points[i + 2]];
            const part = share[i / 3];
            const x = r[0] * px + r[1] * py + r[2] * pz + t[0] - neck[0];
            const y = r[3] * px + r[4] * py + r[5] * pz + t[1] - neck[1];
            const [u, v] = turn(x, y, 1 - part + part * cosine, part * sine);
            for (let k = 0; k < 3; k++) {
                leaned[i + k] += r[k] * (u - x) + r[3 + k] * (v - y);
            }
        }
        return leaned;
    }

    /** @param points [n,3] meters */
    public project(points: ArrayLike<number>): IPlaces {
        return Project(this.source, points);
    }

    /** [n] 1 where pixels lie in the photo, `margin` pixels from its edge. */
    public inside(px: Float64Array, margin = 1): Uint8Array {
        const { width, height } = this;
        const inside = new Uint8Array(px.length / 2);
        for (let i = 0; i < inside.length; i++) {
            const [x, y] = [px[2 * i], px[2 * i + 1]];
            const isIn = x >= margin && x <= width - margin && y >= margin && y <= height - margin;
            inside[i] = Number(isIn && (this._isWhole || this._showsAround(x, y, margin)));
        }
        return inside;
    }

    /** [n] pixels from places down to the photo's lower edge; negative below it. */
    public lowerEdge(px: Float64Array): Float64Array {
        return Float64Array.from(
            { length: px.length / 2 },
            (_, i) => this._lowest[Clamp(Math.floor(px[2 * i]), 0, this.width - 1)] - px[2 * i + 1],
        );
    }

    /** Whether the photo shows something in all four diagonal directions of a pixel. */
    private _showsAround(x: number, y: number, margin: number): boolean {
        const { width, height, pixels } = this.source;
        return [-margin, margin].every((down) =>
            [-margin, margin].every((right) => {
                const column = Clamp(Math.floor(x + right), 0, width - 1);
                return pixels[4 * (Clamp(Math.floor(y + down), 0, height - 1) * width + column) + 3] > 0;
            }),
        );
    }

    /**
     * Bilinear values of a picture of the photo's size; pixel centres are at + 0.5; edges go on.
     * @param picture [H,W,depth]
     * @returns [n,depth]
     */
    public at(picture: ArrayLike<number>, px: Float64Array, depth = 1): Float64Array {
        const { width, height } = this;
        const values = new Float64Array((px.length / 2) * depth);
        for (let i = 0; i < px.length / 2; i++) {
            const x = Clamp(px[2 * i] - 0.5, 0, width - 1);
            const y = Clamp(px[2 * i + 1] - 0.5, 0, height - 1);
            const [x0, y0] = [Math.min(Math.floor(x), width - 2), Math.min(Math.floor(y), height - 2)];
            const [fx, fy] = [x - x0, y - y0];
            const corner = (y0 * width + x0) * depth;
            const below = corner + width * depth;
            for (let k = 0; k < depth; k++) {
                const top = picture[corner + k] * (1 - fx) + picture[corner + depth + k] * fx;
                const low = picture[below + k] * (1 - fx) + picture[below + depth + k] * fx;
                values[i * depth + k] = top * (1 - fy) + low * fy;
            }
        }
        return values;
    }

    /** [n,3] colors at pixels, 0..1 times the gain. */
    public colorAt(px: Float64Array): Float64Array {
        const rgba = this.at(this.source.pixels, px, 4);
        return Float64Array.from(
            { length: (3 * px.length) / 2 },
            (_, i) => (this.gain[i % 3] * rgba[4 * Math.floor(i / 3) + (i % 3)]) / 255,
        );
    }
}

/** @param points [n,3] meters */
export function Project({ rotation: r, translation: t, focal, crop }: IBustPhoto, points: ArrayLike<number>): IPlaces {
    const count = points.length / 3;
    const places = { px: new Float64Array(2 * count), depth: new Float64Array(count) };
    const [originX, originY] = PhotoFromCrop(crop, 0, 0);
    const [rightX, rightY] = [crop.sidePx * crop.cosRoll, crop.sidePx * crop.sinRoll];
    const [downX, downY] = [-rightY, rightX];
    for (let i = 0; i < count; i++) {
        const [x, y, z] = [points[3 * i], points[3 * i + 1], points[3 * i + 2]];
        const depth = Math.max(-(r[6] * x + r[7] * y + r[8] * z + t[2]), 0.05);
        const u = 0.5 + (focal * (r[0] * x + r[1] * y + r[2] * z + t[0])) / depth;
        const v = 0.5 - (focal * (r[3] * x + r[4] * y + r[5] * z + t[1])) / depth;
        places.px[2 * i] = originX + rightX * u + downX * v;
        places.px[2 * i + 1] = originY + rightY * u + downY * v;
        places.depth[i] = depth;
    }
    return places;
}

function LeanOf(source: IBustPhoto): number {
    const { px } = Project(source, [...Crown, ...Neck]);
    const found = Math.atan2(px[0] - px[2], px[3] - px[1]) + (source.roll ?? 0);
    const lean = found - (Math.PI / 2) * Math.round(found / (Math.PI / 2)); // the photo itself may lie on its side
    return Math.sign(lean) * Clamp(Math.abs(lean) - StraightNeck, 0, MostLean);
}

/** Where clothes may begin, and what may be a beard. */
function RowsOf(source: IBustPhoto): IRows {
    const { px, depth } = Project(source, [...Ears, ...Mouth, ...Chin]);
    const meter = (source.focal * source.crop.sidePx) / depth[2];
    return { ears: px[1], mouth: px[3], chin: px[5], beard: [px[4], px[5], Beard[0] * meter, Beard[1] * meter] };
}

/**
 * A photo with classes that add up: what is worn above the ears is hair (hats are part of it); a pixel of the person
 * that is nothing is hair where hair is near, down to the chin, and else clothes, below the ears.
 * @param given [H,W,3] bytes: hair, skin, clothes
 * @returns yields the share done, after steps over all pixels
 */
export function* CleanPhoto(source: IBustPhoto, given: Uint8ClampedArray): Work<Photo> {
    const { width, height, crop } = source;
    const over = (point: readonly number[]): Float32Array => {
        const { px } = Project(source, point);
        return Float32Array.from({ length: height }, (_, row) =>
            Clamp((px[1] - (row + 0.5)) / (0.05 * crop.sidePx) + 0.5, 0, 1),
        );
    };
    const [worn, head] = [over(Ears), over(Chin)];
    const count = width * height;
    const matte = new Float32Array(count);
    const classes = new Float32Array(3 * count);
    const hair = new Float32Array(count);
    const parts = Math.ceil(count / PixelsAtOnce);
    for (let i = 0; i < count; i++) {
        if (i > 0 && i % PixelsAtOnce === 0) {
            yield (0.2 * i) / PixelsAtOnce / parts;
        }
        const above = worn[Math.floor(i / width)];
        matte[i] = source.matte[i] / 255;
        classes[3 * i + Hair] = Math.max(given[3 * i + Hair], above * given[3 * i + Clothes]) / 255;
        classes[3 * i + Skin] = given[3 * i + Skin] / 255;
        classes[3 * i + Clothes] = ((1 - above) * given[3 * i + Clothes]) / 255;
    }
    yield 0.2;
    const { wrong, scenic, isScene } = yield* Within(FindClothes(source, matte, classes, RowsOf(source)), 0.2, 0.3);
    const beard = new Float32Array(count);
    for (let i = 0; wrong && i < count; i++) {
        const [x, y] = [i % width, Math.floor(i / width)];
        const [share, kept] = [wrong.worn(x, y), 1 - wrong.behind(x, y)];
        beard[i] = wrong.beard(x, y);
        if (share > 0 || beard[i] > 0 || kept < 1) {
            const [own, bare, clothes] = classes.subarray(3 * i, 3 * i + 3);
            const worn = Math.max(clothes, share * Math.min(own + bare + clothes, 1));
            classes[3 * i + Clothes] = worn * (1 - beard[i]) * kept;
            classes[3 * i + Hair] = own * (1 - share) * kept;
            classes[3 * i + Skin] = bare * (1 - share) * kept;
            matte[i] *= kept;
        }
    }
    hair.forEach((_, i) => (hair[i] = classes[3 * i + Hair] * matte[i]));
    yield 0.3;
    const around = Box(hair, width, height, Math.max(1, Math.round(NearHair * crop.sidePx)));
    yield 0.4;
    const garment = new Float32Array(count);
    const believed = new Float32Array(count);
    let left = 0;
    for (let i = 0; i < count; i++) {
        if (i > 0 && i % PixelsAtOnce === 0) {
            yield 0.4 + (0.2 * i) / PixelsAtOnce / parts;
        }
        const row = Math.floor(i / width);
        const near = head[row] * Clamp(3 * around[i] - 1, 0, 1);
        const most = Math.max(classes[3 * i], classes[3 * i + 1], classes[3 * i + 2]);
        const rest = Math.max(0, matte[i] - most - beard[i]);
        classes[3 * i + Hair] = Math.max(classes[3 * i + Hair], near * rest);
        garment[i] = classes[3 * i + Clothes];
        classes[3 * i + Clothes] = Math.max(classes[3 * i + Clothes], (1 - worn[row]) * (1 - near) * rest);
        believed[i] = scenic(i % width, row) > 0.5 ? garment[i] : classes[3 * i + Clothes];
        left += source.pixels[4 * i + 3] > 0 ? believed[i] - garment[i] : 0;
        hair[i] = 1 - classes[3 * i + Hair];
    }
    const reach = Math.max(1, Math.round(0.01 * crop.sidePx));
    yield 0.6;
    const sure = yield* Within(Eroded(matte, width, height, reach), 0.6, 0.8);
    const hairless = yield* Within(Eroded(hair, width, height, reach), 0.8, 1);
    const isMuch = left > MuchLeft * crop.sidePx ** 2;
    const seen = isMuch ? believed : garment;
    return new Photo(source, matte, classes, sure, hairless, isScene ? seen.fill(0) : seen);
}
