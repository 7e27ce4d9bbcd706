/**
 * Runs networks on the processor in a worker, so that a page keeps its frames. The page starts it from the text of this
 * file, compiled: nothing but types may be imported here. ONNX Runtime comes from an address.
 */
import type * as Ort from "onnxruntime-web";
import type { IWorkerAnswer, WorkerRequest } from "./messages.js";

/** The part of a worker's global scope that is used; the page's library types do not know it. */
interface IWorkerScope {
    onmessage: ((event: MessageEvent<{ id: number; request: WorkerRequest }>) => void) | null;
    postMessage(answer: IWorkerAnswer, transfer?: Transferable[]): void;
}

const Scope = globalThis as unknown as IWorkerScope;
const Sessions = new Map<number, Ort.InferenceSession>();
let Runtime: typeof Ort;
let Created = 0;
/** Requests are served one after the other, in the order they came. */
let Last: Promise<void> = Promise.resolve();

Scope.onmessage = ({ data: { id, request } }) => {
    Last = Last.then(async () => {
        try {
            const result = await ServeAsync(request);
            const transfer =
                typeof result === "object" ? Object.values(result).map(({ data }) => data.buffer as ArrayBuffer) : [];
            Scope.postMessage({ id, result }, transfer);
        } catch (error) {
            Scope.postMessage({ id, error: error instanceof Error ? error.message : String(error) });
        }
    });
};

async function ServeAsync(request: WorkerRequest): Promise<IWorkerAnswer["result"]> {
    switch (request.kind) {
        case "hello":
            return undefined;
        case "start": {
            Runtime = (await import(request.script)) as typeof Ort;
            const { env } = Runtime;
            env.wasm.wasmPaths = request.wasmPaths;
            env.wasm.wasmBinary = request.wasmBinary;
            env.wasm.numThreads = request.threads;
            env.logLevel = "error";
            return undefined;
        }
        case "create": {
            const session = await Runtime.InferenceSession.create(request.graph, {
                executionProviders: ["wasm"],
                externalData: [...request.data],
                graphOptimizationLevel: "all",
                logSeverityLevel: 3,
            });
            Runtime.env.wasm.wasmBinary = undefined; // compiled by now
            Sessions.set(++Created, session);
            return Created;
        }
        case "run": {
            const feeds = Object.entries(request.inputs).map(([name, { data, dims }]) => [
                name,
                new Runtime.Tensor("float32", data as Float32Array, dims),
            ]);
            const results = await Sessions.get(request.session)!.run(
                Object.fromEntries(feeds) as Record<string, Ort.Tensor>,
            );
            return Object.fromEntries(
                Object.entries(results).map(([name, tensor]) => [
                    name,
                    { data: (tensor.data as Float32Array).slice() },
                ]),
            );
        }
        case "release":
            await Sessions.get(request.session)?.release();
            Sessions.delete(request.session);
            return undefined;
    }
}
