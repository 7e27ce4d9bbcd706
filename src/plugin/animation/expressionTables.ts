/**
 * Other sets of facial morphs in terms of ARKit's: which expressions one morph means, and how strongly. The weights are
 * ours: chosen so that the shipped head makes about the face that the name says, and so that visemes look like speech
 * and not like shouting. docs/clips.md tells how names are matched.
 */
import { ArkitNameOf, ArkitNames, type ArkitName } from "../../flame/expression.js";

/**
 * Expressions with their weights, 0..1 at full strength of the morph. Empty: known, and without effect on the avatar.
 */
export type WeightedExpressions = Readonly<Partial<Record<ArkitName, number>>>;

/** One set of morphs, by name. */
export type ExpressionTable = Readonly<Record<string, WeightedExpressions>>;

/**
 * Names and weights as written below: `*` stands for Left, for Right, and in a name also for both; `#` in a name for
 * the four quarters of the lips.
 */
type Draft = Readonly<Record<string, Readonly<Record<string, number>>>>;

const Sides = ["Left", "Right"] as const;

function Expand(draft: Draft): ExpressionTable {
    const table: Record<string, WeightedExpressions> = {};
    const add = (name: string, weights: Readonly<Record<string, number>>, sides: readonly string[], halved = false) => {
        // Both halves of what has no side are the whole.
        const spelled = Object.entries(weights).flatMap(([key, weight]) =>
            key.includes("*")
                ? sides.map((side) => [key.replace("*", side), weight] as const)
                : [[key, halved ? Math.min(1, 2 * weight) : weight] as const],
        );
        table[name] = Object.freeze(Object.fromEntries(spelled));
    };
    for (const [name, weights] of Object.entries(draft)) {
        if (name.includes("*")) {
            for (const side of Sides) {
                add(name.replace("*", side), weights, [side]);
            }
            const both = name.replace("*", "");
            if (!Object.hasOwn(draft, both)) {
                add(both, weights, Sides, true);
            }
        } else if (name.includes("#")) {
            for (const quarter of ["UL", "UR", "DL", "DR"]) {
                add(name.replace("#", quarter), weights, quarter.endsWith("L") ? ["Left"] : ["Right"]);
            }
        } else {
            add(name, weights, Sides);
        }
    }
    return Object.freeze(table);
}

/** The 15 visemes of Oculus Lipsync, as Ready Player Me and VRChat heads have them (`viseme_aa`, `vrc.v_aa`). */
export const OculusVisemes: ExpressionTable = Expand({
    sil: {},
    PP: { "mouthPress*": 0.4, mouthRollLower: 0.35, mouthRollUpper: 0.35 },
    FF: { jawOpen: 0.08, mouthRollLower: 0.6, "mouthUpperUp*": 0.25, mouthShrugUpper: 0.1 },
    TH: { jawOpen: 0.18, tongueOut: 0.35, "mouthLowerDown*": 0.15, "mouthUpperUp*": 0.1 },
    DD: { jawOpen: 0.14, "mouthUpperUp*": 0.2, "mouthLowerDown*": 0.25 },
    kk: { jawOpen: 0.2, "mouthUpperUp*": 0.15, "mouthLowerDown*": 0.2, "mouthStretch*": 0.1 },
    CH: { jawOpen: 0.1, mouthFunnel: 0.5, "mouthUpperUp*": 0.15, "mouthLowerDown*": 0.15 },
    SS: { jawOpen: 0.04, "mouthStretch*": 0.25, "mouthLowerDown*": 0.3, "mouthUpperUp*": 0.15 },
    nn: { jawOpen: 0.12, "mouthUpperUp*": 0.12, "mouthLowerDown*": 0.2 },
    RR: { jawOpen: 0.12, mouthFunnel: 0.3, mouthPucker: 0.2 },
    aa: { jawOpen: 0.55, "mouthLowerDown*": 0.2, "mouthUpperUp*": 0.1 },
    E: { jawOpen: 0.28, "mouthStretch*": 0.3, "mouthSmile*": 0.15, "mouthLowerDown*": 0.2 },
    I: { jawOpen: 0.16, "mouthStretch*": 0.35, "mouthSmile*": 0.2, "mouthLowerDown*": 0.2 },
    O: { jawOpen: 0.38, mouthFunnel: 0.55, mouthPucker: 0.2 },
    U: { jawOpen: 0.16, mouthPucker: 0.65, mouthFunnel: 0.3 },
});

