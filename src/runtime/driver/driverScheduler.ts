/**
 * Decides in each frame whose driver network runs: round-robin, under a time budget, at a cadence that the device can
 * keep.
 */

/** A driver as the scheduler sees it. */
export interface IScheduledDriver {
    /** Whether an expression waits for a run and none is in flight. An unchanged expression wants none. */
    readonly wantsRun: boolean;
    /** Whether a run is in flight. */
    readonly isRunning: boolean;
    /** Milliseconds that a run takes from the frame; 0 where it runs in a worker. */
    readonly frameMs: number;
    /** Milliseconds from start to result. */
    readonly runMs: number;
    /** When the last run started and when it ended, as `performance.now()`; −Infinity before the first. */
    readonly startedAt: number;
    readonly endedAt: number;
    /** Starts a run. */
    startRun(): void;
}

/** How often drivers run. */
export interface IDriverSchedule {
    /** Milliseconds per frame that drivers may take. One run is started however long it takes. */
    budgetMs: number;
    /** Runs per second and avatar where a run takes longer than `fastMs`. */
    slowHz: number;
    /** A run that is no longer than this may come in every frame. */
    fastMs: number;
}

/** Half of a frame at 120 Hz; 30 Hz where that is too much. */
export const DefaultDriverSchedule: Readonly<IDriverSchedule> = Object.freeze({ budgetMs: 4, slowHz: 30, fastMs: 4 });

/** A run that holds up the page is followed by as long a rest, so that the page can live. */
const RestPerRun = 1;
/** Frames do not come at exact times: a run is due this much early. */
const SlackMs = 4;

/** One per component. */
export class DriverScheduler {
    private _next = 0;

    /** @param _schedule read in each frame */
    public constructor(private readonly _schedule: Readonly<IDriverSchedule> = DefaultDriverSchedule) {}

    /**
     * Starts the runs of this frame. Allocates nothing.
     * @param drivers in any order that stays; null for an avatar that has none now
     * @param now milliseconds, as `performance.now()`
     * @returns runs started
     */
    public update(drivers: readonly (IScheduledDriver | null)[], now: number): number {
        const count = drivers.length;
        const first = this._next < count ? this._next : 0;
        let spentMs = 0;
        let started = 0;
        // ONNX Runtime runs one network at a time: a second run would only wait, with an older expression
        let queued = false;
        for (let i = 0; i < count; i++) {
            queued ||= drivers[i]?.isRunning ?? false;
        }
        for (let i = 0; i < count; i++) {
            const index = (first + i) % count;
            const driver = drivers[index];
            if (!driver?.wantsRun || !this._isDue(driver, now)) {
                continue;
            }
            if (queued || (started > 0 && spentMs + driver.frameMs > this._schedule.budgetMs)) {
                if (started === 0) {
                    this._next = index; // it was its turn
                }
                break;
            }
            driver.startRun();
            started++;
            spentMs += driver.frameMs;
            queued = driver.isRunning;
            this._next = (index + 1) % count;
        }
        return started;
    }

    private _isDue({ frameMs, runMs, startedAt, endedAt }: IScheduledDriver, now: number): boolean {
        const { slowHz, fastMs } = this._schedule;
        if (runMs <= fastMs) {
            return true;
        }
        const rested = now >= endedAt + RestPerRun * frameMs;
        return rested && now >= startedAt + 1000 / slowHz - SlackMs;
    }
}
