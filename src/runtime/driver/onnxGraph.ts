/**
 * Reads the part of an ONNX file that describes a graph of float networks: nodes, attributes, and initialisers, also
 * those in an external-data file. Written by hand, because what it needs of protobuf is 60 lines, and protobufjs is 20
 * KB gzip. Field numbers are those of onnx.proto3.
 */
import { FlexAvatarError } from "../../flame/error.js";
import { FloatsFromHalves } from "../format/half.js";

/** A constant tensor. Whole-number tensors are converted too; half precision is widened. */
export interface IOnnxTensor {
    dims: readonly number[];
    data: Float32Array;
}

/** One operation. */
export interface IOnnxNode {
    op: string;
    name: string;
    inputs: readonly string[];
    outputs: readonly string[];
    numbers: Readonly<Record<string, readonly number[]>>;
    texts: Readonly<Record<string, string>>;
}

/** What {@link ReadOnnxGraph} returns. */
export interface IOnnxGraph {
    nodes: readonly IOnnxNode[];
    constants: ReadonlyMap<string, IOnnxTensor>;
    /** Names of the inputs that are no constants, and of the outputs. */
    inputs: readonly string[];
    outputs: readonly string[];
}

/**
 * @param file bytes of an .onnx file
 * @param external contents of external-data files by the name that the graph uses for them
 * @throws FlexAvatarError `file-format` if it is cut off, or names data that is not there
 */
export function ReadOnnxGraph(file: Uint8Array, external: ReadonlyMap<string, Uint8Array>): IOnnxGraph {
    const graphs = ReadFields(file).get(7);
    if (graphs?.length !== 1) {
        throw Wrong("it has no graph");
    }
    const graph = ReadFields(Bytes(graphs[0]));
    const constants = new Map<string, IOnnxTensor>();
    for (const value of graph.get(5) ?? []) {
        const tensor = ReadFields(Bytes(value));
        constants.set(Text(tensor, 8), ReadTensor(tensor, external));
    }
    const names = (field: number): string[] =>
        (graph.get(field) ?? []).map((value) => Text(ReadFields(Bytes(value)), 1));
    return {
        nodes: (graph.get(1) ?? []).map((value) => ReadNode(ReadFields(Bytes(value)))),
        constants,
        inputs: names(11).filter((name) => !constants.has(name)),
        outputs: names(12),
    };
}

/** A field's value: a number, or the bytes of a text, message or packed list. */
type Value = number | Uint8Array;
type Fields = ReadonlyMap<number, Value[]>;

/** Splits a protobuf message. Whole numbers above 2^53 lose precision. */
function ReadFields(message: Uint8Array): Fields {
    const found = new Map<number, Value[]>();
    const reader = new ProtoReader(message);
    while (!reader.atEnd) {
        const key = reader.varint();
        const value = reader.value(key & 7);
        const values = found.get(key >>> 3);
        if (values) {
            values.push(value);
        } else {
            found.set(key >>> 3, [value]);
        }
    }
    return found;
}

class ProtoReader {
    private _at = 0;

    public constructor(private readonly _bytes: Uint8Array) {}

    public get atEnd(): boolean {
        return this._at >= this._bytes.length;
    }

    /** 64 bits in two's complement. */
    public varint(): number {
        let value = 0n;
        for (let shift = 0; shift < 70; shift += 7) {
            const byte = this._bytes[this._take(1)];
            value |= BigInt(byte & 127) << BigInt(shift);
            if (byte < 128) {
                return Number(BigInt.asIntN(64, value));
            }
        }
        throw Wrong("a number is too long");
    }

    /** A value of a wire type: 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes (a float). */
    public value(wireType: number): Value {
        switch (wireType) {
            case 0:
                return this.varint();
            case 1:
                return this._slice(8);
            case 2:
                return this._slice(this.varint());
            case 5: {
                const four = this._slice(4);
                return new DataView(four.buffer, four.byteOffset).getFloat32(0, true);
            }
            default:
                throw Wrong(`wire type ${wireType} is not known`);
        }
    }

