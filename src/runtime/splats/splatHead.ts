/**
 * Gaussians of any origin as a head that all passes draw and pose. There is no surface: a Gaussian lies in a face whose
 * corners are in one place, one for each joint that moves it, and its barycentric coordinates are the shares of those
 * joints. Gaussians with expressions of their own have a vertex each.
 */
import { SolveCholesky } from "../../flame/fit/cholesky.js";
import type { ISimilarity } from "../../flame/fit/similarity.js";
import { JointCount, PoseLength, type HeadModel } from "../../flame/headModel.js";
import { BuildLevels, type ILevels } from "../../flame/levels.js";
import { NoIdentity } from "../../flame/pageModel.js";
import { TexelsInMortonOrder, TwoSidedFlag, type TexelTable } from "../../flame/texelTable.js";
import { AlphaCut, MapChannels, OffsetReach, ScaleMax } from "../layout.js";
import { TakeGaussians, WrongGaussians, type IGaussians } from "./gaussians.js";
import { PlaceGaussians, PlacePoints } from "./placement.js";
import type { IReadSplats } from "./readSplats.js";

/** A head of Gaussians, as buffers take it. */
export interface ISplatHead {
    /** Joints and expressions; no surface. */
    readonly model: HeadModel;
    readonly table: TexelTable;
    readonly levels: ILevels;
    /** [14,H,W], before activation. */
    readonly map: Float32Array<ArrayBuffer>;
    /** Gaussians of the file that are too far from the head, or too faint, to be drawn. */
    readonly leftOut: number;
    /** Gaussians that are drawn smaller than they are. */
    readonly clamped: number;
}

/** Most vertices that an index of 16 bits names. */
const MostVertices = 65535;
const Neck = 3;
/** Meters that a LAM avatar's own neck may be from the head model's to be believed. */
const SameNeck = 0.06;
/** Steps of a place along each axis of the curve that brings neighbours together. */
const CurveBits = 10;
/** The logit of the largest and smallest opacity that is told apart. */
const MaxLogit = 12;
/** Meters; smaller offsets of an expression do not move anything that is seen. */
const LeastDelta = 1e-5;
/** Shares of a neck that is neither head nor torso. */
const [LeastShare, MostShare] = [0.05, 0.95];

/**
 * @param head whose joints, and names of expressions, it gets
 * @param placement from the file's axes to canonical space
 * @throws FlexAvatarError `file-format` if nothing is left near the head
 */
export function BuildSplatHead(read: IReadSplats, head: HeadModel, placement: ISimilarity): ISplatHead {
    const all = PlaceGaussians(read.gaussians, placement);
    const order = InOrder(all);
    if (order.length === 0) {
        throw WrongGaussians("no Gaussian that can be seen is within half a meter of the head");
    }
    const gaussians = TakeGaussians(all, order);
    const { count, sizes } = gaussians;
    const weights = read.skin ? TakeWeights(read.skin.weights, order) : NeckWeights(head, gaussians.places);
    const expressions = read.skin ? PlaceExpressions(read.skin.expressions, placement, order) : new Map();
    const hasVertices = expressions.size > 0 && count <= MostVertices;
    const model = ModelOf(head, {
        places: hasVertices ? gaussians.places : new Float32Array(3 * JointCount),
        weights: hasVertices ? weights : OnePerJoint(),
        expressions: hasVertices ? expressions : new Map(),
        neck: read.skin?.neck ? [...PlacePoints(Float32Array.from(read.skin.neck), placement)] : null,
    });
    const mapSize = Math.ceil(Math.sqrt(count));
    const table = TableOf(count, mapSize, weights, hasVertices);
    const spacing = SpacingOf(gaussians.places);
    return {
        model,
        table,
        levels: BuildLevels(model, table, { places: gaussians.places, spacing }),
        map: MapOf(gaussians, table, hasVertices),
        leftOut: all.count - count,
        clamped: Array.from({ length: count }, (_, i) => i).filter((i) => LargestOf(sizes, i) > ScaleMax).length,
    };
}

function LargestOf(sizes: Float32Array, i: number): number {
    return Math.max(sizes[3 * i], sizes[3 * i + 1], sizes[3 * i + 2]);
}

