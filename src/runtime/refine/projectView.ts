/**
 * Gaussians as a photo's camera sees them: fuse, activate, skin and project (EWA splatting, Zwicker et al. 2001). The
 * training rasteriser's maths (training/rasterizer/project.py) and that of `reference/splatProject.ts`, over typed
 * arrays.
 */
import { BlendJointMatrices } from "../../flame/skinning.js";
import { JointCount } from "../../flame/headModel.js";
import { NearestRotation } from "../../flame/rotation.js";
import { DynamicFlag } from "../../flame/texelTable.js";
import { AlphaCut, DilationPx2, ScaleMax, ScaleMin } from "../layout.js";
import type { IRefineTable, IRefineView } from "./refineInput.js";
import type { Work } from "../slices.js";

/** Ellipses on the screen. Pixel centres are at (column + 0.5, row + 0.5), origin top left. n of them. */
export interface IEllipses {
    readonly count: number;
    /** [n,2] pixels. */
    readonly center: Float32Array;
    /** [n,3] a, b, c of d² = a·dx² + 2·b·dx·dy + c·dy². */
    readonly conic: Float32Array;
    /** [n,2] pixels, half the box in which alpha is at least 1/255. */
    readonly reach: Float32Array;
    /** [n] 0 behind the camera. */
    readonly opacity: Float32Array;
    /** [n] meters in front of the camera. */
    readonly depth: Float32Array;
    /** [n] cosine between its third axis, which looks out of the skin, and the direction to the camera. */
    readonly facing: Float32Array;
}

const NearMeters = 0.05;

const GaussiansPerYield = 1024;

/**
 * Projects all Gaussians.
 * @param staticMap [14,H,W], before activation; its colors are not read
 * @returns yields the share done, 0 to 1, every thousand
 */
