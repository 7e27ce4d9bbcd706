/**
 * A view as its owner describes it, and what the kernels are told of it: ViewParams, and a ViewSlot per avatar that is
 * in the view. Matrices are 4×4, column-major, for column vectors. Babylon's row-major matrices for row vectors are the
 * same sixteen numbers in memory.
 */
import type { Level } from "../../flame/levels.js";
import {
    BucketCount,
    CloseUpSlotLayout,
    ViewCompensateOpacity,
    ViewHasOccluders,
    ViewKeepOffScreen,
    ViewParamsLayout,
    ViewSlotLayout,
} from "../layout.js";
import type { AvatarBuffers } from "./avatarBuffers.js";
import type { HeadBuffers } from "./headBuffers.js";
import type { StructData } from "./structData.js";
import { OccluderInstanceBytes, OccluderPx, type ViewBuffers } from "./viewBuffers.js";

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

const ViewFromPosed = new Float64Array(16); // scratch of WriteView
const ClipFromPosed = new Float64Array(16); // scratch of WriteView
const Eye = new Float64Array(4); // scratch of WriteView
const TowardsEye = new Float64Array(3); // scratch of Hides
/** Pixels that a splat may reach beyond the box of its avatar, for the low-pass filter. */
const FilterReachPx = 2;
/** Perspective occluders are cut off nearer than this: meters, or what a unit of the world is. */
const NearestOccluder = 1e-4;
/**
 * Meters of an avatar that a texel of the occluders' depth may be wide. More, and the four around a place are seldom
 * all nearer.
 */
const MostTexelMeters = 0.008;
/**
 * Sine of how high above an avatar's middle the eye must be at least. Lower ones look into the open neck, past its edge
 * at the occluder's.
 */
const LowestEye = -0.35;

/**
 * Depths of the avatars in a view, meters ahead of the camera, and their slots. Scratch of WriteView; grows to the
 * largest crowd.
 */
const Spans: { near: number; far: number; slot: number }[] = [];

/**
 * Fills `params` and `slots` of a view on the CPU. Avatars that are wholly outside the view get no slot and no records.
 * Products are formed in float64, so an avatar far from the world's origin loses nothing. Depth keys are shared out
 * among the stretches of depth in which there are avatars; gaps between them take none. So avatars that interlock have
 * common keys, and those of a crowd are as fine as their number allows. Farthest 0, nearest 65535.
 * @returns records of the avatars in the view
 */
export function WriteView(camera: ICameraSettings, members: readonly ICrowdMember[], view: ViewBuffers): number {
    const { groups } = view;
    groups.length = 0;
    let [slot, spanCount, recordCount] = [0, 0, 0];
    view.occluderCount = 0;
    view.closeUpHead = null;
    view.firstRecords.length = 0;
    for (let first = 0; first < members.length; first++) {
        if (IsEarlierGroup(members, first)) {
            continue;
        }
        const { head } = members[first].avatar;
        const level = members[first].level ?? 0;
        slot += slot % 2;
        const firstSlot = slot;
        const firstOccluder = view.occluderCount;
        for (let index = first; index < members.length; index++) {
            const member = members[index];
            if (!IsOfGroup(member, head, level) || !(member.opacity > 0) || !Place(camera, member)) {
                continue;
            }
            const span = (Spans[spanCount++] ??= { near: 0, far: 0, slot: 0 });
            span.slot = slot;
            WriteSlot(camera, member, recordCount, slot, span, view.slotsData);
            WriteCloseUp(member, slot, view);
            view.firstRecords[index] = recordCount;
            if (Hides(camera, member)) {
                WriteOccluder(member.avatar, slot, view);
            }
            recordCount += member.avatar.gaussiansAt(level);
            slot++;
        }
        if (slot > firstSlot) {
            groups.push({
                head,
                firstSlot,
                avatarCount: slot - firstSlot,
                gaussianCount: members[first].avatar.gaussiansAt(level),
                firstOccluder,
                occluderCount: view.occluderCount - firstOccluder,
            });
        }
    }
    const keysPerMeter = SpreadKeys(spanCount, view.slotsData);
    WriteParams(camera, keysPerMeter, view.occluderCount > 0 ? spanCount : 0, view.paramsData);
    return recordCount;
}

