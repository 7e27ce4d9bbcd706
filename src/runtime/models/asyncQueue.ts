/** Runs asynchronous jobs one after the other, in the order they came. A failed job does not stop the next. */
export class AsyncQueue {
    private _last: Promise<unknown> = Promise.resolve();

    /**
     * Waits for all earlier jobs, then runs this one.
     * @param job the work
     * @returns what the job returns, or its error
     */
    public run<T>(job: () => Promise<T>): Promise<T> {
        const result = this._last.then(job);
        this._last = result.then(
            () => undefined,
            () => undefined,
        );
        return result;
    }
}

/**
 * The queue of everything that enters ONNX Runtime on this page. Two parallel session creations fail inside ONNX
 * Runtime ("another WebGPU EP inference session is being created"), and its Asyncify build must not be entered twice.
 */
export const OnnxQueue = new AsyncQueue();
