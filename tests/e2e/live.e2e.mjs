// The sample "live" with a microphone and a camera that are files: a voice moves the mouth, a face the face, and both
// can be switched off again. out/samples/live-*.png are to be looked at.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { createCanvas, loadImage } from "@napi-rs/canvas";
import { PhotographAsync } from "./photograph.mjs";
import { GoToSampleAsync, ShareSamples } from "./sharedPage.mjs";

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const outFolder = path.join(root, "out", "samples");
const folder = mkdtempSync(path.join(tmpdir(), "flex-live-"));

/** One second of an open vowel, one of silence, as a microphone would hear it: a buzz through two resonances. */
function voiceFile() {
    const rate = 48_000;
    const samples = new Int16Array(2 * rate);
    const states = [700, 1200].map((hertz) => ({ hertz, a: 0, b: 0 }));
    for (let i = 0; i < rate; i++) {
        let value = i % Math.round(rate / 120) === 0 ? 1 : 0;
        for (const state of states) {
            const radius = Math.exp((-Math.PI * 90) / rate);
            const out =
                value + 2 * radius * Math.cos((2 * Math.PI * state.hertz) / rate) * state.a - radius ** 2 * state.b;
            [state.b, state.a] = [state.a, out];
            value = out * 0.1;
        }
        samples[i] = Math.max(-32767, Math.min(32767, 250_000 * value));
    }
    const header = Buffer.alloc(44);
    header.write("RIFF", 0);
    header.writeUInt32LE(36 + samples.byteLength, 4);
    header.write("WAVEfmt ", 8);
    [16, 0x10001].forEach((word, i) => header.writeUInt32LE(word, 16 + 4 * i));
    header.writeUInt32LE(rate, 24);
    header.writeUInt32LE(2 * rate, 28);
    header.writeUInt32LE(0x100002, 32);
    header.write("data", 36);
    header.writeUInt32LE(samples.byteLength, 40);
    const file = path.join(folder, "voice.wav");
    writeFileSync(file, Buffer.concat([header, Buffer.from(samples.buffer)]));
    return file;
}

/** The bundled portrait before a webcam, nodding a little. */
async function faceFileAsync() {
    const portrait = await loadImage(readFileSync(path.join(root, "samples/assets/astronaut.png")));
    const canvas = createCanvas(640, 480);
    const context = canvas.getContext("2d");
    const frames = Array.from({ length: 30 }, (_, i) => {
        const size = 720;
        context.drawImage(portrait, -20, -20 + 8 * Math.sin((2 * Math.PI * i) / 30), size, size);
        return canvas.toBuffer("image/jpeg");
    });
    const file = path.join(folder, "face.mjpeg");
    writeFileSync(file, Buffer.concat(frames));
    return file;
}

let tools;

async function withFakeDevicesAsync() {
    const flags = [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        `--use-file-for-fake-audio-capture=${voiceFile()}`,
        `--use-file-for-fake-video-capture=${await faceFileAsync()}`,
        "--autoplay-policy=no-user-gesture-required",
    ];
    return { width: 900, height: 600, limitMs: 400_000, flags };
}

ShareSamples(withFakeDevicesAsync, async (opened) => {
    mkdirSync(outFolder, { recursive: true });
    tools = opened;
    await GoToSampleAsync(tools, "live");
});

const turn = (label) =>
    tools.page.evaluate((text) => {
        const found = [...document.querySelectorAll("#controls label")].find((one) => one.textContent.includes(text));
        found.querySelector("input").click();
    }, label);
const says = (pattern) =>
    tools.page.waitForFunction(
        (source) => new RegExp(source).test(document.querySelector("#message").textContent),
        { polling: 200 },
        pattern,
    );

for (const [name, label] of [
    ["voice", "microphone"],
    ["camera", "camera"],
]) {
    test(`a ${name} reaches the face, and goes again`, async () => {
        await turn(label);
        await says(`${name}: \\d+ ms to the face`);
        await PhotographAsync(tools.page, path.join(outFolder, `live-${name}.png`));
        await turn(label);
        await says("lives by itself");
        assert.deepEqual(tools.consoleErrors, []);
    });
}
