/** How well a mouth fits speech whose phoneme times are known: for the tests and for scripts/measureVoice.mjs. */
import { ArkitNames, type ArkitName } from "../../src/flame/expression.js";
import { Finish } from "../../src/runtime/slices.js";
import { BakeVisemes } from "../../src/runtime/voice/bakeVisemes.js";
import { MouthMotion, type MouthShape } from "../../src/runtime/voice/mouthMotion.js";
import { VisemeFrames } from "../../src/runtime/voice/visemeFrames.js";
import type { IVisemeWeights } from "../../src/runtime/voice/visemeNetwork.js";
import { LiveAhead } from "../../src/runtime/voice/voiceAhead.js";
import { VoiceAnalyser } from "../../src/runtime/voice/voiceAnalyser.js";

/** A sound, and what is said when: viseme, start and end in seconds. */
export interface ISpokenClip {
    readonly voice: string;
    readonly samples: Float32Array;
    readonly rate: number;
    readonly visemes: readonly (readonly [string, number, number])[];
}

/** [52] weights at a second of the sound. */
export type Mouth = (timeS: number) => Float32Array;

/** The mouth may be this much before or behind the sound. */
const SlackS = 0.04;

/** 16-bit mono wave files, as training/voice/speak.py writes them. */
export function ReadWave(file: ArrayBuffer): { samples: Float32Array; rate: number } {
    const header = new DataView(file);
    const samples = Float32Array.from(new Int16Array(file.slice(44)), (value) => value / 32768);
    return { samples, rate: header.getUint32(24, true) };
}

/** The mouth of a sound that is known as a whole. */
export function BakedMouth(
    { samples, rate }: Pick<ISpokenClip, "samples" | "rate">,
    weights: IVisemeWeights,
    shapes: Readonly<Record<string, MouthShape>>,
): Mouth {
    const frames = Finish(BakeVisemes(samples, rate, weights));
    const motion = new MouthMotion(shapes);
    return (timeS) => {
        motion.move(frames, timeS);
        return motion.weights;
    };
}

/** The mouth of a sound that is heard as it comes. Ask for times in ascending order. */
export function LiveMouth(
    { samples, rate }: Pick<ISpokenClip, "samples" | "rate">,
    weights: IVisemeWeights,
    shapes: Readonly<Record<string, MouthShape>>,
    ahead = LiveAhead,
    delayS = 0,
): Mouth {
    const analyser = new VoiceAnalyser(rate, weights, ahead);
    const frames = new VisemeFrames(512);
    const motion = new MouthMotion(shapes);
    let taken = 0;
    return (timeS) => {
        for (; taken < (timeS + delayS) * rate; taken++) {
            if (analyser.push(samples[taken] ?? 0)) {
                frames.push(analyser.shares, analyser.loudness);
            }
        }
        motion.move(frames, timeS);
        return motion.weights;
    };
}

const At = (weights: Float32Array, name: ArkitName): number => weights[ArkitNames.indexOf(name)];

/** What lips are seen to do. */
export type LipSign = "shut" | "round" | "teeth";

/** Reads lips: what the weights show. */
function ShowsSign(weights: Float32Array, sign: LipSign): boolean {
    const upperIn = At(weights, "mouthRollUpper") >= 0.17;
    switch (sign) {
        case "shut":
            return (
                upperIn &&
                At(weights, "mouthPressLeft") >= 0.18 &&
                At(weights, "jawOpen") - At(weights, "mouthClose") <= 0.06
            );
        case "teeth":
            return !upperIn && At(weights, "mouthRollLower") >= 0.25 && At(weights, "mouthUpperUpLeft") >= 0.08;
        case "round":
            return At(weights, "mouthFunnel") + At(weights, "mouthPucker") >= 0.35;
    }
}

/** What each viseme has to show. */
const SignOf: Readonly<Record<string, LipSign>> = { PP: "shut", FF: "teeth", O: "round", U: "round" };
/** Sounds that must not look round; others take the rounding of their neighbours, as people do. */
const NotRound = ["aa", "E", "I", "SS"];

/** How often lips showed what they had to, and how often what they must not. */
export interface ISignCount {
    asked: number;
    shown: number;
    others: number;
    falselyShown: number;
}

/** Counts over one clip, into `counts`. */
export function CountSigns(mouth: Mouth, clip: ISpokenClip, counts: Record<LipSign, ISignCount>): void {
    const end = clip.samples.length / clip.rate;
    const steps = Math.floor(end * 100);
    const seen = Array.from({ length: steps }, (_, step) => {
        const weights = mouth(step / 100);
        return {
            shut: ShowsSign(weights, "shut"),
            round: ShowsSign(weights, "round"),
            teeth: ShowsSign(weights, "teeth"),
        };
    });
    for (const [viseme, startS, endS] of clip.visemes) {
        if (viseme === "sil") {
            continue;
        }
        for (const sign of ["shut", "round", "teeth"] as const) {
            const count = counts[sign];
            if (SignOf[viseme] === sign) {
                const from = Math.max(0, Math.ceil((startS - SlackS) * 100));
                const to = Math.min(steps - 1, Math.floor((endS + SlackS) * 100));
                count.asked++;
                count.shown += seen.slice(from, to + 1).some((signs) => signs[sign]) ? 1 : 0;
            } else if (sign !== "round" || NotRound.includes(viseme)) {
                count.others++;
                count.falselyShown += seen[Math.round(((startS + endS) / 2) * 100)]?.[sign] ? 1 : 0;
            }
        }
    }
}

/** Counts at zero. */
export function NewCounts(): Record<LipSign, ISignCount> {
    const zero = () => ({ asked: 0, shown: 0, others: 0, falselyShown: 0 });
    return { shut: zero(), round: zero(), teeth: zero() };
}

const MovesAt = 0.05;

/** @returns seconds by which the mouth begins to move after the sound, negative before; NaN if it never does */
export function OnsetDelay(mouth: Mouth, { samples, rate }: ISpokenClip): number {
    const window = Math.round(0.005 * rate);
    let peak = 0;
    const powers: number[] = [];
    for (let at = 0; at + window <= samples.length; at += window) {
        let power = 0;
        for (let index = 0; index < window; index++) {
            power += samples[at + index] ** 2;
        }
        powers.push(power);
        peak = Math.max(peak, power);
    }
    const soundS = (powers.findIndex((power) => power > peak * 1e-3) * window) / rate;
    for (let step = 0; step < (samples.length / rate) * 120; step++) {
        if (mouth(step / 120).some((weight) => weight >= MovesAt)) {
            return step / 120 - soundS;
        }
    }
    return NaN;
}

/** @returns share of a sound's time in which the jaw is open by 2 % or more, and the most that any expression has */
export function OpenShare(mouth: Mouth, seconds: number): { share: number; most: number } {
    let open = 0;
    let most = 0;
    const steps = Math.floor(seconds * 60);
    for (let step = 0; step < steps; step++) {
        const weights = mouth(step / 60);
        open += At(weights, "jawOpen") >= 0.02 ? 1 : 0;
        most = Math.max(most, ...weights);
    }
    return { share: open / steps, most };
}