/**
 * Expressions of VRM 1.0, presets of VRM 0.x, VRoid's morphs behind them, and the Japanese names that MMD gave to the
 * same faces.
 */
export const VrmExpressions: ExpressionTable = Expand({
    neutral: {},
    aa: OculusVisemes.aa,
    ih: OculusVisemes.I,
    ou: OculusVisemes.U,
    ee: OculusVisemes.E,
    oh: OculusVisemes.O,
    A: OculusVisemes.aa,
    happy: { "mouthSmile*": 0.8, "cheekSquint*": 0.5, "eyeSquint*": 0.3, jawOpen: 0.06 },
    angry: { "browDown*": 0.9, "noseSneer*": 0.4, "mouthFrown*": 0.35, "mouthPress*": 0.3, "eyeSquint*": 0.3 },
    sad: { browInnerUp: 0.8, "mouthFrown*": 0.7, mouthShrugLower: 0.3, "eyeLookDown*": 0.15 },
    relaxed: { "mouthSmile*": 0.35, "eyeBlink*": 0.25, "cheekSquint*": 0.15 },
    surprised: { browInnerUp: 0.8, "browOuterUp*": 0.8, "eyeWide*": 0.7, jawOpen: 0.35 },
    joy: { "mouthSmile*": 0.8, "cheekSquint*": 0.5, "eyeSquint*": 0.3, jawOpen: 0.06 },
    sorrow: { browInnerUp: 0.8, "mouthFrown*": 0.7, mouthShrugLower: 0.3, "eyeLookDown*": 0.15 },
    fun: { "mouthSmile*": 0.5, "cheekSquint*": 0.25, "browOuterUp*": 0.2 },
    "blink*": { "eyeBlink*": 1 },
    lookUp: { "eyeLookUp*": 1 },
    lookDown: { "eyeLookDown*": 1 },
    lookLeft: { eyeLookOutLeft: 1, eyeLookInRight: 1 },
    lookRight: { eyeLookInLeft: 1, eyeLookOutRight: 1 },
    "eyeClose*": { "eyeBlink*": 1 },
    eyeJoy: { "eyeBlink*": 0.9, "cheekSquint*": 0.6 },
    eyeFun: { "eyeSquint*": 0.6, "cheekSquint*": 0.3 },
    eyeAngry: { "eyeSquint*": 0.4 },
    eyeSorrow: { "eyeBlink*": 0.25 },
    eyeSurprised: { "eyeWide*": 0.8 },
    eyeSpread: { "eyeWide*": 0.6 },
    brwAngry: { "browDown*": 0.9 },
    brwFun: { "browOuterUp*": 0.4 },
    brwJoy: { "browOuterUp*": 0.5, browInnerUp: 0.3 },
    brwSorrow: { browInnerUp: 0.8 },
    brwSurprised: { browInnerUp: 0.8, "browOuterUp*": 0.8 },
    mthClose: { "mouthPress*": 0.3 },
    mthAngry: { "mouthFrown*": 0.5, "mouthPress*": 0.4 },
    mthFun: { "mouthSmile*": 0.5 },
    mthJoy: { "mouthSmile*": 0.7, jawOpen: 0.3 },
    mthSorrow: { "mouthFrown*": 0.6 },
    mthSurprised: { jawOpen: 0.35, mouthFunnel: 0.2 },
    mthSmall: { mouthPucker: 0.4 },
    mthLarge: { "mouthStretch*": 0.4 },
    あ: OculusVisemes.aa,
    い: OculusVisemes.I,
    う: OculusVisemes.U,
    え: OculusVisemes.E,
    お: OculusVisemes.O,
    まばたき: { "eyeBlink*": 1 },
    ウィンク: { eyeBlinkLeft: 1 },
    ウィンク右: { eyeBlinkRight: 1 },
    笑い: { "eyeBlink*": 0.9, "cheekSquint*": 0.6 },
    にやり: { "mouthSmile*": 0.6 },
    びっくり: { "eyeWide*": 0.8 },
    真面目: { "browDown*": 0.4 },
    困る: { browInnerUp: 0.7 },
    怒り: { "browDown*": 0.9 },
    上: { browInnerUp: 0.7, "browOuterUp*": 0.7 },
    下: { "browDown*": 0.6 },
});

