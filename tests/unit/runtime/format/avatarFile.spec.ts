import { FlexAvatarError } from "../../../../src/flame/error";
import { ReadAvatarFile, WriteAvatarFile, type IAvatarFile } from "../../../../src/runtime/format/avatarFile";
import { SplatByteLength } from "../../../../src/runtime/format/splatFile";
import { BodyOf, JsonTextOf, Rewrite } from "../../../support/avatarBytes";
import { WriteFirstVersion } from "../../../support/firstVersionFile";

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
        consent: "Nobody agreed.",
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
    it("gives back what was written: offsets within 1/131070 of their range, the map's other channels 1/510", () => {
        const avatar = Sample();
        const read = ReadAvatarFile(WriteAvatarFile(avatar));
        expect(read.staticMap.length).toBe(avatar.staticMap.length);
        for (let c = 0; c < 14; c++) {
            const values = avatar.staticMap.subarray(36 * c, 36 * (c + 1));
            const range = Math.max(...values) - Math.min(...values);
            const worst = values.reduce((most, v, t) => Math.max(most, Math.abs(v - read.staticMap[36 * c + t])), 0);
            expect(worst).withContext(`channel ${c}`).toBeGreaterThan(0);
            expect(worst)
                .withContext(`channel ${c}`)
                .toBeLessThanOrEqual((0.5001 * range) / (c < 3 ? 65535 : 255));
        }
        const off = avatar.identityFeatures.map((value, i) => Math.abs(value - read.identityFeatures[i]));
        expect(Math.max(...off)).toBeLessThanOrEqual(2 ** -11); // half an ulp of halves below 2
        const { staticMap: _a, identityFeatures: _b, ...rest } = avatar;
        const { staticMap: _c, identityFeatures: _d, ...readRest } = read;
        expect(readRest).toEqual(rest);
    });

    it("reads files of the first version", () => {
        const random = Random(5);
        const avatar: IAvatarFile = {
            ...Sample(),
            detail: Float32Array.from({ length: 108 }, () => random() - 0.5),
            closeUp: { edge: 24, shades: new Int8Array(576).map(() => Math.round(20 * random()) - 10) },
        };
        const old = ReadAvatarFile(WriteFirstVersion(avatar));
        const worst = old.staticMap.reduce(
            (most, value, i) => Math.max(most, Math.abs(value - avatar.staticMap[i])),
            0,
        );
        expect(worst).toBeLessThanOrEqual(2 ** -11);
        const { staticMap: _a, ...rest } = old;
        const { staticMap: _b, ...now } = ReadAvatarFile(WriteAvatarFile(avatar));
        expect(rest).toEqual({ ...now, consent: "" });
    });

    it("is binary glTF that names the extension, with a splat for viewers per record that it is given", () => {
        const splats = new Uint8Array(2 * SplatByteLength);
        const floats = new Float32Array(splats.buffer);
        floats.set([0.1, -0.2, 0.3, 0.004, 0.005, 0.001], 0);
        floats.set([-0.1, 0.25, 0, 0.01, 0.01, 0.002], 8);
        splats.set([255, 128, 0, 204, 255, 127, 127, 127], 24);
        splats.set([10, 20, 30, 255, 127, 127, 255, 127], 56);
        const file = WriteAvatarFile(Sample(), splats);
        const gltf = JSON.parse(JsonTextOf(file)) as {
            extensionsUsed: string[];
            meshes: { primitives: { attributes: Record<string, number> }[] }[];
            accessors: { bufferView: number; byteOffset: number; count: number; min?: number[] }[];
            bufferViews: { byteOffset: number; byteStride: number }[];
        };
        expect(gltf.extensionsUsed).toEqual(["FLEX_avatar", "KHR_gaussian_splatting"]);
        const { attributes } = gltf.meshes[0].primitives[0];
        const at = (name: string, i: number): DataView => {
            const { bufferView, byteOffset } = gltf.accessors[attributes[name]];
            const view = gltf.bufferViews[bufferView];
            const body = BodyOf(file).slice();
            return new DataView(body.buffer, view.byteOffset + byteOffset + i * view.byteStride);
        };
        const f = (view: DataView, n: number): number[] =>
            Array.from({ length: n }, (_, k) => view.getFloat32(4 * k, true));
        expect(f(at("POSITION", 1), 3)).toEqual([...floats.subarray(8, 11)]);
        expect(gltf.accessors[attributes.POSITION].min).toEqual([Math.fround(-0.1), Math.fround(-0.2), 0]);
        expect(f(at("KHR_gaussian_splatting:SCALE", 0), 3)).toEqual([...floats.subarray(3, 6)]);
        // color = 0.5 + Y₀₀ · coefficient
        const red = f(at("KHR_gaussian_splatting:SH_DEGREE_0_COEF_0", 0), 1)[0];
        expect(0.5 + red * Math.sqrt(1 / Math.PI) * 0.5).toBeCloseTo(1, 6);
        expect(at("KHR_gaussian_splatting:OPACITY", 0).getUint8(0)).toBe(204);
        const turn = at("KHR_gaussian_splatting:ROTATION", 1);
        const y = turn.getInt8(1);
        expect(y).withContext("a half turn about y, x y z w").toBeGreaterThan(125);
        const { staticMap } = ReadAvatarFile(file);
        expect(staticMap).toEqual(ReadAvatarFile(WriteAvatarFile(Sample())).staticMap);
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
        const rewrite = (from: string, to: string): Uint8Array =>
            Rewrite(WriteAvatarFile({ ...Sample(), detail: new Float32Array(108).fill(0.25) }), from, to);
        expect(CodeOf(() => ReadAvatarFile(rewrite("[0.25,0.25,0.25]", "[0.25,0.25,0.25]")))).toBe("no error");
        expect(CodeOf(() => ReadAvatarFile(rewrite("[0.25,0.25,0.25]", "[0.25,0.25,9e25]")))).toBe("file-format");
        expect(CodeOf(() => ReadAvatarFile(rewrite("[0.25,0.25,0.25]", "[0.25,0.25,-0.25]")))).toBe("file-format");
        expect(CodeOf(() => ReadAvatarFile(rewrite("[0.25,0.25,0.25]", "[0.25,0.25]")))).toBe("file-format");
        expect(CodeOf(() => ReadAvatarFile(rewrite('"scales"', '"scalez"')))).toBe("file-format");
        expect(CodeOf(() => ReadAvatarFile(rewrite('"shape":[3,6,6]', '"shape":[4,6,6]')))).toBe("file-format");
        expect(CodeOf(() => ReadAvatarFile(rewrite('"detail":{"bufferView"', '"detaiX":{"bufferView"')))).toBe(
            "file-format",
        );
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
        const rewrite = (from: string, to: string): Uint8Array => Rewrite(write(), from, to);
        expect(CodeOf(() => ReadAvatarFile(rewrite('"edge":24', '"edge":24')))).toBe("no error");
        expect(CodeOf(() => ReadAvatarFile(rewrite('"edge":24', '"edge":25')))).toBe("file-format");
        expect(CodeOf(() => ReadAvatarFile(rewrite('"edge":24', '"edge":-4')))).toBe("file-format");
        expect(CodeOf(() => ReadAvatarFile(rewrite('"closeUp":{"bufferView"', '"closeUX":{"bufferView"')))).toBe(
            "file-format",
        );
    });

    it("keeps the mouth in eight bits where it has any, and refuses one of another size", () => {
        const mouth = new Float32Array(108);
        [40, 41, 42, 77, 107].forEach((at, i) => (mouth[at] = 0.1 * (i - 2.5)));
        const write = (): Uint8Array<ArrayBuffer> => WriteAvatarFile({ ...Sample(), mouth });
        const read = ReadAvatarFile(write());
        for (let i = 0; i < 108; i++) {
            expect(Math.abs(read.mouth![i] - mouth[i])).toBeLessThanOrEqual(mouth[i] === 0 ? 0 : 0.25 / 127);
        }
        expect(WriteAvatarFile(read)).toEqual(write());
        expect(write().length - WriteAvatarFile(Sample()).length).toBeLessThan(300); // bytes: nearly all description
        expect(ReadAvatarFile(WriteAvatarFile(Sample())).mouth).toBeUndefined();
        expect(CodeOf(() => WriteAvatarFile({ ...Sample(), mouth: mouth.subarray(1) }))).toBe("invalid-argument");
        expect(CodeOf(() => WriteAvatarFile({ ...Sample(), mouth: mouth.fill(NaN) }))).toBe("invalid-argument");
        const full = WriteAvatarFile({ ...Sample(), mouth: new Float32Array(108).fill(0.5) });
        for (const [from, to] of [
            ['"mouth":{"scales":[0.5,', '"mouth":{"scales":[-1,'],
            ['"mouth":{"scales":[0.5,', '"mouth":{"scales":['],
            ['"mouth":{"scales"', '"mouth":{"scalez"'],
            ['"mouth":{"bufferView"', '"moutX":{"bufferView"'],
            ['"shape":[108]', '"shape":[107]'],
        ]) {
            expect(CodeOf(() => ReadAvatarFile(Rewrite(full, from, to))))
                .withContext(to)
                .toBe("file-format");
        }
        const short = full.slice();
        short.set([0, 9], short.length - 116); // before the thumbnail: a run of nine in the place of two
        expect(CodeOf(() => ReadAvatarFile(short))).toBe("file-format");
    });

    it("works without thumbnail and without photos", () => {
        const { thumbnail: _unused, ...avatar } = Sample(0);
        const read = ReadAvatarFile(WriteAvatarFile(avatar));
        expect(read.thumbnail).toBeUndefined();
        expect(read.fit.photos).toEqual([]);
    });

    it("refuses to write numbers that the format cannot hold, and wrong sizes", () => {
        for (const bad of [NaN, Infinity, 65520, -70000]) {
            for (const key of ["staticMap", "identityFeatures"] as const) {
                const avatar = Sample();
                avatar[key][17] = bad;
                expect(CodeOf(() => WriteAvatarFile(avatar))).toBe("invalid-argument");
            }
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

    it("reads newer files that say they may be read, and reports others and foreign ones", () => {
        const newer = Rewrite(WriteAvatarFile(Sample()), '"version":2', '"version":7,"wings":{"span":2}');
        expect(ReadAvatarFile(newer)).toEqual(ReadAvatarFile(WriteAvatarFile(Sample())));
        expect(() => ReadAvatarFile(Rewrite(newer, '"readableFrom":2', '"readableFrom":4'))).toThrowError(/version 4/);
        const old = WriteFirstVersion(Sample());
        old[4] = 2;
        expect(CodeOf(() => ReadAvatarFile(old))).toBe("file-format");
        expect(() => ReadAvatarFile(new TextEncoder().encode("<!doctype html><p>Not found"))).toThrowError(/glTF/);
        const foreign = Rewrite(
            WriteAvatarFile(Sample()),
            '"extensions":{"FLEX_avatar"',
            '"extensions":{"FLEX_avatax"',
        );
        expect(() => ReadAvatarFile(foreign)).toThrowError(/FLEX_avatar/);
    });

    it("survives damaged bytes: every outcome is an avatar or a file-format error (fuzz)", () => {
        const seed = 20261122;
        const random = Random(seed);
        for (const file of [WriteAvatarFile(Sample()), WriteFirstVersion(Sample())]) {
            const jsonEnd = file.length - BodyOf(WriteAvatarFile(Sample())).length;
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
        }
    });

    it("refuses blocks that reach beyond the body or lie about their shape", () => {
        const rewrite = (from: string, to: string): Uint8Array => Rewrite(WriteAvatarFile(Sample()), from, to);
        for (const [from, to] of [
            ['"shape":[11,6,6]', '"shape":[11,6,7]'],
            ['"byteLength":216', '"byteLength":9216'],
            ['"dtype":"f32"', '"dtype":"f16"'],
            ['"byteOffset":216', '"byteOffset":217'],
            ['"bufferView":0', '"bufferView":99'],
            ['"bufferView":0', '"bufferView":-1'],
            ['"mapSize":6', '"mapSize":0'],
            ['"mapSize":6', '"mapSize":7'],
            ['"ranges":[', '"ranges":[0,'],
            ['"readableFrom":2', '"readableFrom":"2"'],
        ]) {
            expect(CodeOf(() => ReadAvatarFile(rewrite(from, to))))
                .withContext(to)
                .toBe("file-format");
        }
        const reversed = Rewrite(WriteAvatarFile(Sample()), /"ranges":\[[^,]+,/, '"ranges":[9000,');
        expect(CodeOf(() => ReadAvatarFile(reversed))).toBe("file-format");
    });
});
