/**
 * The compute and draw passes of one frame of ours, one by one: time, dispatches, and bytes against the least that must
 * move.
 */
import { DigitCount, DrawArgsLayout, RadixDigits, RadixTileSize } from "../../src/runtime/layout";
import { FrameBytes, type IPassBytes } from "../../src/runtime/passes";
import type { Ours } from "./ours";

/** Passes that draw; the others are dispatches. */
const RenderPasses = ["splatOccluder", "splatDraw"];

/** One pass. */
export interface IPassCost {
    name: string;
    /** GPU milliseconds of each frame; empty where the device has no timestamps. */
    ms: number[];
}

/** All passes of a frame. */
export interface IPassReport {
    gaussians: number;
    visible: number;
    sorter: string;
    /** Whether colors and fragments were computed in half precision. */
    half: boolean;
    dispatches: number;
    passes: IPassCost[];
    bytes: IPassBytes[];
}

/** Runs frames with every dispatch in a pass of its own between two timestamps. */
export async function MeasurePassesAsync(ours: Ours, frames: number): Promise<IPassReport> {
    const { device } = ours;
    const timer = device.features.has("timestamp-query") ? new PassTimer(device) : null;
    const costs = new Map<string, IPassCost>();
    let names: string[] = [];
    for (let frame = -1; frame < frames; frame++) {
        const encoder = device.createCommandEncoder();
        names = [];
        ours.setFrame(Math.max(0, frame));
        ours.compute(SplitPasses(encoder, names, timer));
        ours.render(encoder, timer?.writes(names.length));
        names.push("splatDraw");
        timer?.resolve(encoder, names.length);
        device.queue.submit([encoder.finish()]);
        await device.queue.onSubmittedWorkDone();
        const times = timer ? await timer.readAsync(names.length) : [];
        names.forEach((name, i) => {
            const cost = costs.get(name) ?? { name, ms: [] };
            costs.set(name, cost);
            if (frame >= 0 && timer) {
                cost.ms.push(times[i]); // the first frame warms up
            }
        });
    }
    timer?.dispose();
    const visible = await ReadVisibleCountAsync(ours);
    const passes = [...costs.values()];
    return {
        gaussians: ours.avatar.gaussianCount,
        visible,
        sorter: ours.pipeline.sorter.name,
        half: ours.pipeline.half && ours.draw.half,
        dispatches: names.filter((name) => !RenderPasses.includes(name)).length,
        passes,
        bytes: BytesOf(ours, visible),
    };
}

/** An encoder that gives each dispatch a compute pass of its own, and notes the names of their kernels. */
function SplitPasses(encoder: GPUCommandEncoder, names: string[], timer: PassTimer | null): GPUCommandEncoder {
    const split = {
        beginRenderPass(descriptor: GPURenderPassDescriptor): GPURenderPassEncoder {
            const timestampWrites = timer?.writes(names.length);
            names.push(String(descriptor.label));
            return encoder.beginRenderPass({ ...descriptor, timestampWrites });
        },
        clearBuffer: (buffer: GPUBuffer) => encoder.clearBuffer(buffer),
        beginComputePass(): unknown {
            let pipeline: GPUComputePipeline;
            const groups: GPUBindGroup[] = [];
            const run = (dispatch: (pass: GPUComputePassEncoder) => void): void => {
                const pass = encoder.beginComputePass({ timestampWrites: timer?.writes(names.length) });
                const before = names.filter((name) => name.startsWith(pipeline.label)).length;
                names.push(before > 0 ? `${pipeline.label} ${before + 1}` : pipeline.label);
                pass.setPipeline(pipeline);
                groups.forEach((group, index) => pass.setBindGroup(index, group));
                dispatch(pass);
                pass.end();
            };
            return {
                setPipeline: (next: GPUComputePipeline) => void ((pipeline = next), (groups.length = 0)),
                setBindGroup: (index: number, group: GPUBindGroup) => void (groups[index] = group),
                dispatchWorkgroups: (x: number, y?: number, z?: number) =>
                    run((pass) => pass.dispatchWorkgroups(x, y, z)),
                dispatchWorkgroupsIndirect: (buffer: GPUBuffer, offset: number) =>
                    run((pass) => pass.dispatchWorkgroupsIndirect(buffer, offset)),
                end: () => undefined,
            };
        },
    };
    return split as unknown as GPUCommandEncoder;
}

/**
 * What the passes move and the least that they could, for one avatar whose texels are all dynamic and whose newest
 * delta map counts alone.
 */
function BytesOf({ avatar, head, pipeline }: Ours, visible: number): IPassBytes[] {
    const records = avatar.gaussianCount;
    const size = {
        gaussianCount: records,
        dynamicCount: records,
        vertexCount: head.model.vertexCount,
        expressionEntryCount: head.model.expressionVertex.length,
        occluderIndexCount: head.occluderIndexCount,
    };
    const tiles = 2 * 4 * RadixDigits * DigitCount * Math.ceil(records / RadixTileSize);
    return FrameBytes([size], 1, visible / records).map((row) =>
        row.pass === "sort" && pipeline.sorter.name === "radix"
            ? // Keys are read twice, then pairs three times; pairs are written three times, and the order.
              { ...row, readBytes: 8 * records + 24 * visible + tiles, writtenBytes: 28 * visible + tiles }
            : row,
    );
}

async function ReadVisibleCountAsync({ device, view }: Ours): Promise<number> {
    const staging = device.createBuffer({ size: 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(view.drawArgs, DrawArgsLayout.offsets.visibleCount, staging, 0, 4);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const [visible] = new Uint32Array(staging.getMappedRange());
    staging.destroy();
    return visible;
}

/** Timestamps around up to 32 passes. */
class PassTimer {
    private readonly _set: GPUQuerySet;
    private readonly _resolved: GPUBuffer;
    private readonly _read: GPUBuffer;

    public constructor(device: GPUDevice) {
        this._set = device.createQuerySet({ type: "timestamp", count: 64 });
        this._resolved = device.createBuffer({
            size: 512,
            usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
        });
        this._read = device.createBuffer({ size: 512, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    }

    public writes(pass: number): GPURenderPassTimestampWrites & GPUComputePassTimestampWrites {
        return { querySet: this._set, beginningOfPassWriteIndex: 2 * pass, endOfPassWriteIndex: 2 * pass + 1 };
    }

    public resolve(encoder: GPUCommandEncoder, passes: number): void {
        encoder.resolveQuerySet(this._set, 0, 2 * passes, this._resolved, 0);
        encoder.copyBufferToBuffer(this._resolved, 0, this._read, 0, 512);
    }

    public async readAsync(passes: number): Promise<number[]> {
        await this._read.mapAsync(GPUMapMode.READ);
        const stamps = new BigUint64Array(this._read.getMappedRange());
        const ms = Array.from({ length: passes }, (_, i) => Number(stamps[2 * i + 1] - stamps[2 * i]) / 1e6);
        this._read.unmap();
        return ms;
    }

    public dispose(): void {
        this._set.destroy();
        this._resolved.destroy();
        this._read.destroy();
    }
}
