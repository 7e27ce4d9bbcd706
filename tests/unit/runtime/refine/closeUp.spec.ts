// Detail for close-ups without a GPU: frames of the atlas, the solver, photos at fewer pixels, the file's layer.
import { AtlasFrames } from "../../../../src/flame/atlasFrames";
import { CloseUpLevels, FootprintOf, MipLevels, ShadeReach, ShadeSteps } from "../../../../src/runtime/closeUp";
import { PackShades, UnpackShades } from "../../../../src/runtime/format/closeUpLayer";
import { DetailedSplats, RasterizeCloseUp, ReadShade } from "../../../../src/runtime/reference/closeUp";
import { PoseVerticesReference } from "../../../../src/runtime/reference/poseVertices";
import { RefineColors } from "../../../../src/runtime/refine/refineColors";
import { RefineConstants, type IRefineInput, type IRefineView } from "../../../../src/runtime/refine/refineInput";
import { ShrinkView } from "../../../../src/runtime/refine/shrinkView";
import { Finish } from "../../../../src/runtime/slices";
import { CreateExpressionPose } from "../../../../src/flame/expression";
import { VertexNormals } from "../../../../src/flame/normals";
import { Random } from "../../../support/gpu";
import { SyntheticTables } from "../../../support/syntheticHead";

const MapSize = 32;
const Edge = 4 * MapSize;

describe("close-up frames of the atlas", () => {
    it("lead from one texel of the map to the next on the skin", () => {
        const { model, table } = SyntheticTables(Random(3), 96);
        const frames = AtlasFrames(model, table, ["face"]);
        const at = (g: number, k: number): number =>
            [0, 1, 2].reduce(
                (sum, c) => sum + table.bary[3 * g + c] * model.template[3 * table.corners[3 * g + c] + k],
                0,
            );
        let compared = 0;
        for (let g = 0; g < table.gaussianCount; g++) {
            for (const [axis, step] of [1, 96].entries()) {
                const next = table.gaussianOfTexel[table.texel[g] + step] ?? -1;
                if (next < 0 || table.face[next] !== table.face[g]) {
                    continue;
                }
                const corner = (c: number, k: number): number => model.template[3 * table.corners[3 * g + c] + k];
                for (let k = 0; k < 3; k++) {
                    const [e1, e2] = [corner(1, k) - corner(0, k), corner(2, k) - corner(0, k)];
                    const moved = frames[4 * g + axis] * e1 + frames[4 * g + 2 + axis] * e2;
                    const isFace = ((table.flags[g] >> 8) & 255) === 0;
                    expect(Math.abs(moved / 96 - (isFace ? at(next, k) - at(g, k) : 0))).toBeLessThan(1e-6);
                }
                compared++;
            }
        }
        expect(compared).toBeGreaterThan(1000);
    });
});

describe("close-up footprints", () => {
    it("is the inverse of how the screen moves, at the level where a texel is a pixel, and nothing edge-on", () => {
        const turned = FootprintOf(30, -40, 40, 30, 200);
        expect(turned.level).toBeCloseTo(2, 10); // 50 px an atlas of 200 texels
        expect(turned.strength).toBe(1);
        const [a, b, c, d] = turned.placeFromPx;
        expect(
            [30 * a - 40 * c, 30 * b - 40 * d, 40 * a + 30 * c, 40 * b + 30 * d].map((x) => Math.round(1e9 * x) / 1e9),
        ).toEqual([1, 0, 0, 1]);
        expect(FootprintOf(100, 0, 0, 100, 100).level).toBe(0);
        // the shorter axis counts: nothing flickers there
        expect(FootprintOf(100, 0, 0, 50, 200).level).toBeCloseTo(2, 10);
        expect(FootprintOf(1, 0, 0, 1, 1000).level).toBe(CloseUpLevels - 1);
        expect(FootprintOf(100, 0, 0, 28.5714, 100).strength).toBeCloseTo(0.5, 3);
        for (const [x, y] of [
            [100, 20],
            [0, 0],
            [NaN, 1],
        ]) {
            expect(FootprintOf(x, 0, 0, y, 100).strength).toBe(0);
        }
    });

    it("fades to the mean: coarser levels are means, and checks of a texel are nothing from the first on", () => {
        const shades = new Int8Array(16 * 16).map((_, i) => ((i + (i >> 4)) % 2 === 0 ? 100 : -100));
        const levels = MipLevels({ edge: 16, shades });
        expect(levels.map(({ length }) => length)).toEqual([256, 64, 16, 4]);
        expect(levels[1].every((value) => value === 0)).toBe(true);
        const center = (5 + 0.5) / 16;
        expect(ReadShade(levels, 16, center, center, 0)).toBeCloseTo((100 * ShadeReach) / ShadeSteps, 9);
        expect(ReadShade(levels, 16, center, center, 0.25)).toBeCloseTo((75 * ShadeReach) / ShadeSteps, 9);
    });
});

