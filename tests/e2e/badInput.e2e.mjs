// Bad input: each kind gets its FlexAvatarError with advice, and the scene is left as it was (docs/errors.md).
/* global Blob, File, createImageBitmap */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Flipped, ServeModelsAt } from "./demoPage.mjs";
import { SharePage } from "./sharedPage.mjs";

let tools;

SharePage(async (opened) => {
    tools = opened;
    await tools.page.evaluate(InstallInputs);
});

/** Runs in the page: the inputs by name, and `attemptAsync`, which counts the scene around a call that must fail. */
function InstallInputs() {
    const demo = window.flexDemo;
    const blobAsync = (canvas, type = "image/png") => new Promise((resolve) => canvas.toBlob(resolve, type));
    const drawn = (width, height) => {
        const canvas = Object.assign(document.createElement("canvas"), { width, height });
        const context = canvas.getContext("2d");
        const gradient = context.createLinearGradient(0, 0, width, height);
        gradient.addColorStop(0, "#204060");
        gradient.addColorStop(1, "#f0c080");
        context.fillStyle = gradient;
        context.fillRect(0, 0, width, height);
        return canvas;
    };
    const portraitAsync = async () => (await fetch("../assets/astronaut.png")).blob();
    window.inputs = {
        none: async () => [],
        five: async () => Array(5).fill(await portraitAsync()),
        text: async () => [new Blob(["This is a letter, not a picture."], { type: "text/plain" })],
        textCalledPng: async () => [new File(["still a letter"], "me.png", { type: "image/png" })],
        empty: async () => [new Blob([], { type: "image/jpeg" })],
        corruptJpeg: async () => {
            const bytes = new Uint8Array(await (await blobAsync(drawn(256, 256), "image/jpeg")).arrayBuffer());
            return [new Blob([bytes.slice(0, 40), new Uint8Array(200).fill(0x5a)], { type: "image/jpeg" })];
        },
        missingAddress: async () => ["../assets/no-such-photo.png"],
        gradient: async () => [await blobAsync(drawn(512, 512))],
        tiny: async () => [await blobAsync(drawn(12, 12))],
        tinyFace: async () => {
            const canvas = drawn(48, 48);
            canvas.getContext("2d").drawImage(await createImageBitmap(await portraitAsync()), 0, 0, 48, 48);
            return [await blobAsync(canvas)];
        },
        // A PNG whose header promises 60,000 x 60,000 pixels: 14 GB if anyone believes it.
        enormous: async () => {
            const bytes = new Uint8Array(await (await blobAsync(drawn(64, 64))).arrayBuffer());
            const view = new DataView(bytes.buffer);
            view.setUint32(16, 60_000);
            view.setUint32(20, 60_000);
            view.setUint32(29, crc32(bytes.subarray(12, 29)));
            return [new Blob([bytes], { type: "image/png" })];
        },
        secondIsBad: async () => [await portraitAsync(), new Blob(["letter"], { type: "text/plain" })],
        portrait: async () => [await portraitAsync()],
    };
    function crc32(bytes) {
        let crc = ~0;
        for (const byte of bytes) {
            crc ^= byte;
            for (let bit = 0; bit < 8; bit++) {
                crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
            }
        }
        return ~crc >>> 0;
    }
    window.attemptAsync = async (name, options = {}, component = demo.component) => {
        const photos = await window.inputs[name]();
        const before = demo.countScene(component.scene);
        const start = performance.now();
        let result = { code: "none" };
        try {
            const avatar = await component.createFromPhotosAsync(photos, options);
            avatar.dispose();
        } catch (error) {
            result = {
                code: error.code ?? "foreign",
                name: error.name,
                message: error.message,
                advice: error.advice ?? "",
            };
        }
        // Whatever is cleaned up late must be gone after a frame.
        demo.renderFrame();
        await new Promise((resolve) => setTimeout(resolve, 50));
        return { ...result, before, after: demo.countScene(component.scene), ms: performance.now() - start };
    };
}

/** The error is ours, says what to do, and nothing stayed in the scene. */
function assertRefused(result, code) {
    assert.equal(result.code, code, result.message);
    assert.ok(result.message.length > 20, result.message);
    assert.ok(result.advice.length > 10, `advice: ${result.advice}`);
    assert.deepEqual(result.after, result.before);
}

const attempt = (name) => tools.page.evaluate((input) => window.attemptAsync(input), name);

describe("photos that cannot become an avatar", () => {
    for (const [name, code] of [
        ["none", "photo-count"],
        ["five", "photo-count"],
        ["text", "photo-unreadable"],
        ["textCalledPng", "photo-unreadable"],
        ["empty", "photo-unreadable"],
        ["corruptJpeg", "photo-unreadable"],
        ["missingAddress", "photo-unreadable"],
        ["secondIsBad", "photo-unreadable"],
        ["gradient", "photo-no-face"],
        ["tiny", "photo-too-small"],
        ["tinyFace", "photo-too-small"],
        ["enormous", "photo-too-large"],
    ]) {
        test(`${name} is refused with ${code}`, async () => assertRefused(await attempt(name), code));
    }
});

