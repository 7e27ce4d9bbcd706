/**
 * What a column of a recording or a parameter of a stream means for a face, by its name: ARKit's names in any spelling,
 * Audio2Face's, Unified Expressions of face trackers, visemes, and the angles of head and eyes.
 */
import { ArkitNames, ArkitNameOf, type ArkitName } from "../../flame/expression.js";
import { FindMorphMeaning } from "../animation/expressionTables.js";
import { WeightIndex } from "./faceSource.js";

/** One thing that a column feeds: a weight becomes `clamp(scale · value + offset)`, and columns add up. */
export interface IColumnPart {
    /** 0..51 a weight in ARKit's order; from {@link FirstAngle} an angle, in radians. */
    readonly slot: number;
    readonly scale: number;
    readonly offset: number;
}

/** What a column means. */
export interface IColumnMeaning {
    readonly parts: readonly IColumnPart[];
    /** Whether it is a whole face by one word, as `happy` or a viseme: of no account beside weights of their own. */
    readonly isMixture: boolean;
}

/** The first of the angles: yaw, pitch and roll of head, left eye and right eye. */
export const FirstAngle = ArkitNames.length;
/** Numbers that columns feed: weights and angles. */
export const SlotCount = FirstAngle + 9;

type Draft = Readonly<Record<string, Readonly<Record<string, number | readonly [number, number]>>>>;

/**
 * Names that only face trackers, and only Audio2Face, have. `*` stands for Left and Right on both sides, `.` in front
 * of a name for the part of the value below 0. A pair is scale and offset.
 */