    private _slice(length: number): Uint8Array {
        const start = this._take(length);
        return this._bytes.subarray(start, start + length);
    }

    private _take(length: number): number {
        const start = this._at;
        this._at += length;
        if (length < 0 || this._at > this._bytes.length) {
            throw Wrong("it is cut off");
        }
        return start;
    }
}

function ReadNode(node: Fields): IOnnxNode {
    const numbers: Record<string, readonly number[]> = {};
    const texts: Record<string, string> = {};
    for (const value of node.get(5) ?? []) {
        const attribute = ReadFields(Bytes(value));
        const name = Text(attribute, 1);
        const single = attribute.get(3) ?? attribute.get(2);
        numbers[name] = single ? (single as number[]) : [...WholeNumbers(attribute, 8), ...Floats(attribute, 7)];
        texts[name] = Text(attribute, 4);
    }
    const list = (field: number): string[] => (node.get(field) ?? []).map((value) => Decode(Bytes(value)));
    return { op: Text(node, 4), name: Text(node, 3), inputs: list(1), outputs: list(2), numbers, texts };
}

function ReadTensor(tensor: Fields, external: ReadonlyMap<string, Uint8Array>): IOnnxTensor {
    const name = Text(tensor, 8);
    const dims = WholeNumbers(tensor, 1);
    const count = dims.reduce((product, size) => product * size, 1);
    const type = tensor.get(2)?.[0];
    let raw = tensor.get(9)?.[0] as Uint8Array | undefined;
    if (tensor.get(14)?.[0] === 1) {
        const entries = Object.fromEntries(
            (tensor.get(13) ?? []).map((entry) => [
                Text(ReadFields(Bytes(entry)), 1),
                Text(ReadFields(Bytes(entry)), 2),
            ]),
        );
        const file = external.get(entries.location);
        const offset = Number(entries.offset ?? 0);
        const length = Number(entries.length);
        if (file === undefined || !(offset >= 0 && length >= 0 && offset + length <= file.length)) {
            throw Wrong(`${name} lies outside of ${entries.location}`);
        }
        raw = file.subarray(offset, offset + length);
    }
    let data: Float32Array;
    if (raw === undefined) {
        data = Float32Array.from([...Floats(tensor, 4), ...WholeNumbers(tensor, 7), ...WholeNumbers(tensor, 5)]);
    } else {
        const own = new Uint8Array(raw).buffer; // aligned
        if (type === 1) {
            data = new Float32Array(own);
        } else if (type === 10) {
            data = FloatsFromHalves(new Uint16Array(own));
        } else if (type === 7) {
            data = Float32Array.from(new BigInt64Array(own), Number);
        } else {
            throw Wrong(`${name} has element type ${type}`);
        }
    }
    if (data.length !== count) {
        throw Wrong(`${name} has ${data.length} values and shape [${dims.join(",")}]`);
    }
    return { dims, data };
}

/** A repeated whole-number field, packed or not. */
function WholeNumbers(message: Fields, field: number): number[] {
    return (message.get(field) ?? []).flatMap((value) => {
        if (typeof value === "number") {
            return [value];
        }
        const reader = new ProtoReader(value);
        const numbers: number[] = [];
        while (!reader.atEnd) {
            numbers.push(reader.varint());
        }
        return numbers;
    });
}

/** A repeated float field, packed or not. */
function Floats(message: Fields, field: number): number[] {
    return (message.get(field) ?? []).flatMap((value) =>
        typeof value === "number" ? [value] : [...new Float32Array(new Uint8Array(value).buffer)],
    );
}

function Text(message: Fields, field: number): string {
    const value = message.get(field)?.[0];
    return value instanceof Uint8Array ? Decode(value) : "";
}

function Bytes(value: Value): Uint8Array {
    if (typeof value === "number") {
        throw Wrong("a message is a number");
    }
    return value;
}

function Decode(value: Uint8Array): string {
    return new TextDecoder().decode(value);
}

function Wrong(what: string): FlexAvatarError {
    return new FlexAvatarError("file-format", `The ONNX file cannot be read: ${what}.`);
}
