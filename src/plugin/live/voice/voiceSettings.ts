/** Settings of voices. */
import type { SpeechTiming } from "../../../runtime/voice/speechTimings.js";
import type { ExpressionTable } from "../../animation/expressionTables.js";

/** What a voice may come from. */
export type VoiceInput = AudioNode | HTMLMediaElement | MediaStream | AudioBuffer;

/** Sound for {@link VoiceSource.speakAsync}: decoded, or a file of any kind that the browser plays. */
export type SpeechSound = AudioBuffer | ArrayBuffer | Blob;

/** Settings of the mouth. A field left undefined keeps its default. */
export interface IMouthSettings {
    /**
     * What visemes look like, by the 15 names of Oculus; those that are left out look as they do by default. As in `{
     * PP: { mouthPressLeft: 0.6, mouthPressRight: 0.6 } }`.
     */
    shapes?: ExpressionTable;
    /** Multiplies all weights: below 1 mumbles, above 1 overacts. Default 1. */
    strength?: number;
}

/** Settings of {@link VoiceSource}. A field left undefined keeps its default. */
export interface IVoiceSettings extends IMouthSettings {
    /** Name of the source. Default `"voice"`. */
    name?: string;
    /**
     * Context of streams, media elements and speech. Default: the source makes one, and closes it when it is disposed.
     * An audio node has its own.
     */
    context?: AudioContext;
    /**
     * Seconds by which the sound is heard later than it comes, so that the mouth may look ahead. A media element is
     * delayed by this; of an audio node and a stream it tells the source what you have done yourself. Default 0.08 for
     * `<audio>`, 0 for all else: a film would see its sound late.
     */
    delayS?: number;
    /**
     * Whether the sound is heard from this page, so that the mouth waits for the loudspeaker. Default: true, but of a
     * stream false: a microphone is heard before it comes. Set it where the page plays the stream.
     */
    audible?: boolean;
    /** Seconds by which the mouth is before its sound, 0 to 0.2. Default 0.03: a frame has to be drawn first. */
    leadS?: number;
    /**
     * Address of `voiceWorklet.js`, which `npx babylon-flexavatar copy-assets` puts beside ONNX Runtime's files, for
     * pages whose policy refuses scripts from `blob:`. Default: none, the worklet starts from its text.
     */
    workletUrl?: string;
}

/** Settings of {@link VoiceSource.speakAsync}. A field left undefined keeps its default. */
export interface ISpeechSettings {
    /**
     * What the text-to-speech service told about its sound: visemes in place of what we would hear, words for
     * {@link VoiceSource.onWordObservable}. Events of Azure and speech marks of Amazon Polly as they come, or our own.
     */
    timings?: readonly SpeechTiming[];
    /** Where the sound goes. Default: the destination of the source's context. */
    destination?: AudioNode;
    /** Stops the sound. */
    signal?: AbortSignal;
}

/** How a voice is. */
export type VoiceState =
    /** The script is loading. */
    | "starting"
    /** It hears, or speaks what it is told to. */
    | "running"
    /** The browser waits for a click before it plays sound: call {@link VoiceSource.resumeAsync} from one. */
    | "suspended"
    /** It cannot hear; the notice says why. */
    | "failed"
    | "disposed";
