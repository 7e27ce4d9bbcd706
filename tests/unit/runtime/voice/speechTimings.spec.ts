// Timings of text-to-speech services.
import { ApplyTimings, ReadSpeechTimings } from "../../../../src/runtime/voice/speechTimings";
import { VisemeFrames, VoiceVisemes } from "../../../../src/runtime/voice/visemeFrames";

describe("timings of speech", () => {
    it("are read as Azure sends them, in ticks, visemes and words mixed", () => {
        const { visemes, words, unknown } = ReadSpeechTimings([
            { visemeId: 21, audioOffset: 500_000 },
            { text: "map", audioOffset: 500_000 },
            { visemeId: 1, audioOffset: 1_200_000 },
            { visemeId: 0, audioOffset: 3_000_000 },
        ]);
        expect(visemes).toEqual([
            { viseme: "PP", timeS: 0.05 },
            { viseme: "aa", timeS: 0.12 },
            { viseme: "sil", timeS: 0.3 },
        ]);
        expect(words).toEqual([{ word: "map", timeS: 0.05 }]);
        expect(unknown).toEqual([]);
    });

    it("are read as Polly's speech marks, in milliseconds, sentences left out", () => {
        const { visemes, words } = ReadSpeechTimings([
            { type: "sentence", time: 0, value: "Few." },
            { type: "word", time: 6, value: "Few" },
            { type: "viseme", time: 6, value: "f" },
            { type: "viseme", time: 100, value: "u" },
        ]);
        expect(visemes.map(({ viseme }) => viseme)).toEqual(["FF", "U"]);
        expect(words).toEqual([{ word: "Few", timeS: 0.006 }]);
    });

    it("are read with the names of Oculus in any spelling, sorted, and unknown ones are named", () => {
        const { visemes, unknown } = ReadSpeechTimings([
            { viseme: "viseme_aa", timeS: 0.2 },
            { viseme: "pp", timeS: 0.1 },
            { viseme: "constructor", timeS: 0.3 },
            { viseme: "O", timeS: NaN },
            { visemeId: 99, audioOffset: 0 },
        ]);
        expect(visemes.map(({ viseme }) => viseme)).toEqual(["PP", "aa"]);
        expect(unknown).toEqual(["constructor", "O", "Azure 99"]);
    });

    it("take the place of what was heard, and keep its loudness", () => {
        const heard = new VisemeFrames(30);
        for (let frame = 0; frame < 30; frame++) {
            heard.push(
                VoiceVisemes.map(() => 1 / 15),
                0.5,
            );
        }
        const { data } = ApplyTimings(heard, [
            { viseme: "PP", timeS: 0.1 },
            { viseme: "sil", timeS: 0.2 },
        ]);
        const visemeAt = (frame: number) => VoiceVisemes[data.subarray(16 * frame, 16 * frame + 15).indexOf(1)];
        expect([0, 8, 9, 18, 19, 29].map(visemeAt)).toEqual(["sil", "sil", "PP", "PP", "sil", "sil"]);
        expect(data[16 * 12 + 15]).toBe(0.5);
    });
});
