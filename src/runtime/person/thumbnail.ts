/** The small picture in a `.flexavatar` file. */

/** Edge of the picture in pixels. */
const ThumbnailPx = 128;

/**
 * @param image [3,S,S] RGB 0..1
 * @param size S
 * @returns PNG bytes, or undefined where the page cannot make one
 */
export async function MakeThumbnailAsync(image: Float32Array, size: number): Promise<Uint8Array | undefined> {
    if (typeof OffscreenCanvas === "undefined") {
        return undefined;
    }
    const full = new OffscreenCanvas(size, size);
    const pixels = new ImageData(size, size);
    for (let i = 0; i < size * size; i++) {
        for (let channel = 0; channel < 3; channel++) {
            pixels.data[4 * i + channel] = Math.round(255 * image[channel * size * size + i]);
        }
        pixels.data[4 * i + 3] = 255;
    }
    full.getContext("2d")!.putImageData(pixels, 0, 0);
    const edge = Math.min(ThumbnailPx, size);
    const small = new OffscreenCanvas(edge, edge);
    const context = small.getContext("2d")!;
    context.imageSmoothingQuality = "high";
    context.drawImage(full, 0, 0, edge, edge);
    return new Uint8Array(await (await small.convertToBlob({ type: "image/png" })).arrayBuffer());
}
