/** Half-precision numbers (IEEE 754 binary16), in which files keep maps. Rounds to nearest, ties to even. */

/** Largest finite one. */
export const HalfLargest = 65504;

const Float = new Float32Array(1);
const Bits = new Uint32Array(Float.buffer);
const Rebias = 2 ** 112;

/**
 * @param value any number; it is rounded to float32 first, as typed arrays do
 * @returns the 16 bits of the nearest half; ±Infinity beyond ±65,519; one quiet NaN
 */
export function HalfFromNumber(value: number): number {
    Float[0] = value;
    const bits = Bits[0];
    const sign = (bits >>> 16) & 0x8000;
    const magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) {
        return sign | 0x7e00;
    }
    if (magnitude >= 0x477ff000) {
        return sign | 0x7c00; // 65,520 and more round to infinity
    }
    if (magnitude >= 0x38800000) {
        // Normal: rebias the exponent from 127 to 15; adding 0xfff plus the lowest kept bit rounds ties to even.
        return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
    }
    if (magnitude < 0x33000000) {
        return sign; // below half of the smallest subnormal, 2^-25
    }
    // Subnormal: a multiple of 2^-24.
    const shift = 126 - (magnitude >>> 23);
    const mantissa = (magnitude & 0x7fffff) | 0x800000;
    const kept = mantissa >>> shift;
    const rest = mantissa & ((1 << shift) - 1);
    const half = 1 << (shift - 1);
    return sign | (kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0));
}

/**
 * @param half 16 bits; higher bits are ignored
 * @returns its exact value
 */
export function NumberFromHalf(half: number): number {
    const magnitude = half & 0x7fff;
    if (magnitude > 0x7c00) {
        return NaN;
    }
    // As the bits of a float32 the number is 2^112 too small, also where it is subnormal; the product is exact.
    Bits[0] = magnitude << 13;
    const value = magnitude === 0x7c00 ? Infinity : Float[0] * Rebias;
    return half & 0x8000 ? -value : value;
}

/** @returns the halves of `values`, in order */
export function HalvesFromFloats(values: Float32Array): Uint16Array<ArrayBuffer> {
    const halves = new Uint16Array(values.length);
    for (let i = 0; i < values.length; i++) {
        halves[i] = HalfFromNumber(values[i]);
    }
    return halves;
}

/** @returns the values of `halves`, in order */
export function FloatsFromHalves(halves: Uint16Array): Float32Array<ArrayBuffer> {
    const values = new Float32Array(halves.length);
    for (let i = 0; i < halves.length; i++) {
        values[i] = NumberFromHalf(halves[i]);
    }
    return values;
}
