/** A person at rest as few splats: what a saved file shows in viewers that do not know the library. */
import { CreateExpressionPose } from "../../flame/expression.js";
import type { HeadModel } from "../../flame/headModel.js";
import type { ILevels, Level } from "../../flame/levels.js";
import type { TexelTable } from "../../flame/texelTable.js";
import { Within, type Work } from "../slices.js";
import { MergeSplats } from "./mergeSplats.js";
import { JoinSplats, ListSplats } from "./splatFile.js";

/** Splats of a file: 48 bytes each, so that a file stays below 3.5 MB. */
const MostSplats = 20_000;

/** A page of the atlas with its map. */
export interface IRestPart {
    readonly head: HeadModel;
    readonly table: TexelTable;
    readonly levels: ILevels;
    /** [14,H,W] */
    readonly map: ArrayLike<number>;
}

/**
 * Half the map's edge; a quarter of it where the parts before have left too little room.
 * @param parts the head first
 * @returns 32 bytes per splat, right-handed, meters
 */
export function* RestSplats(parts: readonly IRestPart[]): Work<Uint8Array<ArrayBuffer>> {
    const lists: Uint8Array<ArrayBuffer>[] = [];
    let size = 0;
    for (const [i, { head, table, levels, map }] of parts.entries()) {
        const pose = CreateExpressionPose(head);
        const [from, to] = [i / parts.length, (i + 1) / parts.length];
        const snapshot = { head, table, staticMap: map, deltaMap: null, pose };
        const list = yield* Within(ListSplats(snapshot, false), from, (from + to) / 2);
        // What nothing is seen of has no splats: a count of groups would overrate a page.
        const level: Level = size / 32 + list.gaussians.length / 3 <= MostSplats || i === 0 ? 1 : 2;
        const merged = yield* Within(MergeSplats(list, levels, level), (from + to) / 2, to);
        lists.push(merged);
        size += merged.length;
    }
    return JoinSplats(lists);
}
