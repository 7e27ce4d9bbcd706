/**
 * How the 16 bits of depth keys are shared out among the avatars of a view: over the stretches of depth in which there
 * are avatars; gaps between them take none. So avatars that interlock have common keys, and those of a crowd are as fine
 * as their number allows. Farthest 0, nearest 65535.
 */
import { BucketCount, ViewSlotLayout } from "../../layout.js";
import type { StructData } from "../structData.js";

/** Depths that an avatar spans, meters ahead of the camera, and its slot. */
export interface ISpan {
    near: number;
    far: number;
    slot: number;
}

/** Of the avatars in the view that is written; grows to the largest crowd. Sorted by {@link SpreadKeys}. */
export const Spans: ISpan[] = [];

/** Writes farDepth of each slot. @returns keys per meter */
export function SpreadKeys(spanCount: number, { floats }: StructData): number {
    // Farthest first, by insertion: there are few, and their order seldom changes.
    for (let i = 1; i < spanCount; i++) {
        const span = Spans[i];
        let at = i;
        for (; at > 0 && Spans[at - 1].far < span.far; at--) {
            Spans[at] = Spans[at - 1];
        }
        Spans[at] = span;
    }
    let near = 0;
    let skipped = 0;
    for (let i = 0; i < spanCount; i++) {
        const span = Spans[i];
        skipped += i > 0 ? Math.max(0, near - span.far) : 0;
        near = i > 0 ? Math.min(near, span.near) : span.near;
        floats[(span.slot * ViewSlotLayout.byteLength + ViewSlotLayout.offsets.farDepth) / 4] = Spans[0].far - skipped;
    }
    const meters = spanCount > 0 ? Spans[0].far - near - skipped : 0;
    return BucketCount / Math.max(meters, 1e-6);
}
