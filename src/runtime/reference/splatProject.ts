/**
 * Twin of src/shaders/splatProject.wgsl, in float64: activate and skin ({@link ActivateGaussian}), then project as in
 * EWA splatting (Zwicker et al. 2001) through world, view and projection one after the other, where the kernel uses
 * their product.
 */
import {
    AlphaCut,
    BackFaceCosine,
    DilationPx2,
    HeadRadius,
    HorizonMargin,
    InsideCosine,
    JacobianNdc,
    OutsideCosine,
    ShellCut,
} from "../layout.js";
import { ActivateGaussian, type IAvatarState, type IGaussian } from "./activate.js";

/** One view; matrices 4×4, column-major, for column vectors, NDC z 0..1. */
export interface IReferenceView {
    readonly worldFromPosed: ArrayLike<number>;
    readonly viewFromWorld: ArrayLike<number>;
    readonly clipFromView: ArrayLike<number>;
    readonly viewportWidthPx: number;
    readonly viewportHeightPx: number;
    readonly rightHanded?: boolean;
    readonly compensateOpacity?: boolean;
    readonly cullBackFaces?: boolean;
}

/** One projected Gaussian. Pixels with y up and the origin in the middle of the viewport. */
export interface ISplat {
    readonly visible: boolean;
    /**
     * How near the decision was: distance of the tested values from their limits, relative or in NDC. Tests skip the
     * very near ones.
     */
    readonly margin: number;
    readonly centerPx: readonly [number, number];
    readonly depthNdc: number;
    /** Meters ahead of the camera. */
    readonly viewDepth: number;
    /** xx, xy, yy in px², dilated */
    readonly covariancePx: readonly [number, number, number];
    readonly color: readonly number[];
    readonly alpha: number;
    /** Alpha down to which it is drawn. */
    readonly faintest: number;
}

/** All Gaussians of an avatar in one view. */
export function SplatProjectReference(state: IAvatarState, view: IReferenceView): ISplat[] {
    return Array.from({ length: state.table.gaussianCount }, (_, g) =>
        ProjectGaussian(ActivateGaussian(state, g), view),
    );
}

/** All Gaussians of several avatars in one view, avatar after avatar. */
export function CrowdProjectReference(
    members: readonly { readonly state: IAvatarState; readonly worldFromPosed: ArrayLike<number> }[],
    view: Omit<IReferenceView, "worldFromPosed">,
): ISplat[] {
    return members.flatMap(({ state, worldFromPosed }) => SplatProjectReference(state, { ...view, worldFromPosed }));
}

/** One Gaussian in one view. */
export function ProjectGaussian(gaussian: IGaussian, view: IReferenceView): ISplat {
    const world = Transform(view.worldFromPosed, gaussian.mean, 1);
    const seen = Transform(view.viewFromWorld, world, 1);
    const clip = Transform(view.clipFromView, seen, 1);
    const w = clip[3];
    const ndc = [clip[0] / w, clip[1] / w, clip[2] / w];
    const halfPx = [view.viewportWidthPx / 2, view.viewportHeightPx / 2];

    // W Σ Wᵀ, then J (W Σ Wᵀ) Jᵀ. Row k of J: derivative of half · clip_k / clip_w by view position, by the quotient
    // rule.
    const viewFromPosed = [0, 1, 2].map((column) => {
        const axis = [0, 1, 2].map((row) => (row === column ? 1 : 0));
        return Transform(view.viewFromWorld, Transform(view.worldFromPosed, axis, 0), 0);
    });
    const inView = Quadratic(
        gaussian.covariance,
        [0, 1, 2].map((row) => [0, 1, 2].map((column) => viewFromPosed[column][row])),
    );
    const jacobian = [0, 1].map((k) => {
        const held = Math.min(JacobianNdc, Math.max(-JacobianNdc, ndc[k]));
        return [0, 1, 2].map(
            (axis) => (halfPx[k] * (view.clipFromView[4 * axis + k] - held * view.clipFromView[4 * axis + 3])) / w,
        );
    });
    const [[xx, xy], [, yy]] = Quadratic(inView, jacobian);
    const covariancePx: [number, number, number] = [xx + DilationPx2, xy, yy + DilationPx2];
    const share = Math.sqrt(Math.max(xx * yy - xy * xy, 0) / (covariancePx[0] * covariancePx[2] - xy * xy));
    const alpha = gaussian.opacity * (view.compensateOpacity ? share : 1);

    const reach = Math.sqrt(Math.max(2 * Math.log(255 * alpha), 0));
    const limits = [
        alpha / AlphaCut - 1,
        w,
        ndc[2],
        1 - ndc[2],
        1 + (reach * Math.sqrt(covariancePx[0])) / halfPx[0] - Math.abs(ndc[0]),
        1 + (reach * Math.sqrt(covariancePx[2])) / halfPx[1] - Math.abs(ndc[1]),
    ];
    if (view.cullBackFaces && !gaussian.twoSided) {
        limits.push(FacingCosine(gaussian.normal, gaussian.surface, view) + HiddenCosine(gaussian.height));
    }
    if (view.cullBackFaces && gaussian.side) {
        const facing = FacingCosine(gaussian.outwards, gaussian.mean, view);
        const away = gaussian.twoSided ? OutsideCosine : InsideCosine;
        limits.push(gaussian.side === "outside" ? facing + away : InsideCosine - facing);
    }
    return {
        visible: limits.every((limit) => limit >= 0),
        margin: Math.min(...limits.map(Math.abs)),
        centerPx: [ndc[0] * halfPx[0], ndc[1] * halfPx[1]],
        depthNdc: ndc[2],
        viewDepth: view.rightHanded ? -seen[2] : seen[2],
        covariancePx,
        color: gaussian.color,
        alpha,
        faintest: gaussian.isShell ? Math.max(AlphaCut, ShellCut * alpha) : AlphaCut,
    };
}

