// Refinement: its time, what memory it takes while it works and afterwards, what a frame of a refined avatar costs, and one pass in WGSL beside the
// processor's. The avatars are those of the bundled portrait.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { WithPageAsync } from "../scripts/browser.mjs";
import { StartServerAsync } from "../scripts/serve.mjs";
import { RunWebpackAsync, refineConfig } from "./webpack.config.mjs";

const bench = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(bench);
/** Heights of the head in a picture of 512². */
const HeadPx = [400, 160];
/** Of the worker's memory. */
const SampleMs = 100;

/**
 * @param rounds frames of either avatar, taken in turns
 * @param summarize of numbers: median and spread
 */
export async function RefineAsync({ rounds, summarize }) {
    await RunWebpackAsync(refineConfig());
    writeFileSync(path.join(root, "dist", "bench-refine", "index.html"), readFileSync(path.join(bench, "refine", "index.html")));
    const server = await StartServerAsync({ folder: root });
    try {
        return await WithPageAsync({ limitMs: 20 * 60_000 }, async ({ page }) => {
            await page.goto(`${server.url}/dist/bench-refine/index.html`);
            await page.waitForFunction("window.refineBench");
            const call = (method, ...values) => page.evaluate((m, v) => window.refineBench[m](...v), method, values);
            const { gaussians, adapter } = await call("createAsync");
            const client = await page.createCDPSession();
            const before = await LiveBytesAsync(client);
            const refinements = [];
            for (const photos of [1, 4]) {
                const watched = WatchWorkers(page);
                const { ms, solveMs } = await call("refineAsync", photos);
                refinements.push({ photos, ms: Math.round(ms), solveMs: Math.round(solveMs), workerBytes: watched.stop() });
                console.log(`    ${photos} photos: ${JSON.stringify(refinements.at(-1))}`);
            }
            const bytesAfter = (await LiveBytesAsync(client)) - before;
            console.log(`    after it: ${(bytesAfter / 1e6).toFixed(1)} MB more on the page`);
            const frames = [];
            for (const headPx of HeadPx) {
                frames.push({ headPx, ...(await FramesAsync(call, headPx, rounds, summarize)) });
                console.log(`    head of ${headPx} px: refined over unrefined ${JSON.stringify(frames.at(-1).ratio)}`);
            }
            const passes = await call("passesAsync");
            console.log(`    passes: ${JSON.stringify(passes)}`);
            return { gaussians, adapter, refinements, bytesAfter, frames, passes };
        });
    } finally {
        await server.closeAsync();
    }
}

/** Pairs of frames, each of another camera; which of the two comes first alternates. */
async function FramesAsync(call, headPx, rounds, summarize) {
    const ms = { plain: [], refined: [] };
    const ratios = [];
    for (let round = -2; round < rounds; round++) {
        const turn = 0.3 * Math.sin(round);
        const pair = {};
        for (const isRefined of round % 2 === 0 ? [false, true] : [true, false]) {
            await call("frameAsync", isRefined, headPx, turn); // moved there
            pair[isRefined] = await call("frameAsync", isRefined, headPx, turn + 0.001);
        }
        if (round >= 0) {
            ms.plain.push(pair.false);
            ms.refined.push(pair.true);
            ratios.push(pair.true / pair.false);
        }
    }
    return { plainMs: summarize(ms.plain), refinedMs: summarize(ms.refined), ratio: summarize(ratios) };
}

/** What the page's scripts hold: objects, and the bytes of typed arrays. */
async function LiveBytesAsync(client) {
    for (let i = 0; i < 3; i++) {
        await client.send("HeapProfiler.collectGarbage");
    }
    return HeldBytes(await client.send("Runtime.getHeapUsage"));
}

function HeldBytes({ usedSize, backingStorageSize = 0 }) {
    return usedSize + backingStorageSize;
}

/**
 * Watches the workers that start from now on.
 * @returns `stop`, which gives the most bytes that were seen: garbage included, and left after a collection
 */
function WatchWorkers(page) {
    const most = { withGarbage: 0, live: 0 };
    const watch = async (worker) => {
        try {
            for (let sample = 0; ; sample++) {
                most.withGarbage = Math.max(most.withGarbage, HeldBytes(await worker.client.send("Runtime.getHeapUsage")));
                if (sample % 3 === 0) {
                    most.live = Math.max(most.live, await LiveBytesAsync(worker.client));
                }
                await new Promise((resolve) => setTimeout(resolve, SampleMs));
            }
        } catch {
            // it has ended
        }
    };
    page.on("workercreated", watch);
    return {
        stop: () => {
            page.off("workercreated", watch);
            return most;
        },
    };
}
