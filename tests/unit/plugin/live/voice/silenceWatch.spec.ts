// Digital silence is told once, noise never.
import { SilenceWatch } from "../../../../../src/plugin/live/voice/silenceWatch";
import { DecodeVisemeWeights } from "../../../../../src/runtime/voice/visemeWeights";
import { VoiceAnalyser } from "../../../../../src/runtime/voice/voiceAnalyser";

/** Times at which a watch speaks, of `seconds` of sound. */
function Tellings(seconds: number, valueAt: (at: number) => number): number[] {
    const rate = 16_000;
    const analyser = new VoiceAnalyser(rate, DecodeVisemeWeights());
    const watch = new SilenceWatch();
    const told: number[] = [];
    for (let at = 0; at < seconds * rate; at++) {
        if (analyser.push(valueAt(at)) && watch.isTooLong(analyser.db, at / rate)) {
            told.push(Math.round(at / rate));
        }
    }
    return told;
}

describe("the watch for silence of a voice", () => {
    it("speaks once after four seconds of zeros", () => expect(Tellings(10, () => 0)).toEqual([4]));

    it("starts anew after sound", () => {
        const tellings = Tellings(12, (at) => (at > 5 * 16_000 && at < 6 * 16_000 ? Math.sin(at / 5) : 0));
        expect(tellings).toEqual([4, 10]);
    });

    it("takes the last bit of a 16-bit microphone for sound", () => {
        let seed = 1;
        const noise = () => {
            seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
            return seed > 2 ** 31 ? 1 / 32768 : 0;
        };
        expect(Tellings(6, noise)).toEqual([]);
    });
});
