// Every file of Gaussians gives the same head back, and none that is wrong is believed.
import { FlexAvatarError } from "../../../../src/flame/error";
import { InflateGzip } from "../../../../src/runtime/format/inflate";
import { WritePly } from "../../../../src/runtime/format/plyFile";
import { WrongGaussians, type IGaussians } from "../../../../src/runtime/splats/gaussians";
import { ReadPly } from "../../../../src/runtime/splats/plyReader";
import { ReadSplatsAsync } from "../../../../src/runtime/splats/readSplats";
import { ReadSpzBody, WriteSpzAsync } from "../../../../src/runtime/splats/spzFile";
import { Finish } from "../../../../src/runtime/slices";
import { Random } from "../../../support/gpu";
import { LamNeckHeight, PackedPly, Ply, SampleLam, Zip } from "../../../support/lamZip";

const Count = 300;

/** 32 bytes each. */
function SomeSplats(): Uint8Array<ArrayBuffer> {
    const random = Random(5);
    const bytes = new Uint8Array(32 * Count);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < Count; i++) {
        for (let k = 0; k < 3; k++) {
            view.setFloat32(32 * i + 4 * k, 0.4 * random() - 0.2, true);
            view.setFloat32(32 * i + 12 + 4 * k, 0.001 + 0.01 * random(), true);
        }
        for (let k = 24; k < 28; k++) {
            bytes[32 * i + k] = 20 + 210 * random();
        }
        const turn = [random(), random() - 0.5, random() - 0.5, random() - 0.5];
        const length = Math.hypot(...turn);
        turn.forEach((value, k) => (bytes[32 * i + 28 + k] = Math.round((value / length) * 127.5 + 127.5)));
    }
    return bytes;
}

/** Largest differences. A quaternion and its negative are one turn. */
function Differences(a: IGaussians, b: IGaussians): Record<string, number> {
    const most = (x: Float32Array, y: Float32Array): number =>
        x.reduce((largest, value, i) => Math.max(largest, Math.abs(value - y[i])), 0);
    let turn = 0;
    for (let i = 0; i < 4 * a.count; i += 4) {
        const dot = [0, 1, 2, 3].reduce((sum, k) => sum + a.turns[i + k] * b.turns[i + k], 0);
        turn = Math.max(turn, 2 * Math.acos(Math.min(1, Math.abs(dot))));
    }
    return {
        count: b.count - a.count,
        place: most(a.places, b.places),
        size: most(a.sizes.map(Math.log), b.sizes.map(Math.log)),
        color: most(a.colors, b.colors),
        opacity: most(a.opacities, b.opacities),
        turn,
    };
}

async function CodeOfAsync(bytes: Uint8Array, format?: Parameters<typeof ReadSplatsAsync>[1]): Promise<string> {
    try {
        await ReadSplatsAsync(bytes, format);
        return "none";
    } catch (error) {
        return error instanceof FlexAvatarError ? error.code : String(error);
    }
}