/** Those that can be drawn, neighbours beside each other: along a Morton curve through the box that offsets reach. */
function InOrder({ count, places, opacities }: IGaussians): Uint32Array {
    const kept: number[] = [];
    const code = new Float64Array(count);
    for (let i = 0; i < count; i++) {
        const reach = Math.max(Math.abs(places[3 * i]), Math.abs(places[3 * i + 1]), Math.abs(places[3 * i + 2]));
        if (reach < OffsetReach && opacities[i] >= AlphaCut) {
            kept.push(i);
            for (let axis = 0; axis < 3; axis++) {
                const step = Math.floor((places[3 * i + axis] / OffsetReach + 1) * 2 ** (CurveBits - 1));
                for (let bit = 0; bit < CurveBits; bit++) {
                    code[i] += ((step >> bit) & 1) * 2 ** (3 * bit + axis);
                }
            }
        }
    }
    return Uint32Array.from(kept.sort((a, b) => code[a] - code[b] || a - b));
}

function TakeWeights(weights: Float32Array, order: Uint32Array): Float32Array {
    const taken = new Float32Array(JointCount * order.length);
    order.forEach((from, i) => taken.set(weights.subarray(JointCount * from, JointCount * (from + 1)), JointCount * i));
    return taken;
}

/**
 * [n,5] how much of a place is neck and how much torso: the plane that comes nearest to the head model's own weights,
 * by height and depth.
 */
function NeckWeights(head: HeadModel, places: Float32Array): Float32Array {
    const a = new Float64Array(9);
    const b = new Float64Array(3);
    for (let v = 0; v < head.vertexCount; v++) {
        const share = head.weights[JointCount * v + 1] / 255;
        if (share > LeastShare && share < MostShare) {
            const row = [1, head.template[3 * v + 1], head.template[3 * v + 2]];
            row.forEach((x, i) => {
                b[i] += x * share;
                row.forEach((y, k) => (a[3 * i + k] += x * y));
            });
        }
    }
    const slopes = SolveCholesky(a, b, 3) ? b : Float64Array.of(1, 0, 0);
    const weights = new Float32Array((JointCount * places.length) / 3);
    for (let i = 0; i < places.length / 3; i++) {
        const share = slopes[0] + slopes[1] * places[3 * i + 1] + slopes[2] * places[3 * i + 2];
        weights[JointCount * i + 1] = Math.min(1, Math.max(0, share));
        weights[JointCount * i] = 1 - weights[JointCount * i + 1];
    }
    return weights;
}

function PlaceExpressions(
    expressions: ReadonlyMap<string, Float32Array>,
    placement: ISimilarity,
    order: Uint32Array,
): Map<string, Float32Array> {
    const placed = Array.from(expressions, ([name, deltas]): [string, Float32Array] => {
        const all = PlacePoints(deltas, placement, 0);
        const taken = new Float32Array(3 * order.length);
        order.forEach((from, i) => taken.set(all.subarray(3 * from, 3 * from + 3), 3 * i));
        return [name, taken];
    });
    return new Map(placed);
}

function OnePerJoint(): Float32Array {
    return Float32Array.from({ length: JointCount * JointCount }, (_, i) => Number(i % (JointCount + 1) === 0));
}

interface IModelParts {
    readonly places: Float32Array;
    readonly weights: Float32Array;
    readonly expressions: ReadonlyMap<string, Float32Array>;
    readonly neck: readonly number[] | null;
}

/** The head model's joints and names, other vertices. */
function ModelOf(head: HeadModel, { places, weights, expressions, neck }: IModelParts): HeadModel {
    const joints = head.joints.slice();
    if (neck && Math.hypot(...neck.map((value, axis) => value - joints[Neck + axis])) < SameNeck) {
        joints.set(neck, Neck);
    }
    const start = new Uint32Array(head.expressionCount + 1);
    const vertices: number[] = [];
    const deltas: number[] = [];
    const scales = new Float32Array(head.expressionCount);
    head.expressions.forEach((name, e) => {
        const all = expressions.get(name);
        const most = all ? all.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) : 0;
        scales[e] = most / 32767;
        for (let v = 0; all && most > 0 && v < all.length / 3; v++) {
            const delta = all.subarray(3 * v, 3 * v + 3);
            if (Math.max(...delta.map(Math.abs)) >= LeastDelta) {
                vertices.push(v);
                deltas.push(...Array.from(delta, (value) => Math.round(value / scales[e])));
            }
        }
        start[e + 1] = vertices.length;
    });
    return {
        ...head,
        ...NoIdentity,
        name: "splats",
        regions: ["splats"],
        twoSidedRegions: ["splats"],
        vertexCount: places.length / 3,
        faceCount: 1,
        uvCount: 3,
        template: places,
        faces: Uint16Array.of(0, 1, 2),
        uvFaces: Uint16Array.of(0, 1, 2),
        uv: Float32Array.of(0, 0, 2, 0, 0, 2), // all of the atlas
        faceRegion: Uint8Array.of(0),
        weights: InBytes(weights),
        joints,
        expressionStart: start,
        expressionVertex: Uint16Array.from(vertices),
        expressionDelta: Int16Array.from(deltas),
        expressionScale: scales,
        poseFromExpression: new Float32Array(head.expressionCount * PoseLength),
    };
}

