/** Buffers that one object owns, destroyed together, once. */

/** Creates GPU buffers and destroys them all on {@link dispose}. */
export class OwnedBuffers {
    private readonly _buffers: GPUBuffer[] = [];
    private _disposed = false;

    /**
     * @param device borrowed
     * @param owner start of every label
     */
    public constructor(
        public readonly device: GPUDevice,
        private readonly _owner: string,
    ) {}

    /** True after {@link dispose}. */
    public get isDisposed(): boolean {
        return this._disposed;
    }

    /** Bytes held. */
    public get byteLength(): number {
        return this._disposed ? 0 : this._buffers.reduce((sum, buffer) => sum + buffer.size, 0);
    }

    /** A zeroed buffer of at least 16 bytes. STORAGE, COPY_DST and COPY_SRC unless told otherwise. */
    public create(
        name: string,
        byteLength: number,
        usage: GPUBufferUsageFlags = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC,
    ): GPUBuffer {
        const size = Math.max(16, Math.ceil(byteLength / 4) * 4);
        const buffer = this.device.createBuffer({ label: `${this._owner}.${name}`, size, usage });
        this._buffers.push(buffer);
        return buffer;
    }

    /** A storage buffer that holds `data`. */
    public createFrom(name: string, data: Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>): GPUBuffer {
        const buffer = this.create(name, data.byteLength);
        this.device.queue.writeBuffer(buffer, 0, data);
        return buffer;
    }

    /** Destroys every buffer. A second call does nothing. */
    public dispose(): void {
        this._disposed = true;
        for (const buffer of this._buffers.splice(0)) {
            buffer.destroy();
        }
    }
}
