/** The second page of the atlas as grids: where its islands, columns and rows are. Twin: training/bust/page.py. */
import { FlexAvatarError } from "../../flame/error.js";
import { RegionOfGaussian, type PageModel } from "../../flame/pageModel.js";
import { JointCount } from "../../flame/headModel.js";
import type { TexelTable } from "../../flame/texelTable.js";
import type { IBand, IBustPage } from "./bustInput.js";
import { Clamp, CreateGrid, type IGrid } from "./grids.js";

/**
 * What the filling asks of a page.
 * @param table texel table of the page's mesh, at the page's map size or another one
 * @throws FlexAvatarError `file-format` where the page does not say how it is to be filled
 */
export function BustPageOf({ model, fill }: PageModel, table: TexelTable): IBustPage {
    if (fill === null) {
        throw new FlexAvatarError(
            "file-format",
            `The second page "${model.name}" does not say how it is to be filled.`,
            {
                advice: "Fetch the file of the second page again, or build it again with training/headmodel/page2.py.",
            },
        );
    }
    const { mapSize: size, gaussianCount, texel, corners, bary, weights } = table;
    const base = new Float64Array(3 * size * size);
    const torsoShare = new Float64Array(size * size);
    const ends = model.regions.map(() => ({ first: size, last: -1 }));
    for (let g = 0; g < gaussianCount; g++) {
        const band = ends[RegionOfGaussian(table, g)];
        band.first = Math.min(band.first, Math.floor(texel[g] / size));
        band.last = Math.max(band.last, Math.floor(texel[g] / size));
        torsoShare[texel[g]] = weights[JointCount * g];
        for (let axis = 0; axis < 3; axis++) {
            for (let k = 0; k < 3; k++) {
                base[3 * texel[g] + axis] += bary[3 * g + k] * model.template[3 * corners[3 * g + k] + axis];
            }
        }
    }
    const bandOf = (region: string): IBand => {
        const { first, last } = ends[model.regions.indexOf(region)] ?? { first: 0, last: -1 };
        if (last - first < 8) {
            throw new FlexAvatarError(
                "file-format",
                `The second page "${model.name}" has no island "${region}" of nine rows.`,
            );
        }
        return { first, rows: last + 1 - first };
    };
    return {
        size,
        base,
        torsoShare,
        hair: bandOf("hair"),
        bust: bandOf("bust"),
        hairInner: bandOf("hairInner"),
        ...fill,
    };
}

/** [rows,P,3] base points of an island. */
export function BaseOf({ size, base }: IBustPage, { first, rows }: IBand): IGrid {
    return CreateGrid(rows, size, 3, base.slice(3 * first * size, 3 * (first + rows) * size));
}

/** Row of a texel's centre, 0..1 downwards. */
export function RowCoordinate({ rows }: IBand, row: number): number {
    return (row + 0.5) / rows;
}

/** Column of a texel's centre, −1..1. */
export function ColumnCoordinate({ size }: IBustPage, column: number): number {
    return ((column + 0.5) / size) * 2 - 1;
}

/** Column coordinate (0 at the back, ends in front) -> share of the way from the back to the front end, signed. */
export function HairAngle({ hairDensity: d }: IBustPage, s: number): number {
    return s * (1 + d - d * s * s);
}

/**
 * Row coordinate -> elevation in radians, 0 below the dome, and height in meters, that of the dome's centre in the
 * dome.
 */
export function HairRow({ dome, domeShare, hairEnd }: IBustPage, v: number): { elevation: number; height: number } {
    return {
        elevation: (Clamp(1 - v / domeShare, 0, 1) * Math.PI) / 2,
        height: dome[1] + Clamp((v - domeShare) / (1 - domeShare), 0, 1) * (hairEnd - dome[1]),
    };
}

/** Height of a point over the plane that closes the head's neck. */
export function AboveRing({ ring }: IBustPage, y: number, z: number): number {
    return y - (ring[0] - ring[1] * z);
}
