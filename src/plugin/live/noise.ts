/** Chance that repeats: numbers and smooth noise by a seed. */

/** A number of 0 to 1 for each whole one, and for each channel another. */
export function Hash(seed: number, channel: number, at: number): number {
    let h = (seed ^ Math.imul(channel + 1, 0x9e3779b1) ^ Math.imul(at + 0x7f4a7c15, 0x85ebca6b)) >>> 0;
    h = Math.imul(h ^ (h >>> 16), 0x21f0aaad);
    h = Math.imul(h ^ (h >>> 15), 0x735a2d97);
    return ((h ^ (h >>> 15)) >>> 0) / 4294967296;
}

/** Smooth noise of −1 to 1 that changes about `rate` times a second. */
export function SmoothNoise(seed: number, channel: number, timeS: number, rate: number): number {
    const place = timeS * rate;
    const whole = Math.floor(place);
    const part = place - whole;
    const share = part * part * part * (part * (6 * part - 15) + 10);
    const from = 2 * Hash(seed, channel, whole) - 1;
    return from + share * (2 * Hash(seed, channel, whole + 1) - 1 - from);
}

/** 0 below 0, 1 above 1, smooth between. */
export function SmoothStep(value: number): number {
    const x = Math.min(1, Math.max(0, value));
    return x * x * (3 - 2 * x);
}
