/**
 * Files of a zip archive (APPNOTE 6.3: stored or deflated, no encryption, no Zip64), read from its central directory.
 * Nothing is unpacked before it is asked for, and never more than its entry and the limit say.
 */
import { InflateAsync } from "./inflate.js";
import { WrongGaussians } from "./gaussians.js";

const EndMagic = 0x06054b50;
const EntryMagic = 0x02014b50;
const LocalMagic = 0x04034b50;
const EndBytes = 22;
const EntryBytes = 46;
const LocalBytes = 30;
const MaxComment = 0xffff;
/** Most files of an archive. */
const MaxEntries = 4096;
/** Most bytes of a file that is unpacked. */
const MaxFileBytes = 128 * 2 ** 20;

/** An entry of the directory. */
interface IEntry {
    readonly name: string;
    readonly method: number;
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
    private readonly _entries: readonly IEntry[];
    private readonly _view: DataView;

    /** @throws FlexAvatarError `file-format` */
    public constructor(private readonly _file: Uint8Array) {
        this._view = new DataView(_file.buffer, _file.byteOffset, _file.byteLength);
        this._entries = this._readDirectory();
    }

    /** The path of a file by its name, in whatever folder: the first one; undefined if there is none. */
    public find(name: string): string | undefined {
        return this._entries.find((entry) => entry.name === name || entry.name.endsWith(`/${name}`))?.name;
    }

    /** @param path as {@link find} told it @throws FlexAvatarError `file-format` */
    public async readAsync(path: string): Promise<Uint8Array> {
        const entry = this._entries.find(({ name }) => name === path);
        const view = this._view;
        if (!entry || entry.localAt + LocalBytes > view.byteLength || entry.bytes > MaxFileBytes) {
            throw WrongGaussians(`its archive has no file ${path} of at most ${MaxFileBytes} bytes`);
        }
        const { localAt, method, packedBytes, bytes } = entry;
        const start = localAt + LocalBytes + view.getUint16(localAt + 26, true) + view.getUint16(localAt + 28, true);
        if (view.getUint32(localAt, true) !== LocalMagic || start + packedBytes > view.byteLength) {
            throw WrongGaussians(`file ${path} of its archive lies outside of it`);
        }
        const packed = this._file.subarray(start, start + packedBytes);
        if (method !== 0 && method !== 8) {
            throw WrongGaussians(`file ${path} of its archive is compressed by method ${method}; 0 and 8 can be read`);
        }
        const file = method === 0 ? packed : await InflateAsync(packed, "deflate-raw", bytes);
        if (file.byteLength !== bytes) {
            throw WrongGaussians(`file ${path} of its archive has ${file.byteLength} bytes; it says ${bytes}`);
        }
        return file;
    }

    private _readDirectory(): IEntry[] {
        const view = this._view;
        let end = view.byteLength - EndBytes;
        const last = Math.max(0, end - MaxComment);
        while (end >= last && view.getUint32(end, true) !== EndMagic) {
            end--;
        }
        if (end < last) {
            throw WrongGaussians("its archive has no directory");
        }
        const count = view.getUint16(end + 10, true);
        let at = view.getUint32(end + 16, true);
        if (count > MaxEntries || at === 0xffffffff) {
            throw WrongGaussians(`its archive has ${count} files, or is Zip64`);
        }
        const entries: IEntry[] = [];
        const decoder = new TextDecoder();
        for (let i = 0; i < count; i++) {
            const nameBytes = at + EntryBytes <= view.byteLength ? view.getUint16(at + 28, true) : 0;
            if (at + EntryBytes + nameBytes > view.byteLength || view.getUint32(at, true) !== EntryMagic) {
                throw WrongGaussians(`entry ${i} of its archive's directory is damaged`);
            }
            if ((view.getUint16(at + 8, true) & 1) !== 0) {
                throw WrongGaussians("its archive is encrypted");
            }
            entries.push({
                name: decoder.decode(this._file.subarray(at + EntryBytes, at + EntryBytes + nameBytes)),
                method: view.getUint16(at + 10, true),
                packedBytes: view.getUint32(at + 20, true),
                bytes: view.getUint32(at + 24, true),
                localAt: view.getUint32(at + 42, true),
            });
            at += EntryBytes + nameBytes + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
        }
        return entries;
    }
}
