// Refinement: the same numbers as the training side, and what must be true of any.
import { Atlas, PushPull, type Plane } from "../../../../src/runtime/refine/atlas";
import { ContourOf, DepthInside, EyeOpening, RightEyeContour } from "../../../../src/runtime/refine/contours";
import { PixelWeight } from "../../../../src/runtime/refine/pixelWeight";
import { RefineColors } from "../../../../src/runtime/refine/refineColors";
import { RefineConstants, type IRefineInput, type IRefineView } from "../../../../src/runtime/refine/refineInput";
import type { SeenView } from "../../../../src/runtime/refine/seenView";
import { Finish } from "../../../../src/runtime/slices";
import { SolveColors } from "../../../../src/runtime/refine/solveColors";
import { BuildSplatWeights } from "../../../../src/runtime/refine/splatWeights";
import { Spread } from "../../../../src/runtime/refine/spread";
import { Psnr, Random } from "../../../support/gpu";
import { RefineFixtureAsync, type IRefineTruth } from "../../../support/refineFixture";
import type { Weigher } from "../../../../src/runtime/refine/weigher";
import { Draw, RandomScene, TransposeAsync } from "../../../support/splatScenes";

const Refine = (input: IRefineInput): Float32Array => Finish(RefineColors(input)).detail;

/** Largest difference. */
function Worst(a: ArrayLike<number>, b: ArrayLike<number>): number {
    return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);
}

describe("weights of a picture", () => {
    it("draw what the reference rasteriser draws, in pictures that are no multiple of a tile", () => {
        for (const size of [16, 47, 65]) {
            const { ellipses, colors, reference } = RandomScene(size, 400, size);
            const picture = Draw(Finish(BuildSplatWeights(ellipses, size)), colors);
            expect(Psnr(Array.from(picture), Array.from(reference)))
                .withContext(`${size} pixels`)
                .toBeGreaterThan(60);
        }
    });

    it("go back by their transpose: a change of a color changes the picture by what its Gaussian receives", async () => {
        const [size, count] = [33, 120];
        const { ellipses, colors } = RandomScene(3, count, size);
        const weights = Finish(BuildSplatWeights(ellipses, size));
        const random = Random(4);
        const pull = Float32Array.from({ length: 3 * size * size }, () => random() - 0.5);
        const received = await TransposeAsync(weights, pull, count);
        const pulled = (values: Float32Array): number =>
            Draw(weights, values).reduce(
                (sum, value, i) => sum + (i % 4 < 3 ? value * pull[3 * (i >> 2) + (i & 3)] : 0),
                0,
            );
        for (let i = 0; i < colors.length; i += 7) {
            const [more, less] = [colors.slice(), colors.slice()];
            more[i] += 0.5;
            less[i] -= 0.5;
            expect(Math.abs(pulled(more) - pulled(less) - received[i])).toBeLessThan(2e-4);
        }
        expect(received.some((value) => Math.abs(value) > 0.1)).toBe(true);
    });

    it("sum to the coverage, which is at most one", () => {
        const { ellipses } = RandomScene(9, 300, 40);
        const picture = Draw(Finish(BuildSplatWeights(ellipses, 40)), new Float32Array(900).fill(1));
        let covered = 0;
        for (let at = 0; at < picture.length; at += 4) {
            expect(Math.abs(picture[at] - picture[at + 3])).toBeLessThan(1e-5);
            expect(picture[at + 3]).toBeLessThan(1.001);
            covered += picture[at + 3] > 0.9 ? 1 : 0;
        }
        expect(covered).toBeGreaterThan(100);
    });
});

describe("what a photo knows", () => {
    it("is believed a few pixels inside of person and photo", () => {
        const size = 20;
        const at = (x: number, y: number): number => y * size + x;
        const view = {
            size,
            pixels: new Uint8ClampedArray(4 * size * size).map((_, i) =>
                i % 4 === 3 && (i >> 2) % size >= 18 ? 0 : 255,
            ),
            matte: new Uint8ClampedArray(size * size).map((_, i) => (i < 5 * size ? 0 : 255)),
        } as unknown as IRefineView;
        const weight = Finish(PixelWeight(view, 0.1));
        expect(weight[at(10, 7)]).toBe(255); // two pixels below the matte's edge
        expect(weight[at(10, 6)]).toBe(0);
        expect(weight[at(15, 10)]).toBe(255);
        expect(weight[at(16, 10)]).toBe(0);
        expect(weight[at(1, 10)]).toBe(0); // beyond the crop nothing is known
        expect(weight[at(2, 10)]).toBe(255);
    });

    it("tells inside from outside of a contour, and how deep", () => {
        const landmarks = new Float32Array(956);
        RightEyeContour.forEach((index, i) => {
            const angle = Math.PI + (2 * Math.PI * i) / 16; // from one corner over the top to the other and back
            landmarks.set([0.5 + 0.2 * Math.cos(angle), 0.5 + 0.05 * Math.sin(angle)], 2 * index);
        });
        const eye = ContourOf(landmarks, RightEyeContour);
        expect(DepthInside(eye, 0.5, 0.5)).toBeCloseTo(0.05, 2);
        expect(DepthInside(eye, 0.5, 0.46)).toBeCloseTo(0.01, 2);
        expect(DepthInside(eye, 0.5, 0.44)).toBe(0);
        expect(DepthInside(eye, 0.68, 0.54)).toBe(0); // in the box, not in the eye
        expect(DepthInside(eye, 0.32, 0.54)).toBe(0);
        expect(EyeOpening(eye)).toBeCloseTo(0.24, 1);
    });
});

