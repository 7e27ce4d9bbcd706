/**
 * Entry of the worker that refines, and fills hair and bust, so that a page keeps its frames. startWorker.ts starts it
 * from its text; its file keeps the name it had before it could fill, because pages name it.
 */
import { BuffersOf, WorkAsync } from "../jobs.js";
import type { JobAnswer, JobRequest } from "./messages.js";

/** The part of a worker's global scope that is used; the page's library types do not know it. */
interface IWorkerScope {
    onmessage: ((event: MessageEvent<JobRequest>) => void) | null;
    postMessage(answer: JobAnswer, transfer?: Transferable[]): void;
}

const Scope = globalThis as unknown as IWorkerScope;
/** Progress is told at most so often. */
const ProgressMs = 100;

Scope.onmessage = ({ data }) => {
    void AnswerAsync(data);
};
Scope.postMessage({ kind: "ready" });

async function AnswerAsync({ kind, input }: JobRequest): Promise<void> {
    try {
        let told = performance.now();
        const result = await WorkAsync(kind, input, {
            onStep: (fraction) => {
                if (performance.now() - told > ProgressMs) {
                    told = performance.now();
                    Scope.postMessage({ kind: "progress", fraction });
                }
            },
            onProcessor: (reason) => Scope.postMessage({ kind: "processor", reason }),
            takesInput: true,
        });
        Scope.postMessage({ kind: "result", result }, BuffersOf(kind, result));
    } catch (error) {
        Scope.postMessage({ kind: "error", message: error instanceof Error ? error.message : String(error) });
    }
}
