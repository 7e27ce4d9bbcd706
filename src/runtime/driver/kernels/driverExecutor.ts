/**
 * The driver at run time, in our own shaders: recorded into the frame's command encoder, GPU buffers in and out, no
 * read-back, nothing to wait for. One executor per device and model holds kernels, weights and intermediate maps; a
 * {@link DriverPerson} holds what one person's identity features give. Runs follow each other on the queue, so all
 * persons share the intermediate maps. ONNX Runtime on the same graph is the reference.
 */
import { FlexAvatarError } from "../../../flame/error.js";
import { OwnedBuffers } from "../../passes/gpuBuffers.js";
import { Kernel } from "../../passes/kernel.js";
import { AssignBuffers, PlanDriverStep, type IDriverPlan, type Operand } from "./driverPlan.js";
import { MapBlocks, type IDriverProgram, type MapId } from "./driverProgram.js";
import { DriverSource } from "./driverSources.js";

/** Uniform and storage bindings may start at multiples of this on every device. */
const BindingAlignment = 256;
const PassDescriptor: GPUComputePassDescriptor = { label: "driver" };

interface ICompiledStep extends Omit<IDriverPlan, "kernel" | "parameters"> {
    readonly kernel: Kernel;
    /** Group 0: parameters and weights. */
    readonly bound: GPUBindGroup;
}

/** Settings of {@link DriverExecutor.CreateAsync}. */
export interface IDriverExecutorSettings {
    /** Half-precision maps and weights; needs the feature `shader-f16`. Default: where the device has it. */
    half?: boolean;
    /** Threads below which a GPU would idle: layers with fewer texels are split further. Default 4096. */
    enoughThreads?: number;
}

/** One person's share: what the identity features give. Made by {@link DriverExecutor.createPerson}. */
export class DriverPerson {
    /** @internal */
    public constructor(
        /** @internal */
        public readonly maps: ReadonlyMap<Operand, GPUBuffer>,
        private readonly _owned: OwnedBuffers,
    ) {}

    /** Bytes of GPU memory held. */
    public get byteLength(): number {
        return this._owned.byteLength;
    }

    /** True after {@link dispose}. */
    public get isDisposed(): boolean {
        return this._owned.isDisposed;
    }

    /** May be called twice, and while runs are in the queue. */
    public dispose(): void {
        this._owned.dispose();
    }
}

/** See the head of this file. */
export class DriverExecutor {
    private readonly _owned: OwnedBuffers;
    private readonly _once: readonly ICompiledStep[];
    private readonly _steps: readonly ICompiledStep[];
    private readonly _scratch: ReadonlyMap<Operand, GPUBuffer>;

    private constructor(
        public readonly device: GPUDevice,
        public readonly program: IDriverProgram,
        /** Whether maps and weights are in half precision. */
        public readonly half: boolean,
        kernels: ReadonlyMap<string, Kernel>,
        once: readonly IDriverPlan[],
        steps: readonly IDriverPlan[],
    ) {
        this._owned = new OwnedBuffers(device, "driver");
        const { sizes, bufferOfMap } = AssignBuffers(steps, (map) => this._byteLengthOf(map));
        const buffers = sizes.map((size, index) => this._owned.create(`scratch${index}`, size));
        this._scratch = new Map([...bufferOfMap].map(([map, buffer]) => [map, buffers[buffer]]));
        const total = [...once, ...steps]
            .flatMap(({ parameters }) => parameters)
            .reduce((sum, data) => sum + AlignedLength(data), 0);
        const constants = this._owned.create(
            "constants",
            total,
            GPUBufferUsage.UNIFORM | GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST,
        );
        let offset = 0;
        const compile = (plan: IDriverPlan): ICompiledStep => {
            const kernel = kernels.get(KernelKey(plan))!;
            const [params, weights, bias] = plan.parameters.map((data): GPUBufferBinding => {
                const region = { buffer: constants, offset, size: Math.ceil(data.byteLength / 16) * 16 };
                device.queue.writeBuffer(constants, offset, data);
                offset += AlignedLength(data);
                return region;
            });
            return { ...plan, kernel, bound: kernel.group(0, params, weights, bias) };
        };
        this._once = once.map(compile);
        this._steps = steps.map(compile);
    }

    /**
     * Compiles the shaders and uploads the weights.
     * @throws FlexAvatarError `models-mismatch` if the device does not take a shader
     */
    public static async CreateAsync(
        device: GPUDevice,
        program: IDriverProgram,
        settings: IDriverExecutorSettings = {},
    ): Promise<DriverExecutor> {
        const half = settings.half ?? device.features.has("shader-f16");
        const { enoughThreads = 4096 } = settings;
        const [once, steps] = [program.once, program.steps].map((list) =>
            list.map((step) => PlanDriverStep(step, program.maps, half, enoughThreads)),
        );
        const kinds = new Map([...once, ...steps].map((plan) => [KernelKey(plan), plan]));
        const kernels = new Map<string, Kernel>();
        try {
            await Promise.all(
                [...kinds].map(async ([key, { kernel: label, constants }]) => {
                    const code = DriverSource(label, constants, half);
                    kernels.set(key, await Kernel.CompileAsync(device, { label, code }));
                }),
            );
        } catch (error) {
            throw new FlexAvatarError(
                "models-mismatch",
                `The device does not take the driver's shaders: ${String(error)}`,
                {
                    cause: error,
                },
            );
        }
        return new DriverExecutor(device, program, half, kernels, once, steps);
    }

