import {
    FloatsFromHalves,
    HalfFromNumber,
    HalvesFromFloats,
    NumberFromHalf,
} from "../../../../src/runtime/format/half";

/** Every finite half by its definition, sign · mantissa · 2^exponent, sharing no code with the library. */
function HalfByDefinition(bits: number): number {
    const text = bits.toString(2).padStart(16, "0");
    const exponent = parseInt(text.slice(1, 6), 2);
    const fraction = parseInt(text.slice(6), 2) / 1024;
    const value = exponent === 0 ? fraction * Math.pow(2, -14) : (1 + fraction) * Math.pow(2, exponent - 15);
    return text[0] === "1" ? -value : value;
}

describe("half precision", () => {
    it("decodes all 65,536 bit patterns", () => {
        let wrong = 0;
        for (let bits = 0; bits < 65536; bits++) {
            const value = NumberFromHalf(bits);
            const special = (bits & 0x7c00) === 0x7c00;
            const wanted = !special
                ? HalfByDefinition(bits)
                : bits & 0x3ff
                  ? NaN
                  : bits & 0x8000
                    ? -Infinity
                    : Infinity;
            wrong += Object.is(value, wanted) ? 0 : 1;
        }
        expect(wrong).toBe(0);
    });

    it("encodes every decoded value back to its own bits", () => {
        const bits = Uint16Array.from({ length: 65536 }, (_, i) => i);
        const back = HalvesFromFloats(FloatsFromHalves(bits));
        const wrong = bits.filter((half) => {
            const isNaNPattern = (half & 0x7c00) === 0x7c00 && (half & 0x3ff) !== 0;
            return isNaNPattern ? !Number.isNaN(NumberFromHalf(back[half])) : back[half] !== half;
        });
        expect(Array.from(wrong)).toEqual([]);
    });

    it("rounds the midpoint of every two neighbours to the even one, and anything beside it to the nearer", () => {
        let wrong = 0;
        for (let low = 0; low < 0x7bff; low++) {
            const a = HalfByDefinition(low);
            const b = HalfByDefinition(low + 1);
            const middle = (a + b) / 2; // exact in float32
            const nudge = (b - a) / 64;
            wrong += HalfFromNumber(middle) === (low & 1 ? low + 1 : low) ? 0 : 1;
            wrong += HalfFromNumber(middle - nudge) === low ? 0 : 1;
            wrong += HalfFromNumber(middle + nudge) === low + 1 ? 0 : 1;
            wrong += HalfFromNumber(-middle - nudge) === ((low + 1) | 0x8000) ? 0 : 1;
        }
        expect(wrong).toBe(0);
    });

    it("ends at the largest half and keeps the sign of zero", () => {
        expect(HalfFromNumber(65504)).toBe(0x7bff);
        expect(HalfFromNumber(65519.996)).toBe(0x7bff);
        expect(HalfFromNumber(65520)).toBe(0x7c00);
        expect(HalfFromNumber(-1e30)).toBe(0xfc00);
        expect(HalfFromNumber(-0)).toBe(0x8000);
        expect(HalfFromNumber(2 ** -25)).toBe(0);
        expect(HalfFromNumber(2 ** -25 * 1.001)).toBe(1);
    });
});
