// Frames of sound: their number, their times, and that they do not depend on the sample rate.
import { DecodeVisemeWeights } from "../../../../src/runtime/voice/visemeWeights";
import { VoiceAnalyser } from "../../../../src/runtime/voice/voiceAnalyser";
import { ReadWave } from "../../../support/speechMeasure";
import { HopS, MelBands, MelFrames, WindowS } from "../../../../src/runtime/voice/melFrames";

const Sound = (rate: number, seconds: number, valueAt: (timeS: number) => number): Float32Array[] => {
    const mel = new MelFrames(rate);
    const frames: Float32Array[] = [];
    for (let at = 0; at < seconds * rate; at++) {
        if (mel.push(valueAt(at / rate))) {
            frames.push(mel.bands.slice());
        }
    }
    return frames;
};

describe("mel frames", () => {
    for (const rate of [16_000, 22_050, 44_100, 48_000]) {
        it(`come every 10 ms at ${rate} samples a second`, () => {
            expect(Sound(rate, 1, () => 0).length).toBe(Math.floor((1 - WindowS) / HopS + 1e-6) + 1);
        });
    }

    it("are the same at any rate", () => {
        const voice = (timeS: number) => {
            let sum = 0;
            for (let partial = 1; partial < 40; partial++) {
                sum += Math.sin(2 * Math.PI * 130 * partial * timeS) / partial;
            }
            return 0.2 * sum;
        };
        const [low, high] = [Sound(16_000, 0.3, voice), Sound(48_000, 0.3, voice)];
        expect(low.length).toBe(high.length);
        for (let band = 0; band < MelBands; band++) {
            expect(Math.abs(low[10][band] - high[10][band]))
                .withContext(`band ${band}`)
                .toBeLessThan(0.25);
        }
    });

    it("put a tone into its band, with about its power", () => {
        const tone = (hz: number) => Sound(48_000, 0.1, (timeS) => Math.sin(2 * Math.PI * hz * timeS))[3];
        const strongest = (bands: Float32Array) => bands.indexOf(Math.max(...bands));
        const places = [200, 500, 1000, 2000, 4000, 7000].map((hz) => strongest(tone(hz)));
        expect(places).toEqual([...places].sort((one, other) => one - other));
        expect(new Set(places).size).toBe(6);
        expect(Math.max(...tone(1000))).toBeGreaterThan(-0.5);
        expect(Math.max(...tone(1000))).toBeLessThan(0.5);
    });
});

describe("what a voice network sees", () => {
    it("is what its training saw", async () => {
        const file = await (await fetch("/repo/tests/fixtures/voice/000.wav")).arrayBuffer();
        const { samples, rate } = ReadWave(file);
        const rows = (await (await fetch("/repo/tests/fixtures/voice/frames.json")).json()) as Record<
            string,
            [number[], number[]]
        >;
        const mel = new MelFrames(rate);
        const analyser = new VoiceAnalyser(rate, DecodeVisemeWeights(), 0);
        let compared = 0;
        for (const sample of samples) {
            analyser.push(sample);
            const row = mel.push(sample) ? rows[mel.count - 1] : undefined;
            if (row) {
                const seen = ((mel.count - 1) * MelBands) % analyser["_ring"].length;
                for (let band = 0; band < MelBands; band++) {
                    expect(mel.bands[band]).toBeCloseTo(row[0][band], 2);
                    expect(analyser["_ring"][seen + band]).toBeCloseTo(row[1][band], 2);
                }
                compared++;
            }
        }
        expect(compared).toBe(Object.keys(rows).length);
    });
});
