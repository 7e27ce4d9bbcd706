// Spoken sentences whose phoneme times are known, as tests/fixtures/voice has them: lips show what is said. A small
// version of scripts/measureVoice.mjs, which has hundreds of phonemes and voices.
import { Finish } from "../../../../src/runtime/slices";
import { BakeVisemes } from "../../../../src/runtime/voice/bakeVisemes";
import { SpeechShapes } from "../../../../src/runtime/voice/mouthShapes";
import { DecodeVisemeWeights } from "../../../../src/runtime/voice/visemeWeights";
import {
    BakedMouth,
    CountSigns,
    type ISpokenClip,
    LiveMouth,
    NewCounts,
    OnsetDelay,
    OpenShare,
    ReadWave,
} from "../../../support/speechMeasure";

const Folder = "/repo/tests/fixtures/voice";

describe("speech", () => {
    const weights = DecodeVisemeWeights();
    let clips: ISpokenClip[];

    beforeAll(async () => {
        const listed = (await (await fetch(`${Folder}/speech.json`)).json()) as (ISpokenClip & { file: string })[];
        clips = await Promise.all(
            listed.map(async (clip) => {
                const file = await (await fetch(`${Folder}/${clip.file}`)).arrayBuffer();
                return { ...clip, ...ReadWave(file) };
            }),
        );
    });

    it("has lips that shut on m, b, p, round on o, u, and teeth on f, v, where the sound is known", () => {
        const counts = NewCounts();
        clips.forEach((clip) => CountSigns(BakedMouth(clip, weights, SpeechShapes), clip, counts));
        const signs = Object.values(counts);
        const asked = signs.reduce((sum, count) => sum + count.asked, 0);
        const shown = signs.reduce((sum, count) => sum + count.shown, 0);
        expect(asked).toBeGreaterThan(20);
        expect(shown / asked).toBeGreaterThanOrEqual(0.85);
        for (const { others, falselyShown } of signs) {
            expect(falselyShown / others).toBeLessThan(0.1);
        }
    });

    it("moves the mouth with the sound, heard live or known", () => {
        for (const clip of clips) {
            expect(Math.abs(OnsetDelay(BakedMouth(clip, weights, SpeechShapes), clip))).toBeLessThan(0.12);
            expect(Math.abs(OnsetDelay(LiveMouth(clip, weights, SpeechShapes), clip))).toBeLessThan(0.12);
        }
    });

    it("gives the same frames each time, at any gain nearly the same", () => {
        const [{ samples, rate }] = clips;
        const first = Finish(BakeVisemes(samples, rate, weights));
        expect(Finish(BakeVisemes(samples, rate, weights)).data).toEqual(first.data);
        const quiet = Finish(
            BakeVisemes(
                samples.map((value) => value / 8),
                rate,
                weights,
            ),
        );
        const differences = first.data.map((value, at) => Math.abs(value - quiet.data[at]));
        expect(differences.reduce((sum, value) => sum + value, 0) / differences.length).toBeLessThan(0.01);
    });

    it("keeps the mouth shut in silence and in a quiet room", () => {
        let seed = 7;
        const room = Float32Array.from({ length: 3 * 16_000 }, () => {
            seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
            return 0.002 * (seed / 2 ** 31 - 1);
        });
        for (const samples of [new Float32Array(3 * 16_000), room]) {
            for (const make of [BakedMouth, LiveMouth]) {
                const { share, most } = OpenShare(make({ samples, rate: 16_000 }, weights, SpeechShapes), 3);
                expect(share).toBeLessThan(0.02);
                expect(most).toBeLessThan(0.1);
            }
        }
    });

    it("survives samples that are no numbers", () => {
        const samples = clips[0].samples.slice(0, 22_050);
        samples.fill(NaN, 5000, 6000);
        const { data } = Finish(BakeVisemes(samples, clips[0].rate, weights));
        expect(data.every(Number.isFinite)).toBeTrue();
    });
});
