/**
 * The driver at run time, as part of the frame: our own shaders, on the scene's device. Its delta maps are there when
 * the queue gets there. Without shaders: onnxDriver.ts.
 */
import { FlexAvatarError } from "../../flame/error.js";
import type { IGraphEntry } from "../models/manifest.js";
import { ReadOnDeviceAsync } from "../models/onnxBackend.js";
import { HalfProbeLimit, ProbeError, ProbeInputs, ProbeLimit } from "../models/probe.js";
import type { IExternalData } from "../models/session.js";
import { Submit } from "../passes/index.js";
import type { IDriver, IDriverPose } from "./driver.js";
import { DriverExecutor, type DriverPerson } from "./kernels/driverExecutor.js";
import { LowerDriver } from "./lowerDriver.js";
import { ReadOnnxGraph } from "./onnxGraph.js";
import { CheckPose, CreatePositionBuffer } from "./driverPose.js";
import { SharedPart } from "./sharedPart.js";

/** What all avatars of a scene share: shaders, weights, intermediate maps, and the buffer of results. */
export class FrameDriverFactory {
    private readonly _persons = new Set<DriverPerson>();

    private constructor(
        private readonly _executor: DriverExecutor,
        private readonly _result: GPUBuffer,
        /** Milliseconds that a run took at start-up, submission included. */
        public readonly runMs: number,
    ) {}

    /** Whether it computes in half precision. */
    public get half(): boolean {
        return this._executor.half;
    }

    /**
     * Compiles, checks against the numbers of models.json, and measures. Takes half precision where the device has it
     * and gives the right numbers.
     * @throws FlexAvatarError `models-mismatch` if the shaders do not know the network, or compute it wrongly on this
     * device
     */
    public static async CreateAsync(
        device: GPUDevice,
        entry: IGraphEntry,
        graph: Uint8Array,
        data: readonly IExternalData[],
    ): Promise<FrameDriverFactory> {
        const external = new Map(data.map(({ path, data: bytes }) => [path, bytes]));
        const { identity_features: identityShape, position_map: positionShape } = entry.inputs;
        const program = LowerDriver(ReadOnnxGraph(graph, external), identityShape, positionShape);
        const result = device.createBuffer({
            label: "driver.result",
            size: 4 * program.deltaCount,
            usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
        });
        const errors: string[] = [];
        for (const half of device.features.has("shader-f16") ? [true, false] : [false]) {
            const executor = await DriverExecutor.CreateAsync(device, program, { half });
            const error = await ProbeAsync(executor, entry, result);
            if (error <= (half ? HalfProbeLimit : ProbeLimit)) {
                return new FrameDriverFactory(
                    executor,
                    result,
                    await executor.measureAsync(1, entry.probe === undefined),
                );
            }
            errors.push(`${(100 * error).toFixed(1)} % in ${half ? "half" : "single"} precision`);
            executor.dispose();
        }
        result.destroy();
        throw new FlexAvatarError(
            "models-mismatch",
            `The driver's shaders compute wrong numbers on this device: off by ${errors.join(", ")}.`,
        );
    }

    /** @param identityFeatures `[C,h,w]`, copied */
    public createDriver(identityFeatures: Float32Array): FrameDriver {
        const person = this._executor.createPerson(identityFeatures);
        this._persons.add(person);
        const shared = new SharedPart(person, () => this._persons.delete(person));
        return new FrameDriver(this._executor, shared, this._result, this.runMs);
    }

    /** Drivers become useless. May be called twice. */
    public dispose(): void {
        this._persons.forEach((person) => person.dispose());
        this._executor.dispose();
        this._result.destroy();
    }
}

/** One avatar's driver in our shaders. */
export class FrameDriver implements IDriver {
    private readonly _positionMap: GPUBuffer;
    private _isDisposed = false;

    /**
     * @param _executor borrowed
     * @param _person what its identity features gave, shared with other avatars of the person
     * @param _result [14,H,W], of all avatars, borrowed: the next run overwrites it, in queue order
     * @param runMs milliseconds of a run at start-up
     */
    public constructor(
        private readonly _executor: DriverExecutor,
        private readonly _person: SharedPart<DriverPerson>,
        private readonly _result: GPUBuffer,
        public readonly runMs: number,
    ) {
        _person.join();
        this._positionMap = CreatePositionBuffer(_executor.device, _executor.program.positionCount);
    }

    public get frameMs(): number {
        return this.runMs;
    }

    public get byteLength(): number {
        return this._positionMap.size;
    }

    public run(pose: IDriverPose): GPUBuffer {
        this._submit(pose, this._positionMap);
        return this._result;
    }

    public async readAsync(pose: IDriverPose): Promise<Float32Array> {
        const { device, program } = this._executor;
        const positionMap = CreatePositionBuffer(device, program.positionCount);
        try {
            this._submit(pose, positionMap);
            return await ReadOnDeviceAsync(device, this._result, program.deltaCount);
        } finally {
            positionMap.destroy();
        }
    }

    public share(): FrameDriver {
        return new FrameDriver(this._executor, this._person, this._result, this.runMs);
    }

    public dispose(): void {
        if (!this._isDisposed) {
            this._isDisposed = true;
            this._positionMap.destroy();
            this._person.leave();
        }
    }

    private _submit(pose: IDriverPose, positionMap: GPUBuffer): void {
        const { device, program } = this._executor;
        CheckPose(pose, program.positionCount);
        const encoder = device.createCommandEncoder();
        pose.recordPositionMap(encoder, positionMap);
        this._executor.encode(encoder, this._person.part, positionMap, this._result);
        Submit(device, encoder);
    }
}

async function ProbeAsync(executor: DriverExecutor, entry: IGraphEntry, result: GPUBuffer): Promise<number> {
    if (entry.probe === undefined) {
        return 0;
    }
    const { device, program } = executor;
    const { identity_features: identity, position_map: position } = ProbeInputs(entry);
    const person = executor.createPerson(identity);
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
    const positionMap = device.createBuffer({ label: "driver.probe", size: position.byteLength, usage });
    try {
        device.queue.writeBuffer(positionMap, 0, position);
        const encoder = device.createCommandEncoder({ label: "driver.probe" });
        executor.encode(encoder, person, positionMap, result);
        device.queue.submit([encoder.finish()]);
        return ProbeError(entry, { delta_map: await ReadOnDeviceAsync(device, result, program.deltaCount) });
    } finally {
        person.dispose();
        positionMap.destroy();
    }
}
