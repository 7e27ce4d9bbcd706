/** The timings that text-to-speech services send with their sound, in terms of our visemes. */
import { HopS, WindowS } from "./melFrames.js";
import { FrameFloats, VisemeFrames, type VoiceViseme, VoiceVisemes } from "./visemeFrames.js";

/** As Azure's `visemeReceived` tells it; offsets are ticks of 100 ns. */
export interface IAzureVisemeEvent {
    /** 0..21 */
    readonly visemeId: number;
    /** Ticks from the beginning of the sound. */
    readonly audioOffset: number;
}

/** As Azure's `wordBoundary` tells it. */
export interface IAzureWordEvent {
    /** The word. */
    readonly text: string;
    /** Ticks from the beginning of the sound. */
    readonly audioOffset: number;
}

/** A speech mark of Amazon Polly; times are milliseconds. Other types than `viseme` and `word` are left out. */
export interface IPollySpeechMark {
    /** `viseme`, `word`, and others. */
    readonly type: string;
    /** Milliseconds from the beginning of the sound. */
    readonly time: number;
    /** The viseme or the word. */
    readonly value: string;
}

/** Our own form: one of the 15 names of Oculus (`PP` or `viseme_PP`), in seconds of the sound. */
export interface ITimedViseme {
    /** Its name. */
    readonly viseme: string;
    /** When it is at its fullest. */
    readonly timeS: number;
}

/** A word, in seconds of the sound. */
export interface ITimedWord {
    /** As it is written. */
    readonly word: string;
    /** When it begins. */
    readonly timeS: number;
}

/** What services send, mixed as it comes. */
export type SpeechTiming = IAzureVisemeEvent | IAzureWordEvent | IPollySpeechMark | ITimedViseme | ITimedWord;

/** By id. */
const AzureVisemes = "sil aa aa O E RR I U O aa O aa kk RR nn SS CH TH FF DD kk PP".split(" ") as VoiceViseme[];

const PollyVisemes: Readonly<Record<string, VoiceViseme>> = {
    sil: "sil",
    p: "PP",
    B: "PP",
    f: "FF",
    T: "TH",
    D: "TH",
    t: "DD",
    l: "nn",
    k: "kk",
    x: "kk",
    S: "CH",
    J: "nn",
    s: "SS",
    r: "RR",
    a: "aa",
    "@": "E",
    E: "E",
    e: "E",
    i: "I",
    o: "O",
    O: "O",
    u: "U",
};

const OculusNames: ReadonlyMap<string, VoiceViseme> = new Map(
    VoiceVisemes.map((viseme) => [viseme.toLowerCase(), viseme]),
);

/** Timings in our own form, in ascending order. */
export interface ISpeechTimings {
    readonly visemes: readonly { readonly viseme: VoiceViseme; readonly timeS: number }[];
    readonly words: readonly ITimedWord[];
    /** Visemes that no table knows, each once. */
    readonly unknown: readonly string[];
}

/** Reads what services send. Events without a finite time are unknown. */
export function ReadSpeechTimings(timings: readonly SpeechTiming[]): ISpeechTimings {
    const visemes: { viseme: VoiceViseme; timeS: number }[] = [];
    const words: ITimedWord[] = [];
    const unknown = new Set<string>();
    const add = (name: string, viseme: VoiceViseme | undefined, timeS: number) => {
        if (viseme === undefined || !Number.isFinite(timeS)) {
            unknown.add(name);
        } else {
            visemes.push({ viseme, timeS });
        }
    };
    const addWord = (word: string, timeS: number) => {
        if (Number.isFinite(timeS)) {
            words.push({ word, timeS });
        }
    };
    for (const timing of timings) {
        if ("visemeId" in timing) {
            add(`Azure ${timing.visemeId}`, AzureVisemes[timing.visemeId], timing.audioOffset / 1e7);
        } else if ("audioOffset" in timing) {
            addWord(timing.text, timing.audioOffset / 1e7);
        } else if ("type" in timing) {
            if (timing.type === "viseme") {
                const known = Object.hasOwn(PollyVisemes, timing.value) ? PollyVisemes[timing.value] : undefined;
                add(`Polly ${timing.value}`, known, timing.time / 1000);
            } else if (timing.type === "word") {
                addWord(timing.value, timing.time / 1000);
            }
        } else if ("viseme" in timing) {
            const name = String(timing.viseme);
            add(name, OculusNames.get(name.toLowerCase().replace(/^viseme_/, "")), timing.timeS);
        } else {
            addWord(timing.word, timing.timeS);
        }
    }
    visemes.sort((one, other) => one.timeS - other.timeS);
    words.sort((one, other) => one.timeS - other.timeS);
    return { visemes, words, unknown: [...unknown] };
}

/**
 * Frames from timings in place of what was heard; each viseme lasts until the next. Of `heard` loudness stays.
 * @param heard frames of the sound, changed and returned
 */
export function ApplyTimings(heard: VisemeFrames, visemes: ISpeechTimings["visemes"]): VisemeFrames {
    const { data } = heard;
    for (let frame = 0, next = 0; frame < heard.count; frame++) {
        const timeS = frame * HopS + WindowS / 2;
        while (next < visemes.length && visemes[next].timeS <= timeS) {
            next++;
        }
        const viseme = next > 0 ? visemes[next - 1].viseme : "sil";
        const at = frame * FrameFloats;
        data.fill(0, at, at + FrameFloats - 1);
        data[at + VoiceVisemes.indexOf(viseme)] = 1;
    }
    return heard;
}
