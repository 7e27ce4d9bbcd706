/**
 * How long compute passes take on a device, by the best clock it has. For choices at start-up and for benchmarks, not
 * for frames.
 */

/** Descriptor of the `index`-th of `count` compute passes that are timed as one stretch. */
export type PassDescriptor = (index: number, count: number) => GPUComputePassDescriptor;

/** Times a stretch of compute passes. */
export interface IStopwatch {
    /** What tells the time: GPU timestamps, or when submitted work was done. */
    readonly clock: "timestamp" | "workDone";
    /** Milliseconds that the recorded passes took. */
    timeAsync(record: (encoder: GPUCommandEncoder, descriptor: PassDescriptor) => void): Promise<number>;
    /** Destroys its buffers. */
    dispose(): void;
}

/** The better clock that the device has. */
export function CreateStopwatch(device: GPUDevice): IStopwatch {
    return device.features.has("timestamp-query") ? new TimestampStopwatch(device) : new WorkDoneStopwatch(device);
}

class TimestampStopwatch implements IStopwatch {
    public readonly clock = "timestamp";
    private readonly _querySet: GPUQuerySet;
    private readonly _resolved: GPUBuffer;
    private readonly _read: GPUBuffer;

    public constructor(private readonly _device: GPUDevice) {
        this._querySet = _device.createQuerySet({ label: "stopwatch", type: "timestamp", count: 2 });
        this._resolved = _device.createBuffer({
            label: "stopwatch.resolved",
            size: 16,
            usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
        });
        this._read = _device.createBuffer({
            label: "stopwatch.read",
            size: 16,
            usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
        });
    }

    public async timeAsync(record: (encoder: GPUCommandEncoder, descriptor: PassDescriptor) => void): Promise<number> {
        const encoder = this._device.createCommandEncoder();
        record(encoder, (index, count) => {
            const timestampWrites: GPUComputePassTimestampWrites = { querySet: this._querySet };
            if (index === 0) {
                timestampWrites.beginningOfPassWriteIndex = 0;
            }
            if (index === count - 1) {
                timestampWrites.endOfPassWriteIndex = 1;
            }
            return index === 0 || index === count - 1 ? { timestampWrites } : {};
        });
        encoder.resolveQuerySet(this._querySet, 0, 2, this._resolved, 0);
        encoder.copyBufferToBuffer(this._resolved, 0, this._read, 0, 16);
        this._device.queue.submit([encoder.finish()]);
        await this._read.mapAsync(GPUMapMode.READ);
        const [begin, end] = new BigUint64Array(this._read.getMappedRange());
        const ms = Number(end - begin) / 1e6;
        this._read.unmap();
        return ms;
    }

    public dispose(): void {
        this._querySet.destroy();
        this._resolved.destroy();
        this._read.destroy();
    }
}

class WorkDoneStopwatch implements IStopwatch {
    public readonly clock = "workDone";
    public constructor(private readonly _device: GPUDevice) {}

    public async timeAsync(record: (encoder: GPUCommandEncoder, descriptor: PassDescriptor) => void): Promise<number> {
        const encoder = this._device.createCommandEncoder();
        record(encoder, () => ({}));
        const commands = encoder.finish();
        await this._device.queue.onSubmittedWorkDone();
        const begin = performance.now();
        this._device.queue.submit([commands]);
        await this._device.queue.onSubmittedWorkDone();
        return performance.now() - begin;
    }

    public dispose(): void {}
}
