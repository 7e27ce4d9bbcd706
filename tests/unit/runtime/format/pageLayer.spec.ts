// The second page in a .flexavatar file: what it costs, what it rounds, and what a reader refuses.
import { FlexAvatarError } from "../../../../src/flame/error";
import {
    ReadAvatarFile,
    WriteAvatarFile,
    type IAvatarFile,
    type IStoredPage,
} from "../../../../src/runtime/format/avatarFile";
import { PackPage, UnpackPage } from "../../../../src/runtime/format/pageLayer";
import { OffsetReach, ScaleMax, ScaleMin } from "../../../../src/runtime/layout";
import { BodyOf, JsonTextOf, Rewrite } from "../../../support/avatarBytes";

function Random(seed: number): () => number {
    let state = seed;
    return () => (state = (state * 48271) % 2147483647) / 2147483647;
}

/** A page whose texels are as hair and clothes have them; of each ten, `shown` show something. */
function Page(mapSize: number, shown = 6): IStoredPage {
    const random = Random(17);
    const texels = mapSize * mapSize;
    const map = new Float32Array(14 * texels);
    for (let t = 0; t < texels; t++) {
        const isShown = t % 10 < shown;
        for (let c = 0; c < 3; c++) {
            map[c * texels + t] = 0.8 * (random() - 0.5);
            map[(4 + c) * texels + t] = 1.2 * random() - 0.1;
            map[(7 + c) * texels + t] = Math.log(0.0004) + 3.9 * random();
        }
        map[3 * texels + t] = isShown ? 12 * random() - 4 : -9;
        for (let c = 10; c < 14; c++) {
            map[c * texels + t] = random() - 0.5;
        }
    }
    map.fill(0, 10 * texels, 10 * texels + 1);
    for (let c = 10; c < 14; c++) {
        map[c * texels] = 0; // of no length
        map[c * texels + 1] = 0.5; // all equal
    }
    return { headModel: { name: "page", sha256: "cd".repeat(32) }, mapSize, map };
}

