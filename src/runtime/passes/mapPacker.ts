/**
 * Takes maps of the networks into the packed slots of avatars: kernels packStatic, coarsen and packDelta. It submits by
 * itself, in queue order, because a map is only valid when it is given.
 */
import { LevelCount, type ILevels } from "../../flame/levels.js";
import { FlexAvatarError } from "../../flame/error.js";
import type { TexelTable } from "../../flame/texelTable.js";
import { CoarsenParamsLayout, MapChannels, PackParamsLayout, WorkgroupSizes } from "../layout.js";
import { OwnedBuffers } from "./gpuBuffers.js";
import type { SlotArena } from "./slotArena.js";
import { PackKernelSources, ResolveImports, type PackKernelName } from "./wgsl.js";

const Descriptor: GPUComputePassDescriptor = { label: "packMap" };

/** Kernels that read a map. */
type MapKernelName = Exclude<PackKernelName, "coarsen">;

/** What the packer reads of a head, and fills: `HeadBuffers` has it, and says what each is. */
export interface IPackedHead {
    readonly levels: ILevels;
    readonly table: TexelTable;
    readonly dynamicCount: number;
    readonly vertices: GPUBuffer;
    readonly texels: GPUBuffer;
    readonly levelGroups: GPUBuffer;
    readonly mapTexels: GPUBuffer;
    readonly dynamicTexels: GPUBuffer;
    readonly persons: Pick<SlotArena<"attributes">, "buffer">;
    readonly avatars: Pick<SlotArena<"deltas">, "buffer">;
    /** Grows whenever a buffer of the two was replaced. */
    readonly revision: number;
}

interface IKernel {
    readonly pipeline: GPUComputePipeline;
    readonly params: GPUBuffer;
    readonly paramsData: Uint32Array<ArrayBuffer>;
    /** Groups 0 and 2, and the head's revision that they were made for. */
    own: readonly [GPUBindGroup, GPUBindGroup] | null;
    revision: number;
    /** Group 1 by source; of coarsen by groups. */
    readonly sources: WeakMap<GPUBuffer, GPUBindGroup>;
}

/** Compiled once per device: there may be a head for each person. */
const Pipelines = new WeakMap<GPUDevice, Map<PackKernelName, GPUComputePipeline>>();

/** One per head. */
export class MapPacker {
    private readonly _owned: OwnedBuffers;
    private readonly _kernels: Readonly<Record<PackKernelName, IKernel>>;
    /** [14,H,W]: arrays, and buffers that no shader may read, come through here. Made when first needed. */
    private _upload: GPUBuffer | null = null;

    /**
     * @param _device borrowed
     * @param _head whose slots are filled; borrowed
     */
    public constructor(
        private readonly _device: GPUDevice,
        private readonly _head: IPackedHead,
    ) {
        this._owned = new OwnedBuffers(_device, "head");
        this._kernels = {
            packStatic: this._createKernel("packStatic", PackParamsLayout.byteLength),
            packDelta: this._createKernel("packDelta", PackParamsLayout.byteLength),
            coarsen: this._createKernel("coarsen", CoarsenParamsLayout.byteLength),
        };
    }

    /** Bytes of GPU memory held. */
    public get byteLength(): number {
        return this._owned.byteLength;
    }

    /**
     * Packs the static map of a person, and makes its coarse levels of detail.
     * @param source [14,H,W] f32; a buffer is read in queue order and stays the caller's
     * @param person slot of `head.persons`
     * @throws FlexAvatarError `invalid-argument` if its size is wrong
     */
    public packStatic(source: Float32Array<ArrayBuffer> | GPUBuffer, person: number): void {
        const { start } = this._head.levels;
        this._pack("packStatic", "setStaticMap", source, person * start[LevelCount], start[1]);
    }

    /**
     * Packs a delta map of an avatar.
     * @param source [14,H,W] f32; a buffer is read in queue order and stays the caller's
     * @param avatar slot of `head.avatars`
     * @param which of its two delta maps
     * @throws FlexAvatarError `invalid-argument` if its size is wrong
     */
    public packDelta(source: Float32Array<ArrayBuffer> | GPUBuffer, avatar: number, which: number): void {
        const { dynamicCount } = this._head;
        this._pack("packDelta", "setDeltaMap", source, (2 * avatar + which) * dynamicCount, dynamicCount);
    }

    /** Destroys the buffers. May be called twice. */
    public dispose(): void {
        this._owned.dispose();
    }

