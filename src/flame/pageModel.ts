/**
 * The second page of a head model's atlas: hair beyond the scalp, and the bust. It is a mesh with an atlas of its own
 * on the joints of the head, without expressions, shapes and landmarks, in the container of a head model file
 * (docs/formats.md, "Second page").
 */
import { CheckMesh, JointCount, ModelJointNames, NoCorrectives, type HeadModel } from "./headModel.js";
import { HeadModelFile, HeadModelFileError, IsRecord } from "./headModelFile.js";
import {
    InsideFlag,
    MaxMapSize,
    OutsideFlag,
    RegionShift,
    ShellFlag,
    TwoSidedFlag,
    type TexelTable,
} from "./texelTable.js";

/** Meters that a joint of the page may differ from the head's. */
const SameJoint = 1e-4;
/** Regions whose names begin with this are hair; all others are the bust. */
const HairPrefix = "hair";
/** Regions whose names end in this lie under another one: they are drawn, and no ray meets them. */
export const InnerSuffix = "Inner";

/** Of the atlas: less is the same column or row of vertices. */
const AtlasStep = 1e-4;

/** A parsed second page. */
export interface PageModel {
    /** Its mesh. Joints are the head's own, E = S = 0, nothing is dynamic. */
    readonly model: HeadModel;
    /** H = W of a map of it. */
    readonly mapSize: number;
    /** SHA-256 of the head model that it belongs to, or null where the file does not say. */
    readonly headSha256: string | null;
    /** How it is filled from photos, or null where the file does not say. */
    readonly fill: PageFill | null;
}

/** Numbers of the page's grids that filling it needs (training/bust/ALGORITHM.md). Meters. */
export interface PageFill {
    /** [3] centre of the hair's dome. */
    readonly dome: readonly number[];
    /** Part of the hair's rows that is the dome. */
    readonly domeShare: number;
    /** Height where the curtain ends. */
    readonly hairEnd: number;
    /** How much more room the columns near the face have. */
    readonly hairDensity: number;
    /** [3] the point from which the bust is seen. */
    readonly pivot: readonly number[];
    /** [2] a, b of the plane y = a − b z that closes the head's neck. */
    readonly ring: readonly number[];
}

/** A part of a person that can be left out. */
export type PagePart = "hair" | "bust";

/**
 * Reads a second page.
 * @param bytes the whole file; it is kept, the arrays of the model are views of it
 * @param head the head that it goes with; its joints move the page
 * @throws FlexAvatarError `file-format` if anything in the file cannot be trusted, or if its joints are not the head's
 */
export function ParsePageModel(bytes: ArrayBuffer, head: HeadModel): PageModel {
    const file = new HeadModelFile(bytes);
    const { mapSize, head: headSha256, arrays } = file.json;
    if (!Number.isInteger(mapSize) || (mapSize as number) < 1 || (mapSize as number) > MaxMapSize) {
        throw HeadModelFileError(`header field "mapSize" is ${JSON.stringify(mapSize)}, wanted 1 to ${MaxMapSize}`);
    }
    if (file.names("joints").join() !== ModelJointNames.join()) {
        throw HeadModelFileError(`its joints must be ${ModelJointNames.join(", ")}`);
    }
    if (IsRecord(arrays) && Object.hasOwn(arrays, "joints")) {
        const joints = file.array("joints", "f32", [JointCount, 3]);
        if (joints.some((value, i) => !(Math.abs(value - head.joints[i]) <= SameJoint))) {
            throw HeadModelFileError(`its joints are not where those of the head model "${head.name}" are`);
        }
    }
    const model: HeadModel = {
        ...NoFace,
        name: file.text("name"),
        license: file.text("license"),
        source: file.text("source"),
        regions: file.names("regions"),
        twoSidedRegions: file.names("twoSidedRegions"),
        template: file.array("template", "f32", ["V", 3]),
        faces: file.array("faces", "u16", ["F", 3]),
        uvFaces: file.array("uvFaces", "u16", ["F", 3]),
        uv: file.array("uv", "f32", ["T", 2]),
        faceRegion: file.array("faceRegion", "u8", ["F"]),
        weights: file.array("weights", "u8", ["V", JointCount]),
        joints: head.joints,
        vertexCount: file.dimension("V"),
        faceCount: file.dimension("F"),
        uvCount: file.dimension("T"),
    };
    for (const region of model.twoSidedRegions) {
        if (!model.regions.includes(region)) {
            throw HeadModelFileError(`"${region}" is not one of its regions`);
        }
    }
    CheckMesh(model);
    return {
        model,
        mapSize: mapSize as number,
        headSha256: typeof headSha256 === "string" ? headSha256 : null,
        fill: ReadFill(file.json),
    };
}