describe("ReadSplatsAsync", () => {
    it("reads back what the library writes: splat, ply and spz", async () => {
        const bytes = SomeSplats();
        const splat = await ReadSplatsAsync(bytes);
        expect(splat.format).toBe("splat");
        const ply = await ReadSplatsAsync(WritePly(bytes));
        expect(ply.format).toBe("ply");
        const spz = await ReadSplatsAsync(new Uint8Array(await WriteSpzAsync(bytes)));
        expect(spz.format).toBe("spz");
        const limits = { place: 1e-5, size: 0.04, color: 0.01, opacity: 1e-3, turn: 0.03 };
        for (const { gaussians } of [ply, spz]) {
            const found = Differences(splat.gaussians, gaussians);
            expect(found.count).toBe(0);
            for (const [name, limit] of Object.entries(limits)) {
                expect(found[name]).withContext(name).toBeLessThanOrEqual(limit);
            }
        }
    });

    it("reads ply of other tools: any order, doubles, colors as bytes, higher harmonics, elements before", () => {
        const names = ["opacity", "f_rest_0", "rot_0", "rot_1", "rot_2", "rot_3", "scale_2", "scale_1", "scale_0"];
        const all = [...names, "z", "y", "x", "f_dc_2", "f_dc_1", "f_dc_0"];
        const shuffled = Ply(all, [0, 9, 2, 0, 0, 0, -3, -2, -1, 3, 2, 1, 0, 0, 1]);
        const read = ReadPly(shuffled);
        expect([...read.places]).toEqual([1, 2, 3]);
        expect(Array.from(read.sizes, Math.log).map(Math.round)).toEqual([-1, -2, -3]);
        expect([...read.turns]).toEqual([0, 0, 0, 1]);
        expect(read.opacities[0]).toBe(0.5);
        expect(read.colors[0]).toBeCloseTo(0.782, 3);
        const header =
            "ply\r\nformat binary_little_endian 1.0\r\nelement camera 2\r\nproperty uchar id\r\nelement vertex 1\r\n" +
            ["double x", "double y", "double z", "float opacity", "float scale_0", "float scale_1", "float scale_2"]
                .concat(["float rot_0", "float rot_1", "float rot_2", "float rot_3"])
                .concat(["uchar red", "uchar green", "uchar blue"])
                .map((property) => `property ${property}\r\n`)
                .join("") +
            "end_header\r\n";
        const text = new TextEncoder().encode(header);
        const file = new Uint8Array(text.length + 2 + 24 + 32 + 3);
        file.set(text);
        const view = new DataView(file.buffer, text.length + 2);
        [4, 5, 6].forEach((value, i) => view.setFloat64(8 * i, value, true));
        view.setFloat32(24 + 16, 1, true);
        file.set([255, 0, 51], file.length - 3);
        const other = ReadPly(file);
        expect([...other.places]).toEqual([4, 5, 6]);
        expect([...other.colors].map((value) => Math.round(255 * value))).toEqual([255, 0, 51]);
    });

    it("reads packed ply", () => {
        const { places, sizes, colors, opacities, turns } = ReadPly(PackedPly());
        expect([...places]).toEqual([1, -2, 3]);
        expect(Math.log(sizes[0])).toBeCloseTo(-8, 5);
        expect([...colors].map((value) => Math.round(255 * value))).toEqual([128, 255, 0]);
        expect(opacities[0]).toBeCloseTo(192 / 255, 5);
        expect(turns[3]).toBeGreaterThan(0.999);
    });

    it("reads the second version of spz, whose turns take three bytes", async () => {
        const third = Finish(InflateGzip(new Uint8Array(await WriteSpzAsync(SomeSplats())), 1e6, WrongGaussians));
        const second = new Uint8Array(third.length - Count);
        second.set(third.subarray(0, 16 + 16 * Count));
        new DataView(second.buffer).setUint32(4, 2, true);
        for (let i = 0; i < Count; i++) {
            second.set([64, 191, 191], 16 + 16 * Count + 3 * i);
        }
        const { turns } = ReadSpzBody(second);
        expect([...turns.subarray(0, 4)].map((value) => Math.round(10 * value))).toEqual([-5, 5, 5, 5]);
    });

    for (const order of ["none", "same", "sorted"] as const) {
        it(`puts the Gaussians of a LAM avatar where they belong, vertex_order.json: ${order}`, async () => {
            const { zip, places, colors } = SampleLam(order);
            const { format, gaussians, skin } = await ReadSplatsAsync(zip);
            expect(format).toBe("lam");
            expect(gaussians.places.every((value, i) => Math.abs(value - places[i]) < 1e-5)).toBeTrue();
            expect(gaussians.colors.every((value, i) => Math.abs(value - colors[i]) < 1e-3)).toBeTrue();
            expect(skin!.neck![1]).toBeCloseTo(LamNeckHeight, 5);
            expect([...skin!.expressions.keys()]).toEqual(["jawOpen", "mouthSmileLeft"]);
            const [bottom, top] = [[...skin!.weights.subarray(0, 5)], [...skin!.weights.slice(-5)]];
            expect(bottom.map((value) => Math.round(4 * value))).toEqual([3, 1, 0, 0, 0]); // half root, half neck
            expect(top.map((value) => Math.round(4 * value))).toEqual([0, 4, 0, 0, 0]);
        });
    }

    it("brings LAM avatars in centimeters to meters", async () => {
        const { zip, places } = SampleLam("none", 0.01);
        const { gaussians, skin } = await ReadSplatsAsync(zip);
        expect(gaussians.places.every((value, i) => Math.abs(value - places[i]) < 1e-4)).toBeTrue();
        expect(Math.min(...skin!.expressions.get("jawOpen")!)).toBeCloseTo(-0.02, 4);
    });

    it("refuses what is no file of Gaussians, and what is cut off or says too much", async () => {
        const bytes = SomeSplats();
        const ply = WritePly(bytes);
        const spz = new Uint8Array(await WriteSpzAsync(bytes));
        const { zip } = SampleLam();
        const text = (value: string): Uint8Array => new TextEncoder().encode(value);
        const patched = new TextDecoder("latin1").decode(ply).replace("vertex 300", "vertex 900000");
        const wrong: Uint8Array[] = [
            new Uint8Array(),
            text("hello"),
            bytes.subarray(0, 33),
            ply.subarray(0, ply.length - 1),
            text("ply\nformat ascii 1.0\nelement vertex 1\nend_header\n"),
            Uint8Array.from(patched, (letter) => letter.charCodeAt(0)),
            Ply(["x", "y", "z"], [0, 0, 0]),
            spz.subarray(0, spz.length - 20),
            zip.subarray(0, zip.length - 10),
            Zip({ "readme.txt": text("nothing") }),
        ];
        for (const [i, file] of wrong.entries()) {
            expect(await CodeOfAsync(file))
                .withContext(`file ${i}`)
                .toBe("file-format");
        }
        const infinite = bytes.slice();
        new DataView(infinite.buffer).setFloat32(64, NaN, true);
        expect(await CodeOfAsync(infinite)).toBe("file-format");
    });
});
