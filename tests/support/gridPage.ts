/**
 * A small second page made here: a curtain of hair around the back and the sides of a head of about 24 cm, and below it
 * a bust, on one grid. The top of the hair follows the neck and its tips the torso; so does all of the bust.
 */
import { ParsePageModel } from "../../src/flame/pageModel";
import type { HeadModel } from "../../src/flame/headModel";
import { BuildTexelTable, RegionShift, type TexelTable } from "../../src/flame/texelTable";
import type { FlexAvatar } from "../../src/plugin/avatar/flexAvatar";
import type { IPageModel } from "../../src/runtime/person/pageMap";
import { PackHeadFile, type HeadFileParts } from "./heads";
import { MakeGridHead, NoExpressions } from "./gridHead";

/** Texels per side of a map of the page. */
export const PageSize = 32;
/** SHA-256 that the tests' page has in their models.json. */
export const PageSha256 = "5".repeat(64);
const Edge = 17;
/** Row of the grid, from below, where the bust ends and hair begins. */
const Border = 8;

/** Header and arrays of the page's file; tests spoil one thing and pack it. */
export function GridPageParts(head: HeadModel, mapSize = PageSize): HeadFileParts {
    const vertexCount = Edge * Edge;
    const template = new Float32Array(3 * vertexCount);
    const uv = new Float32Array(2 * vertexCount);
    const weights = new Uint8Array(5 * vertexCount);
    for (let row = 0; row < Edge; row++) {
        for (let column = 0; column < Edge; column++) {
            const v = row * Edge + column;
            const up = row / (Edge - 1);
            const isBust = row <= Border;
            // From the right cheek around the back to the left one; the bust all around.
            const azimuth = Math.PI + (column / (Edge - 1) - 0.5) * (isBust ? 2 : 1.4) * Math.PI;
            const radius = isBust ? 0.11 + 0.07 * (1 - row / Border) : 0.11;
            template.set([radius * Math.sin(azimuth), -0.3 + 0.4 * up, 0.8 * radius * Math.cos(azimuth)], 3 * v);
            uv.set([0.03 + (0.94 * column) / (Edge - 1), 0.03 + 0.94 * up], 2 * v);
            weights[5 * v + 1] = Math.round(255 * Math.max(0, Math.min(1, (row - Border) / 4)));
            weights[5 * v] = 255 - weights[5 * v + 1];
        }
    }
    const region = Array.from({ length: 2 * (Edge - 1) ** 2 }, (_, face) =>
        Math.floor(face / (2 * (Edge - 1))) < Border ? 1 : 0,
    );
    const grid = MakeGridHead(Edge, {
        name: "grid",
        source: "a test",
        regions: [],
        dynamicRegions: [],
        twoSidedRegions: [],
        template,
        uv,
        faceRegion: new Uint8Array(),
        weights,
        ...NoExpressions,
        positionMapCenter: [0, 0, 0],
    });
    const part = (dtype: string, shape: number[], data: ArrayLike<number>) => ({ dtype, shape, data });
    return {
        json: {
            name: "grid page",
            license: "Apache-2.0",
            source: "a test",
            mapSize,
            regions: ["hair", "bust"],
            dynamicRegions: [],
            twoSidedRegions: ["hair", "bust"],
            joints: ["global", "neck", "jaw", "eyeL", "eyeR"],
        },
        arrays: {
            template: part("f32", [vertexCount, 3], template),
            faces: part("u16", [grid.faceCount, 3], grid.faces),
            uvFaces: part("u16", [grid.faceCount, 3], grid.uvFaces),
            uv: part("f32", [vertexCount, 2], uv),
            faceRegion: part("u8", [grid.faceCount], region),
            weights: part("u8", [vertexCount, 5], weights),
            joints: part("f32", [5, 3], head.joints),
        },
    };
}

/** Bytes of the page's file. */
export function GridPageBytes(head: HeadModel, mapSize = PageSize): Uint8Array<ArrayBuffer> {
    return new Uint8Array(PackHeadFile(GridPageParts(head, mapSize)));
}

/** The page for a head. */
export function MakeGridPage(head: HeadModel, mapSize = PageSize): IPageModel {
    return { ...ParsePageModel(GridPageBytes(head, mapSize).buffer, head), sha256: PageSha256 };
}

/** A map of the page and its table. */
export interface IPageMap {
    readonly page: IPageModel;
    readonly table: TexelTable;
    readonly map: Float32Array<ArrayBuffer>;
}

/** Colors of the parts in {@link MakePageMap}. */
export const HairColor = [0.8, 0.5, 0.1] as const;
export const BustColor = [0.1, 0.3, 0.9] as const;

/**
 * Opaque, larger than the spacing, hair of one color and bust of another; a tenth of the texels show nothing.
 * @param sizeMeters of a Gaussian
 */
export function MakePageMap(head: HeadModel, mapSize = PageSize, sizeMeters = 0.25 / mapSize): IPageMap {
    const page = MakeGridPage(head, mapSize);
    const table = BuildTexelTable(page.model, mapSize);
    const texels = mapSize * mapSize;
    const map = new Float32Array(14 * texels);
    for (let g = 0; g < table.gaussianCount; g++) {
        const t = table.texel[g];
        const color = table.flags[g] >>> RegionShift === 0 ? HairColor : BustColor;
        map[t] = 0.003 * Math.sin(t);
        map[3 * texels + t] = t % 10 === 3 ? -12 : 2 + (t % 5);
        color.forEach((value, c) => (map[(4 + c) * texels + t] = value + 0.05 * Math.cos(t * (c + 1))));
        [1, 0.6, 0.8].forEach((share, c) => (map[(7 + c) * texels + t] = Math.log(sizeMeters * share)));
        [Math.sin(t), Math.cos(2 * t), 0.3, 1].forEach((value, k) => (map[(10 + k) * texels + t] = value));
    }
    // What is on no face must not show, whatever a map says there.
    for (let t = 0; t < texels; t++) {
        if (table.gaussianOfTexel[t] < 0) {
            map[3 * texels + t] = 5;
        }
    }
    return { page, table, map };
}

/** Gives a person a second map, as a loaded page does. */
export function GivePage(avatar: FlexAvatar, { page, map }: IPageMap): void {
    avatar["_core"].parts.page.set({ model: page, map });
}