function ReadFill({ hair, bust }: Readonly<Record<string, unknown>>): PageFill | null {
    if (!IsRecord(hair) || !IsRecord(bust)) {
        return null;
    }
    const numbers = (value: unknown, length: number): number[] => {
        if (!Array.isArray(value) || value.length !== length || !value.every(Number.isFinite)) {
            throw HeadModelFileError('its header fields "hair" and "bust" need finite numbers');
        }
        return value as number[];
    };
    return {
        dome: numbers(hair.dome, 3),
        domeShare: numbers([hair.domeShare], 1)[0],
        hairEnd: numbers([hair.end], 1)[0],
        hairDensity: numbers([hair.density], 1)[0],
        pivot: numbers(bust.pivot, 3),
        ring: numbers(bust.ring, 2),
    };
}

/** Of a model that is one person's: no shapes, no landmarks, nothing that a network changes. */
export const NoIdentity = {
    ...NoCorrectives,
    dynamicRegions: [],
    shapes: [],
    shapeCount: 0,
    shapeDirs: new Int8Array(),
    shapeScale: new Float32Array(),
    jointStart: new Uint32Array(JointCount + 1),
    jointVertex: new Uint16Array(),
    jointWeight: new Float32Array(),
    landmark68Face: new Uint16Array(),
    landmark68Bary: new Float32Array(),
    mediaPipeFace: new Int32Array(),
    mediaPipeBary: new Float32Array(),
} as const;

/** What a head model has and a page has not. */
const NoFace = {
    ...NoIdentity,
    expressions: [],
    expressionCount: 0,
    expressionStart: new Uint32Array(1),
    expressionVertex: new Uint16Array(),
    expressionDelta: new Int16Array(),
    expressionScale: new Float32Array(),
    poseFromExpression: new Float32Array(),
    positionMapCenter: [0, 0, 0],
    positionMapScale: 1,
} as const;

/** The part that a region belongs to. */
export function PartOfRegion(region: string): PagePart {
    return region.startsWith(HairPrefix) ? "hair" : "bust";
}

/** [regions] 1 for those that a ray can meet. */
export function OuterRegions({ regions }: HeadModel): Uint8Array {
    return Uint8Array.from(regions, (region) => Number(!region.endsWith(InnerSuffix)));
}

/** [n] index into the model's regions, by Gaussian. */
export function RegionOfGaussian({ flags }: TexelTable, g: number): number {
    return flags[g] >>> RegionShift;
}

/**
 * Where the Gaussians of a map are at rest.
 * @param map [14,H,W], before activation
 * @returns [n,3] canonical, meters, new
 */
export function RestPlaces(
    { template }: HeadModel,
    { gaussianCount, corners, bary, texel, mapSize }: TexelTable,
    map: ArrayLike<number>,
): Float32Array {
    const places = new Float32Array(3 * gaussianCount);
    for (let g = 0; g < gaussianCount; g++) {
        for (let axis = 0; axis < 3; axis++) {
            let sum = map[axis * mapSize * mapSize + texel[g]];
            for (let k = 0; k < 3; k++) {
                sum += bary[3 * g + k] * template[3 * corners[3 * g + k] + axis];
            }
            places[3 * g + axis] = sum;
        }
    }
    return places;
}

/**
 * The template without a fold. In the page that ships, the middle column of hair is before the face and not behind the
 * head, between its neighbours. Maps are offsets from the template and make up for it texel by texel, so Gaussians are
 * right; who fits vertices through them needs one that bends no more than hair does. A column that is nearer to the
 * middle of its neighbours than they are to each other stays.
 * @returns [V,3] new where the page has hair, else the template itself
 */
