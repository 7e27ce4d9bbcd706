/** Static maps of opaque persons on a head model. */
import type { HeadModel } from "../../src/flame/headModel";
import type { TexelTable } from "../../src/flame/texelTable";
import { Random } from "./gpu";

/** How a person's discs are made. */
export interface ISurfelSettings {
    /** Standard deviation in texels. */
    overlap?: number;
    /** Meters that a disc stands off the template at a place. */
    heightOf?(place: readonly number[]): number;
}

/**
 * A disc per texel, a fifth as thick as wide; two patterns of color and some noise.
 */
export function Surfels(
    model: HeadModel,
    table: TexelTable,
    { overlap = 0.55, heightOf = (): number => 0 }: ISurfelSettings = {},
): Float32Array<ArrayBuffer> {
    const { mapSize } = table;
    const map = new Float32Array(14 * mapSize ** 2);
    const random = Random(3);
    const corner = (vertices: ArrayLike<number>, index: number, size: number): number[] =>
        Array.from({ length: size }, (_, axis) => vertices[size * index + axis]);
    for (let g = 0; g < table.gaussianCount; g++) {
        const face = table.face[g];
        const [a, b, c] = [0, 1, 2].map((k) => corner(model.template, table.corners[3 * g + k], 3));
        const [u, v] = [b, c].map((p) => p.map((x, axis) => x - a[axis]));
        const [s, t, w] = [0, 1, 2].map((k) => corner(model.uv, model.uvFaces[3 * face + k], 2));
        const normal = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
        const area = Math.hypot(...normal);
        const uvArea = Math.abs((t[0] - s[0]) * (w[1] - s[1]) - (t[1] - s[1]) * (w[0] - s[0])) * mapSize ** 2;
        const sigma = Math.log(overlap * Math.sqrt(area / Math.max(uvArea, 1e-9)));
        const place = a.map((_, axis) => [a, b, c].reduce((sum, p, k) => sum + table.bary[3 * g + k] * p[axis], 0));
        const wave = Math.sin(200 * place[0]) * Math.sin(160 * place[1]);
        const fine = Math.sin(800 * (place[0] + 0.3 * place[1] - place[2]));
        const [nx, ny, nz] = normal.map((x) => x / area);
        // From +z to the normal by the shorter way.
        const turn = nz > -0.999 ? [-ny, nx, 0, 1 + nz] : [1, 0, 0, 0];
        const height = heightOf(place);
        const values = [
            height * nx,
            height * ny,
            height * nz,
            4,
            ...[0.62, 0.48, 0.4].map((x) => x + 0.18 * wave + 0.05 * fine + 0.03 * random()),
        ];
        [...values, sigma, sigma, sigma - 1.6, ...turn].forEach(
            (x, channel) => (map[channel * mapSize ** 2 + table.texel[g]] = x),
        );
    }
    return map;
}
