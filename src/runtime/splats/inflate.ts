/** Decompression by the browser, with a limit against files that are small and unpack to more than a page can hold. */
import { WrongGaussians } from "./gaussians.js";

/**
 * @param most bytes that may come out
 * @throws FlexAvatarError `file-format` for damaged data, and for more than `most`
 */
export async function InflateAsync(
    packed: Uint8Array,
    format: "gzip" | "deflate-raw",
    most: number,
): Promise<Uint8Array<ArrayBuffer>> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    try {
        const stream = new Blob([packed as Uint8Array<ArrayBuffer>])
            .stream()
            .pipeThrough(new DecompressionStream(format));
        for (const reader = stream.getReader(); ;) {
            const { done, value } = await reader.read();
            if (done) {
                break;
            }
            size += value.byteLength;
            if (size > most) {
                await reader.cancel();
                break;
            }
            chunks.push(value);
        }
    } catch (error) {
        throw WrongGaussians("its compressed data is damaged", error);
    }
    if (size > most) {
        throw WrongGaussians(`it unpacks to more than ${most} bytes`);
    }
    const bytes = new Uint8Array(size);
    let at = 0;
    for (const chunk of chunks) {
        bytes.set(chunk, at);
        at += chunk.byteLength;
    }
    return bytes;
}

/** The bytes as gzip. */
export async function GzipAsync(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
    return await new Response(new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer();
}
