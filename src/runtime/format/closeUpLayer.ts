/**
 * The close-up layer of a `.flexavatar` file: the atlas's shades row by row, a byte each, but for runs of zeros: a zero
 * and how many there are, 1 to
 * 255. Two thirds of an atlas show no photo.
 */

const LongestRun = 255;

/** Packs shades. @param shades [E,E] */
export function PackShades(shades: Int8Array): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(2 * shades.length);
    let end = 0;
    for (let i = 0; i < shades.length;) {
        if (shades[i] !== 0) {
            bytes[end++] = shades[i++];
            continue;
        }
        let run = 1;
        while (run < LongestRun && shades[i + run] === 0) {
            run++;
        }
        bytes[end++] = 0;
        bytes[end++] = run;
        i += run;
    }
    return bytes.slice(0, end);
}

/**
 * Unpacks shades.
 * @param count how many there must be
 * @returns null if there are more or fewer
 */
export function UnpackShades(bytes: Uint8Array, count: number): Int8Array<ArrayBuffer> | null {
    const shades = new Int8Array(count);
    let end = 0;
    for (let i = 0; i < bytes.length; i++) {
        if (bytes[i] === 0) {
            end += bytes[++i] ?? NaN;
        } else if (end < count) {
            shades[end++] = bytes[i];
        } else {
            return null;
        }
    }
    return end === count ? shades : null;
}
