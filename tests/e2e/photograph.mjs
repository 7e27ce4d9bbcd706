// Pictures of the samples' pages. Headless Chromium on a software adapter leaves WebGPU canvases out of its
// screenshots, so a picture of the canvas is put over it.

/**
 * Takes a picture of a page of the samples with all its scene.
 * @param page with `window.sample`, or a page without a scene
 * @param path of the PNG
 * @param options of puppeteer's `screenshot`
 */
export async function PhotographAsync(page, path, options = {}) {
    const cover = await page.evaluateHandle(async () => {
        if (!window.sample) {
            return null;
        }
        const { engine, scene } = window.sample;
        const canvas = engine.getRenderingCanvas();
        await scene.whenReadyAsync();
        engine.beginFrame();
        scene.render();
        engine.endFrame();
        const image = Object.assign(new window.Image(), { src: canvas.toDataURL() });
        await image.decode();
        image.style.cssText = "position: absolute; inset: 0; width: 100%; height: 100%; pointer-events: none";
        canvas.after(image);
        return image;
    });
    await page.screenshot({ path, ...options });
    await cover.evaluate((image) => image?.remove());
}

/**
 * How much of the picture is the avatars': mean difference, 0..255, between the scene with and without them, both drawn
 * now.
 * @returns the mean over all pixels, and over the middle third
 */
export function MeasureAvatarsAsync(page) {
    return page.evaluate(async () => {
        const { engine, scene } = window.sample;
        const canvas = engine.getRenderingCanvas();
        const avatars = scene.transformNodes.filter((node) => node.getClassName() === "FlexAvatar" && node.isEnabled());
        await Promise.all(avatars.map((avatar) => avatar.whenReadyAsync()));
        scene.animationsEnabled = false;
        const drawnAsync = async () => {
            await scene.whenReadyAsync();
            engine.beginFrame();
            scene.render();
            engine.endFrame();
            const image = Object.assign(new window.Image(), { src: canvas.toDataURL() });
            await image.decode();
            const copy = Object.assign(document.createElement("canvas"), {
                width: canvas.width,
                height: canvas.height,
            });
            const context = copy.getContext("2d", { willReadFrequently: true });
            context.drawImage(image, 0, 0);
            return context.getImageData(0, 0, copy.width, copy.height);
        };
        const withAvatars = await drawnAsync();
        avatars.forEach((avatar) => avatar.setEnabled(false));
        const without = await drawnAsync();
        avatars.forEach((avatar) => avatar.setEnabled(true));
        scene.animationsEnabled = true;
        const { width, height } = withAvatars;
        const sums = { all: 0, middle: 0 };
        for (let y = 0; y < height; y++) {
            for (let x = 0; x < width; x++) {
                const index = 4 * (y * width + x);
                let difference = 0;
                for (let channel = 0; channel < 4; channel++) {
                    difference += Math.abs(withAvatars.data[index + channel] - without.data[index + channel]) / 4;
                }
                sums.all += difference;
                sums.middle += Math.abs(x / width - 0.5) < 1 / 6 && Math.abs(y / height - 0.5) < 1 / 6 ? difference : 0;
            }
        }
        return {
            avatars: avatars.length,
            mean: sums.all / (width * height),
            middle: (9 * sums.middle) / (width * height),
        };
    });
}