/** Control curves of MetaHuman heads (`CTRL_expressions_mouthCornerPullL`), without those that have no counterpart. */
export const MetaHumanExpressions: ExpressionTable = Expand({
    "browDown*": { "browDown*": 1 },
    "browLateral*": { "browDown*": 0.3 },
    "browRaiseIn*": { browInnerUp: 0.5 },
    "browRaiseOuter*": { "browOuterUp*": 1 },
    "eyeWiden*": { "eyeWide*": 1 },
    "eyeUpperLidUp*": { "eyeWide*": 0.6 },
    "eyeRelax*": { "eyeBlink*": 0.3 },
    "eyeSquintInner*": { "eyeSquint*": 1 },
    "eyeLidPress*": { "eyeBlink*": 0.3, "eyeSquint*": 0.4 },
    "eyeCheekRaise*": { "cheekSquint*": 1 },
    "eyeFaceScrunch*": { "eyeSquint*": 0.7, "cheekSquint*": 0.7, "noseSneer*": 0.3 },
    "eyeLowerLidUp*": { "eyeSquint*": 0.5 },
    eyeLookLeftL: { eyeLookOutLeft: 1 },
    eyeLookLeftR: { eyeLookInRight: 1 },
    eyeLookRightL: { eyeLookInLeft: 1 },
    eyeLookRightR: { eyeLookOutRight: 1 },
    "noseWrinkle*": { "noseSneer*": 1 },
    "noseWrinkleUpper*": { "noseSneer*": 0.5 },
    "noseNasolabialDeepen*": { "noseSneer*": 0.3, "cheekSquint*": 0.2 },
    "noseNostrilDilate*": { "noseSneer*": 0.2 },
    "mouthCheekBlow*": { cheekPuff: 0.5 },
    "mouthLipsBlow*": { cheekPuff: 0.2, mouthPucker: 0.15 },
    mouthUp: { mouthShrugUpper: 0.4, mouthShrugLower: 0.4 },
    mouthDown: { "mouthFrown*": 0.3 },
    "mouthUpperLipRaise*": { "mouthUpperUp*": 1 },
    "mouthLowerLipDepress*": { "mouthLowerDown*": 1 },
    "mouthCornerPull*": { "mouthSmile*": 1 },
    "mouthSharpCornerPull*": { "mouthSmile*": 0.6, "mouthDimple*": 0.4 },
    "mouthCornerDepress*": { "mouthFrown*": 1 },
    "mouthCornerUp*": { "mouthSmile*": 0.4 },
    "mouthCornerDown*": { "mouthFrown*": 0.4 },
    "mouthCornerWide*": { "mouthStretch*": 0.4 },
    "mouthCornerNarrow*": { mouthPucker: 0.2 },
    "mouthLipsPurse#": { mouthPucker: 0.25 },
    "mouthLipsTowards#": { mouthPucker: 0.1 },
    "mouthFunnel#": { mouthFunnel: 0.25 },
    "mouthLipsFunnel#": { mouthFunnel: 0.25 },
    "mouthLipsTogether#": { mouthClose: 0.25 },
    "mouthLipsTighten#": { "mouthPress*": 0.4 },
    "mouthPress#": { "mouthPress*": 0.5 },
    "mouthLipsPress*": { "mouthPress*": 1 },
    "mouthUpperLipRollIn*": { mouthRollUpper: 0.5 },
    "mouthLowerLipRollIn*": { mouthRollLower: 0.5 },
    "mouthUpperLipBite*": { mouthRollUpper: 0.5 },
    "mouthLowerLipBite*": { mouthRollLower: 0.5 },
    mouthUpperLipShiftLeft: { mouthLeft: 0.4 },
    mouthUpperLipShiftRight: { mouthRight: 0.4 },
    mouthLowerLipShiftLeft: { mouthLeft: 0.4 },
    mouthLowerLipShiftRight: { mouthRight: 0.4 },
    jawFwd: { jawForward: 1 },
    jawOpenExtreme: { jawOpen: 0.5 },
    jawChinRaiseUL: { mouthShrugUpper: 0.5 },
    jawChinRaiseUR: { mouthShrugUpper: 0.5 },
    jawChinRaiseDL: { mouthShrugLower: 0.5 },
    jawChinRaiseDR: { mouthShrugLower: 0.5 },
    "jawChinRaise*": { mouthShrugLower: 0.5, mouthShrugUpper: 0.2 },
});

