/** Sounds of all kinds: told apart, decoded, mixed, and what listens to them. */
import { FlexAvatarError } from "../../../flame/error.js";
import type { SpeechSound, VoiceInput } from "./voiceSettings.js";

/** All that hears is loaded when it is needed first. */
export function LoadEngineAsync(): Promise<typeof import("../../../runtime/voice/voiceEngine.js")> {
    return import("../../../runtime/voice/voiceEngine.js");
}

/** Whether a value is one of the four kinds. */
export function IsVoiceInput(sound: unknown): sound is VoiceInput {
    return (
        sound instanceof AudioNode ||
        sound instanceof HTMLMediaElement ||
        sound instanceof MediaStream ||
        sound instanceof AudioBuffer
    );
}

/**
 * @returns the sound itself where it is decoded already
 * @throws FlexAvatarError `sound-unreadable`
 */
export async function DecodeAsync(sound: SpeechSound, context: BaseAudioContext): Promise<AudioBuffer> {
    if (sound instanceof AudioBuffer) {
        return sound;
    }
    const bytes = sound instanceof Blob ? await sound.arrayBuffer() : sound.slice(0); // decoding takes it away
    const { byteLength } = bytes;
    try {
        return await context.decodeAudioData(bytes);
    } catch (error) {
        throw new FlexAvatarError(
            "sound-unreadable",
            `The browser cannot decode ${byteLength} bytes of sound: ${MessageOf(error)}`,
            { cause: error },
        );
    }
}

/** What an error says. */
export function MessageOf(error: unknown): string {
    return error instanceof Error ? error.message : String(error);
}

/** @returns the mean of all channels, [length], -1..1 */
export function MixToMono(buffer: AudioBuffer): Float32Array {
    const mono = new Float32Array(buffer.length);
    for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
        const samples = buffer.getChannelData(channel);
        for (let at = 0; at < mono.length; at++) {
            mono[at] += samples[at] / buffer.numberOfChannels;
        }
    }
    return mono;
}
