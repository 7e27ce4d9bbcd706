/** Numpy's `.npy`: one array behind a short header. Objects in it go through the restricted reader of pickles. */
import { DecodeArray, ElementTypeOf, WrongArray, type INumberArray } from "./numberArray.js";
import { ReadPickle } from "./pickle.js";

const MaxHeaderBytes = 65536;
const Prefix = "\u0093NUMPY";
/** What numpy writes: a literal of Python with these three keys, in any order. */
const Header =
    /^\{((?:\s*'(?:descr|fortran_order|shape)'\s*:\s*(?:'[^']*'|True|False|\([\d\s,L]*\))\s*,?){3})\s*\}\s*$/;

/** Whether the bytes begin as numpy's arrays do. */
export function IsNpy(bytes: Uint8Array): boolean {
    return bytes.length >= Prefix.length && String.fromCharCode(...bytes.subarray(0, Prefix.length)) === Prefix;
}

/** What one `.npy` holds: numbers, or what an array of one object holds, or null for texts and records. */
export type NpyContent = INumberArray | { readonly object: unknown } | null;

/**
 * Reads an array.
 * @param bytes the whole file
 * @throws FlexAvatarError `file-format`, and `pickle-refused` if an object in it asks for more than data
 */
export function ParseNpy(bytes: Uint8Array): NpyContent {
    if (!IsNpy(bytes) || bytes.length < 12) {
        throw WrongArray("an array does not begin with numpy's name");
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const version = view.getUint8(6);
    if (version < 1 || version > 3) {
        throw WrongArray(`an array has version ${version} of numpy's format, wanted 1 to 3`);
    }
    const [length, start] = version === 1 ? [view.getUint16(8, true), 10] : [view.getUint32(8, true), 12];
    if (length > MaxHeaderBytes || start + length > bytes.length) {
        throw WrongArray(`the header of an array claims ${length} bytes`);
    }
    const { type, isFortran, shape } = ParseHeader(new TextDecoder().decode(bytes.subarray(start, start + length)));
    const body = bytes.subarray(start + length);
    const element = ElementTypeOf(type);
    if (element) {
        return DecodeArray(body, element, shape, isFortran);
    }
    if (type === "|O" && shape.length <= 1 && (shape[0] ?? 1) === 1) {
        return { object: OnlyOne(ReadPickle(body)) };
    }
    return null;
}

function ParseHeader(text: string): { type: string; isFortran: boolean; shape: number[] } {
    const type = /'descr'\s*:\s*'([^']*)'/.exec(text)?.[1];
    const order = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1];
    const sizes = /'shape'\s*:\s*\(([\d\s,L]*)\)/.exec(text)?.[1];
    if (type === undefined && /'descr'\s*:\s*\[/.test(text)) {
        return { type: "records", isFortran: false, shape: [] };
    }
    if (!Header.test(text) || type === undefined || order === undefined || sizes === undefined) {
        throw WrongArray(`the header of an array is ${JSON.stringify(text.slice(0, 80))}`);
    }
    const shape = sizes
        .split(",")
        .filter((size) => size.trim().length > 0)
        .map((size) => Number(size.replace(/[L\s]/g, "")));
    return { type, isFortran: order === "True", shape };
}

/** Numpy pickles an array of objects as a whole; what is wanted is the one in it. */
function OnlyOne(value: unknown): unknown {
    const state = value instanceof Object && "state" in value ? value.state : null;
    const items = Array.isArray(state) ? (state as unknown[])[4] : null;
    return Array.isArray(items) && items.length === 1 ? (items as unknown[])[0] : value;
}
