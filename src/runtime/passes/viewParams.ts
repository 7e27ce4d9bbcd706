/**
 * A view as its owner describes it, and the ViewParams uniform that follows.
 * Matrices are 4×4, column-major, for column vectors. Babylon's row-major matrices for row vectors are the same sixteen numbers in memory.
 */
import { BucketCount, ViewCompensateOpacity, ViewCullBackFaces, ViewLinearOutput, ViewParamsLayout } from "../layout";

/** One view of one avatar. Fields are read once per call; the same object may be filled again each frame. */
export interface IViewSettings {
    /** Avatar's own posed space to world. May mirror and scale by axis; splats deform accordingly. */
    worldFromPosed: ArrayLike<number>;
    viewFromWorld: ArrayLike<number>;
    /** Projection, perspective or orthographic, centred or not, reversed depth or not. */
    clipFromView: ArrayLike<number>;
    /** Size of the viewport in physical pixels. */
    viewportWidthPx: number;
    viewportHeightPx: number;
    /** The camera looks along −z of view space. Default false: along +z, as in a left-handed scene. */
    rightHanded?: boolean;
    /** The projection's NDC z is 0..1, as WebGPU wants it. Default true; false means −1..1. */
    ndcHalfZ?: boolean;
    /** Multiply opacity by the share of the splat that the 0.3 px² dilation did not add. Default false. Set it as in training. */
    compensateOpacity?: boolean;
    /** Leave out Gaussians on surfaces that look away, unless their region is two-sided. Default false. */
    cullBackFaces?: boolean;
    /** The target holds linear color: decode sRGB per splat. Default false. */
    linearOutput?: boolean;
}

/** Box around an avatar in its posed space, meters. */
export interface IPosedBounds {
    readonly min: ArrayLike<number>;
    readonly max: ArrayLike<number>;
}

const ViewFromPosed = new Float64Array(16); // scratch of WriteViewParams
const ClipFromPosed = new Float64Array(16); // scratch of WriteViewParams

/**
 * Fills the uniform. Products are formed in float64, so an avatar far from the world's origin loses nothing.
 * Depth keys span the avatar's own box along the view: farthest 0, nearest 65535.
 * @param recordCount Gaussians of the avatar
 * @param into ViewParamsLayout.byteLength bytes
 */
export function WriteViewParams(view: IViewSettings, bounds: IPosedBounds, recordCount: number, into: ArrayBuffer): void {
    const floats = new Float32Array(into);
    const words = new Uint32Array(into);
    const at = ViewParamsLayout.offsets;
    Multiply(view.viewFromWorld, view.worldFromPosed, ViewFromPosed);
    Multiply(view.clipFromView, ViewFromPosed, ClipFromPosed);
    if (view.ndcHalfZ === false) {
        for (let column = 0; column < 4; column++) {
            ClipFromPosed[4 * column + 2] = 0.5 * (ClipFromPosed[4 * column + 2] + ClipFromPosed[4 * column + 3]);
        }
    }
    floats.set(ClipFromPosed, at.clipFromPosed / 4);

    const ahead = view.rightHanded ? -1 : 1;
    let middle = ahead * ViewFromPosed[14];
    let reach = 0;
    for (let axis = 0; axis < 3; axis++) {
        const slope = ahead * ViewFromPosed[4 * axis + 2];
        floats[at.depthFromPosed / 4 + axis] = slope;
        middle += (slope * (bounds.min[axis] + bounds.max[axis])) / 2;
        reach += (Math.abs(slope) * (bounds.max[axis] - bounds.min[axis])) / 2;
    }
    floats[at.depthFromPosed / 4 + 3] = ahead * ViewFromPosed[14];
    floats[at.farDepth / 4] = middle + reach;
    floats[at.keysPerMeter / 4] = BucketCount / Math.max(2 * reach, 1e-6);

    // A projection whose clip w does not depend on view z is orthographic: every point sees the camera in the same direction.
    const perspective = view.clipFromView[11] !== 0;
    WriteEye(perspective ? null : -ahead, floats, at.eyePosed / 4);
    floats[at.viewportPx / 4] = view.viewportWidthPx;
    floats[at.viewportPx / 4 + 1] = view.viewportHeightPx;
    words[at.flags / 4] =
        (view.compensateOpacity ? ViewCompensateOpacity : 0) |
        (view.cullBackFaces ? ViewCullBackFaces : 0) |
        (view.linearOutput ? ViewLinearOutput : 0);
    words[at.recordCount / 4] = recordCount;
}

/** `into` = `a` · `b`. */
function Multiply(a: ArrayLike<number>, b: ArrayLike<number>, into: Float64Array): void {
    for (let column = 0; column < 4; column++) {
        for (let row = 0; row < 4; row++) {
            let sum = 0;
            for (let k = 0; k < 4; k++) {
                sum += a[4 * k + row] * b[4 * column + k];
            }
            into[4 * column + row] = sum;
        }
    }
}

/** The view origin (`towards` null), or the direction (0, 0, towards), taken from view space to posed space by Cramer's rule. */
function WriteEye(towards: number | null, into: Float32Array, at: number): void {
    const m = ViewFromPosed;
    const x = towards === null ? -m[12] : 0;
    const y = towards === null ? -m[13] : 0;
    const z = towards === null ? -m[14] : towards;
    const cofactorX = m[5] * m[10] - m[6] * m[9];
    const cofactorY = m[6] * m[8] - m[4] * m[10];
    const cofactorZ = m[4] * m[9] - m[5] * m[8];
    const determinant = m[0] * cofactorX + m[1] * cofactorY + m[2] * cofactorZ;
    const scale = determinant === 0 ? 0 : 1 / determinant; // a flattened avatar has no inside
    into[at + 3] = towards === null ? 1 : 0;
    // Rows of the inverse are the cross products of the columns.
    into[at] = scale * (x * cofactorX + y * cofactorY + z * cofactorZ);
    into[at + 1] = scale * (x * (m[9] * m[2] - m[10] * m[1]) + y * (m[10] * m[0] - m[8] * m[2]) + z * (m[8] * m[1] - m[9] * m[0]));
    into[at + 2] = scale * (x * (m[1] * m[6] - m[2] * m[5]) + y * (m[2] * m[4] - m[0] * m[6]) + z * (m[0] * m[5] - m[1] * m[4]));
}
