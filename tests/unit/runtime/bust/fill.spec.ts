// Filling the second page: the same numbers as the training side, and what must be true of any.
import { FillPage, Off, type IFilled } from "../../../../src/runtime/bust/fill";
import { PhotoOfCrop } from "../../../../src/runtime/bust/cropPhoto";
import { HairEnds } from "../../../../src/runtime/bust/back";
import { GuessClasses } from "../../../../src/runtime/bust/guessClasses";
import {
    CreateGrid,
    Frames,
    Interpolate,
    MeanWhere,
    Median,
    PushPull,
    QuaternionOf,
} from "../../../../src/runtime/bust/grids";
import type { IBand, IBustInput, IBustPhoto } from "../../../../src/runtime/bust/bustInput";
import type { IHair } from "../../../../src/runtime/bust/hair";
import { HairView, MeasureRim, MeasureSides } from "../../../../src/runtime/bust/hairView";
import { HairRow, RowCoordinate } from "../../../../src/runtime/bust/page";
import { DepthPicture } from "../../../../src/runtime/bust/head";
import { NeckColor, type INeckColor } from "../../../../src/runtime/bust/neck";
import { SideColor } from "../../../../src/runtime/bust/sides";
import { Box, CleanPhoto, Eroded, Project, type Photo } from "../../../../src/runtime/bust/photo";
import { TorsoReach, type ITorso } from "../../../../src/runtime/bust/torso";
import { Finish } from "../../../../src/runtime/slices";
import { Psnr, Random } from "../../../support/gpu";
import { BustFixtureAsync, type IBustTruth } from "../../../support/bustFixture";

/** Largest difference; infinite where the lengths differ or a number is none. */
function Worst(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
    if (found.length !== wanted.length) {
        return Infinity;
    }
    return Array.from(found).reduce((most, value, i) => {
        const off = Math.abs(value - wanted[i]);
        return Number.isNaN(off) ? Infinity : Math.max(most, off);
    }, 0);
}

describe("small steps of the filling", () => {
    it("fill gaps between what is known, and keep to its mean far away", () => {
        const values = CreateGrid(200, 1);
        const known = CreateGrid(200, 1);
        values.values.fill(NaN);
        values.values.set([3, 3, 3, 3, 3], 10);
        values.values.set([5, 5, 5, 5, 5], 60);
        known.values.fill(1, 10, 15).fill(1, 60, 65);
        const filled = MeanWhere(values, known, 1).values;
        expect(filled[12]).toBeCloseTo(3, 2);
        expect(filled[62]).toBeCloseTo(5, 2);
        expect(filled[37]).toBeCloseTo(4, 1);
        expect(filled.every((value) => value > 3 - 1e-9 && value < 5 + 1e-9)).toBe(true);
    });

    it("wrap around where columns do", () => {
        const known = CreateGrid(1, 30);
        known.values.fill(1, 3, 6).fill(1, 27, 30);
        const values = CreateGrid(1, 30);
        values.values.fill(1, 3, 6).fill(2, 27, 30);
        expect(MeanWhere(values, known, 1, 1, true).values[0]).toBeGreaterThan(1.8);
        expect(MeanWhere(values, known, 1, 1, false).values[0]).toBeLessThan(1.1);
    });

    it("keep what push-pull is sure of, and fill odd sizes smoothly", () => {
        const [values, weight] = [CreateGrid(7, 11, 2), CreateGrid(7, 11)];
        values.values.set([0.2, 0.9], 0);
        values.values.set([0.6, 0.1], 2 * 76);
        weight.values[0] = weight.values[76] = 1;
        const filled = PushPull(values, weight).values;
        expect(Array.from(filled.subarray(0, 2))).toEqual([0.2, 0.9]);
        expect(Array.from(filled.subarray(152))).toEqual([0.6, 0.1]);
        expect(filled.every((value) => value >= 0.1 - 1e-9 && value <= 0.9 + 1e-9)).toBe(true);
        expect(filled[2 * 38]).toBeGreaterThan(0.2);
        expect(filled[2 * 38]).toBeLessThan(0.6);
    });

    it("find frames that look outwards, and their quaternions", () => {
        // an upright cylinder: columns run to the left of who looks at it from outside, rows down
        const points = CreateGrid(5, 9, 3);
        for (let i = 0; i < 45; i++) {
            const angle = 0.1 * (i % 9);
            points.values.set([Math.sin(angle), -0.2 * Math.floor(i / 9), Math.cos(angle)], 3 * i);
        }
        const { axes, width, length } = Frames(points);
        const at = 9 * (2 * 9 + 4);
        expect(Worst([axes[at + 2], axes[at + 5], axes[at + 8]], [Math.sin(0.4), 0, Math.cos(0.4)])).toBeLessThan(1e-9);
        expect(Worst([axes[at + 1], axes[at + 4], axes[at + 7]], [0, -1, 0])).toBeLessThan(1e-9);
        expect(width[2 * 9 + 4]).toBeCloseTo(0.1, 3);
        expect(length[2 * 9 + 4]).toBeCloseTo(0.2, 9);
        const random = Random(5);
        for (let round = 0; round < 20; round++) {
            const raw = [0, 0, 0, 0].map(() => random() - 0.5);
            const [x, y, z, w] = raw.map((value) => value / Math.hypot(...raw));
            const found = new Float64Array(4);
            const m = [
                1 - 2 * (y * y + z * z),
                2 * (x * y - z * w),
                2 * (x * z + y * w),
                2 * (x * y + z * w),
                1 - 2 * (x * x + z * z),
            ];
            m.push(2 * (y * z - x * w), 2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y));
            QuaternionOf(Float64Array.from(m), 0, found);
            expect(Math.abs(found[0] * x + found[1] * y + found[2] * z + found[3] * w)).toBeCloseTo(1, 9);
        }
    });

    it("take medians, lines, least values and means of squares", () => {
        expect(Median([3, 1, 10])).toBe(3);
        expect(Median([3, 1, 10, 4])).toBe(3.5);
        expect([-1, 0.5, 1.5, 9].map((x) => Interpolate(x, [0, 1, 2], [5, 7, 3]))).toEqual([5, 6, 5, 3]);
        const dot = Float32Array.from({ length: 63 }, (_, i) => (i === 31 ? 0 : 1)); // row 3, column 4 of [7,9]
        expect(Finish(Eroded(dot, 9, 7, 1)).filter((value) => value === 0).length).toBe(9);
        const one = dot.map((value) => 1 - value);
        expect(Box(one, 9, 7, 1).filter((value) => Math.abs(value - 1 / 9) < 1e-6).length).toBe(9);
        expect(Box(one, 9, 7, 1)[0]).toBeCloseTo(0, 6);
    });
});

