/** Entry of the worker that refines, so that a page keeps its frames. startRefineWorker.ts starts it from its text. */
import { RefineWhereFasterAsync } from "../refineWhereFaster.js";
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
    void AnswerAsync(data);
};
Scope.postMessage({ kind: "ready" });

async function AnswerAsync(input: RefineRequest): Promise<void> {
    try {
        let told = performance.now();
        const result = await RefineWhereFasterAsync(input, {
            onStep: (fraction) => {
                if (performance.now() - told > ProgressMs) {
                    told = performance.now();
                    Scope.postMessage({ kind: "progress", fraction });
                }
            },
            onProcessor: (reason) => Scope.postMessage({ kind: "processor", reason }),
            takesInput: true,
        });
        const { detail, closeUp } = result;
        Scope.postMessage({ kind: "result", result }, [detail.buffer, ...(closeUp ? [closeUp.shades.buffer] : [])]);
    } catch (error) {
        Scope.postMessage({ kind: "error", message: error instanceof Error ? error.message : String(error) });
    }
}
