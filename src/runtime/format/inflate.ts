/**
 * Decompression with a limit: files of a few bytes may unpack to more than a page can hold. Gives its bytes in steps,
 * so that the page lives meanwhile.
 */
import { Gunzip, Inflate as RawInflate } from "fflate";
import type { FlexAvatarError } from "../../flame/error.js";
import type { Work } from "../slices.js";
import { Crc32 } from "./crc32.js";

/** The error of a reader. @param text what is wrong, as the end of a sentence */
export type WrongFile = (text: string, cause?: unknown) => FlexAvatarError;

/** So much is given to the inflater at once; it makes at most a thousand times of it before it is asked again. */
const StepBytes = 32768;
/** Checksum and size at the end of gzip. */
const TrailerBytes = 8;

/** What came out, and its checksum. */
export interface IInflated {
    readonly bytes: Uint8Array<ArrayBuffer>;
    readonly crc: number;
}

/**
 * @param most bytes that may come out
 * @returns what came out; the checksum is for the caller to compare
 * @throws FlexAvatarError `wrong`'s, for damaged data, and for more than `most`
 */
export function* Inflate(packed: Uint8Array, most: number, wrong: WrongFile): Work<IInflated> {
    return yield* Pushed(new RawInflate(), packed, most, wrong);
}

/** The same of a gzip file of one member, with its checksum and size compared. */
export function* InflateGzip(file: Uint8Array, most: number, wrong: WrongFile): Work<Uint8Array<ArrayBuffer>> {
    const { bytes, crc } = yield* Pushed(new Gunzip(), file, most, wrong);
    const trailer = new DataView(file.buffer, file.byteOffset + Math.max(0, file.byteLength - TrailerBytes));
    if (file.byteLength < TrailerBytes || trailer.getUint32(0, true) !== crc) {
        throw wrong("its compressed data is damaged");
    }
    return bytes;
}

function* Pushed(stream: RawInflate | Gunzip, packed: Uint8Array, most: number, wrong: WrongFile): Work<IInflated> {
    const parts: Uint8Array[] = [];
    let [size, crc] = [0, 0];
    stream.ondata = (part) => {
        parts.push(part);
        size += part.length;
        crc = Crc32(part, crc);
    };
    for (let at = 0; at < packed.length; at += StepBytes) {
        const end = Math.min(packed.length, at + StepBytes);
        try {
            stream.push(packed.subarray(at, end), end === packed.length);
        } catch (error) {
            throw wrong("its compressed data is damaged", error);
        }
        if (size > most) {
            throw wrong(`it unpacks to more than ${most} bytes`);
        }
        yield end / packed.length;
    }
    const bytes = new Uint8Array(size);
    let at = 0;
    for (const part of parts) {
        bytes.set(part, at);
        at += part.length;
    }
    return { bytes, crc };
}
