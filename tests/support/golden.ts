/**
 * Comparison with golden images in tests/golden. A failure prints the pictures in pieces; `node
 * tests/visual/takePictures.mjs < log` makes files of them.
 */

/** How a picture may differ from its golden image. */
export interface IGoldenLimits {
    /** Mean absolute difference per channel, 0..255. */
    mean: number;
    /** 99.9th percentile of the absolute difference, 0..255. */
    percentile: number;
    /** Why these limits. */
    reason: string;
}

/** Compares a PNG data URL with tests/golden/`name`.png. */
export async function ExpectGoldenAsync(name: string, actualUrl: string, limits: IGoldenLimits): Promise<void> {
    const response = await fetch(`/repo/tests/golden/${name}.png`);
    if (!response.ok) {
        Print(name, "actual", actualUrl);
        fail(`There is no golden image ${name}. The picture is in the log; look at it before you add it.`);
        return;
    }
    const expectedUrl = await ToDataUrlAsync(await response.blob());
    const [actual, expected] = [await PixelsOfAsync(actualUrl), await PixelsOfAsync(expectedUrl)];
    expect([actual.width, actual.height]).toEqual([expected.width, expected.height]);
    const differences = new Float64Array(actual.data.length);
    for (let i = 0; i < differences.length; i++) {
        differences[i] = Math.abs(actual.data[i] - expected.data[i]);
    }
    const mean = differences.reduce((sum, value) => sum + value, 0) / differences.length;
    const percentile = differences.slice().sort()[Math.floor(0.999 * differences.length)];
    if (mean > limits.mean || percentile > limits.percentile) {
        Print(name, "actual", actualUrl);
        Print(name, "expected", expectedUrl);
        Print(name, "difference", PictureOf(differences, actual.width, actual.height));
        fail(
            `${name}: mean ${mean.toFixed(3)} of at most ${limits.mean}, 99.9th percentile ${percentile} of at most ${limits.percentile} (${limits.reason})`,
        );
    }
}

async function PixelsOfAsync(url: string): Promise<ImageData> {
    const image = new Image();
    image.src = url;
    await image.decode();
    const context = new OffscreenCanvas(image.width, image.height).getContext("2d")!;
    context.drawImage(image, 0, 0);
    return context.getImageData(0, 0, image.width, image.height);
}

/** Differences, eight times as bright. */
function PictureOf(differences: Float64Array, width: number, height: number): string {
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const picture = new ImageData(width, height);
    differences.forEach((value, i) => (picture.data[i] = i % 4 === 3 ? 255 : 8 * value));
    canvas.getContext("2d")!.putImageData(picture, 0, 0);
    return canvas.toDataURL();
}

function Print(name: string, what: string, url: string): void {
    const text = url.slice(url.indexOf(",") + 1);
    for (let at = 0; at < text.length; at += 4000) {
        console.log(`PICTURE ${name}.${what} ${text.slice(at, at + 4000)} END`);
    }
}

function ToDataUrlAsync(blob: Blob): Promise<string> {
    return new Promise((resolve, reject) => {
        const reader = new FileReader();
        reader.onload = () => resolve(reader.result as string);
        reader.onerror = () => reject(reader.error);
        reader.readAsDataURL(blob);
    });
}
