import { ComposeOverGrey } from "../../../../src/runtime/photo/matte";
import { ReadImageSize } from "../../../../src/runtime/photo/imageHeader";

async function Encoded(width: number, height: number, type: string): Promise<Uint8Array> {
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    canvas.getContext("2d")!.fillRect(0, 0, 3, 3);
    const blob = await new Promise<Blob>((resolve) => canvas.toBlob((b) => resolve(b!), type, 0.9));
    expect(blob.type).toBe(type);
    return new Uint8Array(await blob.arrayBuffer());
}

describe("image header", () => {
    for (const type of ["image/png", "image/jpeg", "image/webp"]) {
        it(`gives the size of ${type} without decoding it`, async () => {
            expect(ReadImageSize(await Encoded(301, 77, type))).toEqual({ width: 301, height: 77 });
        });
    }

    it("reads an extended and a lossless WebP and a GIF", () => {
        const bytes = (text: string, ...rest: number[]): Uint8Array =>
            Uint8Array.from([...Array.from(text, (c) => c.charCodeAt(0)), ...rest]);
        const extended = bytes("RIFF....WEBPVP8X....", 0, 0, 0, 0, 0x0f, 0x27, 0, 0xff, 0xff, 0); // 10,000 × 65,536
        expect(ReadImageSize(extended)).toEqual({ width: 10000, height: 65536 });
        const lossless = bytes("RIFF....WEBPVP8L....", 0x2f, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 0, 0);
        expect(ReadImageSize(lossless)).toEqual({ width: 16384, height: 16384 });
        expect(ReadImageSize(bytes("GIF89a", 0x40, 0x01, 0xf0, 0x00))).toEqual({ width: 320, height: 240 });
    });

    it("says nothing about text and about files that end too early", async () => {
        const jpeg = await Encoded(64, 64, "image/jpeg");
        for (let length = 0; length < 100; length++) {
            expect(ReadImageSize(jpeg.subarray(0, length))).toBeUndefined();
        }
        expect(ReadImageSize(new TextEncoder().encode("<svg xmlns='http://www.w3.org/2000/svg'/>"))).toBeUndefined();
        expect(ReadImageSize(new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 0, 0]))).toBeUndefined();
    });
});

describe("matte", () => {
    it("puts the person over grey 0.5 in planar order", () => {
        const rgba = new Uint8ClampedArray([255, 0, 51, 255, 255, 0, 51, 255, 255, 0, 51, 255, 0, 255, 255, 255]);
        const image = ComposeOverGrey(rgba, new Float32Array([1, 0, 0.5, 1]));
        const wanted = [1, 0.5, 0.75, 0, 0, 0.5, 0.25, 1, 0.2, 0.5, 0.35, 1];
        expect(image.length).toBe(12);
        wanted.forEach((value, i) => expect(image[i]).toBeCloseTo(value, 6));
    });
});
