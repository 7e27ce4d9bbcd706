/**
 * Visemes to a mouth: a weighted table with coarticulation. Each viseme pulls at the groups of expressions as hard as
 * it needs them: "p" at the lips and hardly at the jaw's neighbours, "u" at the rounding, "k" at nothing much. How hard
 * falls off before and behind in time, so that the mouth goes from sound to sound as muscles do. Where the future is
 * not known yet, only the past pulls: an exponential approach.
 */
import { ArkitNames, type ArkitName } from "../../flame/expression.js";
import { HopS } from "./melFrames.js";
import { FrameFloats, type VisemeFrames, type VoiceViseme, VoiceVisemes } from "./visemeFrames.js";

const Groups = ["jaw", "lips", "round", "spread", "tongue"] as const;
type Group = (typeof Groups)[number];

/** Seconds in which the pull of a viseme falls to a third behind it; before it, it rises twice as fast. */
const FadesS: Readonly<Record<Group, number>> = { jaw: 0.03, lips: 0.015, round: 0.03, spread: 0.025, tongue: 0.02 };

/** How hard each viseme pulls, in the order of {@link Groups}. */
const Pulls: Readonly<Record<VoiceViseme, readonly number[]>> = {
    sil: [0.6, 0.6, 0.5, 0.5, 0.5],
    PP: [1.8, 3, 0.5, 2, 1],
    FF: [1.4, 3, 0.6, 2, 1],
    TH: [0.7, 1, 0.4, 0.7, 2],
    DD: [0.6, 0.8, 0.3, 0.6, 1],
    kk: [0.4, 0.6, 0.2, 0.5, 1],
    CH: [1, 0.8, 0.9, 0.9, 1],
    SS: [1.2, 0.8, 0.5, 0.9, 1],
    nn: [0.5, 0.8, 0.3, 0.6, 1],
    RR: [0.6, 0.8, 0.8, 0.6, 1],
    aa: [1, 0.8, 1.4, 1, 1],
    E: [0.9, 0.8, 1.3, 0.9, 1],
    I: [0.9, 0.8, 1.4, 1, 1],
    O: [1, 0.8, 0.9, 1, 1],
    U: [1, 0.8, 1.1, 1, 1],
};

/** Jaw of a whisper, and what full loudness adds. */
const QuietJaw = 0.5;
const LoudJaw = 0.65;

const LipsGroup = Groups.indexOf("lips");
const ShutViseme = VoiceVisemes.indexOf("PP");
const CloseIndex = ArkitNames.indexOf("mouthClose");
const JawIndex = ArkitNames.indexOf("jawOpen");

/** Frames before and behind that pull. */
const Reach = 16;

/** Weights of one viseme by ARKit name. */
export type MouthShape = Readonly<Partial<Record<ArkitName, number>>>;

function GroupOf(name: string): Group {
    // How near the lips are in spite of the jaw goes with the jaw: in a whisper they must not cross.
    if (name.startsWith("jaw") || name === "mouthClose") {
        return "jaw";
    }
    if (name.startsWith("tongue")) {
        return "tongue";
    }
    if (/Roll|Press|Shrug/.test(name)) {
        return "lips";
    }
    return /Funnel|Pucker|cheekPuff/.test(name) ? "round" : "spread";
}

/** Moves a mouth by what was heard. Nothing is allocated after construction. */
export class MouthMotion {
    /** Indices of the expressions that the table uses, in the order of ARKit's names. */
    public readonly used: readonly number[];
    /** [52] weights of the last time asked for; of unused expressions 0. */
    public readonly weights = new Float32Array(ArkitNames.length);
    /** How much of the last time asked for was speech, 0..1. */
    public speaking = 0;
    /** [visemes, used] */
    private readonly _shapes: Float32Array;
    private readonly _groupOf: Uint8Array;
    private readonly _pulls: Float32Array;
    private readonly _decays = Float64Array.from(Groups, (group) => Math.exp(-HopS / FadesS[group]));
    /** [groups, visemes] pull of each viseme at the time asked for; of the jaw also by loudness. */
    private readonly _sums = new Float64Array(Groups.length * VoiceVisemes.length);
    private readonly _loud = new Float64Array(VoiceVisemes.length);

