// Headless Chromium with WebGPU for the demo and the end-to-end tests: one page, everything it said and asked for, and
// a browser that is always closed, also when a GPU process hangs. Works without a graphics card (SwiftShader) and
// without a network.
import puppeteer from "puppeteer-core";
import { chromiumFlags } from "../karma.conf.js";
import { FindChromium } from "./chromium.mjs";

/** Kills whole browsers that outlive this process. */
const running = new Set();
const killAll = () => running.forEach((browser) => browser.process()?.kill("SIGKILL"));
process.on("exit", killAll);
for (const signal of ["SIGINT", "SIGTERM"]) {
    process.on(signal, () => {
        killAll();
        process.exit(1);
    });
}

/**
 * Opens one page in a fresh headless browser, does `work` with it and closes the browser.
 * @param options `width` and `height` of the window in CSS pixels (default 1280 × 800), `limitMs` for all of `work`
 * (default 300 s), and `flags`, more switches for the browser
 * @param work gets `{ page, consoleErrors, requests }`: texts of console errors and uncaught errors, and every request
 * the browser made as `{ url, timeMs }`; both arrays grow as the page runs
 * @returns what `work` returns
 */
export async function WithPageAsync({ width = 1280, height = 800, limitMs = 300_000, flags = [] } = {}, work) {
    const executablePath = FindChromium();
    if (!executablePath) {
        throw new Error("No Chromium or Chrome found. Install one, or set CHROME_BIN to its executable.");
    }
    const browser = await puppeteer.launch({
        executablePath,
        headless: true,
        // Only this machine can be reached: a page that needs the network fails here, not at a user's.
        args: [
            ...chromiumFlags,
            `--window-size=${width},${height}`,
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost",
            ...flags,
        ],
        defaultViewport: { width, height, deviceScaleFactor: 1 },
        protocolTimeout: limitMs,
        timeout: 60_000,
    });
    running.add(browser);
    const timer = setTimeout(() => browser.process()?.kill("SIGKILL"), limitMs);
    try {
        const page = await browser.newPage();
        page.setDefaultTimeout(limitMs); // one limit for everything: a busy machine may need minutes for a page
        const consoleErrors = [];
        const requests = [];
        page.on("console", (message) => {
            if (message.type() === "error") {
                consoleErrors.push(`${message.text()} (${message.location()?.url ?? "?"})`);
            }
            if (process.env.FLEX_BROWSER_LOG) {
                console.log(`    [${message.type()}] ${message.text()}`);
            }
        });
        page.on("pageerror", (error) => consoleErrors.push(`uncaught: ${error?.stack ?? error}`));
        page.on("error", (error) => consoleErrors.push(`page crashed: ${error.message}`));
        page.on("request", (request) => {
            if (/^(https?|wss?):/.test(request.url())) {
                requests.push({ url: request.url(), timeMs: Date.now() });
            }
        });
        return await work({ page, consoleErrors, requests });
    } finally {
        clearTimeout(timer);
        await Promise.race([browser.close(), new Promise((resolve) => setTimeout(resolve, 10_000).unref())]).catch(
            () => undefined,
        );
        browser.process()?.kill("SIGKILL");
        running.delete(browser);
    }
}
