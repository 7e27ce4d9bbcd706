/** Long work in small steps: generators that yield the share done, 0 to 1, so that whoever runs them may pause or stop. */

/** Runs a part of the work as the share `from` to `to` of the whole. */
export function* Within<T>(work: Generator<number, T>, from: number, to: number): Generator<number, T> {
    for (let step = work.next(); ; step = work.next()) {
        if (step.done) {
            return step.value;
        }
        yield from + (to - from) * step.value;
    }
}

/** Runs all steps at once. */
export function Finish<T>(work: Generator<number, T>): T {
    for (let step = work.next(); ; step = work.next()) {
        if (step.done) {
            return step.value;
        }
    }
}
