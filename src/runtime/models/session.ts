/** A network that can run, wherever that is: on the page, in a worker, or on the GPU. */

/** A tensor of float32, in memory or on the device. */
export interface INetworkInput {
    data: Float32Array | GPUBuffer;
    dims: readonly number[];
}

/** A result. */
export interface INetworkOutput {
    /** A GPUBuffer where the session keeps its outputs on the device. */
    readonly data: Float32Array | GPUBuffer;
    /** Gives a GPUBuffer back. An array may have none. */
    dispose?(): void;
}

/** Where networks run: on the scene's own GPUDevice, or on the processor. */
export type BackendName = "webgpu" | "wasm";

/** One loaded network. */
export interface INetworkSession {
    /**
     * @param inputs by name; borrowed until the promise settles
     * @returns the outputs by name
     */
    run(inputs: Readonly<Record<string, INetworkInput>>): Promise<Record<string, INetworkOutput>>;
    /** Frees it. Runs must have ended. */
    release(): Promise<void>;
}

/** ONNX Runtime, ready to load networks. */
export interface IOnnxBackend {
    readonly name: BackendName;
    /** The device, on WebGPU. */
    readonly device: GPUDevice | undefined;
    /** Whether runs leave the page's own thread free. */
    readonly inWorker: boolean;
    /**
     * @param graph the bytes of the .onnx file, copied
     * @param data external data by the name that the graph uses for it, copied
     * @param outputOnGpu keep outputs in GPU buffers (WebGPU only)
     * @param onProcessor run this network on the processor, whatever the backend. Default false
     */
    createSessionAsync(
        graph: Uint8Array,
        data: readonly IExternalData[],
        outputOnGpu: boolean,
        onProcessor?: boolean,
    ): Promise<INetworkSession>;
}

/** A file of weights. */
export interface IExternalData {
    path: string;
    data: Uint8Array;
}
