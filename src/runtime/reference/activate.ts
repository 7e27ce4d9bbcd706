/**
 * Gaussians of an avatar in posed space, in float64: fuse G = static + M_dyn ⊙ delta, activate, skin.
 * First half of the twin of src/shaders/splatProject.wgsl.
 */
import { JointCount } from "../../flame/headModel.js";
import {
    DynamicFlag,
    InsideFlag,
    OutsideFlag,
    ShellFlag,
    TwoSidedFlag,
    type TexelTable,
} from "../../flame/texelTable.js";
import { ScaleMax, ScaleMin } from "../layout.js";

/** What the Gaussians come from. */
export interface IAvatarState {
    readonly table: TexelTable;
    /** [V,3] template and expression, no joints */
    readonly expressed: ArrayLike<number>;
    /** [5,12] 3×4 row-major */
    readonly jointMatrices: ArrayLike<number>;
    /** [14,H,W] */
    readonly staticMap: ArrayLike<number>;
    /** [14,H,W] and their weights */
    readonly deltas: readonly { readonly map: ArrayLike<number>; readonly weight: number }[];
    /** Of the whole avatar, 0..1. Default 1 */
    readonly opacity?: number;
}

/** One Gaussian. Vectors are x, y, z; matrices are three rows. */
export interface IGaussian {
    readonly mean: readonly number[];
    /** 3×3, meters² */
    readonly covariance: readonly (readonly number[])[];
    readonly color: readonly number[];
    readonly opacity: number;
    /** Meters that it stands off the surface, along the normal; negative inside. */
    readonly height: number;
    /** The point of the surface that it sits on. */
    readonly surface: readonly number[];
    /** Outward normal there, any length. */
    readonly normal: readonly number[];
    readonly twoSided: boolean;
    /** One of many that overlap to an opaque shell. */
    readonly isShell: boolean;
    /** Its third axis, unit. */
    readonly outwards: readonly number[];
    /** From where it is seen, null for both. */
    readonly side: "outside" | "inside" | null;
}

type Vector = readonly number[];
type Matrix = readonly Vector[];

const Dot = (a: Vector, b: Vector): number => a.reduce((sum, x, i) => sum + x * b[i], 0);
const Transpose = (m: Matrix): number[][] => m[0].map((_, column) => m.map((row) => row[column]));
const Apply = (m: Matrix, v: Vector): number[] => m.map((row) => Dot(row, v));
const Times = (a: Matrix, b: Matrix): number[][] => a.map((row) => Transpose(b).map((column) => Dot(row, column)));

/** Gaussian number `g` of the avatar. */
export function ActivateGaussian(state: IAvatarState, g: number): IGaussian {
    const { table, expressed, jointMatrices } = state;
    const texel = table.texel[g];
    const texels = table.mapSize ** 2;
    const dynamic = (table.flags[g] & DynamicFlag) !== 0;
    const channels = Array.from({ length: 14 }, (_, c) => {
        const at = c * texels + texel;
        return (
            state.staticMap[at] +
            (dynamic ? state.deltas.reduce((sum, delta) => sum + delta.weight * delta.map[at], 0) : 0)
        );
    });

    const corners = [0, 1, 2].map((k) => {
        const at = 3 * table.corners[3 * g + k];
        return [expressed[at], expressed[at + 1], expressed[at + 2]];
    });
    const surface = [0, 1, 2].map((axis) =>
        corners.reduce((sum, corner, k) => sum + table.bary[3 * g + k] * corner[axis], 0),
    );
    const blend = [0, 1, 2].map((row) =>
        [0, 1, 2, 3].map((column) => {
            let sum = 0;
            for (let joint = 0; joint < JointCount; joint++) {
                sum += table.weights[JointCount * g + joint] * jointMatrices[12 * joint + 4 * row + column];
            }
            return sum;
        }),
    );
    const position = [0, 1, 2].map((axis) => surface[axis] + channels[axis]);
    const linear = blend.map((row) => row.slice(0, 3));
    const skin = NearestRotationReference(linear);
    const rotation = Times(skin, RotationOfQuaternion(channels.slice(10, 14)));
    const scale = channels.slice(7, 10).map((x) => Math.min(ScaleMax, Math.max(ScaleMin, Math.exp(x))));
    const spread = rotation.map((row) => row.map((x, k) => x * scale[k]));
    const edge = (k: number): number[] => corners[k].map((x, axis) => x - corners[0][axis]);
    const [a, b] = [edge(1), edge(2)];
    const normal = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
    return {
        mean: Apply(blend, [...position, 1]),
        covariance: Times(spread, Transpose(spread)),
        color: channels.slice(4, 7).map((x) => Math.min(1, Math.max(0, x))),
        opacity: (state.opacity ?? 1) / (1 + Math.exp(-channels[3])),
        surface: Apply(blend, [...surface, 1]),
        height: Dot(normal, channels.slice(0, 3)) / Math.hypot(...normal),
        normal: Apply(linear, normal),
        twoSided: (table.flags[g] & TwoSidedFlag) !== 0,
        isShell: (table.flags[g] & ShellFlag) !== 0,
        outwards: rotation.map((row) => row[2]),
        side: (table.flags[g] & OutsideFlag) !== 0 ? "outside" : (table.flags[g] & InsideFlag) !== 0 ? "inside" : null,
    };
}

/** Rows of the rotation of a quaternion x, y, z, w of any length: v → v + 2 q × (q × v + w v), column by column. */
export function RotationOfQuaternion(q: Vector): number[][] {
    const length = Math.hypot(...q);
    const [x, y, z, w] = length > 1e-12 ? q.map((c) => c / length) : [0, 0, 0, 1];
    const cross = (v: Vector): number[] => [y * v[2] - z * v[1], z * v[0] - x * v[2], x * v[1] - y * v[0]];
    const columns = [
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
    ].map((v) => {
        const once = cross(v).map((c, i) => c + w * v[i]);
        return cross(once).map((c, i) => v[i] + 2 * c);
    });
    return Transpose(columns);
}

/**
 * R = A (AᵀA)^(−1/2), the orthogonal factor of the polar decomposition, with the root taken through the eigenvectors of
 * AᵀA (Jacobi).
 */
export function NearestRotationReference(a: Matrix): number[][] {
    let m = Times(Transpose(a), a);
    let vectors: number[][] = [
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
    ];
    for (let sweep = 0; sweep < 6; sweep++) {
        for (const [p, q] of [
            [0, 1],
            [0, 2],
            [1, 2],
        ]) {
            const angle = 0.5 * Math.atan2(2 * m[p][q], m[q][q] - m[p][p]);
            const turn: number[][] = [0, 1, 2].map((row) => [0, 1, 2].map((column) => (row === column ? 1 : 0)));
            turn[p][p] = turn[q][q] = Math.cos(angle);
            turn[p][q] = Math.sin(angle);
            turn[q][p] = -Math.sin(angle);
            m = Times(Times(Transpose(turn), m), turn);
            vectors = Times(vectors, turn);
        }
    }
    const scaled = vectors.map((row) => row.map((x, k) => x / Math.sqrt(m[k][k])));
    return Times(a, Times(scaled, Transpose(vectors)));
}
