/**
 * Which face of the head model each texel of a square UV map lies on, and the list of Gaussians that follows from it.
 * The rule is exact, so that its Python twin (training/headmodel/texels.py) finds the same texels and the same order:
 * for each face in order, each texel whose centre passes the three inclusive barycentric tests in float64 and has no
 * face yet takes that face. Gaussians are the valid texels in Morton order of (row, column).
 */
import { FlexAvatarError } from "./error.js";
import { JointCount, type HeadModel } from "./headModel.js";

/** Bit of {@link TexelTable.flags}: the driver may change this Gaussian. */
export const DynamicFlag = 1;
/** Bit of {@link TexelTable.flags}: seen from both sides. */
export const TwoSidedFlag = 2;
/** Bit of {@link TexelTable.flags}: one of many that overlap to an opaque shell, so that its faint rim adds nothing. */
export const ShellFlag = 4;
/** Bit of {@link TexelTable.flags}: seen only where its own third axis looks at the camera. */
export const OutsideFlag = 8;
/** Bit of {@link TexelTable.flags}: seen only where its own third axis looks away from the camera. */
export const InsideFlag = 16;
/** Bits 8–15 of {@link TexelTable.flags} hold the region. */
export const RegionShift = 8;
/** A region that is open at an end, where its inside is seen. */
const OpenRegion = "neck";
/** Largest map edge that a table is made for. */
export const MaxMapSize = 2048;

/** The valid texels of one map size, in Gaussian order. n Gaussians. */
export interface TexelTable {
    /** Texels per side of the map. */
    readonly mapSize: number;
    readonly gaussianCount: number;
    /** [n] texel of each Gaussian: row · mapSize + column, row 0 at the top. */
    readonly texel: Uint32Array;
    /** [n] face of each Gaussian. */
    readonly face: Uint16Array;
    /** [n,3] vertices of that face. */
    readonly corners: Uint16Array;
    /** [n,3] barycentric coordinates of the texel centre in that face. */
    readonly bary: Float32Array;
    /** [n,5] skin weights at the texel centre, summing to one. */
    readonly weights: Float32Array;
    /** [n] bit 0 dynamic, bit 1 two-sided, bits 8–15 region. */
    readonly flags: Uint32Array;
    /** [mapSize²] Gaussian of each texel, −1 where there is none. */
    readonly gaussianOfTexel: Int32Array;
}

/**
 * Makes the texel table of a model at one map size. Takes some milliseconds; make it once.
 * @param mapSize texels per side, 1 to {@link MaxMapSize}
 * @throws FlexAvatarError `invalid-argument` if `mapSize` is not a whole number in that range
 */
export function BuildTexelTable(model: HeadModel, mapSize: number): TexelTable {
    if (!Number.isInteger(mapSize) || mapSize < 1 || mapSize > MaxMapSize) {
        throw new FlexAvatarError(
            "invalid-argument",
            `BuildTexelTable got map size ${mapSize}, wanted 1 to ${MaxMapSize}.`,
        );
    }
    const { faceOfTexel, baryOfTexel } = FacesOfTexels(model, mapSize);
    const texel = TexelsInMortonOrder(mapSize, faceOfTexel);
    return DescribeGaussians(model, mapSize, texel, faceOfTexel, baryOfTexel);
}

/** @returns the face of each texel, [mapSize²], −1 where there is none, and where in it, [mapSize²,3] */
export function FacesOfTexels(
    model: HeadModel,
    mapSize: number,
): { readonly faceOfTexel: Int32Array; readonly baryOfTexel: Float64Array } {
    const faceOfTexel = new Int32Array(mapSize * mapSize).fill(-1);
    const baryOfTexel = new Float64Array(3 * mapSize * mapSize);
    for (let face = 0; face < model.faceCount; face++) {
        ClaimTexels(model, face, mapSize, faceOfTexel, baryOfTexel);
    }
    return { faceOfTexel, baryOfTexel };
}

function ClaimTexels(
    model: HeadModel,
    face: number,
    mapSize: number,
    faceOfTexel: Int32Array,
    baryOfTexel: Float64Array,
): void {
    const { uv, uvFaces } = model;
    const [a, b, c] = [2 * uvFaces[3 * face], 2 * uvFaces[3 * face + 1], 2 * uvFaces[3 * face + 2]];
    const [ax, ay, bx, by, cx, cy] = [uv[a], uv[a + 1], uv[b], uv[b + 1], uv[c], uv[c + 1]];
    const doubleArea = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay);
    if (doubleArea === 0) {
        return;
    }
    // One texel of margin: the tests below decide, the box only saves time.
    const firstColumn = Math.max(0, Math.floor(Math.min(ax, bx, cx) * mapSize) - 1);
    const lastColumn = Math.min(mapSize - 1, Math.ceil(Math.max(ax, bx, cx) * mapSize));
    const firstRow = Math.max(0, Math.floor((1 - Math.max(ay, by, cy)) * mapSize) - 1);
    const lastRow = Math.min(mapSize - 1, Math.ceil((1 - Math.min(ay, by, cy)) * mapSize));
    for (let row = firstRow; row <= lastRow; row++) {
        const y = 1 - (row + 0.5) / mapSize;
        for (let column = firstColumn; column <= lastColumn; column++) {
            const texel = row * mapSize + column;
            if (faceOfTexel[texel] >= 0) {
                continue;
            }
            const x = (column + 0.5) / mapSize;
            // This order of operations, and no other, so that texels on an edge fall to the same face as in the Python
            // twin.
            const wa = ((bx - x) * (cy - y) - (cx - x) * (by - y)) / doubleArea;
            const wb = ((cx - x) * (ay - y) - (ax - x) * (cy - y)) / doubleArea;
            const wc = ((ax - x) * (by - y) - (bx - x) * (ay - y)) / doubleArea;
            if (wa >= 0 && wb >= 0 && wc >= 0) {
                faceOfTexel[texel] = face;
                baryOfTexel[3 * texel] = wa;
                baryOfTexel[3 * texel + 1] = wb;
                baryOfTexel[3 * texel + 2] = wc;
            }
        }
    }
}