export function* ProjectView(table: IRefineTable, staticMap: Float32Array, view: IRefineView): Work<IEllipses> {
    const { gaussianCount: n, texel, corners, bary, weights, flags } = table;
    const { rotation: r, translation: t, expressed, jointMatrices, deltaMap, size } = view;
    const focalPx = view.focal * size;
    const texels = table.mapSize ** 2;
    const ellipses = {
        count: n,
        center: new Float32Array(2 * n),
        conic: new Float32Array(3 * n),
        reach: new Float32Array(2 * n),
        opacity: new Float32Array(n),
        depth: new Float32Array(n),
        facing: new Float32Array(n),
    };
    // The camera stands at −Rᵀt.
    const eyeX = -(r[0] * t[0] + r[3] * t[1] + r[6] * t[2]);
    const eyeY = -(r[1] * t[0] + r[4] * t[1] + r[7] * t[2]);
    const eyeZ = -(r[2] * t[0] + r[5] * t[1] + r[8] * t[2]);
    const blend = new Float32Array(12);
    const turn = new Float64Array(9);
    const axes = new Float64Array(9); // the Gaussian's own, in its columns, before skinning
    const spread = new Float64Array(6); // [2,3] its scaled axes on the screen
    const channel = new Float64Array(14);
    for (let g = 0; g < n; g++) {
        const at = texel[g];
        const moved = deltaMap !== null && (flags[g] & DynamicFlag) !== 0;
        for (let c = 0; c < 14; c++) {
            channel[c] = staticMap[c * texels + at] + (moved ? deltaMap[c * texels + at] : 0);
        }
        const a = 3 * corners[3 * g];
        const b = 3 * corners[3 * g + 1];
        const c = 3 * corners[3 * g + 2];
        const wa = bary[3 * g];
        const wb = bary[3 * g + 1];
        const wc = bary[3 * g + 2];
        const px = wa * expressed[a] + wb * expressed[b] + wc * expressed[c] + channel[0];
        const py = wa * expressed[a + 1] + wb * expressed[b + 1] + wc * expressed[c + 1] + channel[1];
        const pz = wa * expressed[a + 2] + wb * expressed[b + 2] + wc * expressed[c + 2] + channel[2];
        BlendJointMatrices(weights, JointCount * g, jointMatrices, blend);
        const x = blend[0] * px + blend[1] * py + blend[2] * pz + blend[3];
        const y = blend[4] * px + blend[5] * py + blend[6] * pz + blend[7];
        const z = blend[8] * px + blend[9] * py + blend[10] * pz + blend[11];
        for (let row = 0; row < 3; row++) {
            turn[3 * row] = blend[4 * row];
            turn[3 * row + 1] = blend[4 * row + 1];
            turn[3 * row + 2] = blend[4 * row + 2];
        }
        NearestRotation(turn);
        AxesOfQuaternion(channel[10], channel[11], channel[12], channel[13], axes);

        // Facing: the third axis, skinned, against the direction to the eye.
        const nx = turn[0] * axes[2] + turn[1] * axes[5] + turn[2] * axes[8];
        const ny = turn[3] * axes[2] + turn[4] * axes[5] + turn[5] * axes[8];
        const nz = turn[6] * axes[2] + turn[7] * axes[5] + turn[8] * axes[8];
        const ex = eyeX - x;
        const ey = eyeY - y;
        const ez = eyeZ - z;
        ellipses.facing[g] = (nx * ex + ny * ey + nz * ez) / Math.max(Math.sqrt(ex * ex + ey * ey + ez * ez), 1e-12);

        const depth = -(r[6] * x + r[7] * y + r[8] * z + t[2]);
        const safe = Math.max(depth, NearMeters);
        const sx = (r[0] * x + r[1] * y + r[2] * z + t[0]) / safe;
        const sy = (r[3] * x + r[4] * y + r[5] * z + t[1]) / safe;
        ellipses.center[2 * g] = 0.5 * size + focalPx * sx;
        ellipses.center[2 * g + 1] = 0.5 * size - focalPx * sy;
        ellipses.depth[g] = depth;

        // Rows of J R turn, J = f / depth · [[1, 0, sx], [0, −1, −sy]].
        const perMeter = focalPx / safe;
        for (let k = 0; k < 3; k++) {
            const ux = turn[0] * axes[k] + turn[1] * axes[3 + k] + turn[2] * axes[6 + k];
            const uy = turn[3] * axes[k] + turn[4] * axes[3 + k] + turn[5] * axes[6 + k];
            const uz = turn[6] * axes[k] + turn[7] * axes[3 + k] + turn[8] * axes[6 + k];
            const scale = perMeter * Math.min(ScaleMax, Math.max(ScaleMin, Math.exp(channel[7 + k])));
            const depthPart = r[6] * ux + r[7] * uy + r[8] * uz;
            spread[k] = scale * (r[0] * ux + r[1] * uy + r[2] * uz + sx * depthPart);
            spread[3 + k] = scale * -(r[3] * ux + r[4] * uy + r[5] * uz + sy * depthPart);
        }
        const xx = spread[0] ** 2 + spread[1] ** 2 + spread[2] ** 2 + DilationPx2;
        const yy = spread[3] ** 2 + spread[4] ** 2 + spread[5] ** 2 + DilationPx2;
        const xy = spread[0] * spread[3] + spread[1] * spread[4] + spread[2] * spread[5];
        const determinant = Math.max(xx * yy - xy * xy, 1e-9);
        ellipses.conic[3 * g] = yy / determinant;
        ellipses.conic[3 * g + 1] = -xy / determinant;
        ellipses.conic[3 * g + 2] = xx / determinant;
        const opacity = depth > NearMeters ? 1 / (1 + Math.exp(-channel[3])) : 0;
        ellipses.opacity[g] = opacity;
        const limit = opacity > AlphaCut ? 2 * Math.log(opacity / AlphaCut) : 0;
        ellipses.reach[2 * g] = Math.sqrt(limit * xx);
        ellipses.reach[2 * g + 1] = Math.sqrt(limit * yy);
        if (g % GaussiansPerYield === GaussiansPerYield - 1) {
            yield g / n;
        }
    }
    return ellipses;
}

/** Rotation matrix of a quaternion of any length, row-major; the identity for one of length zero. */
function AxesOfQuaternion(qx: number, qy: number, qz: number, qw: number, into: Float64Array): void {
    const length = Math.sqrt(qx * qx + qy * qy + qz * qz + qw * qw);
    const scale = length > 1e-10 ? 1 / length : 0;
    const x = qx * scale;
    const y = qy * scale;
    const z = qz * scale;
    const w = qw * scale;
    into[0] = 1 - 2 * (y * y + z * z);
    into[1] = 2 * (x * y - z * w);
    into[2] = 2 * (x * z + y * w);
    into[3] = 2 * (x * y + z * w);
    into[4] = 1 - 2 * (x * x + z * z);
    into[5] = 2 * (y * z - x * w);
    into[6] = 2 * (x * z - y * w);
    into[7] = 2 * (y * z + x * w);
    into[8] = 1 - 2 * (x * x + y * y);
}