    /** Dispatches of one run. */
    public get dispatches(): number {
        return this._steps.length;
    }

    /** Bytes of GPU memory held, persons not counted. */
    public get byteLength(): number {
        return this._owned.byteLength;
    }

    /**
     * Submits the part of the network that depends on the person only.
     * @param identityFeatures `[C,h,w]`, copied
     * @throws FlexAvatarError `invalid-argument`, `disposed`
     */
    public createPerson(identityFeatures: Float32Array): DriverPerson {
        this._throwIfDisposed();
        const { identityCount } = this.program;
        if (identityFeatures.length !== identityCount) {
            throw new FlexAvatarError(
                "invalid-argument",
                `The driver got ${identityFeatures.length} identity features and needs ${identityCount}.`,
            );
        }
        const owned = new OwnedBuffers(this.device, "driver.person");
        const maps = new Map<Operand, GPUBuffer>([
            ["identity", owned.createFrom("identity", Float32Array.from(identityFeatures))],
        ]);
        const encoder = this.device.createCommandEncoder({ label: "driver.person" });
        const pass = encoder.beginComputePass(PassDescriptor);
        for (const step of this._once) {
            const result = owned.create(`map${step.output}`, this._byteLengthOf(step.output as MapId));
            maps.set(step.output, result);
            this._dispatch(pass, step, maps);
        }
        pass.end();
        this.device.queue.submit([encoder.finish()]);
        return new DriverPerson(maps, owned);
    }

    /**
     * Records one run, as one compute pass.
     * @param person of this executor
     * @param positionMap `[3,P,P]` f32, usage STORAGE; read
     * @param deltaMap `[14,H,W]` f32, usage STORAGE; every value is written
     * @throws FlexAvatarError `disposed`
     */
    public encode(encoder: GPUCommandEncoder, person: DriverPerson, positionMap: GPUBuffer, deltaMap: GPUBuffer): void {
        this._throwIfDisposed();
        if (person.isDisposed) {
            throw new FlexAvatarError("disposed", "The driver of this avatar is disposed.");
        }
        const pass = encoder.beginComputePass(PassDescriptor);
        for (let index = 0; index < this._steps.length; index++) {
            this._dispatch(pass, this._steps[index], person.maps, positionMap, deltaMap);
        }
        pass.end();
    }

    /**
     * Measures a run. It waits for the device, so it is for start-up and benches.
     * @param runs to take the mean of
     * @param warm whether one that does not count comes first
     * @returns milliseconds per run
     */
    public async measureAsync(runs: number, warm = true): Promise<number> {
        const { identityCount, positionCount, deltaCount } = this.program;
        const { queue } = this.device;
        const owned = new OwnedBuffers(this.device, "driver.measure");
        const person = this.createPerson(new Float32Array(identityCount));
        try {
            const positionMap = owned.create("positionMap", 4 * positionCount);
            const deltaMap = owned.create("deltaMap", 4 * deltaCount);
            const submit = (): void => {
                const encoder = this.device.createCommandEncoder({ label: "driver.measure" });
                this.encode(encoder, person, positionMap, deltaMap);
                queue.submit([encoder.finish()]);
            };
            if (warm) {
                submit();
            }
            await queue.onSubmittedWorkDone();
            const start = performance.now();
            for (let run = 0; run < runs; run++) {
                submit();
            }
            await queue.onSubmittedWorkDone();
            return (performance.now() - start) / runs;
        } finally {
            person.dispose();
            owned.dispose();
        }
    }

    /** Persons become useless. May be called twice. */
    public dispose(): void {
        this._owned.dispose();
    }

    private _dispatch(
        pass: GPUComputePassEncoder,
        { kernel, bound, inputs, output, workgroups }: ICompiledStep,
        maps: ReadonlyMap<Operand, GPUBuffer>,
        position?: GPUBuffer,
        delta?: GPUBuffer,
    ): void {
        const first = inputs[0] === "position" ? position : this._mapOf(inputs[0], maps);
        const second = this._mapOf(inputs[1], maps);
        pass.setPipeline(kernel.pipeline);
        pass.setBindGroup(0, bound);
        kernel.bind(pass, 1, first, second, this._mapOf(inputs[2], maps), this._mapOf(inputs[3], maps));
        kernel.bind(pass, 2, output === "delta" ? delta : this._mapOf(output, maps));
        pass.dispatchWorkgroups(workgroups[0], workgroups[1], workgroups[2]);
    }

    /** A person's map, or one of the scratch; nothing for nothing. */
    private _mapOf(operand: Operand | undefined, maps: ReadonlyMap<Operand, GPUBuffer>): GPUBuffer | undefined {
        return operand === undefined ? undefined : (maps.get(operand) ?? this._scratch.get(operand));
    }

    private _byteLengthOf(map: MapId): number {
        const size = this.program.maps[map];
        return MapBlocks(size) * size.height * size.width * (this.half ? 8 : 16);
    }

    private _throwIfDisposed(): void {
        if (this._owned.isDisposed) {
            throw new FlexAvatarError("disposed", "The driver network of this scene is disposed.");
        }
    }
}

function KernelKey({ kernel, constants }: IDriverPlan): string {
    return `${kernel} ${JSON.stringify(constants)}`;
}

function AlignedLength({ byteLength }: ArrayBufferView): number {
    return Math.ceil(byteLength / BindingAlignment) * BindingAlignment;
}
