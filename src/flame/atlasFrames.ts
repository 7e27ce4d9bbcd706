/**
 * How the skin lies in the atlas: per Gaussian, what turns the edges of its face into the skin's movement with the
 * place in the atlas. Places are 0..1, x right, y down, as rows and columns of maps count.
 */
import type { HeadModel } from "./headModel.js";
import { RegionShift, type TexelTable } from "./texelTable.js";

/**
 * Regions that close-ups show in more detail than Gaussians have: where photos do, and where the skin is near its mesh.
 */
const CloseUpRegions = ["face", "lips", "eyeLeft", "eyeRight"] as const;

/**
 * Frames of the Gaussians of some regions. With the edges e1, e2 of a posed face from its first corner, the skin moves
 * by f0 e1 + f2 e2 per unit of x and by f1 e1 + f3 e2 per unit of y.
 * @param regions names; others get zeros, as do faces without area in the atlas
 * @returns [n,4]
 */
export function AtlasFrames(
    model: HeadModel,
    table: TexelTable,
    regions: readonly string[] = CloseUpRegions,
): Float32Array<ArrayBuffer> {
    const wanted = regions.map((name) => model.regions.indexOf(name));
    const frames = new Float32Array(4 * table.gaussianCount);
    for (let g = 0; g < table.gaussianCount; g++) {
        if (!wanted.includes((table.flags[g] >> RegionShift) & 255)) {
            continue;
        }
        const [a, b, c] = [0, 1, 2].map((k) => 2 * model.uvFaces[3 * table.face[g] + k]);
        // The atlas counts y up.
        const x1 = model.uv[b] - model.uv[a];
        const y1 = model.uv[a + 1] - model.uv[b + 1];
        const x2 = model.uv[c] - model.uv[a];
        const y2 = model.uv[a + 1] - model.uv[c + 1];
        const determinant = x1 * y2 - x2 * y1;
        if (determinant !== 0) {
            frames.set([y2 / determinant, -x2 / determinant, -y1 / determinant, x1 / determinant], 4 * g);
        }
    }
    return frames;
}
