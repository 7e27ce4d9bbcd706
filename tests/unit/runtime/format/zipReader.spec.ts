// Archives and what is deflated: only what the directory says, and no more than may come out.
import { gzipSync, zipSync } from "fflate";
import { FlexAvatarError } from "../../../../src/flame/error";
import { InflateGzip } from "../../../../src/runtime/format/inflate";
import { IsZip, ZipReader } from "../../../../src/runtime/format/zipReader";
import { Finish } from "../../../../src/runtime/slices";
import { Random } from "../../../support/gpu";

const Wrong = (text: string, cause?: unknown): FlexAvatarError =>
    new FlexAvatarError("file-format", `Wrong: ${text}.`, { cause });

/** Bytes that deflate cannot make much smaller. */
function Noise(length: number): Uint8Array<ArrayBuffer> {
    const random = Random(3);
    return new Uint8Array(length).map(() => 256 * random());
}

const Files = { "a/first.bin": Noise(100_000), "second.txt": new Uint8Array(70_000).fill(65) };

function MakeZip(level: 0 | 6 = 6): Uint8Array<ArrayBuffer> {
    return zipSync(Files, { level, mtime: "2020-01-01" }).slice();
}

/** Where the records with a magic number begin. */
function PlacesOf(zip: Uint8Array, magic: number): number[] {
    const view = new DataView(zip.buffer);
    return Array.from({ length: zip.length - 3 }, (_, at) => at).filter((at) => view.getUint32(at, true) === magic);
}

/** The archive with a number of two or four bytes in a record changed. */
function Changed(magic: number, record: number, offset: number, value: number, width: 2 | 4 = 4): Uint8Array {
    const zip = MakeZip();
    const at = PlacesOf(zip, magic)[record] + offset;
    const view = new DataView(zip.buffer);
    if (width === 2) {
        view.setUint16(at, value, true);
    } else {
        view.setUint32(at, value, true);
    }
    return zip;
}

const ReadAll = (zip: Uint8Array): Uint8Array[] => {
    const reader = new ZipReader(zip, Wrong);
    return reader.paths.map((path) => Finish(reader.read(path)));
};

const [Local, Entry, End] = [0x04034b50, 0x02014b50, 0x06054b50];

describe("ZipReader", () => {
    it("gives files back, stored or deflated, by path and by name, with anything before the archive's comment", () => {
        for (const level of [0, 6] as const) {
            const zip = MakeZip(level);
            expect(IsZip(zip)).toBeTrue();
            expect(ReadAll(zip)).toEqual(Object.values(Files));
            const reader = new ZipReader(zip, Wrong);
            expect(reader.paths).toEqual(["a/first.bin", "second.txt"]);
            expect([reader.find("first.bin"), reader.find("irst.bin")]).toEqual(["a/first.bin", undefined]);
        }
        const zip = MakeZip();
        const commented = new Uint8Array(zip.length + 300);
        commented.set(zip);
        new DataView(commented.buffer).setUint16(zip.length - 2, 300, true);
        expect(ReadAll(commented)).toEqual(Object.values(Files));
    });

    it("refuses what the directory, the local headers and the bytes do not agree about", () => {
        const cases: Record<string, readonly [Uint8Array, RegExp]> = {
            "no directory": [MakeZip().subarray(0, 1000), /no directory/],
            "a directory outside": [Changed(End, 0, 16, 0xfffffff0), /entry 0 .* damaged/],
            Zip64: [Changed(End, 0, 16, 0xffffffff), /Zip64/],
            "too many files": [Changed(End, 0, 10, 60_000, 2), /60000 files/],
            "more files than there are": [Changed(End, 0, 10, 3, 2), /entry 2 .* damaged/],
            encryption: [Changed(Entry, 1, 8, 1, 2), /encrypted/],
            "another method": [Changed(Entry, 1, 10, 12, 2), /method 12/],
            "another checksum": [Changed(Entry, 0, 16, 7), /first.bin .* damaged/],
            "fewer bytes": [Changed(Entry, 1, 24, 69_999), /more than 69999 bytes/],
            "more bytes": [Changed(Entry, 1, 24, 70_001), /second.txt .* damaged/],
            "far too many bytes": [Changed(Entry, 1, 24, 2 ** 31), /more than may be unpacked/],
            "packed bytes outside": [Changed(Entry, 1, 20, 2 ** 30), /outside/],
            "a place outside": [Changed(Entry, 1, 42, 2 ** 31), /no file second.txt/],
            "a place that is none": [Changed(Entry, 1, 42, 5), /outside/],
            "the place of another": [Changed(Entry, 1, 42, 0), /another name/],
            "another name at its place": [Changed(Local, 1, 30, 0x41414141), /another name/],
            "deflate that is none": [Changed(Local, 0, 41, 0xffffffff), /damaged/],
        };
        for (const [what, [zip, text]] of Object.entries(cases)) {
            expect(() => ReadAll(zip))
                .withContext(what)
                .toThrowError(FlexAvatarError, text);
        }
        const twice = MakeZip();
        PlacesOf(twice, Entry).forEach((at) => twice.set(new TextEncoder().encode("same.names"), at + 46));
        const places = PlacesOf(twice, Entry);
        new DataView(twice.buffer).setUint16(places[0] + 28, 10, true);
        new DataView(twice.buffer).setUint16(places[0] + 30, 1, true); // the name's last letter as an extra field
        expect(() => ReadAll(twice)).toThrowError(FlexAvatarError, /two files same.names/);
    });

    it("unpacks no more in all than it may, whatever is asked for", () => {
        const zeros = new Uint8Array(100 * 2 ** 20);
        const zip = zipSync({ a: zeros, b: zeros, c: zeros }, { mtime: "2020-01-01" });
        expect(zip.length).toBeLessThan(400_000);
        const reader = new ZipReader(zip, Wrong);
        expect(["a", "b"].map((path) => Finish(reader.read(path)).length)).toEqual([zeros.length, zeros.length]);
        expect(() => Finish(reader.read("c"))).toThrowError(FlexAvatarError, /more than may be unpacked/);
    });
});

describe("InflateGzip", () => {
    const Gunzip = (file: Uint8Array, most = 1e6): Uint8Array => Finish(InflateGzip(file, most, Wrong));

    it("gives bytes back, in steps", () => {
        const bytes = Noise(200_000);
        const steps = [...InflateGzip(gzipSync(bytes), 1e6, Wrong)];
        expect(steps.length).toBe(7);
        expect(steps[6]).toBe(1);
        expect(Gunzip(gzipSync(bytes))).toEqual(bytes);
        expect(Gunzip(gzipSync(new Uint8Array()))).toEqual(new Uint8Array());
    });

    it("refuses what is cut off, changed, or unpacks to more than it may", () => {
        const whole = gzipSync(Noise(50_000));
        for (const length of [0, 5, 18, 40_000, whole.length - 1]) {
            expect(() => Gunzip(whole.subarray(0, length)))
                .withContext(`${length}`)
                .toThrowError(FlexAvatarError, /damaged/);
        }
        const changed = whole.slice();
        changed[30_000] ^= 1;
        expect(() => Gunzip(changed)).toThrowError(FlexAvatarError, /damaged/);
        const bomb = gzipSync(new Uint8Array(3e6));
        expect(bomb.length).toBeLessThan(10_000);
        expect(() => Gunzip(bomb)).toThrowError(FlexAvatarError, /more than 1000000 bytes/);
    });
});
