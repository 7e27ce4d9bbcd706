// Every page of samples/samples.json is opened, checked and photographed: out/samples/ has the pictures to look at.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { samplesFolder } from "../../scripts/serve.mjs";
import { MeasureAvatarsAsync, PhotographAsync } from "./photograph.mjs";
import { ShareSamples } from "./sharedPage.mjs";

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const samples = JSON.parse(readFileSync(path.join(root, "samples", "samples.json"), "utf8"));
/** Of the shared page. The studio has a test of its own. */
const shared = samples.filter(({ page }) => page !== "own");
const outFolder = path.join(root, "out", "samples");
const desktop = { width: 900, height: 600 };
const narrow = { width: 360, height: 740 };

let tools;
let server;
/** The person that the first page makes of the portrait. The other pages open it, which takes a part of the time. */
let saved;

const intercept = (address) => (address === "/saved.flexavatar" ? { body: saved } : undefined);

ShareSamples({ ...desktop, limitMs: 590_000, intercept }, (opened) => {
    mkdirSync(outFolder, { recursive: true });
    tools = opened;
    server = opened.server;
});

/** Opens a sample and waits until all of it can be drawn. What it said instead fails the test. */
async function openAsync(name, query) {
    await tools.page.setViewport(desktop);
    await tools.page.goto(`${server.url}/${name}/index.html${query}`);
    await tools.page.waitForFunction(
        () => "ready" in document.documentElement.dataset || document.querySelector("#message.bad"),
        { polling: 200 },
    );
    assert.equal(await tools.page.$eval("#message", ({ className, textContent }) => className && textContent), "");
}

const widthOf = (page) => page.evaluate(() => document.documentElement.scrollWidth);

describe("samples", () => {
    for (const [index, { name, title }] of shared.entries()) {
        test(`${name} shows what it promises, without a word on the console`, async () => {
            const { page, consoleErrors } = tools;
            await openAsync(name, index === 0 ? "" : "?avatar=../saved.flexavatar");
            assert.equal(await page.$eval("h1", ({ textContent }) => textContent), title);
            const { avatars, mean, middle } = await MeasureAvatarsAsync(page);
            console.log(
                `${name}: ${avatars} avatars change the picture by ${mean.toFixed(1)}, its middle by ${middle.toFixed(1)}`,
            );
            assert.ok(avatars >= 1);
            assert.ok(mean > 2 && middle > 3, `the avatars change the picture by ${mean}, its middle by ${middle}`);
            await PhotographAsync(page, path.join(outFolder, `${name}.png`));
            await page.setViewport(narrow);
            assert.ok((await widthOf(page)) <= narrow.width, "a phone has to scroll sideways");
            assert.deepEqual(consoleErrors, []);
            if (index === 0) {
                saved = Buffer.from(await page.evaluate(SavePersonAsync), "base64");
            }
        });

        test(`${name} is read in a minute`, () => {
            const lines = readFileSync(path.join(root, "samples", name, "index.ts"), "utf8")
                .trimEnd()
                .split("\n").length;
            assert.ok(lines <= 60, `${lines} lines`);
        });
    }

    test("find every file, and ask no other server", () => {
        const failed = server.requests.filter(({ status }) => status >= 400).map(({ path: address }) => address);
        assert.deepEqual(failed, []);
        assert.deepEqual(
            tools.requests.map(({ url }) => url).filter((url) => !url.startsWith(server.url)),
            [],
        );
    });
});

describe("the gallery", () => {
    test("links every sample with a picture of at most 40 kB", async () => {
        const { page, consoleErrors } = tools;
        await page.setViewport(desktop);
        await page.goto(`${server.url}/`);
        const cards = await page.$$eval("li a", (links) =>
            Promise.all(
                links.map(async (link) => {
                    const image = link.querySelector("img");
                    await image.decode();
                    return {
                        address: link.pathname,
                        title: link.querySelector("h2").textContent,
                        width: image.naturalWidth,
                    };
                }),
            ),
        );
        assert.deepEqual(
            cards,
            samples.map(({ name, title }) => ({ address: `/${name}/index.html`, title, width: 480 })),
        );
        for (const { name } of samples) {
            const { size } = statSync(path.join(samplesFolder, "assets", "pictures", `${name}.jpg`));
            assert.ok(size <= 40_000, `${name}.jpg has ${size} bytes`);
        }
        await PhotographAsync(page, path.join(outFolder, "gallery.png"), { fullPage: true });
        await page.setViewport(narrow);
        assert.ok((await widthOf(page)) <= narrow.width, "a phone has to scroll sideways");
        assert.deepEqual(consoleErrors, []);
    });
});

/** Runs in the page: the refined person's file as base64. */
async function SavePersonAsync() {
    const avatar = window.sample.scene.transformNodes.find((node) => node.getClassName() === "FlexAvatar");
    await avatar.whenRefinedAsync();
    const bytes = new Uint8Array(await avatar.saveAsync());
    let text = "";
    for (let start = 0; start < bytes.length; start += 0x8000) {
        text += String.fromCharCode(...bytes.subarray(start, start + 0x8000));
    }
    return window.btoa(text);
}
