// The studio as its visitors use it: with the keyboard alone, with photos good and bad, on a phone, and without WebGPU.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { MeasureAvatarsAsync, PhotographAsync } from "./photograph.mjs";
import { GoToSampleAsync, ShareSamples } from "./sharedPage.mjs";

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const outFolder = path.join(root, "out", "samples");
const portrait = readFileSync(path.join(root, "samples", "assets", "astronaut.png")).toString("base64");
// The browser's own test picture is what the camera sees.
const flags = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];

let page;
let consoleErrors;

ShareSamples({ width: 1100, height: 700, limitMs: 590_000, flags }, async (tools) => {
    mkdirSync(outFolder, { recursive: true });
    ({ page, consoleErrors } = tools);
    await GoToSampleAsync(tools, "studio");
});

const photographAsync = (name, options) => PhotographAsync(page, path.join(outFolder, `studio-${name}.png`), options);
const text = (selector) => page.$eval(selector, (element) => element.textContent);
const shown = (selector) => page.waitForSelector(`${selector}:not([hidden])`);
const gone = (selector) => page.waitForSelector(`${selector}[hidden]`);
const FindAvatar = () => window.sample.scene.transformNodes.find((node) => node.getClassName() === "FlexAvatar");
/** Runs a function in the page, with the avatar of the moment. */
const withAvatar = async (work) => (await page.evaluateHandle(FindAvatar)).evaluate(work);

/** Presses Tab until an element has the focus, and sees that the focus can be seen on the way. */
async function tabToAsync(selector) {
    for (let presses = 0; presses < 60; presses++) {
        await page.keyboard.press("Tab");
        const { found, name, outline } = await page.evaluate((wanted) => {
            const element = document.activeElement;
            const marked = [element, element.closest(".button")].filter((each) => each);
            return {
                found: element.matches(wanted),
                name: element.id || element.textContent,
                outline: Math.max(...marked.map((each) => parseFloat(window.getComputedStyle(each).outlineWidth) || 0)),
            };
        }, selector);
        assert.ok(outline >= 2, `the focus cannot be seen on ${name}`);
        if (found) {
            return;
        }
    }
    assert.fail(`Tab does not lead to ${selector}`);
}

/** Gives files to the page by its chooser, or drops them on it. */
const giveFiles = (how, files) =>
    page.evaluate(
        (selector, given) => {
            const transfer = new window.DataTransfer();
            for (const { name, type, base64 } of given) {
                const bytes = Uint8Array.from(window.atob(base64), (letter) => letter.charCodeAt(0));
                transfer.items.add(new window.File([bytes], name, { type }));
            }
            if (selector === "drop") {
                document.dispatchEvent(new window.DragEvent("drop", { dataTransfer: transfer, cancelable: true }));
            } else {
                const input = document.querySelector(selector);
                input.files = transfer.files;
                input.dispatchEvent(new window.Event("change"));
            }
        },
        how,
        files,
    );

test("the keyboard alone makes an avatar, plays a move, moves a slider and looks around", async () => {
    await photographAsync("empty");
    await tabToAsync("#photos");
    await tabToAsync("#camera");
    await tabToAsync("#make");
    await page.keyboard.press("Enter");
    await shown("#work");
    assert.match(await text("#workSteps"), /Loading.*Finding the face.*Making the head/);
    await page.waitForFunction(() => /about \d+ s left/.test(document.getElementById("workTime").textContent), {
        polling: 100,
    });
    await photographAsync("working");
    await shown("#person");
    assert.equal(await withAvatar((avatar) => avatar.gaussianCount > 1000), true);
    await gone("#work"); // sharpened, with hair and shoulders

    await tabToAsync("#moves button:first-child");
    await page.keyboard.press("Space");
    assert.equal(await page.$eval("#moves [aria-pressed=true]", (button) => button.textContent), "Talk");
    await page.waitForFunction(`(${FindAvatar})().expression.getTrack("jawOpen").influence > 0.1`, { polling: 50 });

    await tabToAsync("#face input");
    await page.keyboard.press("End");
    assert.equal(await page.$("#moves [aria-pressed=true]"), null);
    assert.equal(await withAvatar((avatar) => avatar.expression.getTrack("mouthSmileLeft").influence), 1);

    await page.focus("#view");
    const before = await page.evaluate(() => window.sample.camera.alpha);
    await page.keyboard.down("ArrowLeft");
    await page.waitForFunction((alpha) => window.sample.camera.alpha !== alpha, { polling: 50 }, before);
    await page.keyboard.up("ArrowLeft");

    const { mean, middle } = await MeasureAvatarsAsync(page);
    assert.ok(mean > 10 && middle > 20, `the avatar changes the picture by ${mean}, its middle by ${middle}`);
    await photographAsync("person");
});

