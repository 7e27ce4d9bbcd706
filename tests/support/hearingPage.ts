/** The page of scripts/hearVoice.mjs: plays clips and notes when the mouth of a voice begins to move. */
import { CreateFaceFrame } from "../../src/plugin/live/faceSource";
import { VoiceSource } from "../../src/plugin/live/voice/voiceSource";

/** How the sound comes to the voice. */
export type HearingMode = "stream" | "node" | "speak";

/** What was seen. */
export interface IHearing {
    /** Milliseconds by which the mouth begins after the sound is heard, one per clip; NaN: never. */
    readonly onsets: readonly number[];
    /** Codes of notices. */
    readonly notices: readonly string[];
    /** Median of what a frame takes of its sample until it is read, milliseconds. */
    readonly latencyMs: number;
    readonly longestFrameMs: number;
    readonly outputS: number;
}

const MovesAt = 0.05;
const PauseMs = 500;

const WaitAsync = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const Median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1];

/** Second at which a sound begins: the first 5 ms within 30 dB of the loudest. */
function SoundStart({ sampleRate, ...buffer }: { sampleRate: number; samples: Float32Array }): number {
    const window = Math.round(0.005 * sampleRate);
    const powers: number[] = [];
    for (let at = 0; at + window <= buffer.samples.length; at += window) {
        powers.push(buffer.samples.subarray(at, at + window).reduce((sum, value) => sum + value * value, 0));
    }
    const least = Math.max(...powers) * 1e-3;
    return (powers.findIndex((power) => power > least) * window) / sampleRate;
}

async function HearAsync(files: readonly string[], mode: HearingMode, workletUrl?: string): Promise<IHearing> {
    const context = new AudioContext();
    await context.resume();
    const bus = new GainNode(context);
    const notices: string[] = [];
    let voice: VoiceSource;
    if (mode === "stream") {
        const microphone = new MediaStreamAudioDestinationNode(context);
        bus.connect(microphone);
        voice = new VoiceSource(microphone.stream, { context, workletUrl });
    } else {
        bus.connect(context.destination);
        voice = new VoiceSource(mode === "node" ? bus : null, { context, workletUrl });
    }
    voice.attach({ notify: (code: string) => notices.push(code) } as never);

    const frame = CreateFaceFrame();
    const latencies: number[] = [];
    let movedS = NaN;
    let [longest, last, going] = [0, performance.now(), true];
    const tick = () => {
        const now = performance.now();
        longest = Math.max(longest, now - last);
        voice.readFrame(frame);
        last = now;
        if (Number.isFinite(frame.sampledAtMs)) {
            latencies.push(now - frame.sampledAtMs);
        }
        if (Number.isNaN(movedS) && frame.says.some((says, index) => says * frame.weights[index] >= MovesAt)) {
            movedS = context.currentTime;
        }
        if (going) {
            requestAnimationFrame(tick);
        }
    };
    requestAnimationFrame(tick);
    await WaitAsync(2 * PauseMs);

    const outputS = context.baseLatency + (context.outputLatency || 0);
    const onsets: number[] = [];
    for (const file of files) {
        const buffer = await context.decodeAudioData(await (await fetch(file)).arrayBuffer());
        const soundS = SoundStart({ sampleRate: buffer.sampleRate, samples: buffer.getChannelData(0) });
        movedS = NaN;
        let startS: number;
        if (mode === "speak") {
            const spoken = voice.speakAsync(buffer);
            while (voice["_speech"]["_utterances"].length === 0) {
                await WaitAsync(1);
            }
            ({ startS } = voice["_speech"]["_utterances"][0]);
            await spoken;
        } else {
            const node = new AudioBufferSourceNode(context, { buffer });
            node.connect(bus);
            startS = context.currentTime + 0.05;
            node.start(startS);
            await new Promise((resolve) => (node.onended = resolve));
        }
        onsets.push(1000 * (movedS - startS - soundS - (mode === "stream" ? 0 : outputS)));
        await WaitAsync(PauseMs);
    }
    going = false;
    voice.dispose();
    await context.close();
    return { onsets, notices, latencyMs: Median(latencies), longestFrameMs: longest, outputS };
}

Object.assign(globalThis, { HearAsync });