/**
 * Morphs and visemes of Character Creator 3 and 4, standard and extended, where ARKit's spelling does not already fit.
 */
export const CharacterCreatorExpressions: ExpressionTable = Expand({
    "Brow_Raise_Inner_*": { browInnerUp: 0.5 },
    "Brow_Raise_Outer_*": { "browOuterUp*": 1 },
    "Brow_Raise_*": { browInnerUp: 0.5, "browOuterUp*": 0.8 },
    "Brow_Drop_*": { "browDown*": 1 },
    "Brow_Compress_*": { "browDown*": 0.4 },
    "Eye_Close_*": { "eyeBlink*": 1 },
    Eyes_Blink: { "eyeBlink*": 1 },
    Eye_L_Look_L: { eyeLookOutLeft: 1 },
    Eye_L_Look_R: { eyeLookInLeft: 1 },
    Eye_L_Look_Up: { eyeLookUpLeft: 1 },
    Eye_L_Look_Down: { eyeLookDownLeft: 1 },
    Eye_R_Look_L: { eyeLookInRight: 1 },
    Eye_R_Look_R: { eyeLookOutRight: 1 },
    Eye_R_Look_Up: { eyeLookUpRight: 1 },
    Eye_R_Look_Down: { eyeLookDownRight: 1 },
    Nose_Scrunch: { "noseSneer*": 0.8 },
    "Nose_Nostril_Raise_*": { "noseSneer*": 0.5 },
    "Nose_Crease_*": { "noseSneer*": 0.4 },
    Nose_Flanks_Raise: { "noseSneer*": 0.5 },
    "Cheek_Raise_*": { "cheekSquint*": 1 },
    "Cheek_Blow_*": { cheekPuff: 0.5 },
    Cheeks_Blow: { cheekPuff: 1 },
    "Cheek_Puff_*": { cheekPuff: 0.5 },
    "Mouth_Smile_Sharp_*": { "mouthSmile*": 0.7, "mouthDimple*": 0.3 },
    "Mouth_Tighten_*": { "mouthPress*": 0.6 },
    "Mouth_Blow_*": { mouthPucker: 0.25, cheekPuff: 0.15 },
    "Mouth_Pucker_Up_*": { mouthPucker: 0.25 },
    "Mouth_Pucker_Down_*": { mouthPucker: 0.25 },
    "Mouth_Funnel_Up_*": { mouthFunnel: 0.25 },
    "Mouth_Funnel_Down_*": { mouthFunnel: 0.25 },
    "Mouth_Roll_In_Upper_*": { mouthRollUpper: 0.5 },
    "Mouth_Roll_In_Lower_*": { mouthRollLower: 0.5 },
    "Mouth_Roll_Out_Upper_*": { mouthFunnel: 0.2 },
    "Mouth_Roll_Out_Lower_*": { mouthFunnel: 0.2 },
    Mouth_Bottom_Lip_Under: { mouthRollLower: 1 },
    Mouth_Top_Lip_Under: { mouthRollUpper: 1 },
    Mouth_Bottom_Lip_Bite: { mouthRollLower: 0.7, "mouthUpperUp*": 0.2 },
    Mouth_Bottom_Lip_Down: { "mouthLowerDown*": 1 },
    Mouth_Top_Lip_Up: { "mouthUpperUp*": 1 },
    Mouth_Lips_Open: { "mouthUpperUp*": 0.3, "mouthLowerDown*": 0.4 },
    Mouth_Lips_Part: { "mouthUpperUp*": 0.2, "mouthLowerDown*": 0.3 },
    Mouth_Lips_Tight: { "mouthPress*": 0.6 },
    Mouth_Lips_Tuck: { mouthRollUpper: 0.7, mouthRollLower: 0.7 },
    Mouth_Lips_Jaw_Adjust: {},
    Mouth_Pucker_Open: { mouthFunnel: 0.7 },
    Mouth_Open: { jawOpen: 0.8 },
    Mouth_Widen: { "mouthStretch*": 0.7 },
    Mouth_Widen_Sides: { "mouthStretch*": 0.5 },
    Mouth_Plosive: OculusVisemes.PP,
    Mouth_Skewer: { mouthLeft: 0.5 },
    "Mouth_Up_Upper_*": { "mouthUpperUp*": 1 },
    "Mouth_Down_Lower_*": { "mouthLowerDown*": 1 },
    Mouth_Drop_Lower: { "mouthLowerDown*": 0.5 },
    Mouth_Drop_Upper: { mouthRollUpper: 0.2 },
    Mouth_Upper_L: { mouthLeft: 0.4 },
    Mouth_Upper_R: { mouthRight: 0.4 },
    Mouth_Lower_L: { mouthLeft: 0.4 },
    Mouth_Lower_R: { mouthRight: 0.4 },
    Mouth_Up: { mouthShrugUpper: 0.4, mouthShrugLower: 0.4 },
    Mouth_Down: { "mouthFrown*": 0.3 },
    Mouth_Chin_Up: { mouthShrugLower: 0.8 },
    Mouth_Contract: { mouthPucker: 0.4 },
    "Mouth_Push_Upper_*": { mouthShrugUpper: 0.3 },
    "Mouth_Push_Lower_*": { mouthShrugLower: 0.3 },
    Jaw_Down: { jawOpen: 0.5 },
    V_None: {},
    V_Open: { jawOpen: 0.6, "mouthLowerDown*": 0.15 },
    V_Explosive: OculusVisemes.PP,
    V_Dental_Lip: OculusVisemes.FF,
    V_Tight_O: { mouthFunnel: 0.6, mouthPucker: 0.4 },
    V_Tight: { mouthPucker: 0.5 },
    V_Wide: { "mouthStretch*": 0.5, "mouthSmile*": 0.15 },
    V_Affricate: OculusVisemes.CH,
    V_Lip_Open: { "mouthUpperUp*": 0.3, "mouthLowerDown*": 0.4 },
    V_Tongue_Out: { tongueOut: 0.6 },
    V_Tongue_Up: {},
    V_Tongue_Raise: {},
    V_Tongue_Narrow: {},
    V_Tongue_Lower: {},
    V_Tongue_Curl_U: {},
    V_Tongue_Curl_D: {},
});

