// The sample "files" as a visitor has it: every format is saved, and what was saved is dropped on the page again; so is
// an avatar of LAM, and a file that is none.
/* global Blob, DataTransfer, DragEvent, File, HTMLAnchorElement, atob */
import assert from "node:assert/strict";
import { test } from "node:test";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { GoToSampleAsync, ShareSamples } from "./sharedPage.mjs";

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const formats = ["flexavatar", "ply", "splat", "spz", "glb"];

let page;

ShareSamples({ width: 900, height: 600 }, async (tools) => {
    page = tools.page;
    await GoToSampleAsync(tools, "files");
});

/** Drops a file that the page keeps by its name, and waits for what the page says of it. */
async function dropAsync(name) {
    await page.evaluate((file) => {
        document.getElementById("message").textContent = "";
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([window.kept[file]], file));
        document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
    }, name);
    const said = await page.waitForFunction(
        (start) => {
            const { textContent, className } = document.getElementById("message");
            return (textContent.startsWith(start) || className === "bad") && textContent;
        },
        { polling: 100 },
        `${name}:`,
    );
    return await said.jsonValue();
}

test("saves every format, and opens what it saved", async () => {
    await page.evaluate(() => {
        window.kept = {};
        const createObjectURL = URL.createObjectURL.bind(URL);
        URL.createObjectURL = (blob) => {
            window.lastBlob = blob;
            return createObjectURL(blob);
        };
        HTMLAnchorElement.prototype.click = function () {
            window.kept[this.download] = window.lastBlob;
        };
    });
    for (const format of formats) {
        await page.evaluate((label) => {
            [...document.querySelectorAll("button")].find(({ textContent }) => textContent === label).click();
        }, `Save .${format}`);
        await page.waitForFunction((name) => window.kept[name]?.size > 100_000, { polling: 100 }, `head.${format}`);
    }
    for (const format of ["flexavatar", "ply", "splat", "spz"]) {
        assert.match(await dropAsync(`head.${format}`), /[\d.]+ MB, \d{5,6} Gaussians/);
    }
});

test("opens an avatar of LAM, and says what is wrong with a file that is none", async () => {
    const { outputFiles } = await build({
        stdin: { contents: `export { SampleLam } from "./tests/support/lamZip.ts";`, resolveDir: root },
        bundle: true,
        format: "esm",
        write: false,
    });
    const code = Buffer.from(outputFiles[0].contents).toString("base64");
    const { SampleLam } = await import(`data:text/javascript;base64,${code}`);
    const { zip } = SampleLam();
    await page.evaluate((bytes) => {
        window.kept["lam.zip"] = new Blob([Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0))]);
        window.kept["notes.ply"] = new Blob(["hello"]);
    }, Buffer.from(zip).toString("base64"));
    assert.match(await dropAsync("lam.zip"), /144 Gaussians/);
    assert.match(await dropAsync("notes.ply"), /no readable file|begin like none/i);
});
