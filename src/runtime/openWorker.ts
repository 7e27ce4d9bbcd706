/**
 * Workers of our own: they start from their text, as bundlers move files and a text has no address, or from a file
 * where a policy refuses that, and say a word as soon as their script runs.
 */

/** A worker that has not said a word by then does not start. */
const StartMs = 20_000;

/** What a worker is started from: the text of its script, or the address of it on the page's own origin. */
export type WorkerScript = { readonly text: string } | { readonly url: string };

/**
 * Starts a worker. A script that a policy refuses shows as an error event.
 * @param name for developer tools
 * @throws where the browser refuses a worker
 */
export function StartWorker(script: WorkerScript, name: string): Worker {
    const isText = "text" in script;
    const url = isText ? URL.createObjectURL(new Blob([script.text], { type: "text/javascript" })) : script.url;
    if (isText) {
        setTimeout(() => URL.revokeObjectURL(url), StartMs);
    }
    return new Worker(url, { type: "module", name });
}

/**
 * Starts a worker and waits until its script runs.
 * @throws Error that says why it does not; the worker is ended then
 */
export function OpenWorkerAsync(startWorker: () => Worker, signal?: AbortSignal): Promise<Worker> {
    return new Promise((resolve, reject) => {
        const worker = startWorker();
        const end = (settle: () => void): void => {
            clearTimeout(timer);
            signal?.removeEventListener("abort", abort);
            worker.onmessage = worker.onerror = null;
            settle();
        };
        const refuse = (reason: string): void =>
            end(() => {
                worker.terminate();
                reject(new Error(reason));
            });
        const abort = (): void => refuse("aborted");
        const timer = setTimeout(() => refuse("the worker does not start"), StartMs);
        signal?.addEventListener("abort", abort, { once: true });
        worker.onmessage = () => end(() => resolve(worker));
        worker.onerror = (event) => refuse(event.message || "the worker's script cannot be loaded");
    });
}
