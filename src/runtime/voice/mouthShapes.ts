/** What each viseme of speech looks like, in ARKit's weights. No smile: a mood stays on a face that talks. */
import type { MouthShape } from "./mouthMotion.js";
import type { VoiceViseme } from "./visemeFrames.js";

const Both = (name: string, weight: number): MouthShape => ({ [`${name}Left`]: weight, [`${name}Right`]: weight });

/**
 * Weights at full strength, 0..1. Chosen by the gap between the inner lips of the shipped head, 1.7 mm at rest: below 0
 * for p, 3 mm for f, 5 to 9 mm for other consonants, i and u, 21 mm for a.
 */
export const SpeechShapes: Readonly<Record<VoiceViseme, MouthShape>> = Object.freeze({
    sil: {},
    PP: { ...Both("mouthPress", 0.4), mouthRollLower: 0.35, mouthRollUpper: 0.35 },
    FF: { jawOpen: 0.06, mouthRollLower: 0.75, ...Both("mouthUpperUp", 0.3), mouthShrugUpper: 0.1 },
    TH: { jawOpen: 0.13, tongueOut: 0.3, ...Both("mouthLowerDown", 0.15), ...Both("mouthUpperUp", 0.1) },
    DD: { jawOpen: 0.1, ...Both("mouthUpperUp", 0.15), ...Both("mouthLowerDown", 0.2) },
    kk: { jawOpen: 0.15, ...Both("mouthUpperUp", 0.1), ...Both("mouthLowerDown", 0.15), ...Both("mouthStretch", 0.1) },
    CH: { jawOpen: 0.05, mouthFunnel: 0.4, mouthPucker: 0.15 },
    SS: { jawOpen: 0.04, ...Both("mouthStretch", 0.25), ...Both("mouthLowerDown", 0.3), ...Both("mouthUpperUp", 0.15) },
    nn: { jawOpen: 0.1, ...Both("mouthUpperUp", 0.1), ...Both("mouthLowerDown", 0.18) },
    RR: { jawOpen: 0.1, mouthFunnel: 0.2, mouthPucker: 0.25 },
    aa: { jawOpen: 0.5, ...Both("mouthLowerDown", 0.18), ...Both("mouthUpperUp", 0.1) },
    E: { jawOpen: 0.25, ...Both("mouthStretch", 0.35), ...Both("mouthLowerDown", 0.2) },
    I: { jawOpen: 0.12, ...Both("mouthStretch", 0.45), ...Both("mouthLowerDown", 0.2) },
    O: { jawOpen: 0.28, mouthFunnel: 0.4, mouthPucker: 0.35 },
    U: { jawOpen: 0.08, mouthFunnel: 0.15, mouthPucker: 0.75 },
});
