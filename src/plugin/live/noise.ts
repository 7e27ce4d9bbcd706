/** Chance that repeats: numbers and smooth noise by a seed. */

/** A number of 0 to 1 for each whole one, and for each channel another. */
export function Hash(seed: number, channel: number, at: number): number {
    let h = (seed ^ Math.imul(channel + 1, 0x9e3779b1) ^ Math.imul(at + 0x7f4a7c15, 0x85ebca6b)) >>> 0;
    h = Math.imul(h ^ (h >>> 16), 0x21f0aaad);
    h = Math.imul(h ^ (h >>> 15), 0x735a2d97);
    return ((h ^ (h >>> 15)) >>> 0) / 4294967296;
}

/** Several curves of smooth noise, −1 to 1. They are values of the time alone. */
export class SmoothNoise {
    /** The curves' values at the time of the last {@link read}. */
    public readonly values: Float64Array;

    /**
     * @param _seed whole number
     * @param _rates how often a second each curve goes to another value
     */
    public constructor(
        private readonly _seed: number,
        private readonly _rates: readonly number[],
    ) {
        this.values = new Float64Array(_rates.length);
    }

    /** Goes to a time, in seconds. Allocates nothing. */
    public read(timeS: number): void {
        for (let channel = 0; channel < this._rates.length; channel++) {
            const place = timeS * this._rates[channel];
            const whole = Math.floor(place);
            const part = place - whole;
            const share = part * part * part * (part * (6 * part - 15) + 10);
            const from = Hash(this._seed, channel, whole);
            this.values[channel] = 2 * (from + share * (Hash(this._seed, channel, whole + 1) - from)) - 1;
        }
    }
}

/** 0 below 0, 1 above 1, smooth between. */
export function SmoothStep(value: number): number {
    const x = Math.min(1, Math.max(0, value));
    return x * x * (3 - 2 * x);
}
