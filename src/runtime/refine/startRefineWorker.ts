/** The one place that starts the worker for refinement. */
import workerSource from "./worker/refineWorker.ts?text";

/**
 * Starts it from the text of its script: no bundler has to carry a file along, and none can move it.
 * Throws where the browser refuses a worker; a script that a policy refuses shows as an error event.
 */
export function StartRefineWorker(): Worker {
    const url = URL.createObjectURL(new Blob([workerSource], { type: "text/javascript" }));
    const worker = new Worker(url, { type: "module", name: "flexAvatarRefinement" });
    setTimeout(() => URL.revokeObjectURL(url), RevokeMs);
    return worker;
}

/** By then the script is loaded, or the worker counts as one that does not start. */
const RevokeMs = 30_000;
