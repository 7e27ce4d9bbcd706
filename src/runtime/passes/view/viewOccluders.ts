/** Which heads hide what is behind them in a view, and how the occluder's depth is made of meters. */
import { ViewSlotLayout } from "../../layout.js";
import type { AvatarBuffers } from "../avatarBuffers.js";
import { ClipFromPosed, Eye } from "./placedAvatar.js";
import { OccluderInstanceBytes, OccluderPx, type ViewBuffers } from "./viewBuffers.js";
import type { ICameraSettings, ICrowdMember } from "./viewSettings.js";

const TowardsEye = new Float64Array(3); // scratch of Hides
/** Perspective occluders are cut off nearer than this: meters, or what a unit of the world is. */
export const NearestOccluder = 1e-4;
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

/** Whether an avatar that was just placed is an occluder. Of two levels that are faded one is enough. */
export function Hides(
    { keepOffScreen }: ICameraSettings,
    { avatar, cullHidden, opacity, share = 1 }: ICrowdMember,
): boolean {
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
    const squared = TowardsEye[0] ** 2 + TowardsEye[1] ** 2 + TowardsEye[2] ** 2;
    if (TowardsEye[1] < LowestEye * Math.sqrt(squared)) {
        return false;
    }
    const perMeter = Math.sqrt(
        Math.min(m[0] * m[0] + m[4] * m[4] + m[8] * m[8], m[1] * m[1] + m[5] * m[5] + m[9] * m[9]),
    );
    return w <= MostTexelMeters * 0.5 * OccluderPx * perMeter;
}

export function WriteOccluder(avatar: AvatarBuffers, slot: number, view: ViewBuffers): void {
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
