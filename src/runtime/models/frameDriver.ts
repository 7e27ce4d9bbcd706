/** The driver at run time, as part of the frame: our own shaders, on the scene's device. Without them: driver.ts. */
import { FlexAvatarError } from "../../flame/error.js";
import { DriverExecutor, type DriverPerson } from "../passes/driver/driverExecutor.js";
import { LowerDriver } from "./lowerDriver.js";
import type { IGraphEntry } from "./manifest.js";
import { ReadOnDeviceAsync } from "./onnxBackend.js";
import { ReadOnnxGraph } from "./onnxGraph.js";
import { HalfProbeLimit, ProbeError, ProbeInputs, ProbeLimit } from "./probe.js";
import type { IExternalData } from "./session.js";

/** From a position map to a delta map for one person, recorded rather than awaited. */
export interface IFrameDriver {
    readonly backend: "shaders";
    readonly holdsFrame: true;
    /** Dispatches of one run. */
    readonly dispatches: number;
    /** Milliseconds that a run took at start-up, submission included. */
    readonly runMs: number;
    /**
     * Records one run.
     * @param positionMap `[3,P,P]` f32
     * @returns delta map `[14,H,W]` f32, the network's own buffer; the next run of any avatar overwrites it, in queue
     * order
     * @throws FlexAvatarError `disposed`
     */
    encode(encoder: GPUCommandEncoder, positionMap: GPUBuffer): GPUBuffer;
    /** May be called twice. */
    dispose(): void;
}

/** What all avatars of a scene share: shaders, weights, intermediate maps, and the buffer of results. */
export class FrameDriverFactory {
    private constructor(
        private readonly _executor: DriverExecutor,
        private readonly _result: GPUBuffer,
        /** See {@link IFrameDriver.runMs}. */
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

    /**
     * @param identityFeatures `[C,h,w]`, copied
     * @param onDispose called once
     */
    public createDriver(identityFeatures: Float32Array, onDispose: (driver: IFrameDriver) => void): IFrameDriver {
        return new FrameDriver(
            this._executor,
            this._executor.createPerson(identityFeatures),
            this._result,
            this.runMs,
            onDispose,
        );
    }

    /** Drivers become useless. May be called twice. */
    public dispose(): void {
        this._executor.dispose();
        this._result.destroy();
    }
}

class FrameDriver implements IFrameDriver {
    public readonly backend = "shaders";
    public readonly holdsFrame = true;
    public readonly dispatches: number;

    public constructor(
        private readonly _executor: DriverExecutor,
        private readonly _person: DriverPerson,
        private readonly _result: GPUBuffer,
        public readonly runMs: number,
        private readonly _onDispose: (driver: IFrameDriver) => void,
    ) {
        this.dispatches = _executor.dispatches;
    }

    public encode(encoder: GPUCommandEncoder, positionMap: GPUBuffer): GPUBuffer {
        this._executor.encode(encoder, this._person, positionMap, this._result);
        return this._result;
    }

    public dispose(): void {
        if (!this._person.isDisposed) {
            this._person.dispose();
            this._onDispose(this);
        }
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