function Sample(page?: IStoredPage): IAvatarFile {
    return {
        name: "ada",
        headModel: { name: "open-head", sha256: "ab".repeat(32) },
        model: { name: "nano-128", step: 1 },
        mapSize: 2,
        staticMap: new Float32Array(14 * 4),
        identityFeatures: new Float32Array(4),
        identityShape: [1, 2, 2],
        fit: { shape: new Float32Array(1), photos: [] },
        ...(page ? { page } : {}),
        provenance: "",
        license: "CC0-1.0",
        consent: "",
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

const Sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

describe("the second page in an avatar file", () => {
    it("comes back within a step of its formats, and what shows nothing stays away", () => {
        const page = Page(20);
        const read = ReadAvatarFile(WriteAvatarFile(Sample(page))).page!;
        expect([read.headModel, read.mapSize, read.map.length]).toEqual([page.headModel, 20, page.map.length]);
        const texels = 400;
        const worst = { offset: 0, opacity: 0, color: 0, scale: 0, angle: 0 };
        for (let t = 0; t < texels; t++) {
            const [a, b] = [page.map, read.map].map((map) => (c: number) => map[c * texels + t]);
            if (t % 10 >= 6 || Sigmoid(a(3)) < 0.5 / 255) {
                expect(Sigmoid(b(3)))
                    .withContext(`texel ${t}`)
                    .toBeLessThan(1e-4);
                continue;
            }
            worst.opacity = Math.max(worst.opacity, Math.abs(Sigmoid(a(3)) - Sigmoid(b(3))));
            for (let c = 0; c < 3; c++) {
                worst.offset = Math.max(worst.offset, Math.abs(a(c) - b(c)));
                worst.color = Math.max(worst.color, Math.abs(Math.min(1, Math.max(0, a(4 + c))) - b(4 + c)));
                worst.scale = Math.max(worst.scale, Math.abs(Math.min(Math.log(ScaleMax), a(7 + c)) - b(7 + c)));
            }
            const [p, q] = [a, b].map((of) => [10, 11, 12, 13].map(of));
            const [lengthOfP, lengthOfQ] = [p, q].map((x) => Math.hypot(...x));
            expect(lengthOfQ).toBeCloseTo(1, 5);
            const cosine =
                lengthOfP > 0 ? Math.abs(p.reduce((sum, x, k) => sum + x * q[k], 0)) / lengthOfP : Math.abs(q[3]);
            worst.angle = Math.max(worst.angle, 2 * Math.acos(Math.min(1, cosine)));
        }
        expect(worst.offset).toBeLessThanOrEqual(0.5 / 65535 + 1e-7);
        expect(worst.opacity).toBeLessThanOrEqual(0.5 / 255 + 1e-6);
        expect(worst.color).toBeLessThanOrEqual(0.5 / 255 + 1e-6);
        expect(worst.scale).toBeLessThanOrEqual((0.5 * Math.log(2000)) / 65535 + 1e-6);
        expect(worst.angle).toBeLessThan(0.006); // a third of a degree
        Object.values(worst).forEach((value) => expect(value).toBeGreaterThan(0));
    });

    it("holds offsets and sizes as far as the renderer draws them", () => {
        const page = Page(2, 10);
        const limits = [-OffsetReach, OffsetReach, Math.log(ScaleMin), Math.log(ScaleMax)];
        [0, 1, 7, 8].forEach((channel, i) => page.map.fill(limits[i], 4 * channel, 4 * channel + 4));
        const { map } = ReadAvatarFile(WriteAvatarFile(Sample(page))).page!;
        [0, 1, 7, 8].forEach((channel, i) => expect(map[4 * channel]).toBeCloseTo(limits[i], 5));
    });

    it("has the same bytes for the same page, also once it was read", () => {
        for (const seed of [13, 20, 33]) {
            const file = WriteAvatarFile(Sample(Page(seed)));
            expect(WriteAvatarFile(Sample(Page(seed)))).toEqual(file);
            expect(WriteAvatarFile(ReadAvatarFile(file))).toEqual(file);
        }
    });

    it("rounds a rotation to one that is rounded to itself, also where two numbers are nearly the largest", () => {
        const random = Random(5);
        const map = new Float32Array(14 * 4096).fill(0);
        map.fill(3, 3 * 4096, 4 * 4096);
        for (let t = 0; t < 4096; t++) {
            const near = 0.5 + 0.002 * (random() - 0.5);
            [near, -0.5, 0.5 + 0.002 * (random() - 0.5), -near].forEach(
                (value, k) => (map[(10 + k) * 4096 + t] = value),
            );
        }
        // The two largest are nearly equal, and each rounding turns them around.
        for (let t = 0; t < 2048; t++) {
            [Math.sin(t), Math.cos(2 * t), 0.3, 1].forEach((value, k) => (map[(10 + k) * 4096 + t] = value));
        }
        const packed = PackPage(map);
        expect(PackPage(UnpackPage(packed, 64)).rotations).toEqual(packed.rotations);
        expect(new Set(packed.rotations).size).toBeGreaterThan(5);
    });

    it("takes at most 1.2 MB for 45,000 texels, and nothing where nothing is seen", () => {
        const page = Page(224, 9);
        const bare = WriteAvatarFile(Sample()).length;
        const { texels, rotations } = PackPage(page.map);
        expect(rotations.length).toBeGreaterThan(44_000);
        const bytes = WriteAvatarFile(Sample(page)).length - bare;
        console.log(`${rotations.length} texels take ${bytes} bytes`);
        expect(bytes).toBeLessThan(1.2e6 * (rotations.length / 45_000));
        expect(bytes).toBeGreaterThanOrEqual(20 * rotations.length + texels.length);
        expect(WriteAvatarFile(Sample(Page(9, 0))).length).toBe(bare);
        expect(ReadAvatarFile(WriteAvatarFile(Sample(Page(9, 0)))).page).toBeUndefined();
    });

    it("is left out by a reader that does not know it, which shows the head", () => {
        const file = WriteAvatarFile(Sample(Page(20)));
        const { page, ...rest } = ReadAvatarFile(file);
        expect(page).toBeDefined();
        expect(rest as IAvatarFile).toEqual(ReadAvatarFile(WriteAvatarFile(Sample())));
    });

    it("is refused by a writer where it has a wrong size or no numbers", () => {
        const page = Page(20);
        for (const bad of [
            { ...page, mapSize: 21 },
            { ...page, mapSize: 0, map: new Float32Array() },
            { ...page, mapSize: 1025, map: new Float32Array(14) },
            { ...page, map: page.map.map((value, i) => (i === 900 ? NaN : value)) },
            { ...page, map: page.map.map((value, i) => (i === 5000 ? Infinity : value)) },
        ]) {
            expect(CodeOf(() => WriteAvatarFile(Sample(bad)))).toBe("invalid-argument");
        }
    });

    /** The file with other text in its description, and bytes at a block's place. */
    function Spoil(
        from: RegExp,
        to: string,
        change: (block: (name: string) => Uint8Array) => void = () => undefined,
    ): Uint8Array {
        const file = WriteAvatarFile(Sample(Page(21)));
        const gltf = JSON.parse(JsonTextOf(file)) as {
            bufferViews: { byteOffset: number; byteLength: number }[];
            extensions: { FLEX_avatar: { blocks: Record<string, { bufferView: number }> } };
        };
        change((name) => {
            const { byteOffset, byteLength } = gltf.bufferViews[gltf.extensions.FLEX_avatar.blocks[name].bufferView];
            return BodyOf(file).subarray(byteOffset, byteOffset + byteLength);
        });
        return Rewrite(file, from, to);
    }

    it("is refused by a reader if any length or number of it is wrong", () => {
        const same = Spoil(/"mapSize":21/, '"mapSize":21');
        expect(CodeOf(() => ReadAvatarFile(same))).toBe("no error");
        const bad: readonly [RegExp, string, ((block: (name: string) => Uint8Array) => void)?][] = [
            [/"mapSize":21/, '"mapSize":22'],
            [/"mapSize":21/, '"mapSize":2148'],
            [/"mapSize":21/, '"mapSize":0'],
            [/"mapSize":21/, '"mapSize":-21'],
            [/"mapSize":21/, '"mapSize":"21"'],
            [/"texels":(\d+)/, '"texels":1$1'],
            [/"texels":(\d+)/, '"texels":0'],
            [/"texels":(\d+)/, '"texels":1.5'],
            [/"page":\{/, '"page":null,"none":{'],
            [/"page":\{"headModel":\{/, '"page":{"head":{'],
            [/"pageTexels"/, '"pageTexel"'],
            [/("pagePlaces":\{[^}]*)"u16"/, '$1"u8"'],
            [/("pageColors":\{[^}]*"shape":\[)(\d+)/, "$19$2"],
            [/("pageRotations":\{"bufferView":)(\d+)/, "$11$2"],
            [/("pageRotations":\{"bufferView":)(\d+)/, "$10"],
            [/("pageRotations":\{"bufferView":)(\d+)/, "$1null"],
            // A mark too many, and a mark beyond the map.
            [/"mapSize":21/, '"mapSize":21', (block) => (block("pageTexels")[1] |= 255)],
            [
                /"mapSize":21/,
                '"mapSize":21',
                (block) => ((block("pageTexels")[1] &= block("pageTexels")[1] - 1), (block("pageTexels")[55] |= 128)),
            ],
        ];
        for (const [from, to, change] of bad) {
            expect(CodeOf(() => ReadAvatarFile(Spoil(from, to, change))))
                .withContext(`${from} → ${to}`)
                .toBe("file-format");
        }
        const file = WriteAvatarFile(Sample(Page(21)));
        for (let length = 0; length < file.length; length += 97) {
            expect(CodeOf(() => ReadAvatarFile(file.subarray(0, length)))).toBe("file-format");
        }
        const random = Random(3);
        for (let run = 0; run < 300; run++) {
            const flipped = file.slice();
            flipped[Math.floor(random() * flipped.length)] ^= 1 << Math.floor(8 * random());
            let map: Float32Array | undefined;
            const code = CodeOf(() => (map = ReadAvatarFile(flipped).page?.map));
            expect(["no error", "file-format"]).toContain(code);
            expect(map?.every(Number.isFinite) ?? true).toBeTrue();
        }
    });
});
