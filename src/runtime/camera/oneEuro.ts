/**
 * The One-Euro filter (Casiez, Roussel and Vogel, CHI 2012): a low pass whose cutoff rises with speed. What rests is
 * quiet, what moves fast is not late. Many numbers in one filter, and turns as quaternions. Allocates only when made.
 */

/** How a filter weighs quiet against lag. */
export interface IOneEuroSettings {
    /** Cutoff at rest, in hertz. Lower is quieter. */
    minCutoff: number;
    /** Hertz of cutoff per unit of speed. Higher is less late. */
    beta: number;
    /** Cutoff of the speed itself, in hertz. The paper's 1 by default. */
    speedCutoff?: number;
}

/** Share of the new value in an exponential low pass with this cutoff. */
function ShareOf(cutoff: number, deltaS: number): number {
    const r = 2 * Math.PI * cutoff * deltaS;
    return r / (r + 1);
}

/** Filters some numbers, each by its own speed. */
export class OneEuroFilter {
    /** The filtered numbers. */
    public readonly values: Float64Array;
    private readonly _raw: Float64Array;
    private readonly _speed: Float64Array;
    private _started = false;

    /** @param count how many numbers */
    public constructor(
        count: number,
        private readonly _settings: IOneEuroSettings,
    ) {
        this.values = new Float64Array(count);
        this._raw = new Float64Array(count);
        this._speed = new Float64Array(count);
    }

    /**
     * Takes the next sample.
     * @param raw as many numbers as the filter has
     * @param deltaS seconds since the last sample
     */
    public update(raw: ArrayLike<number>, deltaS: number): void {
        const { minCutoff, beta, speedCutoff = 1 } = this._settings;
        const steps = this._started && deltaS > 0;
        const speedShare = ShareOf(speedCutoff, deltaS);
        for (let i = 0; i < this.values.length; i++) {
            if (steps) {
                this._speed[i] += speedShare * ((raw[i] - this._raw[i]) / deltaS - this._speed[i]);
                const share = ShareOf(minCutoff + beta * Math.abs(this._speed[i]), deltaS);
                this.values[i] += share * (raw[i] - this.values[i]);
            } else if (!this._started) {
                this.values[i] = raw[i];
            }
            this._raw[i] = raw[i];
        }
        this._started = true;
    }

    /** Forgets what came: the next sample is taken as it is. */
    public reset(): void {
        this._started = false;
        this._speed.fill(0);
    }
}

/** Filters a turn. Its speed is the angle between samples, in radians per second. */
export class OneEuroTurn {
    /** The filtered unit quaternion x, y, z, w. */
    public readonly value = Float64Array.of(0, 0, 0, 1);
    private readonly _raw = Float64Array.of(0, 0, 0, 1);
    private _speed = 0;
    private _started = false;

    public constructor(private readonly _settings: IOneEuroSettings) {}

    /**
     * Takes the next sample.
     * @param raw unit quaternion of either sign
     * @param deltaS seconds since the last sample
     */
    public update(raw: ArrayLike<number>, deltaS: number): void {
        const { minCutoff, beta, speedCutoff = 1 } = this._settings;
        if (!this._started) {
            Copy(raw, this.value);
        } else if (deltaS > 0) {
            const speed = AngleBetween(raw, this._raw) / deltaS;
            this._speed += ShareOf(speedCutoff, deltaS) * (speed - this._speed);
            Towards(this.value, raw, ShareOf(minCutoff + beta * this._speed, deltaS));
        }
        Copy(raw, this._raw);
        this._started = true;
    }

    /** Forgets what came: the next sample is taken as it is. */
    public reset(): void {
        this._started = false;
        this._speed = 0;
    }
}

function Copy(from: ArrayLike<number>, into: Float64Array): void {
    for (let i = 0; i < 4; i++) {
        into[i] = from[i];
    }
}

function Dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3];
}

/** Radians between two turns. */
function AngleBetween(a: ArrayLike<number>, b: ArrayLike<number>): number {
    return 2 * Math.acos(Math.min(1, Math.abs(Dot(a, b))));
}

/** Moves a turn a share of the way to another: normalised linear interpolation, the shorter way around. */
function Towards(turn: Float64Array, to: ArrayLike<number>, share: number): void {
    const sign = Dot(turn, to) < 0 ? -1 : 1;
    let squared = 0;
    for (let i = 0; i < 4; i++) {
        turn[i] += share * (sign * to[i] - turn[i]);
        squared += turn[i] * turn[i];
    }
    const scale = 1 / Math.sqrt(squared);
    for (let i = 0; i < 4; i++) {
        turn[i] *= scale;
    }
}
