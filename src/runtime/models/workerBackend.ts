/**
 * ONNX Runtime on the processor in a worker of its own, one for the page: runs of a second leave the page its frames.
 */
import type { IExternalData, INetworkInput, INetworkOutput, INetworkSession, IOnnxBackend } from "./session.js";
import type { IWorkerAnswer, WorkerRequest } from "./worker/messages.js";
import workerSource from "./worker/onnxWorker.ts?text";

/** Where the worker finds ONNX Runtime. */
export type WorkerStart = Omit<Extract<WorkerRequest, { kind: "start" }>, "kind">;

interface IWaiting {
    resolve: (result: IWorkerAnswer["result"]) => void;
    reject: (error: Error) => void;
}

/** Talks to the worker. Requests sent before it has loaded wait there. */
export class WorkerBackend implements IOnnxBackend {
    public readonly name = "wasm";
    public readonly device = undefined;
    public readonly inWorker = true;
    private readonly _waiting = new Map<number, IWaiting>();
    private _sent = 0;
    private _failure: Error | null = null;

    /** @param _worker owned */
    public constructor(private readonly _worker: Worker) {
        _worker.onmessage = ({ data: { id, result, error } }: MessageEvent<IWorkerAnswer>) => {
            const waiting = this._waiting.get(id);
            this._waiting.delete(id);
            if (error === undefined) {
                waiting?.resolve(result);
            } else {
                waiting?.reject(new Error(error));
            }
        };
        _worker.onerror = (event) => this._fail(event.message || "its script cannot be loaded");
        _worker.onmessageerror = () => this._fail("a message to it cannot be read");
    }

    /**
     * Starts the worker, from the text of its script: no bundler has to carry a file along, and none can move it.
     * A policy without `worker-src blob:` refuses that; then the file is taken.
     * @param fileUrl address of the same script on the page's own origin, if there is one
     * @throws Error where neither way is open
     */
    public static async StartAsync(fileUrl: string | undefined): Promise<WorkerBackend> {
        const blobUrl = URL.createObjectURL(new Blob([workerSource], { type: "text/javascript" }));
        try {
            return await StartAsync(blobUrl);
        } catch (error) {
            if (fileUrl === undefined) {
                throw error;
            }
            return await StartAsync(fileUrl);
        } finally {
            URL.revokeObjectURL(blobUrl);
        }
    }

    /** Resolves when the script runs. */
    public async helloAsync(): Promise<void> {
        await this._ask({ kind: "hello" });
    }

    /** Tells where ONNX Runtime is, before the first session. */
    public async startAsync(start: WorkerStart): Promise<void> {
        await this._ask({ kind: "start", ...start }, [start.wasmBinary as ArrayBuffer]);
    }

    public async createSessionAsync(graph: Uint8Array, data: readonly IExternalData[]): Promise<INetworkSession> {
        const session = (await this._ask({ kind: "create", graph, data })) as number;
        return {
            run: (inputs) => {
                CheckArrays(inputs);
                return this._ask({ kind: "run", session, inputs }) as Promise<Record<string, INetworkOutput>>;
            },
            release: async () => void (await this._ask({ kind: "release", session })),
        };
    }

    /** Ends the worker; what waits for it fails. */
    public terminate(): void {
        this._worker.terminate();
        this._fail("it was ended");
    }

    private _ask(request: WorkerRequest, transfer: Transferable[] = []): Promise<IWorkerAnswer["result"]> {
        return new Promise((resolve, reject) => {
            if (this._failure) {
                reject(this._failure);
                return;
            }
            const id = ++this._sent;
            this._waiting.set(id, { resolve, reject });
            this._worker.postMessage({ id, request }, transfer);
        });
    }

    private _fail(reason: string): void {
        this._failure = new Error(`The worker for networks failed: ${reason}.`);
        for (const { reject } of this._waiting.values()) {
            reject(this._failure);
        }
        this._waiting.clear();
    }
}

async function StartAsync(url: string): Promise<WorkerBackend> {
    const backend = new WorkerBackend(new Worker(url, { type: "module", name: "flexAvatarNetworks" }));
    try {
        await backend.helloAsync();
        return backend;
    } catch (error) {
        backend.terminate();
        throw error;
    }
}

/** @throws Error if one of them is on the device */
function CheckArrays(inputs: Readonly<Record<string, INetworkInput>>): void {
    for (const name in inputs) {
        if (!(inputs[name].data instanceof Float32Array)) {
            throw new Error(`${name} is a GPUBuffer, and the worker runs on the processor`);
        }
    }
}
