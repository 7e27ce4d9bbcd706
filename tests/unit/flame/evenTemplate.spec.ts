// The page that ships has a fold behind: its middle column of hair is before the face. Meshes must not show it.
import { EvenTemplate, ParsePageModel, PartOfRegion, RestPlaces, type PageModel } from "../../../src/flame/pageModel";
import { PersonalVertices } from "../../../src/flame/personalHead";
import { BuildTexelTable } from "../../../src/flame/texelTable";
import { MakeGridPage } from "../../support/gridPage";
import { LoadBytesAsync, OpenHeadAsync, TinyHead, WorstDifference } from "../../support/heads";

describe("the template of a page", () => {
    let page: PageModel;

    beforeAll(async () => {
        page = ParsePageModel(await LoadBytesAsync("assets/models/open-head-page2.bin"), await OpenHeadAsync());
    });

    it("has all of the hair that is behind behind the head", () => {
        const { model } = page;
        const even = EvenTemplate(model);
        const behind = new Set<number>();
        model.faces.forEach((vertex, i) => {
            const isHair = PartOfRegion(model.regions[model.faceRegion[Math.floor(i / 3)]]) === "hair";
            if (isHair && Math.abs(model.uv[2 * model.uvFaces[i]] - 0.5) < 0.03) {
                behind.add(vertex);
            }
        });
        expect(behind.size).toBeGreaterThan(300); // three columns of both layers
        const before = [...behind].filter((vertex) => even[3 * vertex + 2] > -0.005);
        expect(before.length).toBe(0);
    });

    it("is itself where nothing is folded", () => {
        const { model } = MakeGridPage(TinyHead());
        expect(EvenTemplate(model)).toEqual(model.template);
    });

    it("leaves no spike in the vertices of a smooth head of hair", () => {
        const { model, mapSize } = page;
        const table = BuildTexelTable(model, mapSize);
        const even = EvenTemplate(model);
        const texels = mapSize ** 2;
        const map = new Float32Array(14 * texels);
        const [folded, smooth] = [model.template, even].map((template) =>
            RestPlaces({ ...model, template }, table, map),
        );
        map.fill(4, 3 * texels, 4 * texels);
        table.texel.forEach((texel, g) => {
            for (let axis = 0; axis < 3; axis++) {
                map[axis * texels + texel] = smooth[3 * g + axis] - folded[3 * g + axis];
            }
        });
        expect(WorstDifference(PersonalVertices(model, table, map), even).difference).toBeLessThan(1e-4);
    });
});
