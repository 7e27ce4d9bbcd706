/** Arrays of numbers as Python's files have them: a shape, and the numbers row by row whatever order the file has. */
import { FlexAvatarError } from "../../flame/error.js";
import { NumberFromHalf } from "../format/half.js";

/** Most numbers of one array. FLAME's largest has 6 million. */
export const MaxNumbers = 2 ** 23;

/** An array of any number of axes. */
export interface INumberArray {
    readonly shape: readonly number[];
    /** Row-major, whatever the file's order was. */
    readonly values: Float64Array<ArrayBuffer>;
}

/** What a file of Python's cannot be trusted for. */
export function WrongArray(what: string, cause?: unknown): FlexAvatarError {
    return new FlexAvatarError("file-format", `This file of Python's cannot be read: ${what}.`, { cause });
}

/** How one number lies in the bytes. */
export interface IElementType {
    readonly bytes: number;
    readonly read: (view: DataView, at: number) => number;
}

type Reader = (view: DataView, at: number, little: boolean) => number;

const Readers: Readonly<Record<string, Reader>> = {
    f2: (view, at, little) => NumberFromHalf(view.getUint16(at, little)),
    f4: (view, at, little) => view.getFloat32(at, little),
    f8: (view, at, little) => view.getFloat64(at, little),
    i1: (view, at) => view.getInt8(at),
    i2: (view, at, little) => view.getInt16(at, little),
    i4: (view, at, little) => view.getInt32(at, little),
    i8: (view, at, little) => Number(view.getBigInt64(at, little)),
    u1: (view, at) => view.getUint8(at),
    u2: (view, at, little) => view.getUint16(at, little),
    u4: (view, at, little) => view.getUint32(at, little),
    u8: (view, at, little) => Number(view.getBigUint64(at, little)),
    b1: (view, at) => view.getUint8(at),
};

/**
 * What numpy's short name of a type means.
 * @param name as `<f8`, `|u1` or `i4`
 * @returns null if its elements are no numbers
 */
export function ElementTypeOf(name: string, order = name[0]): IElementType | null {
    const code = name.replace(/^[<>|=]/, "");
    const read = Object.hasOwn(Readers, code) ? Readers[code] : undefined;
    return read ? { bytes: Number(code[1]), read: (view, at) => read(view, at, order !== ">") } : null;
}

/** The number of elements of a shape. @throws FlexAvatarError `file-format` if it is none or larger than allowed */
export function CountOf(shape: readonly unknown[]): number {
    let count = 1;
    for (const size of shape) {
        if (!Number.isSafeInteger(size) || (size as number) < 0) {
            throw WrongArray(`an array has the shape [${shape.map(String).join(", ")}]`);
        }
        count *= size as number;
    }
    if (shape.length > 8 || count > MaxNumbers) {
        throw WrongArray(`an array of ${count} numbers on ${shape.length} axes is larger than allowed (${MaxNumbers})`);
    }
    return count;
}

/**
 * Decodes the bytes of an array.
 * @param isFortran whether the first axis runs fastest
 * @throws FlexAvatarError `file-format` if bytes and shape do not agree
 */
export function DecodeArray(
    bytes: Uint8Array,
    type: IElementType,
    shape: readonly number[],
    isFortran: boolean,
): INumberArray {
    const count = CountOf(shape);
    if (bytes.length !== count * type.bytes) {
        throw WrongArray(`an array [${shape.join(", ")}] has ${bytes.length} bytes, wanted ${count * type.bytes}`);
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const values = new Float64Array(count);
    for (let i = 0; i < count; i++) {
        values[i] = type.read(view, i * type.bytes);
    }
    return { shape, values: isFortran && shape.length > 1 ? RowMajor(values, shape) : values };
}

function RowMajor(values: Float64Array, shape: readonly number[]): Float64Array<ArrayBuffer> {
    const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((product, size) => product * size, 1));
    const index = new Array<number>(shape.length).fill(0);
    const sorted = new Float64Array(values.length);
    let from = 0;
    for (let i = 0; i < sorted.length; i++) {
        sorted[i] = values[from];
        for (let axis = shape.length - 1; axis >= 0; axis--) {
            from += strides[axis];
            if (++index[axis] < shape[axis]) {
                break;
            }
            from -= strides[axis] * shape[axis];
            index[axis] = 0;
        }
    }
    return sorted;
}
