/**
 * One GPU pass as the processor sees it: a compiled pipeline, and the bind groups that were ever asked of it. A bind
 * group depends on nothing but what it binds, so it is found again by that: whoever replaces a buffer gets a new group
 * by passing the new buffer, and nobody keeps revisions. Finding allocates nothing. Groups go with their buffers.
 */

/** What a binding may be. A `GPUBufferBinding` must be the same object each time. */
export type Bindable = GPUBuffer | GPUBufferBinding | GPUTextureView;

/** Text of a compute shader, and what compiles it. */
export interface IKernelSource {
    /** Name of the shader: the file without its extension. It becomes the label. */
    readonly label: string;
    /** With its imports resolved. */
    readonly code: string;
    /** Values of its `override` constants. */
    readonly constants?: Record<string, number>;
}

/** Bind groups by what they bind, one resource after the other. */
class Node {
    public group: GPUBindGroup | null = null;
    private readonly _next = new WeakMap<Bindable, Node>();

    public at(resource: Bindable): Node {
        let node = this._next.get(resource);
        if (!node) {
            node = new Node();
            this._next.set(resource, node);
        }
        return node;
    }
}

/** A compute or render pass. Holds no buffers, so there is nothing to dispose. */
export class Kernel<Pipeline extends GPUComputePipeline | GPURenderPipeline = GPUComputePipeline> {
    private readonly _groups: Node[] = [];

    /** @param device borrowed */
    public constructor(
        public readonly device: GPUDevice,
        public readonly pipeline: Pipeline,
    ) {}

    /** Compiles a compute shader. @throws GPUPipelineError if the device does not take it */
    public static async CompileAsync(device: GPUDevice, source: IKernelSource): Promise<Kernel> {
        return new Kernel(device, await device.createComputePipelineAsync(DescriptorOf(device, source)));
    }

    /** The same at once, for shaders that are small. */
    public static Compile(device: GPUDevice, source: IKernelSource): Kernel {
        return new Kernel(device, device.createComputePipeline(DescriptorOf(device, source)));
    }

    /**
     * The bind group of up to seven resources in binding order; the same object for the same ones. Of none, the empty
     * group, which older browsers want to be set too.
     * @param index number of the group
     */
    public group(
        index: number,
        first?: Bindable,
        second?: Bindable,
        third?: Bindable,
        fourth?: Bindable,
        fifth?: Bindable,
        sixth?: Bindable,
        seventh?: Bindable,
    ): GPUBindGroup {
        let node = (this._groups[index] ??= new Node());
        node = first ? node.at(first) : node;
        node = second ? node.at(second) : node;
        node = third ? node.at(third) : node;
        node = fourth ? node.at(fourth) : node;
        node = fifth ? node.at(fifth) : node;
        node = sixth ? node.at(sixth) : node;
        node = seventh ? node.at(seventh) : node;
        return (node.group ??= this._create(index, [first, second, third, fourth, fifth, sixth, seventh]));
    }

    /** Sets bind group `index` of a pass to what {@link group} gives. The pass has this kernel's pipeline. */
    public bind(
        pass: GPUBindingCommandsMixin,
        index: number,
        first?: Bindable,
        second?: Bindable,
        third?: Bindable,
        fourth?: Bindable,
        fifth?: Bindable,
        sixth?: Bindable,
        seventh?: Bindable,
    ): void {
        pass.setBindGroup(index, this.group(index, first, second, third, fourth, fifth, sixth, seventh));
    }

    private _create(index: number, resources: readonly (Bindable | undefined)[]): GPUBindGroup {
        return this.device.createBindGroup({
            label: `${this.pipeline.label}.${index}`,
            layout: this.pipeline.getBindGroupLayout(index),
            entries: resources.flatMap((part, binding) => (part ? [{ binding, resource: ResourceOf(part) }] : [])),
        });
    }
}

/** Older browsers take no bare buffer. */
function ResourceOf(part: Bindable): GPUBindingResource {
    return "size" in part && !("buffer" in part) ? { buffer: part } : part;
}

function DescriptorOf(device: GPUDevice, { label, code, constants }: IKernelSource): GPUComputePipelineDescriptor {
    const module = device.createShaderModule({ label, code });
    return { label, layout: "auto", compute: { module, entryPoint: "main", constants } };
}