const Drafts: Draft = {
    // Unified Expressions, as VRCFaceTracking and its kin send them.
    "eyeClosed*": { "eyeBlink*": 1 },
    eyeClosed: { eyeBlinkLeft: 1, eyeBlinkRight: 1 },
    // 0 closed, 0.75 open, 1 wide.
    "eyeLid*": { "eyeBlink*": [-4 / 3, 1], "eyeWide*": [4, -3] },
    eyeLid: {
        eyeBlinkLeft: [-4 / 3, 1],
        eyeBlinkRight: [-4 / 3, 1],
        eyeWideLeft: [4, -3],
        eyeWideRight: [4, -3],
    },
    "eyeOpenness*": { "eyeBlink*": [-1, 1] },
    eyeX: { eyeLookInLeft: 1, eyeLookOutRight: 1, ".eyeLookOutLeft": 1, ".eyeLookInRight": 1 },
    eyeY: { eyeLookUpLeft: 1, eyeLookUpRight: 1, ".eyeLookDownLeft": 1, ".eyeLookDownRight": 1 },
    eyeLeftX: { eyeLookInLeft: 1, ".eyeLookOutLeft": 1 },
    eyeRightX: { eyeLookOutRight: 1, ".eyeLookInRight": 1 },
    eyeLeftY: { eyeLookUpLeft: 1, ".eyeLookDownLeft": 1 },
    eyeRightY: { eyeLookUpRight: 1, ".eyeLookDownRight": 1 },
    "browPinch*": { "browDown*": 0.4 },
    "browLowerer*": { "browDown*": 1 },
    "browInnerUp*": { browInnerUp: 0.5 },
    browUp: { browInnerUp: 1, browOuterUpLeft: 1, browOuterUpRight: 1 },
    "browUp*": { browInnerUp: 0.5, "browOuterUp*": 1 },
    "browExpression*": { "browOuterUp*": 1, browInnerUp: 0.5, ".browDown*": 1 },
    browExpression: {
        browInnerUp: 1,
        browOuterUpLeft: 1,
        browOuterUpRight: 1,
        ".browDownLeft": 1,
        ".browDownRight": 1,
    },
    "cheekPuff*": { cheekPuff: 0.5 },
    "cheekPuffSuck*": { cheekPuff: 0.5 },
    cheekPuffSuck: { cheekPuff: 1 },
    "cheekSuck*": {},
    cheekSuck: {},
    jawX: { jawRight: 1, ".jawLeft": 1 },
    jawZ: { jawForward: 1 },
    jawBackward: {},
    jawClench: {},
    jawMandibleRaise: {},
    mouthClosed: { mouthClose: 1 },
    "lipSuckUpper*": { mouthRollUpper: 0.5 },
    "lipSuckLower*": { mouthRollLower: 0.5 },
    lipSuckUpper: { mouthRollUpper: 1 },
    lipSuckLower: { mouthRollLower: 1 },
    lipSuck: { mouthRollUpper: 1, mouthRollLower: 1 },
    "lipFunnelUpper*": { mouthFunnel: 0.25 },
    "lipFunnelLower*": { mouthFunnel: 0.25 },
    lipFunnelUpper: { mouthFunnel: 0.5 },
    lipFunnelLower: { mouthFunnel: 0.5 },
    lipFunnel: { mouthFunnel: 1 },
    "lipPuckerUpper*": { mouthPucker: 0.25 },
    "lipPuckerLower*": { mouthPucker: 0.25 },
    lipPuckerUpper: { mouthPucker: 0.5 },
    lipPuckerLower: { mouthPucker: 0.5 },
    lipPucker: { mouthPucker: 1 },
    "mouthUpperDeepen*": { "noseSneer*": 0.3 },
    mouthX: { mouthRight: 1, ".mouthLeft": 1 },
    "mouthUpper*": { "mouth*": 0.5 },
    "mouthLower*": { "mouth*": 0.5 },
    mouthUpperX: { mouthRight: 0.5, ".mouthLeft": 0.5 },
    mouthLowerX: { mouthRight: 0.5, ".mouthLeft": 0.5 },
    "mouthCornerPull*": { "mouthSmile*": 0.8 },
    "mouthCornerSlant*": { "mouthSmile*": 0.2 },
    "mouthSad*": { "mouthFrown*": 1 },
    "smileFrown*": { "mouthSmile*": 1, ".mouthFrown*": 1 },
    "smileSad*": { "mouthSmile*": 1, ".mouthFrown*": 1 },
    smileFrown: { mouthSmileLeft: 1, mouthSmileRight: 1, ".mouthFrownLeft": 1, ".mouthFrownRight": 1 },
    smileSad: { mouthSmileLeft: 1, mouthSmileRight: 1, ".mouthFrownLeft": 1, ".mouthFrownRight": 1 },
    mouthRaiserUpper: { mouthShrugUpper: 1 },
    mouthRaiserLower: { mouthShrugLower: 1 },
    "mouthTightener*": { "mouthPress*": 0.5 },
    "mouthStretchTighten*": { "mouthStretch*": 1, ".mouthPress*": 0.5 },
    mouthUpperUp: { mouthUpperUpLeft: 1, mouthUpperUpRight: 1 },
    mouthLowerDown: { mouthLowerDownLeft: 1, mouthLowerDownRight: 1 },
    mouthOpen: {
        mouthUpperUpLeft: 0.5,
        mouthUpperUpRight: 0.5,
        mouthLowerDownLeft: 0.5,
        mouthLowerDownRight: 0.5,
    },
    // The 46 poses of Audio2Face's own solver.
    "browLower*": { "browDown*": 1 },
    "innerBrowRaiser*": { browInnerUp: 0.5 },
    "outerBrowRaiser*": { "browOuterUp*": 1 },
    eyesLookLeft: { eyeLookOutLeft: 1, eyeLookInRight: 1 },
    eyesLookRight: { eyeLookInLeft: 1, eyeLookOutRight: 1 },
    eyesLookUp: { eyeLookUpLeft: 1, eyeLookUpRight: 1 },
    eyesLookDown: { eyeLookDownLeft: 1, eyeLookDownRight: 1 },
    "eyesClose*": { "eyeBlink*": 1 },
    "eyesUpperLidRaiser*": { "eyeWide*": 1 },
    "squint*": { "eyeSquint*": 1 },
    "cheekRaiser*": { "cheekSquint*": 1 },
    "noseWrinkler*": { "noseSneer*": 1 },
    jawDrop: { jawOpen: 1 },
    jawDropLipTowards: { jawOpen: 0.5, mouthClose: 0.5 },
    jawThrust: { jawForward: 1 },
    "jawSlide*": { "jaw*": 1 },
    "mouthSlide*": { "mouth*": 1 },
    "dimpler*": { "mouthDimple*": 1 },
    "lipCornerPuller*": { "mouthSmile*": 1 },
    "lipCornerDepressor*": { "mouthFrown*": 1 },
    "lipStretcher*": { "mouthStretch*": 1 },
    "upperLipRaiser*": { "mouthUpperUp*": 1 },
    "lowerLipDepressor*": { "mouthLowerDown*": 1 },
    chinRaiser: { mouthShrugLower: 1, mouthShrugUpper: 0.3 },
    lipPressor: { mouthPressLeft: 1, mouthPressRight: 1 },
    pucker: { mouthPucker: 1 },
    funneler: { mouthFunnel: 1 },
};