/** A person of even grey before a camera of its own, photographed with detail that Gaussians cannot show. */
function Sitting(): { input: IRefineInput; truth: Int8Array<ArrayBuffer>; face: Uint8Array } {
    const { model, table } = SyntheticTables(Random(8), MapSize);
    const texels = MapSize ** 2;
    const staticMap = new Float32Array(14 * texels);
    staticMap.fill(5, 3 * texels, 4 * texels);
    staticMap.fill(0.5, 4 * texels, 7 * texels);
    staticMap.fill(Math.log(0.004), 7 * texels, 9 * texels);
    staticMap.fill(Math.log(0.001), 9 * texels, 10 * texels);
    staticMap.fill(1, 13 * texels, 14 * texels);
    const { expressed, jointMatrices } = PoseVerticesReference(model, CreateExpressionPose(model));
    const frames = AtlasFrames(model, table, ["face"]);
    const size = 192;
    // Waves two and a half Gaussians long or less.
    const truth = new Int8Array(Edge * Edge).map((_, i) =>
        Math.round(90 * Math.sin(0.9 * (i % Edge)) * Math.sin(0.8 * Math.floor(i / Edge))),
    );
    const view = {
        worldFromPosed: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
        viewFromWorld: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, -0.5, 1],
        clipFromView: [4, 0, 0, 0, 0, 4, 0, 0, 0, 0, -1, -1, 0, 0, -0.05, 0],
        viewportWidthPx: size,
        viewportHeightPx: size,
        rightHanded: true,
    };
    const splats = DetailedSplats({ table, expressed, jointMatrices, staticMap, deltas: [] }, frames, Edge, view)
        .filter(({ visible }) => visible)
        .sort((a, b) => b.viewDepth - a.viewDepth);
    const image = RasterizeCloseUp(splats, { edge: Edge, shades: truth }, 1, size, size);
    const pixels = new Uint8ClampedArray(4 * size * size).map((_, i) => (i % 4 === 3 ? 255 : 255 * image[i]));
    const matte = new Uint8ClampedArray(size * size).map((_, i) => 255 * image[4 * i + 3]);
    const photo: IRefineView = {
        size,
        pixels,
        matte,
        rotation: [1, 0, 0, 0, 1, 0, 0, 0, 1],
        translation: [0, 0, -0.5],
        focal: 2,
        landmarks: new Float32Array(956).fill(-1),
        expressed,
        posed: expressed,
        jointMatrices,
        deltaMap: null,
    };
    const { texel, gaussianCount, corners, bary, weights, flags } = table;
    const { regions, template } = model;
    const normals = VertexNormals(model, template);
    const face = new Uint8Array(texels);
    texel.forEach((t, g) => (face[t] = ((flags[g] >> 8) & 255) === 0 ? 1 : 0));
    const closeUp = { frames, edge: Edge, colorPx: 96, leastPx: size };
    return {
        input: {
            table: {
                mapSize: MapSize,
                texel,
                gaussianCount,
                corners,
                bary,
                weights,
                flags,
                regions,
                template,
                normals,
                shut: template,
            },
            staticMap,
            views: [photo],
            settings: RefineConstants,
            closeUp,
        },
        truth,
        face,
    };
}

