/** What of a second page becomes Gaussians: the texels that show something and are not hidden. */
import { HangingPage } from "../../flame/hangingPage.js";
import type { IPageCover } from "../../flame/pageCover.js";
import { BuildLevels, type ILevels } from "../../flame/levels.js";
import {
    MeanSpacing,
    PartOfRegion,
    RegionOfGaussian,
    RestPlaces,
    ShellFlags,
    type PagePart,
} from "../../flame/pageModel.js";
import { TexelTableOf } from "../../flame/personalHead.js";
import { CompactTable, type TexelTable } from "../../flame/texelTable.js";
import type { IRestPart } from "../format/restSplats.js";
import { AlphaCut } from "../layout.js";
import type { Work } from "../slices.js";
import type { IPageMap } from "./pageMap.js";

/** The logit of the faintest opacity that is drawn. */
const LeastLogit = Math.log(AlphaCut / (1 - AlphaCut));
/** Which parts an avatar does not show. */
export type HiddenParts = Readonly<Record<PagePart, boolean>>;

/** The Gaussians of what is shown. */
export interface IPageShape {
    readonly table: TexelTable;
    readonly levels: ILevels;
}

/**
 * The Gaussians of a page that can be seen and are not hidden; null if there are none. Yields after steps of some 10
 * ms.
 * @param cover null where what is inside the head counts too
 */
export function* PageShapeOf(
    { model: page, map }: IPageMap,
    hidden: HiddenParts,
    cover: IPageCover | null,
): Work<IPageShape | null> {
    yield 0;
    const [model, mapSize] = [HangingPage(page.model), page.mapSize];
    const all = TexelTableOf(model, mapSize);
    yield 0.3;
    const hides = model.regions.map((region) => hidden[PartOfRegion(region)]);
    const first = 3 * mapSize * mapSize;
    const seen = { ...all, flags: ShellFlags(model, all, map) };
    const table = CompactTable(
        seen,
        (g) => map[first + all.texel[g]] >= LeastLogit && !hides[RegionOfGaussian(all, g)] && !cover?.page[g],
    );
    if (table.gaussianCount === 0) {
        return null;
    }
    yield 0.5;
    const places = RestPlaces(model, table, map);
    const spacing = MeanSpacing(table, places);
    yield 0.6;
    return { table, levels: BuildLevels(model, table, { places, spacing }) };
}

/** All of a page that can be seen, for files; null if there is nothing. */
export function* WholePage(page: IPageMap): Work<IRestPart | null> {
    const shape = yield* PageShapeOf(page, { hair: false, bust: false }, null);
    return shape && { head: HangingPage(page.model.model), map: page.map, ...shape };
}
