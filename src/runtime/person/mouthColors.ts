/**
 * Colors of the inside of the mouth where no driver runs. A mesh has one texture for all expressions. What the driver
 * adds to shut lips leaves teeth in the dark, so the inside takes what it adds to an open smiling mouth: nobody sees it
 * in another one.
 */
import { CreateExpressionPose, type ExpressionPose } from "../../flame/expression.js";
import type { HeadModel } from "../../flame/headModel.js";
import { DynamicFlag, RegionShift, type TexelTable } from "../../flame/texelTable.js";
import { ColorChannel } from "./refinedMap.js";

const InsideRegions: readonly string[] = ["mouthInterior", "teethUpper", "teethLower", "tongue"];
/** Open as in an "ah", with both rows of teeth in sight. Ours. */
const OpenMouth: Readonly<Record<string, number>> = { jawOpen: 0.6, mouthSmileLeft: 0.5, mouthSmileRight: 0.5 };

/** The pose of the head whose delta map {@link MouthColors} takes. */
export function MouthPose(head: HeadModel): ExpressionPose {
    const pose = CreateExpressionPose(head);
    head.expressions.forEach((name, e) => (pose.expression[e] = OpenMouth[name] ?? 0));
    return pose;
}

/** Which regions of a head model are inside of the mouth. */
export function IsInsideMouth({ regions }: HeadModel): boolean[] {
    return regions.map((name) => InsideRegions.includes(name));
}

/**
 * @param table of the maps
 * @param deltaMap [14,H,W] what the driver adds in {@link MouthPose}
 * @returns [3,H,W] what it adds to the colors inside the mouth; zero elsewhere
 */
export function MouthColors(
    head: HeadModel,
    { mapSize, texel, flags }: TexelTable,
    deltaMap: ArrayLike<number>,
): Float32Array<ArrayBuffer> {
    const texels = mapSize * mapSize;
    const colors = new Float32Array(3 * texels);
    const isInside = IsInsideMouth(head);
    texel.forEach((at, g) => {
        const isAdded = (flags[g] & DynamicFlag) !== 0 && isInside[flags[g] >>> RegionShift];
        for (let c = 0; isAdded && c < 3; c++) {
            colors[c * texels + at] = deltaMap[(ColorChannel + c) * texels + at];
        }
    });
    return colors;
}

/**
 * Adds the colors of a mouth to a map.
 * @param map [14,H,W], changed
 * @param mouth [3,H,W], or undefined for none
 */
export function AddMouth(map: Float32Array, mouth: Float32Array | undefined): void {
    const first = ColorChannel * ((mouth?.length ?? 0) / 3);
    mouth?.forEach((value, i) => (map[first + i] += value));
}
