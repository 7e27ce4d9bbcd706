import { BuildTexelTable } from "../../../../src/flame/texelTable";
import type { HeadModel } from "../../../../src/flame/headModel";
import { BakeTexture } from "../../../../src/runtime/mesh/bakeTexture";
import { Finish } from "../../../../src/runtime/slices";
import { MakeGridHead, NoExpressions } from "../../../support/gridHead";

const MapSize = 16;
const Edge = 64;
const Texels = MapSize * MapSize;

/** A square of 16 cm whose atlas is the middle of the picture: a quarter of it is free on each side. */
function Square(): HeadModel {
    const edge = 5;
    const vertices = Array.from({ length: edge * edge }, (_, v) => [v % edge, Math.floor(v / edge)]);
    return MakeGridHead(edge, {
        name: "square",
        source: "a test",
        regions: ["face"],
        dynamicRegions: [],
        twoSidedRegions: [],
        template: Float32Array.from(vertices.flatMap(([x, y]) => [0.04 * x, 0.04 * y, 0])),
        uv: Float32Array.from(vertices.flatMap(([x, y]) => [0.25 + 0.125 * x, 0.25 + 0.125 * y])),
        faceRegion: new Uint8Array(2 * (edge - 1) ** 2),
        weights: Uint8Array.from(vertices.flatMap(() => [255, 0, 0, 0, 0])),
        ...NoExpressions,
        positionMapCenter: [0, 0, 0],
    });
}

/** Opaque round Gaussians of 12 mm, as far apart as the texels are: 2 cm. */
function MapOf(color: (row: number, column: number) => readonly number[]): Float32Array {
    const map = new Float32Array(14 * Texels);
    for (let texel = 0; texel < Texels; texel++) {
        const [red, green, blue] = color(Math.floor(texel / MapSize), texel % MapSize);
        [0, 0, 0, 6, red, green, blue, -4.4, -4.4, -7, 0, 0, 0, 1].forEach(
            (value, c) => (map[c * Texels + texel] = value),
        );
    }
    return map;
}

describe("a baked texture", () => {
    const model = Square();
    const source = (map: Float32Array) => ({
        model,
        table: BuildTexelTable(model, MapSize),
        map,
        vertices: model.template,
    });
    const at = (rgba: ArrayLike<number>, row: number, column: number): number[] =>
        [0, 1, 2, 3].map((c) => rgba[4 * (row * Edge + column) + c]);

    it("has the colors of the Gaussians where they are, and a mean between them", () => {
        const map = MapOf((_, column) => (column < MapSize / 2 ? [1, 0, 0.2] : [0, 1, 0.2]));
        const { rgba, edge } = Finish(BakeTexture(source(map), Edge));
        expect(edge).toBe(Edge);
        expect(at(rgba, 32, 20).slice(0, 3)).toEqual([255, 0, 51]);
        expect(at(rgba, 32, 44).slice(0, 3)).toEqual([0, 255, 51]);
        expect(at(rgba, 32, 44)[3]).toBeGreaterThan(230);
        const [left, right] = [at(rgba, 32, 31), at(rgba, 32, 32)];
        expect(left[0]).toBeGreaterThan(left[1]);
        expect(right[0]).toBeLessThan(right[1]);
        expect(left[0] + left[1]).toBeCloseTo(255, -1);
    });

    it("goes on over the edge of the atlas with the same colors, and is plain farther out", () => {
        const map = MapOf((row) => (row < MapSize / 2 ? [1, 1, 1] : [0.2, 0.2, 0.2]));
        const { rgba } = Finish(BakeTexture(source(map), Edge));
        for (const column of [16, 15, 12, 9]) {
            expect(at(rgba, 20, column)).toEqual([255, 255, 255, at(rgba, 20, column)[3]]);
            expect(at(rgba, 44, column)[0]).toBe(51);
        }
        expect(at(rgba, 2, 2)).toEqual(at(rgba, 60, 60));
        expect(at(rgba, 2, 2)[3]).toBe(0);
    });

    it("has alpha where Gaussians are faint, and none where there are none", () => {
        const map = MapOf(() => [0.5, 0.5, 0.5]);
        map.fill(-1.5, 3 * Texels, 3.5 * Texels); // faint above
        map.fill(-12, 3.5 * Texels, 4 * Texels); // unseen below
        const { rgba } = Finish(BakeTexture(source(map), Edge));
        const alpha = at(rgba, 22, 32)[3];
        expect(alpha).toBeGreaterThan(40);
        expect(alpha).toBeLessThan(200);
        expect(at(rgba, 45, 32)[3]).toBe(0);
        const last = Array.from({ length: Edge }, (_, row) => at(rgba, row, 32)[3]).findLastIndex((value) => value > 0);
        expect(last).toBeLessThan(40); // colors grow into what is unseen, alpha does not
    });

    it("adds detail for close-ups at its own place", () => {
        const shades = new Int8Array(Edge * Edge);
        shades[24 * Edge + 40] = 127;
        const map = MapOf(() => [0.5, 0.5, 0.5]);
        const plain = Finish(BakeTexture(source(map), Edge)).rgba;
        const { rgba } = Finish(BakeTexture({ ...source(map), closeUp: { edge: Edge, shades } }, Edge));
        const different = Array.from(rgba.keys()).filter((i) => rgba[i] !== plain[i]);
        expect(different).toEqual([0, 1, 2].map((c) => 4 * (24 * Edge + 40) + c));
        expect(rgba[different[0]] - plain[different[0]]).toBeCloseTo(255 * 0.25, -1);
        const half = Finish(BakeTexture({ ...source(map), closeUp: { edge: Edge, shades }, strength: 0.5 }, Edge)).rgba;
        expect(half[different[0]] - plain[different[0]]).toBeCloseTo(255 * 0.125, -1);
    });
});
