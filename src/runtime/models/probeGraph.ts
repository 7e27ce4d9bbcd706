/** The smallest ONNX graph that proves a device works, written by hand so that the self-check needs no file. */

/** Bytes of a protobuf message being written. Only the two wire types that the graph needs. */
class ProtoWriter {
    private readonly _bytes: number[] = [];

    public number(field: number, value: number): this {
        this._bytes.push(field << 3);
        return this._varint(value);
    }

    public message(field: number, content: ProtoWriter | string): this {
        const bytes = typeof content === "string" ? Array.from(new TextEncoder().encode(content)) : content._bytes;
        this._bytes.push((field << 3) | 2);
        this._varint(bytes.length);
        for (const byte of bytes) {
            this._bytes.push(byte);
        }
        return this;
    }

    public finish(): Uint8Array<ArrayBuffer> {
        return new Uint8Array(this._bytes);
    }

    private _varint(value: number): this {
        while (value > 127) {
            this._bytes.push((value & 127) | 128);
            value >>>= 7;
        }
        this._bytes.push(value);
        return this;
    }
}

/**
 * Builds an ONNX model (IR 8, opset 17): `output` = `first` + `second`, all float32 of one shape. The two inputs may be
 * the same. Field numbers are those of onnx.proto3: ModelProto, GraphProto, NodeProto, ValueInfoProto, TypeProto,
 * TensorShapeProto.
 * @param shape sizes of all three tensors
 * @returns the bytes of the model
 */
export function BuildSumGraph(
    shape: readonly number[],
    first: string,
    second: string,
    output: string,
): Uint8Array<ArrayBuffer> {
    const message = (): ProtoWriter => new ProtoWriter();
    const value = (name: string): ProtoWriter => {
        const sizes = shape.reduce((all, size) => all.message(1, message().number(1, size)), message());
        const tensorType = message().number(1, 1).message(2, sizes); // element type 1 is float32
        return message().message(1, name).message(2, message().message(1, tensorType));
    };
    const node = message().message(1, first).message(1, second).message(2, output).message(4, "Add");
    const graph = message().message(1, node).message(2, "sum");
    for (const name of new Set([first, second])) {
        graph.message(11, value(name));
    }
    graph.message(12, value(output));
    return message().number(1, 8).message(7, graph).message(8, message().number(2, 17)).finish();
}
