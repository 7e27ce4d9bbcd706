/** The one place that starts the worker for long work. */
import workerSource from "./worker/refineWorker.ts?text";

/** By then the script is loaded, or the worker counts as one that does not start. */
const RevokeMs = 30_000;

/**
 * Starts it. A script that a policy refuses shows as an error event.
 * @param fileUrl address of the script on the page's own origin. Default: none, it starts from its text, so that no
 * bundler has to carry a file along and none can move it
 * @throws where the browser refuses a worker
 */
export function StartBesideWorker(fileUrl?: string): Worker {
    const url = fileUrl ?? URL.createObjectURL(new Blob([workerSource], { type: "text/javascript" }));
    if (fileUrl === undefined) {
        setTimeout(() => URL.revokeObjectURL(url), RevokeMs);
    }
    return new Worker(url, { type: "module", name: "flexAvatarBeside" });
}
