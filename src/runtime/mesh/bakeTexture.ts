/**
 * A texture of a person's map, for meshes. Each Gaussian is drawn into the atlas as the ellipse that it covers of the
 * skin, and a texel takes the mean of what covers it: this is what the splats look like from straight above, without
 * their order, which has no meaning for a skin of one layer. Where the atlas goes around, Gaussians of its one end cover
 * the other too. Detail for close-ups is added as it lies in the atlas.
 * Then the colors grow over the edges of the atlas' islands, so that filtering finds no gaps.
 */
import type { HeadModel } from "../../flame/headModel.js";
import { FacesOfTexels, type TexelTable } from "../../flame/texelTable.js";
import { ShadeReach, ShadeSteps, type ICloseUp } from "../closeUp.js";
import { AlphaCut, ScaleMax, ScaleMin } from "../layout.js";
import type { Work } from "../slices.js";
import { RowsAround } from "./atlasEnds.js";

/** Some milliseconds of work. */
const GaussiansPerStep = 2048;
/** Variance added to each ellipse, in texels of the texture: without it thin ones fall between texels. */
const LeastVariance = 0.2;
/** An ellipse ends here, in standard deviations: with one part in 64 of its middle. */
const Reach = Math.sqrt(2 * Math.log(64));
/** e^(−distance/2) for squared distances below Reach², in equal steps: what most of the time would go into. */
const Falloff = Float32Array.from({ length: 1025 }, (_, i) => Math.exp((-0.5 * Reach * Reach * i) / 1024));
const FalloffSteps = 1024 / (Reach * Reach);
/** Longest reach in texels of the map: what is larger lies about, and covers others. */
const LongestReach = 6;
/** Texels by which islands grow: three mip levels find no gap. */
const Margin = 8;
/** Texels of less weight take their color from their neighbours. */
const LeastWeight = 1e-3;

/** What is baked; all of it read only. */
export interface IBakeSource {
    readonly model: HeadModel;
    /** Of the map. */
    readonly table: TexelTable;
    /** [14,H,W], before activation, with all detail. */
    readonly map: ArrayLike<number>;
    /** [V,3] the person at rest. */
    readonly vertices: ArrayLike<number>;
    readonly closeUp?: ICloseUp | null;
    /** 0..1 of the detail for close-ups. Default 1. */
    readonly strength?: number;
}

/** A texture, top row first. */
export interface IBakedTexture {
    /** E, texels per side. */
    readonly edge: number;
    /** [E,E,4] sRGB and alpha. */
    readonly rgba: Uint8ClampedArray<ArrayBuffer>;
}

/**
 * @param edge texels per side of the texture
 * @returns alpha is what the Gaussians over a texel hide of what is behind them; 0 outside of the atlas
 */
export function* BakeTexture(source: IBakeSource, edge: number): Work<IBakedTexture> {
    const { model, closeUp, strength = 1 } = source;
    const { faceOfTexel } = FacesOfTexels(model, edge);
    yield 0.1;
    const islands = IslandsOf(model);
    const islandOfTexel = Int32Array.from(faceOfTexel, (face) => (face < 0 ? -1 : islands[face]));
    const sums = new Float32Array(4 * edge * edge);
    const seen = new Float32Array(edge * edge).fill(1);
    yield* DrawGaussians(source, edge, islands, islandOfTexel, sums, seen);
    const rgba = new Uint8ClampedArray(4 * edge * edge);
    const isKnown = new Uint8Array(edge * edge);
    for (let texel = 0; texel < edge * edge; texel++) {
        const weight = sums[4 * texel + 3];
        if (weight > LeastWeight) {
            isKnown[texel] = 1;
            const shade = closeUp ? strength * ShadeOf(closeUp, edge, texel) : 0;
            for (let c = 0; c < 3; c++) {
                rgba[4 * texel + c] = 255 * (sums[4 * texel + c] / weight + shade);
            }
            rgba[4 * texel + 3] = 255 * (1 - seen[texel]);
        }
    }
    yield 0.95;
    Grow(rgba, isKnown, edge);
    islandOfTexel.forEach((island, texel) => {
        if (island >= 0 && sums[4 * texel + 3] <= LeastWeight) {
            rgba[4 * texel + 3] = 0; // nothing covers it, whatever is beside it in the atlas
        }
    });
    return { edge, rgba };
}

