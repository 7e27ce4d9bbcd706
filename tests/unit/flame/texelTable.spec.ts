import { FlexAvatarError } from "../../../src/flame/error";
import type { HeadModel } from "../../../src/flame/headModel";
import {
    BuildTexelTable,
    DynamicFlag,
    RegionShift,
    TwoSidedFlag,
    type TexelTable,
} from "../../../src/flame/texelTable";
import { LoadBytesAsync, OpenHeadAsync, TinyHead } from "../../support/heads";

/** The rule of docs/conventions.md, slowly: every texel asks every face in order. */
function FaceOfTexelByBruteForce(model: HeadModel, mapSize: number): Int32Array {
    return new Int32Array(mapSize * mapSize).map((_, texel) => {
        const x = ((texel % mapSize) + 0.5) / mapSize;
        const y = 1 - (Math.floor(texel / mapSize) + 0.5) / mapSize;
        for (let face = 0; face < model.faceCount; face++) {
            const [a, b, c] = [0, 1, 2].map((corner) => 2 * model.uvFaces[3 * face + corner]);
            const cross = (p: number, q: number) =>
                (model.uv[p] - x) * (model.uv[q + 1] - y) - (model.uv[q] - x) * (model.uv[p + 1] - y);
            const [wa, wb, wc] = [cross(b, c), cross(c, a), cross(a, b)];
            if (wa + wb + wc !== 0 && ((wa >= 0 && wb >= 0 && wc >= 0) || (wa <= 0 && wb <= 0 && wc <= 0))) {
                return face;
            }
        }
        return -1;
    });
}

function FaceOfTexel(table: TexelTable): Int32Array {
    return table.gaussianOfTexel.map((gaussian) => (gaussian < 0 ? -1 : table.face[gaussian]));
}

/** FNV-1a over 32-bit words; the fixture's script has the same. */
function HashWords(words: ArrayLike<number>): number {
    let hash = 0x811c9dc5;
    for (let i = 0; i < words.length; i++) {
        hash = Math.imul(hash ^ words[i], 0x01000193) >>> 0;
    }
    return hash;
}

describe("texel table", () => {
    it("of the tiny head at 4 has its left half, in Morton order, with the right faces and flags", () => {
        const table = BuildTexelTable(TinyHead(), 4);
        // Morton order of (row, column): 2×2 blocks from the top left.
        expect(Array.from(table.texel)).toEqual([0, 1, 4, 5, 8, 9, 12, 13]);
        // The diagonal runs from the bottom left to the top right of the left half: texels right below it are face 0.
        expect(Array.from(table.face)).toEqual([1, 1, 1, 0, 1, 0, 0, 0]);
        expect(table.flags[0]).toBe(TwoSidedFlag | (1 << RegionShift));
        expect(table.flags[3]).toBe(DynamicFlag);
        expect(Array.from(table.gaussianOfTexel.slice(0, 6))).toEqual([0, 1, -1, -1, 2, 3]);
        // Texel 5: centre (0.375, 0.625) in the triangle (0,0) (0.5,0) (0.5,1): barycentrics 0.25, 0.125, 0.625.
        expect(Array.from(table.bary.subarray(9, 12))).toEqual([0.25, 0.125, 0.625]);
        expect(Array.from(table.corners.subarray(9, 12))).toEqual([0, 1, 2]);
        expect(table.weights[5 * 3 + 2]).toBeCloseTo(0.25 + 0.125 * 0.8, 6);
    });

    it("agrees with brute force on the shipped head", async () => {
        const model = await OpenHeadAsync();
        const expected = FaceOfTexelByBruteForce(model, 64);
        const actual = FaceOfTexel(BuildTexelTable(model, 64));
        expect(actual.filter((face, texel) => face !== expected[texel]).length).toBe(0);
        expect(actual.filter((face) => face >= 0).length).toBeGreaterThan(0.85 * 64 * 64);
    });

    it("lists each valid texel once, with barycentrics and weights that sum to one", async () => {
        const table = BuildTexelTable(await OpenHeadAsync(), 100);
        expect(new Set(table.texel).size).toBe(table.gaussianCount);
        for (let g = 0; g < table.gaussianCount; g++) {
            const bary = table.bary.subarray(3 * g, 3 * g + 3);
            const weights = table.weights.subarray(5 * g, 5 * g + 5);
            if (
                Math.min(...bary) < 0 ||
                Math.abs(bary[0] + bary[1] + bary[2] - 1) > 1e-6 ||
                Math.abs(weights.reduce((s, w) => s + w) - 1) > 1e-5
            ) {
                fail(`Gaussian ${g}: barycentrics ${bary}, weights ${weights}`);
                break;
            }
        }
        expect(table.texel.every((texel, g) => table.gaussianOfTexel[texel] === g)).toBe(true);
    });

    it("is the one that the Python twin makes: same texels, faces and order", async () => {
        const model = await OpenHeadAsync();
        const fixture = JSON.parse(new TextDecoder().decode(await LoadBytesAsync("tests/fixtures/flame/twin.json")));
        expect(fixture.texelTables.length).toBeGreaterThan(1);
        for (const { mapSize, count, texelHash, faceHash, flagsHash } of fixture.texelTables) {
            const table = BuildTexelTable(model, mapSize);
            expect([table.gaussianCount, HashWords(table.texel), HashWords(table.face), HashWords(table.flags)])
                .withContext(`map size ${mapSize}; if the head model was built anew, run tests/fixtures/flame/make.py`)
                .toEqual([count, texelHash, faceHash, flagsHash]);
        }
    });

    it("refuses sizes that are not whole numbers from 1 to 2048", () => {
        const model = TinyHead();
        for (const size of [0, -1, 2.5, 2049, Number.NaN]) {
            expect(() => BuildTexelTable(model, size)).toThrowError(FlexAvatarError, /map size/);
        }
        expect(BuildTexelTable(model, 1).gaussianCount).toBe(1);
    });
});