test("the slider goes from before to after", async () => {
    const at = async (value) => {
        await page.$eval(
            "#detail",
            (slider, to) => {
                slider.value = to;
                slider.dispatchEvent(new window.Event("input"));
            },
            String(value),
        );
        return withAvatar((avatar) => avatar.detailStrength);
    };
    assert.equal(await page.$eval("#detail", ({ disabled }) => disabled), false);
    assert.equal(await at(0), 0);
    await photographAsync("before");
    assert.equal(await at(1), 1);
});

test("shoulders and hair come and go", async () => {
    const counts = [];
    for (const id of ["#bust", "#hair", "#hair", "#bust"]) {
        counts.push(await withAvatar((avatar) => avatar.gaussianCount));
        await page.click(id);
    }
    assert.ok(counts[0] > counts[1] && counts[1] >= counts[2], counts.join(" "));
    assert.equal(await withAvatar((avatar) => avatar.gaussianCount), counts[0]);
});

test("a saved avatar opens again, and so does a picture", async () => {
    await page.evaluate(() => {
        const original = URL.createObjectURL;
        window.downloads = [];
        URL.createObjectURL = (blob) => {
            window.downloads.push(blob);
            return original(blob);
        };
    });
    await page.click("#save");
    await page.waitForFunction(() => window.downloads.length === 1, { polling: 50 });
    await page.click("#picture");
    await page.waitForFunction(() => window.downloads.length === 2, { polling: 50 });
    const { width, height, bytes } = await page.evaluate(async () => {
        const [file, picture] = window.downloads;
        const transfer = new window.DataTransfer();
        transfer.items.add(new window.File([file], "avatar.flexavatar"));
        const { width, height } = await window.createImageBitmap(picture);
        document.getElementById("open").files = transfer.files;
        window.opened = window.sample.scene.transformNodes.find((node) => node.getClassName() === "FlexAvatar");
        document.getElementById("open").dispatchEvent(new window.Event("change"));
        return { width, height, bytes: file.size };
    });
    assert.ok(bytes > 100_000, `${bytes} bytes`);
    assert.equal(Math.max(width, height), 1400);
    await page.waitForFunction(() => window.opened.isDisposed(), { polling: 100 });
    assert.equal(await withAvatar((avatar) => avatar.hasSecondMap && avatar.isRefined), true);
});

test("photos are dropped and removed, four at most", async () => {
    const photo = { name: "ada.png", type: "image/png", base64: portrait };
    await giveFiles("drop", Array(5).fill(photo));
    assert.equal((await page.$$("#thumbnails img")).length, 4);
    assert.match(await text("#message"), /1 found no room/);
    assert.equal(await text("#make"), "Make it from 4 photos");
    await page.click("#thumbnails button[aria-label='Remove ada.png']");
    assert.equal((await page.$$("#thumbnails img")).length, 3);
    await giveFiles("#back", [{ ...photo, name: "back.png" }]);
    assert.equal(await text("#thumbnails li:last-child > span"), "From behind");
    assert.equal(await text("#make"), "Make it from 3 photos");
    await photographAsync("photos");
    for (let left = 3; left > 0; left--) {
        await page.click("#thumbnails button");
    }
    assert.equal(await text("#make"), "A photo from the front is missing");
    assert.equal(await page.$eval("#make", ({ disabled }) => disabled), true);
    await page.click("#thumbnails button");
    assert.equal(await text("#make"), "Try it with a portrait");
    assert.equal(await page.$eval("#backChoice", ({ hidden }) => hidden), true);
});