/** Draws all Gaussians: colors times weight and weights into `sums`, what is seen behind them into `seen`. */
function* DrawGaussians(
    { model, table, map, vertices }: IBakeSource,
    edge: number,
    islands: Int32Array,
    islandOfTexel: Int32Array,
    sums: Float32Array,
    seen: Float32Array,
): Work<void> {
    const { mapSize, gaussianCount } = table;
    const texels = mapSize * mapSize;
    const atlas = new AtlasFrame(model, vertices, edge);
    const longest = (LongestReach * edge) / mapSize;
    const isAround = RowsAround(model, vertices, edge);
    for (let g = 0; g < gaussianCount; g++) {
        if (g % GaussiansPerStep === 0) {
            yield 0.1 + (0.8 * g) / gaussianCount;
        }
        const texel = table.texel[g];
        const opacity = 1 / (1 + Math.exp(-map[3 * texels + texel]));
        if (!(opacity >= AlphaCut) || !atlas.face(table.face[g])) {
            continue;
        }
        const { a, b, c } = atlas.covariance(map, texels, texel);
        const determinant = a * c - b * b;
        const [reachX, reachY] = [Math.min(longest, Reach * Math.sqrt(a)), Math.min(longest, Reach * Math.sqrt(c))];
        const middle = (((texel % mapSize) + 0.5) * edge) / mapSize - 0.5;
        const y = ((Math.floor(texel / mapSize) + 0.5) * edge) / mapSize - 0.5;
        const island = islands[table.face[g]];
        const [red, green, blue] = [4, 5, 6].map((k) => Math.min(1, Math.max(0, map[k * texels + texel])));
        const lastRow = Math.min(edge - 1, Math.floor(y + reachY));
        const goesAround = isAround[Math.round(y)] > 0;
        for (const x of goesAround ? [middle - edge, middle, middle + edge] : [middle]) {
            const lastColumn = Math.min(edge - 1, Math.floor(x + reachX));
            for (let row = Math.max(0, Math.ceil(y - reachY)); row <= lastRow; row++) {
                const dy = row - y;
                for (let column = Math.max(0, Math.ceil(x - reachX)); column <= lastColumn; column++) {
                    const at = row * edge + column;
                    if (islandOfTexel[at] !== island) {
                        continue;
                    }
                    const dx = column - x;
                    const distance = (c * dx * dx - 2 * b * dx * dy + a * dy * dy) / determinant;
                    if (distance > Reach * Reach) {
                        continue;
                    }
                    const weight = opacity * Falloff[Math.round(FalloffSteps * distance)];
                    sums[4 * at] += weight * red;
                    sums[4 * at + 1] += weight * green;
                    sums[4 * at + 2] += weight * blue;
                    sums[4 * at + 3] += weight;
                    seen[at] *= 1 - Math.min(0.999, weight);
                }
            }
        }
    }
}

/** How the atlas lies on the skin: one face at a time. */
class AtlasFrame {
    /** [2,3] texels of the texture per meter along the face. */
    private readonly _texelsPerMeter = new Float64Array(6);
    private readonly _rotation = new Float64Array(9);

    public constructor(
        private readonly _model: HeadModel,
        private readonly _vertices: ArrayLike<number>,
        private readonly _edge: number,
    ) {}

    /** Goes to a face. @returns false where the face has no area */
    public face(face: number): boolean {
        const { _model: model, _vertices: vertices, _edge: edge, _texelsPerMeter: into } = this;
        const [p, q, r] = [0, 1, 2].map((k) => 3 * model.faces[3 * face + k]);
        const [s, t, u] = [0, 1, 2].map((k) => 2 * model.uvFaces[3 * face + k]);
        const { uv } = model;
        const [ax, ay] = [edge * (uv[t] - uv[s]), -edge * (uv[t + 1] - uv[s + 1])];
        const [bx, by] = [edge * (uv[u] - uv[s]), -edge * (uv[u + 1] - uv[s + 1])];
        const area = ax * by - bx * ay;
        if (!(Math.abs(area) > 1e-9)) {
            return false;
        }
        // d place / d texel by column and row, then its pseudo-inverse.
        const [alongX, alongY] = [0, 1, 2].reduce(
            ([x, y], axis) => {
                const first = vertices[q + axis] - vertices[p + axis];
                const second = vertices[r + axis] - vertices[p + axis];
                x.push((by * first - ay * second) / area);
                y.push((ax * second - bx * first) / area);
                return [x, y];
            },
            [[] as number[], [] as number[]],
        );
        const dot = (v: number[], w: number[]): number => v[0] * w[0] + v[1] * w[1] + v[2] * w[2];
        const [xx, xy, yy] = [dot(alongX, alongX), dot(alongX, alongY), dot(alongY, alongY)];
        const determinant = xx * yy - xy * xy;
        if (!(determinant > 1e-30)) {
            return false;
        }
        for (let axis = 0; axis < 3; axis++) {
            into[axis] = (yy * alongX[axis] - xy * alongY[axis]) / determinant;
            into[3 + axis] = (xx * alongY[axis] - xy * alongX[axis]) / determinant;
        }
        return true;
    }

