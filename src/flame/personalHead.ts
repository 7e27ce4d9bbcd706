/**
 * The head of one person as a mesh: the template moved to where this person's Gaussians are, so that rays, hats and
 * characters meet the face and hair that are seen. Identity lives in the static map (paper, section 3.2); here its
 * position offsets are gathered per vertex.
 */
import type { HeadModel } from "./headModel.js";
import { EvenTemplate } from "./pageModel.js";
import { BuildTexelTable, type TexelTable } from "./texelTable.js";

/** Gaussians fainter than this say nothing about where the skin is. */
const LeastOpacity = 0.05;
/** A vertex with less gathered weight takes its neighbours' offset: no Gaussian of any use is near it. */
const LeastWeight = 0.05;
/** Steps of the fit: Jacobi's iteration with the lumped mass matrix. */
const Steps = 6;

const Tables = new WeakMap<HeadModel, Map<number, TexelTable>>(); // made once per head model and map size

/**
 * Rest vertices of a person: the template plus the offsets per vertex whose interpolation comes nearest to the position
 * offsets of the Gaussians, weighted by opacity (least squares). Vertices without Gaussians (inside the neck, behind
 * the eyes) follow their neighbours.
 * @param model head model of the avatar
 * @param table texel table of the map
 * @param staticMap [14,H,W], before activation
 * @returns [V,3] canonical, meters, new
 */
export function PersonalVertices(model: HeadModel, table: TexelTable, staticMap: ArrayLike<number>): Float32Array {
    const texels = table.mapSize * table.mapSize;
    const opacities = Float32Array.from(table.texel, (texel) => 1 / (1 + Math.exp(-staticMap[3 * texels + texel])));
    const weights = new Float32Array(model.vertexCount);
    for (let i = 0; i < table.corners.length; i++) {
        const opacity = opacities[Math.floor(i / 3)];
        weights[table.corners[i]] += opacity >= LeastOpacity ? opacity * table.bary[i] : 0;
    }
    const { template } = model;
    const even = EvenTemplate(model);
    const shift = template.map((value, i) => value - even[i]);
    const offsets = new Float32Array(3 * model.vertexCount);
    const residuals = new Float32Array(3 * model.vertexCount);
    for (let step = 0; step < Steps; step++) {
        residuals.fill(0);
        for (let g = 0; g < table.gaussianCount; g++) {
            if (!(opacities[g] >= LeastOpacity)) {
                continue;
            }
            const [a, b, c] = [3 * table.corners[3 * g], 3 * table.corners[3 * g + 1], 3 * table.corners[3 * g + 2]];
            const [wa, wb, wc] = [table.bary[3 * g], table.bary[3 * g + 1], table.bary[3 * g + 2]];
            for (let axis = 0; axis < 3; axis++) {
                const [va, vb, vc] = [a + axis, b + axis, c + axis];
                const there =
                    wa * (offsets[va] - shift[va]) + wb * (offsets[vb] - shift[vb]) + wc * (offsets[vc] - shift[vc]);
                const residual = opacities[g] * (staticMap[axis * texels + table.texel[g]] - there);
                residuals[a + axis] += wa * residual;
                residuals[b + axis] += wb * residual;
                residuals[c + axis] += wc * residual;
            }
        }
        for (let i = 0; i < offsets.length; i++) {
            const weight = weights[Math.floor(i / 3)];
            offsets[i] += weight >= LeastWeight ? residuals[i] / weight : 0;
        }
    }
    FillFromNeighbours(model, weights, offsets);
    return offsets.map((offset, i) => even[i] + offset);
}

/** The texel table of a model; shared by all avatars of the page. */
export function TexelTableOf(model: HeadModel, mapSize: number): TexelTable {
    const tables = Tables.get(model) ?? new Map<number, TexelTable>();
    Tables.set(model, tables);
    let table = tables.get(mapSize);
    if (!table) {
        table = BuildTexelTable(model, mapSize);
        tables.set(mapSize, table);
    }
    return table;
}

/** Spreads offsets ring by ring into vertices whose weight is too small; an island without any keeps zero. */
function FillFromNeighbours(model: HeadModel, weights: Float32Array, offsets: Float32Array): void {
    const known = weights.map((weight) => (weight >= LeastWeight ? 1 : 0));
    const sums = new Float32Array(4 * model.vertexCount);
    for (let grew = true; grew;) {
        grew = false;
        sums.fill(0);
        for (let i = 0; i < model.faces.length; i++) {
            const vertex = model.faces[i];
            const next = model.faces[i % 3 === 2 ? i - 2 : i + 1];
            for (const [to, from] of [
                [vertex, next],
                [next, vertex],
            ]) {
                if (!known[to] && known[from]) {
                    sums[4 * to + 3]++;
                    for (let axis = 0; axis < 3; axis++) {
                        sums[4 * to + axis] += offsets[3 * from + axis];
                    }
                }
            }
        }
        for (let vertex = 0; vertex < model.vertexCount; vertex++) {
            const count = sums[4 * vertex + 3];
            if (count > 0) {
                grew = true;
                known[vertex] = 1;
                for (let axis = 0; axis < 3; axis++) {
                    offsets[3 * vertex + axis] = sums[4 * vertex + axis] / count;
                }
            }
        }
    }
}
