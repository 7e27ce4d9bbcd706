/**
 * A small head model and avatar made from a seed: a bumpy half ellipsoid of 17² vertices whose atlas fills most of the
 * map, smooth skin weights for all five joints, six sparse expressions, one dynamic and one two-sided region.
 */
import { CreateExpressionPose, type ExpressionPose } from "../../src/flame/expression";
import type { HeadModel } from "../../src/flame/headModel";
import { BuildTexelTable, type TexelTable } from "../../src/flame/texelTable";
import { Normal } from "./gpu";
import { MakeGridHead } from "./gridHead";

const Edge = 17;
const ExpressionCount = 6;

/** The model. */
export function SyntheticHead(random: () => number): HeadModel {
    const vertexCount = Edge * Edge;
    const template = new Float32Array(3 * vertexCount);
    const uv = new Float32Array(2 * vertexCount);
    const weights = new Uint8Array(5 * vertexCount);
    for (let row = 0; row < Edge; row++) {
        for (let column = 0; column < Edge; column++) {
            const v = row * Edge + column;
            const [s, t] = [column / (Edge - 1), row / (Edge - 1)];
            const [longitude, latitude] = [(s - 0.5) * 2.6, (t - 0.5) * 2.4];
            const bump = 1 + 0.05 * (random() - 0.5);
            template[3 * v] = 0.08 * bump * Math.sin(longitude) * Math.cos(latitude);
            template[3 * v + 1] = 0.12 * bump * Math.sin(latitude);
            template[3 * v + 2] = 0.09 * bump * Math.cos(longitude) * Math.cos(latitude);
            uv[2 * v] = 0.04 + 0.9 * s;
            uv[2 * v + 1] = 0.05 + 0.9 * t;
            const shares = [0.1, 0.4 + t, Math.max(0, 0.5 - t), Math.max(0, s - 0.6), Math.max(0, 0.4 - s)];
            const sum = shares.reduce((a, b) => a + b);
            for (let joint = 1; joint < 5; joint++) {
                weights[5 * v + joint] = Math.round((255 * shares[joint]) / sum);
            }
            weights[5 * v] = 255 - weights.subarray(5 * v + 1, 5 * v + 5).reduce((a, b) => a + b, 0);
        }
    }
    const region: number[] = [];
    for (let row = 0; row + 1 < Edge; row++) {
        for (let column = 0; column + 1 < Edge; column++) {
            region.push(column < 10 ? 0 : row < 4 ? 2 : 1, column < 10 ? 0 : row < 4 ? 2 : 1);
        }
    }
    const expressionStart = new Uint32Array(ExpressionCount + 1);
    const expressionVertex: number[] = [];
    const expressionDelta: number[] = [];
    for (let e = 0; e < ExpressionCount; e++) {
        for (let v = 0; v < vertexCount; v++) {
            if (random() < 0.3) {
                expressionVertex.push(v);
                expressionDelta.push(...[0, 0, 0].map(() => Math.round(20000 * (2 * random() - 1))));
            }
        }
        expressionStart[e + 1] = expressionVertex.length;
    }
    return MakeGridHead(Edge, {
        name: "synthetic",
        source: "a test",
        regions: ["face", "scalp", "neck"],
        dynamicRegions: ["face"],
        twoSidedRegions: ["scalp"],
        template,
        uv,
        faceRegion: Uint8Array.from(region),
        weights,
        expressionStart,
        expressionVertex: Uint16Array.from(expressionVertex),
        expressionDelta: Int16Array.from(expressionDelta),
        expressionScale: Float32Array.from({ length: ExpressionCount }, () => 1e-6 * (0.2 + random())),
        poseFromExpression: Float32Array.from({ length: 15 * ExpressionCount }, () => 0.1 * (random() - 0.5)),
        positionMapCenter: [0.01, 0.02, 0.03],
    });
}

/** A random expression with joints turned by up to `turn` radians per axis. */
export function RandomExpression(model: HeadModel, random: () => number, turn = 0.4): ExpressionPose {
    const pose = CreateExpressionPose(model);
    pose.expression.forEach((_, e) => (pose.expression[e] = random()));
    pose.pose.forEach((_, i) => (pose.pose[i] = turn * (2 * random() - 1)));
    return pose;
}

/**
 * A static map: small offsets, mixed opacities (some below the cut), colors partly out of range, scales of about a
 * texel, free rotations.
 */
export function RandomStaticMap(mapSize: number, random: () => number): Float32Array<ArrayBuffer> {
    const texels = mapSize * mapSize;
    const spacing = 0.25 / mapSize;
    const map = new Float32Array(14 * texels);
    for (let t = 0; t < texels; t++) {
        for (let c = 0; c < 3; c++) {
            map[c * texels + t] = 0.004 * Normal(random);
            map[(4 + c) * texels + t] = 0.5 + 0.35 * Normal(random);
            map[(7 + c) * texels + t] = Math.log(spacing) + 0.6 * Normal(random);
        }
        map[3 * texels + t] = 2 * Normal(random) - (random() < 0.05 ? 8 : 0);
        for (let c = 10; c < 14; c++) {
            map[c * texels + t] = Normal(random);
        }
    }
    return map;
}

/** A delta map of plausible size. */
export function RandomDeltaMap(mapSize: number, random: () => number): Float32Array<ArrayBuffer> {
    const texels = mapSize * mapSize;
    const size = [0.003, 0.003, 0.003, 0.5, 0.1, 0.1, 0.1, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2];
    return Float32Array.from({ length: 14 * texels }, (_, i) => size[Math.floor(i / texels)] * Normal(random));
}

/** Model and both texel tables. */
export function SyntheticTables(
    random: () => number,
    mapSize: number,
    positionSize = 32,
): { model: HeadModel; table: TexelTable; positionTable: TexelTable } {
    const model = SyntheticHead(random);
    return { model, table: BuildTexelTable(model, mapSize), positionTable: BuildTexelTable(model, positionSize) };
}
