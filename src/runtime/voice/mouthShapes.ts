/** What each viseme of speech looks like, in ARKit's weights. No smile: a mood stays on a face that talks. */
import type { MouthShape } from "./mouthMotion.js";
import type { VoiceViseme } from "./visemeFrames.js";

const Both = (name: string, weight: number): MouthShape => ({ [`${name}Left`]: weight, [`${name}Right`]: weight });

/**
 * Weights at full strength, 0..1. Chosen by the gap between the inner lips of the shipped head, 1.7 mm at rest: below 0
 * for p, 3 mm for f, 5 to 9 mm for other consonants, i and u, 16 mm for o, 19 mm for a; and by its width of 50 mm, which
 * is 40 mm for o and u. Jaws are down further than the lips tell, which `mouthClose` takes back: the lower lip covers
 * the lower teeth, as it does when people speak.
 */
export const SpeechShapes: Readonly<Record<VoiceViseme, MouthShape>> = Object.freeze({
    sil: {},
    PP: { ...Both("mouthPress", 0.4), mouthRollLower: 0.35, mouthRollUpper: 0.35 },
    FF: { jawOpen: 0.06, mouthRollLower: 0.75, ...Both("mouthUpperUp", 0.3), mouthShrugUpper: 0.1 },
    TH: {
        jawOpen: 0.16,
        mouthClose: 0.03,
        tongueOut: 0.3,
        ...Both("mouthLowerDown", 0.1),
        ...Both("mouthUpperUp", 0.1),
    },
    DD: { jawOpen: 0.14, mouthClose: 0.04, ...Both("mouthUpperUp", 0.15), ...Both("mouthLowerDown", 0.08) },
    kk: { jawOpen: 0.2, mouthClose: 0.05, ...Both("mouthUpperUp", 0.1), ...Both("mouthStretch", 0.1) },
    CH: { jawOpen: 0.04, mouthFunnel: 0.55, mouthPucker: 0.5 },
    SS: {
        jawOpen: 0.04,
        ...Both("mouthStretch", 0.25),
        ...Both("mouthLowerDown", 0.25),
        ...Both("mouthUpperUp", 0.15),
    },
    nn: { jawOpen: 0.14, mouthClose: 0.04, ...Both("mouthUpperUp", 0.1), ...Both("mouthLowerDown", 0.08) },
    RR: { jawOpen: 0.14, mouthClose: 0.05, mouthFunnel: 0.25, mouthPucker: 0.4 },
    aa: { jawOpen: 0.58, mouthClose: 0.11, ...Both("mouthUpperUp", 0.1) },
    E: { jawOpen: 0.3, mouthClose: 0.06, ...Both("mouthStretch", 0.35), ...Both("mouthLowerDown", 0.08) },
    I: { jawOpen: 0.14, mouthClose: 0.03, ...Both("mouthStretch", 0.45), ...Both("mouthLowerDown", 0.1) },
    O: { jawOpen: 0.4, mouthClose: 0.18, mouthFunnel: 0.35, mouthPucker: 0.85 },
    U: { jawOpen: 0.22, mouthClose: 0.16, mouthFunnel: 0.1, mouthPucker: 1 },
});
