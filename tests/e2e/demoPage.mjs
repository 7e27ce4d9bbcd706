// What the end-to-end tests share: the built samples in headless Chromium, and comparisons of pictures.
import { readFileSync } from "node:fs";
import path from "node:path";
import { WithPageAsync } from "../../scripts/browser.mjs";
import { samplesFolder, StartServerAsync } from "../../scripts/serve.mjs";

/**
 * Serves the built pages and opens the harness, which gives `window.flexDemo`.
 * @param options `address` of its page, `intercept` and `headers` for the server, `limitMs` for all of `work`
 * @param work gets `{ page, server, consoleErrors, requests }`
 */
export async function WithDemoPageAsync({ address = "harness/", intercept, headers, limitMs } = {}, work) {
    const server = await StartServerAsync({ intercept, headers });
    try {
        return await WithPageAsync({ width: 900, height: 700, limitMs }, async (tools) => {
            await tools.page.goto(`${server.url}/${address}`);
            // Not waitForFunction: it makes its function from text, which a page's policy may refuse.
            while (
                !(await tools.page.evaluate(
                    () => Boolean(window.flexDemo) || document.getElementById("message")?.hidden === false,
                ))
            ) {
                await new Promise((resolve) => setTimeout(resolve, 100));
            }
            const message = await tools.page.evaluate(() =>
                window.flexDemo ? "" : document.getElementById("message").textContent,
            );
            if (message) {
                throw new Error(`the page could not start: ${message}`);
            }
            await tools.page.evaluate(InstallPictureTools);
            return await work({ ...tools, server });
        });
    } finally {
        await server.closeAsync();
    }
}

/**
 * An `intercept` that serves the models at another address, changed by `change(path, bytes)`, which returns a `{
 * status, body }` or nothing.
 */
export function ServeModelsAt(folder, change) {
    return (pathname) => {
        if (!pathname.startsWith(folder)) {
            return undefined;
        }
        const body = readFileSync(path.join(samplesFolder, "flexavatar", "models", pathname.slice(folder.length)));
        return change(pathname, body) ?? { body };
    };
}

/** The same bytes with one bit turned in the middle. */
export function Flipped(bytes) {
    const copy = Buffer.from(bytes);
    copy[copy.length >> 1] ^= 1;
    return copy;
}

/**
 * Runs in the page: `window.pictures`, comparisons of data URLs in 0..255, inside boxes given as fractions of the
 * picture.
 */
export function InstallPictureTools() {
    const pixelsAsync = async (dataUrl) => {
        const image = new window.Image();
        image.src = dataUrl;
        await image.decode();
        const canvas = Object.assign(document.createElement("canvas"), {
            width: image.naturalWidth,
            height: image.naturalHeight,
        });
        const context = canvas.getContext("2d", { willReadFrequently: true });
        context.drawImage(image, 0, 0);
        return context.getImageData(0, 0, canvas.width, canvas.height);
    };
    window.pictures = {
        async resizedAsync(dataUrl, size) {
            const image = new window.Image();
            image.src = dataUrl;
            await image.decode();
            const canvas = Object.assign(document.createElement("canvas"), { width: size, height: size });
            canvas.getContext("2d").drawImage(image, 0, 0, size, size);
            return canvas.toDataURL();
        },
        async meanColorAsync(dataUrl, { left, top, right, bottom }) {
            const { data, width, height } = await pixelsAsync(dataUrl);
            const sum = [0, 0, 0];
            let count = 0;
            for (let y = Math.round(top * height); y < Math.round(bottom * height); y++) {
                for (let x = Math.round(left * width); x < Math.round(right * width); x++, count++) {
                    sum.forEach((_, channel) => (sum[channel] += data[(y * width + x) * 4 + channel]));
                }
            }
            return sum.map((value) => value / count);
        },
        /** PSNR in decibels. */
        async psnrAsync(a, b, { left = 0, top = 0, right = 1, bottom = 1 } = {}) {
            const [first, second] = [await pixelsAsync(a), await pixelsAsync(b)];
            const { width, height } = first;
            let sum = 0;
            let count = 0;
            for (let y = Math.round(top * height); y < Math.round(bottom * height); y++) {
                for (let x = Math.round(left * width); x < Math.round(right * width); x++) {
                    for (let channel = 0; channel < 3; channel++, count++) {
                        const index = (y * width + x) * 4 + channel;
                        sum += (first.data[index] - second.data[index]) ** 2;
                    }
                }
            }
            return 10 * Math.log10((255 * 255 * count) / sum);
        },
        async differenceAsync(a, b, { left = 0, top = 0, right = 1, bottom = 1 } = {}) {
            const [first, second] = [await pixelsAsync(a), await pixelsAsync(b)];
            if (first.width !== second.width || first.height !== second.height) {
                throw new Error("pictures of different sizes");
            }
            const { width, height } = first;
            let sum = 0;
            let count = 0;
            for (let y = Math.round(top * height); y < Math.round(bottom * height); y++) {
                for (let x = Math.round(left * width); x < Math.round(right * width); x++) {
                    for (let channel = 0; channel < 3; channel++) {
                        const index = (y * width + x) * 4 + channel;
                        sum += Math.abs(first.data[index] - second.data[index]);
                        count++;
                    }
                }
            }
            return sum / count;
        },
    };
}
