/** The driver at run time, in ONNX Runtime: its delta maps come later. In shaders: frameDriver.ts. */
import { FlexAvatarError } from "../../flame/error.js";
import { OnnxQueue } from "../models/asyncQueue.js";
import type { INetworkInput, INetworkOutput, INetworkSession, IOnnxBackend } from "../models/session.js";
import { ReadOnDeviceAsync } from "../models/onnxBackend.js";
import type { DeltaMap, IDriver, IDriverPose } from "./driver.js";
import { CheckPose, CreatePositionBuffer } from "./driverPose.js";
import { SharedPart } from "./sharedPart.js";

/** Shapes of the network's inputs and of its output. */
export interface IDriverShapes {
    /** `[1,C,h,w]` */
    readonly identity: readonly number[];
    /** `[1,3,P,P]` */
    readonly position: readonly number[];
    /** `[1,14,H,W]` */
    readonly delta: readonly number[];
}

/** The network of one person as an ONNX session, which is borrowed; identity features and outputs are its own. */
export class OnnxPerson {
    /** Where it runs. */
    public readonly onnx: IOnnxBackend;
    public readonly positionCount: number;
    public readonly deltaCount: number;
    private readonly _session: INetworkSession;
    private readonly _onRun: (milliseconds: number) => void;
    /** What the session is given, the same object in each run. */
    private readonly _inputs: { readonly identity_features: INetworkInput; readonly position_map: INetworkInput };
    private _output: INetworkOutput | undefined;
    private _last: Promise<unknown> = Promise.resolve();
    private _running = false;
    private _disposed = false;

    /**
     * @param onnx where the session runs
     * @param session borrowed
     * @param identityFeatures `[C,h,w]`, copied
     * @param onRun told of each run
     */
    public constructor(
        onnx: IOnnxBackend,
        session: INetworkSession,
        identityFeatures: Float32Array,
        shapes: IDriverShapes,
        onRun: (milliseconds: number) => void,
    ) {
        this.onnx = onnx;
        this.positionCount = Product(shapes.position);
        this.deltaCount = Product(shapes.delta);
        this._session = session;
        this._onRun = onRun;
        const identity = Float32Array.from(identityFeatures);
        this._inputs = {
            identity_features: { data: identity, dims: shapes.identity },
            position_map: { data: identity, dims: shapes.position }, // each run has its own
        };
        if (onnx.device) {
            const buffer = onnx.device.createBuffer({
                label: "driver identity features",
                size: identityFeatures.byteLength,
                usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC,
            });
            onnx.device.queue.writeBuffer(buffer, 0, identity);
            this._inputs.identity_features.data = buffer;
        }
    }

    /**
     * Runs the network, after the runs that others asked for earlier.
     * @param positionMap `[3,P,P]`, borrowed until the promise settles; a GPUBuffer only on WebGPU
     * @returns a buffer on WebGPU; valid while the promise's own reactions run
     * @throws FlexAvatarError `disposed`
     */
    public run(positionMap: Float32Array | GPUBuffer): Promise<DeltaMap> {
        const result = this._last.then(() => this._runAsync(positionMap));
        // Whoever waits for the result has reacted to it before these two steps are through and the next run starts.
        this._last = result.catch(() => undefined).then(() => undefined);
        return result;
    }

    /** Frees its buffers when no run is under way. May be called twice. */
    public dispose(): void {
        if (this._disposed) {
            return;
        }
        this._disposed = true;
        if (!this._running) {
            this._free();
        }
    }

    private async _runAsync(positionMap: Float32Array | GPUBuffer): Promise<DeltaMap> {
        this._throwIfDisposed();
        this._running = true;
        try {
            this._inputs.position_map.data = positionMap;
            const output = await OnnxQueue.run(this._job);
            this._output?.dispose?.();
            this._output = output;
            this._throwIfDisposed();
            return output.data;
        } finally {
            this._running = false;
            if (this._disposed) {
                this._free();
            }
        }
    }

    private readonly _job = async (): Promise<INetworkOutput> => {
        this._throwIfDisposed();
        const start = performance.now();
        const outputs = await this._session.run(this._inputs);
        this._onRun(performance.now() - start);
        return outputs.delta_map;
    };

    private _free(): void {
        this._output?.dispose?.();
        this._output = undefined;
        const { data } = this._inputs.identity_features;
        if (!(data instanceof Float32Array)) {
            data.destroy();
        }
    }

    private _throwIfDisposed(): void {
        if (this._disposed) {
            throw new FlexAvatarError("disposed", "The driver of this avatar is disposed.");
        }
    }
}

/** One avatar's driver in ONNX Runtime. */
export class OnnxDriver implements IDriver {
    private readonly _array: Float32Array<ArrayBuffer> | null = null;
    private readonly _buffer: GPUBuffer | null = null;
    private _runMs = 0;
    private _isDisposed = false;

    /** @param _person its network, shared with other avatars of the person */
    public constructor(private readonly _person: SharedPart<OnnxPerson>) {
        _person.join();
        const { onnx, positionCount } = _person.part;
        if (onnx.device) {
            this._buffer = CreatePositionBuffer(onnx.device, positionCount);
        } else {
            this._array = new Float32Array(positionCount);
        }
    }

    /** Of the last run, waiting included. */
    public get runMs(): number {
        return this._runMs;
    }

    public get frameMs(): number {
        return this._person.part.onnx.inWorker ? 0 : this._runMs;
    }

    public get byteLength(): number {
        return this._buffer?.size ?? 0;
    }

    public async run(pose: IDriverPose): Promise<DeltaMap> {
        const start = performance.now();
        const deltaMap = await this._person.part.run(this._positionMap(pose, this._array ?? this._buffer!));
        this._runMs = performance.now() - start;
        return deltaMap;
    }

    public async readAsync(pose: IDriverPose): Promise<Float32Array> {
        const { part: person } = this._person;
        const { device } = person.onnx;
        if (!device) {
            const map = await person.run(this._positionMap(pose, new Float32Array(person.positionCount)));
            return (map as Float32Array).slice();
        }
        const buffer = CreatePositionBuffer(device, person.positionCount);
        try {
            const map = await person.run(this._positionMap(pose, buffer));
            return await ReadOnDeviceAsync(device, map as GPUBuffer, person.deltaCount);
        } finally {
            buffer.destroy();
        }
    }

    public share(): OnnxDriver {
        return new OnnxDriver(this._person);
    }

    public dispose(): void {
        if (!this._isDisposed) {
            this._isDisposed = true;
            this._buffer?.destroy();
            this._person.leave();
        }
    }

    private _positionMap(pose: IDriverPose, into: Float32Array<ArrayBuffer> | GPUBuffer): Float32Array | GPUBuffer {
        CheckPose(pose, this._person.part.positionCount);
        if (into instanceof Float32Array) {
            return pose.writePositionMap(into);
        }
        const device = this._person.part.onnx.device!;
        const encoder = device.createCommandEncoder();
        pose.recordPositionMap(encoder, into);
        device.queue.submit([encoder.finish()]);
        return into;
    }
}

function Product(shape: readonly number[]): number {
    return shape.reduce((product, size) => product * size, 1);
}
