// The gate: rooms keep it shut, speech opens it, whatever the gain.
import { VoiceLevel } from "../../../../src/runtime/voice/voiceLevel";

/** Repeatable flicker of about ±`swing` dB, as noise has. */
function Flicker(seed: number, swing: number): () => number {
    return () => {
        seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
        return swing * (seed / 2 ** 31 - 1);
    };
}

const OpenFrames = (level: VoiceLevel, frames: number, dbAt: (frame: number) => number): number => {
    let open = 0;
    for (let frame = 0; frame < frames; frame++) {
        level.push(dbAt(frame));
        open += level.open ? 1 : 0;
    }
    return open;
};

describe("the level of a voice", () => {
    it("stays shut in digital silence", () => {
        expect(OpenFrames(new VoiceLevel(), 500, () => -90)).toBe(0);
    });

    for (const roomDb of [-65, -50, -40]) {
        it(`shuts within a second in a steady room of ${roomDb} dB and stays shut`, () => {
            const level = new VoiceLevel();
            const flicker = Flicker(1, 4);
            OpenFrames(level, 120, () => roomDb + flicker());
            expect(OpenFrames(level, 1000, () => roomDb + flicker())).toBe(0);
        });
    }

    for (const gainDb of [0, -20]) {
        it(`opens within a frame for speech with ${gainDb} dB of gain, and shuts behind it`, () => {
            const level = new VoiceLevel();
            OpenFrames(level, 200, () => -75);
            level.push(-25 + gainDb);
            expect(level.open).toBeTrue();
            // Syllables: up and down four times a second.
            OpenFrames(level, 300, (frame) => -30 + gainDb + 15 * Math.sin(frame / 4));
            expect(level.loudness).toBeGreaterThan(0);
            expect(OpenFrames(level, 100, () => -75)).toBeLessThan(12);
        });
    }
});
