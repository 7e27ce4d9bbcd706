/**
 * w on a graphics card: nothing of it is kept. Every pass blends the Gaussians of each tile anew (refineDraw,
 * refineGather), adds up what the tiles found (refineSum), and reads back. What happens in a pixel stays the solver's
 * own code. Submissions are small, and the next one waits for the one before, so that a page that draws on the same
 * card keeps its frames. Twin: src/runtime/refine/splatWeights.ts.
 */
import { RefineEllipseLayout, RefineParamsLayout, WorkgroupSizes } from "../../layout.js";
import type { IEllipses } from "../../refine/projectView.js";
import { Within, type Work } from "../../slices.js";
import { SortIntoTiles, type ITileLists } from "../../refine/tileLists.js";
import type { ISplatWeights, PixelStep, Weigher } from "../../refine/weigher.js";
import { OwnedBuffers } from "../gpuBuffers.js";
import { Kernel } from "../kernel.js";
import { StructArray, StructData } from "../structData.js";
import { RefineKernelNames, RefineSource, type RefineKernelName } from "./refineSources.js";

/** Of one submission. */
const TilesPerSubmit = 256;
/** Uniform bindings may start at multiples of this on every device. */
const BindingAlignment = 256;
const LinesPerYield = 32;
const PassDescriptor: GPUComputePassDescriptor = { label: "refine" };
const NoPicture = new Float32Array(0);

type Kernels = Readonly<Record<RefineKernelName, Kernel>>;

/** Makes w on a device; the photos of one refinement share its buffers. */
export class GpuWeigher {
    /** To be handed to the solver, which makes one w after the other and runs one pass at a time. */
    public readonly weigh: Weigher = (ellipses, size) => this._build(ellipses, size);
    private _shared: SharedBuffers | null = null;

    private constructor(
        private readonly _device: GPUDevice,
        private readonly _kernels: Kernels,
    ) {}

    /** Compiles. @param device borrowed */
    public static async CreateAsync(device: GPUDevice): Promise<GpuWeigher> {
        const kernels = await Promise.all(
            RefineKernelNames.map((label) => Kernel.CompileAsync(device, { label, code: RefineSource(label) })),
        );
        const named = Object.fromEntries(RefineKernelNames.map((name, i) => [name, kernels[i]]));
        return new GpuWeigher(device, named as Record<RefineKernelName, Kernel>);
    }

    /** Bytes of GPU memory held, but for those of each w. */
    public get byteLength(): number {
        return this._shared?.byteLength ?? 0;
    }

    /** Destroys what its weights share. May be called twice. */
    public dispose(): void {
        this._shared?.dispose();
        this._shared = null;
    }

    private *_build(ellipses: IEllipses, size: number): Work<ISplatWeights> {
        const lists = yield* Within(SortIntoTiles(ellipses, size), 0, 0.6);
        const { place, firstPlace } = PlacesByGaussian(lists, ellipses.count);
        yield 0.8;
        return yield* Checked(this._device, () => {
            if (!this._shared?.isEnough(size, lists.order.length, ellipses.count)) {
                this._shared?.dispose(); // weights that were made for smaller ones bind the new ones in their next pass
                this._shared = new SharedBuffers(this._device, size, lists.order.length, ellipses.count, this._shared);
            }
            return new GpuSplatWeights(this._device, this._kernels, () => this._shared, ellipses, size, {
                ...lists,
                place,
                firstPlace,
            });
        });
    }
}

/** Where each pair's sum goes, so that those of a Gaussian lie beside each other, tiles in order. */
function PlacesByGaussian(
    { order }: ITileLists,
    count: number,
): { place: Uint32Array<ArrayBuffer>; firstPlace: Uint32Array<ArrayBuffer> } {
    const firstPlace = new Uint32Array(count + 1);
    for (let pair = 0; pair < order.length; pair++) {
        firstPlace[order[pair] + 1]++;
    }
    for (let i = 0; i < count; i++) {
        firstPlace[i + 1] += firstPlace[i];
    }
    const next = firstPlace.slice();
    const place = new Uint32Array(order.length);
    for (let pair = 0; pair < order.length; pair++) {
        place[pair] = next[order[pair]]++;
    }
    return { place, firstPlace };
}

