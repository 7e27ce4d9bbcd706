import { FlexAvatarError } from "../../../../src/flame/error";
import { ReadAvatarFile, WriteAvatarFile, type IAvatarFile } from "../../../../src/runtime/format/avatarFile";

/** Park-Miller generator: the seed is printed with every failure that depends on it. */
function Random(seed: number): () => number {
    let state = seed;
    return () => (state = (state * 48271) % 2147483647) / 2147483647;
}

function Sample(photoCount = 2): IAvatarFile {
    const random = Random(7);
    const values = (count: number): Float32Array => Float32Array.from({ length: count }, () => 4 * random() - 2);
    return {
        name: "Ada 🙂",
        headModel: { name: "open-head", sha256: "ab".repeat(32) },
        model: { name: "nano-128", step: 1234 },
        mapSize: 6,
        staticMap: values(14 * 36),
        identityFeatures: values(5 * 3 * 3),
        identityShape: [5, 3, 3],
        fit: {
            shape: values(3),
            photos: Array.from({ length: photoCount }, () => ({
                camera: { rotation: [0, 0, 0, 1], translation: [0.01, -0.02, -0.77], focal: 2.4 },
                expression: values(52),
            })),
        },
        thumbnail: new Uint8Array([137, 80, 78, 71, 1]),
        provenance: "A photo of nobody.",
        license: "CC0-1.0",
    };
}

function CodeOf(work: () => unknown): string {
    try {
        work();
    } catch (error) {
        return error instanceof FlexAvatarError ? error.code : `not ours: ${String(error)}`;
    }
    return "no error";
}

