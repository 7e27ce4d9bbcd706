/**
 * Takes maps of the networks into the packed slots of avatars: kernels packStatic, coarsen and packDelta. It submits by
 * itself, in queue order, because a map is only valid when it is given.
 */
import { LevelCount, type ILevels } from "../../flame/levels.js";
import { FlexAvatarError } from "../../flame/error.js";
import type { TexelTable } from "../../flame/texelTable.js";
import { CoarsenParamsLayout, MapChannels, PackParamsLayout, WorkgroupSizes } from "../layout.js";
import { OwnedBuffers } from "./gpuBuffers.js";
import { Kernel } from "./kernel.js";
import type { SlotArena } from "./slotArena.js";
import { Submit } from "./submit.js";
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
}

/** A kernel with its uniform. */
interface IPacking {
    readonly kernel: Kernel;
    readonly params: GPUBuffer;
    readonly paramsData: Uint32Array<ArrayBuffer>;
}

/** Compiled once per device: there may be a head for each person. */
const Kernels = new WeakMap<GPUDevice, Map<PackKernelName, Kernel>>();

/** One per head. */
export class MapPacker {
    private readonly _owned: OwnedBuffers;
    private readonly _packings: Readonly<Record<PackKernelName, IPacking>>;
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
        this._packings = {
            packStatic: this._createPacking("packStatic", PackParamsLayout.byteLength),
            packDelta: this._createPacking("packDelta", PackParamsLayout.byteLength),
            coarsen: this._createPacking("coarsen", CoarsenParamsLayout.byteLength),
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
        const { kernel, params, paramsData } = this._packings[name];
        paramsData[PackParamsLayout.offsets.first / 4] = first;
        paramsData[PackParamsLayout.offsets.count / 4] = count;
        paramsData[PackParamsLayout.offsets.mapTexelCount / 4] = mapSize ** 2;
        this._device.queue.writeBuffer(params, 0, paramsData);

        const { mapTexels, dynamicTexels, persons, avatars } = this._head;
        const isStatic = name === "packStatic";
        const encoder = this._device.createCommandEncoder(Descriptor);
        const map = this._readable(encoder, source, wanted);
        const pass = encoder.beginComputePass(Descriptor);
        pass.setPipeline(kernel.pipeline);
        kernel.bind(pass, 0, params);
        kernel.bind(pass, 1, map, isStatic ? mapTexels : dynamicTexels);
        kernel.bind(pass, 2, isStatic ? persons.buffer("attributes") : avatars.buffer("deltas"));
        pass.dispatchWorkgroups(Math.ceil(count / WorkgroupSizes[name]));
        if (isStatic) {
            this._coarsen(pass, first);
        }
        pass.end();
        Submit(this._device, encoder);
    }

    private _coarsen(pass: GPUComputePassEncoder, first: number): void {
        const { levels, texels, vertices, levelGroups, persons } = this._head;
        const { start, anchor } = levels;
        const { kernel, params, paramsData } = this._packings.coarsen;
        const at = CoarsenParamsLayout.offsets;
        paramsData[at.first / 4] = first;
        paramsData[at.fineCount / 4] = start[1];
        paramsData[at.groupCount / 4] = anchor.length;
        this._device.queue.writeBuffer(params, 0, paramsData);
        pass.setPipeline(kernel.pipeline);
        kernel.bind(pass, 0, params);
        kernel.bind(pass, 1, texels, vertices, levelGroups);
        kernel.bind(pass, 2, persons.buffer("attributes"));
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

    private _createPacking(name: PackKernelName, paramsByteLength: number): IPacking {
        const uniform = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
        return {
            kernel: KernelOf(this._device, name),
            params: this._owned.create(`${name}Params`, paramsByteLength, uniform),
            paramsData: new Uint32Array(paramsByteLength / 4),
        };
    }
}

function KernelOf(device: GPUDevice, name: PackKernelName): Kernel {
    const kernels = Kernels.get(device) ?? new Map<PackKernelName, Kernel>();
    Kernels.set(device, kernels);
    let kernel = kernels.get(name);
    if (!kernel) {
        kernel = Kernel.Compile(device, { label: name, code: ResolveImports(PackKernelSources[name]) });
        kernels.set(name, kernel);
    }
    return kernel;
}