/** Rows sum to 255: the largest share takes what rounding leaves. */
function InBytes(weights: Float32Array): Uint8Array {
    const bytes = new Uint8Array(weights.length);
    for (let row = 0; row < weights.length; row += JointCount) {
        let [rest, largest] = [255, row];
        for (let k = row; k < row + JointCount; k++) {
            bytes[k] = Math.round(255 * Math.min(1, Math.max(0, weights[k])));
            rest -= bytes[k];
            largest = weights[k] > weights[largest] ? k : largest;
        }
        bytes[largest] += rest;
    }
    return bytes;
}

function TableOf(count: number, mapSize: number, weights: Float32Array, hasVertices: boolean): TexelTable {
    const texel = TexelsInMortonOrder(mapSize, new Int32Array(mapSize * mapSize)).slice(0, count);
    const corners = new Uint16Array(3 * count);
    const bary = new Float32Array(3 * count);
    const gaussianOfTexel = new Int32Array(mapSize * mapSize).fill(-1);
    for (let g = 0; g < count; g++) {
        gaussianOfTexel[texel[g]] = g;
        const shares = weights.subarray(JointCount * g, JointCount * (g + 1));
        if (hasVertices) {
            corners.fill(g, 3 * g, 3 * g + 3);
            bary[3 * g] = 1;
            continue;
        }
        const largest = [0, 1, 2, 3, 4].sort((a, b) => shares[b] - shares[a] || a - b).slice(0, 3);
        const sum = largest.reduce((all, joint) => all + shares[joint], 0);
        largest.forEach((joint, k) => {
            corners[3 * g + k] = joint;
            bary[3 * g + k] = shares[joint] / sum;
        });
    }
    return {
        mapSize,
        gaussianCount: count,
        texel,
        face: new Uint16Array(count),
        corners,
        bary,
        weights,
        flags: new Uint32Array(count).fill(TwoSidedFlag),
        gaussianOfTexel,
    };
}

/** [14,H,W]; offsets are from the origin, or from the Gaussian's own vertex, where there are none. */
function MapOf(
    { count, places, sizes, turns, colors, opacities }: IGaussians,
    { mapSize, texel }: TexelTable,
    hasVertices: boolean,
): Float32Array<ArrayBuffer> {
    const texels = mapSize * mapSize;
    const map = new Float32Array(MapChannels * texels);
    map.fill(-MaxLogit, 3 * texels, 4 * texels);
    for (let g = 0; g < count; g++) {
        const logit = Math.log(opacities[g] / (1 - opacities[g]));
        map[3 * texels + texel[g]] = Math.min(MaxLogit, Math.max(-MaxLogit, logit));
        for (let k = 0; k < 3; k++) {
            map[k * texels + texel[g]] = hasVertices ? 0 : places[3 * g + k];
            map[(4 + k) * texels + texel[g]] = colors[3 * g + k];
            map[(7 + k) * texels + texel[g]] = Math.log(sizes[3 * g + k]);
        }
        for (let k = 0; k < 4; k++) {
            map[(10 + k) * texels + texel[g]] = turns[4 * g + k];
        }
    }
    return map;
}

/** The median distance along the curve, meters. */
function SpacingOf(places: Float32Array): number {
    const steps = Float64Array.from({ length: Math.max(1, places.length / 3 - 1) }, (_, i) =>
        Math.hypot(
            places[3 * i + 3] - places[3 * i],
            places[3 * i + 4] - places[3 * i + 1],
            places[3 * i + 5] - places[3 * i + 2],
        ),
    ).sort();
    return steps[steps.length >> 1] || 1e-3;
}
