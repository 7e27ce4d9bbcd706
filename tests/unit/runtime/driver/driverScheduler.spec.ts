import { DriverScheduler, type IScheduledDriver } from "../../../../src/runtime/driver/driverScheduler";

/** A driver whose expression changes in every frame, unless told otherwise. */
class Driver implements IScheduledDriver {
    public wanted = true;
    public isRunning = false;
    public startedAt = -Infinity;
    public endedAt = -Infinity;
    public readonly starts: number[] = [];
    public constructor(
        public readonly runMs: number,
        public readonly frameMs = runMs,
        private readonly _async = false,
    ) {}
    public get wantsRun(): boolean {
        return this.wanted && !this.isRunning;
    }
    public startRun(): void {
        this.startedAt = Now;
        this.starts.push(Now);
        if (this._async) {
            this.isRunning = true;
        } else {
            Now += this.frameMs;
            this.endedAt = Now;
        }
    }
    public finish(): void {
        this.isRunning = false;
        this.endedAt = Now;
    }
}

let Now = 0;

/** Frames of 1/60 s. */
function Play(scheduler: DriverScheduler, drivers: Driver[], frames: number, each?: () => void): void {
    for (let frame = 0; frame < frames; frame++) {
        const next = Now + 1000 / 60;
        scheduler.update(drivers, Now);
        each?.();
        Now = Math.max(Now, next);
    }
}

describe("driver scheduler", () => {
    beforeEach(() => (Now = 1000));

    it("runs a fast driver in every frame, a slow one thirty times a second", () => {
        const fast = new Driver(0.5);
        Play(new DriverScheduler(), [fast], 60);
        expect(fast.starts.length).toBe(60);
        const slow = new Driver(10);
        Play(new DriverScheduler(), [slow], 60);
        expect(slow.starts.length).toBe(30);
    });

    it("runs nothing while no expression changes", () => {
        const driver = new Driver(0.5);
        driver.wanted = false;
        Play(new DriverScheduler(), [driver], 20);
        expect(driver.starts.length).toBe(0);
    });

    it("keeps to the budget and gives everyone a turn", () => {
        const drivers = Array.from({ length: 8 }, () => new Driver(1.5));
        const perFrame: number[] = [];
        let before = 0;
        Play(new DriverScheduler(), drivers, 40, () => {
            const all = drivers.reduce((sum, { starts }) => sum + starts.length, 0);
            perFrame.push(all - before);
            before = all;
        });
        expect(Math.max(...perFrame)).toBe(2); // 2 × 1.5 ms of 4 ms
        const counts = drivers.map(({ starts }) => starts.length);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    });

    it("starts one run however long it takes, and lets the page rest after it", () => {
        const driver = new Driver(60);
        Play(new DriverScheduler(), [driver], 40);
        const pauses = driver.starts.slice(1).map((start, i) => start - driver.starts[i]);
        expect(pauses.length).toBeGreaterThan(2);
        expect(Math.min(...pauses)).toBeGreaterThanOrEqual(120);
    });

    it("has one run in the worker at a time, round-robin, without a rest", () => {
        const drivers = Array.from({ length: 3 }, () => new Driver(50, 0, true));
        let running = 0;
        let age = 0;
        Play(new DriverScheduler(), drivers, 60, () => {
            running = Math.max(running, drivers.filter(({ isRunning }) => isRunning).length);
            const current = drivers.find(({ isRunning }) => isRunning);
            if (current && ++age === 3) {
                age = 0;
                current.finish();
            }
        });
        expect(running).toBe(1);
        const counts = drivers.map(({ starts }) => starts.length);
        expect(Math.min(...counts)).toBeGreaterThanOrEqual(6); // one in three frames or so, three avatars
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    });

    it("serves avatars that stay when others go", () => {
        const drivers = Array.from({ length: 4 }, () => new Driver(3));
        const scheduler = new DriverScheduler();
        Play(scheduler, drivers, 3);
        const left = drivers.slice(0, 1);
        const before = left[0].starts.length;
        Play(scheduler, left, 3);
        expect(left[0].starts.length).toBe(before + 3);
        expect(scheduler.update([null], Now)).toBe(0);
    });
});
