/** The network that hears visemes in log-mel frames: one hidden layer over some frames before and behind. */
import { MelBands } from "./melFrames.js";

/** Both layers, ready to be sent to a worklet. */
export interface IVisemeWeights {
    /** Frames that it sees, from the one that is judged, ascending. */
    readonly offsets: Int32Array;
    /** [hidden, offsets · MelBands] and [hidden]. */
    readonly hidden: Float32Array;
    readonly hiddenBias: Float32Array;
    /** [visemes, hidden] and [visemes]. */
    readonly out: Float32Array;
    readonly outBias: Float32Array;
}

/** Judges one frame at a time. Nothing is allocated after construction. */
export class VisemeNetwork {
    /** [visemes] probabilities of the last frame. */
    public readonly shares: Float32Array;
    private readonly _weights: IVisemeWeights;
    private readonly _input: Float32Array;
    private readonly _hidden: Float32Array;

    /** @param weights see `DecodeVisemeWeights` */
    public constructor(weights: IVisemeWeights) {
        this._weights = weights;
        this.shares = new Float32Array(weights.outBias.length);
        this._input = new Float32Array(weights.offsets.length * MelBands);
        this._hidden = new Float32Array(weights.hiddenBias.length);
    }

    /**
     * @param ring [any number of frames, MelBands] normalised bands, frame i at i modulo its length
     * @param frame the one to judge
     * @param first earliest frame that exists
     * @param last latest frame that exists; those beyond repeat it
     */
    public judge(ring: Float32Array, frame: number, first: number, last: number): void {
        const { _input: input, _hidden: hidden, shares } = this;
        const { offsets, hidden: weights, hiddenBias, out, outBias } = this._weights;
        const frames = ring.length / MelBands;
        let to = 0;
        for (let index = 0; index < offsets.length; index++) {
            const from = (Math.min(last, Math.max(first, frame + offsets[index])) % frames) * MelBands;
            for (let band = 0; band < MelBands; band++) {
                input[to++] = ring[from + band];
            }
        }
        for (let row = 0, at = 0; row < hidden.length; row++) {
            let sum = hiddenBias[row];
            for (let column = 0; column < input.length; column++) {
                sum += weights[at++] * input[column];
            }
            hidden[row] = Math.max(0, sum);
        }
        let most = -Infinity;
        for (let row = 0, at = 0; row < shares.length; row++) {
            let sum = outBias[row];
            for (let column = 0; column < hidden.length; column++) {
                sum += out[at++] * hidden[column];
            }
            shares[row] = sum;
            most = Math.max(most, sum);
        }
        let total = 0;
        for (let row = 0; row < shares.length; row++) {
            total += shares[row] = Math.exp(shares[row] - most);
        }
        for (let row = 0; row < shares.length; row++) {
            shares[row] /= total;
        }
    }
}
