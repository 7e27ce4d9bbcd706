import type { HeadModel } from "../../../../src/flame/headModel";
import { BuildTexelTable } from "../../../../src/flame/texelTable";
import { CloseEnds, RowsAround } from "../../../../src/runtime/mesh/atlasEnds";
import { BakeTexture } from "../../../../src/runtime/mesh/bakeTexture";
import { Finish } from "../../../../src/runtime/slices";
import { MakeGridHead, NoExpressions } from "../../../support/gridHead";

const Columns = 9;
const Edge = 64;
const MapSize = 16;

/** A tube of 6 cm, 32 cm high, whose atlas goes around once and is cut behind; both ends have vertices of their own. */
function Tube(): HeadModel {
    const vertices = Array.from({ length: Columns ** 2 }, (_, v) => [v % Columns, Math.floor(v / Columns)]);
    const share = (x: number): number => x / (Columns - 1);
    const around = (x: number): number => 2 * Math.PI * (x === Columns - 1 ? 0 : share(x));
    return MakeGridHead(Columns, {
        name: "tube",
        source: "a test",
        regions: ["bust"],
        dynamicRegions: [],
        twoSidedRegions: [],
        template: Float32Array.from(
            vertices.flatMap(([x, y]) => [-0.06 * Math.sin(around(x)), 0.04 * y, -0.06 * Math.cos(around(x))]),
        ),
        uv: Float32Array.from(vertices.flatMap(([x, y]) => [share(x), share(y)])),
        faceRegion: new Uint8Array(2 * (Columns - 1) ** 2),
        weights: Uint8Array.from(vertices.flatMap(() => [255, 0, 0, 0, 0])),
        ...NoExpressions,
        positionMapCenter: [0, 0, 0],
    });
}

/** The tube with its last column moved outwards: by 1 mm below, by 2 cm above. */
function Parted(model: HeadModel): Float32Array {
    const vertices = model.template.slice();
    for (let y = 0; y < Columns; y++) {
        vertices[3 * (y * Columns + Columns - 1) + 2] -= y < 5 ? 0.001 : 0.02;
    }
    return vertices;
}

describe("both ends of an atlas", () => {
    const model = Tube();

    it("become one place where they nearly are, and stay apart where hair parts", () => {
        const parted = Parted(model);
        const closed = CloseEnds(model, parted.slice());
        for (let y = 0; y < Columns; y++) {
            const [left, right] = [3 * y * Columns, 3 * (y * Columns + Columns - 1)];
            const gap = Math.abs(closed[left + 2] - closed[right + 2]);
            expect(gap).toBeCloseTo(y < 5 ? 0 : 0.02, 6);
            expect(closed[left + 2]).toBeCloseTo(y < 5 ? -0.0605 : -0.06, 6);
        }
        const inside = (i: number): boolean => Math.floor(i / 3) % Columns > 0 && Math.floor(i / 3) % Columns < 8;
        expect(closed.filter((_, i) => inside(i))).toEqual(parted.filter((_, i) => inside(i)));
    });

    it("are neighbours in rows where they are one place", () => {
        const rows = RowsAround(model, Parted(model), Edge);
        expect([...rows.subarray(33)].every((isAround) => isAround === 1)).toBeTrue(); // below, with the first row on top
        expect([...rows.subarray(0, 31)].some((isAround) => isAround === 1)).toBeFalse();
    });

    it("are painted as one: no light line runs down the back", () => {
        const texels = MapSize ** 2;
        const map = Float32Array.from({ length: 14 * texels }, (_, i) => {
            const red = i % MapSize < MapSize / 2 ? 0.2 : 0.8;
            return [0, 0, 0, 6, red, 0.5, 0.5, -4, -4.2, -7, 0, 0, 0, 1][Math.floor(i / texels)];
        });
        const table = BuildTexelTable(model, MapSize);
        const bake = (vertices: Float32Array): Uint8ClampedArray =>
            Finish(BakeTexture({ model, table, map, vertices }, Edge)).rgba;
        const at = (rgba: Uint8ClampedArray, row: number, column: number, c: number): number =>
            rgba[4 * (row * Edge + column) + c];
        const rgba = bake(model.template);
        for (const row of [10, 32, 50]) {
            const middle = at(rgba, row, 30, 3);
            expect(Math.abs(at(rgba, row, 0, 3) - middle))
                .withContext(`alpha in row ${row}`)
                .toBeLessThan(6);
            expect(Math.abs(at(rgba, row, Edge - 1, 3) - middle)).toBeLessThan(6);
            expect(at(rgba, row, Edge - 1, 0) - at(rgba, row, 0, 0)).toBeLessThan(80); // of 153, apart
        }
        const parted = bake(Parted(model));
        expect(at(parted, 10, 0, 0)).toBe(51); // the other side's color does not reach it
        expect(at(parted, 10, 0, 3)).toBeLessThan(at(parted, 10, 30, 3));
    });
});
