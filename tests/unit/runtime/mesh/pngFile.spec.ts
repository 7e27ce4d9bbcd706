import { WritePngAsync } from "../../../../src/runtime/mesh/pngFile";

const Edge = 37;

/** Noise over a slope, so that every case of the filter comes. */
const Rgba = Uint8ClampedArray.from({ length: 4 * Edge * Edge }, (_, i) =>
    i % 4 === 3 ? 255 : (7919 * i * i + 3 * i) % 256,
);

async function ReadAsync(file: Uint8Array<ArrayBuffer>): Promise<Uint8ClampedArray> {
    const bitmap = await createImageBitmap(new Blob([file], { type: "image/png" }), {
        premultiplyAlpha: "none",
        colorSpaceConversion: "none",
    });
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d")!;
    context.drawImage(bitmap, 0, 0);
    return context.getImageData(0, 0, bitmap.width, bitmap.height).data;
}

describe("a PNG file", () => {
    for (const hasAlpha of [false, true]) {
        it(`comes back pixel by pixel ${hasAlpha ? "with" : "without"} alpha`, async () => {
            const read = await ReadAsync(await WritePngAsync(Rgba, Edge, hasAlpha));
            expect(read.length).toBe(Rgba.length);
            expect(read.every((value, i) => value === Rgba[i])).toBeTrue();
        });
    }

    it("keeps alpha, or leaves it out", async () => {
        const clear = Rgba.map((value, i) => (i % 4 === 3 ? 0 : value));
        expect((await ReadAsync(await WritePngAsync(clear, Edge, true)))[3]).toBe(0);
        expect((await ReadAsync(await WritePngAsync(clear, Edge, false)))[3]).toBe(255);
    });

    it("has the same bytes each time", async () => {
        expect(await WritePngAsync(Rgba, Edge, true)).toEqual(await WritePngAsync(Rgba, Edge, true));
    });
});
