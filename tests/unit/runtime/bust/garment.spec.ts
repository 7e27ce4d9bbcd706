// Clothes that a network took for hair: a collar between neck and coat, in a drawn photo of 100² pixels.
import { FindClothes } from "../../../../src/runtime/bust/garment";
import type { IBustPhoto } from "../../../../src/runtime/bust/bustInput";
import { Finish } from "../../../../src/runtime/slices";

const Size = 100;
const Colors = [
    [77, 51, 26],
    [204, 153, 128],
    [26, 51, 128],
];

/** Hair above a face, a coat beside the neck, and a strip of hair between both from a row downwards. */
function KindAt(x: number, y: number, top: number): number {
    if ((y < 32 && x >= 20 && x < 80) || (y >= top && y < 90 && x >= 70 && x < 74)) {
        return 0;
    }
    return y >= 32 && x >= 30 && x < 70 ? 1 : y >= 60 && x >= 70 && x < 95 ? 2 : -1;
}

function WornAt(x: number, y: number, top: number): number {
    const pixels = new Uint8ClampedArray(4 * Size ** 2).fill(255);
    const classes = new Float32Array(3 * Size ** 2);
    const matte = new Float32Array(Size ** 2);
    for (let i = 0; i < Size ** 2; i++) {
        const kind = KindAt(i % Size, Math.floor(i / Size), top);
        pixels.set(Colors[kind] ?? [26, 26, 26], 4 * i);
        if (kind >= 0) {
            matte[i] = 1;
            classes[3 * i + kind] = 1;
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
    const rows = { ears: 30, mouth: 55, chin: 65, beard: [50, 65, 15, 12] as const };
    return Finish(FindClothes(photo, matte, classes, rows)).worn?.(x, y) ?? 0;
}

describe("filling: hair between clothes and skin", () => {
    it("is a collar where it hangs on no hair", () => {
        expect(WornAt(71, 75, 60)).toBeGreaterThan(0.5);
    });

    it("is a lock where it hangs from the head", () => {
        expect(WornAt(71, 75, 25)).toBeLessThan(0.5);
        expect(WornAt(50, 20, 60)).toBe(0);
    });
});
