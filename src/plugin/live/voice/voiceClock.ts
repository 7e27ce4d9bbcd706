/**
 * Which second of an audio context is heard now. `currentTime` moves in steps and runs ahead of the loudspeaker; the
 * page's clock fills the steps, and what the output takes is taken off.
 */

/** Further off than this, the clocks start anew: the context was suspended, or the page slept. */
const JumpS = 0.1;
/** Share of the difference that is taken over at each look. */
const Follow = 0.1;

/** What the clock needs of a context. */
export type AudioTime = Pick<BaseAudioContext, "currentTime" | "state"> &
    Partial<Pick<AudioContext, "baseLatency" | "outputLatency">>;

/** Looked at once a frame. Allocates nothing. */
export class VoiceClock {
    private readonly _context: AudioTime;
    private _timeS = NaN;
    private _pageMs = 0;

    /** @param context whose time is told */
    public constructor(context: AudioTime) {
        this._context = context;
    }

    /** Seconds that sound takes from the context to the ear, as far as the browser knows. */
    public get outputS(): number {
        const { baseLatency = 0, outputLatency = 0 } = this._context;
        return (Number.isFinite(baseLatency) ? baseLatency : 0) + (Number.isFinite(outputLatency) ? outputLatency : 0);
    }

    /**
     * @param pageMs `performance.now()`
     * @returns second of the context that is being computed now, without steps
     */
    public timeS(pageMs: number): number {
        const { currentTime, state } = this._context;
        const guess = this._timeS + (state === "running" ? (pageMs - this._pageMs) / 1000 : 0);
        this._pageMs = pageMs;
        const off = currentTime - guess;
        this._timeS = Math.abs(off) < JumpS ? guess + Follow * off : currentTime;
        return this._timeS;
    }
}
