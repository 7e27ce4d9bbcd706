// The wide crop, from which hair and bust are filled: where it is, how large, and what is known of the person in it.
import { FillFromCrops, type IFillInput } from "../../../../src/runtime/bust/fillFromCrops";
import { FillPage } from "../../../../src/runtime/bust/fill";
import { CropFromPhoto, PhotoFromCrop, type ICrop } from "../../../../src/runtime/photo/crop";
import { MarkOutside } from "../../../../src/runtime/photo/detailCrop";
import { MergeMasks, WideCropOf, WideSize, WiderThanCrop } from "../../../../src/runtime/photo/wideCrop";
import { Finish } from "../../../../src/runtime/slices";
import { BustFixtureAsync, FillFixtureAsync } from "../../../support/bustFixture";

const Crop: ICrop = { centerX: 310, centerY: 220, sidePx: 180, cosRoll: Math.cos(0.3), sinRoll: Math.sin(0.3) };

describe("the wide crop of a photo", () => {
    it("has the networks' crop in its middle, at the same roll", () => {
        const wide = WideCropOf(Crop);
        for (const [u, v] of [
            [0.5, 0.5],
            [0, 0],
            [1, 0.25],
        ]) {
            const [x, y] = CropFromPhoto(wide, ...PhotoFromCrop(Crop, u, v));
            expect(x).toBeCloseTo(0.5 + (u - 0.5) / WiderThanCrop, 9);
            expect(y).toBeCloseTo(0.5 + (v - 0.5) / WiderThanCrop, 9);
        }
    });

    it("has the photo's own pixels, as multiples of 16, neither too few nor more than filling has a use for", () => {
        expect([10, 800, 807, 870, 9000].map(WideSize)).toEqual([512, 800, 800, 864, 896]);
    });

    it("marks what the photo does not show, at every turn", () => {
        const [size, width, height] = [96, 400, 300];
        const wide = WideCropOf(Crop);
        const pixels = new Uint8ClampedArray(4 * size * size);
        MarkOutside(pixels, wide, width, height, size);
        let wrong = 0;
        for (let i = 0; i < size * size; i++) {
            const [x, y] = PhotoFromCrop(wide, ((i % size) + 0.5) / size, (Math.floor(i / size) + 0.5) / size);
            const margin = Math.min(x, y, width - x, height - y);
            // within a pixel of the edge either is right
            wrong += Math.abs(margin) > 5 && pixels[4 * i + 3] !== (margin > 0 ? 255 : 0) ? 1 : 0;
        }
        expect(wrong).toBe(0);
        expect(pixels.some((value, i) => i % 4 === 3 && value === 0)).toBe(true);
    });

    it("takes the finer mask in the middle, the wide one around it, and no step between", () => {
        const [size, edge] = [64, 128];
        const inner = new Float32Array(size * size).fill(1);
        const wide = new Float32Array(32 * 32).fill(0);
        const classes = (a: number, n: number): [Float32Array, Float32Array, Float32Array] => [
            new Float32Array(n).fill(a),
            new Float32Array(n).fill(0),
            new Float32Array(n).fill(1 - a),
        ];
        const merged = MergeMasks(
            { mask: inner, size, classes: classes(1, size * size) },
            { mask: wide, size: 32, classes: classes(0, 32 * 32) },
        );
        expect(merged.size).toBe(edge);
        const row = merged.mask.subarray(64 * edge, 65 * edge);
        expect(Array.from(row.subarray(0, 32))).toEqual(new Array(32).fill(0));
        expect(Array.from(row.subarray(44, 84))).toEqual(new Array(40).fill(1));
        const steps = Array.from(row.subarray(1), (value, i) => Math.abs(value - row[i]));
        expect(Math.max(...steps)).toBeLessThan(0.2);
        expect(merged.classes![0]).toEqual(merged.mask);
        expect(merged.classes![2]).toEqual(merged.mask.map((value) => 1 - value));
        expect(
            MergeMasks({ mask: inner, size }, { mask: wide, size: 32, classes: classes(0, 32 * 32) }).classes,
        ).toBeUndefined();
    });
});

describe("filling from wide crops", () => {
    let input: IFillInput;
    beforeAll(async () => {
        input = await FillFixtureAsync(512);
    });

    it("finds the same person as from the whole photo", async () => {
        const { input: whole } = await BustFixtureAsync();
        const truth = Finish(FillPage({ ...whole, photos: whole.photos.slice(0, 1) }));
        const { map, count, hasHat } = Finish(FillFromCrops(input));
        expect(hasHat).toBe(false);
        expect(Math.abs(count / truth.count - 1)).toBeLessThan(0.05);
        // where both show something
        const texels = whole.page.size ** 2;
        let [sum, shown, wanted] = [0, 0, 0];
        for (let i = 0; i < texels; i++) {
            wanted += Number(truth.map[3 * texels + i] > 0);
            if (map[3 * texels + i] > 0 && truth.map[3 * texels + i] > 0) {
                shown++;
                sum += Math.hypot(...[0, 1, 2].map((k) => map[k * texels + i] - truth.map[k * texels + i]));
            }
        }
        expect(shown).toBeGreaterThan(0.9 * wanted);
        // meters; the wide crop has a quarter of the pixels' width more of blur
        expect(sum / shown).toBeLessThan(0.004);
    });

    it("does not depend on the order of the photos", async () => {
        const two = await FillFixtureAsync(256, 2);
        expect(two.photos.length).toBe(2);
        const maps = [two.photos, [...two.photos].reverse()].map(
            (photos) => Finish(FillFromCrops({ ...two, photos })).map,
        );
        expect(maps[1]).toEqual(maps[0]);
    });

    it("fills with a photo from behind, whose camera is found from the outline", async () => {
        const { back } = Finish(FillFromCrops(await FillFixtureAsync(256, 1, true)));
        expect(back!.isUsed).toBe(true);
        expect(back!.overlap).toBeGreaterThan(0.85);
        expect(Finish(FillFromCrops(input)).back).toBeNull();
    });

    it("knows a hat by the clothes above the ears, and by nothing else", () => {
        const [photo] = input.photos;
        const { person } = photo.wide;
        const [hair, skin, clothes] = person.classes!;
        const { size } = person;
        const hatted = clothes.map((value, i) => (i < (size * size) / 2 ? Math.max(value, hair[i]) : value));
        const bare = hair.map((value, i) => (i < (size * size) / 2 ? 0 : value));
        const wear = (classes: [Float32Array, Float32Array, Float32Array] | undefined): boolean =>
            Finish(
                FillFromCrops({
                    ...input,
                    bust: false,
                    photos: [{ ...photo, wide: { ...photo.wide, person: { ...person, classes } } }],
                }),
            ).hasHat;
        expect(wear([bare, skin, hatted])).toBe(true);
        expect(wear([hair, skin, clothes])).toBe(false);
        expect(wear(undefined)).toBe(false);
    });
});
