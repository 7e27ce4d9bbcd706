/** What is expected of expressions before a frame is seen. Ours, tuned on rendered films of even people. */

/** Of the head model's expressions, in its order. */
export interface ITrackingPriors {
    /** [E] one over the squared size that is expected. */
    readonly precision: Float64Array;
    /** [E] cost per unit: faces do few things at a time. */
    readonly sparsity: Float64Array;
    /** [E] the same expression of the other side, −1 where there is none. */
    readonly partner: Int32Array;
    /** [E] one over the squared difference that is expected between the sides. */
    readonly partnerPrecision: Float64Array;
}

/** Expected size of a weight where the table below does not name it. */
const Usual = 0.35;
/**
 * Larger for those that landmarks show well and faces do strongly. Smaller for those that they show badly or do seldom:
 * they must not explain what others do better.
 */
const Sizes: Readonly<Record<string, number>> = {
    browInnerUp: 0.6,
    browDown: 0.25,
    cheekPuff: 0.1,
    cheekSquint: 0.15,
    eyeBlink: 1.2,
    eyeLookIn: 0.6,
    eyeLookOut: 0.6,
    eyeSquint: 0.2,
    eyeWide: 0.2,
    jawForward: 0.08,
    jawLeft: 0.1,
    jawOpen: 0.8,
    jawRight: 0.1,
    mouthClose: 0.1,
    mouthDimple: 0.15,
    mouthFrown: 0.2,
    mouthFunnel: 0.5,
    mouthLeft: 0.2,
    mouthPress: 0.15,
    mouthPucker: 0.3,
    mouthRight: 0.2,
    mouthRollLower: 0.15,
    mouthRollUpper: 0.15,
    mouthShrugLower: 0.12,
    mouthShrugUpper: 0.12,
    mouthSmile: 0.7,
    mouthStretch: 0.15,
    mouthLowerDown: 0.2,
    mouthUpperUp: 0.25,
    noseSneer: 0.15,
    tongueOut: 0.05,
};
/** Cost of a weight of its expected size. */
const Sparsity = 0.4;
/** Expected difference between left and right. Lids wink; eyes look together. */
const Difference = 0.2;
const Differences: Readonly<Record<string, number>> = { eyeBlink: 1, eyeLookDown: 0.1, eyeLookUp: 0.1 };
/** As much for the gaze to one side, in with out. */
const GazeDifference = 0.1;
const Gaze = /^eyeLook(In|Out)(Left|Right)$/;

/** @param names the head model's expressions */
export function TrackingPriors(names: readonly string[]): ITrackingPriors {
    const partner = Int32Array.from(names, (name) => names.indexOf(PartnerOf(name)));
    const size = (name: string): number => Sizes[name] ?? Sizes[name.replace(/(Left|Right)$/, "")] ?? Usual;
    return {
        precision: Float64Array.from(names, (name) => 1 / size(name) ** 2),
        sparsity: Float64Array.from(names, (name) => Sparsity / size(name)),
        partner,
        partnerPrecision: Float64Array.from(names, (name) => {
            const usual = Gaze.test(name) ? GazeDifference : Difference;
            return 1 / (Differences[name.replace(/(Left|Right)$/, "")] ?? usual) ** 2;
        }),
    };
}

function PartnerOf(name: string): string {
    const gaze = Gaze.exec(name);
    if (gaze) {
        return `eyeLook${gaze[1] === "In" ? "Out" : "In"}${gaze[2] === "Left" ? "Right" : "Left"}`;
    }
    if (name === "mouthLeft" || name === "mouthRight" || name === "jawLeft" || name === "jawRight") {
        return ""; // to the left and to the right exclude each other
    }
    return name.endsWith("Left")
        ? name.replace(/Left$/, "Right")
        : name.endsWith("Right")
          ? name.replace(/Right$/, "Left")
          : "";
}
