/**
 * Reads Gaussians from binary PLY files: the layout of 3D Gaussian Splatting (Kerbl et al. 2023) with its properties in
 * any order and of any type, and the packed one of PlayCanvas' tools, chunks of 256. Higher harmonics and unknown
 * properties are passed over.
 */
import { ConstantHarmonic } from "../format/splatFile.js";
import { CheckCount, CheckGaussians, CreateGaussians, WrongGaussians, type IGaussians } from "./gaussians.js";

/** Most bytes of a header. */
const MaxHeader = 64 * 1024;
/** Most properties of all elements. */
const MaxProperties = 256;
/** Gaussians that share a chunk of a packed file. */
const ChunkLength = 256;

type Read = (view: DataView, at: number) => number;

/** Types by both of their names: bytes, and how they are read. */
const Types: Readonly<Record<string, readonly [bytes: number, read: Read]>> = {
    char: [1, (view, at) => view.getInt8(at)],
    uchar: [1, (view, at) => view.getUint8(at)],
    short: [2, (view, at) => view.getInt16(at, true)],
    ushort: [2, (view, at) => view.getUint16(at, true)],
    int: [4, (view, at) => view.getInt32(at, true)],
    uint: [4, (view, at) => view.getUint32(at, true)],
    float: [4, (view, at) => view.getFloat32(at, true)],
    double: [8, (view, at) => view.getFloat64(at, true)],
};
const Synonyms: Readonly<Record<string, string>> = {
    int8: "char",
    uint8: "uchar",
    int16: "short",
    uint16: "ushort",
    int32: "int",
    uint32: "uint",
    float32: "float",
    float64: "double",
};

/** A property of an element. */
interface IProperty {
    readonly offset: number;
    readonly type: string;
    readonly read: Read;
}

/** Rows of an element. */
interface IElement {
    readonly name: string;
    readonly count: number;
    readonly properties: Map<string, IProperty>;
    /** Bytes of a row. */
    stride: number;
    /** Where the rows begin. */
    start: number;
}

/** Reads a number of a row. */
type Column = (row: number) => number;

/** Whether the bytes begin like PLY. */
export function IsPly(file: Uint8Array): boolean {
    return file[0] === 0x70 && file[1] === 0x6c && file[2] === 0x79 && (file[3] === 10 || file[3] === 13);
}

/**
 * @param isPlainColor whether `f_dc` is the color itself, 0..1, as in LAM's files, and no coefficient
 * @throws FlexAvatarError `file-format`
 */
export function ReadPly(file: Uint8Array, isPlainColor = false): IGaussians {
    const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
    const elements = ReadHeader(file);
    const vertex = elements.get("vertex");
    if (!vertex) {
        throw WrongGaussians("it is PLY without an element vertex");
    }
    CheckCount(vertex.count);
    return CheckGaussians(
        vertex.properties.has("packed_position")
            ? ReadPacked(view, vertex, elements.get("chunk"))
            : ReadPlain(view, vertex, isPlainColor),
    );
}

function ReadHeader(file: Uint8Array): Map<string, IElement> {
    const text = new TextDecoder("latin1").decode(file.subarray(0, MaxHeader));
    const end = /\nend_header\r?\n/.exec(text);
    if (!IsPly(file) || !end) {
        throw WrongGaussians(`it is no PLY with a header of at most ${MaxHeader} bytes`);
    }
    const elements = new Map<string, IElement>();
    let last: IElement | null = null;
    let isBinary = false;
    let properties = 0;
    for (const line of text.slice(0, end.index).split(/\r?\n/).slice(1)) {
        const [word, ...rest] = line.trim().split(/\s+/);
        if (word === "format") {
            isBinary = rest[0] === "binary_little_endian" && rest[1] === "1.0";
        } else if (word === "element") {
            const count = Number(rest[1]);
            if (!/^\d+$/.test(rest[1] ?? "") || !Number.isSafeInteger(count) || elements.has(rest[0])) {
                throw WrongGaussians(`its header has the line ${JSON.stringify(line.slice(0, 80))}`);
            }
            last = { name: rest[0], count, properties: new Map(), stride: 0, start: 0 };
            elements.set(rest[0], last);
        } else if (word === "property") {
            if (!last || ++properties > MaxProperties) {
                throw WrongGaussians(`a property belongs to no element, or there are more than ${MaxProperties}`);
            }
            AddProperty(last, rest);
        } else if (word !== "comment" && word !== "obj_info" && word !== "") {
            throw WrongGaussians(`its header has the line ${JSON.stringify(line.slice(0, 80))}`);
        }
    }
    if (!isBinary) {
        throw WrongGaussians("it is not PLY of the format binary_little_endian 1.0");
    }
    let at = end.index + end[0].length;
    for (const element of elements.values()) {
        element.start = at;
        at += element.count * element.stride;
        if (at > file.byteLength) {
            throw WrongGaussians(
                `${element.count} rows of ${element.name} end at ${at}; the file has ${file.byteLength} bytes`,
            );
        }
    }
    return elements;
}

function AddProperty(element: IElement, [typeName, name]: string[]): void {
    const type = Synonyms[typeName] ?? typeName;
    const known = Object.hasOwn(Types, type) ? Types[type] : undefined;
    if (!known || !name || element.properties.has(name)) {
        throw WrongGaussians(`property ${String(name)} of ${element.name} is of type ${typeName}, or there twice`);
    }
    element.properties.set(name, { offset: element.stride, type, read: known[1] });
    element.stride += known[0];
}

