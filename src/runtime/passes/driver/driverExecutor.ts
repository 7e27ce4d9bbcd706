/**
 * The driver at run time, in our own shaders: recorded into the frame's command encoder, GPU buffers in and out, no
 * read-back, nothing to wait for. One executor per device and model holds pipelines, weights and intermediate maps; a
 * {@link DriverPerson} holds what one avatar's identity features give. Runs follow each other on the queue, so all
 * persons share the intermediate maps. ONNX Runtime on the same graph is the reference.
 */
import { FlexAvatarError } from "../../../flame/error.js";
import { OwnedBuffers } from "../gpuBuffers.js";
import { AssignBuffers, PlanDriverStep, type IDriverPlan, type Operand } from "./driverPlan.js";
import { MapBlocks, type IDriverProgram, type MapId } from "./driverProgram.js";
import { DriverSource } from "./driverSources.js";

/** Uniform and storage bindings may start at multiples of this on every device. */
const BindingAlignment = 256;
const PassDescriptor: GPUComputePassDescriptor = { label: "driver" };

interface ICompiledStep extends IDriverPlan {
    pipeline: GPUComputePipeline;
    /** Bind groups 0, 1 and 2; null where a buffer is the caller's or a person's. */
    bound: GPUBindGroup;
    reads: GPUBindGroup | null;
    writes: GPUBindGroup | null;
    /** Group 1 or 2 for each buffer of a caller. */
    borrowed: WeakMap<GPUBuffer, GPUBindGroup>;
}

/** Settings of {@link DriverExecutor.CreateAsync}. */
export interface IDriverExecutorSettings {
    /** Half-precision maps and weights; needs the feature `shader-f16`. Default: where the device has it. */
    half?: boolean;
    /** Threads below which a GPU would idle: layers with fewer texels are split further. Default 4096. */
    enoughThreads?: number;
}

/**
 * One avatar's share: what its identity features give, and the bind groups that read it. Made by {@link
 * DriverExecutor.createPerson}.
 */
export class DriverPerson {
    /** Group 1 of the steps that read `maps`. @internal */
    public readonly reads = new Map<ICompiledStep, GPUBindGroup>();

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
        pipelines: ReadonlyMap<string, GPUComputePipeline>,
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
            const pipeline = pipelines.get(PipelineKey(plan))!;
            const regions = plan.parameters.map((data): GPUBufferBinding => {
                const region = { buffer: constants, offset, size: Math.ceil(data.byteLength / 16) * 16 };
                device.queue.writeBuffer(constants, offset, data);
                offset += AlignedLength(data);
                return region;
            });
            const groupOf = (index: number, operands: readonly Operand[]): GPUBindGroup | null => {
                const found = operands.map((operand) => this._scratch.get(operand));
                return found.every((buffer) => buffer !== undefined) ? this._group(pipeline, index, found) : null;
            };
            return {
                ...plan,
                pipeline,
                bound: this._bind(pipeline, 0, regions),
                reads: groupOf(1, plan.inputs),
                writes: groupOf(2, [plan.output]),
                borrowed: new WeakMap(),
            };
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
        const kinds = new Map([...once, ...steps].map((plan) => [PipelineKey(plan), plan]));
        const pipelines = new Map<string, GPUComputePipeline>();
        try {
            await Promise.all(
                [...kinds].map(async ([key, { kernel, constants }]) => {
                    const module = device.createShaderModule({
                        label: kernel,
                        code: DriverSource(kernel, constants, half),
                    });
                    const compute = { module, entryPoint: "main" };
                    pipelines.set(
                        key,
                        await device.createComputePipelineAsync({ label: kernel, layout: "auto", compute }),
                    );
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
        return new DriverExecutor(device, program, half, pipelines, once, steps);
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
            const reads = this._group(
                step.pipeline,
                1,
                step.inputs.map((operand) => maps.get(operand)!),
            );
            this._dispatch(pass, step, reads, this._group(step.pipeline, 2, [result]));
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
            const step = this._steps[index];
            const reads =
                step.reads ??
                (step.inputs[0] === "position" ? this._borrow(step, 1, positionMap) : this._readsOf(step, person));
            this._dispatch(pass, step, reads, step.writes ?? this._borrow(step, 2, deltaMap));
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
        step: ICompiledStep,
        reads: GPUBindGroup,
        writes: GPUBindGroup,
    ): void {
        pass.setPipeline(step.pipeline);
        pass.setBindGroup(0, step.bound);
        pass.setBindGroup(1, reads);
        pass.setBindGroup(2, writes);
        pass.dispatchWorkgroups(step.workgroups[0], step.workgroups[1], step.workgroups[2]);
    }

    private _borrow(step: ICompiledStep, index: number, buffer: GPUBuffer): GPUBindGroup {
        let group = step.borrowed.get(buffer);
        if (!group) {
            step.borrowed.set(buffer, (group = this._group(step.pipeline, index, [buffer])));
        }
        return group;
    }

    private _readsOf(step: ICompiledStep, person: DriverPerson): GPUBindGroup {
        let group = person.reads.get(step);
        if (!group) {
            const buffers = step.inputs.map((operand) => person.maps.get(operand) ?? this._scratch.get(operand)!);
            person.reads.set(step, (group = this._group(step.pipeline, 1, buffers)));
        }
        return group;
    }

    private _group(pipeline: GPUComputePipeline, index: number, buffers: readonly GPUBuffer[]): GPUBindGroup {
        return this._bind(
            pipeline,
            index,
            buffers.map((buffer) => ({ buffer })),
        );
    }

    private _bind(pipeline: GPUComputePipeline, index: number, regions: readonly GPUBufferBinding[]): GPUBindGroup {
        return this.device.createBindGroup({
            label: `${pipeline.label}.${index}`,
            layout: pipeline.getBindGroupLayout(index),
            entries: regions.map((resource, binding) => ({ binding, resource })),
        });
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

function PipelineKey({ kernel, constants }: IDriverPlan): string {
    return `${kernel} ${JSON.stringify(constants)}`;
}

function AlignedLength({ byteLength }: ArrayBufferView): number {
    return Math.ceil(byteLength / BindingAlignment) * BindingAlignment;
}