/**
 * Runs calls to the device, and waits for what it says of them. @throws Error if one was refused, or there is no memory
 */
function* Checked<T>(device: GPUDevice, calls: () => T): Work<T> {
    device.pushErrorScope("out-of-memory");
    device.pushErrorScope("validation");
    const made = calls();
    let refused: GPUError | null = null;
    yield Promise.all([device.popErrorScope(), device.popErrorScope()]).then((errors) => {
        refused = errors.find((error) => error !== null) ?? null;
    });
    if (refused) {
        throw new Error((refused as GPUError).message);
    }
    return made;
}

/** What one pass after the other uses, of whichever photo: large enough for the largest so far. */
class SharedBuffers {
    /** [n,3] */
    public readonly colors: GPUBuffer;
    /** [S,S,4] */
    public readonly picture: GPUBuffer;
    /** [S,S,3], and the processor's side of it. */
    public readonly values: GPUBuffer;
    public readonly valuesData: Float32Array<ArrayBuffer>;
    /** [pairs,3] */
    public readonly tileSums: GPUBuffer;
    /** [n,3] */
    public readonly sums: GPUBuffer;
    /** Comes back: a picture or sums. */
    public readonly read: GPUBuffer;
    private readonly _owned: OwnedBuffers;
    private readonly _size: number;
    private readonly _pairs: number;
    private readonly _count: number;

    /** @param before what it replaces */
    public constructor(device: GPUDevice, size: number, pairs: number, count: number, before: SharedBuffers | null) {
        this._size = Math.max(size, before?._size ?? 0);
        this._pairs = Math.max(pairs, before?._pairs ?? 0);
        this._count = Math.max(count, before?._count ?? 0);
        const pixels = this._size ** 2;
        this._owned = new OwnedBuffers(device, "refine");
        this.colors = this._owned.create("colors", 12 * this._count);
        this.picture = this._owned.create("picture", 16 * pixels);
        this.values = this._owned.create("values", 12 * pixels);
        this.valuesData = new Float32Array(3 * pixels);
        this.tileSums = this._owned.create("tileSums", 12 * this._pairs);
        this.sums = this._owned.create("sums", 12 * this._count);
        const most = Math.max(16 * pixels, 12 * this._count);
        this.read = this._owned.create("read", most, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
    }

    public get byteLength(): number {
        return this._owned.byteLength + this.valuesData.byteLength;
    }

    public isEnough(size: number, pairs: number, count: number): boolean {
        return this._size >= size && this._pairs >= pairs && this._count >= count;
    }

    public dispose(): void {
        this._owned.dispose();
    }
}

/** Lists with the places of their sums. */
interface IPlacedLists extends ITileLists {
    readonly place: Uint32Array<ArrayBuffer>;
    readonly firstPlace: Uint32Array<ArrayBuffer>;
}

/** A kernel with its bind groups 1 and 2. */
interface IBoundKernel {
    readonly kernel: Kernel;
    readonly reads: GPUBindGroup;
    readonly writes: GPUBindGroup;
}

/** One photo's w: its ellipses and lists. */
class GpuSplatWeights implements ISplatWeights {
    private readonly _owned: OwnedBuffers;
    private readonly _across: number;
    private readonly _rowsPerSubmit: number;
    private readonly _count: number;
    private readonly _ellipses: GPUBuffer;
    private readonly _order: GPUBuffer;
    private readonly _start: GPUBuffer;
    private readonly _place: GPUBuffer;
    private readonly _firstPlace: GPUBuffer;
    /** RefineParams by strip of tiles. */
    private readonly _params: readonly GPUBufferBinding[];

