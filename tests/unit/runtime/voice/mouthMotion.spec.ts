// Visemes to mouths: the table, coarticulation, silence.
import { ArkitNames, type ArkitName } from "../../../../src/flame/expression";
import { MouthMotion } from "../../../../src/runtime/voice/mouthMotion";
import { SpeechShapes } from "../../../../src/runtime/voice/mouthShapes";
import { VisemeFrames, type VoiceViseme, VoiceVisemes } from "../../../../src/runtime/voice/visemeFrames";

const Frames = (...spans: readonly (readonly [VoiceViseme, number])[]): VisemeFrames => {
    const frames = new VisemeFrames(spans.reduce((sum, [, count]) => sum + count, 0));
    for (const [viseme, count] of spans) {
        for (let frame = 0; frame < count; frame++) {
            frames.push(
                VoiceVisemes.map((name) => (name === viseme ? 1 : 0)),
                0.8,
            );
        }
    }
    return frames;
};

describe("the motion of a voice", () => {
    const motion = new MouthMotion(SpeechShapes);
    const at = (frames: VisemeFrames, frame: number): Record<ArkitName, number> => {
        motion.move(frames, frames.timeOf(frame));
        return Object.fromEntries(ArkitNames.map((name, index) => [name, motion.weights[index]])) as never;
    };

    it("is the table where a viseme lasts", () => {
        for (const viseme of VoiceVisemes) {
            const face = at(Frames([viseme, 60]), 30);
            for (const [name, weight] of Object.entries(SpeechShapes[viseme])) {
                // Those go by loudness.
                if (name !== "jawOpen" && name !== "mouthClose") {
                    expect(face[name as ArkitName])
                        .withContext(`${viseme} ${name}`)
                        .toBeCloseTo(weight, 3);
                }
            }
        }
    });

    it("shuts the lips on a short p between open vowels, fully", () => {
        const frames = Frames(["aa", 20], ["PP", 6], ["aa", 20]);
        const open = at(frames, 10);
        const shut = at(frames, 22.5);
        expect(open.jawOpen).toBeGreaterThan(0.4);
        expect(shut.jawOpen).toBeLessThan(0.15);
        expect(shut.mouthRollUpper).toBeGreaterThan(0.25);
    });

    it("rounds a k between rounded vowels, and not between spread ones", () => {
        const rounded = at(Frames(["U", 20], ["kk", 6], ["U", 20]), 22.5);
        const spread = at(Frames(["I", 20], ["kk", 6], ["I", 20]), 22.5);
        expect(rounded.mouthPucker).toBeGreaterThan(0.25);
        expect(spread.mouthPucker).toBeLessThan(0.01);
    });

    it("begins before a sound that is known, and behind one that is not", () => {
        const known = Frames(["sil", 30], ["aa", 30]);
        expect(at(known, 28).jawOpen).toBeGreaterThan(0.03);
        const unknown = Frames(["sil", 30]);
        expect(at(unknown, 28).jawOpen).toBe(0);
    });

    it("opens the jaw more for loud sound", () => {
        const jaw = (loudness: number) => {
            const frames = new VisemeFrames(40);
            for (let frame = 0; frame < 40; frame++) {
                frames.push(
                    VoiceVisemes.map((name) => (name === "aa" ? 1 : 0)),
                    loudness,
                );
            }
            return at(frames, 20).jawOpen;
        };
        expect(jaw(1)).toBeGreaterThan(1.5 * jaw(0.2));
    });

    it("rests in silence, before the first frame and behind the last one", () => {
        const frames = Frames(["sil", 20]);
        for (const frame of [-50, 0, 10, 100]) {
            at(frames, frame);
            expect(Math.max(...motion.weights)).toBe(0);
            expect(motion.speaking).toBe(0);
        }
    });

    it("reads a ring that went round as it reads a long one", () => {
        const spans = [
            ["aa", 30],
            ["PP", 10],
            ["U", 200],
            ["FF", 10],
        ] as const;
        const long = Frames(...spans);
        const ring = new VisemeFrames(64);
        for (let frame = 0; frame < long.count; frame++) {
            ring.push(long.data.subarray(16 * frame, 16 * frame + 15), long.data[16 * frame + 15]);
        }
        motion.move(long, long.timeOf(242.3));
        const expected = motion.weights.slice();
        motion.move(ring, ring.timeOf(242.3));
        expect(motion.weights).toEqual(expected);
    });
});
