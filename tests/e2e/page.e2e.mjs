// The page as a visitor sees it: starts by itself with the bundled portrait, its controls work, and its errors say what
// to do.
import assert from "node:assert/strict";
import { test } from "node:test";
import { WithDemoPageAsync } from "./demoPage.mjs";

test("first light greets a visitor with a talking head and survives a bad photo", { timeout: 560_000 }, async () => {
    await WithDemoPageAsync({ query: "", limitMs: 540_000 }, async ({ page, consoleErrors }) => {
        const visible = (selector) => page.waitForSelector(selector, { timeout: 120_000 });
        await visible("#controls:not([inert])");
        assert.match(await page.$eval("#message", ({ textContent }) => textContent), /Gaussians from 1 photo/);
        assert.equal((await page.$$("#tracks input")).length, 52);

        // The clip plays.
        const position = () => page.$eval("#time", ({ value }) => Number(value));
        const earlier = await position();
        await page.waitForFunction(
            (before) => Number(document.getElementById("time").value) !== before,
            { timeout: 120_000 },
            earlier,
        );

        // A slider takes over and stays.
        await page.$eval("#tracks input", (slider) => {
            slider.value = "0.7";
            slider.dispatchEvent(new window.Event("input"));
        });
        await page.waitForFunction(() => document.getElementById("play").textContent === "Play", { timeout: 120_000 });
        assert.equal(await page.$eval("#tracks input", ({ value }) => value), "0.7");

        // A letter is no photo: the page says so, and the avatar is still there.
        await page.$eval("#photos", (input) => {
            const transfer = new window.DataTransfer();
            transfer.items.add(new window.File(["Dear page"], "letter.txt", { type: "text/plain" }));
            input.files = transfer.files;
            input.dispatchEvent(new window.Event("change"));
        });
        await visible("#message:not(.good):not([hidden])");
        assert.match(await page.$eval("#message", ({ textContent }) => textContent), /\n.*(JPEG|PNG|image)/);
        assert.equal(await page.$eval("#controls", ({ inert }) => inert), false);
        assert.equal(await page.$eval("#create", ({ textContent }) => textContent), "Create avatar");
        assert.deepEqual(consoleErrors, []);
    });
});
