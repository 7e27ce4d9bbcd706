/**
 * Where each coarse UV texel is seen in a photo, and how surely: the `anchors` input of the reconstructor.
 * Training simulates such anchors in training/synth/photographer.py (`fit`); constants and meaning are the same there.
 */
import type { HeadModel } from "../headModel.js";
import { VertexNormals } from "../normals.js";
import { SampleVertices } from "../positionMap.js";
import { BuildTexelTable, RegionShift } from "../texelTable.js";
import { ToCamera } from "./camera.js";
import { DrawDepth, IsVisible } from "./depthBuffer.js";
import type { FittedView, HeadModelFit } from "./fitHeadModel.js";
import { FittedVertices } from "./fittedHead.js";

/** Pixels per side of the z-buffer that decides visibility. */
const DepthSize = 256;
/** How far behind the drawn surface a texel still counts as seen, meters. */
const DepthBias = 0.004;
/** Confidence rises with the cosine between normal and line of sight, up to 1 at 1 / this. */
const FacingGain = 1.6;
/** Trust in regions that landmarks hardly hold and hair may cover; 1 for all others. */
const RegionTrust: Readonly<Record<string, number>> = Object.freeze({ scalp: 0.35, neck: 0.5, ears: 0.6 });

/**
 * Anchors of one photo: the fitted head projected at the texel centres of an A×A map.
 * @param fit from `FitHeadModel`
 * @param view one of `fit.views`
 * @param size A, texels per side
 * @returns [3,A,A] x and y in 0..1 (clipped to the crop) and confidence 0..1, 0 for texels that are hidden or outside;
 * all 0 where there is no texel
 */
export function PhotoAnchors(model: HeadModel, fit: HeadModelFit, view: FittedView, size = 64): Float32Array {
    const table = BuildTexelTable(model, size);
    const vertices = ToCamera(view, FittedVertices(model, fit, view));
    const depth = DrawDepth(model, vertices, view.focal, DepthSize);
    const texels = size * size;
    const points = SampleVertices(table, vertices, new Float32Array(3 * texels));
    const normals = SampleVertices(table, VertexNormals(model, vertices), new Float32Array(3 * texels));
    const trust = model.regions.map((region) => RegionTrust[region] ?? 1);
    const anchors = new Float32Array(3 * texels);
    for (let g = 0; g < table.gaussianCount; g++) {
        const at = table.texel[g];
        const [x, y, z] = [points[at], points[texels + at], points[2 * texels + at]];
        const [nx, ny, nz] = [normals[at], normals[texels + at], normals[2 * texels + at]];
        const left = 0.5 - (view.focal * x) / z;
        const top = 0.5 + (view.focal * y) / z;
        const facing = -(x * nx + y * ny + z * nz) / (Math.hypot(x, y, z) * Math.hypot(nx, ny, nz) + 1e-12);
        anchors[at] = Math.min(Math.max(left, 0), 1);
        anchors[texels + at] = Math.min(Math.max(top, 0), 1);
        if (facing > 0 && IsVisible(depth, left * DepthSize, top * DepthSize, -z, DepthBias)) {
            anchors[2 * texels + at] = Math.min(facing * FacingGain, 1) * trust[table.flags[g] >>> RegionShift];
        }
    }
    return anchors;
}
