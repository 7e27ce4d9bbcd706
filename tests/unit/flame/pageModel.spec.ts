// The second page of the atlas: its file, and the table of those Gaussians that show something.
import { FlexAvatarError } from "../../../src/flame/error";
import { BuildLevels } from "../../../src/flame/levels";
import { MeanSpacing, OuterRegions, ParsePageModel, PartOfRegion, RestPlaces } from "../../../src/flame/pageModel";
import { BuildTexelTable, CompactTable } from "../../../src/flame/texelTable";
import { GridPageParts, MakePageMap } from "../../support/gridPage";
import { PackHeadFile, TinyHead, type HeadFileParts } from "../../support/heads";

function CodeOf(work: () => unknown): string {
    try {
        work();
    } catch (error) {
        return error instanceof FlexAvatarError ? error.code : `not ours: ${String(error)}`;
    }
    return "no error";
}

describe("a page of the atlas", () => {
    const head = TinyHead();

    it("is a head model without expressions, shapes and landmarks, on the joints of its head", () => {
        const { model, mapSize, headSha256 } = ParsePageModel(PackHeadFile(GridPageParts(head)), head);
        expect([mapSize, headSha256, model.expressionCount, model.shapeCount, model.dynamicRegions.length]).toEqual([
            32,
            null,
            0,
            0,
            0,
        ]);
        expect(model.joints).toBe(head.joints);
        expect([model.vertexCount, model.faceCount, model.uvCount]).toEqual([289, 512, 289]);
        expect(model.regions.map(PartOfRegion)).toEqual(["hair", "bust"]);
        expect(PartOfRegion("hairInner")).toBe("hair");
        expect(Array.from(OuterRegions({ ...model, regions: ["hair", "hairInner", "bust"] }))).toEqual([1, 0, 1]);
    });

    it("needs neither joints of its own nor anything about expressions, and says whose page it is", () => {
        const parts = GridPageParts(head);
        delete parts.arrays.joints;
        parts.json.head = "ab";
        expect(ParsePageModel(PackHeadFile(parts), head).headSha256).toBe("ab");
    });

    it("says how it is filled from photos, or nothing of it", () => {
        const parts = GridPageParts(head);
        const read = (): unknown => ParsePageModel(PackHeadFile(parts), head).fill;
        expect(read()).toBeNull();
        parts.json.hair = { dome: [0, 0.02, -0.01], domeShare: 0.3, end: -0.3, density: 0.2 };
        expect(read()).toBeNull();
        parts.json.bust = { pivot: [0, -0.2, 0], ring: [-0.1, 0.3] };
        const fill = {
            dome: [0, 0.02, -0.01],
            domeShare: 0.3,
            hairEnd: -0.3,
            hairDensity: 0.2,
            pivot: [0, -0.2, 0],
            ring: [-0.1, 0.3],
        };
        expect(read()).toEqual(fill);
        for (const bust of [
            { pivot: [0, -0.2], ring: [-0.1, 0.3] },
            { pivot: [0, -0.2, "0"], ring: [-0.1, 0.3] },
            { pivot: [0, -0.2, 0] },
        ]) {
            parts.json.bust = bust;
            expect(CodeOf(read)).toBe("file-format");
        }
    });

    it("is refused if anything of it is wrong", () => {
        const spoil = (change: (parts: HeadFileParts) => void): string => {
            const parts = GridPageParts(head);
            change(parts);
            return CodeOf(() => ParsePageModel(PackHeadFile(parts), head));
        };
        expect(spoil(() => undefined)).toBe("no error");
        const bad: ((parts: HeadFileParts) => void)[] = [
            ({ json }) => (json.mapSize = 0),
            ({ json }) => (json.mapSize = 4096),
            ({ json }) => delete json.mapSize,
            ({ json }) => (json.joints = ["global", "neck"]),
            ({ json }) => (json.regions = ["hair"]),
            ({ json }) => (json.twoSidedRegions = ["cape"]),
            ({ json }) => delete json.name,
            ({ arrays }) => delete arrays.weights,
            ({ arrays }) =>
                (arrays.joints.data = Array.from(arrays.joints.data, (value, i) => value + (i === 4 ? 0.01 : 0))),
            ({ arrays }) =>
                (arrays.weights.data = Array.from(arrays.weights.data, (value, i) => (i === 0 ? value - 1 : value))),
            ({ arrays }) => (arrays.faces.data = Array.from(arrays.faces.data, (value, i) => (i === 9 ? 289 : value))),
            ({ arrays }) =>
                (arrays.uvFaces.data = Array.from(arrays.uvFaces.data, (value, i) => (i === 9 ? 289 : value))),
            ({ arrays }) =>
                (arrays.template.data = Array.from(arrays.template.data, (value, i) => (i === 9 ? NaN : value))),
            ({ arrays }) => (arrays.uv.data = Array.from(arrays.uv.data, (value, i) => (i === 9 ? 11 : value))),
        ];
        bad.forEach((change, i) => expect(spoil(change)).withContext(`${i}`).toBe("file-format"));
    });

    it("gives a table of some Gaussians in the same order, with everything of theirs", () => {
        const { model } = MakePageMap(head).page;
        const all = BuildTexelTable(model, 32);
        const some = CompactTable(all, (g) => g % 3 !== 1);
        expect(some.gaussianCount).toBe(Array.from(all.texel).filter((_, g) => g % 3 !== 1).length);
        for (let g = 0; g < some.gaussianCount; g++) {
            const from = all.gaussianOfTexel[some.texel[g]];
            expect(from % 3).not.toBe(1);
            expect(some.gaussianOfTexel[some.texel[g]]).toBe(g);
            expect([some.face[g], some.flags[g]]).toEqual([all.face[from], all.flags[from]]);
            for (const [width, name] of [
                [3, "corners"],
                [3, "bary"],
                [5, "weights"],
            ] as const) {
                expect(some[name].slice(width * g, width * (g + 1))).toEqual(
                    all[name].slice(width * from, width * (from + 1)),
                );
            }
        }
        expect(some.gaussianOfTexel.filter((g) => g >= 0).length).toBe(some.gaussianCount);
        expect(CompactTable(all, () => false).gaussianCount).toBe(0);
        expect(CompactTable(all, () => true)).toEqual(all);
    });

    it("knows where its Gaussians are and how far apart, for levels of detail by the person's own hair", () => {
        const { page, table, map } = MakePageMap(head);
        const places = RestPlaces(page.model, table, map);
        const spacing = MeanSpacing(table, places);
        const texels = 32 * 32;
        const moved = map.slice();
        for (let t = 0; t < texels; t++) {
            moved[t] += 0.3;
        }
        const there = RestPlaces(page.model, table, moved);
        expect(Math.max(...there.map((x, i) => Math.abs(x - places[i] - (i % 3 === 0 ? 0.3 : 0))))).toBeLessThan(1e-6);
        expect(MeanSpacing(table, there)).toBeCloseTo(spacing, 6);
        // Twice as large a person has twice the distance.
        const double = places.map((x) => 2 * x);
        expect(MeanSpacing(table, double)).toBeCloseTo(2 * spacing, 6);
        expect(spacing).toBeGreaterThan(0.005);
        const levels = BuildLevels(page.model, table, { places: double, spacing: 2 * spacing });
        expect(levels.spacing).toBe(2 * spacing);
        expect(levels.start).toEqual(BuildLevels(page.model, table, { places, spacing }).start);
    });
});
