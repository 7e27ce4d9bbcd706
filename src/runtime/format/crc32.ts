/** The checksum of PNG, zip and gzip (ISO 3309). */
const Table = Uint32Array.from({ length: 256 }, (_, n) => {
    let c = n;
    for (let bit = 0; bit < 8; bit++) {
        c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    }
    return c;
});

/** @param before the checksum of what comes before these bytes */
export function Crc32(bytes: Uint8Array, before = 0): number {
    let crc = ~before;
    for (const byte of bytes) {
        crc = Table[(crc ^ byte) & 0xff] ^ (crc >>> 8);
    }
    return ~crc >>> 0;
}