describe("close-up detail from photos", () => {
    it("finds what a photo shows of it, in the middle of what it shows", () => {
        const { input, truth, face } = Sitting();
        const { closeUp } = Finish(RefineColors(input));
        expect(closeUp!.edge).toBe(Edge);
        let [both, own, wanted, inside] = [0, 0, 0, 0];
        closeUp!.shades.forEach((value, i) => {
            const [column, row] = [i % Edge, Math.floor(i / Edge)];
            const isFace = face[Math.floor(row / 4) * MapSize + Math.floor(column / 4)] === 1;
            if (!isFace) {
                // A texel beside the face is read by the face's Gaussians.
                return;
            }
            const isMiddle = Math.abs(row - Edge / 2) < 0.2 * Edge && Math.abs(column - 0.4 * Edge) < 0.12 * Edge;
            if (isMiddle) {
                both += value * truth[i];
                own += value * value;
                wanted += truth[i] * truth[i];
                inside++;
            }
        });
        const correlation = both / Math.sqrt(own * wanted);
        console.log(
            `solved detail: correlation ${correlation.toFixed(3)}, height ${Math.sqrt(own / wanted).toFixed(2)} of ${inside} texels`,
        );
        expect(correlation).toBeGreaterThan(0.85);
        // measured 0.48: these waves are as short as a Gaussian is wide
        expect(Math.sqrt(own / wanted)).toBeGreaterThan(0.4);
        expect(Math.sqrt(own / wanted)).toBeLessThan(1.4);
    });

    it("gives the same bytes again, and nothing from photos that are too small", () => {
        const { input } = Sitting();
        const [first, second] = [0, 1].map(() => Finish(RefineColors(input)));
        expect(second.closeUp!.shades).toEqual(first.closeUp!.shades);
        expect(first.closeUp!.shades.some((value) => value !== 0)).toBe(true);
        const small = Finish(RefineColors({ ...input, closeUp: { ...input.closeUp!, leastPx: 193 } }));
        expect(small.closeUp).toBeUndefined();
        expect(small.detail).toEqual(first.detail); // colors are the same with and without
    });
});

describe("close-up photos at fewer pixels", () => {
    it("has the means of its areas, and knows only what is wholly known", () => {
        const { input } = Sitting();
        const view = input.views[0];
        expect(Finish(ShrinkView(view, 192))).toBe(view);
        const half = Finish(ShrinkView(view, 96));
        const third = Finish(ShrinkView({ ...view, pixels: view.pixels.map((value, i) => (i === 3 ? 0 : value)) }, 80));
        expect([half.size, half.pixels.length, half.matte.length]).toEqual([96, 4 * 96 * 96, 96 * 96]);
        const at = (x: number, y: number): number => view.pixels[4 * (y * 192 + x)];
        for (const [x, y] of [
            [0, 0],
            [48, 50],
            [95, 95],
        ]) {
            const mean =
                (at(2 * x, 2 * y) + at(2 * x + 1, 2 * y) + at(2 * x, 2 * y + 1) + at(2 * x + 1, 2 * y + 1)) / 4;
            expect(Math.abs(half.pixels[4 * (y * 96 + x)] - mean)).toBeLessThanOrEqual(0.5);
        }
        expect([third.pixels[3], third.pixels[7]]).toEqual([0, 255]);
        const sum = (pixels: ArrayLike<number>): number => Array.from(pixels).reduce((all, value) => all + value, 0);
        expect(Math.abs((sum(half.matte) * 4) / sum(view.matte) - 1)).toBeLessThan(0.01);
    });
});

describe("close-up layer of a file", () => {
    it("comes back as it was, whatever its runs", () => {
        const random = Random(9);
        for (const count of [0, 1, 255, 256, 511, 4096]) {
            for (const share of [0, 0.02, 0.5, 1]) {
                const shades = new Int8Array(count).map(() =>
                    random() < share ? Math.floor(255 * random()) - 127 : 0,
                );
                const packed = PackShades(shades);
                expect(UnpackShades(packed, count)).toEqual(shades);
                if (count > 0) {
                    expect(UnpackShades(packed, count - 1)).toBeNull();
                    expect(UnpackShades(packed, count + 1)).toBeNull();
                    expect(UnpackShades(packed.subarray(0, packed.length - 1), count)).toBeNull();
                }
            }
        }
        expect(PackShades(new Int8Array(2550)).length).toBe(20);
    });
});
