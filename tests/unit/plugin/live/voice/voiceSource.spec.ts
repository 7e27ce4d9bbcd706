// A voice on a face: what it hears through real audio contexts, what it says in each frame, what it tells when it
// cannot. Offline contexts have no clock of the machine, and no autoplay policy.
import { ArkitNames, type ArkitName } from "../../../../../src/flame/expression";
import { CreateFaceFrame, type IFaceHost } from "../../../../../src/plugin/live/faceSource";
import { VoiceClock } from "../../../../../src/plugin/live/voice/voiceClock";
import { VoiceSource } from "../../../../../src/plugin/live/voice/voiceSource";
import { PageEar, WorkletEar } from "../../../../../src/plugin/live/voice/voiceEar";
import { LoadVoiceWorkletAsync } from "../../../../../src/runtime/voice/startWorklet";
import { FrameFloats } from "../../../../../src/runtime/voice/visemeFrames";
import { DecodeVisemeWeights } from "../../../../../src/runtime/voice/visemeWeights";
import { LiveAhead } from "../../../../../src/runtime/voice/voiceAhead";
import { VoiceAnalyser } from "../../../../../src/runtime/voice/voiceAnalyser";

const Clip = "/repo/tests/fixtures/voice/000.wav";

const ReadClipAsync = async (context: BaseAudioContext): Promise<AudioBuffer> =>
    context.decodeAudioData(await (await fetch(Clip)).arrayBuffer());

/** A host that writes down what it is told. */
function Host(): IFaceHost & { readonly told: string[] } {
    const told: string[] = [];
    return { told, notify: (code: string) => told.push(code) } as never;
}

const Weight = (weights: Float32Array, name: ArkitName): number => weights[ArkitNames.indexOf(name)];
/** Until something is so; the page's tasks run meanwhile. */
const UntilAsync = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) {
        await new Promise((resolve) => setTimeout(resolve, 5));
    }
};