describe("filling of the second page", () => {
    let input: IBustInput;
    let truth: IBustTruth;
    let torso: ITorso;
    let photos: readonly Photo[];
    let hair: IHair;
    let filled: IFilled;

    const run = (changed: Partial<IBustInput>): IFilled => Finish(FillPage({ ...input, ...changed }));
    const texels = (): number => input.page.size ** 2;
    const logits = (map: Float32Array, { first, rows }: IBand): Float32Array => {
        const { size } = input.page;
        return map.subarray(3 * texels() + first * size, 3 * texels() + (first + rows) * size);
    };

    beforeAll(async () => {
        ({ input, truth } = await BustFixtureAsync());
        filled = Finish(
            FillPage(input, {
                onTorso: (...found) => ([torso, photos] = found),
                onHair: (found) => (hair = found!),
            }),
        );
    });

    it("measures a photo as the training side does", () => {
        expect(Math.abs(torso.height - truth.torso.height)).toBeLessThan(1e-5);
        expect(Math.abs(torso.slope - truth.torso.slope)).toBeLessThan(1e-4);
        expect(torso.known).toBe(truth.torso.known);
        const view = new HairView(input.page, photos[0]);
        expect(Worst(view.axes, truth.axes)).toBeLessThan(1e-5);
        expect(Worst(MeasureRim(view, input.head).excess, truth.excess)).toBeLessThan(1e-5);
        const curtain = Array.from({ length: input.page.hair.rows }, (_, row) =>
            HairRow(input.page, RowCoordinate(input.page.hair, row)),
        ).filter(({ elevation }) => elevation <= 1e-6);
        const heights = Float64Array.from(curtain, ({ height }) => height - view.center[1]);
        const sides = Finish(MeasureSides(view, heights));
        for (const side of [0, 1]) {
            expect(Worst(sides.inner[side], truth.inner[side])).toBeLessThan(1e-5);
            expect(Worst(sides.outer[side], truth.outer[side])).toBeLessThan(1e-5);
            expect(Worst(sides.known[side], truth.known[side])).toBe(0);
        }
        expect(Worst(sides.lowest, truth.lowest)).toBeLessThan(1e-5);
        expect(truth.lowest[0]).not.toBe(truth.lowest[1]);
    });

    it("shapes hair as the training side does", () => {
        const some = (values: Float64Array): Float64Array => values.filter((_, i) => i % truth.every === 0);
        expect(hair.curtain).toBe(true);
        expect(Worst(hair.lengths, truth.lengths)).toBeLessThan(1e-5);
        expect(Worst(some(hair.theta.values), truth.theta)).toBeLessThan(5e-5);
        expect(Worst(some(hair.shown.values), truth.shown)).toBeLessThan(3e-3);
        const reach = new TorsoReach(input.page, torso);
        const radii = truth.reach.map((row, r) =>
            row.map((_, c) => reach.towards(hair.points.values, 3 * (9 * r * input.page.size + 9 * c))),
        );
        expect(Worst(radii.flat(), truth.reach.flat())).toBeLessThan(1e-5);
    });

    it("makes the training side's map", () => {
        const channels = (from: number, count: number): Float32Array =>
            filled.map
                .subarray(from * texels(), (from + count) * texels())
                .filter((_, i) => (i % texels()) % truth.every === 0);
        expect(Worst(channels(0, 3), truth.places)).toBeLessThan(1e-4);
        const opacity = channels(3, 1).map((logit) => 1 / (1 + Math.exp(-logit)));
        expect(Worst(opacity, truth.opacity)).toBeLessThan(4e-3);
        expect(Psnr(Array.from(channels(4, 3)), truth.color)).toBeGreaterThan(55);
        expect(Worst(channels(7, 3), truth.sigma)).toBeLessThan(0.02);
        expect(Worst(channels(10, 4), truth.rotation)).toBeLessThan(0.01);
        expect(filled.count).toBe(truth.count);
        expect(run({ hair: false, photos: input.photos.slice(0, 1) }).count).toBe(truth.bustCount);
    });

    const colorsOf = (given: readonly IBustPhoto[]): number[] =>
        Array.from(run({ photos: given }).map.subarray(4 * texels(), 7 * texels())).filter(
            (_, i) => (i % texels()) % truth.every === 0,
        );

    it("makes the far side of a turned head look as the training side does", () => {
        expect(Psnr(colorsOf(input.photos.slice(1)), truth.turned)).toBeGreaterThan(55);
    });

    it("takes the color of clothes from what may be some where none are sure, as the training side does", () => {
        expect(Psnr(colorsOf([truth.scarce.photo]), truth.scarce.color)).toBeGreaterThan(55);
    });

    it("gives the head the training side's colors where no photo shows it, and under a collar", () => {
        const some = (values: ArrayLike<number>): number[] =>
            Array.from(values).filter((_, i) => i % truth.every === 0);
        const { page, head } = input;
        const neckOf = (photo: Photo): INeckColor | null =>
            Finish(NeckColor(page, head, photo, DepthPicture(head, photo)));
        expect(Worst(some(filled.headColor), truth.headColor)).toBeLessThan(0.02);
        const [open, standing] = truth.collars.map(({ photo, color }) => {
            const cleaned = Finish(CleanPhoto(photo, photo.classes!));
            const neck = neckOf(cleaned);
            const sides = { photos: [cleaned], depths: [DepthPicture(head, cleaned)], covers: null };
            const dressed = neck ? { ...head, color: neck.color } : head;
            const found = Finish(SideColor(dressed, sides, neck?.collar ?? null, input.page.dome));
            expect(Worst(some(found), color)).toBeLessThan(0.02);
            return neck;
        });
        const depths = photos.map((photo) => DepthPicture(head, photo));
        const short = Finish(SideColor(head, { photos, depths, covers: null }, null, page.dome));
        expect(Worst(some(short), truth.short)).toBeLessThan(0.02);
        // only one that stands is kept
        expect(open).toBeNull();
        expect(Worst(standing!.color, head.color)).toBeGreaterThan(0.1);
        expect(Math.max(...standing!.collar)).toBe(1);
        expect(neckOf(photos[0])).toBeNull();
    });

    it("leaves the colors of the face's middle, of the scalp under other hair, and changes skin behind", () => {
        const { head, page } = input;
        const depth = DepthPicture(head, photos[0]);
        const cover = new Float64Array(depth.length).fill(Infinity);
        const sides = { photos: [photos[0]], depths: [depth], covers: [cover] };
        const found = Finish(SideColor(head, sides, null, page.dome));
        const changes = Array.from(head.scalp.keys(), (g) =>
            Worst(found.subarray(3 * g, 3 * g + 3), head.color.subarray(3 * g, 3 * g + 3)),
        );
        const front = changes.filter((_, g) => {
            const [x, y] = [head.means[3 * g], head.means[3 * g + 1]];
            return Math.hypot(x, y) < 0.025 && head.normals[3 * g + 2] > 0.8;
        });
        expect(front.length).toBeGreaterThan(20);
        expect(Median(front)).toBeLessThan(1e-3);
        expect(changes.every((change, g) => head.scalp[g] === 0 || change === 0)).toBeTrue();
        const behind = changes.filter((_, g) => head.scalp[g] === 0 && head.normals[3 * g + 2] < -0.5);
        expect(behind.length).toBeGreaterThan(20);
        expect(Median(behind)).toBeGreaterThan(0.05);
    });

    it("finds where a photo from behind was taken from, and takes colors and length from it", () => {
        const { back } = truth;
        let seen!: Photo;
        const found = Finish(
            FillPage({ ...input, back: back.photo }, { onHair: () => undefined, onBack: (photo) => (seen = photo) }),
        );
        expect(found.back!.isUsed).toBe(true);
        expect(Math.abs(found.back!.overlap - back.overlap)).toBeLessThan(1e-3);
        const { crop, rotation, translation } = seen.source;
        // the outlines agree alike on some steps of the search: a rounding decides which of them is taken
        expect(Worst([crop.centerX, crop.centerY, crop.sidePx], back.crop)).toBeLessThan(0.3);
        expect(Worst(rotation, back.R)).toBeLessThan(1e-6);
        expect(Worst(translation, back.t)).toBeLessThan(1e-6);
        const means = [0, 1, 2].map(
            (k) => seen.classes.reduce((sum, value, i) => sum + (i % 3 === k ? value : 0), 0) / seen.matte.length,
        );
        expect(Worst(means, back.classes)).toBeLessThan(3e-3);
        expect(Math.abs(HairEnds(seen)! - back.ends)).toBeLessThan(0.004 + 1e-6); // a step
        const kept = Array.from({ length: Math.ceil(texels() / truth.every) }, (_, i) => i * truth.every);
        const channel = (k: number): number[] => kept.map((i) => found.map[k * texels() + i]);
        const opacity = channel(3).map((logit) => 1 / (1 + Math.exp(-logit)));
        expect(opacity.filter((value, i) => Math.abs(value - back.opacity[i]) > 0.03).length).toBeLessThan(5);
        expect(Psnr([4, 5, 6].flatMap(channel), back.color)).toBeGreaterThan(50);
        expect(Math.abs(found.count - back.count)).toBeLessThan(5);
    });

    it("does not use a photo from behind whose outline is another", () => {
        const { photo } = truth.back;
        const matte = photo.matte.map((_, i) => (Math.floor(i / photo.width) % 40 < 12 ? 255 : 0));
        const found = run({ back: { ...photo, matte } });
        expect(found.back!.isUsed).toBe(false);
        expect(found.back!.overlap).toBeLessThan(0.75);
        expect(found.map).toEqual(filled.map);
    });

    it("leaves out what is not wanted", () => {
        const { hair: outer, bust, hairInner } = input.page;
        const bare = run({ hair: false });
        expect([outer, hairInner].every((band) => logits(bare.map, band).every((logit) => logit === Off))).toBe(true);
        expect(logits(bare.map, bust)).toEqual(logits(filled.map, bust));
        const alone = run({ bust: false });
        expect(logits(alone.map, bust).every((logit) => logit === Off)).toBe(true);
        expect(logits(alone.map, outer)).toEqual(logits(filled.map, outer));
        expect(run({ hair: false, bust: false }).count).toBe(0);
    });

    it("gives a person without hair in the photo no hair", () => {
        const bald = input.photos.map((photo) => ({
            ...photo,
            classes: photo.classes!.map((value, i) => (i % 3 === 0 ? 0 : value)),
        }));
        const shorn = bald.map((photo) => ({
            ...photo,
            matte: photo.matte.map((value, i) => (Hairy(photo, input, i) ? 0 : value)),
        }));
        const { map } = run({ photos: shorn });
        expect(logits(map, input.page.hair).every((logit) => logit === Off)).toBe(true);
        expect(logits(map, input.page.bust).some((logit) => logit > 0)).toBe(true);
    });

    it("believes nothing where a photo shows nothing", () => {
        const cut = input.photos.slice(0, 1).map((photo) => ({
            ...photo,
            // the lower part of the picture is not of the photo, whatever colors it has
            pixels: photo.pixels.map((value, i) =>
                i >= 4 * 70 * photo.width ? (i % 4 === 3 ? 0 : i % 4 === 1 ? 255 : 0) : value,
            ),
        }));
        const { map } = run({ photos: cut });
        const { first, rows } = input.page.bust;
        const greens: number[] = [];
        for (let i = first * input.page.size; i < (first + rows) * input.page.size; i++) {
            greens.push(map[5 * texels() + i] - map[4 * texels() + i] - 0.5);
        }
        expect(Math.max(...greens)).toBeLessThan(0);
        expect(map.every(Number.isFinite)).toBe(true);
    });

    it("works in many steps that tell a rising share", () => {
        const shares: number[] = [];
        const work = FillPage(input);
        for (let step = work.next(); !step.done; step = work.next()) {
            shares.push(step.value as number);
        }
        expect(shares.length).toBeGreaterThan(15);
        expect(shares.every((share, i) => share >= (shares[i - 1] ?? 0) && share <= 1)).toBe(true);
    });

    it("takes crops that are wider than the camera's, shrunk, and class maps of any size", () => {
        const size = 1600;
        const pixels = new Uint8ClampedArray(4 * size * size).fill(255);
        pixels.fill(0, 4 * size * (size / 2)); // the lower half is not of the photo
        const detail = { size, pixels, matte: new Uint8ClampedArray(size * size).fill(128) };
        const camera = {
            rotation: Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1),
            translation: Float64Array.of(0, 0, -1),
            focal: 2,
        };
        const maps = [0.2, 0.4, 0.6].map((value) => new Float32Array(16).fill(value)) as [
            Float32Array,
            Float32Array,
            Float32Array,
        ];
        const photo = Finish(PhotoOfCrop(detail, camera, 2, { size: 4, maps }));
        expect([photo.width, photo.height, photo.crop.sidePx]).toEqual([1280, 1280, 640]);
        // a quarter of a meter beside the axis is the edge of the camera's crop
        expect(Worst(Project(photo, [0.25, 0, 0, 0, -0.25, 0]).px, [960, 640, 640, 960])).toBeLessThan(1e-9);
        expect([photo.pixels[4 * 1280 * 639 + 3], photo.pixels[4 * 1280 * 640 + 3]]).toEqual([255, 0]);
        expect(photo.matte[5000]).toBe(128);
        expect(Array.from(photo.classes!.subarray(0, 3))).toEqual([51, 102, 153]);
        expect(Finish(PhotoOfCrop(detail, camera, 4, null)).width).toBe(size);
    });

    it("guesses classes that share out the matte and find the drawn parts", () => {
        const photo = input.photos[0];
        // the head's own colors, as after refinement
        const { means, scalp } = input.head;
        const color = means.map(
            (_, i) => (scalp[Math.floor(i / 3)] === 1 ? [0.25, 0.1, 0.02] : [0.6, 0.4, 0.3])[i % 3],
        );
        const guessed = Finish(GuessClasses({ ...photo, classes: null }, { ...input.head, color }));
        const overlaps = [0, 1, 2].map((k) => {
            let [both, either] = [0, 0];
            for (let i = 0; i < photo.matte.length; i++) {
                const [is, was] = [guessed[3 * i + k] > 127, photo.classes![3 * i + k] > 127];
                both += Number(is && was);
                either += Number(is || was);
            }
            return both / either;
        });
        expect(overlaps[0]).withContext("hair").toBeGreaterThan(0.85);
        expect(overlaps[1]).withContext("skin").toBeGreaterThan(0.85);
        expect(overlaps[2]).withContext("clothes").toBeGreaterThan(0.9);
        for (let i = 0; i < photo.matte.length; i++) {
            expect(
                Math.abs(guessed[3 * i] + guessed[3 * i + 1] + guessed[3 * i + 2] - photo.matte[i]),
            ).toBeLessThanOrEqual(2);
        }
        expect(run({ photos: [{ ...photo, classes: null }] }).count).toBeGreaterThan(1000);
    });
});

/** Whether a pixel was drawn as hair. */
function Hairy(photo: { width: number }, { photos }: IBustInput, i: number): boolean {
    const original = photos.find(({ width, classes }) => width === photo.width && classes)!;
    return original.classes![3 * i] > 0;
}
