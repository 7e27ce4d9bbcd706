/** Entry of the audio worklet: hears visemes in its input and tells the page. It has no output. */
import { FrameFloats, VisemeFrames } from "../visemeFrames.js";
import { VoiceAnalyser } from "../voiceAnalyser.js";
import { HeadNumbers, type IVoiceFrameMessage, type IVoiceProcessorOptions, ProcessorName } from "./messages.js";

// What the scope of a worklet has; TypeScript's library knows pages only.
const Scope = globalThis as unknown as {
    readonly sampleRate: number;
    readonly currentTime: number;
    registerProcessor(name: string, processor: unknown): void;
};
declare class AudioWorkletProcessor {
    public readonly port: MessagePort;
}

/** Samples of one call, where nothing comes in. */
const Quantum = 128;

class VoiceProcessor extends AudioWorkletProcessor {
    private readonly _analyser: VoiceAnalyser;
    private readonly _frames: VisemeFrames;
    private readonly _head: Float64Array | null;
    private _started = false;
    private _stopped = false;

    public constructor({ processorOptions }: { processorOptions: IVoiceProcessorOptions }) {
        super();
        const { weights, ahead, capacity, memory } = processorOptions;
        this._analyser = new VoiceAnalyser(Scope.sampleRate, weights, ahead);
        this._head = memory ? new Float64Array(memory, 0, HeadNumbers) : null;
        const ring = memory && new Float32Array(memory, HeadNumbers * 8, capacity * FrameFloats);
        this._frames = new VisemeFrames(capacity, ring);
        this.port.onmessage = () => (this._stopped = true);
    }

    public process(inputs: Float32Array[][]): boolean {
        const channels = inputs[0];
        if (!this._started) {
            this._started = true;
            this._frames.startS = Scope.currentTime;
        }
        const length = channels.length > 0 ? channels[0].length : Quantum;
        for (let at = 0; at < length; at++) {
            let sum = 0;
            for (let channel = 0; channel < channels.length; channel++) {
                sum += channels[channel][at];
            }
            if (this._analyser.push(channels.length > 1 ? sum / channels.length : sum)) {
                this._tell();
            }
        }
        return !this._stopped;
    }

    private _tell(): void {
        const { _analyser: analyser, _frames: frames, _head: head } = this;
        const at = (frames.count % frames.capacity) * FrameFloats;
        frames.push(analyser.shares, analyser.loudness);
        if (head) {
            head[1] = frames.startS;
            head[2] = analyser.db;
            head[0] = frames.count; // last: what it counts is written
        } else {
            const frame = frames.data.slice(at, at + FrameFloats);
            const message: IVoiceFrameMessage = {
                count: frames.count,
                startS: frames.startS,
                frame,
                db: analyser.db,
            };
            this.port.postMessage(message, [frame.buffer]);
        }
    }
}

Scope.registerProcessor(ProcessorName, VoiceProcessor);
