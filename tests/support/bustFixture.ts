/**
 * tests/fixtures/bust.json, written by training/bust/write_fixture.py: two drawn photos of the open head, and the
 * second page filled from them.
 */
import { ParseHeadModel } from "../../src/flame/headModel";
import { ParsePageModel } from "../../src/flame/pageModel";
import { BuildTexelTable } from "../../src/flame/texelTable";
import type { IFillInput, IFillPhoto } from "../../src/runtime/bust/fillFromCrops";
import { PhotoFromCrop } from "../../src/runtime/photo/crop";
import { WideCropOf } from "../../src/runtime/photo/wideCrop";
import type { IBustInput, IBustPhoto } from "../../src/runtime/bust/bustInput";
import { BustHeadOf } from "../../src/runtime/bust/head";
import { BustPageOf } from "../../src/runtime/bust/page";

interface IFixture {
    headSize: number;
    pageSize: number;
    width: number;
    height: number;
    every: number;
    /** Mean and height of the waves of each channel. */
    static: [number, number][];
    /** Colors of background, hair, skin and clothes. */
    palette: number[][];
    grain: [number, number, number];
    photos: { crop: number[]; R: number[]; t: number[]; focal: number; classes: string }[];
    axes: number[];
    torso: { height: number; slope: number; known: number };
    reach: number[][];
    excess: number[];
    inner: number[][];
    outer: number[][];
    known: number[][];
    lowest: number[];
    lengths: number[];
    theta: string;
    shown: string;
    count: number;
    back: {
        photo: IFixture["photos"][number];
        overlap: number;
        crop: number[];
        R: number[];
        t: number[];
        classes: number[];
        ends: number;
        count: number;
        opacity: string;
        color: string;
    };
    bustCount: number;
    headColor: string;
    short: string;
    scarce: { photo: IFixture["photos"][number]; color: string };
    turned: string;
    collar: Record<"open" | "standing", { photo: IFixture["photos"][number]; color: string }>;
    places: string;
    opacity: string;
    color: string;
    sigma: string;
    rotation: string;
}

/** What the training side found. Texels are every fifth. */
export interface IBustTruth extends Pick<
    IFixture,
    | "axes"
    | "torso"
    | "reach"
    | "excess"
    | "inner"
    | "outer"
    | "known"
    | "lowest"
    | "lengths"
    | "count"
    | "bustCount"
    | "every"
> {
    /** Radians. */
    readonly theta: number[];
    /** 0..1 */
    readonly shown: number[];
    /** [3,n] offsets, meters. */
    readonly places: number[];
    /** [n] 0..1 */
    readonly opacity: number[];
    /** [3,n] 0..1 */
    readonly color: number[];
    /** [3,n] logarithms of meters. */
    readonly sigma: number[];
    /** [4,n] */
    readonly rotation: number[];
    /** [3n] 0..1, every fifth: colors of the head. */
    readonly headColor: number[];
    /** [n,3] of the head as if all hair were on its own page. */
    readonly short: number[];
    /** [3,n] 0..1 colors of the page, and a photo in which nothing of the clothes is sure. */
    readonly scarce: { readonly photo: IBustPhoto; readonly color: number[] };
    /** [3,n] 0..1 colors of the page from the second photo alone, in which the head is turned by 42°. */
    readonly turned: number[];
    /** The same of the first photo's person under a collar. */
    readonly collars: readonly { readonly photo: IBustPhoto; readonly color: number[] }[];
    /** The same with a photo from behind. */
    readonly back: Omit<IFixture["back"], "photo" | "opacity" | "color"> & {
        /** As it is given: its crop is about right. */
        readonly photo: IBustPhoto;
        readonly opacity: number[];
        readonly color: number[];
    };
}

const Bytes = (text: string): Uint8Array<ArrayBuffer> =>
    Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
const Sigmas = [Math.log(0.0006), Math.log(0.02)];

