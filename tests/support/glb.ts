/** Small glTF binaries made for a test. */

/** Collects arrays of a file and hands out the numbers of their accessors. */
export class GlbWriter {
    public readonly accessors: object[] = [];
    private readonly _views: object[] = [];
    private readonly _chunks: Uint8Array[] = [];
    private _length = 0;

    /** @returns the accessor's number */
    public add(type: "SCALAR" | "VEC3" | "VEC4", data: Float32Array | Int16Array, extra: object = {}): number {
        const size = { SCALAR: 1, VEC3: 3, VEC4: 4 }[type];
        const chunk = new Uint8Array(4 * Math.ceil(data.byteLength / 4));
        chunk.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
        this._views.push({ buffer: 0, byteOffset: this._length, byteLength: data.byteLength });
        this._chunks.push(chunk);
        this._length += chunk.byteLength;
        const componentType = data instanceof Float32Array ? 5126 : 5122;
        const bounds = type === "SCALAR" ? { min: [Math.min(...data)], max: [Math.max(...data)] } : {};
        return (
            this.accessors.push({
                bufferView: this._views.length - 1,
                componentType,
                count: data.length / size,
                type,
                ...bounds,
                ...extra,
            }) - 1
        );
    }

    /** @returns the whole file */
    public write(gltf: object): ArrayBuffer {
        const text = JSON.stringify({
            asset: { version: "2.0" },
            ...gltf,
            accessors: this.accessors,
            bufferViews: this._views,
            buffers: [{ byteLength: this._length }],
        });
        const json = new TextEncoder().encode(text.padEnd(4 * Math.ceil(text.length / 4)));
        const file = new Uint8Array(28 + json.length + this._length);
        const view = new DataView(file.buffer);
        [0x46546c67, 2, file.length, json.length, 0x4e4f534a].forEach((word, index) =>
            view.setUint32(4 * index, word, true),
        );
        file.set(json, 20);
        view.setUint32(20 + json.length, this._length, true);
        view.setUint32(24 + json.length, 0x004e4942, true);
        let at = 28 + json.length;
        for (const chunk of this._chunks) {
            file.set(chunk, at);
            at += chunk.length;
        }
        return file.buffer;
    }
}