/** Short visemes of Character Creator 3: taken only as a whole name, or behind a word such as `viseme`. */
const CharacterCreatorPhonemes: ExpressionTable = Expand({
    AE: { jawOpen: 0.35, "mouthStretch*": 0.3, "mouthLowerDown*": 0.2 },
    Ah: OculusVisemes.aa,
    B_M_P: OculusVisemes.PP,
    Ch_J: OculusVisemes.CH,
    Er: OculusVisemes.RR,
    F_V: OculusVisemes.FF,
    K_G_H_NG: OculusVisemes.kk,
    R: OculusVisemes.RR,
    S_Z: OculusVisemes.SS,
    T_L_D_N: OculusVisemes.DD,
    W_OO: OculusVisemes.U,
});

const KeyOf = (name: string): string => name.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "");
const ByKey = (...tables: ExpressionTable[]): ReadonlyMap<string, WeightedExpressions> =>
    new Map(tables.flatMap((table) => Object.entries(table).map(([name, weights]) => [KeyOf(name), weights] as const)));

/** Names long enough to be found behind any prefix. */
const Long = ByKey(MetaHumanExpressions, CharacterCreatorExpressions);
/** Names that other words end with as well: only whole, or behind one of {@link Openers}. */
const Short = ByKey(CharacterCreatorPhonemes, VrmExpressions, OculusVisemes);
const Openers = new Set(
    (
        "viseme visemes oculus ovr vrc v vrm expression expressions preset fcl mth all blendshape blendshapes bs blend shape shapes key " +
        "face facial mesh body morph morphs lip lips lipsync phoneme phonemes mouth"
    ).split(" "),
);