describe("a voice", () => {
    it("hears in the worklet what the analyser hears on the page", async () => {
        const offline = new OfflineAudioContext(1, 48_000 * 2, 48_000);
        const node = new AudioBufferSourceNode(offline, { buffer: await ReadClipAsync(offline) });
        await LoadVoiceWorkletAsync(offline);
        const weights = DecodeVisemeWeights();
        const ear = new WorkletEar(node, { weights, ahead: LiveAhead }, () => fail("the worklet stopped"));
        node.start();
        await offline.startRendering();
        const analyser = new VoiceAnalyser(48_000, weights);
        let judged = 0;
        const expected: Float32Array[] = [];
        for (const sample of node.buffer!.getChannelData(0).subarray(0, 96_000)) {
            if (analyser.push(sample)) {
                expected.push(analyser.shares.slice());
                judged++;
            }
        }
        await UntilAsync(() => {
            ear.listen();
            return ear.frames.count >= judged;
        });
        expect(ear.frames.count).toBe(judged);
        expect(ear.frames.startS).toBe(0);
        for (let frame = 0; frame < judged; frame++) {
            const from = frame * FrameFloats;
            const heard = ear.frames.data.subarray(from, from + FrameFloats - 1);
            expect(heard).withContext(`frame ${frame}`).toEqual(expected[frame]);
        }
        ear.dispose();
    });

    it("writes the mouth and nothing else, and lets go of it in silence", async () => {
        const offline = new OfflineAudioContext(1, 48_000 * 3, 48_000);
        const node = new AudioBufferSourceNode(offline, { buffer: await ReadClipAsync(offline) });
        const voice = new VoiceSource(node);
        await UntilAsync(() => "_ear" in voice && voice["_ear"] !== null);
        node.start();
        const frame = CreateFaceFrame();
        let most = 0;
        let spoke = 0;
        let silentBefore = true;
        for (let timeS = 0.1; timeS < 2.9; timeS += 0.05) {
            void offline.suspend(timeS).then(async () => {
                // Messages of the worklet come as tasks, where memory is not shared.
                await new Promise((resolve) => setTimeout(resolve, 1));
                expect(voice.readFrame(frame)).toBeTrue();
                const speaks = Weight(frame.says, "jawOpen") > 0;
                most = Math.max(most, Weight(frame.weights, "jawOpen"));
                spoke += speaks ? 1 : 0;
                silentBefore &&= timeS > 0.45 || !speaks;
                void offline.resume();
            });
        }
        await offline.startRendering();
        expect(silentBefore).toBeTrue();
        expect(spoke).toBeGreaterThan(10);
        expect(most).toBeGreaterThan(0.15);
        for (const name of ["eyeBlinkLeft", "browInnerUp", "mouthSmileLeft", "jawLeft"] as const) {
            expect(Weight(frame.says, name)).withContext(name).toBe(0);
        }
        expect(frame.saysTurns.every((says) => says === 0)).toBeTrue();
        voice.dispose();
        voice.dispose();
        expect(voice.state).toBe("disposed");
        expect(voice.readFrame(frame)).toBeFalse();
    });

    it("listens on the page where the worklet is refused, and says so to each avatar", async () => {
        const offline = new OfflineAudioContext(1, 48_000, 48_000);
        Object.defineProperty(offline, "audioWorklet", { value: { addModule: () => Promise.reject(new Error("no")) } });
        const node = new ConstantSourceNode(offline, { offset: 0 });
        const [first, second] = [Host(), Host()];
        const voice = new VoiceSource(node);
        voice.attach(first);
        await UntilAsync(() => voice["_ear"] !== null);
        voice.attach(second);
        expect(voice["_ear"]).toBeInstanceOf(PageEar);
        expect(first.told).toContain("voice-on-page");
        expect(second.told).toContain("voice-on-page");
        expect(() => voice.readFrame(CreateFaceFrame())).not.toThrow();
        voice.dispose();
    });

    it("tells of a low rate and of an offline context that ended, and the frame goes on", async () => {
        const offline = new OfflineAudioContext(1, 800, 8000);
        const host = Host();
        const voice = new VoiceSource(new ConstantSourceNode(offline, { offset: 0 }));
        voice.attach(host);
        await UntilAsync(() => voice["_ear"] !== null);
        await offline.startRendering();
        await UntilAsync(() => voice.state === "failed");
        expect(host.told).toContain("voice-rate");
        expect(host.told).toContain("voice-failed");
        expect(voice.readFrame(CreateFaceFrame())).toBeFalse();
        voice.dispose();
    });

    it("tells when a device is unplugged, and when the browser holds sound back", async () => {
        const context = new AudioContext();
        await context.suspend();
        const stream = new MediaStreamAudioDestinationNode(context).stream;
        const host = Host();
        const voice = new VoiceSource(stream, { context });
        voice.attach(host);
        expect(host.told).not.toContain("voice-suspended"); // new contexts are suspended for a moment anyway
        await UntilAsync(() => voice.state === "suspended");
        expect(host.told).toContain("voice-suspended");
        stream.getAudioTracks()[0].dispatchEvent(new Event("ended"));
        expect(host.told).toContain("voice-unplugged");
        voice.dispose();
        expect(context.state).not.toBe("closed"); // it is the user's
        await context.close();
    });

    it("tells of a microphone that is refused", async () => {
        const refuse = (name: string) =>
            spyOn(navigator.mediaDevices, "getUserMedia").and.rejectWith(new DOMException("no", name));
        const asked = refuse("NotAllowedError");
        await expectAsync(VoiceSource.FromMicrophoneAsync()).toBeRejectedWith(
            jasmine.objectContaining({ code: "microphone-refused" }),
        );
        asked.and.rejectWith(new DOMException("no", "NotFoundError"));
        await expectAsync(VoiceSource.FromMicrophoneAsync()).toBeRejectedWith(
            jasmine.objectContaining({ code: "microphone-missing" }),
        );
    });

    it("refuses what is no sound, bytes that are none, unknown timings, and calls after its end", async () => {
        expect(() => new VoiceSource({} as never)).toThrowMatching(({ code }) => code === "invalid-argument");
        expect(() => new VoiceSource(null, { leadS: -1 })).toThrowMatching(({ code }) => code === "invalid-argument");
        const voice = new VoiceSource(null);
        await expectAsync(voice.speakAsync(new ArrayBuffer(100))).toBeRejectedWith(
            jasmine.objectContaining({ code: "sound-unreadable" }),
        );
        const buffer = new AudioBuffer({ length: 100, sampleRate: 16_000 });
        await expectAsync(voice.speakAsync(buffer, { timings: [{ viseme: "?", timeS: 0 }] })).toBeRejectedWith(
            jasmine.objectContaining({ code: "invalid-argument" }),
        );
        voice.dispose();
        await expectAsync(voice.speakAsync(buffer)).toBeRejectedWith(jasmine.objectContaining({ code: "disposed" }));
    });

    it("speaks with timings on the context's clock, tells words, and can be stopped", async () => {
        const offline = new OfflineAudioContext(1, 48_000, 48_000);
        const voice = new VoiceSource(null, { context: offline as never, leadS: 0 });
        const buffer = new AudioBuffer({ length: 24_000, sampleRate: 48_000 });
        const words: string[] = [];
        voice.onWordObservable.add(({ word }) => words.push(word));
        const spoken = voice.speakAsync(buffer, {
            timings: [
                { type: "viseme", time: 0, value: "p" },
                { type: "word", time: 100, value: "pa" },
                { type: "viseme", time: 250, value: "a" },
                { type: "viseme", time: 450, value: "sil" },
            ],
        });
        const after = new AbortController();
        const stopped = voice.speakAsync(buffer, { signal: after.signal });
        await UntilAsync(() => voice["_speech"]["_utterances"].length === 2);
        const frame = CreateFaceFrame();
        const seen = new Map<number, Float32Array>();
        for (const timeS of [0.2, 0.45]) {
            void offline.suspend(timeS).then(() => {
                voice.readFrame(frame);
                seen.set(timeS, frame.weights.slice());
                void offline.resume();
            });
        }
        after.abort();
        await expectAsync(stopped).toBeRejectedWith(jasmine.objectContaining({ code: "aborted" }));
        await offline.startRendering();
        await spoken;
        expect(words).toEqual(["pa"]);
        expect(Weight(seen.get(0.2)!, "mouthRollUpper")).toBeGreaterThan(0.25);
        expect(Weight(seen.get(0.45)!, "jawOpen")).toBeGreaterThan(0.2);
        voice.dispose();
    });
});

describe("the clock of a voice", () => {
    it("goes evenly between the steps of the context, behind what the output takes, and stands with it", () => {
        const context = { currentTime: 5, state: "running", baseLatency: 0.01, outputLatency: 0.03 };
        const clock = new VoiceClock(context as never);
        expect(clock.outputS).toBeCloseTo(0.04, 9);
        expect(clock.timeS(1000)).toBe(5);
        let last = 5;
        for (let frame = 1; frame < 200; frame++) {
            context.currentTime = 5 + Math.floor((frame / 60) * 40) / 40; // steps of 25 ms
            const now = clock.timeS(1000 + (frame * 1000) / 60);
            expect(now - last).toBeGreaterThan(0.01);
            expect(now - last).toBeLessThan(0.023);
            expect(Math.abs(now - (5 + frame / 60))).toBeLessThan(0.03);
            last = now;
        }
        context.state = "suspended";
        expect(Math.abs(clock.timeS(60_000) - last)).toBeLessThan(0.03);
        context.currentTime = 40;
        expect(clock.timeS(60_001)).toBe(40);
    });
});
