/** Joins an AbortSignal to work that cannot itself be interrupted. */
import { FlexAvatarError } from "../../flame/error.js";

/**
 * Rejects as soon as `signal` aborts, otherwise settles as `work` does. The work itself goes on; its result is then
 * dropped.
 * @param work the promise to wait for
 * @param signal the caller's signal, or undefined
 * @param what the work, for the message, as in "loading the encoder"
 * @returns the result of `work`
 * @throws FlexAvatarError `aborted`
 */
export function OrAborted<T>(work: Promise<T>, signal: AbortSignal | undefined, what: string): Promise<T> {
    if (signal === undefined) {
        return work;
    }
    return new Promise<T>((resolve, reject) => {
        const abort = (): void =>
            reject(new FlexAvatarError("aborted", `Aborted while ${what}.`, { cause: signal.reason }));
        if (signal.aborted) {
            work.catch(() => undefined);
            abort();
            return;
        }
        signal.addEventListener("abort", abort, { once: true });
        work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
    });
}