describe("models that cannot be used", () => {
    /** A second component on its own scene, so that nothing of the first one's models is reused. */
    const attemptWith = (modelsUrl) =>
        tools.page.evaluate(
            async (url) => window.attemptAsync("portrait", {}, window.flexDemo.newComponent(url)),
            modelsUrl,
        );

    test("a missing folder is models-missing", async () =>
        assertRefused(await attemptWith("../nowhere/"), "models-missing"));

    test("a file that is gone is models-missing", async () => {
        tools.server.intercept = ServeModelsAt("/gone/", (path) =>
            path.endsWith(".onnx") ? { status: 404 } : undefined,
        );
        assertRefused(await attemptWith("../gone/"), "models-missing");
    });

    test("a file with other bytes is models-hash", async () => {
        tools.server.intercept = ServeModelsAt("/tampered/", (path, body) =>
            path.endsWith("open-head.bin") ? { body: Flipped(body) } : undefined,
        );
        assertRefused(await attemptWith("../tampered/"), "models-hash");
    });

    test("a page where models.json should be is models-missing", async () => {
        tools.server.intercept = ServeModelsAt("/garbled/", (path) =>
            path.endsWith("models.json") ? { body: "<!doctype html>" } : undefined,
        );
        assertRefused(await attemptWith("../garbled/"), "models-missing");
    });

    test("a models.json that lacks what it must have is file-format", async () => {
        tools.server.intercept = ServeModelsAt("/partial/", (path) =>
            path.endsWith("models.json") ? { body: '{ "format": 1 }' } : undefined,
        );
        assertRefused(await attemptWith("../partial/"), "file-format");
    });
});

describe("calls that are cut short", () => {
    /** Aborts at the first report of a stage. Loading happens once per component, so such stages need a new one. */
    const abortAt = (stage) =>
        tools.page.evaluate(async (name) => {
            const component = name.startsWith("loading") ? window.flexDemo.newComponent() : window.flexDemo.component;
            const controller = new AbortController();
            let reached = false;
            const onProgress = (progress) => {
                if (progress.stage === name) {
                    reached = true;
                    controller.abort();
                }
            };
            const result = await window.attemptAsync("portrait", { signal: controller.signal, onProgress }, component);
            if (component !== window.flexDemo.component) {
                component.scene.dispose();
            }
            return { ...result, reached };
        }, stage);

    test("abort at every stage leaves nothing behind", async (context) => {
        const stages = await tools.page.evaluate(async () => {
            const seen = new Set();
            const component = window.flexDemo.newComponent();
            await component.createFromPhotosAsync(await window.inputs.portrait(), {
                onProgress: ({ stage }) => seen.add(stage),
            });
            component.scene.dispose();
            return [...seen];
        });
        assert.ok(stages.length >= 6, `only ${stages.length} stages: ${stages.join(", ")}`);
        for (const stage of stages) {
            await context.test(stage, async () => {
                const result = await abortAt(stage);
                assert.ok(result.reached, "the stage was not reached");
                assertRefused(result, "aborted");
            });
        }
    });

    test("an aborted signal stops before any work", async () => {
        const result = await tools.page.evaluate(async () => {
            const stages = [];
            const settings = { signal: window.AbortSignal.abort(), onProgress: ({ stage }) => stages.push(stage) };
            return { ...(await window.attemptAsync("portrait", settings)), stages };
        });
        assertRefused(result, "aborted");
        assert.deepEqual(result.stages, []);
        console.log(`an aborted signal was answered after ${result.ms.toFixed(0)} ms`);
    });

    test("an avatar can still be made after all that", async () => {
        const result = await tools.page.evaluate(() => window.attemptAsync("portrait"));
        assert.equal(result.code, "none", result.message);
        assert.deepEqual(result.after, result.before);
    });

    test("disposing the scene during load ends with disposed", async () => {
        const result = await tools.page.evaluate(async () => {
            const component = window.flexDemo.newComponent();
            const working = component.createFromPhotosAsync(await window.inputs.portrait(), {
                onProgress: ({ stage }) => stage.startsWith("loading") && component.scene.dispose(),
            });
            return working.then(
                () => ({ code: "none" }),
                (error) => ({ code: error.code, message: error.message, advice: error.advice }),
            );
        });
        assert.equal(result.code, "disposed", result.message);
    });
});

test("the console stayed clean but for downloads that were meant to fail", () => {
    const unexpected = tools.consoleErrors.filter(
        (text) => !/Failed to load resource.*(nowhere|gone|no-such-photo)/.test(text),
    );
    assert.deepEqual(unexpected, []);
});
