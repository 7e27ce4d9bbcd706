import type { HeadModel } from "../../../../src/flame/headModel";
import { TexelTableOf } from "../../../../src/flame/personalHead";
import { RegionShift, type TexelTable } from "../../../../src/flame/texelTable";
import { MendSeam } from "../../../../src/runtime/person/mendSeam";
import { OpenHeadAsync } from "../../../support/heads";

const Size = 64;
const Texels = Size ** 2;
/** [14,H,W] 0.6 on the left half, 0.4 on the right one. */
const TwoTones = (): Float32Array => Float32Array.from({ length: 14 * Texels }, (_, i) => (i % Size < 32 ? 0.6 : 0.4));

describe("the cut of the atlas", () => {
    let head: HeadModel;
    let table: TexelTable;

    beforeAll(async () => {
        head = await OpenHeadAsync();
        table = TexelTableOf(head, Size);
    });

    it("has one color on both sides, from nape to crown, that fades out towards the ears", () => {
        const map = TwoTones();
        MendSeam(head, table, map);
        for (let channel = 4; channel < 7; channel++) {
            const at = (row: number, column: number): number => map[channel * Texels + row * Size + column];
            for (let row = 0; row < 50; row++) {
                expect(at(row, 0)).withContext(`row ${row}`).toBeCloseTo(0.5, 5);
                expect(at(row, 63)).withContext(`row ${row}`).toBeCloseTo(0.5, 5);
            }
            for (let column = 0; column < 32; column++) {
                expect(at(0, column)).withContext(`column ${column}`).toBeCloseTo(0.5, 5);
            }
            const away = [0, 1, 2, 3, 4, 5, 6, 7].map((column) => at(20, column));
            expect(away).toEqual([...away].sort());
            expect(away[3]).toBeGreaterThan(0.53);
            expect(away[7]).toBeCloseTo(0.6, 5);
        }
    });

    it("moves no color of the face, the ears or the mouth, and nothing but colors", () => {
        const map = TwoTones();
        MendSeam(head, table, map);
        const before = TwoTones();
        const changed = new Set<string>();
        table.texel.forEach((texel, g) => {
            for (let channel = 0; channel < 14; channel++) {
                if (map[channel * Texels + texel] !== before[channel * Texels + texel]) {
                    changed.add(`${head.regions[table.flags[g] >>> RegionShift]} ${channel >= 4 && channel < 7}`);
                }
            }
        });
        expect([...changed].sort()).toEqual(["neck true", "scalp true"]);
    });

    it("keeps colors that agree, with their detail", () => {
        const wave = (i: number): number => Math.sin(0.7 * Math.floor(i / Size)) * Math.abs((i % Size) - 31.5);
        const map = Float32Array.from({ length: 14 * Texels }, (_, i) => wave(i));
        MendSeam(head, table, map);
        expect(map.every((value, i) => Math.abs(value - wave(i)) < 1e-5)).toBeTrue();
    });

    it("is not where the edges of the atlas do not meet", () => {
        const front = Array.from(head.template.keys())
            .filter((i) => i % 3 === 2)
            .reduce((most, i) => (head.template[i] > head.template[most] ? i : most), 2);
        const corners = table.corners.map((vertex, i) =>
            table.texel[Math.floor(i / 3)] % Size < Size / 2 ? (front - 2) / 3 : vertex,
        );
        const map = TwoTones();
        MendSeam(head, { ...table, corners }, map);
        expect(map).toEqual(TwoTones());
    });
});