describe("avatar file", () => {
    it("gives back what was written, maps to half precision", () => {
        const avatar = Sample();
        const read = ReadAvatarFile(WriteAvatarFile(avatar));
        for (const key of ["staticMap", "identityFeatures"] as const) {
            expect(read[key].length).toBe(avatar[key].length);
            const worst = avatar[key].reduce((most, value, i) => Math.max(most, Math.abs(value - read[key][i])), 0);
            expect(worst).toBeGreaterThan(0);
            expect(worst).toBeLessThanOrEqual(2 ** -11); // half an ulp of numbers below 2
        }
        const { staticMap: _a, identityFeatures: _b, ...rest } = avatar;
        const { staticMap: _c, identityFeatures: _d, ...readRest } = read;
        expect(readRest).toEqual(rest);
    });

    it("writes the same bytes for the same avatar, in whatever order its fields were set", () => {
        const a = WriteAvatarFile(Sample());
        const reordered = Object.fromEntries(Object.entries(Sample()).reverse()) as unknown as IAvatarFile;
        expect(WriteAvatarFile(reordered)).toEqual(a);
        expect(WriteAvatarFile(ReadAvatarFile(a))).toEqual(a);
    });

    it("aligns every block to four bytes and reads from an unaligned view", () => {
        const file = WriteAvatarFile(Sample());
        expect(file.byteLength % 4).toBe(0);
        const shifted = new Uint8Array(file.byteLength + 1);
        shifted.set(file, 1);
        expect(ReadAvatarFile(shifted.subarray(1))).toEqual(ReadAvatarFile(file));
    });

    it("keeps detail in eight bits a value: 45 dB and more, and zero stays zero", () => {
        const random = Random(11);
        const detail = Float32Array.from({ length: 3 * 36 }, (_, i) =>
            i % 5 === 0 ? 0 : (random() - 0.5) * (i < 36 ? 1.6 : 0.2),
        );
        detail.fill(0, 72); // a channel without any
        const file = WriteAvatarFile({ ...Sample(), detail });
        const read = ReadAvatarFile(file);
        const error = detail.reduce((sum, value, i) => sum + (value - read.detail![i]) ** 2, 0);
        expect(-10 * Math.log10(error / detail.length)).toBeGreaterThan(45);
        expect(error).toBeGreaterThan(0);
        expect(detail.every((value, i) => value !== 0 || read.detail![i] === 0)).toBe(true);
        expect(WriteAvatarFile(read)).toEqual(file);
        // a byte a value, and its description
        expect(file.length - WriteAvatarFile(Sample()).length).toBeLessThan(3 * 36 + 300);
        expect(ReadAvatarFile(WriteAvatarFile(Sample())).detail).toBeUndefined();
    });

    it("leaves the map under the detail as it was", () => {
        const detail = new Float32Array(3 * 36).fill(0.25);
        expect(ReadAvatarFile(WriteAvatarFile({ ...Sample(), detail })).staticMap).toEqual(
            ReadAvatarFile(WriteAvatarFile(Sample())).staticMap,
        );
    });

    it("refuses detail of another size or of no sensible color", () => {
        for (const bad of [NaN, Infinity, -70]) {
            expect(CodeOf(() => WriteAvatarFile({ ...Sample(), detail: new Float32Array(108).fill(bad) }))).toBe(
                "invalid-argument",
            );
        }
        expect(CodeOf(() => WriteAvatarFile({ ...Sample(), detail: new Float32Array(107) }))).toBe("invalid-argument");
        const rewrite = (from: string, to: string): Uint8Array => {
            const file = WriteAvatarFile({ ...Sample(), detail: new Float32Array(108).fill(0.25) });
            const jsonBytes = new DataView(file.buffer).getUint32(8, true);
            const json = new TextDecoder().decode(file.subarray(16, 16 + jsonBytes));
            expect(json).toContain(from);
            file.set(new TextEncoder().encode(json.replace(from, to).slice(0, jsonBytes)), 16);
            return file;
        };
        expect(CodeOf(() => ReadAvatarFile(rewrite("[0.25,0.25,0.25]", "[0.25,0.25,0.25]")))).toBe("no error");
        expect(CodeOf(() => ReadAvatarFile(rewrite("[0.25,0.25,0.25]", "[0.25,0.25,9e25]")))).toBe("file-format");
        expect(CodeOf(() => ReadAvatarFile(rewrite("[0.25,0.25,0.25]", "[0.25,0.25,-.25]")))).toBe("file-format");
        expect(CodeOf(() => ReadAvatarFile(rewrite("[0.25,0.25,0.25]", "[0.25,0.25     ]")))).toBe("file-format");
        expect(CodeOf(() => ReadAvatarFile(rewrite('"scales"', '"scalez"')))).toBe("file-format");
        expect(CodeOf(() => ReadAvatarFile(rewrite('"shape":[3,6,6]', '"shape":[4,6,6]')))).toBe("file-format");
        expect(CodeOf(() => ReadAvatarFile(rewrite('"detail":{"bytes"', '"detaiX":{"bytes"')))).toBe("file-format");
    });

    it("keeps detail for close-ups byte for byte, and refuses one of another size or with bytes missing", () => {
        const random = Random(3);
        const shades = new Int8Array(24 * 24).map(() => (random() < 0.6 ? 0 : Math.round(254 * random()) - 127));
        const write = (): Uint8Array<ArrayBuffer> => WriteAvatarFile({ ...Sample(), closeUp: { edge: 24, shades } });
        expect(ReadAvatarFile(write()).closeUp).toEqual({ edge: 24, shades });
        expect(ReadAvatarFile(WriteAvatarFile(Sample())).closeUp).toBeUndefined();
        expect(CodeOf(() => WriteAvatarFile({ ...Sample(), closeUp: { edge: 23, shades } }))).toBe("invalid-argument");
        const odd = WriteAvatarFile({ ...Sample(), closeUp: { edge: 20, shades: shades.subarray(0, 400) } });
        expect(CodeOf(() => ReadAvatarFile(odd))).toBe("file-format"); // maps of 6 want 24
        const rewrite = (from: string, to: string): Uint8Array => {
            const file = write();
            const jsonBytes = new DataView(file.buffer).getUint32(8, true);
            const json = new TextDecoder().decode(file.subarray(16, 16 + jsonBytes));
            expect(json).toContain(from);
            file.set(new TextEncoder().encode(json.replace(from, to).slice(0, jsonBytes)), 16);
            return file;
        };
        expect(CodeOf(() => ReadAvatarFile(rewrite('"edge":24', '"edge":24')))).toBe("no error");
        expect(CodeOf(() => ReadAvatarFile(rewrite('"edge":24', '"edge":25')))).toBe("file-format");
        expect(CodeOf(() => ReadAvatarFile(rewrite('"edge":24', '"edge":-4')))).toBe("file-format");
        expect(CodeOf(() => ReadAvatarFile(rewrite('"closeUp":{"bytes"', '"closeUX":{"bytes"')))).toBe("file-format");
    });

    it("works without thumbnail and without photos", () => {
        const { thumbnail: _unused, ...avatar } = Sample(0);
        const read = ReadAvatarFile(WriteAvatarFile(avatar));
        expect(read.thumbnail).toBeUndefined();
        expect(read.fit.photos).toEqual([]);
    });

    it("refuses to write numbers that a half cannot hold, and wrong sizes", () => {
        for (const bad of [NaN, Infinity, 65520, -70000]) {
            const avatar = Sample();
            avatar.staticMap[17] = bad;
            expect(CodeOf(() => WriteAvatarFile(avatar))).toBe("invalid-argument");
        }
        expect(CodeOf(() => WriteAvatarFile({ ...Sample(), mapSize: 7 }))).toBe("invalid-argument");
    });

    it("reports every truncation and extension", () => {
        const file = WriteAvatarFile(Sample());
        for (let length = 0; length < file.byteLength; length++) {
            if (CodeOf(() => ReadAvatarFile(file.subarray(0, length))) !== "file-format") {
                fail(`length ${length} was accepted`);
            }
        }
        const longer = new Uint8Array(file.byteLength + 4);
        longer.set(file);
        expect(CodeOf(() => ReadAvatarFile(longer))).toBe("file-format");
    });

    it("reports a newer version and foreign files", () => {
        const file = WriteAvatarFile(Sample());
        file[4] = 2;
        expect(() => ReadAvatarFile(file)).toThrowError(/version 2/);
        expect(() => ReadAvatarFile(new TextEncoder().encode("<!doctype html><p>Not found"))).toThrowError(/FAVA/);
    });

    it("survives damaged bytes: every outcome is an avatar or a file-format error (fuzz)", () => {
        const seed = 20261122;
        const random = Random(seed);
        const file = WriteAvatarFile(Sample());
        const jsonEnd = 16 + new DataView(file.buffer).getUint32(8, true);
        let refused = 0;
        for (let round = 0; round < 4000; round++) {
            const damaged = file.slice();
            const changes = 1 + Math.floor(3 * random());
            for (let k = 0; k < changes; k++) {
                // header and description decide what is read
                damaged[Math.floor(jsonEnd * random())] = Math.floor(256 * random());
            }
            const code = CodeOf(() => ReadAvatarFile(damaged));
            if (code !== "file-format" && code !== "no error") {
                fail(`seed ${seed}, round ${round}: ${code}`);
            }
            refused += code === "file-format" ? 1 : 0;
        }
        expect(refused).toBeGreaterThan(1000);
    });

    it("refuses blocks that reach beyond the body or lie about their shape", () => {
        const rewrite = (from: string, to: string): Uint8Array => {
            const file = WriteAvatarFile(Sample());
            const jsonBytes = new DataView(file.buffer).getUint32(8, true);
            const json = new TextDecoder().decode(file.subarray(16, 16 + jsonBytes));
            expect(json).toContain(from);
            const changed = new TextEncoder().encode(json.replace(from, to));
            expect(changed.length).toBe(jsonBytes);
            file.set(changed, 16);
            return file;
        };
        expect(CodeOf(() => ReadAvatarFile(rewrite('"shape":[14,6,6]', '"shape":[14,6,7]')))).toBe("file-format");
        expect(CodeOf(() => ReadAvatarFile(rewrite('"bytes":1008', '"bytes":9008')))).toBe("file-format");
        expect(CodeOf(() => ReadAvatarFile(rewrite('"dtype":"f32"', '"dtype":"f16"')))).toBe("file-format");
        expect(CodeOf(() => ReadAvatarFile(rewrite('"offset":1008', '"offset":1009')))).toBe("file-format");
        // unknown blocks are ignored
        expect(CodeOf(() => ReadAvatarFile(rewrite('"thumbnail":', '"staticMaq":')))).toBe("no error");
    });
});
