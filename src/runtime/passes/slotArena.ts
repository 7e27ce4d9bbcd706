/**
 * GPU buffers that several owners share, each with a slot of the same size in all of them, so that one dispatch reaches
 * every owner. Buffers grow when a slot is missing (their content moves along) and go when the last slot is given back.
 */
import { FlexAvatarError } from "../../flame/error.js";

const Usage = (): GPUBufferUsageFlags => GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;

/** Slots of one kind. */
export class SlotArena<Name extends string> {
    private readonly _buffers = new Map<Name, GPUBuffer>();
    private readonly _free: number[] = [];
    private _capacity = 0;
    private _used = 0;

    /**
     * @param device borrowed
     * @param _owner start of every label
     * @param _bytes bytes of a slot in each buffer, multiples of 4
     */
    public constructor(
        public readonly device: GPUDevice,
        private readonly _owner: string,
        private readonly _bytes: Readonly<Record<Name, number>>,
    ) {}

    /** Slots in use. */
    public get usedCount(): number {
        return this._used;
    }

    /** Bytes of GPU memory held. */
    public get byteLength(): number {
        return this._capacity * this.slotByteLength;
    }

    /** Bytes of one slot. */
    public get slotByteLength(): number {
        return (Object.values(this._bytes) as number[]).reduce((sum, bytes) => sum + bytes, 0);
    }

    /** A buffer, as long as a slot is in use and none is acquired. */
    public buffer(name: Name): GPUBuffer {
        return this._buffers.get(name)!;
    }

    /** Byte at which a slot begins in a buffer. */
    public offset(name: Name, slot: number): number {
        return slot * this._bytes[name];
    }

    /** Where a slot lies in a buffer. */
    public binding(name: Name, slot: number): { buffer: GPUBuffer; offset: number; size: number } {
        return { buffer: this.buffer(name), offset: this.offset(name, slot), size: this._bytes[name] };
    }

    /**
     * Takes a slot, zeroed.
     * @throws FlexAvatarError `too-many-avatars` if the device allows no buffer that large
     */
    public acquire(): number {
        if (this._free.length === 0) {
            this._grow();
        }
        const slot = this._free.pop()!;
        this._used++;
        return slot;
    }

    /** Gives a slot back. */
    public release(slot: number): void {
        if (--this._used === 0) {
            this._buffers.forEach((buffer) => buffer.destroy());
            this._buffers.clear();
            this._free.length = 0;
            this._capacity = 0;
            return;
        }
        const encoder = this.device.createCommandEncoder({ label: `${this._owner}.release` });
        for (const name of this._buffers.keys()) {
            const { buffer, offset, size } = this.binding(name, slot);
            encoder.clearBuffer(buffer, offset, size);
        }
        this.device.queue.submit([encoder.finish()]);
        this._free.push(slot);
    }

    /** Room for one more, and for an eighth of what is there. */
    private _grow(): void {
        const wanted = this._capacity + 1;
        const largest = Math.max(...(Object.values(this._bytes) as number[]));
        const { maxStorageBufferBindingSize, maxBufferSize } = this.device.limits;
        const most = Math.floor(Math.min(maxStorageBufferBindingSize, maxBufferSize) / largest);
        if (wanted > most) {
            throw new FlexAvatarError(
                "too-many-avatars",
                `This GPU device holds ${most} avatars of this size in one buffer, and one more was wanted.`,
            );
        }
        const capacity = Math.min(most, wanted + (this._capacity >> 3));
        const encoder = this.device.createCommandEncoder({ label: `${this._owner}.grow` });
        const old = [...this._buffers.values()];
        for (const name of Object.keys(this._bytes) as Name[]) {
            const buffer = this.device.createBuffer({
                label: `${this._owner}.${name}`,
                size: capacity * this._bytes[name],
                usage: Usage(),
            });
            const before = this._buffers.get(name);
            if (before) {
                encoder.copyBufferToBuffer(before, 0, buffer, 0, before.size);
            }
            this._buffers.set(name, buffer);
        }
        this.device.queue.submit([encoder.finish()]);
        old.forEach((buffer) => buffer.destroy());
        for (let slot = capacity - 1; slot >= this._capacity; slot--) {
            this._free.push(slot);
        }
        this._capacity = capacity;
    }
}