    /** The ellipse of a Gaussian on the face, in texels of the texture: [[a, b], [b, c]]. */
    public covariance(map: ArrayLike<number>, texels: number, texel: number): { a: number; b: number; c: number } {
        const { _rotation: m, _texelsPerMeter: p } = this;
        let [x, y, z, w] = [10, 11, 12, 13].map((k) => map[k * texels + texel]);
        const length = Math.hypot(x, y, z, w);
        [x, y, z, w] = length > 1e-12 ? [x / length, y / length, z / length, w / length] : [0, 0, 0, 1];
        m[0] = 1 - 2 * (y * y + z * z);
        m[1] = 2 * (x * y - w * z);
        m[2] = 2 * (x * z + w * y);
        m[3] = 2 * (x * y + w * z);
        m[4] = 1 - 2 * (x * x + z * z);
        m[5] = 2 * (y * z - w * x);
        m[6] = 2 * (x * z - w * y);
        m[7] = 2 * (y * z + w * x);
        m[8] = 1 - 2 * (x * x + y * y);
        let [a, b, c] = [LeastVariance, 0, LeastVariance];
        for (let axis = 0; axis < 3; axis++) {
            const scale = Math.min(ScaleMax, Math.max(ScaleMin, Math.exp(map[(7 + axis) * texels + texel])));
            const alongX = scale * (p[0] * m[axis] + p[1] * m[3 + axis] + p[2] * m[6 + axis]);
            const alongY = scale * (p[3] * m[axis] + p[4] * m[3 + axis] + p[5] * m[6 + axis]);
            a += alongX * alongX;
            b += alongX * alongY;
            c += alongY * alongY;
        }
        return { a, b, c };
    }
}

/** [F] number of the island of the atlas that a face lies on. */
function IslandsOf({ uvFaces, uvCount, faceCount }: HeadModel): Int32Array {
    const parent = Int32Array.from({ length: uvCount }, (_, i) => i);
    const rootOf = (i: number): number => {
        while (parent[i] !== i) {
            parent[i] = parent[parent[i]];
            i = parent[i];
        }
        return i;
    };
    for (let i = 0; i < uvFaces.length; i++) {
        parent[rootOf(uvFaces[i])] = rootOf(uvFaces[i - (i % 3)]);
    }
    return Int32Array.from({ length: faceCount }, (_, face) => rootOf(uvFaces[3 * face]));
}

/** What the detail for close-ups adds to a texel: of its middle, between the four around it. */
function ShadeOf({ edge: atlas, shades }: ICloseUp, edge: number, texel: number): number {
    const x = (((texel % edge) + 0.5) * atlas) / edge - 0.5;
    const y = ((Math.floor(texel / edge) + 0.5) * atlas) / edge - 0.5;
    const [left, top] = [Math.floor(x), Math.floor(y)];
    let sum = 0;
    for (let k = 0; k < 4; k++) {
        const [column, row] = [left + (k & 1), top + (k >> 1)];
        const weight = (1 - Math.abs(x - column)) * (1 - Math.abs(y - row));
        if (column >= 0 && row >= 0 && column < atlas && row < atlas) {
            sum += weight * shades[row * atlas + column];
        }
    }
    return (sum * ShadeReach) / ShadeSteps;
}

/** Texels beside known ones take the mean of those, ring by ring; alpha too. The rest takes the mean of all. */
function Grow(rgba: Uint8ClampedArray, isKnown: Uint8Array, edge: number): void {
    const mean = [0, 0, 0];
    let count = 0;
    let ring: number[] = [];
    for (let texel = 0; texel < isKnown.length; texel++) {
        if (isKnown[texel]) {
            count++;
            mean.forEach((_, c) => (mean[c] += rgba[4 * texel + c]));
            ring.push(texel);
        }
    }
    for (let step = 0; step < Margin && ring.length > 0; step++) {
        const next = new Set<number>();
        for (const texel of ring) {
            const [column, row] = [texel % edge, Math.floor(texel / edge)];
            for (let k = 0; k < 9; k++) {
                const [x, y] = [column + (k % 3) - 1, row + Math.floor(k / 3) - 1];
                if (x >= 0 && y >= 0 && x < edge && y < edge && !isKnown[y * edge + x]) {
                    next.add(y * edge + x);
                }
            }
        }
        ring = [...next];
        for (const texel of ring) {
            TakeNeighbours(rgba, isKnown, edge, texel);
        }
        ring.forEach((texel) => (isKnown[texel] = 1));
    }
    for (let texel = 0; texel < isKnown.length; texel++) {
        if (!isKnown[texel]) {
            mean.forEach((sum, c) => (rgba[4 * texel + c] = count > 0 ? sum / count : 0));
        }
    }
}

function TakeNeighbours(rgba: Uint8ClampedArray, isKnown: Uint8Array, edge: number, texel: number): void {
    const sums = [0, 0, 0, 0];
    let count = 0;
    const [column, row] = [texel % edge, Math.floor(texel / edge)];
    for (let y = Math.max(0, row - 1); y <= Math.min(edge - 1, row + 1); y++) {
        for (let x = Math.max(0, column - 1); x <= Math.min(edge - 1, column + 1); x++) {
            if (isKnown[y * edge + x]) {
                count++;
                sums.forEach((_, c) => (sums[c] += rgba[4 * (y * edge + x) + c]));
            }
        }
    }
    sums.forEach((sum, c) => (rgba[4 * texel + c] = sum / count));
}