    private _pack(
        name: MapKernelName,
        what: string,
        source: Float32Array<ArrayBuffer> | GPUBuffer,
        first: number,
        count: number,
    ): void {
        const { mapSize } = this._head.table;
        const wanted = 4 * MapChannels * mapSize ** 2;
        const byteLength = source instanceof Float32Array ? source.byteLength : source.size;
        // A buffer from a pool may be larger than what it holds.
        if (source instanceof Float32Array ? byteLength !== wanted : byteLength < wanted) {
            throw new FlexAvatarError(
                "invalid-argument",
                `${what} got ${byteLength} bytes, wanted ${wanted}: [${MapChannels},${mapSize},${mapSize}] of float32.`,
            );
        }
        const kernel = this._kernels[name];
        kernel.paramsData[PackParamsLayout.offsets.first / 4] = first;
        kernel.paramsData[PackParamsLayout.offsets.count / 4] = count;
        kernel.paramsData[PackParamsLayout.offsets.mapTexelCount / 4] = mapSize ** 2;
        this._device.queue.writeBuffer(kernel.params, 0, kernel.paramsData);

        const encoder = this._device.createCommandEncoder(Descriptor);
        const map = this._readable(encoder, source, wanted);
        const [params, target] = this._ownGroups(name, kernel);
        const pass = encoder.beginComputePass(Descriptor);
        pass.setPipeline(kernel.pipeline);
        pass.setBindGroup(0, params);
        pass.setBindGroup(1, this._sourceGroup(name, kernel, map));
        pass.setBindGroup(2, target);
        pass.dispatchWorkgroups(Math.ceil(count / WorkgroupSizes[name]));
        if (name === "packStatic") {
            this._coarsen(pass, first);
        }
        pass.end();
        this._device.queue.submit([encoder.finish()]);
    }

    private _coarsen(pass: GPUComputePassEncoder, first: number): void {
        const { start, anchor } = this._head.levels;
        const kernel = this._kernels.coarsen;
        const at = CoarsenParamsLayout.offsets;
        kernel.paramsData[at.first / 4] = first;
        kernel.paramsData[at.fineCount / 4] = start[1];
        kernel.paramsData[at.groupCount / 4] = anchor.length;
        this._device.queue.writeBuffer(kernel.params, 0, kernel.paramsData);
        const [params, target] = this._ownGroups("coarsen", kernel);
        const { texels, vertices, levelGroups } = this._head;
        let sources = kernel.sources.get(levelGroups);
        if (!sources) {
            sources = this._group(kernel, 1, [texels, vertices, levelGroups]);
            kernel.sources.set(levelGroups, sources);
        }
        pass.setPipeline(kernel.pipeline);
        pass.setBindGroup(0, params);
        pass.setBindGroup(1, sources);
        pass.setBindGroup(2, target);
        pass.dispatchWorkgroups(Math.ceil(anchor.length / WorkgroupSizes.coarsen));
    }

    /** The map in a buffer that a shader may read. */
    private _readable(
        encoder: GPUCommandEncoder,
        source: Float32Array<ArrayBuffer> | GPUBuffer,
        byteLength: number,
    ): GPUBuffer {
        if (!(source instanceof Float32Array) && (source.usage & GPUBufferUsage.STORAGE) !== 0) {
            return source;
        }
        this._upload ??= this._owned.create("mapUpload", byteLength);
        if (source instanceof Float32Array) {
            this._device.queue.writeBuffer(this._upload, 0, source);
        } else {
            encoder.copyBufferToBuffer(source, 0, this._upload, 0, byteLength);
        }
        return this._upload;
    }

    private _ownGroups(name: PackKernelName, kernel: IKernel): readonly [GPUBindGroup, GPUBindGroup] {
        const { revision, persons, avatars } = this._head;
        if (!kernel.own || kernel.revision !== revision) {
            const target = name === "packDelta" ? avatars.buffer("deltas") : persons.buffer("attributes");
            kernel.own = [this._group(kernel, 0, [kernel.params]), this._group(kernel, 2, [target])];
            kernel.revision = revision;
        }
        return kernel.own;
    }

    private _sourceGroup(name: MapKernelName, kernel: IKernel, map: GPUBuffer): GPUBindGroup {
        let group = kernel.sources.get(map);
        if (!group) {
            const texels = name === "packStatic" ? this._head.mapTexels : this._head.dynamicTexels;
            group = this._group(kernel, 1, [map, texels]);
            kernel.sources.set(map, group);
        }
        return group;
    }

    private _group({ pipeline }: IKernel, index: number, buffers: readonly GPUBuffer[]): GPUBindGroup {
        return this._device.createBindGroup({
            label: `${pipeline.label}.${index}`,
            layout: pipeline.getBindGroupLayout(index),
            entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
        });
    }

    private _createKernel(name: PackKernelName, paramsByteLength: number): IKernel {
        const uniform = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
        return {
            pipeline: PipelineOf(this._device, name),
            params: this._owned.create(`${name}Params`, paramsByteLength, uniform),
            paramsData: new Uint32Array(paramsByteLength / 4),
            own: null,
            revision: -1,
            sources: new WeakMap(),
        };
    }
}

function PipelineOf(device: GPUDevice, name: PackKernelName): GPUComputePipeline {
    const pipelines = Pipelines.get(device) ?? new Map<PackKernelName, GPUComputePipeline>();
    Pipelines.set(device, pipelines);
    let pipeline = pipelines.get(name);
    if (!pipeline) {
        const module = device.createShaderModule({ label: name, code: ResolveImports(PackKernelSources[name]) });
        pipeline = device.createComputePipeline({
            label: name,
            layout: "auto",
            compute: { module, entryPoint: "main" },
        });
        pipelines.set(name, pipeline);
    }
    return pipeline;
}
