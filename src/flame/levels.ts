/**
 * Coarser levels of detail of a texel table: which Gaussians become one. Gaussians of a block of 2×2 or 4×4 texels are
 * joined where they lie on the same region and island of the atlas, near each other, and move with the same joints;
 * else the block keeps several. Thanks to the Morton order the Gaussians of a block follow each other, so a group is a
 * first index and a mask.
 */
import { JointCount, type HeadModel } from "./headModel.js";
import { RegionShift, type TexelTable } from "./texelTable.js";

/** Levels, the finest included: 1, 1/2 and 1/4 of the map's edge. */
export const LevelCount = 3;
/** 0 is the finest. */
export type Level = 0 | 1 | 2;

/** Gaussians farther apart than this many spacings of their level are not joined: the two sides of a fold. */
const LargestGap = 4;
/** Nor are those whose skin weights differ by more than this in sum: upper and lower lip. */
const LargestTurn = 0.3;

/** Groups of all coarse levels, level after level. m groups. */
export interface ILevels {
    /** [LevelCount+1] where each level begins in a list of the Gaussians of all levels. */
    readonly start: readonly number[];
    /**
     * [m] the Gaussian in the middle of each group: whose place on the head, and whose part of the delta maps, it
     * takes.
     */
    readonly anchor: Uint32Array;
    /** [m] the first Gaussian of each group. */
    readonly first: Uint32Array;
    /** [m] bit i: the Gaussian `first + i` is in the group. */
    readonly mask: Uint32Array;
    /** Mean distance of neighbouring Gaussians of the finest level, meters. */
    readonly spacing: number;
}

/**
 * Finds the groups. Takes some milliseconds; once per table.
 * @param at where the Gaussians are at rest, [n,3] meters, and their mean distance. Default: on the template
 */
export function BuildLevels(
    model: HeadModel,
    table: TexelTable,
    at?: { places: Float32Array; spacing: number },
): ILevels {
    const islands = Islands(model);
    const places = at?.places ?? Places(model, table);
    const spacing = at?.spacing ?? Math.sqrt(SurfaceArea(model) / Math.max(1, table.gaussianCount));
    const start = [0, table.gaussianCount];
    const groups: number[][] = [];
    for (let level = 1; level < LevelCount; level++) {
        const isJoined = (a: number, b: number): boolean =>
            table.flags[a] >>> RegionShift === table.flags[b] >>> RegionShift &&
            islands[table.face[a]] === islands[table.face[b]] &&
            Distance2(places, a, b) < (LargestGap * spacing * 2 ** (level - 1)) ** 2 &&
            WeightDifference(table, a, b) < LargestTurn;
        for (let first = 0; first < table.gaussianCount;) {
            const block = BlockOf(table, first, level);
            const ofBlock = groups.length;
            let g = first;
            for (; g < table.gaussianCount && BlockOf(table, g, level) === block; g++) {
                let group = ofBlock;
                while (group < groups.length && !isJoined(groups[group][0], g)) {
                    group++;
                }
                (groups[group] ??= []).push(g);
            }
            first = g;
        }
        start.push(table.gaussianCount + groups.length);
    }
    return {
        start,
        anchor: Uint32Array.from(groups, (members) => Middle(places, members)),
        first: Uint32Array.from(groups, ([first]) => first),
        mask: Uint32Array.from(groups, (members) => members.reduce((mask, g) => mask | (1 << (g - members[0])), 0)),
        spacing,
    };
}

function BlockOf({ texel, mapSize }: TexelTable, g: number, level: number): number {
    return (Math.floor(texel[g] / mapSize) >> level) * mapSize + ((texel[g] % mapSize) >> level);
}

/** [F] a number for each face, the same for faces that hang together in the atlas. */
function Islands({ uvFaces, uvCount, faceCount }: HeadModel): Uint32Array {
    const parent = Uint32Array.from({ length: uvCount }, (_, i) => i);
    const root = (i: number): number => {
        while (parent[i] !== i) {
            parent[i] = parent[parent[i]];
            i = parent[i];
        }
        return i;
    };
    for (let f = 0; f < faceCount; f++) {
        parent[root(uvFaces[3 * f + 1])] = root(uvFaces[3 * f]);
        parent[root(uvFaces[3 * f + 2])] = root(uvFaces[3 * f]);
    }
    return Uint32Array.from({ length: faceCount }, (_, f) => root(uvFaces[3 * f]));
}

/** [n,3] where each Gaussian's texel lies on the head at rest. */
function Places({ template }: HeadModel, { gaussianCount, corners, bary }: TexelTable): Float32Array {
    const places = new Float32Array(3 * gaussianCount);
    for (let i = 0; i < 3 * gaussianCount; i++) {
        const corner = i - (i % 3);
        for (let k = 0; k < 3; k++) {
            places[i] += bary[corner + k] * template[3 * corners[corner + k] + (i % 3)];
        }
    }
    return places;
}

function SurfaceArea({ template, faces, faceCount }: HeadModel): number {
    let sum = 0;
    for (let f = 0; f < faceCount; f++) {
        const [a, b, c] = [3 * faces[3 * f], 3 * faces[3 * f + 1], 3 * faces[3 * f + 2]];
        const [ux, uy, uz] = [0, 1, 2].map((axis) => template[b + axis] - template[a + axis]);
        const [vx, vy, vz] = [0, 1, 2].map((axis) => template[c + axis] - template[a + axis]);
        sum += Math.hypot(uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx) / 2;
    }
    return sum;
}

function Distance2(places: Float32Array, a: number, b: number): number {
    return (
        (places[3 * a] - places[3 * b]) ** 2 +
        (places[3 * a + 1] - places[3 * b + 1]) ** 2 +
        (places[3 * a + 2] - places[3 * b + 2]) ** 2
    );
}

function WeightDifference({ weights }: TexelTable, a: number, b: number): number {
    let sum = 0;
    for (let joint = 0; joint < JointCount; joint++) {
        sum += Math.abs(weights[JointCount * a + joint] - weights[JointCount * b + joint]);
    }
    return sum;
}

/** The member nearest to the mean of all. */
function Middle(places: Float32Array, members: readonly number[]): number {
    let [x, y, z] = [0, 0, 0];
    for (const g of members) {
        x += places[3 * g] / members.length;
        y += places[3 * g + 1] / members.length;
        z += places[3 * g + 2] / members.length;
    }
    let [best, nearest] = [members[0], Infinity];
    for (const g of members) {
        const distance2 = (places[3 * g] - x) ** 2 + (places[3 * g + 1] - y) ** 2 + (places[3 * g + 2] - z) ** 2;
        if (distance2 < nearest) {
            [best, nearest] = [g, distance2];
        }
    }
    return best;
}