function ColumnOf(view: DataView, element: IElement, name: string): Column {
    const property = element.properties.get(name);
    if (!property) {
        throw WrongGaussians(`its element ${element.name} has no property ${name}`);
    }
    const { read, offset } = property;
    return (row) => read(view, element.start + row * element.stride + offset);
}

function ReadPlain(view: DataView, vertex: IElement, isPlainColor: boolean): IGaussians {
    const columns = (...names: string[]): Column[] => names.map((name) => ColumnOf(view, vertex, name));
    const gaussians = CreateGaussians(vertex.count);
    const { places, sizes, turns, colors, opacities } = gaussians;
    const place = columns("x", "y", "z");
    const size = columns("scale_0", "scale_1", "scale_2");
    const turn = columns("rot_1", "rot_2", "rot_3", "rot_0");
    const opacity = ColumnOf(view, vertex, "opacity");
    const isHarmonic = vertex.properties.has("f_dc_0");
    const color = isHarmonic ? columns("f_dc_0", "f_dc_1", "f_dc_2") : columns("red", "green", "blue");
    const isOctet = !isHarmonic && vertex.properties.get("red")!.type === "uchar";
    const [slope, middle] = isPlainColor || !isHarmonic ? [isOctet ? 1 / 255 : 1, 0] : [ConstantHarmonic, 0.5];
    for (let i = 0; i < vertex.count; i++) {
        for (let k = 0; k < 3; k++) {
            places[3 * i + k] = place[k](i);
            sizes[3 * i + k] = Math.exp(size[k](i));
            colors[3 * i + k] = slope * color[k](i) + middle;
        }
        for (let k = 0; k < 4; k++) {
            turns[4 * i + k] = turn[k](i);
        }
        opacities[i] = 1 / (1 + Math.exp(-opacity(i)));
    }
    return gaussians;
}

/**
 * Packed: place and size in 11, 10 and 11 bits between the least and the largest of their chunk, the three smallest
 * numbers of the quaternion in ten bits each, color and opacity in eight.
 */
function ReadPacked(view: DataView, vertex: IElement, chunk: IElement | undefined): IGaussians {
    if (!chunk || chunk.count < Math.ceil(vertex.count / ChunkLength)) {
        throw WrongGaussians(`it is packed and has ${chunk?.count ?? 0} chunks for ${vertex.count} Gaussians`);
    }
    const range = (name: string, axes: string): Column[] =>
        ["min", "max"].flatMap((end) => [...axes].map((axis) => ColumnOf(view, chunk, `${end}_${name}${axis}`)));
    const placeRange = range("", "xyz");
    const sizeRange = range("scale_", "xyz");
    const colorRange = chunk.properties.has("min_r") ? range("", "rgb") : null;
    const [place, size, turn, color] = ["position", "scale", "rotation", "color"].map((name) => {
        const column = ColumnOf(view, vertex, `packed_${name}`);
        if (vertex.properties.get(`packed_${name}`)!.type !== "uint") {
            throw WrongGaussians(`its property packed_${name} is not of type uint`);
        }
        return column;
    });
    const gaussians = CreateGaussians(vertex.count);
    for (let i = 0; i < vertex.count; i++) {
        const c = Math.floor(i / ChunkLength);
        const between = (columns: Column[], k: number, share: number): number =>
            columns[k](c) + share * (columns[k + 3](c) - columns[k](c));
        const [placeBits, sizeBits, turnBits, colorBits] = [place(i), size(i), turn(i), color(i)];
        for (let k = 0; k < 3; k++) {
            gaussians.places[3 * i + k] = between(placeRange, k, Eleven(placeBits, k));
            gaussians.sizes[3 * i + k] = Math.exp(between(sizeRange, k, Eleven(sizeBits, k)));
            const share = ((colorBits >>> (24 - 8 * k)) & 255) / 255;
            gaussians.colors[3 * i + k] = colorRange ? between(colorRange, k, share) : share;
        }
        gaussians.opacities[i] = (colorBits & 255) / 255;
        UnpackTurn(turnBits, gaussians.turns, 4 * i);
    }
    return gaussians;
}

/** The k-th of three numbers 0..1 in 11, 10 and 11 bits, from the top. */
function Eleven(bits: number, k: number): number {
    return k === 1 ? ((bits >>> 11) & 1023) / 1023 : ((bits >>> (k === 0 ? 21 : 0)) & 2047) / 2047;
}

/** Two bits say which of w, x, y, z is missing; the others follow from the top, 10 bits each, ±√½. */
function UnpackTurn(bits: number, turns: Float32Array, at: number): void {
    const missing = bits >>> 30;
    let [shift, sum] = [20, 0];
    for (let k = 0; k < 4; k++) {
        if (k !== missing) {
            const value = (((bits >>> shift) & 1023) / 1023 - 0.5) * Math.SQRT2;
            turns[at + ((k + 3) & 3)] = value;
            sum += value * value;
            shift -= 10;
        }
    }
    turns[at + ((missing + 3) & 3)] = Math.sqrt(Math.max(0, 1 - sum));
}
