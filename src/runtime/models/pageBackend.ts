/**
 * ONNX Runtime on the page's own thread: for WebGPU, whose device cannot leave the page, and where a worker does not
 * start.
 */
import type * as Ort from "onnxruntime-web";
import { OnnxQueue } from "./asyncQueue.js";
import type {
    BackendName,
    IExternalData,
    INetworkInput,
    INetworkOutput,
    INetworkSession,
    IOnnxBackend,
} from "./session.js";

/** A loaded build of ONNX Runtime as a backend. */
export class PageBackend implements IOnnxBackend {
    public readonly inWorker = false;

    /**
     * @param device on "webgpu" only, borrowed
     */
    public constructor(
        public readonly name: BackendName,
        private readonly _ort: typeof Ort,
        public readonly device: GPUDevice | undefined,
    ) {}

    public async createSessionAsync(
        graph: Uint8Array,
        data: readonly IExternalData[],
        outputOnGpu: boolean,
        onProcessor = false,
    ): Promise<INetworkSession> {
        const provider: Ort.InferenceSession.ExecutionProviderConfig =
            this.name === "webgpu" && !onProcessor
                ? { name: "webgpu", device: this.device } // the session option counts; `ort.env.webgpu.device` is ignored by this build
                : { name: "wasm" };
        const session = await OnnxQueue.run(() =>
            this._ort.InferenceSession.create(graph, {
                executionProviders: [provider],
                externalData: data.map((file) => ({ ...file })),
                preferredOutputLocation: outputOnGpu && provider.name === "webgpu" ? "gpu-buffer" : "cpu",
                graphOptimizationLevel: "all",
                logSeverityLevel: 3,
            }),
        );
        return new PageSession(this._ort, session);
    }
}

class PageSession implements INetworkSession {
    public constructor(
        private readonly _ort: typeof Ort,
        private readonly _session: Ort.InferenceSession,
    ) {}

    public async run(inputs: Readonly<Record<string, INetworkInput>>): Promise<Record<string, INetworkOutput>> {
        const feeds = Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, this._tensor(input)]));
        const results = await this._session.run(feeds);
        return Object.fromEntries(
            Object.entries(results).map(([name, tensor]): [string, INetworkOutput] => [
                name,
                {
                    data:
                        tensor.location === "gpu-buffer"
                            ? (tensor.gpuBuffer as unknown as GPUBuffer)
                            : (tensor.data as Float32Array),
                    dispose: () => tensor.dispose(),
                },
            ]),
        );
    }

    public async release(): Promise<void> {
        await this._session.release();
    }

    private _tensor({ data, dims }: INetworkInput): Ort.Tensor {
        if (data instanceof Float32Array) {
            return new this._ort.Tensor("float32", data, dims);
        }
        type Source = Parameters<typeof Ort.Tensor.fromGpuBuffer>[0];
        return this._ort.Tensor.fromGpuBuffer(data as unknown as Source, { dataType: "float32", dims: [...dims] });
    }
}
