/** Hears visemes in a stream of samples: frames, level, network. Runs in an audio worklet and on the page alike. */
import { LiveAhead } from "./voiceAhead.js";
import { MelBands, MelFrames } from "./melFrames.js";
import { VoiceVisemes } from "./visemeFrames.js";
import { type IVisemeWeights, VisemeNetwork } from "./visemeNetwork.js";
import { VoiceLevel } from "./voiceLevel.js";

/** Normalised bands: twin in training/voice/features.py. */
const MiddleDb = 25;
const SpreadDb = 20;
const Clip = 2;

const RingFrames = 32;

/** Takes samples, gives visemes. Nothing is allocated after construction. */
export class VoiceAnalyser {
    /** [15] shares of the frame judged last. */
    public readonly shares = new Float32Array(VoiceVisemes.length);
    /** Loudness of the frame judged last, 0..1 of what the speaker has. */
    public loudness = 0;
    /** Loudest power of the last frame taken, dB of full scale: for whoever wants to know whether anything comes. */
    public db = -Infinity;
    private readonly _ahead: number;
    private readonly _mel: MelFrames;
    private readonly _level: VoiceLevel;
    private readonly _network: VisemeNetwork;
    private readonly _ring = new Float32Array(RingFrames * MelBands);
    private readonly _loudness = new Float32Array(RingFrames);
    /** Last frame at which the gate was open. */
    private _openUntil = -1;
    private _judged = 0;

    /**
     * @param rate samples per second
     * @param weights of the network
     * @param ahead frames to wait for, 0 to `BufferedAhead`
     * @param levelDb the speaker's level where it is known
     * @param floorDb the room's, likewise
     */
    public constructor(rate: number, weights: IVisemeWeights, ahead = LiveAhead, levelDb?: number, floorDb?: number) {
        this._ahead = ahead;
        this._mel = new MelFrames(rate);
        this._level = new VoiceLevel(levelDb, floorDb);
        this._network = new VisemeNetwork(weights);
    }

    /** Frames judged so far. */
    public get judged(): number {
        return this._judged;
    }

    /**
     * Takes one sample.
     * @returns whether one more frame is judged, which is in {@link shares} and {@link loudness} now
     */
    public push(sample: number): boolean {
        if (!this._mel.push(Number.isFinite(sample) ? sample : 0)) {
            return false;
        }
        const frame = this._mel.count - 1;
        const { bands } = this._mel;
        let power = 0;
        for (let band = 0; band < MelBands; band++) {
            power += 10 ** bands[band];
        }
        this.db = 10 * Math.log10(power);
        this._level.push(this.db);
        const slot = frame % RingFrames;
        const shift = MiddleDb - this._level.levelDb;
        for (let band = 0; band < MelBands; band++) {
            const value = (10 * bands[band] + shift) / SpreadDb;
            this._ring[slot * MelBands + band] = Math.min(Clip, Math.max(-Clip, value));
        }
        this._loudness[slot] = this._level.loudness;
        if (this._level.open) {
            this._openUntil = frame;
        }
        return frame >= this._ahead && this._judge(frame);
    }

    /**
     * Judges one of the frames that still wait, where the sound has ended.
     * @returns false if there are none
     */
    public flush(): boolean {
        return this._judged < this._mel.count && this._judge(this._mel.count - 1);
    }

    private _judge(last: number): boolean {
        const frame = this._judged++;
        const { shares } = this;
        this.loudness = this._loudness[frame % RingFrames];
        if (this._openUntil < frame) {
            shares.fill(0);
            shares[0] = 1;
        } else {
            this._network.judge(this._ring, frame, Math.max(0, last - RingFrames + 1), last);
            shares.set(this._network.shares);
        }
        return true;
    }
}