function IsOfGroup(member: ICrowdMember, head: HeadBuffers, level: Level): boolean {
    return member.avatar.head === head && (member.level ?? 0) === level;
}

function IsEarlierGroup(members: readonly ICrowdMember[], index: number): boolean {
    const { avatar, level = 0 } = members[index];
    for (let earlier = 0; earlier < index; earlier++) {
        if (IsOfGroup(members[earlier], avatar.head, level)) {
            return true;
        }
    }
    return false;
}

/** Fills ViewFromPosed and ClipFromPosed. @returns whether any of the avatar's box may be in the view */
function Place(camera: ICameraSettings, { avatar, worldFromPosed }: ICrowdMember): boolean {
    Multiply(camera.viewFromWorld, worldFromPosed, ViewFromPosed);
    Multiply(camera.clipFromView, ViewFromPosed, ClipFromPosed);
    if (camera.ndcHalfZ === false) {
        for (let column = 0; column < 4; column++) {
            ClipFromPosed[4 * column + 2] = 0.5 * (ClipFromPosed[4 * column + 2] + ClipFromPosed[4 * column + 3]);
        }
    }
    const reachX = 1 + (2 * FilterReachPx) / camera.viewportWidthPx;
    const reachY = 1 + (2 * FilterReachPx) / camera.viewportHeightPx;
    const { min, max } = avatar.bounds;
    let outside = 63;
    for (let corner = 0; corner < 8; corner++) {
        const px = corner & 1 ? max[0] : min[0];
        const py = corner & 2 ? max[1] : min[1];
        const pz = corner & 4 ? max[2] : min[2];
        const m = ClipFromPosed;
        const x = m[0] * px + m[4] * py + m[8] * pz + m[12];
        const y = m[1] * px + m[5] * py + m[9] * pz + m[13];
        const z = m[2] * px + m[6] * py + m[10] * pz + m[14];
        const w = m[3] * px + m[7] * py + m[11] * pz + m[15];
        outside &=
            (x < -reachX * w ? 1 : 0) |
            (x > reachX * w ? 2 : 0) |
            (y < -reachY * w ? 4 : 0) |
            (y > reachY * w ? 8 : 0) |
            (z < 0 ? 16 : 0) |
            (z > w ? 32 : 0);
    }
    return (camera.keepOffScreen ? outside & 48 : outside) === 0; // 48: before or behind
}

/** Writes all of a slot but its farDepth, and finds the depths that its avatar spans. */
function WriteSlot(
    camera: ICameraSettings,
    { avatar, opacity, level = 0, share = 1, cullBackFaces }: ICrowdMember,
    firstRecord: number,
    slot: number,
    span: { near: number; far: number },
    { floats, words }: StructData,
): void {
    const { byteLength, offsets: at } = ViewSlotLayout;
    const start = (slot * byteLength) / 4;
    floats.set(ClipFromPosed, start + at.clipFromPosed / 4);
    floats.set(avatar.posedMatrices, start + at.posedFromCanonical / 4);
    floats.set(avatar.deltaWeights, start + at.deltaWeights / 4);
    floats[start + at.opacity / 4] = opacity;
    floats[start + at.share / 4] = share;

    const ahead = camera.rightHanded ? -1 : 1;
    const { min, max } = avatar.bounds;
    let middle = ahead * ViewFromPosed[14];
    let reach = 0;
    for (let axis = 0; axis < 3; axis++) {
        const slope = ahead * ViewFromPosed[4 * axis + 2];
        floats[start + at.depthFromPosed / 4 + axis] = slope;
        middle += (slope * (min[axis] + max[axis])) / 2;
        reach += (Math.abs(slope) * (max[axis] - min[axis])) / 2;
    }
    floats[start + at.depthFromPosed / 4 + 3] = ahead * ViewFromPosed[14];
    span.near = middle - reach;
    span.far = middle + reach;

    ReadEye(IsPerspective(camera) ? null : -ahead);
    for (let i = 0; i < 4; i++) {
        floats[start + at.eyePosed / 4 + i] = cullBackFaces ? Eye[i] : 0;
    }
    words[start + at.gaussianCount / 4] = avatar.gaussiansAt(level);
    words[start + at.firstRecord / 4] = firstRecord;
    words[start + at.firstTexel / 4] = avatar.head.levels.start[level];
    words[start + at.firstVertex / 4] = avatar.firstVertex;
    words[start + at.firstAttributes / 4] = avatar.firstAttributes(level);
    words[start + at.firstDeltaA / 4] = avatar.firstDelta(0);
    words[start + at.firstDeltaB / 4] = avatar.firstDelta(1);
}

