/** The one place that starts the worker for refinement. */

/** Throws where the browser refuses a worker; a script that does not load shows as an error event. */
export function StartRefineWorker(): Worker {
    // Written so that bundlers find the worker's script and carry it along.
    return new Worker(new URL("./worker/refineWorker.js", import.meta.url), { type: "module", name: "flexAvatarRefinement" });
}
