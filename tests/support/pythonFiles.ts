/** Files of Python's for tests: `.npy`, `.npz` and pickles of protocol 2, as numpy, scipy and chumpy write them. */
import { zipSync } from "fflate";

/** An array to write. */
export interface IWrittenArray {
    readonly shape: readonly number[];
    readonly values: ArrayLike<number>;
    /** numpy's short name. Default "<f8". */
    readonly type?: "<f8" | "<f4" | ">f8" | "<i8" | "<i4" | "<u4" | "|u1";
    /** Whether the first axis runs fastest. */
    readonly isFortran?: boolean;
}

function Encode({ shape, values, type = "<f8", isFortran = false }: IWrittenArray): Uint8Array<ArrayBuffer> {
    const size = Number(type[2]);
    const view = new DataView(new ArrayBuffer(size * values.length));
    const little = type[0] !== ">";
    const ordered = isFortran ? ColumnMajor(shape, values) : values;
    for (let i = 0; i < ordered.length; i++) {
        switch (type.slice(1)) {
            case "f8":
                view.setFloat64(8 * i, ordered[i], little);
                break;
            case "f4":
                view.setFloat32(4 * i, ordered[i], little);
                break;
            case "i8":
                view.setBigInt64(8 * i, BigInt(ordered[i]), little);
                break;
            case "i4":
                view.setInt32(4 * i, ordered[i], little);
                break;
            case "u4":
                view.setUint32(4 * i, ordered[i], little);
                break;
            default:
                view.setUint8(i, ordered[i]);
        }
    }
    return new Uint8Array(view.buffer);
}

function ColumnMajor(shape: readonly number[], values: ArrayLike<number>): Float64Array {
    const ordered = new Float64Array(values.length);
    for (let i = 0; i < values.length; i++) {
        let [rest, to] = [i, 0];
        const index = shape.map(() => 0);
        for (let axis = shape.length - 1; axis >= 0; axis--) {
            index[axis] = rest % shape[axis];
            rest = Math.floor(rest / shape[axis]);
        }
        for (let axis = shape.length - 1; axis >= 0; axis--) {
            to = to * shape[axis] + index[axis];
        }
        ordered[to] = values[i];
    }
    return ordered;
}

/** A `.npy` file. */
export function WriteNpy(array: IWrittenArray): Uint8Array<ArrayBuffer> {
    const { shape, type = "<f8", isFortran = false } = array;
    const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
    const order = isFortran ? "True" : "False";
    const header = `{'descr': '${type}', 'fortran_order': ${order}, 'shape': (${sizes}), }`;
    const length = 64 * Math.ceil((10 + header.length + 1) / 64) - 10;
    const text = `\u0093NUMPY\u0001\u0000${String.fromCharCode(length & 255, length >> 8)}${header.padEnd(length - 1)}\n`;
    const body = Encode(array);
    const bytes = new Uint8Array(text.length + body.length);
    bytes.set(Uint8Array.from(text, (letter) => letter.charCodeAt(0)));
    bytes.set(body, text.length);
    return bytes;
}

/** A `.npz` file. @param level of deflate; 0 stores */
export function WriteNpz(
    arrays: Readonly<Record<string, IWrittenArray>>,
    level: 0 | 1 | 6 = 1,
): Uint8Array<ArrayBuffer> {
    const members = Object.entries(arrays).map(([name, array]) => [`${name}.npy`, WriteNpy(array)]);
    return zipSync(Object.fromEntries(members) as Record<string, Uint8Array>, { level, mtime: "2020-01-01" }).slice();
}

/** What {@link WritePickle} writes for an array: numpy's array, chumpy's object around it, scipy's matrix of columns. */
export type PickledArray = IWrittenArray & { readonly as?: "ndarray" | "chumpy" | "csc" };

/** A pickle of protocol 2, of a dictionary of arrays and texts. */
export function WritePickle(fields: Readonly<Record<string, PickledArray | string>>): Uint8Array<ArrayBuffer> {
    const parts: Uint8Array[] = [];
    const put = (...bytes: number[]): void => void parts.push(Uint8Array.from(bytes));
    const letters = (text: string): void => put(...Array.from(text, (letter) => letter.charCodeAt(0)));
    const word = (value: number): number[] => [0, 8, 16, 24].map((shift) => (value >>> shift) & 255);
    const integer = (value: number): void => put(0x4a, ...word(value));
    const text = (value: string): void => {
        put(0x55, value.length);
        letters(value);
    };
    const global = (module: string, name: string): void => letters(`c${module}\n${name}\n`);
    const ndarray = (array: IWrittenArray): void => {
        const type = array.type ?? "<f8";
        const bytes = Encode(array);
        global("numpy.core.multiarray", "_reconstruct");
        global("numpy", "ndarray");
        put(0x4b, 0, 0x85); // (0,)
        text("b");
        put(0x87, 0x52, 0x28); // three in a tuple, call, mark
        put(0x4b, 1, 0x28); // version, mark
        array.shape.forEach(integer);
        put(0x74);
        global("numpy", "dtype");
        text(type.slice(1));
        put(0x4b, 0, 0x4b, 1, 0x87, 0x52, 0x28, 0x4b, 3);
        text(type[0]);
        put(0x4e, 0x4e, 0x4e, 0x4a, 255, 255, 255, 255, 0x4a, 255, 255, 255, 255, 0x4b, 0, 0x74, 0x62);
        put(array.isFortran ? 0x88 : 0x89, 0x54, ...word(bytes.length));
        parts.push(bytes);
        put(0x74, 0x62);
    };
    const chumpy = (array: IWrittenArray): void => {
        global("copy_reg", "_reconstructor");
        put(0x28);
        global("chumpy.ch", "Ch");
        global("__builtin__", "object");
        put(0x4e, 0x74, 0x52, 0x7d, 0x28);
        text("x");
        ndarray(array);
        text("_dirty_vars");
        global("__builtin__", "set");
        put(0x5d, 0x85, 0x52, 0x75, 0x62);
    };
    const csc = ({ shape, values }: IWrittenArray): void => {
        const [data, indices, starts]: number[][] = [[], [], [0]];
        for (let column = 0; column < shape[1]; column++) {
            for (let row = 0; row < shape[0]; row++) {
                const value = values[row * shape[1] + column];
                if (value !== 0) {
                    data.push(value);
                    indices.push(row);
                }
            }
            starts.push(data.length);
        }
        global("copy_reg", "_reconstructor");
        put(0x28);
        global("scipy.sparse.csc", "csc_matrix");
        global("__builtin__", "object");
        put(0x4e, 0x74, 0x52, 0x7d, 0x28);
        text("_shape");
        integer(shape[0]);
        integer(shape[1]);
        put(0x86);
        text("data");
        ndarray({ shape: [data.length], values: data });
        text("indices");
        ndarray({ shape: [indices.length], values: indices, type: "<i4" });
        text("indptr");
        ndarray({ shape: [starts.length], values: starts, type: "<i4" });
        put(0x75, 0x62);
    };
    put(0x80, 2, 0x7d, 0x28);
    for (const [name, value] of Object.entries(fields)) {
        text(name);
        if (typeof value === "string") {
            text(value);
        } else {
            ({ ndarray, chumpy, csc })[value.as ?? "ndarray"](value);
        }
    }
    put(0x75, 0x2e);
    return Joined(parts);
}

function Joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
        whole.set(part, at);
        at += part.length;
    }
    return whole;
}