/**
 * Valid texels sorted by their Morton code. Neighbours in the list are neighbours on the head, which keeps GPU reads
 * together.
 */
function TexelsInMortonOrder(mapSize: number, faceOfTexel: Int32Array): Uint32Array {
    // Walking all codes of the enclosing power of two in order is a sort without comparisons.
    const edge = 2 ** Math.ceil(Math.log2(mapSize));
    const texels = new Uint32Array(mapSize * mapSize);
    let count = 0;
    for (let code = 0; code < edge * edge; code++) {
        const column = EvenBits(code);
        const row = EvenBits(code >>> 1);
        if (row < mapSize && column < mapSize && faceOfTexel[row * mapSize + column] >= 0) {
            texels[count++] = row * mapSize + column;
        }
    }
    return texels.slice(0, count);
}

/** Bits 0, 2, 4, … of a Morton code, moved together: its column; of the code shifted by one, its row. */
function EvenBits(code: number): number {
    let bits = code & 0x55555555;
    bits = (bits | (bits >>> 1)) & 0x33333333;
    bits = (bits | (bits >>> 2)) & 0x0f0f0f0f;
    bits = (bits | (bits >>> 4)) & 0x00ff00ff;
    return (bits | (bits >>> 8)) & 0x0000ffff;
}

function DescribeGaussians(
    model: HeadModel,
    mapSize: number,
    texel: Uint32Array,
    faceOfTexel: Int32Array,
    baryOfTexel: Float64Array,
): TexelTable {
    const count = texel.length;
    const table = {
        mapSize,
        gaussianCount: count,
        texel,
        face: new Uint16Array(count),
        corners: new Uint16Array(3 * count),
        bary: new Float32Array(3 * count),
        weights: new Float32Array(JointCount * count),
        flags: new Uint32Array(count),
        gaussianOfTexel: new Int32Array(mapSize * mapSize).fill(-1),
    };
    const flagsOfRegion = RegionFlags(model);
    for (let g = 0; g < count; g++) {
        const face = faceOfTexel[texel[g]];
        table.face[g] = face;
        table.flags[g] = flagsOfRegion[model.faceRegion[face]];
        table.gaussianOfTexel[texel[g]] = g;
        for (let corner = 0; corner < 3; corner++) {
            const vertex = model.faces[3 * face + corner];
            const bary = baryOfTexel[3 * texel[g] + corner];
            table.corners[3 * g + corner] = vertex;
            table.bary[3 * g + corner] = bary;
            for (let joint = 0; joint < JointCount; joint++) {
                table.weights[JointCount * g + joint] += (bary * model.weights[JointCount * vertex + joint]) / 255;
            }
        }
    }
    return table;
}

/**
 * The table of some of the Gaussians, in the same order.
 * @param keeps told the index of each
 */
export function CompactTable(table: TexelTable, keeps: (gaussian: number) => boolean): TexelTable {
    const kept = Uint32Array.from(Array.from({ length: table.gaussianCount }, (_, g) => g).filter(keeps));
    const gaussianOfTexel = new Int32Array(table.mapSize * table.mapSize).fill(-1);
    kept.forEach((from, g) => (gaussianOfTexel[table.texel[from]] = g));
    const take = <T extends Uint16Array | Uint32Array | Float32Array>(into: T, from: T, width: number): T => {
        kept.forEach((g, i) => into.set(from.subarray(width * g, width * (g + 1)), width * i));
        return into;
    };
    const count = kept.length;
    return {
        mapSize: table.mapSize,
        gaussianCount: count,
        texel: take(new Uint32Array(count), table.texel, 1),
        face: take(new Uint16Array(count), table.face, 1),
        corners: take(new Uint16Array(3 * count), table.corners, 3),
        bary: take(new Float32Array(3 * count), table.bary, 3),
        weights: take(new Float32Array(JointCount * count), table.weights, JointCount),
        flags: take(new Uint32Array(count), table.flags, 1),
        gaussianOfTexel,
    };
}

function RegionFlags(model: HeadModel): Uint32Array {
    return Uint32Array.from(model.regions, (region, index) => {
        const dynamic = model.dynamicRegions.includes(region) ? DynamicFlag : 0;
        const twoSided = region === OpenRegion || model.twoSidedRegions.includes(region) ? TwoSidedFlag : 0;
        return dynamic | twoSided | (index << RegionShift);
    });
}
