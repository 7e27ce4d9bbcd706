// The sample "live" with a microphone and a camera that are files: a voice moves the mouth, a face the face, and both
// can be switched off again. out/samples/live-*.png are to be looked at.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { DeviceFlags, FaceFileAsync, VoiceFile } from "./fakeDevices.mjs";
import { PhotographAsync } from "./photograph.mjs";
import { GoToSampleAsync, ShareSamples } from "./sharedPage.mjs";

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const outFolder = path.join(root, "out", "samples");

let tools;

async function withFakeDevicesAsync() {
    const flags = [
        "--use-fake-ui-for-media-stream",
        ...DeviceFlags({ voice: VoiceFile(), face: await FaceFileAsync() }),
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
        await says(`${name}: \\d+ ms until drawn, \\d+ of them to the face`);
        await PhotographAsync(tools.page, path.join(outFolder, `live-${name}.png`));
        await turn(label);
        await says("lives by itself");
        assert.deepEqual(tools.consoleErrors, []);
    });
}
