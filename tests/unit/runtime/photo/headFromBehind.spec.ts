// Where about the head is of a person who is seen from behind.
import { HeadFromBehind } from "../../../../src/runtime/photo/headFromBehind";

const Size = 64;

/** A person: head of a radius about (x, y), neck, and shoulders below. */
function Person(x: number, y: number, radius: number): Float32Array {
    return Float32Array.from({ length: Size * Size }, (_, i) => {
        const [across, down] = [(i % Size) + 0.5 - x, Math.floor(i / Size) + 0.5 - y];
        const isHead = Math.hypot(across, down / 1.3) < radius;
        const isNeck = Math.abs(across) < 0.6 * radius && down > 0;
        const isBody = Math.abs(across) < 2.4 * radius && down > 2 * radius;
        return Number(isHead || isNeck || isBody);
    });
}

describe("the head of a person seen from behind", () => {
    it("is the topmost part that is about as high as wide, wherever it is and whatever its size", () => {
        for (const [x, y, radius] of [
            [32, 20, 8],
            [20, 16, 6],
            [40, 24, 10],
        ]) {
            const head = HeadFromBehind(Person(x, y, radius), Size)!;
            expect(Math.abs(head.x - x)).toBeLessThan(1);
            expect(Math.abs(head.y - y)).toBeLessThan(0.4 * radius);
            expect(Math.abs(head.width - 2 * radius)).toBeLessThan(2);
        }
    });

    it("is none where nobody is, and where what is there is cut below", () => {
        expect(HeadFromBehind(new Float32Array(Size * Size), Size)).toBeNull();
        expect(HeadFromBehind(Person(32, 70, 12), Size)).toBeNull();
    });
});