/** One texture is bound for all: avatars of the first head that has detail near enough are drawn with it. */
function WriteCloseUp({ avatar, closeUp = 0, level = 0 }: ICrowdMember, slot: number, view: ViewBuffers): void {
    const { floats, words } = view.closeUpSlotsData;
    const { byteLength, offsets: at } = CloseUpSlotLayout;
    const start = (slot * byteLength) / 4;
    const has = avatar.closeUp && level === 0 && (view.closeUpHead ?? avatar.head) === avatar.head;
    const strength = has ? closeUp * avatar.closeUp!.strength : 0;
    floats[start + at.strength / 4] = strength;
    if (strength > 0) {
        words[start + at.layer / 4] = avatar.closeUp!.layer;
        floats[start + at.edge / 4] = avatar.head.closeUps.edge;
        view.closeUpHead = avatar.head;
    }
}

/**
 * A projection whose clip w does not depend on view z is orthographic: every point sees the camera in the same
 * direction.
 */
function IsPerspective({ clipFromView }: ICameraSettings): boolean {
    return clipFromView[11] !== 0;
}

/** Whether an avatar that was just placed is an occluder. Of two levels that are faded one is enough. */
function Hides({ keepOffScreen }: ICameraSettings, { avatar, cullHidden, opacity, share = 1 }: ICrowdMember): boolean {
    if (!cullHidden || !avatar.hasOccluder || keepOffScreen || opacity < 1 || share < 0.5) {
        return false;
    }
    const m = ClipFromPosed;
    const { min, max } = avatar.bounds;
    let w = m[15];
    for (let axis = 0; axis < 3; axis++) {
        const middle = (min[axis] + max[axis]) / 2;
        w += m[4 * axis + 3] * middle;
        TowardsEye[axis] = Eye[axis] - Eye[3] * middle;
    }
    if (TowardsEye[1] < LowestEye * Math.hypot(TowardsEye[0], TowardsEye[1], TowardsEye[2])) {
        return false;
    }
    const perMeter = Math.min(Math.hypot(m[0], m[4], m[8]), Math.hypot(m[1], m[5], m[9]));
    return w <= MostTexelMeters * 0.5 * OccluderPx * perMeter;
}

function WriteOccluder(avatar: AvatarBuffers, slot: number, view: ViewBuffers): void {
    const at = (OccluderInstanceBytes / 4) * view.occluderCount++;
    view.occludersData[at] = slot;
    view.occludersData[at + 1] = avatar.firstOccluderOffset;
    view.occludersData[at + 2] = IsMirrored(view.slotsData.floats, slot) ? 1 : 0;
}

/** Whether faces whose corners go round counter-clockwise from outside are seen the other way round. */
function IsMirrored(floats: Float32Array, slot: number): boolean {
    const start = (slot * ViewSlotLayout.byteLength + ViewSlotLayout.offsets.depthFromPosed) / 4;
    const m = ClipFromPosed;
    const crossX = m[4] * m[9] - m[8] * m[5];
    const crossY = m[8] * m[1] - m[0] * m[9];
    const crossZ = m[0] * m[5] - m[4] * m[1];
    return crossX * floats[start] + crossY * floats[start + 1] + crossZ * floats[start + 2] > 0;
}