describe("filling of maps", () => {
    it("keeps what is known and fades what is far from it", () => {
        const size = 16;
        const weight = new Float32Array(size * size);
        weight.fill(1, 0, 4 * size);
        const filled = PushPull(new Float32Array(size * size).fill(1), weight, size, 0.85);
        expect(filled[5]).toBe(1);
        expect(filled[3 * size + 5]).toBe(1);
        const column = Array.from({ length: size }, (_, row) => filled[row * size + 5]);
        expect(column.every((value, row) => row === 0 || value <= column[row - 1] + 1e-6)).toBe(true);
        expect(column[15]).toBeLessThan(0.8);
        expect(column[5]).toBeGreaterThan(0.5);
    });

    it("takes means that count what lies outside as nothing", async () => {
        const { input } = await RefineFixtureAsync();
        const atlas = new Atlas(input.table, input.settings);
        const ones = new Float32Array(atlas.size ** 2).fill(1);
        const box = atlas.box(ones, 8); // two texels either way at 64
        const inside = 10 * atlas.size + 10;
        expect(box[inside]).toBeCloseTo(1, 5);
        expect(box[0]).toBeCloseTo(9 / 25, 5);
        expect(atlas.mirrored(inside)).toBe(10 * atlas.size + atlas.size - 11);
    });
});

describe("spreading of a refinement", () => {
    let input: IRefineInput;
    let atlas: Atlas;
    const planes = (fill: (texel: number) => number): Plane[] =>
        [0, 1, 2].map(() => new Float32Array(atlas.size ** 2).map((_, texel) => fill(texel)));

    beforeAll(async () => {
        ({ input } = await RefineFixtureAsync());
        atlas = new Atlas(input.table, input.settings);
    });

    it("gives what open eyes hide in a fold the color of lit skin, not that of lashes and brows", () => {
        const fold = Array.from(atlas.folded.keys()).filter((texel) => atlas.folded[texel] > 0.2);
        expect(fold.length).toBeGreaterThan(10);
        // At this size a fold is finer than a texel; as at 256, it fills some here.
        atlas = Object.assign(new Atlas(input.table, input.settings), {
            folded: atlas.folded.map((value) => (value > 0 ? 1 : 0)),
        });
        const open = Array.from(atlas.outer.keys()).filter(
            (texel) => atlas.outer[texel] === 1 && atlas.folded[texel] === 0,
        );
        // Dark lashes, and the bright wet edge of an eye.
        for (const seen of [-0.4, 0.3]) {
            const change = planes((texel) => (atlas.folded[texel] > 0 ? seen : 0));
            const kept = Spread(
                atlas,
                { given: planes(() => 0.5), change, trust: atlas.outer.slice() },
                input.settings,
            );
            fold.forEach((texel) => expect(kept[1][texel]).toBeCloseTo(0, 2));
            open.forEach((texel) => expect(kept[1][texel]).toBeCloseTo(0, 4));
        }
    });

    it("gives a row of teeth the tone of those that a photo shows, if it shows enough", () => {
        const teeth = Array.from(atlas.toMap(atlas.regions("teethUpper", "teethLower")).entries()).filter(
            ([, is]) => is === 1,
        );
        const spread = (shown: number): number => {
            const seen = new Set(teeth.slice(0, shown).map(([texel]) => texel));
            const trust = new Float32Array(atlas.size ** 2).map((_, texel) => (seen.has(texel) ? 1 : 0));
            const change = planes((texel) => (seen.has(texel) ? 0.3 : -0.2));
            return Spread(atlas, { given: planes(() => 0.4), change, trust }, input.settings)[2][
                teeth[teeth.length - 1][0]
            ];
        };
        expect(spread(40)).toBeCloseTo(0.3, 5);
        expect(spread(10)).toBe(0);
    });

    it("moves a color by the part of a step that it is free to take", () => {
        const given = new Float32Array(3 * input.table.gaussianCount).fill(0.5);
        const solve = (view: SeenView, free: number): Float32Array =>
            Finish(
                SolveColors([view], given, new Float32Array(input.table.gaussianCount).fill(free), 1, input.settings),
            );
        let solved: Float32Array[] = [];
        const onTrust = (view: SeenView): void => {
            solved = [0, 0.25, 1].map((free) => solve(view, free));
        };
        Finish(RefineColors({ ...input, views: input.views.slice(0, 1) }, { onTrust }));
        const [none, some, all] = solved;
        expect(none).toEqual(given);
        expect(Worst(all, given)).toBeGreaterThan(0.1);
        some.forEach((value, i) => {
            if (all[i] > 0 && all[i] < 1) {
                expect(value - 0.5).toBeCloseTo(0.25 * (all[i] - 0.5), 4);
            }
        });
    });
});

