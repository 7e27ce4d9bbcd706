/**
 * Long work in small steps: generators that yield the share done, 0 to 1, so that whoever runs them may pause or stop.
 * A step may also be something to wait for, as a graphics card's answer is; then the work goes on when it is there.
 */

/** What a generator of this kind yields: the share done, or what it waits for. */
export type Step = number | Promise<unknown>;

/** Work in steps. */
export type Work<T> = Generator<Step, T>;

/** Runs a part of the work as the share `from` to `to` of the whole. */
export function* Within<T>(work: Work<T>, from: number, to: number): Work<T> {
    try {
        for (let step = work.next(); ;) {
            if (step.done) {
                return step.value;
            }
            if (typeof step.value === "number") {
                yield from + (to - from) * step.value;
                step = work.next();
            } else {
                let refused: { readonly reason: unknown } | undefined;
                try {
                    yield step.value;
                } catch (reason) {
                    refused = { reason };
                }
                step = refused ? work.throw(refused.reason) : work.next();
            }
        }
    } finally {
        work.return(undefined as T); // does nothing where it has ended
    }
}

/**
 * Runs all steps at once.
 * @throws Error if the work has to wait
 */
export function Finish<T>(work: Work<T>): T {
    for (let step = work.next(); ; step = work.next()) {
        if (step.done) {
            return step.value;
        }
        if (typeof step.value !== "number") {
            work.return(undefined as T);
            throw new Error("Work that waits cannot be finished at once.");
        }
    }
}

/**
 * Runs all steps and waits where the work waits. A promise that is refused is thrown into the work, which may clean up.
 * @param onStep told the share done. What it returns is awaited: to let others work, or to stop by throwing
 */
export async function FinishAsync<T>(
    work: Work<T>,
    onStep: (share: number) => Promise<void> | void = () => undefined,
): Promise<T> {
    try {
        for (let step = work.next(); ;) {
            if (step.done) {
                return step.value;
            }
            if (typeof step.value === "number") {
                const pause = onStep(step.value);
                if (pause) {
                    await pause;
                }
                step = work.next();
            } else {
                let refused: { readonly reason: unknown } | undefined;
                await step.value.catch((reason: unknown) => (refused = { reason }));
                step = refused ? work.throw(refused.reason) : work.next();
            }
        }
    } finally {
        work.return(undefined as T);
    }
}

/** Milliseconds of the page that a slice takes. */
const SliceMs = 12;

/**
 * Runs all steps in slices, between which the page lives. Waits where the work waits.
 * @param onStep told the share done. It may throw to stop
 */
export async function FinishInSlicesAsync<T>(
    work: Work<T>,
    onStep: (share: number) => void = () => undefined,
): Promise<T> {
    const pauseAsync = PausesOf();
    return await FinishAsync(work, (share) => {
        onStep(share);
        return pauseAsync();
    });
}

/** A function that waits for the next task of the page where the slice is over. */
export function PausesOf(): () => Promise<void> | undefined {
    let end = performance.now() + SliceMs;
    return () => {
        if (performance.now() < end) {
            return undefined;
        }
        return NextTaskAsync().then(() => {
            end = performance.now() + SliceMs;
        });
    };
}

/** Lets the page live. A message, as timers of a hidden page wait for a second. */
export function NextTaskAsync(): Promise<void> {
    const { port1, port2 } = new MessageChannel();
    return new Promise((resolve) => {
        port1.onmessage = () => {
            port1.close();
            resolve();
        };
        port2.postMessage(null);
    });
}
