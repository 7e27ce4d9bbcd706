/**
 * Files of a zip archive (APPNOTE 6.3: stored or deflated, no encryption, no Zip64), read from its central directory.
 * Nothing is unpacked before it is asked for, and never more than its entry and the limits say. Numpy writes Zip64's
 * sizes into its local headers alone, which are not looked at.
 */
import type { Work } from "../slices.js";
import { Crc32 } from "./crc32.js";
import { Inflate, type WrongFile } from "./inflate.js";

const EndMagic = 0x06054b50;
const EntryMagic = 0x02014b50;
const LocalMagic = 0x04034b50;
const EndBytes = 22;
const EntryBytes = 46;
const LocalBytes = 30;
const MaxComment = 0xffff;
/** Most files of an archive. */
const MaxEntries = 4096;
/** Most bytes of a file that is unpacked, and of all that are. */
const [MaxFileBytes, MaxBytes] = [2 ** 27, 2 ** 28];

/** An entry of the directory. */
interface IEntry {
    readonly method: number;
    readonly crc: number;
    readonly packedBytes: number;
    readonly bytes: number;
    readonly localAt: number;
}

/** Whether the bytes begin like a zip archive. */
export function IsZip(file: Uint8Array): boolean {
    return file[0] === 0x50 && file[1] === 0x4b && file[2] === 3 && file[3] === 4;
}

/** An archive. */
export class ZipReader {
    private readonly _entries: ReadonlyMap<string, IEntry>;
    private readonly _view: DataView;
    /** Unpacked so far. */
    private _bytes = 0;

    /**
     * @param _file all of it; borrowed
     * @param _wrong makes the errors
     * @throws FlexAvatarError `_wrong`'s
     */
    public constructor(
        private readonly _file: Uint8Array,
        private readonly _wrong: WrongFile,
    ) {
        this._view = new DataView(_file.buffer, _file.byteOffset, _file.byteLength);
        this._entries = this._readDirectory();
    }

    /** Paths of all files. */
    public get paths(): string[] {
        return [...this._entries.keys()];
    }

    /** The path of a file by its name, in whatever folder: the first one; undefined if there is none. */
    public find(name: string): string | undefined {
        return this.paths.find((path) => path === name || path.endsWith(`/${name}`));
    }

    /**
     * Unpacks a file, in steps.
     * @param path of {@link paths}
     * @throws FlexAvatarError `_wrong`'s
     */
    public *read(path: string): Work<Uint8Array> {
        const entry = this._entries.get(path);
        const view = this._view;
        if (!entry || entry.localAt + LocalBytes > view.byteLength) {
            throw this._wrong(`its archive has no file ${path}`);
        }
        const { localAt, method, packedBytes, bytes } = entry;
        this._bytes += bytes;
        if (bytes > MaxFileBytes || this._bytes > MaxBytes) {
            throw this._wrong(`file ${path} of its archive has ${bytes} bytes, more than may be unpacked`);
        }
        const nameBytes = view.getUint16(localAt + 26, true);
        const start = localAt + LocalBytes + nameBytes + view.getUint16(localAt + 28, true);
        if (view.getUint32(localAt, true) !== LocalMagic || start + packedBytes > view.byteLength) {
            throw this._wrong(`file ${path} of its archive lies outside of it`);
        }
        if (this._textAt(localAt + LocalBytes, nameBytes) !== path) {
            throw this._wrong(`file ${path} of its archive has another name at its place`);
        }
        if (method !== 0 && method !== 8) {
            throw this._wrong(`file ${path} of its archive is compressed by method ${method}; 0 and 8 can be read`);
        }
        const packed = this._file.subarray(start, start + packedBytes);
        const file = method === 0 ? { bytes: packed, crc: Crc32(packed) } : yield* Inflate(packed, bytes, this._wrong);
        if (file.bytes.length !== bytes || file.crc !== entry.crc) {
            throw this._wrong(`file ${path} of its archive is damaged`);
        }
        return file.bytes;
    }

    private _readDirectory(): Map<string, IEntry> {
        const view = this._view;
        let end = view.byteLength - EndBytes;
        const last = Math.max(0, end - MaxComment);
        while (end >= last && view.getUint32(end, true) !== EndMagic) {
            end--;
        }
        if (end < last) {
            throw this._wrong("its archive has no directory");
        }
        const count = view.getUint16(end + 10, true);
        let at = view.getUint32(end + 16, true);
        if (count > MaxEntries || at === 0xffffffff) {
            throw this._wrong(`its archive has ${count} files, or is Zip64`);
        }
        const entries = new Map<string, IEntry>();
        for (let i = 0; i < count; i++) {
            const nameBytes = at + EntryBytes <= view.byteLength ? view.getUint16(at + 28, true) : 0;
            if (at + EntryBytes + nameBytes > view.byteLength || view.getUint32(at, true) !== EntryMagic) {
                throw this._wrong(`entry ${i} of its archive's directory is damaged`);
            }
            if ((view.getUint16(at + 8, true) & 1) !== 0) {
                throw this._wrong("its archive is encrypted");
            }
            const path = this._textAt(at + EntryBytes, nameBytes);
            if (entries.has(path)) {
                throw this._wrong(`its archive has two files ${path}`);
            }
            entries.set(path, {
                method: view.getUint16(at + 10, true),
                crc: view.getUint32(at + 16, true),
                packedBytes: view.getUint32(at + 20, true),
                bytes: view.getUint32(at + 24, true),
                localAt: view.getUint32(at + 42, true),
            });
            at += EntryBytes + nameBytes + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
        }
        return entries;
    }

    private _textAt(at: number, length: number): string {
        return new TextDecoder().decode(this._file.subarray(at, at + length));
    }
}