test("a photo of the camera without a face leads on", async () => {
    await page.click("#camera");
    await page.waitForFunction(() => document.getElementById("video").videoWidth > 0, { polling: 100 });
    await photographAsync("camera");
    await page.click("#shoot");
    await page.waitForSelector("#thumbnails img");
    await page.click("#make");
    await shown("#problem");
    assert.equal(await text("#problemTitle"), "No face was found");
    assert.match(await text("#problemAdvice"), /one face is well lit/);
    assert.deepEqual(
        await page.$$eval("#problemWays button", (buttons) => buttons.map((button) => button.textContent)),
        ["Choose other photos", "Take a photo", "Use the portrait"],
    );
    assert.equal(await withAvatar((avatar) => avatar.isEnabled()), true); // the one from before
    await photographAsync("problem");
    await page.click("#problemWays button:nth-child(3)");
    await gone("#problem");
    await shown("#work");
    await page.click("#stop");
    await gone("#work");
    assert.equal(await page.$eval("#problem", ({ hidden }) => hidden), true);
});

test("a letter is neither a photo nor an avatar, and the page says so", async () => {
    const letter = { type: "text/plain", base64: Buffer.from("Dear page").toString("base64") };
    await giveFiles("#photos", [{ ...letter, name: "letter.txt" }]);
    await page.click("#make");
    await page.waitForFunction(() => /cannot be opened/.test(document.getElementById("problemTitle").textContent));
    assert.match(await text("#problemAdvice"), /JPEG|PNG/);
    await page.click("#thumbnails button");
    await giveFiles("#open", [{ ...letter, name: "letter.flexavatar" }]);
    await page.waitForFunction(() => /no avatar file/.test(document.getElementById("problemTitle").textContent));
    assert.match(await text("#problemWays"), /Open another file/);
});

test("a phone has all of it, readable and without scrolling sideways", async () => {
    await page.setViewport({ width: 360, height: 740 });
    const { width, small } = await page.evaluate(() => ({
        width: document.documentElement.scrollWidth,
        small: Array.from(document.querySelectorAll("body *"))
            .filter((element) => element.checkVisibility() && element.innerText)
            .filter((element) => parseFloat(window.getComputedStyle(element).fontSize) < 16)
            .map((element) => element.innerText),
    }));
    assert.ok(width <= 360, `${width} pixels wide`);
    assert.deepEqual(small, []);
    await photographAsync("phone", { fullPage: true });
});

test("the console stayed clean", () => assert.deepEqual(consoleErrors, []));

test("a browser without WebGPU gets the person as a mesh", async () => {
    await page.setViewport({ width: 1100, height: 700 });
    await page.evaluateOnNewDocument(() => Object.defineProperty(window.navigator, "gpu", { value: undefined }));
    await page.reload();
    await page.waitForFunction(() => "ready" in document.documentElement.dataset, { polling: 200 });
    await page.click("#make");
    await shown("#person");
    await gone("#work");
    assert.equal(await withAvatar((avatar) => avatar.isMesh), true);
    await page.screenshot({ path: path.join(outFolder, "studio-nowebgpu.png") });
    const { mean, middle } = await MeasureAvatarsAsync(page);
    assert.ok(mean > 5 && middle > 10, `the avatar changes the picture by ${mean}, its middle by ${middle}`);
});