/** What one morph of a clip means. */
export interface IMorphMeaning {
    /** The same for all spellings of the same morph. */
    readonly key: string;
    readonly weights: WeightedExpressions;
}

/**
 * What a morph of any known set means: one of ARKit's names in any spelling, a half of one (`browInnerUp_L`), both
 * sides of one (`eyeBlink`), a viseme of Oculus, an expression of VRM, a curve of a MetaHuman, a morph of Character
 * Creator.
 * @param name as the file has it
 * @returns null if it is none
 */
export function FindMorphMeaning(name: string): IMorphMeaning | null {
    const whole = Short.get(KeyOf(name));
    if (whole) {
        return { key: KeyOf(name), weights: whole };
    }
    const words = name
        .replace(/(\p{Ll})(\p{Lu})/gu, "$1 $2")
        .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, "$1 $2")
        .split(/[^\p{L}\p{N}]+/u)
        .filter((word) => word.length > 0);
    // Blender numbers doubles.
    while (words.length > 1 && /^(?:\d+|shape|morph|blendshape|bs)$/i.test(words[words.length - 1])) {
        words.pop();
    }
    for (let first = 0; first < words.length; first++) {
        const tail = words.slice(first);
        const key = tail.join("").toLowerCase();
        const spelled = key.replace(/l$/, "left").replace(/r$/, "right");
        const arkit = first === 0 || tail.length > 1 ? ArkitNameOf(tail.join("_")) : undefined;
        if (arkit && KeyOf(arkit) === spelled) {
            return { key: spelled, weights: { [arkit]: 1 } };
        }
        const opened = first === 0 || Openers.has(words[first - 1].toLowerCase());
        for (const tried of [key, spelled]) {
            const weights = Long.get(tried) ?? (opened ? Short.get(tried) : undefined);
            if (weights) {
                return { key: tried, weights };
            }
        }
        const half = HalfOrBoth(key, spelled);
        if (half) {
            return half;
        }
    }
    const arkit = ArkitNameOf(name);
    return arkit ? { key: KeyOf(arkit), weights: { [arkit]: 1 } } : null;
}

/** A side of an expression that has none, or an expression without the side that it needs. */
function HalfOrBoth(key: string, spelled: string): IMorphMeaning | null {
    const bare = spelled.replace(/(?:left|right)$/, "");
    const unsided = ArkitNames.find((name) => KeyOf(name) === bare);
    if (unsided && bare !== spelled) {
        return { key: spelled, weights: { [unsided]: 0.5 } };
    }
    const both = ArkitNames.filter((name) => KeyOf(name) === `${key}left` || KeyOf(name) === `${key}right`);
    const moves = key === "jaw" || key === "mouth"; // these go left or right; there is no middle of it
    return both.length === 2 && !moves ? { key, weights: Object.fromEntries(both.map((name) => [name, 1])) } : null;
}
