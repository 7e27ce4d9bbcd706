// Refinement: its time, what memory it takes while it works and afterwards, what a frame of a refined avatar costs, and
// one pass in WGSL beside the processor's. The avatars are those of the bundled portrait.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { WithPageAsync } from "../scripts/browser.mjs";
import { StartServerAsync } from "../scripts/serve.mjs";
import { TriplesAsync } from "./triples.mjs";
import { libraryConfig, RunWebpackAsync } from "./webpack.config.mjs";

const bench = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(bench);
/** What is drawn, beside what, and the height of the head in a picture of 512². */
const Frames = [
    { shown: "refined", against: "plain", headPx: 400 },
    { shown: "refined", against: "plain", headPx: 160 },
    { shown: "closeUp", against: "refined", headPx: 560 },
];
/** Of the solver's work, between two looks at its memory. */
const SampleShare = 0.03;

/**
 * @param rounds samples of the frames of each avatar, taken in turns
 * @param summarize of numbers: median and spread
 */
export async function RefineAsync({ rounds, summarize }) {
    await RunWebpackAsync(libraryConfig("refine"));
    writeFileSync(
        path.join(root, "dist", "bench-refine", "index.html"),
        readFileSync(path.join(bench, "refine", "index.html")),
    );
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
                const { ms, solveMs } = await call("refineAsync", photos);
                refinements.push({ photos, ms: Math.round(ms), solveMs: Math.round(solveMs) });
                console.log(`    ${photos} photos: ${JSON.stringify(refinements.at(-1))}`);
            }
            const bytesAfter = (await LiveBytesAsync(client)) - before;
            console.log(`    after it: ${(bytesAfter / 1e6).toFixed(1)} MB more on the page`);
            const frames = [];
            for (const pair of Frames) {
                const { shown, against, headPx } = pair;
                const frameAsync = (isWith, turn) => call("frameAsync", isWith ? shown : against, headPx, turn);
                const pid = page.browser().process().pid;
                frames.push({ ...pair, ...(await TriplesAsync(pid, frameAsync, { rounds, summarize })) });
                const { ratio, control } = frames.at(-1);
                console.log(
                    `    head of ${headPx} px: ${shown} over ${against} ${JSON.stringify(ratio)}, control ${JSON.stringify(control)}`,
                );
            }
            for (const refinement of refinements) {
                await call("keepInputAsync", refinement.photos);
                refinement.bytes = await SolverBytesAsync(client, call);
                console.log(
                    `    ${refinement.photos} photos: ${(refinement.bytes / 1e6).toFixed(1)} MB while it works`,
                );
            }
            const passes = await call("passesAsync");
            console.log(`    passes: ${JSON.stringify(passes)}`);
            return { gaussians, adapter, refinements, bytesAfter, frames, passes };
        });
    } finally {
        await server.closeAsync();
    }
}

/** What the page's scripts hold: objects, and the bytes of typed arrays. */
async function LiveBytesAsync(client) {
    for (let i = 0; i < 3; i++) {
        await client.send("HeapProfiler.collectGarbage");
    }
    const { usedSize, backingStorageSize } = await client.send("Runtime.getHeapUsage");
    return usedSize + backingStorageSize;
}

/** The most that a solver held, its input included; what it had left to the collector does not count. */
async function SolverBytesAsync(client, call) {
    const before = await LiveBytesAsync(client);
    let most = 0;
    await call("startSolver");
    for (let share = SampleShare; await call("stepSolver", share); share += SampleShare) {
        most = Math.max(most, (await LiveBytesAsync(client)) - before);
    }
    return most;
}
