/** ViewSlot and CloseUpSlot of an avatar that was placed ({@link PlaceAvatar}). */
import { CloseUpSlotLayout, ViewSlotLayout } from "../../layout.js";
import type { StructData } from "../structData.js";
import type { ISpan } from "./depthKeys.js";
import { Ahead, ClipFromPosed, Eye, ViewFromPosed } from "./placedAvatar.js";
import type { ViewBuffers } from "./viewBuffers.js";
import type { ICameraSettings, ICrowdMember } from "./viewSettings.js";

/** Writes all of a slot but its farDepth, and finds the depths that its avatar spans. */
export function WriteSlot(
    camera: ICameraSettings,
    { avatar, opacity, level = 0, share = 1, cullBackFaces }: ICrowdMember,
    firstRecord: number,
    slot: number,
    span: ISpan,
    { floats, words }: StructData,
): void {
    const { byteLength, offsets: at } = ViewSlotLayout;
    const start = (slot * byteLength) / 4;
    floats.set(ClipFromPosed, start + at.clipFromPosed / 4);
    floats.set(avatar.posedMatrices, start + at.posedFromCanonical / 4);
    floats.set(avatar.deltaWeights, start + at.deltaWeights / 4);
    floats[start + at.opacity / 4] = opacity;
    floats[start + at.share / 4] = share;

    const ahead = Ahead(camera);
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
export function WriteCloseUp({ avatar, closeUp = 0, level = 0 }: ICrowdMember, slot: number, view: ViewBuffers): void {
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