    public constructor(
        private readonly _device: GPUDevice,
        private readonly _kernels: Kernels,
        private readonly _sharedNow: () => SharedBuffers | null,
        ellipses: IEllipses,
        public readonly size: number,
        { across, order, start, place, firstPlace }: IPlacedLists,
    ) {
        this._owned = new OwnedBuffers(_device, "refine");
        this._across = across;
        this._rowsPerSubmit = Math.max(1, Math.floor(TilesPerSubmit / across));
        this._count = ellipses.count;
        const packed = PackEllipses(ellipses);
        this._ellipses = this._owned.create("ellipses", Math.max(RefineEllipseLayout.byteLength, packed.byteLength));
        _device.queue.writeBuffer(this._ellipses, 0, packed);
        this._order = this._owned.createFrom("order", order);
        this._start = this._owned.createFrom("start", start);
        this._place = this._owned.createFrom("place", place);
        this._firstPlace = this._owned.createFrom("firstPlace", firstPlace);
        const strips = Math.ceil(across / this._rowsPerSubmit);
        const params = new StructData(BindingAlignment * strips);
        const { offsets } = RefineParamsLayout;
        for (let strip = 0; strip < strips; strip++) {
            const at = (BindingAlignment / 4) * strip;
            params.words[at + offsets.size / 4] = size;
            params.words[at + offsets.across / 4] = across;
            params.words[at + offsets.firstRow / 4] = strip * this._rowsPerSubmit;
            params.words[at + offsets.gaussianCount / 4] = ellipses.count;
        }
        const buffer = this._owned.create(
            "params",
            params.bytes.byteLength,
            GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
        );
        _device.queue.writeBuffer(buffer, 0, params.bytes);
        this._params = Array.from({ length: strips }, (_, strip) => ({
            buffer,
            offset: BindingAlignment * strip,
            size: RefineParamsLayout.byteLength,
        }));
    }

    /** Bytes of GPU memory held. */
    public get byteLength(): number {
        return this._owned.byteLength;
    }

    /** See {@link ISplatWeights.pass}. */
    public *pass(colors: Float32Array | null, step: PixelStep, into: Float32Array | null): Work<void> {
        const { queue } = this._device;
        const shared = this._shared();
        const pixels = this.size ** 2;
        const stepWhole = function* (drawn: Float32Array): Work<void> {
            const lines = Math.ceil(pixels / LinesPerYield);
            for (let pixel = 0; pixel < pixels;) {
                for (const end = Math.min(pixels, pixel + lines); pixel < end; pixel++) {
                    step(pixel, drawn, shared.valuesData, pixel);
                }
                yield pixel / pixels;
            }
        };
        if (colors) {
            queue.writeBuffer(shared.colors, 0, colors as Float32Array<ArrayBuffer>);
            yield* Within(this._tiles(this._drawing(shared)), 0, 0.3);
            yield* Within(this._read(shared, shared.picture, 4 * pixels, stepWhole), 0.3, 0.5);
        } else {
            yield* Within(stepWhole(NoPicture), 0, 0.5);
        }
        if (into) {
            queue.writeBuffer(shared.values, 0, shared.valuesData, 0, 3 * pixels);
            const encoder = this._device.createCommandEncoder();
            encoder.clearBuffer(shared.tileSums);
            queue.submit([encoder.finish()]);
            yield* Within(this._tiles(this._gathering(shared)), 0.5, 0.9);
            yield* Checked(this._device, () =>
                this._submit(this._summing(shared), 0, (pass) =>
                    pass.dispatchWorkgroups(Math.ceil(this._count / WorkgroupSizes.refineSum)),
                ),
            );
            // eslint-disable-next-line require-yield
            const add = function* (sums: Float32Array): Work<void> {
                for (let i = 0; i < sums.length; i++) {
                    into[i] += sums[i];
                }
            };
            yield* Within(this._read(shared, shared.sums, 3 * this._count, add), 0.9, 1);
        }
    }

