// Clothes that a network took for hair, background in hair and a beard in clothes, in drawn photos of 100² pixels.
import { FindClothes, type IFoundClothes } from "../../../../src/runtime/bust/garment";
import type { IBustPhoto } from "../../../../src/runtime/bust/bustInput";
import { Finish } from "../../../../src/runtime/slices";

const Size = 100;
const [Brown, Bare, Blue, Dark, Grey] = [
    [77, 51, 26],
    [204, 153, 128],
    [26, 51, 128],
    [26, 26, 26],
    [128, 128, 128],
];

/** A part of a photo. */
interface IPart {
    /** Columns and rows: left, right, top, bottom. */
    readonly box: readonly [number, number, number, number];
    /** 0 hair, 1 skin, 2 clothes. */
    readonly kind: number;
    readonly color: readonly number[];
    /** Of the person. Default 1. */
    readonly matte?: number;
}

const Locks: IPart = { box: [20, 80, 0, 32], kind: 0, color: Brown };
const Face: IPart = { box: [30, 70, 32, 100], kind: 1, color: Bare };
const Coat: IPart = { box: [70, 95, 60, 100], kind: 2, color: Blue };

/** What is found in a photo of parts before a dark background; later ones lie before earlier ones. */
function FoundIn(parts: readonly IPart[]): IFoundClothes {
    const pixels = new Uint8ClampedArray(4 * Size ** 2).fill(255);
    const classes = new Float32Array(3 * Size ** 2);
    const matte = new Float32Array(Size ** 2);
    for (let i = 0; i < Size ** 2; i++) {
        const [x, y] = [i % Size, Math.floor(i / Size)];
        const part = parts.findLast(({ box: [left, right, top, bottom] }) => {
            return x >= left && x < right && y >= top && y < bottom;
        });
        pixels.set(part?.color ?? Dark, 4 * i);
        if (part) {
            matte[i] = part.matte ?? 1;
            classes[3 * i + part.kind] = 1;
        }
    }
    const photo: IBustPhoto = {
        width: Size,
        height: Size,
        pixels,
        matte: new Uint8ClampedArray(Size ** 2),
        classes: null,
        crop: { centerX: 50, centerY: 50, sidePx: Size, cosRoll: 1, sinRoll: 0 },
        rotation: [],
        translation: [],
        focal: 2.4,
    };
    const rows = { ears: 30, mouth: 55, chin: 65, beard: [50, 65, 15, 15] as const };
    return Finish(FindClothes(photo, matte, classes, rows));
}

describe("filling: hair between clothes and skin", () => {
    const strip = (top: number): IPart => ({ box: [70, 74, top, 90], kind: 0, color: Brown });

    it("is a collar where it hangs on no hair", () => {
        expect(FoundIn([Locks, Face, Coat, strip(60)]).wrong!.worn(71, 75)).toBeGreaterThan(0.5);
    });

    it("is a lock where it hangs from the head", () => {
        expect(FoundIn([Locks, Face, Coat, strip(25)]).wrong!.worn(71, 75)).toBeLessThan(0.5);
        expect(FoundIn([Locks, Face, Coat, strip(60)]).wrong!.worn(50, 20)).toBe(0);
    });
});

describe("filling: hair that looks like the background", () => {
    const behindAt = (color: number[], matte: number): number =>
        FoundIn([Locks, Face, { box: [70, 90, 60, 90], kind: 0, color, matte }]).wrong!.behind(80, 75);

    it("is none where the matte is not sure of it", () => {
        expect(behindAt(Dark, 0.92)).toBe(1);
        expect(behindAt(Dark, 1)).toBe(0);
        expect(behindAt(Brown, 0.92)).toBe(0);
        expect(behindAt(Grey, 0.92)).toBe(0);
        expect(behindAt(Grey, 0.7)).toBe(1);
    });
});

describe("filling: clothes below a beard", () => {
    const beardAt = (shown: number[], below: number[]): number => {
        const beard: IPart = { box: [40, 60, 56, 66], kind: 1, color: shown };
        return FoundIn([Locks, Face, beard, { box: [42, 58, 66, 78], kind: 2, color: below }]).wrong!.beard(50, 72);
    };

    it("are more of it where they have its color", () => {
        expect(beardAt(Grey, Grey)).toBe(1);
        expect(beardAt(Grey, Blue)).toBe(0);
        expect(beardAt(Bare, Bare)).toBe(0);
    });
});
