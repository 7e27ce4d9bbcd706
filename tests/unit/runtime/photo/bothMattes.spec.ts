import { BothMattes } from "../../../../src/runtime/photo/bothMattes";

const Size = 64;

/** [64,64] of a value in a rectangle, else 0. */
function Rectangle(top: number, bottom: number, left: number, right: number, value = 1): Float32Array {
    return Float32Array.from({ length: Size * Size }, (_, i) => {
        const [row, column] = [Math.floor(i / Size), i % Size];
        return row >= top && row < bottom && column >= left && column < right ? value : 0;
    });
}

function Largest(...maps: Float32Array[]): Float32Array {
    return maps[0].map((_, i) => Math.max(...maps.map((map) => map[i])));
}

const Person = Rectangle(0, Size, 0, 16);
const Face = Rectangle(16, 48, 0, 16);
const None = new Float32Array(Size * Size);

describe("two mattes of a person", () => {
    it("lean to the surer one, but MediaPipe's is not as sure of the person", () => {
        const [a, b] = [
            [1, 1, 0.9, 0.5, 0.8, 0],
            [1, 0, 0.1, 0.99, 0.8, 0.5],
        ].map((values) => Float32Array.from(None, (_, i) => values[i % Size] ?? 0));
        const both = BothMattes(a, b, None, Size);
        [0.9955, 0.1813, 0.5, 0.9087, 0.8, 0.0307].forEach((wanted, i) => expect(both[i]).toBeCloseTo(wanted, 3));
    });

    it("add to the person beside it, the less the farther away", () => {
        const both = BothMattes(
            Person,
            None.map(() => 1),
            Face,
            Size,
        );
        const row = Array.from(both.subarray(32 * Size, 33 * Size));
        row.slice(0, 16).forEach((value) => expect(value).toBeGreaterThan(0.99));
        expect(row[16]).toBeGreaterThan(0.75);
        for (let k = 17; k < 28; k++) {
            expect(row[k]).toBeLessThan(row[k - 1]);
        }
        row.slice(28).forEach((value) => expect(value).toBeCloseTo(0.5, 3));
    });

    it("are not the person where background parts them from the face", () => {
        const apart = Rectangle(10, 20, 40, 50);
        const rim = Rectangle(10, 20, 50, 54, 0.3);
        const bridge = Rectangle(40, 44, 16, 60, 0.5);
        const beyond = Rectangle(40, 50, 60, Size);
        const seen = Largest(Person, apart, rim, bridge, beyond);
        const both = BothMattes(seen, seen, Face, Size);
        const at = (row: number, column: number): number => both[row * Size + column];
        expect([at(15, 45), at(15, 52)]).toEqual([0, 0]);
        expect(at(45, 62)).toBeGreaterThan(0.99);
        expect(at(42, 40)).toBeCloseTo(0.5, 3);
        const noFace = BothMattes(seen, seen, None, Size);
        expect(noFace[15 * Size + 45]).toBeGreaterThan(0.99);
    });
});
