/**
 * When a picture of a stream was taken. Its stamp is of a clock that nobody names, but differences are true: once the
 * page knows when one of them was taken, all are known.
 */

/** Pictures that are remembered until one of them is told. */
const Remembered = 8;

/** Of one stream. All times in milliseconds. */
export class PictureClock {
    /** [2·n] stamp and arrival of the last pictures. */
    private readonly _last = new Float64Array(2 * Remembered).fill(NaN);
    private _count = 0;
    /** Time minus stamp; −Infinity as long as nothing was told. */
    private _offset = -Infinity;
    /** Whether it is only the least that is possible. */
    private _isGuess = false;

    /**
     * Takes a picture.
     * @param stamp its own time
     * @param now when it arrived
     * @returns when it was taken; `now` where that is not known
     */
    public arrive(stamp: number, now: number): number {
        const at = 2 * (this._count++ % Remembered);
        this._last[at] = stamp;
        this._last[at + 1] = now;
        if (now - stamp < this._offset) {
            this._offset = now - stamp; // what was told is another picture's, as this one came sooner
            this._isGuess = true;
        }
        return this._offset > -Infinity ? stamp + this._offset : now;
    }

    /**
     * Takes the time at which one of the pictures was taken, whichever it is. None arrives before it is taken, which
     * excludes those before it; and those after it would have come later than need be. Pictures that come late or not
     * at all lead astray; so tell of several, while others come.
     */
    public learn(taken: number): void {
        for (let at = 0; at < this._last.length; at += 2) {
            const offset = taken - this._last[at];
            if ((offset > this._offset || this._isGuess) && this._isPossible(offset)) {
                this._offset = offset;
                this._isGuess = false;
            }
        }
    }

    private _isPossible(offset: number): boolean {
        for (let at = 0; at < this._last.length; at += 2) {
            if (this._last[at] + offset > this._last[at + 1]) {
                return false;
            }
        }
        return true;
    }
}
