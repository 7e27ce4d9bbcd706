/**
 * The container of binary glTF 2.0 (Khronos glTF 2.0 specification, section 4.4): u32 magic "glTF", u32 version 2, u32
 * length, then a JSON chunk and a BIN chunk, each with u32 length and u32 type, both padded to multiples of four.
 */
import { FlexAvatarError } from "../../flame/error.js";
import { Align, AsObject, CanonicalJson, ParseJson, WrongFile } from "./fileChecks.js";

const Magic = 0x46546c67; // "glTF"
const Version = 2;
const JsonChunk = 0x4e4f534a;
const BinaryChunk = 0x004e4942;
const HeaderBytes = 12;
const ChunkHeaderBytes = 8;

/** Most bytes of JSON that a reader accepts, and that a writer makes. */
export const MaxJsonBytes = 1 << 20;

/** A container taken apart. */
export interface IGlb {
    readonly json: Record<string, unknown>;
    /** A view of the file; empty without a BIN chunk. */
    readonly body: Uint8Array;
}

/** Whether the bytes begin like binary glTF. */
export function IsGlb(file: Uint8Array): boolean {
    return file.byteLength >= 4 && Word(file, 0) === Magic;
}

/**
 * @param json the glTF; its keys are written in alphabetical order
 * @param body the buffer; padded with zeros to a multiple of four
 * @throws FlexAvatarError `invalid-argument` for more JSON than readers accept
 */
export function WriteGlb(json: Record<string, unknown>, body: Uint8Array): Uint8Array<ArrayBuffer> {
    const text = new TextEncoder().encode(CanonicalJson(json));
    const jsonBytes = Align(text.length);
    if (jsonBytes > MaxJsonBytes) {
        throw new FlexAvatarError(
            "invalid-argument",
            `The description of an avatar takes ${jsonBytes} bytes; the format allows ${MaxJsonBytes}.`,
        );
    }
    const bodyBytes = Align(body.length);
    const bodyStart = HeaderBytes + ChunkHeaderBytes + jsonBytes;
    const file = new Uint8Array(bodyStart + ChunkHeaderBytes + bodyBytes);
    const view = new DataView(file.buffer);
    [Magic, Version, file.length, jsonBytes, JsonChunk].forEach((word, i) => view.setUint32(4 * i, word, true));
    [bodyBytes, BinaryChunk].forEach((word, i) => view.setUint32(bodyStart + 4 * i, word, true));
    file.fill(0x20, HeaderBytes + ChunkHeaderBytes, bodyStart);
    file.set(text, HeaderBytes + ChunkHeaderBytes);
    file.set(body, bodyStart + ChunkHeaderBytes);
    return file;
}

/**
 * Takes a container apart; chunks of other types are passed over, as the specification wants.
 * @throws FlexAvatarError `file-format`
 */
export function ReadGlb(file: Uint8Array): IGlb {
    if (file.byteLength < HeaderBytes + ChunkHeaderBytes || !IsGlb(file)) {
        throw WrongFile("it does not begin like binary glTF");
    }
    if (Word(file, 4) !== Version || Word(file, 8) !== file.byteLength) {
        throw WrongFile(
            `its header says version ${Word(file, 4)} and ${Word(file, 8)} bytes; the file has ${file.byteLength}`,
        );
    }
    const chunks: { type: number; bytes: Uint8Array }[] = [];
    for (let at = HeaderBytes; at < file.byteLength;) {
        const start = at + ChunkHeaderBytes;
        const length = start <= file.byteLength ? Word(file, at) : Infinity;
        if (length % 4 !== 0 || start + length > file.byteLength || chunks.length === 16) {
            throw WrongFile(`chunk ${chunks.length} at ${at} goes beyond the file, or is not aligned`);
        }
        chunks.push({ type: Word(file, at + 4), bytes: file.subarray(start, start + length) });
        at = start + length;
    }
    if (chunks[0].type !== JsonChunk || chunks[0].bytes.length > MaxJsonBytes) {
        throw WrongFile(`its first chunk is no JSON of at most ${MaxJsonBytes} bytes`);
    }
    return {
        json: AsObject(ParseJson(chunks[0].bytes), "the glTF"),
        body: chunks[1]?.type === BinaryChunk ? chunks[1].bytes : new Uint8Array(0),
    };
}

function Word(file: Uint8Array, at: number): number {
    return new DataView(file.buffer, file.byteOffset + at, 4).getUint32(0, true);
}