/** A person with long hair, and what the training side makes of it. */
export async function BustFixtureAsync(
    readAsync = async (path: string): Promise<ArrayBuffer> => await (await fetch(`/repo/${path}`)).arrayBuffer(),
): Promise<{ input: IBustInput; truth: IBustTruth }> {
    const fixture = JSON.parse(new TextDecoder().decode(await readAsync("tests/fixtures/bust.json"))) as IFixture;
    const model = ParseHeadModel(await readAsync("assets/models/open-head.bin"));
    const page = ParsePageModel(await readAsync("assets/models/open-head-page2.bin"), model);
    const texels = fixture.headSize ** 2;
    const staticMap = new Float32Array(14 * texels);
    fixture.static.forEach(([mean, height], c) => {
        for (let texel = 0; texel < texels; texel++) {
            staticMap[c * texels + texel] = mean + height * Math.sin((0.7 + 0.31 * c) * texel + c);
        }
    });
    return {
        input: {
            page: BustPageOf(page, BuildTexelTable(page.model, fixture.pageSize)),
            head: BustHeadOf(model, BuildTexelTable(model, fixture.headSize), staticMap),
            photos: fixture.photos.map((photo) => Photo(fixture, photo)),
            bust: true,
            hair: true,
        },
        truth: {
            ...fixture,
            theta: Array.from(new Uint16Array(Bytes(fixture.theta).buffer), (value) => value / 20000),
            shown: Array.from(Bytes(fixture.shown), (value) => value / 255),
            places: Array.from(new Int16Array(Bytes(fixture.places).buffer), (value) => value / 50000),
            opacity: Array.from(Bytes(fixture.opacity), (value) => value / 255),
            color: Array.from(Bytes(fixture.color), (value) => value / 255),
            sigma: Array.from(Bytes(fixture.sigma), (value) => Sigmas[0] + (value / 255) * (Sigmas[1] - Sigmas[0])),
            rotation: Array.from(new Int8Array(Bytes(fixture.rotation).buffer), (value) => value / 127),
            headColor: Array.from(Bytes(fixture.headColor), (value) => value / 255),
            short: Array.from(Bytes(fixture.short), (value) => value / 255),
            scarce: {
                photo: Photo(fixture, fixture.scarce.photo),
                color: Array.from(Bytes(fixture.scarce.color), (value) => value / 255),
            },
            turned: Array.from(Bytes(fixture.turned), (value) => value / 255),
            collars: [fixture.collar.open, fixture.collar.standing].map(({ photo, color }) => ({
                photo: Photo(fixture, photo),
                color: Array.from(Bytes(color), (value) => value / 255),
            })),
            back: {
                ...fixture.back,
                photo: Photo(fixture, fixture.back.photo),
                opacity: Array.from(Bytes(fixture.back.opacity), (value) => value / 255),
                color: Array.from(Bytes(fixture.back.color), (value) => value / 255),
            },
        },
    };
}

function Photo(
    { width, height, palette, grain }: IFixture,
    { crop, R, t, focal, classes: packed }: IFixture["photos"][number],
): IBustPhoto {
    // [H,W,4] matte, hair, skin, clothes
    const fifteenths = Array.from(Bytes(packed)).flatMap((byte) => [byte >> 4, byte & 15]);
    const pixels = new Uint8ClampedArray(4 * width * height);
    const matte = new Uint8ClampedArray(width * height);
    const classes = new Uint8ClampedArray(3 * width * height);
    for (let i = 0; i < width * height; i++) {
        const [person, ...parts] = fifteenths.slice(4 * i, 4 * i + 4).map((value) => value / 15);
        const wave = grain[1] * ((i % width) + 0.5) + grain[2] * (Math.floor(i / width) + 0.5);
        matte[i] = 255 * person;
        for (let k = 0; k < 3; k++) {
            classes[3 * i + k] = 255 * parts[k];
            const even = [1 - person, ...parts].reduce((sum, share, part) => sum + share * palette[part][k], 0);
            pixels[4 * i + k] = Math.round(255 * Math.min(1, Math.max(0, even + grain[0] * Math.sin(wave + k))));
        }
        pixels[4 * i + 3] = 255;
    }
    const [centerX, centerY, sidePx, roll] = crop;
    const square = { centerX, centerY, sidePx, cosRoll: Math.cos(roll), sinRoll: Math.sin(roll) };
    return { width, height, pixels, matte, classes, crop: square, rotation: R, translation: t, focal };
}

/**
 * The first drawn photos as the preparation of photos would give them: wide crops of some pixels, with matte and
 * classes over them.
 */
export async function FillFixtureAsync(size = 256, count = 1, isBack = false): Promise<IFillInput> {
    const { input, truth } = await BustFixtureAsync();
    const photos = input.photos.slice(0, count).map((photo) => WidePhoto(photo, size));
    return { ...input, photos, back: isBack ? WidePhoto(truth.back.photo, size).wide : null };
}

function WidePhoto(
    { width, height, pixels: from, matte, classes, crop, rotation, translation, focal }: IBustPhoto,
    size: number,
): IFillPhoto {
    const wide = WideCropOf(crop);
    const pixels = new Uint8ClampedArray(4 * size * size);
    const maps = [0, 1, 2, 3].map(() => new Float32Array(size * size));
    for (let i = 0; i < size * size; i++) {
        const [x, y] = PhotoFromCrop(wide, ((i % size) + 0.5) / size, (Math.floor(i / size) + 0.5) / size).map(
            Math.floor,
        );
        if (x < 0 || y < 0 || x >= width || y >= height) {
            continue;
        }
        const at = y * width + x;
        pixels.set(from.subarray(4 * at, 4 * at + 4), 4 * i);
        maps[3][i] = matte[at] / 255;
        for (let k = 0; k < 3; k++) {
            maps[k][i] = classes![3 * at + k] / 255;
        }
    }
    const [hair, skin, clothes, mask] = maps;
    return {
        wide: { size, pixels, roll: 0, person: { mask, size, classes: [hair, skin, clothes] } },
        camera: { rotation: Float64Array.from(rotation), translation: Float64Array.from(translation), focal },
    };
}