describe("refinement", () => {
    let input: IRefineInput;
    let truth: IRefineTruth;
    const one = (): IRefineInput => ({ ...input, views: input.views.slice(0, 1) });

    beforeAll(async () => {
        ({ input, truth } = await RefineFixtureAsync());
    });

    it("has the training side's constants", () => {
        expect({ ...input.settings, rounds: RefineConstants.rounds } as unknown).toEqual({ ...RefineConstants });
    });

    it("does what the training side does, step by step", () => {
        const { gaussianCount, mapSize } = input.table;
        const planar = (colors: Float32Array): number[] =>
            Array.from(
                { length: 3 * gaussianCount },
                (_, i) => colors[3 * (i % gaussianCount) + Math.floor(i / gaussianCount)],
            );
        const decibels: Record<string, number> = {};
        const compare = (name: string, found: ArrayLike<number>, wanted: number[], peak = 1): void => {
            expect(found.length).withContext(name).toBe(wanted.length);
            const scaled = (values: ArrayLike<number>): number[] => Array.from(values, (value) => value / peak);
            decibels[name] = Psnr(scaled(found), scaled(wanted));
        };
        const rounds: number[][] = [];
        const { detail } = Finish(
            RefineColors(input, {
                onSeen: ({ seen, trust }, index) => {
                    compare(`seen ${index}`, seen, truth.photos[index].seen, Math.max(...truth.photos[index].seen));
                    compare(`trust ${index}`, trust, truth.photos[index].trust);
                },
                onTrust: ({ gain }, index) =>
                    gain.forEach((value, channel) => expect(value).toBeCloseTo(truth.photos[index].gain[channel], 2)),
                onRound: (colors) => rounds.push(planar(colors)),
            }),
        );
        compare("first round", rounds[0], truth.firstRound);
        compare("last round", rounds[rounds.length - 1], truth.lastRound);
        const colors = Array.from(detail, (value, i) =>
            Math.min(1, Math.max(0, input.staticMap[4 * mapSize ** 2 + i] + value)),
        );
        compare("color", colors, truth.color);
        console.log(
            Object.entries(decibels)
                .map(([name, value]) => `${name} ${value.toFixed(1)} dB`)
                .join(", "),
        );
        for (const [name, value] of Object.entries(decibels)) {
            expect(value).withContext(name).toBeGreaterThan(45);
        }
        expect(
            Psnr(
                Array.from(detail),
                Array.from(detail, () => 0),
            ),
        )
            .withContext("no change at all")
            .toBeLessThan(35);
    });

    it("gives the same bytes again", () => {
        expect(Refine(input)).toEqual(Refine(input));
    });

    it("lets maps and skin weights go before the first w takes memory, where it may", () => {
        const whenWeighed: string[][] = [];
        const run = (takesInput: boolean, given: IRefineInput): Float32Array => {
            const weigh: Weigher = (ellipses, size) => {
                const left = given.views.filter((view) => view !== undefined).length;
                whenWeighed.push([...Object.keys(given), ...(given.table.weights ? ["weights"] : []), `${left} views`]);
                return BuildSplatWeights(ellipses, size);
            };
            return Finish(RefineColors(given, {}, { weigh, takesInput })).detail;
        };
        const kept = run(false, input);
        const taken = run(true, { ...input, table: { ...input.table }, views: [...input.views] });
        expect(taken).toEqual(kept);
        expect(whenWeighed.slice(0, 2)).toEqual(
            Array(2).fill(["table", "staticMap", "views", "settings", "weights", "2 views"]),
        );
        expect(whenWeighed.slice(2)).toEqual(Array(2).fill(["table", "views", "settings", "0 views"]));
    });

    it("comes nearer to the photo with each round", () => {
        const errors: number[] = [];
        const view = input.views[0];
        let seen: SeenView;
        Finish(
            RefineColors(
                { ...one(), settings: { ...input.settings, rounds: 6 } },
                {
                    onSeen: (made) => (seen = made),
                    onRound: (colors) => {
                        const pull = new Float32Array(colors.length);
                        let sum = 0;
                        const square = (drawn: number, coverage: number, photo: number): number => {
                            sum += (coverage * photo - drawn) ** 2;
                            return 0;
                        };
                        Finish(seen.compare(colors, square, pull));
                        errors.push(sum);
                    },
                },
            ),
        );
        expect(view.size).toBe(48);
        expect(errors.length).toBe(6);
        errors.forEach((error, round) => round > 0 && expect(error).toBeLessThan(errors[round - 1]));
        expect(errors[5]).toBeLessThan(0.7 * errors[0]);
    });

    it("does not depend on the order of the photos, and a photo twice is as good as once", () => {
        expect(Worst(Refine(input), Refine({ ...input, views: [...input.views].reverse() }))).toBeLessThan(1e-3);
        expect(Worst(Refine(one()), Refine({ ...input, views: [input.views[0], input.views[0]] }))).toBeLessThan(2e-3);
        expect(Worst(Refine(one()), Refine(input))).toBeGreaterThan(0.05);
    });

    it("reads no pixel outside of photo and person", () => {
        const weight = Finish(PixelWeight(input.views[0], input.settings.erosion));
        const pixels = input.views[0].pixels.map((value, i) =>
            weight[i >> 2] > 0 || i % 4 === 3 ? value : 255 - value,
        );
        expect(pixels).not.toEqual(input.views[0].pixels);
        expect(Refine({ ...input, views: [{ ...input.views[0], pixels }] })).toEqual(Refine(one()));
    });

    it("leaves what is the driver's, and texels without a Gaussian", () => {
        const detail = Refine(input);
        const atlas = new Atlas(input.table, input.settings);
        const texels = atlas.size ** 2;
        const isGaussian = atlas.toMap(new Float32Array(input.table.gaussianCount).fill(1));
        let kept = 0;
        for (let texel = 0; texel < texels; texel++) {
            if (atlas.detached[texel] === 1 || isGaussian[texel] === 0) {
                kept++;
                expect([0, 1, 2].every((channel) => detail[channel * texels + texel] === 0)).toBe(true);
            }
        }
        expect(kept).toBeGreaterThan(50);
        expect(detail.filter((value) => value !== 0).length).toBeGreaterThan(texels);
    });

    it("keeps colors between 0 and 1", () => {
        const striped = (view: IRefineView): Uint8ClampedArray =>
            view.pixels.map((value, i) => (i % 4 === 3 ? value : (i >> 2) % 5 < 2 ? 0 : 255));
        const detail = Refine({ ...input, views: input.views.map((view) => ({ ...view, pixels: striped(view) })) });
        const first = 4 * input.table.mapSize ** 2;
        const colors = Array.from(detail, (value, i) => (value === 0 ? 0.5 : input.staticMap[first + i] + value));
        expect(Math.min(...colors)).toBeGreaterThan(-1e-6);
        expect(Math.max(...colors)).toBeLessThan(1 + 1e-6);
    });

    it("solves for nothing where photo and avatar agree", () => {
        const { mapSize, texel, gaussianCount } = input.table;
        const given = new Float32Array(3 * gaussianCount).map(
            (_, i) => input.staticMap[(4 + (i % 3)) * mapSize ** 2 + texel[Math.floor(i / 3)]],
        );
        // The photo is what the avatar looks like, over black; a crop shows it divided by its coverage.
        let shown = new Float32Array() as Float32Array;
        const draw = ({ weights, change }: SeenView): void => {
            const colors = given.map((value, i) => Math.min(1, Math.max(0, value + change[i])));
            shown = Draw(weights, colors);
        };
        Finish(RefineColors(one(), { onSeen: draw }));
        const pixels = input.views[0].pixels.map((value, i) =>
            i % 4 === 3 ? value : (255 * shown[i]) / Math.max(shown[i | 3], 1e-3),
        );
        const solved = (views: readonly IRefineView[]): number => {
            let last = given;
            Finish(RefineColors({ ...input, views }, { onRound: (colors) => (last = colors.slice()) }));
            return Math.sqrt(last.reduce((sum, value, i) => sum + (value - given[i]) ** 2, 0) / given.length);
        };
        expect(solved([{ ...input.views[0], pixels }])).toBeLessThan(0.05 * solved(input.views.slice(0, 1)));
    });
});
