/**
 * The driver at run time, in ONNX Runtime: at most one run of an avatar in flight, and the newest input wins. In
 * shaders: frameDriver.ts.
 */
import { FlexAvatarError } from "../../flame/error.js";
import { OnnxQueue } from "./asyncQueue.js";
import type { BackendName, INetworkOutput, INetworkSession, IOnnxBackend } from "./session.js";

/** From a position map to a delta map, for one person. */
export interface IDriver {
    /** Where it runs. On "webgpu" results are GPUBuffers, on "wasm" they are arrays. */
    readonly backend: BackendName;
    /** Whether a run takes its time from the page's frames: false in a worker. */
    readonly holdsFrame: boolean;
    /**
     * Evaluates the driver. While a run is in flight further calls replace each other: when it ends, the newest input
     * is run, and all callers that waited get that result. The input is borrowed until the promise settles.
     * @param positionMap `[3,P,P]`, normalised (docs/conventions.md, "Maps"); a GPUBuffer only on "webgpu"
     * @returns delta map `[14,H,W]`; on "webgpu" the driver's own buffer, valid until the next call's promise settles
     * @throws FlexAvatarError `disposed`, `invalid-argument`
     */
    run(positionMap: Float32Array | GPUBuffer): Promise<Float32Array | GPUBuffer>;
    /** Frees its buffers when no run is in flight. May be called twice. */
    dispose(): void;
}

/** What the driver tells its maker. */
export interface IDriverEvents {
    onDispose: () => void;
    onRun: (milliseconds: number) => void;
}

interface INext {
    input: Float32Array | GPUBuffer;
    promise: Promise<Float32Array | GPUBuffer>;
    resolve: (value: Float32Array | GPUBuffer | PromiseLike<Float32Array | GPUBuffer>) => void;
}

/**
 * The driver as an ONNX session. The session is borrowed from the runtime; identity features and outputs are its own.
 */
export class OnnxDriver implements IDriver {
    public readonly backend: BackendName;
    public readonly holdsFrame: boolean;
    private readonly _onnx: IOnnxBackend;
    private readonly _session: INetworkSession;
    private readonly _shapes: { identity: readonly number[]; position: readonly number[] };
    private readonly _events: IDriverEvents;
    private readonly _identity: Float32Array | GPUBuffer;
    private _output: INetworkOutput | undefined;
    private _inFlight = false;
    private _next: INext | undefined;
    private _disposed = false;

    /**
     * @param onnx where the session runs
     * @param session the driver session, borrowed
     * @param identityFeatures `[C,h,w]`, copied
     * @param shapes `[1,C,h,w]` and `[1,3,P,P]`
     * @param events `onDispose` is called once, at the first dispose; `onRun` after each run, with its milliseconds
     */
    public constructor(
        onnx: IOnnxBackend,
        session: INetworkSession,
        identityFeatures: Float32Array,
        shapes: { identity: readonly number[]; position: readonly number[] },
        events: IDriverEvents,
    ) {
        this.backend = onnx.name;
        this.holdsFrame = !onnx.inWorker;
        this._onnx = onnx;
        this._session = session;
        this._shapes = shapes;
        this._events = events;
        this._identity = Float32Array.from(identityFeatures);
        if (onnx.device) {
            const buffer = onnx.device.createBuffer({
                label: "driver identity features",
                size: identityFeatures.byteLength,
                usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC,
            });
            onnx.device.queue.writeBuffer(buffer, 0, this._identity as Float32Array<ArrayBuffer>);
            this._identity = buffer;
        }
    }

    public run(positionMap: Float32Array | GPUBuffer): Promise<Float32Array | GPUBuffer> {
        const error = this._check(positionMap);
        if (error) {
            return Promise.reject(error);
        }
        if (!this._inFlight) {
            return this._startAsync(positionMap);
        }
        if (this._next) {
            this._next.input = positionMap;
        } else {
            const { promise, resolve } = WithResolvers<Float32Array | GPUBuffer>();
            this._next = { input: positionMap, promise, resolve };
        }
        return this._next.promise;
    }

    public dispose(): void {
        if (this._disposed) {
            return;
        }
        this._disposed = true;
        this._events.onDispose();
        if (!this._inFlight) {
            this._free();
        }
    }

    private async _startAsync(positionMap: Float32Array | GPUBuffer): Promise<Float32Array | GPUBuffer> {
        this._inFlight = true;
        try {
            const output = await OnnxQueue.run(async () => {
                this._throwIfDisposed();
                const start = performance.now();
                const { delta_map: delta } = await this._session.run({
                    identity_features: { data: this._identity, dims: this._shapes.identity },
                    position_map: { data: positionMap, dims: this._shapes.position },
                });
                this._events.onRun(performance.now() - start);
                return delta;
            });
            this._output?.dispose();
            this._output = output;
            this._throwIfDisposed();
            return output.data;
        } finally {
            this._inFlight = false;
            const next = this._next;
            this._next = undefined;
            if (this._disposed) {
                this._free();
            }
            if (next) {
                next.resolve(this._disposed ? Promise.reject(this._disposedError()) : this._startAsync(next.input));
            }
        }
    }

    private _check(positionMap: Float32Array | GPUBuffer): FlexAvatarError | undefined {
        if (this._disposed) {
            return this._disposedError();
        }
        const count = this._shapes.position.reduce((product, size) => product * size, 1);
        if (positionMap instanceof Float32Array) {
            return positionMap.length === count
                ? undefined
                : new FlexAvatarError(
                      "invalid-argument",
                      `The driver got a position map of ${positionMap.length} values and needs ${count}.`,
                  );
        }
        if (!this._onnx.device) {
            return new FlexAvatarError(
                "invalid-argument",
                "The driver runs on the processor and got a GPUBuffer; pass a Float32Array.",
            );
        }
        return positionMap.size >= count * 4
            ? undefined
            : new FlexAvatarError(
                  "invalid-argument",
                  `The driver got a position buffer of ${positionMap.size} bytes and needs ${count * 4}.`,
              );
    }

    private _free(): void {
        this._output?.dispose();
        this._output = undefined;
        if (!(this._identity instanceof Float32Array)) {
            this._identity.destroy();
        }
    }

    private _throwIfDisposed(): void {
        if (this._disposed) {
            throw this._disposedError();
        }
    }

    private _disposedError(): FlexAvatarError {
        return new FlexAvatarError("disposed", "The driver of this avatar is disposed.");
    }
}

function WithResolvers<T>(): { promise: Promise<T>; resolve: (value: T | PromiseLike<T>) => void } {
    let resolve!: (value: T | PromiseLike<T>) => void;
    const promise = new Promise<T>((done) => (resolve = done));
    return { promise, resolve };
}
