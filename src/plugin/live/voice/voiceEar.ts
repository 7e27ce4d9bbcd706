/**
 * Hears one audio node: in an audio worklet, or where that is refused, on the page through an AnalyserNode. What was
 * heard lies in a ring that the source reads.
 */
import { FrameFloats, VisemeFrames } from "../../../runtime/voice/visemeFrames.js";
import type { VoiceAnalyser } from "../../../runtime/voice/voiceAnalyser.js";
import {
    HeadNumbers,
    type IVoiceFrameMessage,
    type IVoiceProcessorOptions,
    ProcessorName,
    SharedBytes,
} from "../../../runtime/voice/worklet/messages.js";

/** Five seconds. */
const Capacity = 512;

/** Where viseme frames of a node come from. */
export interface IVoiceEar {
    /** What was heard until the last {@link listen}. */
    readonly frames: VisemeFrames;
    /** Loudness of the sound, dB of full scale. */
    readonly db: number;
    /** Brings {@link frames} up to date. Called once a frame; allocates nothing. */
    listen(): void;
    /** Lets go of the node. */
    dispose(): void;
}

/** Hears in a worklet, whose script must be loaded. In an isolated page both share memory and nothing is sent. */
export class WorkletEar implements IVoiceEar {
    public readonly frames: VisemeFrames;
    private readonly _source: AudioNode;
    private readonly _node: AudioWorkletNode;
    private readonly _head: Float64Array | null;
    private _db = -Infinity;

    /**
     * @param source what is heard; not changed
     * @param options of the processor, without ring
     * @param onError told where the worklet stops with an error
     * @throws where the context refuses the node
     */
    public constructor(
        source: AudioNode,
        options: Pick<IVoiceProcessorOptions, "weights" | "ahead">,
        onError: () => void,
    ) {
        const memory = globalThis.crossOriginIsolated
            ? new SharedArrayBuffer(SharedBytes(Capacity, FrameFloats))
            : undefined;
        const processorOptions: IVoiceProcessorOptions = { ...options, capacity: Capacity, memory };
        this._source = source;
        this._node = new AudioWorkletNode(source.context, ProcessorName, {
            numberOfInputs: 1,
            numberOfOutputs: 0,
            processorOptions,
        });
        this._node.onprocessorerror = onError;
        if (memory) {
            this._head = new Float64Array(memory, 0, HeadNumbers);
            const ring = new Float32Array(memory, HeadNumbers * 8, Capacity * FrameFloats);
            this.frames = new VisemeFrames(Capacity, ring);
        } else {
            this._head = null;
            this.frames = new VisemeFrames(Capacity);
            this._node.port.onmessage = ({ data }: MessageEvent<IVoiceFrameMessage>) => this._take(data);
        }
        source.connect(this._node);
    }

    /** Loudness of the sound, dB of full scale. */
    public get db(): number {
        return this._db;
    }

    /** Brings {@link frames} up to date. */
    public listen(): void {
        if (this._head) {
            this.frames.count = this._head[0];
            this.frames.startS = this._head[1];
            this._db = this._head[2];
        }
    }

    /** Lets go of the node. */
    public dispose(): void {
        this._node.port.onmessage = null;
        this._node.port.postMessage(null);
        this._source.disconnect(this._node);
    }

    private _take({ count, startS, frame, db }: IVoiceFrameMessage): void {
        this.frames.data.set(frame, ((count - 1) % Capacity) * FrameFloats);
        this.frames.count = count;
        this.frames.startS = startS;
        this._db = db;
    }
}

/** The analyser keeps this many samples, a sixth of a second; what a slower page misses is taken for silence. */
const WindowSamples = 8192;

/** Hears on the page, between frames. */
export class PageEar implements IVoiceEar {
    public readonly frames = new VisemeFrames(Capacity);
    private readonly _source: AudioNode;
    private readonly _node: AnalyserNode;
    private readonly _analyser: VoiceAnalyser;
    private readonly _samples = new Float32Array(WindowSamples);
    private _takenS: number;

    /**
     * @param source what is heard; not changed
     * @param analyser a new one, of the context's rate
     */
    public constructor(source: AudioNode, analyser: VoiceAnalyser) {
        this._source = source;
        this._analyser = analyser;
        this._node = new AnalyserNode(source.context, { fftSize: WindowSamples });
        this._takenS = this.frames.startS = source.context.currentTime;
        source.connect(this._node);
    }

    /** Loudness of the sound, dB of full scale. */
    public get db(): number {
        return this._analyser.db;
    }

    /** Brings {@link frames} up to date. */
    public listen(): void {
        const { currentTime, sampleRate } = this._source.context;
        let wanted = Math.round((currentTime - this._takenS) * sampleRate);
        this._takenS = currentTime;
        if (wanted > sampleRate) {
            // The page slept: its mouth starts anew.
            this.frames.startS += (wanted - WindowSamples) / sampleRate;
            wanted = WindowSamples;
        }
        this._node.getFloatTimeDomainData(this._samples);
        for (let at = WindowSamples - wanted; at < WindowSamples; at++) {
            if (this._analyser.push(at < 0 ? 0 : this._samples[at])) {
                this.frames.push(this._analyser.shares, this._analyser.loudness);
            }
        }
    }

    /** Lets go of the node. */
    public dispose(): void {
        this._source.disconnect(this._node);
    }
}