/** Angles as Live Link Face names them; each turns as the right-handed axes of {@link IFaceFrame} do. */
const AngleNames = ["headyaw", "headpitch", "headroll"].concat(
    ["lefteye", "righteye"].flatMap((eye) => ["yaw", "pitch", "roll"].map((angle) => eye + angle)),
);

/** Columns that say something else, and that nobody misses. */
const Silent =
    /^(?:blendshapecount|shapecount|neutral|frame|frameindex|index|state|trackingstatus|(?:eye|expression|lip)trackingactive|emotionvalues.*)$/;

const KeyOf = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]+/g, "");

const PartsByKey: ReadonlyMap<string, readonly IColumnPart[]> = new Map(
    Object.entries(Drafts).flatMap(([name, feeds]) => {
        const sides: [string, string][] = name.includes("*")
            ? [
                  ["Left", "left"],
                  ["Right", "right"],
                  ["Left", "l"],
                  ["Right", "r"],
              ]
            : [["", ""]];
        return sides.map(([side, spelled]): [string, readonly IColumnPart[]] => [
            KeyOf(name.replace("*", spelled)),
            Object.entries(feeds).map(([feed, how]) => PartOf(feed.replace("*", side), how)),
        ]);
    }),
);

function PartOf(feed: string, how: number | readonly [number, number]): IColumnPart {
    const [scale, offset] = typeof how === "number" ? [how, 0] : how;
    const slot = WeightIndex(feed.replace(".", "") as ArkitName);
    return { slot, scale: feed.startsWith(".") ? -scale : scale, offset };
}

/**
 * What a column feeds.
 * @param name as the file or the stream has it: `EyeBlinkLeft`, `blendShapes.jawOpen`, `mouthSmile_L`,
 * `/avatar/parameters/v2/SmileFrownLeft`, `HeadYaw`
 * @returns its parts, none if it means something that an avatar has not, or null if the name is unknown
 */
export function FindColumn(name: string): IColumnMeaning | null {
    const own = name.slice(Math.max(name.lastIndexOf("/"), name.lastIndexOf(".")) + 1);
    const key = KeyOf(own);
    const plain = (parts: readonly IColumnPart[]): IColumnMeaning => ({ parts, isMixture: false });
    if (Silent.test(KeyOf(name)) || Silent.test(key)) {
        return plain([]);
    }
    const angle = AngleNames.indexOf(key);
    if (angle >= 0) {
        return plain([{ slot: FirstAngle + angle, scale: 1, offset: 0 }]);
    }
    const known = PartsByKey.get(key);
    if (known) {
        return plain(known);
    }
    const arkit = ArkitNameOf(own) ?? ArkitNameOf(name);
    if (arkit) {
        return plain([PartOf(arkit, 1)]);
    }
    const meaning = FindMorphMeaning(own) ?? FindMorphMeaning(name);
    return (
        meaning && {
            parts: Object.entries(meaning.weights).map(([weight, scale]) => PartOf(weight, scale)),
            isMixture: true,
        }
    );
}
