// Files of Python's: what is read, what is refused, and that nothing is ever called.
import { FlexAvatarError } from "../../../../src/flame/error";
import { ReadFlame } from "../../../../src/runtime/flame/flameFile";
import { ParseNpy } from "../../../../src/runtime/flame/npy";
import { NumbersOf, ReadNpz } from "../../../../src/runtime/flame/npz";
import { ReadPickle } from "../../../../src/runtime/flame/pickle";
import { ArrayOf, FieldOf } from "../../../../src/runtime/flame/pickleNames";
import { MakeFlameShaped, MakeTinyFlame } from "../../../support/flameShaped";
import { WriteNpy, WriteNpz, WritePickle } from "../../../support/pythonFiles";

const Bytes = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

function CodeOf(call: () => unknown): string {
    try {
        call();
        return "none";
    } catch (error) {
        return error instanceof FlexAvatarError ? error.code : `foreign: ${String(error)}`;
    }
}

describe("numpy's arrays", () => {
    const counted = Array.from({ length: 24 }, (_, i) => i - 3);

    it("are the same in either order of memory and of bytes, and of any size of number", () => {
        for (const type of ["<f8", ">f8", "<f4", "<i8", "<i4"] as const) {
            for (const isFortran of [false, true]) {
                const array = { shape: [2, 3, 4], values: counted, type, isFortran };
                const read = NumbersOf(ParseNpy(WriteNpy(array)));
                expect(read?.shape).withContext(type).toEqual([2, 3, 4]);
                expect(Array.from(read?.values ?? []))
                    .withContext(`${type} ${isFortran}`)
                    .toEqual(counted);
            }
        }
    });

    it("come out of a zip, stored or deflated, and only those that are asked for", () => {
        for (const level of [0, 6] as const) {
            const file = WriteNpz({ a: { shape: [24], values: counted }, b: { shape: [1], values: [5] } }, level);
            const arrays = ReadNpz(file, (name) => name === "a");
            expect([...arrays.keys()]).toEqual(["a"]);
            expect(Array.from(NumbersOf(arrays.get("a"))?.values ?? [])).toEqual(counted);
        }
    });

    it("are refused where header and bytes disagree", () => {
        const whole = WriteNpy({ shape: [24], values: counted });
        const spoiled = (from: string, to: string): Uint8Array => {
            const text = String.fromCharCode(...whole);
            expect(text).toContain(from);
            return Bytes(text.replace(from, to));
        };
        const cases = [
            whole.slice(0, 40),
            whole.slice(0, -1),
            spoiled("(24,)", "(25,)"),
            spoiled("(24,)", "(-1,)"),
            spoiled("(24,)", "(2e9,"),
            spoiled("'<f8'", "'<f9'").slice(0, 5),
            spoiled("False", "Maybe"),
            spoiled("NUMPY\u0001", "NUMPY\u0009"),
            spoiled("'shape'", "'shale'"),
        ];
        cases.forEach((bytes, i) =>
            expect(CodeOf(() => ParseNpy(bytes)))
                .withContext(`${i}`)
                .toBe("file-format"),
        );
    });

    it("that inflate to more than is allowed are refused before they are whole", () => {
        // Zeros deflate to a thousandth: 160 MB of them in a member, where 128 MB are allowed.
        const bomb = WriteNpz({ a: { shape: [20_000_000], values: new Float64Array(20_000_000) } }, 6);
        expect(bomb.length).toBeLessThan(400_000);
        expect(CodeOf(() => ReadNpz(bomb))).toBe("file-format");
        // Bytes take eight times as much as numbers: 21 million in three arrays, each of which is allowed.
        const array = { shape: [7_000_000], values: new Uint8Array(7_000_000), type: "|u1" } as const;
        expect(CodeOf(() => ReadNpz(WriteNpz({ a: array, b: array })))).toBe("none");
        expect(() => ReadNpz(WriteNpz({ a: array, b: array, c: array }))).toThrowError(/more than 16777216 numbers/);
    });
});