    /** See {@link ISplatWeights.dispose}. */
    public dispose(): void {
        this._owned.dispose();
    }

    /** Runs a kernel over all tiles, some rows at a time. */
    private *_tiles(kernel: IBoundKernel): Work<void> {
        for (let row = 0, strip = 0; row < this._across; row += this._rowsPerSubmit, strip++) {
            const rows = Math.min(this._rowsPerSubmit, this._across - row);
            yield* Checked(this._device, () =>
                this._submit(kernel, strip, (pass) => pass.dispatchWorkgroups(this._across, rows)),
            );
            yield this._device.queue.onSubmittedWorkDone();
            yield (row + rows) / this._across;
        }
    }

    private _submit(
        { kernel, reads, writes }: IBoundKernel,
        strip: number,
        dispatch: (pass: GPUComputePassEncoder) => void,
    ): void {
        const encoder = this._device.createCommandEncoder();
        const pass = encoder.beginComputePass(PassDescriptor);
        pass.setPipeline(kernel.pipeline);
        kernel.bind(pass, 0, this._params[strip]);
        pass.setBindGroup(1, reads);
        pass.setBindGroup(2, writes);
        dispatch(pass);
        pass.end();
        this._device.queue.submit([encoder.finish()]);
    }

    /** Works on the first numbers of a buffer where they were mapped, without a copy. */
    private *_read(
        shared: SharedBuffers,
        source: GPUBuffer,
        count: number,
        work: (numbers: Float32Array) => Work<void>,
    ): Work<void> {
        const encoder = this._device.createCommandEncoder();
        encoder.copyBufferToBuffer(source, 0, shared.read, 0, 4 * count);
        this._device.queue.submit([encoder.finish()]);
        yield shared.read.mapAsync(GPUMapMode.READ, 0, 4 * count); // refused if the device is lost
        try {
            yield* work(new Float32Array(shared.read.getMappedRange(0, 4 * count)));
        } finally {
            shared.read.unmap();
        }
    }

    /** What is shared now: a larger photo may have replaced it. */
    private _shared(): SharedBuffers {
        const shared = this._sharedNow();
        if (!shared || this._owned.isDisposed) {
            throw new Error("these weights were disposed");
        }
        return shared;
    }

    private _drawing({ colors, picture }: SharedBuffers): IBoundKernel {
        const kernel = this._kernels.refineDraw;
        const reads = kernel.group(1, this._ellipses, this._order, this._start, colors);
        return { kernel, reads, writes: kernel.group(2, picture) };
    }

    private _gathering({ values, tileSums }: SharedBuffers): IBoundKernel {
        const kernel = this._kernels.refineGather;
        const reads = kernel.group(1, this._ellipses, this._order, this._start, this._place, values);
        return { kernel, reads, writes: kernel.group(2, tileSums) };
    }

    private _summing({ tileSums, sums }: SharedBuffers): IBoundKernel {
        const kernel = this._kernels.refineSum;
        return { kernel, reads: kernel.group(1, tileSums, this._firstPlace), writes: kernel.group(2, sums) };
    }
}

/** To RefineEllipse. */
function PackEllipses({ count, center, conic, opacity }: IEllipses): Float32Array<ArrayBuffer> {
    const packed = new StructArray(RefineEllipseLayout, count);
    for (let i = 0; i < count; i++) {
        packed.setFloats("center", center.subarray(2 * i, 2 * i + 2), i);
        packed.setFloat("conicXx", conic[3 * i], i);
        packed.setFloat("conicXy", conic[3 * i + 1], i);
        packed.setFloat("conicYy", conic[3 * i + 2], i);
        packed.setFloat("opacity", opacity[i], i);
    }
    return packed.floats;
}
