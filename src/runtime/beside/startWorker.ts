/** The one place that starts the worker for long work. */
import { StartWorker } from "../openWorker.js";
import workerSource from "./worker/refineWorker.ts?text";

/**
 * Starts it.
 * @param fileUrl address of the script on the page's own origin. Default: none, it starts from its text
 * @throws where the browser refuses a worker
 */
export function StartBesideWorker(fileUrl?: string): Worker {
    return StartWorker(fileUrl === undefined ? { text: workerSource } : { url: fileUrl }, "flexAvatarBeside");
}
