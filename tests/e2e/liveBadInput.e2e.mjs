// Live sources in a browser where something is missing or goes wrong: each has its code and an advice, and the avatar
// goes on. What only a device can do is in tests/unit/plugin/live.
/* global AudioContext */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { WithPageAsync } from "../../scripts/browser.mjs";
import { StartServerAsync } from "../../scripts/serve.mjs";
import { DeviceFlags, FaceFileAsync, SilentFile, VoiceFile } from "./fakeDevices.mjs";

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
/** Of docs/hosting.md, but for workers and worklets. */
const Policy =
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'none'; connect-src 'self' blob:; " +
    "img-src 'self' blob: data:; style-src 'self'";

let person;
let devices;
before(async () => {
    const file = path.join(mkdtempSync(path.join(tmpdir(), "flex-live-")), "ada.flexavatar");
    const command = path.join(root, "bin", "babylon-flexavatar.mjs");
    const photo = path.join(root, "samples", "assets", "astronaut.png");
    execFileSync(process.execPath, [command, "make", file, photo], { cwd: root });
    person = readFileSync(file);
    devices = { voice: VoiceFile(), face: await FaceFileAsync() };
});

/**
 * A page with an avatar that lives by itself.
 * @param work gets the tools of `WithPageAsync`, and `untilAsync`, which waits for a condition in the page; after it
 * the avatar must still be drawn and blink
 */
async function withAvatarAsync({ flags = [], headers, permissions }, work) {
    const intercept = (address) => (address === "/ada.flexavatar" ? { body: person } : undefined);
    const server = await StartServerAsync({ intercept, headers });
    try {
        await WithPageAsync({ width: 300, height: 300, limitMs: 200_000, flags }, async (tools) => {
            const { page } = tools;
            if (permissions) {
                await page.browserContext().overridePermissions(server.url, permissions);
            }
            // Not waitForFunction: it makes its function from text, which a page's policy may refuse.
            const untilAsync = async (condition, ...given) => {
                while (!(await page.evaluate(condition, ...given))) {
                    await new Promise((resolve) => setTimeout(resolve, 100));
                }
            };
            await page.goto(`${server.url}/harness/?live=/ada.flexavatar`);
            await untilAsync(() => Boolean(window.flexLive));
            await work({ ...tools, server, untilAsync });
            await page.evaluate(() => (window.drawnBefore = window.flexLive.frames()));
            await untilAsync(() => {
                const { Flex, avatar, frames } = window.flexLive;
                const { weights } = avatar._internals.faceMixer;
                return (
                    frames() > window.drawnBefore + 5 &&
                    weights[Flex.ArkitExpressionNames.indexOf("eyeBlinkLeft")] > 0.3
                );
            });
        });
    } finally {
        await server.closeAsync();
    }
}

/** Runs in the page: the code and the advice with which a source is refused. */
async function refusalAsync(kind, ...given) {
    const { Flex } = window.flexLive;
    const open = { camera: Flex.CameraSource.OpenAsync, microphone: Flex.VoiceSource.FromMicrophoneAsync };
    try {
        await open[kind].apply(kind === "camera" ? Flex.CameraSource : Flex.VoiceSource, given);
        return { code: "none", advice: "" };
    } catch ({ code, advice }) {
        return { code, advice };
    }
}

/** Runs in the page: camera and microphone on the avatar, as `window.opened`. */
async function openBothAsync(settings = {}) {
    const { Flex, avatar } = window.flexLive;
    const camera = await Flex.CameraSource.OpenAsync();
    const voice = await Flex.VoiceSource.FromMicrophoneAsync(settings);
    window.opened = { camera, voice, handles: [avatar.addSource(camera), avatar.addSource(voice, { priority: 1 })] };
}

const isTold = (code) => window.flexLive.notices.some((notice) => notice.code === code);
const isFollowing = () => window.opened.camera.state === "following";
/** Sentences: what happened, and what to do. */
const assertTells = async (page, code, pattern) => {
    const { message } = await page.evaluate(
        (wanted) => window.flexLive.notices.find((notice) => notice.code === wanted),
        code,
    );
    assert.match(message, pattern);
};
const allowed = () => ["--use-fake-ui-for-media-stream", ...DeviceFlags(devices)];