    /** @param shapes what each viseme looks like; those that lack look like rest */
    public constructor(shapes: Readonly<Partial<Record<string, MouthShape>>>) {
        const isUsed = (name: ArkitName) =>
            name === "mouthClose" || VoiceVisemes.some((viseme) => (shapes[viseme]?.[name] ?? 0) !== 0);
        this.used = ArkitNames.flatMap((name, index) => (isUsed(name) ? [index] : []));
        this._shapes = Float32Array.from(
            VoiceVisemes.flatMap((viseme) => this.used.map((index) => shapes[viseme]?.[ArkitNames[index]] ?? 0)),
        );
        this._groupOf = Uint8Array.from(this.used, (index) => Groups.indexOf(GroupOf(ArkitNames[index])));
        this._pulls = Float32Array.from(
            Groups.flatMap((_, group) => VoiceVisemes.map((viseme) => Pulls[viseme][group])),
        );
    }

    /**
     * Sets {@link weights} and {@link speaking} for a time of the sound's clock.
     * @param frames what was heard; before and behind it is silence
     * @param timeS seconds of the sound's clock
     */
    public move(frames: VisemeFrames, timeS: number): void {
        const { _sums: sums, _loud: loud, _decays: decays, _pulls: pulls } = this;
        const visemes = VoiceVisemes.length;
        sums.fill(0);
        loud.fill(0);
        // Beyond the last frame the last one stays.
        const at = Math.min(frames.frameAt(timeS), frames.count - 1);
        const middle = Math.round(at);
        for (let group = 0; group < Groups.length; group++) {
            for (let frame = middle - Reach; frame <= middle + Reach; frame++) {
                const known = frame >= frames.first && frame < frames.count;
                if (!known && frame >= 0) {
                    continue;
                }
                const near = decays[group] ** (frame > at ? 2 * (frame - at) : at - frame);
                if (!known) {
                    sums[group * visemes] += near * pulls[group * visemes]; // silence before the sound
                    continue;
                }
                const from = (frame % frames.capacity) * FrameFloats;
                for (let viseme = 0; viseme < visemes; viseme++) {
                    const pull = near * pulls[group * visemes + viseme] * frames.data[from + viseme];
                    sums[group * visemes + viseme] += pull;
                    if (group === 0) {
                        loud[viseme] += pull * (QuietJaw + LoudJaw * frames.data[from + FrameFloats - 1]);
                    }
                }
            }
        }
        let all = 0;
        for (let viseme = 0; viseme < visemes; viseme++) {
            all += sums[viseme];
        }
        this.speaking = all > 0 ? 1 - sums[0] / all : 0;
        for (let index = 0; index < this.used.length; index++) {
            const group = this._groupOf[index];
            let weight = 0;
            let total = 1e-9;
            for (let viseme = 0; viseme < visemes; viseme++) {
                const pull = sums[group * visemes + viseme];
                total += pull;
                weight += (group === 0 ? loud[viseme] : pull) * this._shapes[viseme * this.used.length + index];
            }
            this.weights[this.used[index]] = Math.min(1, Math.max(0, weight / total));
        }
        this._closeLips();
    }

    /** A jaw is slower than lips: where they shut before it is up, they reach each other over it. */
    private _closeLips(): void {
        const from = LipsGroup * VoiceVisemes.length;
        let total = 1e-9;
        for (let viseme = 0; viseme < VoiceVisemes.length; viseme++) {
            total += this._sums[from + viseme];
        }
        const shut = this._sums[from + ShutViseme] / total;
        this.weights[CloseIndex] = Math.max(this.weights[CloseIndex], shut * this.weights[JawIndex]);
    }
}
