// What a first visit loads until an avatar is drawn: requests and bytes, raw and as gzip -9 would send them, by part.
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { WithPageAsync } from "../scripts/browser.mjs";
import { StartServerAsync } from "../scripts/serve.mjs";
import { RunWebpackAsync, visitConfig } from "./webpack.config.mjs";

const bench = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(bench);
const photo = "/samples/assets/astronaut.png";
const avatarFile = "/dist/visit/portrait.flexavatar";

/** Parts by address; the first that fits counts. */
const Parts = [
    ["file", /^\/dist\/visit\/portrait/],
    ["face networks", /\/assets\/models\/face/],
    ["ONNX Runtime", /\/onnxruntime-web\//],
    ["head model", /^\/assets\/models\/open-head\.bin$/],
    ["networks", /^\/assets\/models\//],
    ["Babylon.js", /\/@babylonjs\/|^\/dist\/visit\/(babylon|\d+)\.js$/],
    ["library", /\/src\/|^\/dist\/visit\/library\.js$/],
    ["page", /^/],
];
const PartOf = (name) => Parts.find(([, pattern]) => pattern.test(name))[0];

/** The kinds of visit, and the most gzip bytes that each shall load. */
const Visits = [
    { name: "photo → avatar, no graphics card", query: `photo=${photo}`, targetGzipBytes: 12e6 },
    { name: "photo → avatar, graphics card", query: `photo=${photo}&card`, targetGzipBytes: 16e6 },
    { name: "file → avatar, no graphics card", query: `file=${avatarFile}` },
    { name: "file → avatar, graphics card", query: `file=${avatarFile}&card`, targetGzipBytes: 4e6 },
];

/** @param only part of the names of the visits wanted */
export async function VisitAsync({ only = "" } = {}) {
    await RunWebpackAsync(visitConfig());
    const built = path.join(root, "dist", "visit");
    writeFileSync(path.join(built, "index.html"), readFileSync(path.join(bench, "visit", "index.html")));
    const saved = path.join(built, "portrait.flexavatar");
    const rows = [];
    for (const { name, query, targetGzipBytes } of Visits.filter((visit) => visit.name.includes(only))) {
        if (query.startsWith("file") && !existsSync(saved)) {
            writeFileSync(saved, await SaveAsync());
        }
        const row = { name, ...(await CountAsync(query)), ...(targetGzipBytes && { targetGzipBytes }) };
        rows.push(row);
        console.log(
            `    ${name}: ${row.requests} requests, ${(row.bytes / 1e6).toFixed(2)} MB, gzip ${(row.gzipBytes / 1e6).toFixed(2)} MB`,
        );
    }
    return { rows };
}

/** Opens the page on a browser of its own, whose cache is empty. */
async function OpenAsync(query, work) {
    const server = await StartServerAsync({ folder: root });
    try {
        return await WithPageAsync({ limitMs: 20 * 60_000 }, async ({ page }) => {
            const older = existsSync(path.join(root, "src/runtime/photo/mediaPipe.ts")) ? "&mediapipe" : "";
            await page.goto(`${server.url}/dist/visit/index.html?${query}${older}`);
            await page.waitForFunction("window.visit");
            const gaussians = await page.evaluate(() => window.visit.shown);
            return await work(page, server.requests.slice(), gaussians);
        });
    } finally {
        await server.closeAsync();
    }
}

async function SaveAsync() {
    return await OpenAsync(`photo=${photo}`, async (page) => {
        const bytes = await page.evaluate(async () => Array.from(new Uint8Array(await window.visit.saveAsync())));
        return Buffer.from(bytes);
    });
}

async function CountAsync(query) {
    return await OpenAsync(query, async (_page, requests, gaussians) => {
        const parts = {};
        // The photo is the visitor's own.
        for (const { path: pathname, status } of requests.filter((request) => request.path !== photo)) {
            const file = path.join(root, pathname);
            if (status !== 200 || !existsSync(file) || !statSync(file).isFile()) {
                throw new Error(`${pathname} was answered with ${status}`);
            }
            const content = readFileSync(file);
            const part = (parts[PartOf(pathname)] ??= { requests: 0, bytes: 0, gzipBytes: 0 });
            part.requests++;
            part.bytes += content.length;
            part.gzipBytes += gzipSync(content, { level: 9 }).length;
        }
        const sum = (key) => Object.values(parts).reduce((total, part) => total + part[key], 0);
        return { gaussians, requests: sum("requests"), bytes: sum("bytes"), gzipBytes: sum("gzipBytes"), parts };
    });
}