test("camera and microphone that the visitor refuses", async () => {
    const flags = ["--deny-permission-prompts", ...DeviceFlags(devices)];
    await withAvatarAsync({ flags }, async ({ page }) => {
        for (const kind of ["camera", "microphone"]) {
            const { code, advice } = await page.evaluate(refusalAsync, kind);
            assert.equal(code, `${kind}-refused`);
            assert.match(advice, /allow|HTTPS/i);
        }
    });
});

test("a camera and a microphone that are not there", async () => {
    const flags = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream=device-count=0"];
    await withAvatarAsync({ flags }, async ({ page }) => {
        const camera = await page.evaluate(refusalAsync, "camera");
        assert.equal(camera.code, "camera-missing");
        const other = { deviceId: { exact: "of another page" } };
        const microphone = await page.evaluate(refusalAsync, "microphone", {}, other);
        assert.equal(microphone.code, "microphone-missing");
        assert.ok(camera.advice.length > 10 && microphone.advice.length > 10);
    });
});

test("a muted microphone", async () => {
    const flags = ["--use-fake-ui-for-media-stream", ...DeviceFlags({ ...devices, voice: SilentFile() })];
    await withAvatarAsync({ flags }, async ({ page, untilAsync }) => {
        await page.evaluate(openBothAsync);
        await untilAsync(isTold, "voice-silent");
        await assertTells(page, "voice-silent", /muted/);
    });
});

test("a context with the rate of a telephone", async () => {
    await withAvatarAsync({ flags: allowed() }, async ({ page, untilAsync }) => {
        await page.evaluate(async () => {
            const { Flex, avatar } = window.flexLive;
            const context = new AudioContext({ sampleRate: 8000 });
            avatar.addSource(await Flex.VoiceSource.FromMicrophoneAsync({ context }));
        });
        await untilAsync(isTold, "voice-rate");
        await assertTells(page, "voice-rate", /8000/);
    });
});

test("devices that are taken away while they are used", async () => {
    const flags = DeviceFlags(devices);
    const permissions = ["camera", "microphone"];
    await withAvatarAsync({ flags, permissions }, async ({ page, server, untilAsync }) => {
        await page.evaluate(openBothAsync);
        await untilAsync(isFollowing);
        const session = await page.createCDPSession();
        for (const name of ["camera", "microphone"]) {
            await session.send("Browser.setPermission", {
                permission: { name },
                setting: "denied",
                origin: server.url,
            });
        }
        await untilAsync(isTold, "camera-ended");
        await untilAsync(isTold, "voice-unplugged");
        await assertTells(page, "camera-ended", /new source/);
    });
});

test("a policy that refuses worker and worklet", async () => {
    const headers = { "Content-Security-Policy": Policy };
    await withAvatarAsync({ flags: allowed(), headers }, async ({ page, untilAsync }) => {
        await page.evaluate(openBothAsync);
        await untilAsync(isTold, "camera-on-page");
        await untilAsync(isTold, "voice-on-page");
        await untilAsync(isFollowing);
        await untilAsync(() => window.opened.handles.every(({ isSpeaking, latencyMs }) => isSpeaking && latencyMs > 0));
        await assertTells(page, "voice-on-page", /workletUrl/);
    });
});

test("a page that is hidden, and comes back", async () => {
    await withAvatarAsync({ flags: allowed() }, async ({ page, untilAsync }) => {
        await page.evaluate(openBothAsync);
        await untilAsync(isFollowing);
        const other = await page.browser().newPage();
        await other.bringToFront();
        await untilAsync(isTold, "camera-hidden");
        await page.bringToFront();
        await other.close();
        const seen = await page.evaluate(() => window.opened.handles[0].sampledAtMs);
        await untilAsync((before) => window.opened.handles[0].sampledAtMs > before, seen);
    });
});

test("packets that are broken", async () => {
    await withAvatarAsync({}, async ({ page, untilAsync }) => {
        await page.evaluate(() => {
            const { Flex, avatar } = window.flexLive;
            const stream = new Flex.StreamSource();
            avatar.addSource(stream);
            stream.push({ jawOpen: 0.5 });
            for (const packet of [new ArrayBuffer(40), "{ broken", "jawOpen-50|mouth", [1, 2], null]) {
                stream.push(packet);
            }
            window.stream = stream;
        });
        await untilAsync(isTold, "packet-broken");
        assert.equal(await page.evaluate(() => window.stream.statistics.broken), 5);
    });
});