export function EvenTemplate({ template, uv, uvFaces, faces, faceRegion, regions }: HeadModel): Float32Array {
    if (!regions.some((region) => PartOfRegion(region) === "hair")) {
        return template;
    }
    // Rows of vertices: by height in the atlas, and from one side to the other.
    const rows = new Map<number, Map<number, number>>();
    for (let i = 0; i < faces.length; i++) {
        if (PartOfRegion(regions[faceRegion[Math.floor(i / 3)]]) === "hair") {
            const [u, v] = [uv[2 * uvFaces[i]], uv[2 * uvFaces[i] + 1]];
            const row = Math.round(v / AtlasStep);
            rows.set(row, (rows.get(row) ?? new Map<number, number>()).set(u, faces[i]));
        }
    }
    const even = template.slice();
    for (const row of rows.values()) {
        const columns = [...row].sort(([a], [b]) => a - b);
        const middle = columns.findIndex(([u]) => Math.abs(u - 0.5) < AtlasStep);
        if (middle > 0 && middle + 1 < columns.length) {
            const [before, at, after] = [-1, 0, 1].map((k) => 3 * columns[middle + k][1]);
            const axes = [0, 1, 2];
            const between = axes.map((axis) => (template[before + axis] + template[after + axis]) / 2);
            const apart = Math.hypot(...axes.map((axis) => template[before + axis] - template[after + axis]));
            if (Math.hypot(...axes.map((axis) => template[at + axis] - between[axis])) > apart) {
                even.set(between, at);
            }
        }
    }
    return even;
}

/** Mean distance in meters of Gaussians that are beside each other in the map; 0 where none are. */
export function MeanSpacing(
    { gaussianCount, texel, mapSize, gaussianOfTexel }: TexelTable,
    places: ArrayLike<number>,
): number {
    let [sum, count] = [0, 0];
    for (let g = 0; g < gaussianCount; g++) {
        for (const next of [(texel[g] + 1) % mapSize === 0 ? -1 : texel[g] + 1, texel[g] + mapSize]) {
            const other = gaussianOfTexel[next] ?? -1;
            if (other >= 0) {
                sum += Math.hypot(
                    places[3 * g] - places[3 * other],
                    places[3 * g + 1] - places[3 * other + 1],
                    places[3 * g + 2] - places[3 * other + 2],
                );
                count++;
            }
        }
    }
    return count > 0 ? sum / count : 0;
}

/**
 * How the Gaussians of a person's page are seen: all are shells. One-sided regions are seen from outside, two-sided ones
 * where an inner layer lies under them, and that from inside.
 * @param table of all texels of the page; not changed
 * @param map [14,H,W], before activation
 * @returns [n] flags
 */
export function ShellFlags(
    { regions }: HeadModel,
    table: TexelTable,
    map: ArrayLike<number>,
): Uint32Array<ArrayBuffer> {
    const { gaussianCount, gaussianOfTexel, mapSize, texel } = table;
    const rows = regions.map(() => ({ first: mapSize, last: -1 }));
    for (let g = 0; g < gaussianCount; g++) {
        const band = rows[RegionOfGaussian(table, g)];
        band.first = Math.min(band.first, Math.floor(texel[g] / mapSize));
        band.last = Math.max(band.last, Math.floor(texel[g] / mapSize));
    }
    const inner = regions.map((region) => regions.indexOf(`${region}${InnerSuffix}`));
    const isCovered = (region: number, at: number): boolean => {
        const [own, layer] = [rows[region], rows[inner[region]]];
        const share = (Math.floor(at / mapSize) + 0.5 - own.first) / (own.last + 1 - own.first);
        const there = (layer.first + Math.floor(share * (layer.last + 1 - layer.first))) * mapSize + (at % mapSize);
        return gaussianOfTexel[there] >= 0 && map[3 * mapSize * mapSize + there] > 0;
    };
    return table.flags.map((flags, g) => {
        const region = RegionOfGaussian(table, g);
        if (regions[region].endsWith(InnerSuffix)) {
            return flags | ShellFlag | InsideFlag;
        }
        const isOneSided = (flags & TwoSidedFlag) === 0 || (inner[region] >= 0 && isCovered(region, texel[g]));
        return flags | ShellFlag | (isOneSided ? OutsideFlag : 0);
    });
}
