/**
 * Sound to log-mel frames: what the voice network sees. Any sample rate gives the same frames, as far as it reaches.
 * Twin: training/voice/features.py.
 */
import { PowerSpectrum } from "./powerSpectrum.js";

/** Bands of a frame. */
export const MelBands = 24;
/** Seconds of sound behind a frame, and between two. */
export const WindowS = 0.025;
export const HopS = 0.01;
const LowHz = 100;
const HighHz = 7400;
/** Added to the power of a band. */
const Silence = 1e-9;
/** Loudness of samples that are all zero, in dB of full scale. */
export const SilenceDb = 10 * Math.log10(MelBands * Silence);

const MelOf = (hz: number): number => 2595 * Math.log10(1 + hz / 700);
const HzOf = (mel: number): number => 700 * (10 ** (mel / 2595) - 1);

/** Cuts a stream of samples into frames. Nothing is allocated after construction. */
export class MelFrames {
    /** [MelBands] log10 power of the last frame; a full-scale sine has about 1 in its band. */
    public readonly bands = new Float32Array(MelBands);
    private readonly _rate: number;
    private readonly _window: Float64Array;
    private readonly _windowed: Float64Array;
    private readonly _spectrum: PowerSpectrum;
    /** Per band: first bin, and weights from there. */
    private readonly _filters: readonly { readonly first: number; readonly weights: Float64Array }[];
    private readonly _ring: Float32Array;
    private _taken = 0;
    private _frame = 0;

    /** @param rate samples per second */
    public constructor(rate: number) {
        this._rate = rate;
        const length = Math.round(WindowS * rate);
        const size = 2 ** Math.ceil(Math.log2(length));
        this._window = Float64Array.from(
            { length },
            (_, index) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (index + 0.5)) / length),
        );
        this._windowed = new Float64Array(length);
        this._ring = new Float32Array(size);
        this._spectrum = new PowerSpectrum(size);
        const scale = 2 / this._window.reduce((sum, value) => sum + value, 0) ** 2;
        this._filters = Array.from({ length: MelBands }, (_, band) => {
            const edge = (index: number) =>
                HzOf(MelOf(LowHz) + ((MelOf(HighHz) - MelOf(LowHz)) * index) / (MelBands + 1));
            const [left, middle, right] = [edge(band), edge(band + 1), edge(band + 2)];
            const first = Math.ceil((left * size) / rate);
            const last = Math.min(size / 2, Math.floor((right * size) / rate));
            const weights = Float64Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => {
                const hz = ((first + index) * rate) / size;
                return scale * Math.max(0, Math.min((hz - left) / (middle - left), (right - hz) / (right - middle)));
            });
            return { first, weights };
        });
    }

    /** Frames so far. The centre of frame i is at i · {@link HopS} + {@link WindowS} / 2 seconds of the stream. */
    public get count(): number {
        return this._frame;
    }

    /** Samples so far. */
    public get taken(): number {
        return this._taken;
    }

    /**
     * Takes one sample.
     * @returns whether it completed a frame, which is in {@link bands} now
     */
    public push(sample: number): boolean {
        const { _ring: ring, _window: window } = this;
        const mask = ring.length - 1;
        ring[this._taken++ & mask] = sample;
        const start = Math.floor(this._frame * HopS * this._rate + 1e-6);
        if (this._taken < start + window.length) {
            return false;
        }
        for (let index = 0; index < window.length; index++) {
            this._windowed[index] = window[index] * ring[(start + index) & mask];
        }
        this._spectrum.transform(this._windowed);
        const { power } = this._spectrum;
        for (let band = 0; band < MelBands; band++) {
            const { first, weights } = this._filters[band];
            let sum = Silence;
            for (let index = 0; index < weights.length; index++) {
                sum += weights[index] * power[first + index];
            }
            this.bands[band] = Math.log10(sum);
        }
        this._frame++;
        return true;
    }
}
