/** Pictures as PNG (W3C PNG specification, third edition), where there may be no canvas. Equal pictures give equal bytes. */
import { Crc32 } from "../format/crc32.js";

const Signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** Filter type "Paeth", of all rows: skin and hair are smooth. */
const Paeth = 4;

/**
 * @param rgba [E,E,4], top row first
 * @param edge E
 * @param hasAlpha whether alpha is written too
 */
export async function WritePngAsync(
    rgba: ArrayLike<number>,
    edge: number,
    hasAlpha: boolean,
): Promise<Uint8Array<ArrayBuffer>> {
    const header = new DataView(new ArrayBuffer(13));
    header.setUint32(0, edge);
    header.setUint32(4, edge);
    header.setUint8(8, 8); // bits
    header.setUint8(9, hasAlpha ? 6 : 2); // color type
    const rows = FilteredRows(rgba, edge, hasAlpha ? 4 : 3);
    const packed = new Blob([rows]).stream().pipeThrough(new CompressionStream("deflate"));
    const chunks = [
        Chunk("IHDR", new Uint8Array(header.buffer)),
        Chunk("IDAT", new Uint8Array(await new Response(packed).arrayBuffer())),
        Chunk("IEND", new Uint8Array(0)),
    ];
    const file = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, Signature.length));
    file.set(Signature);
    let at = Signature.length;
    for (const chunk of chunks) {
        file.set(chunk, at);
        at += chunk.length;
    }
    return file;
}

/** Rows, each behind its filter type, as differences to what the filter foretells. */
function FilteredRows(rgba: ArrayLike<number>, edge: number, channels: number): Uint8Array<ArrayBuffer> {
    const rowBytes = 1 + channels * edge;
    const rows = new Uint8Array(rowBytes * edge);
    for (let row = 0; row < edge; row++) {
        rows[row * rowBytes] = Paeth;
        for (let column = 0; column < edge; column++) {
            const at = 4 * (row * edge + column);
            for (let channel = 0; channel < channels; channel++) {
                const left = column > 0 ? rgba[at - 4 + channel] : 0;
                const up = row > 0 ? rgba[at - 4 * edge + channel] : 0;
                const corner = row > 0 && column > 0 ? rgba[at - 4 * edge - 4 + channel] : 0;
                const [toLeft, toUp] = [Math.abs(up - corner), Math.abs(left - corner)];
                const toCorner = Math.abs(left + up - 2 * corner);
                const foretold = toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
                rows[row * rowBytes + 1 + column * channels + channel] = rgba[at + channel] - foretold;
            }
        }
    }
    return rows;
}

function Chunk(type: string, data: Uint8Array): Uint8Array {
    const chunk = new Uint8Array(12 + data.length);
    const view = new DataView(chunk.buffer);
    view.setUint32(0, data.length);
    chunk.set(new TextEncoder().encode(type), 4);
    chunk.set(data, 8);
    view.setUint32(8 + data.length, Crc32(chunk.subarray(4, 8 + data.length)));
    return chunk;
}
