/**
 * A view as its owner describes it. Matrices are 4×4, column-major, for column vectors. Babylon's row-major matrices
 * for row vectors are the same sixteen numbers in memory.
 */
import type { Level } from "../../../flame/levels.js";
import type { AvatarBuffers } from "../avatarBuffers.js";

/** One view: a camera or an eye. Fields are read once per call; the same object may be filled again each frame. */
export interface ICameraSettings {
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
    /**
     * Multiply opacity by the share of the splat that the 0.3 px² dilation did not add. Default false. Set it as in
     * training.
     */
    compensateOpacity?: boolean;
    /**
     * Keep what lies beyond the sides of the view, so that it has the order of a view beside it: the other eye. Default
     * false.
     */
    keepOffScreen?: boolean;
}

/** One avatar in a view. */
export interface ICrowdMember {
    readonly avatar: AvatarBuffers;
    /** Avatar's own posed space to world. May mirror and scale by axis; splats deform accordingly. */
    readonly worldFromPosed: ArrayLike<number>;
    /** Of the whole avatar, 0..1: multiplies the opacity of its Gaussians. */
    readonly opacity: number;
    /** Level of detail. Default 0, the finest. */
    readonly level?: Level;
    /**
     * Leave out Gaussians on surfaces that look away, unless their region is two-sided. Default false; see
     * `avatar.isOpaque`.
     */
    readonly cullBackFaces?: boolean;
    /**
     * Leave out Gaussians, of this avatar and of others, that are behind its head. Default false. Ignored where
     * `avatar.hasOccluder` is not set, in views that keep what is off screen, where another eye sees what this one does
     * not, and where the head is too small for it.
     */
    readonly cullHidden?: boolean;
    /**
     * How much of the avatar's detail for close-ups is drawn, 0..1, at the finest level of detail. Default 0: none, and
     * at no cost.
     */
    readonly closeUp?: number;
    /** While two levels of detail are drawn in the same place: share of this one, the shares sum to 1. Default 1. */
    readonly share?: number;
}

/** A view of one avatar. */
export interface IViewSettings extends ICameraSettings {
    /** As in {@link ICrowdMember}. */
    worldFromPosed: ArrayLike<number>;
    /** As in {@link ICrowdMember}. */
    cullBackFaces?: boolean;
    /** As in {@link ICrowdMember}. */
    cullHidden?: boolean;
}
