/**
 * Posed Gaussians as a list of splats in the common 32-byte `.splat` layout, which Babylon's GaussianSplattingMesh and
 * most viewers read: position 3×f32, scale 3×f32, color and opacity 4×u8, quaternion w, x, y, z as (q + 1)·127.5 in
 * 4×u8.
 */
import { CorrectVertices, ExpressVertices } from "../../flame/blendshapes.js";
import { EffectivePose, type ExpressionPose } from "../../flame/expression.js";
import { JointCount, PoseLength, type HeadModel } from "../../flame/headModel.js";
import { BlendedRotation, BlendJointMatrices, JointMatrices, JointMatricesLength } from "../../flame/skinning.js";
import { DynamicFlag, type TexelTable } from "../../flame/texelTable.js";
import { AlphaCut, ScaleMax, ScaleMin } from "../layout.js";
import { Finish, type Work } from "../slices.js";

/** Some milliseconds of work. */
const GaussiansPerStep = 4096;

/** The constant basis function of spherical harmonics, √(1/π)/2: other formats keep color as its coefficient. */
export const ConstantHarmonic = 0.28209479177387814;
/** Bytes of one splat. */
export const SplatByteLength = 32;

/** What an avatar looks like at one moment. Maps are [14,H,W], before activation. */
export interface ISplatSnapshot {
    readonly head: HeadModel;
    /** Of the maps' size. */
    readonly table: TexelTable;
    readonly staticMap: ArrayLike<number>;
    /** The driver's answer to the pose, or null for none. */
    readonly deltaMap: ArrayLike<number> | null;
    readonly pose: ExpressionPose;
}

/** Splats, and which Gaussian of the table each of them is. */
export interface ISplatList {
    /** 32 bytes each. */
    readonly bytes: ArrayBuffer;
    readonly gaussians: Uint32Array<ArrayBuffer>;
}

/**
 * Activates and skins every Gaussian (docs/conventions.md, "Maps") and writes those that can be seen.
 * @param snapshot read, not kept
 * @param leftHanded mirror x, as the avatar node does in a left-handed scene
 * @returns 32 bytes per splat, meters, in the avatar's own space
 */
export function WriteSplats(snapshot: ISplatSnapshot, leftHanded: boolean): ArrayBuffer {
    return Finish(ListSplats(snapshot, leftHanded)).bytes;
}

/** {@link WriteSplats} in steps, with the Gaussians that were seen, in ascending order. */
export function* ListSplats(
    { head, table, staticMap, deltaMap, pose }: ISplatSnapshot,
    leftHanded: boolean,
): Work<ISplatList> {
    const expressed = ExpressVertices(head, pose.expression, new Float32Array(head.template.length));
    const matrices = new Float32Array(JointMatricesLength);
    const turns = EffectivePose(head, pose, new Float32Array(PoseLength));
    CorrectVertices(head, turns, expressed);
    JointMatrices(turns, head.joints, matrices);
    const texels = table.mapSize ** 2;
    const channels = new Float64Array(14);
    const blended = new Float32Array(12);
    const skin = new Float32Array(4);
    const turn = new Float64Array(4);
    const mirror = leftHanded ? -1 : 1;
    const bytes = new ArrayBuffer(SplatByteLength * table.gaussianCount);
    const floats = new Float32Array(bytes);
    const octets = new Uint8ClampedArray(bytes);
    const gaussians = new Uint32Array(table.gaussianCount);
    let count = 0;
    for (let g = 0; g < table.gaussianCount; g++) {
        if (g % GaussiansPerStep === 0) {
            yield g / table.gaussianCount;
        }
        const delta = deltaMap && (table.flags[g] & DynamicFlag) !== 0 ? deltaMap : null;
        for (let c = 0; c < 14; c++) {
            const at = c * texels + table.texel[g];
            channels[c] = staticMap[at] + (delta ? delta[at] : 0);
        }
        const opacity = 1 / (1 + Math.exp(-channels[3]));
        if (!(opacity >= AlphaCut)) {
            continue;
        }
        BlendJointMatrices(table.weights, JointCount * g, matrices, blended);
        BlendedRotation(blended, skin);
        MultiplyQuaternions(skin, channels, 10, turn);
        const at = 8 * count;
        for (let row = 0; row < 3; row++) {
            let sum = blended[4 * row + 3];
            for (let axis = 0; axis < 3; axis++) {
                let place = channels[axis];
                for (let k = 0; k < 3; k++) {
                    place += table.bary[3 * g + k] * expressed[3 * table.corners[3 * g + k] + axis];
                }
                sum += blended[4 * row + axis] * place;
            }
            floats[at + row] = row === 0 ? mirror * sum : sum;
            floats[at + 3 + row] = Math.min(ScaleMax, Math.max(ScaleMin, Math.exp(channels[7 + row])));
            octets[32 * count + 24 + row] = 255 * channels[4 + row];
        }
        octets[32 * count + 27] = 255 * opacity;
        // A mirror in x turns a rotation's y and z the other way round.
        octets[32 * count + 28] = 127.5 * turn[3] + 127.5;
        octets[32 * count + 29] = 127.5 * turn[0] + 127.5;
        octets[32 * count + 30] = 127.5 * mirror * turn[1] + 127.5;
        octets[32 * count + 31] = 127.5 * mirror * turn[2] + 127.5;
        gaussians[count] = g;
        count++;
    }
    return { bytes: bytes.slice(0, SplatByteLength * count), gaussians: gaussians.slice(0, count) };
}

/** Lists of splats one after the other. */
export function JoinSplats(lists: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
    const joined = new Uint8Array(lists.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const list of lists) {
        joined.set(list, at);
        at += list.length;
    }
    return joined;
}

/** `into` = `a` · the quaternion at `b[at]`, of unit length; all x, y, z, w. */
function MultiplyQuaternions(a: ArrayLike<number>, b: ArrayLike<number>, at: number, into: Float64Array): void {
    const length = Math.hypot(b[at], b[at + 1], b[at + 2], b[at + 3]);
    const s = length > 1e-12 ? 1 / length : 0;
    const [x, y, z] = [s * b[at], s * b[at + 1], s * b[at + 2]];
    const w = length > 1e-12 ? s * b[at + 3] : 1;
    into[0] = a[3] * x + a[0] * w + a[1] * z - a[2] * y;
    into[1] = a[3] * y - a[0] * z + a[1] * w + a[2] * x;
    into[2] = a[3] * z + a[0] * y - a[1] * x + a[2] * w;
    into[3] = a[3] * w - a[0] * x - a[1] * y - a[2] * z;
}