/**
 * How far a surface may look away before what stands `height` meters off it cannot reach over the horizon of a head, as
 * a cosine.
 */
function HiddenCosine(height: number): number {
    const near = HeadRadius / (HeadRadius + Math.max(height, 0));
    return Math.max(BackFaceCosine, HorizonMargin + Math.sqrt(1 - near * near));
}

/**
 * Cosine between a normal and the direction from its place to the camera, in posed space, where mirrored worlds change
 * nothing.
 */
function FacingCosine(normal: readonly number[], place: readonly number[], view: IReferenceView): number {
    const eye = EyeInPosedSpace(view);
    const towards = eye.direction ?? eye.position!.map((x, axis) => x - place[axis]);
    const dot = normal.reduce((sum, n, axis) => sum + n * towards[axis], 0);
    return dot / (Math.hypot(...normal) * Math.hypot(...towards));
}

/**
 * The camera in posed space, by solving viewFromPosed · x = origin (or = direction, for an orthographic camera) with
 * elimination.
 */
function EyeInPosedSpace(view: IReferenceView): { position?: number[]; direction?: number[] } {
    const at = Transform(view.viewFromWorld, Transform(view.worldFromPosed, [0, 0, 0], 1), 1);
    const columns = [0, 1, 2].map((column) => {
        const axis = [0, 1, 2].map((row) => (row === column ? 1 : 0));
        return Transform(view.viewFromWorld, Transform(view.worldFromPosed, axis, 0), 0);
    });
    const rows = [0, 1, 2].map((row) => columns.map((column) => column[row]));
    return view.clipFromView[11] !== 0
        ? { position: Solve(rows, [-at[0], -at[1], -at[2]]) }
        : { direction: Solve(rows, [0, 0, view.rightHanded ? 1 : -1]) };
}

/** x with m · x = b, by Gauss-Jordan elimination with pivoting. */
function Solve(m: readonly (readonly number[])[], b: readonly number[]): number[] {
    const rows = m.map((row, i) => [...row, b[i]]);
    for (let k = 0; k < 3; k++) {
        let pivot = k;
        for (let i = k + 1; i < 3; i++) {
            pivot = Math.abs(rows[i][k]) > Math.abs(rows[pivot][k]) ? i : pivot;
        }
        [rows[k], rows[pivot]] = [rows[pivot], rows[k]];
        rows[k] = rows[k].map((x) => x / rows[k][k]);
        for (let i = 0; i < 3; i++) {
            if (i !== k) {
                rows[i] = rows[i].map((x, j) => x - rows[i][k] * rows[k][j]);
            }
        }
    }
    return rows.map((row) => row[3]);
}

/** Column-major 4×4 times (x, y, z, w). */
function Transform(m: ArrayLike<number>, v: readonly number[], w: number): number[] {
    return [0, 1, 2, 3].map((row) => m[row] * v[0] + m[4 + row] * v[1] + m[8 + row] * v[2] + m[12 + row] * w);
}

/** J C Jᵀ. */
function Quadratic(c: readonly (readonly number[])[], j: readonly (readonly number[])[]): number[][] {
    return j.map((a) =>
        j.map((b) => a.reduce((sum, x, i) => sum + b.reduce((inner, y, k) => inner + x * c[i][k] * y, 0), 0)),
    );
}
