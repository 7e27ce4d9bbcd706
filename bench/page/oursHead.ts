/**
 * A head model and a static map whose Gaussians, skinned at rest, are those of head.ts: a mesh of about 5,000 vertices
 * over the ellipsoid with joints, skin weights and 52 expressions, so that posing and projecting cost what they cost
 * for a real avatar.
 */
import type { HeadModel } from "../../src/flame/headModel";
import { DynamicFlag, type TexelTable } from "../../src/flame/texelTable";
import { MakeGridHead } from "../../tests/support/gridHead";
import type { IGaussians } from "./head";

/** Vertices along a side of the mesh: 72² is close to FLAME's 5,023. */
const Edge = 72;
const ExpressionCount = 52;
const VerticesPerExpression = 400;
const Radii = [0.085, 0.12, 0.1];

/** The parts of our avatar. */
export interface IOursHead {
    model: HeadModel;
    table: TexelTable;
    staticMap: Float32Array<ArrayBuffer>;
}

/** @param head must lie on the ellipsoid that {@link MakeHead} makes */
export function MakeOursHead(head: IGaussians): IOursHead {
    const model = MakeModel();
    const mapSize = Math.max(400, Math.ceil(Math.sqrt(1.05 * head.count)));
    const table = MakeTable(model, head, mapSize);
    return { model, table, staticMap: MakeStaticMap(model, table, head) };
}

function VertexAt(longitude: number, latitude: number): number[] {
    const turn = 2 * Math.PI * longitude;
    const rise = Math.PI * (latitude - 0.5);
    return [
        Radii[0] * Math.cos(rise) * Math.sin(turn),
        Radii[1] * Math.sin(rise),
        Radii[2] * Math.cos(rise) * Math.cos(turn),
    ];
}

function MakeModel(): HeadModel {
    const vertexCount = Edge * Edge;
    const template = new Float32Array(3 * vertexCount);
    const uv = new Float32Array(2 * vertexCount);
    const weights = new Uint8Array(5 * vertexCount);
    for (let v = 0; v < vertexCount; v++) {
        const [s, t] = [(v % Edge) / (Edge - 1), Math.floor(v / Edge) / (Edge - 1)];
        template.set(VertexAt(s, t), 3 * v);
        uv.set([s, t], 2 * v);
        const jaw = Math.round(100 * Math.max(0, 0.5 - t));
        weights.set([20, 235 - jaw, jaw, 0, 0], 5 * v);
    }
    const entries = ExpressionCount * VerticesPerExpression;
    return MakeGridHead(Edge, {
        name: "bench",
        source: "bench/page/oursHead.ts",
        regions: ["face"],
        dynamicRegions: ["face"],
        twoSidedRegions: [],
        template,
        uv,
        faceRegion: new Uint8Array(2 * (Edge - 1) ** 2),
        weights,
        expressionStart: Uint32Array.from({ length: ExpressionCount + 1 }, (_, e) => e * VerticesPerExpression),
        expressionVertex: Uint16Array.from({ length: entries }, (_, k) => (k * 37) % vertexCount),
        expressionDelta: new Int16Array(3 * entries).fill(1000),
        expressionScale: new Float32Array(ExpressionCount).fill(1e-7),
        positionMapCenter: [0, 0, 0],
    });
}

/** Gaussian i takes the i-th texel in Morton order, on the face where it lies. */
function MakeTable(model: HeadModel, head: IGaussians, mapSize: number): TexelTable {
    const { count } = head;
    const texel = new Uint32Array(count);
    const gaussianOfTexel = new Int32Array(mapSize * mapSize).fill(-1);
    for (let code = 0, g = 0; g < count; code++) {
        const [column, row] = [EvenBits(code), EvenBits(code / 2)];
        if (column < mapSize && row < mapSize) {
            texel[g] = row * mapSize + column;
            gaussianOfTexel[texel[g]] = g++;
        }
    }
    const face = new Uint16Array(count);
    const corners = new Uint16Array(3 * count);
    const bary = new Float32Array(3 * count);
    const weights = new Float32Array(5 * count);
    for (let g = 0; g < count; g++) {
        const [x, y] = [head.uv[2 * g] * (Edge - 1), head.uv[2 * g + 1] * (Edge - 1)];
        const [column, row] = [Math.min(Edge - 2, Math.floor(x)), Math.min(Edge - 2, Math.floor(y))];
        const [s, t] = [x - column, y - row];
        face[g] = 2 * (row * (Edge - 1) + column) + (s < t ? 1 : 0);
        corners.set(model.faces.subarray(3 * face[g], 3 * face[g] + 3), 3 * g);
        bary.set(s < t ? [1 - t, s, t - s] : [1 - s, s - t, t], 3 * g);
        weights[5 * g + 1] = 1;
    }
    return {
        mapSize,
        gaussianCount: count,
        texel,
        face,
        corners,
        bary,
        weights,
        flags: new Uint32Array(count).fill(DynamicFlag),
        gaussianOfTexel,
    };
}

function MakeStaticMap(model: HeadModel, table: TexelTable, head: IGaussians): Float32Array<ArrayBuffer> {
    const texels = table.mapSize ** 2;
    const map = new Float32Array(14 * texels);
    for (let g = 0; g < table.gaussianCount; g++) {
        const t = table.texel[g];
        for (let axis = 0; axis < 3; axis++) {
            let surface = 0;
            for (let k = 0; k < 3; k++) {
                surface += table.bary[3 * g + k] * model.template[3 * table.corners[3 * g + k] + axis];
            }
            map[axis * texels + t] = head.position[3 * g + axis] - surface;
            map[(4 + axis) * texels + t] = head.color[3 * g + axis];
            map[(7 + axis) * texels + t] = Math.log(head.scale[3 * g + axis]);
        }
        map[3 * texels + t] = Math.log(head.opacity[g] / (1 - head.opacity[g]));
        for (let c = 0; c < 4; c++) {
            map[(10 + c) * texels + t] = head.rotation[4 * g + c];
        }
    }
    return map;
}

/** Bits 0, 2, 4, … of a Morton code below 2³². */
function EvenBits(code: number): number {
    let bits = Math.floor(code) & 0x55555555;
    bits = (bits | (bits >>> 1)) & 0x33333333;
    bits = (bits | (bits >>> 2)) & 0x0f0f0f0f;
    bits = (bits | (bits >>> 4)) & 0x00ff00ff;
    return (bits | (bits >>> 8)) & 0x0000ffff;
}