/** Writes farDepth of each slot. @returns keys per meter */
function SpreadKeys(spanCount: number, { floats }: StructData): number {
    // Farthest first, by insertion: there are few, and their order seldom changes.
    for (let i = 1; i < spanCount; i++) {
        const span = Spans[i];
        let at = i;
        for (; at > 0 && Spans[at - 1].far < span.far; at--) {
            Spans[at] = Spans[at - 1];
        }
        Spans[at] = span;
    }
    let [near, skipped] = [0, 0];
    for (let i = 0; i < spanCount; i++) {
        const span = Spans[i];
        skipped += i > 0 ? Math.max(0, near - span.far) : 0;
        near = i > 0 ? Math.min(near, span.near) : span.near;
        floats[(span.slot * ViewSlotLayout.byteLength + ViewSlotLayout.offsets.farDepth) / 4] = Spans[0].far - skipped;
    }
    const meters = spanCount > 0 ? Spans[0].far - near - skipped : 0;
    return BucketCount / Math.max(meters, 1e-6);
}

/** @param spanCount of the avatars in the view if any is an occluder, else 0 */
function WriteParams(
    camera: ICameraSettings,
    keysPerMeter: number,
    spanCount: number,
    { floats, words }: StructData,
): void {
    const at = ViewParamsLayout.offsets;
    floats[at.viewportPx / 4] = camera.viewportWidthPx;
    floats[at.viewportPx / 4 + 1] = camera.viewportHeightPx;
    floats[at.keysPerMeter / 4] = keysPerMeter;
    words[at.flags / 4] =
        (camera.compensateOpacity ? ViewCompensateOpacity : 0) |
        (spanCount > 0 ? ViewHasOccluders : 0) |
        (camera.keepOffScreen ? ViewKeepOffScreen : 0);
    let [slope, start] = [0, NearestOccluder];
    if (!IsPerspective(camera) && spanCount > 0) {
        const far = Spans[0].far;
        const near = Spans.reduce(
            (least, span, index) => (index < spanCount ? Math.min(least, span.near) : least),
            far,
        );
        slope = -1 / Math.max(far - near, 1e-6);
        start = -slope * far;
    }
    floats[at.occluderFromDepth / 4] = slope;
    floats[at.occluderFromDepth / 4 + 1] = start;
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

/**
 * Fills Eye: the view origin (`towards` null), or the direction (0, 0, towards), taken from view space to posed space
 * by Cramer's rule.
 */
function ReadEye(towards: number | null): void {
    const m = ViewFromPosed;
    const x = towards === null ? -m[12] : 0;
    const y = towards === null ? -m[13] : 0;
    const z = towards === null ? -m[14] : towards;
    const cofactorX = m[5] * m[10] - m[6] * m[9];
    const cofactorY = m[6] * m[8] - m[4] * m[10];
    const cofactorZ = m[4] * m[9] - m[5] * m[8];
    const determinant = m[0] * cofactorX + m[1] * cofactorY + m[2] * cofactorZ;
    const scale = determinant === 0 ? 0 : 1 / determinant; // a flattened avatar has no inside
    Eye[3] = towards === null ? 1 : 0;
    // Rows of the inverse are the cross products of the columns.
    Eye[0] = scale * (x * cofactorX + y * cofactorY + z * cofactorZ);
    Eye[1] =
        scale * (x * (m[9] * m[2] - m[10] * m[1]) + y * (m[10] * m[0] - m[8] * m[2]) + z * (m[8] * m[1] - m[9] * m[0]));
    Eye[2] =
        scale * (x * (m[1] * m[6] - m[2] * m[5]) + y * (m[2] * m[4] - m[0] * m[6]) + z * (m[0] * m[5] - m[1] * m[4]));
}
