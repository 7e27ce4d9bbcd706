/** A whole sound at once: what is heard, with all of the future known. */
import { HopS, MelBands, MelFrames, WindowS } from "./melFrames.js";
import type { Work } from "../slices.js";
import { FrameFloats, VisemeFrames } from "./visemeFrames.js";
import type { IVisemeWeights } from "./visemeNetwork.js";
import { BufferedAhead } from "./voiceAhead.js";
import { VoiceAnalyser } from "./voiceAnalyser.js";

/** Shares of the frames that are quieter than the speaker's level, and than the room's. */
const LevelShare = 0.95;
const FloorShare = 0.1;
const SamplesPerStep = 1 << 14;

/**
 * Hears a sound in steps. Silence follows its end, so that the mouth closes.
 * @param samples mono, -1..1
 * @param rate samples per second
 * @param weights of the network
 * @returns frames whose clock is 0 at the first sample
 */
export function* BakeVisemes(samples: Float32Array, rate: number, weights: IVisemeWeights): Work<VisemeFrames> {
    const count = Math.max(0, 1 + Math.floor((samples.length / rate - WindowS) / HopS));
    const frames = new VisemeFrames(count + BufferedAhead);
    const heard = yield* LoudnessOf(samples, rate);
    const analyser = new VoiceAnalyser(
        rate,
        weights,
        BufferedAhead,
        heard[Math.floor(LevelShare * heard.length)],
        heard[Math.floor(FloorShare * heard.length)],
    );
    for (let at = 0; at < samples.length; at++) {
        if (analyser.push(samples[at])) {
            frames.push(analyser.shares, analyser.loudness);
        }
        if (at % SamplesPerStep === 0) {
            yield 0.3 + (0.7 * at) / samples.length;
        }
    }
    while (analyser.flush()) {
        frames.push(analyser.shares, analyser.loudness);
    }
    const silence = new Float32Array(FrameFloats - 1);
    silence[0] = 1;
    while (frames.count < frames.capacity) {
        frames.push(silence, 0);
    }
    return frames;
}

/** Loudness of all frames, ascending. */
function* LoudnessOf(samples: Float32Array, rate: number): Work<number[]> {
    const mel = new MelFrames(rate);
    const heard: number[] = [];
    for (let at = 0; at < samples.length; at++) {
        if (mel.push(Number.isFinite(samples[at]) ? samples[at] : 0)) {
            let power = 0;
            for (let band = 0; band < MelBands; band++) {
                power += 10 ** mel.bands[band];
            }
            heard.push(10 * Math.log10(power));
        }
        if (at % SamplesPerStep === 0) {
            yield (0.3 * at) / samples.length;
        }
    }
    return heard.sort((one, other) => one - other);
}
