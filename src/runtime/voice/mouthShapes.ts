/** What each viseme of speech looks like, in ARKit's weights. No smile: a mood stays on a face that talks. */
import type { MouthShape } from "./mouthMotion.js";
import type { VoiceViseme } from "./visemeFrames.js";

const Both = (name: string, weight: number): MouthShape => ({ [`${name}Left`]: weight, [`${name}Right`]: weight });

/** Weights at full strength, 0..1. */
export const SpeechShapes: Readonly<Record<VoiceViseme, MouthShape>> = Object.freeze({
    sil: {},
    PP: { ...Both("mouthPress", 0.4), mouthRollLower: 0.35, mouthRollUpper: 0.35 },
    FF: { jawOpen: 0.08, mouthRollLower: 0.6, ...Both("mouthUpperUp", 0.25), mouthShrugUpper: 0.1 },
    TH: { jawOpen: 0.18, tongueOut: 0.35, ...Both("mouthLowerDown", 0.15), ...Both("mouthUpperUp", 0.1) },
    DD: { jawOpen: 0.14, ...Both("mouthUpperUp", 0.2), ...Both("mouthLowerDown", 0.25) },
    kk: { jawOpen: 0.2, ...Both("mouthUpperUp", 0.15), ...Both("mouthLowerDown", 0.2), ...Both("mouthStretch", 0.1) },
    CH: { jawOpen: 0.1, mouthFunnel: 0.5, ...Both("mouthUpperUp", 0.15), ...Both("mouthLowerDown", 0.15) },
    SS: { jawOpen: 0.04, ...Both("mouthStretch", 0.25), ...Both("mouthLowerDown", 0.3), ...Both("mouthUpperUp", 0.15) },
    nn: { jawOpen: 0.12, ...Both("mouthUpperUp", 0.12), ...Both("mouthLowerDown", 0.2) },
    RR: { jawOpen: 0.12, mouthFunnel: 0.3, mouthPucker: 0.2 },
    aa: { jawOpen: 0.55, ...Both("mouthLowerDown", 0.2), ...Both("mouthUpperUp", 0.1) },
    E: { jawOpen: 0.28, ...Both("mouthStretch", 0.35), ...Both("mouthLowerDown", 0.2) },
    I: { jawOpen: 0.16, ...Both("mouthStretch", 0.45), ...Both("mouthLowerDown", 0.2) },
    O: { jawOpen: 0.38, mouthFunnel: 0.55, mouthPucker: 0.2 },
    U: { jawOpen: 0.16, mouthPucker: 0.65, mouthFunnel: 0.3 },
});