describe("pickles", () => {
    it("give numbers, texts, lists and dictionaries of every protocol's operations", () => {
        const protocol0 = "(dp0\nS'a'\np1\nI5\nsS'b\\x41'\n(lp2\nF1.5\naL7L\naI01\nas.";
        const map = ReadPickle(Bytes(protocol0)) as Map<unknown, unknown>;
        expect(map.get("a")).toBe(5);
        expect(map.get("bA")).toEqual([1.5, 7, 1]);
        const protocol4 =
            "\x80\x04\x95\x1f\0\0\0\0\0\0\0}\x94(\x8c\x01a\x94G\x3f\xf8\0\0\0\0\0\0\x8c\x01b\x94\x88N\x86\x94u.";
        const second = ReadPickle(Bytes(protocol4)) as Map<unknown, unknown>;
        expect(second.get("a")).toBe(1.5);
        expect(second.get("b")).toEqual([true, null]);
        expect(ReadPickle(Bytes("\x80\x02\x8a\x02\x00\xff."))).toBe(-256);
    });

    it("give arrays of numpy, chumpy and scipy as numbers", () => {
        const values = [0, 2, 0, 0, 0, 6];
        for (const as of ["ndarray", "chumpy", "csc"] as const) {
            const array = ArrayOf(FieldOf(ReadPickle(WritePickle({ x: { shape: [2, 3], values, as } })), "x"));
            expect(array?.shape).withContext(as).toEqual([2, 3]);
            expect(Array.from(array?.values ?? []))
                .withContext(as)
                .toEqual(values);
        }
    });

    it("that ask for a call are refused, by every way that Python has", () => {
        const asks: Record<string, string> = {
            "os.system": "cos\nsystem\n(S'true'\ntR.",
            "eval, as Python 2 names it": "c__builtin__\neval\n(S'1'\ntR.",
            "a name from the stack": "\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x01x\x85R.",
            "subprocess by an object": "(isubprocess\nPopen\n.",
            "an object of a class": "(cos\nsystem\nS'true'\no.",
            "a persistent object": "Pother\n.",
            "a registered extension": "\x80\x02\x82\x01.",
            "named arguments": "\x80\x04cnumpy\nndarray\n)}\x92.",
            "a call of what is no constructor": "(lp0\n(tR.",
            "a name of numpy that is no data": "cnumpy\nload\n(S'x'\ntR.",
            "a name that hides behind one that is allowed": "cnumpy.core.multiarray _reconstruct\nx\n(tR.",
            "a name of JavaScript's": "c__proto__\nconstructor\n(tR.",
        };
        for (const [what, text] of Object.entries(asks)) {
            expect(CodeOf(() => ReadPickle(Bytes(text))))
                .withContext(what)
                .toBe("pickle-refused");
        }
    });

    it("that are damaged or without end are told as such", () => {
        const damaged = [
            "",
            ".",
            "(",
            "a.",
            "s.",
            "I\n.",
            "h\x05.",
            "N",
            "\x80\x02T\xff\xff\xff\x7f.",
            "}N.N",
            "]b.",
            "S'a\n.",
        ];
        const codes = damaged.map((text) => CodeOf(() => ReadPickle(Bytes(text))));
        // "}N.N" ends before its last letter, and is sound.
        expect(codes).toEqual(damaged.map((text) => (text === "}N.N" ? "none" : "file-format")));
        expect(CodeOf(() => ReadPickle(new Uint8Array(600_000).fill(0x4e)))).toBe("file-format");
    });

    it("that double what they hold are stopped by its size", () => {
        // A list that is made into a set of a set … of itself, each a copy.
        const doubling =
            "(l(" + "N".repeat(1000) + "e" + "q\0" + "0".concat("c__builtin__\nset\nh\0\x85R0".repeat(20_000));
        expect(CodeOf(() => ReadPickle(Bytes(`${doubling}N.`)))).toBe("file-format");
    });
});

describe("a FLAME file", () => {
    const shaped = MakeFlameShaped({ shapeCount: 300, expressionCount: 2 });
    const pickle = WritePickle({ ...shaped, bs_type: "lrotmin" });

    it("is the same as a pickle and as .npz, with FLAME's counts", () => {
        const [first, second] = [ReadFlame(pickle), ReadFlame(WriteNpz(shaped))];
        const { vertexCount, faceCount, shapeCount, expressionCount } = first;
        expect([vertexCount, faceCount, shapeCount, expressionCount]).toEqual([5023, 9976, 300, 2]);
        for (const [name, array] of Object.entries(first)) {
            const other = second[name as keyof typeof second];
            const isSame = ArrayBuffer.isView(array)
                ? (array as Float32Array).every((value, i) => value === (other as Float32Array)[i])
                : array === other;
            expect(isSame).withContext(name).toBeTrue();
        }
        const { values, shape } = shaped.shapedirs;
        const at = (vertex: number, axis: number, k: number): number => values[(3 * vertex + axis) * shape[2] + k];
        expect(first.expressionDirs[3 * 4000 + 1]).toBeCloseTo(at(4000, 1, 300), 7);
        expect(first.shapeDirs[7 * 3 * 5023 + 3 * 12 + 2]).toBeCloseTo(at(12, 2, 7), 7);
    });

    it("is refused where arrays are missing, of another shape, not finite, or not of this mesh", () => {
        const tiny = MakeTinyFlame();
        expect(CodeOf(() => ReadFlame(WriteNpz(tiny)))).toBe("none");
        const without = (name: keyof typeof tiny): Uint8Array => {
            const { [name]: _, ...rest } = tiny;
            return WriteNpz(rest);
        };
        const spoiled = (name: keyof typeof tiny, at: number, value: number): Uint8Array => {
            const values = Array.from(tiny[name].values);
            values[at] = value;
            return WriteNpz({ ...tiny, [name]: { ...tiny[name], values } });
        };
        const cases = [
            without("v_template"),
            without("weights"),
            without("posedirs"),
            spoiled("v_template", 5, NaN),
            spoiled("f", 3, 8),
            spoiled("weights", 7, 0.5),
            spoiled("kintree_table", 2, 3),
        ];
        cases.forEach((bytes, i) =>
            expect(CodeOf(() => ReadFlame(bytes)))
                .withContext(`${i}`)
                .toBe("file-format"),
        );
    });
});
