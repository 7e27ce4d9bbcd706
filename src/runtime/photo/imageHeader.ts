/**
 * Reads the pixel size that an image file claims, so that enormous ones are refused before the browser allocates them.
 */

/** Claimed size, before any rotation by EXIF. */
export interface IImageSize {
    width: number;
    height: number;
}

/**
 * @param bytes the beginning of a PNG, JPEG, WebP or GIF file; 256 KiB are enough for all but odd JPEGs
 * @returns the claimed size, or undefined for other formats and where it lies beyond `bytes`
 */
export function ReadImageSize(bytes: Uint8Array): IImageSize | undefined {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (StartsWith(bytes, 0, "\x89PNG\r\n\x1a\n") && bytes.length >= 24) {
        return { width: view.getUint32(16), height: view.getUint32(20) };
    }
    if (StartsWith(bytes, 0, "GIF8") && bytes.length >= 10) {
        return { width: view.getUint16(6, true), height: view.getUint16(8, true) };
    }
    if (StartsWith(bytes, 0, "RIFF") && StartsWith(bytes, 8, "WEBP") && bytes.length >= 30) {
        return WebpSize(bytes, view);
    }
    return StartsWith(bytes, 0, "\xff\xd8\xff") ? JpegSize(bytes, view) : undefined;
}

function WebpSize(bytes: Uint8Array, view: DataView): IImageSize | undefined {
    if (StartsWith(bytes, 12, "VP8X")) {
        const edge = (at: number): number => 1 + (view.getUint16(at, true) | (bytes[at + 2] << 16));
        return { width: edge(24), height: edge(27) };
    }
    if (StartsWith(bytes, 12, "VP8L")) {
        const bits = view.getUint32(21, true);
        return { width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff) };
    }
    if (StartsWith(bytes, 12, "VP8 ")) {
        return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
    }
    return undefined;
}

/** Walks the segments up to the frame header (SOF0–15 without DHT C4, JPG C8 and DAC CC). */
function JpegSize(bytes: Uint8Array, view: DataView): IImageSize | undefined {
    let at = 2;
    while (at + 9 <= bytes.length && bytes[at] === 0xff) {
        const marker = bytes[at + 1];
        if (marker === 0xff) {
            at++; // fill byte
            continue;
        }
        if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) {
            return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
        }
        at += 2 + view.getUint16(at + 2);
    }
    return undefined;
}

function StartsWith(bytes: Uint8Array, at: number, text: string): boolean {
    return (
        bytes.length >= at + text.length &&
        Array.from(text).every((letter, i) => bytes[at + i] === letter.charCodeAt(0))
    );
}
