/** Which parts of a face a source may move: masks by name, as numbers per weight and joint. */
import { FlexAvatarError } from "../../flame/error.js";
import { ArkitNameOf, ArkitNames, type ArkitName } from "../../flame/expression.js";
import type { NodeName } from "../animation/jointNames.js";
import { FaceJointNames } from "./faceSource.js";

/** Parts of a face by one word: several weights and joints. */
export type FaceRegion = "face" | "brows" | "lids" | "gaze" | "eyes" | "nose" | "cheeks" | "mouth" | "head" | "body";

/** What a mask can name: a region, one of ARKit's expressions, a joint. */
export type FacePart = FaceRegion | ArkitName | NodeName;

/**
 * What a source may move: parts by name, or parts with the share of the source's influence, 0..1. Later entries win, so
 * `{ face: 1, mouth: 0 }` is all but the mouth. Without a mask it is everything.
 */
export type FaceMask = readonly FacePart[] | Readonly<Partial<Record<FacePart, number>>>;

/** Weights by the beginning of their names, and joints. */
const Regions: Readonly<Record<FaceRegion, { weights: RegExp | null; joints: readonly NodeName[] }>> = {
    face: { weights: /./, joints: ["jaw", "leftEye", "rightEye"] },
    brows: { weights: /^brow/, joints: [] },
    lids: { weights: /^eye(?!Look)/, joints: [] },
    gaze: { weights: /^eyeLook/, joints: ["leftEye", "rightEye"] },
    eyes: { weights: /^eye/, joints: ["leftEye", "rightEye"] },
    nose: { weights: /^nose/, joints: [] },
    cheeks: { weights: /^cheek/, joints: [] },
    mouth: { weights: /^(?:jaw|mouth|tongue)/, joints: ["jaw"] },
    head: { weights: null, joints: ["neck"] },
    body: { weights: null, joints: ["torso"] },
};

/** A mask as the mixer multiplies with. */
export interface IMaskShares {
    /** [52] 0..1 in ARKit's order. */
    readonly weights: Float32Array;
    /** [5] 0..1 in the order of {@link FaceJointNames}. */
    readonly turns: Float32Array;
}

/**
 * @param mask undefined is everything
 * @throws FlexAvatarError `invalid-argument` if it names what no face has, or a share is not in 0..1
 */
export function SharesOfMask(mask?: FaceMask): IMaskShares {
    const shares = {
        weights: new Float32Array(ArkitNames.length),
        turns: new Float32Array(FaceJointNames.length),
    };
    if (mask === undefined) {
        shares.weights.fill(1);
        shares.turns.fill(1);
        return shares;
    }
    const isList = (given: FaceMask): given is readonly FacePart[] => Array.isArray(given);
    const entries = isList(mask) ? mask.map((name) => [name, 1] as const) : Object.entries(mask);
    for (const [name, share] of entries) {
        if (!(typeof share === "number" && share >= 0 && share <= 1)) {
            throw new FlexAvatarError("invalid-argument", `The mask gives "${name}" ${String(share)}, wanted 0 to 1.`);
        }
        Set(shares, name, share);
    }
    return shares;
}

function Set({ weights, turns }: IMaskShares, name: string, share: number): void {
    const joint = FaceJointNames.indexOf(name as NodeName);
    const weight = ArkitNames.indexOf(ArkitNameOf(name) as ArkitName);
    if (Object.hasOwn(Regions, name)) {
        const region = Regions[name as FaceRegion];
        ArkitNames.forEach((arkitName, index) => {
            if (region.weights?.test(arkitName)) {
                weights[index] = share;
            }
        });
        region.joints.forEach((jointName) => (turns[FaceJointNames.indexOf(jointName)] = share));
    } else if (joint >= 0) {
        turns[joint] = share;
    } else if (weight >= 0) {
        weights[weight] = share;
    } else {
        throw new FlexAvatarError("invalid-argument", `A face has no part "${name}" that a mask could name.`, {
            advice: `Name regions (${Object.keys(Regions).join(", ")}), joints or ARKit's expressions.`,
        });
    }
}
