/** What the kernels are told of a view: ViewParams, and a ViewSlot per avatar that is in the view. */
import type { Level } from "../../../flame/levels.js";
import { ViewCompensateOpacity, ViewHasOccluders, ViewKeepOffScreen, ViewParamsLayout } from "../../layout.js";
import type { HeadBuffers } from "../headBuffers.js";
import type { StructData } from "../structData.js";
import { Spans, SpreadKeys } from "./depthKeys.js";
import { IsPerspective, PlaceAvatar } from "./placedAvatar.js";
import type { ViewBuffers } from "./viewBuffers.js";
import { Hides, NearestOccluder, WriteOccluder } from "./viewOccluders.js";
import type { ICameraSettings, ICrowdMember } from "./viewSettings.js";
import { WriteCloseUp, WriteSlot } from "./viewSlots.js";

const NoGroup = { firstSlot: 0, avatarCount: 0, gaussianCount: 0, firstOccluder: 0, occluderCount: 0 };

/**
 * Fills `params` and `slots` of a view on the CPU. Avatars that are wholly outside the view get no slot and no records.
 * Allocates nothing while the avatars stay the same.
 * @returns records of the avatars in the view
 */
export function WriteView(camera: ICameraSettings, members: readonly ICrowdMember[], view: ViewBuffers): number {
    const { groups } = view;
    let groupCount = 0;
    let slot = 0;
    let spanCount = 0;
    let recordCount = 0;
    view.occluderCount = 0;
    view.closeUpHead = null;
    view.firstRecords.length = members.length;
    view.firstRecords.fill(undefined);
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
            if (!IsOfGroup(member, head, level) || !(member.opacity > 0) || !PlaceAvatar(camera, member)) {
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
            const group = (groups[groupCount++] ??= { ...NoGroup, head });
            group.head = head;
            group.firstSlot = firstSlot;
            group.avatarCount = slot - firstSlot;
            group.gaussianCount = members[first].avatar.gaussiansAt(level);
            group.firstOccluder = firstOccluder;
            group.occluderCount = view.occluderCount - firstOccluder;
        }
    }
    groups.length = groupCount;
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
    let slope = 0;
    let start = NearestOccluder;
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
