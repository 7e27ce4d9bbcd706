/** Checks of what a file says, and the order of bytes. Every reader of a person uses these, and no other. */
import { FlexAvatarError } from "../../flame/error.js";

/** The error of every reader of a person. @param text what is wrong, as the end of a sentence */
export function WrongFile(text: string, cause?: unknown): FlexAvatarError {
    return new FlexAvatarError("file-format", `This is not a readable .flexavatar file: ${text}.`, { cause });
}

/** @throws FlexAvatarError `file-format` unless `value` is an object and no array */
export function AsObject(value: unknown, what: string): Record<string, unknown> {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
        throw WrongFile(`${what} is not an object`);
    }
    return value as Record<string, unknown>;
}

/** @throws FlexAvatarError `file-format` unless `value` is an array of at most `most` entries */
export function AsList(value: unknown, most: number, what: string): unknown[] {
    if (!Array.isArray(value) || value.length > most) {
        throw WrongFile(`${what} must be an array of at most ${most}`);
    }
    return value;
}

/** @throws FlexAvatarError `file-format` unless `value` is a text */
export function AsText(value: unknown, what: string): string {
    if (typeof value !== "string") {
        throw WrongFile(`${what} is not a text`);
    }
    return value;
}

/** @throws FlexAvatarError `file-format` unless `value` is a whole number, 0 or more */
export function AsCount(value: unknown, what: string): number {
    if (!Number.isSafeInteger(value) || (value as number) < 0) {
        throw WrongFile(`${what} is ${JSON.stringify(value)}; wanted a whole number`);
    }
    return value as number;
}

/** @throws FlexAvatarError `file-format` unless `value` is an array of `wanted` finite numbers */
export function NumberList(value: unknown, wanted: number, what: string): number[] {
    if (!Array.isArray(value) || value.length !== wanted || !value.every(Number.isFinite)) {
        throw WrongFile(`${what} is ${Shorten(JSON.stringify(value))}; wanted ${wanted} numbers`);
    }
    return value as number[];
}

/** @throws FlexAvatarError `file-format` where a number is none or infinite */
export function FiniteOnRead(values: Float32Array<ArrayBuffer>, name: string): Float32Array<ArrayBuffer> {
    for (let at = 0; at < values.length; at++) {
        if (!Number.isFinite(values[at])) {
            throw WrongFile(`block ${name} holds ${values[at]} at index ${at}`);
        }
    }
    return values;
}

/** @throws FlexAvatarError `file-format` unless the bytes are JSON in UTF-8 */
export function ParseJson(bytes: Uint8Array): unknown {
    try {
        return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    } catch (error) {
        throw WrongFile("its description is not JSON", error);
    }
}

/** JSON with keys in alphabetical order at every level. */
export function CanonicalJson(value: unknown): string {
    return JSON.stringify(value, (_key, item: unknown) =>
        typeof item === "object" && item !== null && !Array.isArray(item)
            ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
            : item,
    );
}

/** The next multiple of four. */
export function Align(bytes: number): number {
    return Math.ceil(bytes / 4) * 4;
}

/** The product of all sizes, 1 of none. */
export function Product(sizes: readonly number[]): number {
    return sizes.reduce((all, size) => all * size, 1);
}

const HostIsLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** The bytes of `data` as files have them; a view where the host is little-endian. */
export function LittleEndian(data: ArrayBufferView & { readonly BYTES_PER_ELEMENT: number }): Uint8Array {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return HostIsLittleEndian ? bytes : new Uint8Array(NativeEndian(bytes.slice(), data.BYTES_PER_ELEMENT));
}

/** Turns little-endian elements into the host's order, in place; a no-op nearly everywhere. */
export function NativeEndian(bytes: Uint8Array<ArrayBuffer>, elementBytes: number): ArrayBuffer {
    for (let at = 0; !HostIsLittleEndian && at < bytes.length; at += elementBytes) {
        bytes.subarray(at, at + elementBytes).reverse();
    }
    return bytes.buffer;
}

function Shorten(text: string | undefined): string {
    return text !== undefined && text.length > 80 ? `${text.slice(0, 77)}…` : String(text);
}
