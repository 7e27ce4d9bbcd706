/** Entry of the worker that refines, so that a page keeps its frames. startRefineWorker.ts starts it from its text. */
import { RefineColors } from "../refineColors.js";
import type { RefineAnswer, RefineRequest } from "./messages.js";

/** The part of a worker's global scope that is used; the page's library types do not know it. */
interface IWorkerScope {
    onmessage: ((event: MessageEvent<RefineRequest>) => void) | null;
    postMessage(answer: RefineAnswer, transfer?: Transferable[]): void;
}

const Scope = globalThis as unknown as IWorkerScope;
/** Progress is told at most so often. */
const ProgressMs = 100;

Scope.onmessage = ({ data }) => {
    try {
        let told = performance.now();
        const work = RefineColors(data);
        for (let step = work.next(); ; step = work.next()) {
            if (step.done) {
                const { detail, closeUp } = step.value;
                Scope.postMessage({ kind: "result", result: step.value }, [detail.buffer, ...(closeUp ? [closeUp.shades.buffer] : [])]);
                return;
            }
            if (performance.now() - told > ProgressMs) {
                told = performance.now();
                Scope.postMessage({ kind: "progress", fraction: step.value });
            }
        }
    } catch (error) {
        Scope.postMessage({ kind: "error", message: error instanceof Error ? error.message : String(error) });
    }
};
Scope.postMessage({ kind: "ready" });
