/**
 * The second page's layer of a `.flexavatar` file: its texels that show something, 20 bytes each. Offsets and sizes
 * have sixteen bits, opacity and colors eight, a rotation thirty-two: its three smallest numbers in ten bits each, and
 * which one was left out.
 */

/** Largest edge of a page's map that a reader accepts. */
export const MaxPageSize = 1024;
// The format's own limits. Today they are the renderer's (layout.ts); other ones would need another version of the
// format.
/** Meters that an offset reaches to either side. What lies farther is moved there, as the renderer does. */
const PlaceReach = 0.5;
/** Smallest and largest natural logarithm of a size in meters; the renderer clamps there as well. */
const [LeastScale, MostScale] = [Math.log(1e-5), Math.log(0.02)];
/** Steps of offsets and sizes. */
const Steps = 65535;
/** The logit of an opacity that nothing shows of. */
const Invisible = -12;
/** Byte 255 as an opacity: a logit has an end there. */
const FullOpacity = 254.75 / 255;
/** Any three numbers of a unit quaternion but the largest are within ± this. */
const SmallReach = Math.SQRT1_2;
/**
 * Two numbers that are nearly the largest may change their order when they are rounded; then they are packed once more.
 */
const MostTries = 8;

const Quaternion = new Float64Array(4); // scratch of PackPage and UnpackPage

/** A page as bytes. n texels; lists are channel after channel. */
export interface IPackedPage {
    /** [⌈H·W/8⌉] bit t & 7 of byte t >> 3: the texel t is there. */
    readonly texels: Uint8Array<ArrayBuffer>;
    /** [6·n] three offsets, −0.5 to 0.5 m, and three sizes, ln 1e-5 to ln 0.02, in steps of 1/65535 of that */
    readonly places: Uint16Array<ArrayBuffer>;
    /** [4·n] opacity, red, green, blue, in steps of 1/255 */
    readonly colors: Uint8Array<ArrayBuffer>;
    /** [n] bits 0–29 the three smallest, bits 30–31 which one is missing */
    readonly rotations: Uint32Array<ArrayBuffer>;
}

/**
 * Rounds a map. What {@link UnpackPage} gives back packs to the same bytes.
 * @param map [14,H,W] before activation, finite
 */
export function PackPage(map: ArrayLike<number>): IPackedPage {
    const count = map.length / 14;
    const opacity = (t: number): number => Math.round(255 / (1 + Math.exp(-map[3 * count + t])));
    const kept = Uint32Array.from(Array.from({ length: count }, (_, t) => t).filter((t) => opacity(t) > 0));
    const n = kept.length;
    const texels = new Uint8Array(Math.ceil(count / 8));
    const places = new Uint16Array(6 * n);
    const colors = new Uint8Array(4 * n);
    const rotations = new Uint32Array(n);
    kept.forEach((t, i) => {
        texels[t >> 3] |= 1 << (t & 7);
        colors[i] = opacity(t);
        for (let c = 0; c < 3; c++) {
            places[c * n + i] = Math.round(Steps * Clamp(map[c * count + t] / (2 * PlaceReach) + 0.5, 0, 1));
            places[(3 + c) * n + i] = Math.round(
                Steps * Clamp((map[(7 + c) * count + t] - LeastScale) / (MostScale - LeastScale), 0, 1),
            );
            colors[(1 + c) * n + i] = Math.round(255 * Clamp(map[(4 + c) * count + t], 0, 1));
        }
        Quaternion.forEach((_, k) => (Quaternion[k] = map[(10 + k) * count + t]));
        rotations[i] = SettledRotation(Quaternion);
    });
    return { texels, places, colors, rotations };
}

/** @returns [14,H,W] before activation; texels that are not there show nothing */
export function UnpackPage(
    { texels, places, colors, rotations }: IPackedPage,
    mapSize: number,
): Float32Array<ArrayBuffer> {
    const count = mapSize * mapSize;
    const n = rotations.length;
    const map = new Float32Array(14 * count);
    map.fill(Invisible, 3 * count, 4 * count);
    map.fill(LeastScale, 7 * count, 10 * count);
    map.fill(1, 13 * count);
    for (let t = 0, i = 0; i < n; t++) {
        if ((texels[t >> 3] & (1 << (t & 7))) === 0) {
            continue;
        }
        const alpha = Math.min(FullOpacity, colors[i] / 255);
        map[3 * count + t] = alpha > 0 ? Math.log(alpha / (1 - alpha)) : Invisible;
        for (let c = 0; c < 3; c++) {
            map[c * count + t] = 2 * PlaceReach * (places[c * n + i] / Steps - 0.5);
            map[(4 + c) * count + t] = colors[(1 + c) * n + i] / 255;
            map[(7 + c) * count + t] = LeastScale + (places[(3 + c) * n + i] / Steps) * (MostScale - LeastScale);
        }
        UnpackRotation(rotations[i], Quaternion);
        Quaternion.forEach((value, k) => (map[(10 + k) * count + t] = value));
        i++;
    }
    return map;
}

/** How many texels a mask has, or −1 if it has any beyond its map. */
export function TexelsOf(mask: Uint8Array, mapSize: number): number {
    let count = 0;
    for (let t = 0; t < 8 * mask.length; t++) {
        if ((mask[t >> 3] & (1 << (t & 7))) !== 0) {
            if (t >= mapSize * mapSize) {
                return -1;
            }
            count++;
        }
    }
    return count;
}

/** Four numbers in 32 bits. The largest is left out and positive; of equals the first. Of no length: no turn. */
function PackRotation(q: Float64Array): number {
    const length = Math.hypot(q[0], q[1], q[2], q[3]);
    let largest = 3;
    if (length > 1e-12) {
        largest = 0;
        for (let k = 1; k < 4; k++) {
            largest = Math.abs(q[k]) > Math.abs(q[largest]) ? k : largest;
        }
    }
    const scale = length > 1e-12 ? (q[largest] < 0 ? -1 : 1) / (length * SmallReach) : 0;
    let word = largest << 30;
    for (let k = 0, shift = 0; k < 4; k++) {
        if (k !== largest) {
            word |= Math.round(511 * Clamp(scale * q[k], -1, 1) + 511) << shift;
            shift += 10;
        }
    }
    return word >>> 0;
}

/** A word that unpacks to what packs to it. Of two that lead to each other, the smaller one. */
function SettledRotation(q: Float64Array): number {
    let word = PackRotation(q);
    for (let tries = 0, before = -1; tries < MostTries; tries++) {
        UnpackRotation(word, q);
        const next = PackRotation(q);
        if (next === word) {
            break;
        }
        if (next === before) {
            return Math.min(next, word);
        }
        [before, word] = [word, next];
    }
    return word;
}

/** As a map holds it: in single precision. */
function UnpackRotation(word: number, into: Float64Array): void {
    const largest = word >>> 30;
    let rest = 1;
    for (let k = 0, shift = 0; k < 4; k++) {
        if (k !== largest) {
            into[k] = Math.fround((SmallReach * (((word >>> shift) & 1023) - 511)) / 511);
            rest -= into[k] ** 2;
            shift += 10;
        }
    }
    into[largest] = Math.fround(Math.sqrt(Math.max(0, rest)));
}

function Clamp(value: number, least: number, most: number): number {
    return Math.min(most, Math.max(least, value));
}
