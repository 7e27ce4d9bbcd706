/**
 * Expressions by name: the 52 ARKit names, the many ways in which files spell them, and the pair of numbers
 * (expression weights, joint angles) that moves a head.
 */
import { type HeadModel, PoseLength } from "./headModel.js";

/** The 52 expression names of ARKit, in Apple's order. Left and right are the head's own. */
export const ArkitNames = [
    "eyeBlinkLeft",
    "eyeLookDownLeft",
    "eyeLookInLeft",
    "eyeLookOutLeft",
    "eyeLookUpLeft",
    "eyeSquintLeft",
    "eyeWideLeft",
    "eyeBlinkRight",
    "eyeLookDownRight",
    "eyeLookInRight",
    "eyeLookOutRight",
    "eyeLookUpRight",
    "eyeSquintRight",
    "eyeWideRight",
    "jawForward",
    "jawLeft",
    "jawRight",
    "jawOpen",
    "mouthClose",
    "mouthFunnel",
    "mouthPucker",
    "mouthLeft",
    "mouthRight",
    "mouthSmileLeft",
    "mouthSmileRight",
    "mouthFrownLeft",
    "mouthFrownRight",
    "mouthDimpleLeft",
    "mouthDimpleRight",
    "mouthStretchLeft",
    "mouthStretchRight",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthShrugLower",
    "mouthShrugUpper",
    "mouthPressLeft",
    "mouthPressRight",
    "mouthLowerDownLeft",
    "mouthLowerDownRight",
    "mouthUpperUpLeft",
    "mouthUpperUpRight",
    "browDownLeft",
    "browDownRight",
    "browInnerUp",
    "browOuterUpLeft",
    "browOuterUpRight",
    "cheekPuff",
    "cheekSquintLeft",
    "cheekSquintRight",
    "noseSneerLeft",
    "noseSneerRight",
    "tongueOut",
] as const;

/** One of {@link ArkitNames}. */
export type ArkitName = (typeof ArkitNames)[number];

const NameOfKey: ReadonlyMap<string, ArkitName> = new Map(ArkitNames.map((name) => [name.toLowerCase(), name]));

/**
 * The ARKit name that a track or morph target means, or undefined if it means none. Accepts any letter case, a path or
 * prefix (`blendShape1.jawOpen`, `Head|ARKit_jawOpen`, `BSjawOpen`), `_L`, `.R`, `-left` and `L`, `R` at the end, and
 * numbers behind it (`jawOpen.001`).
 * @example ArkitNameOf("ARKit_MouthSmile_L") // "mouthSmileLeft"
 */
export function ArkitNameOf(name: string): ArkitName | undefined {
    const words = name.split(/[^A-Za-z0-9]+/).filter((word) => word.length > 0);
    while (words.length > 1 && /^\d+$/.test(words[words.length - 1])) {
        words.pop();
    }
    // The name may be spread over several words (mouth_smile_left) after a prefix of any length: try the longest tail
    // first.
    for (let first = 0; first < words.length; first++) {
        const tail = words
            .slice(first)
            .join("")
            .replace(/^(?:arkit|bs)/i, "");
        const found = NameOfKey.get(tail.toLowerCase()) ?? NameOfKey.get(SpellOutSide(tail).toLowerCase());
        if (found !== undefined) {
            return found;
        }
    }
    return undefined;
}

/** `mouthSmileL` to `mouthSmileLeft`, `jaw_L` to `jawLeft`; names that end otherwise are returned unchanged. */
function SpellOutSide(name: string): string {
    return name.replace(/[lL]$/, "Left").replace(/[rR]$/, "Right");
}

/**
 * What moves a head: a weight for each expression of the model, and joint angles on top of those that expressions
 * cause.
 */
export interface ExpressionPose {
    /** [E] weights, 0 at rest and 1 at full strength. */
    readonly expression: Float32Array;
    /** [15] axis-angle of global, neck, jaw, eyeL and eyeR, radians. */
    readonly pose: Float32Array;
}

/** The rest pose of a model. The arrays are new; write into them. */
export function CreateExpressionPose(model: HeadModel): ExpressionPose {
    return { expression: new Float32Array(model.expressionCount), pose: new Float32Array(PoseLength) };
}

/**
 * Index of an expression in the model by any spelling that {@link ArkitNameOf} knows, or by the model's own name; −1 if
 * it has none.
 */
export function ExpressionIndex(model: HeadModel, name: string): number {
    const own = model.expressions.indexOf(name);
    if (own >= 0) {
        return own;
    }
    const arkitName = ArkitNameOf(name);
    return arkitName === undefined ? -1 : model.expressions.indexOf(arkitName);
}

/**
 * The joint angles that act: those given plus what the expressions add (jawOpen turns the jaw, eyeLook… the eyes).
 * @param into [15] receives the axis-angles, radians
 */
export function EffectivePose(model: HeadModel, expressionPose: ExpressionPose, into: Float32Array): Float32Array {
    into.set(expressionPose.pose);
    for (let e = 0; e < model.expressionCount; e++) {
        const weight = expressionPose.expression[e];
        if (weight !== 0) {
            for (let i = 0; i < PoseLength; i++) {
                into[i] += weight * model.poseFromExpression[e * PoseLength + i];
            }
        }
    }
    return into;
}
