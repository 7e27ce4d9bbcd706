// Refinement: its time, what memory it takes while it works and afterwards, what a frame of a refined avatar costs, and one pass in WGSL beside the
// processor's. The avatars are those of the bundled portrait.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { CpuTimeMs } from "./cpuTime.mjs";
import { WithPageAsync } from "../scripts/browser.mjs";
import { StartServerAsync } from "../scripts/serve.mjs";
import { RunWebpackAsync, refineConfig } from "./webpack.config.mjs";

const bench = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(bench);
/** Heights of the head in a picture of 512². */
const HeadPx = [400, 160];
/** Processor time comes in steps of 10 ms. */
const FramesPerSample = 8;
/** Of the solver's work, between two looks at its memory. */
const SampleShare = 0.03;

/**
 * @param rounds samples of the frames of either avatar, taken in turns
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
                const { ms, solveMs } = await call("refineAsync", photos);
                refinements.push({ photos, ms: Math.round(ms), solveMs: Math.round(solveMs) });
                console.log(`    ${photos} photos: ${JSON.stringify(refinements.at(-1))}`);
            }
            const bytesAfter = (await LiveBytesAsync(client)) - before;
            console.log(`    after it: ${(bytesAfter / 1e6).toFixed(1)} MB more on the page`);
            const frames = [];
            for (const headPx of HeadPx) {
                frames.push({ headPx, ...(await FramesAsync(call, page.browser().process().pid, headPx, rounds, summarize)) });
                console.log(`    head of ${headPx} px: refined over unrefined ${JSON.stringify(frames.at(-1).ratio)}`);
            }
            for (const refinement of refinements) {
                await call("keepInputAsync", refinement.photos);
                refinement.bytes = await SolverBytesAsync(client, call);
                console.log(`    ${refinement.photos} photos: ${(refinement.bytes / 1e6).toFixed(1)} MB while it works`);
            }
            const passes = await call("passesAsync");
            console.log(`    passes: ${JSON.stringify(passes)}`);
            return { gaussians, adapter, refinements, bytesAfter, frames, passes };
        });
    } finally {
        await server.closeAsync();
    }
}

/** Processor time of pairs of samples, each of another camera; which of the two comes first alternates. */
async function FramesAsync(call, pid, headPx, rounds, summarize) {
    const ms = { false: [], true: [] };
    const ratios = [];
    for (let round = -1; round < rounds; round++) {
        const turn = 0.3 * Math.sin(round);
        const pair = {};
        for (const isRefined of round % 2 === 0 ? [false, true] : [true, false]) {
            await call("frameAsync", isRefined, headPx, turn); // moved there
            const before = CpuTimeMs(pid);
            for (let frame = 1; frame <= FramesPerSample; frame++) {
                await call("frameAsync", isRefined, headPx, turn + 0.002 * frame);
            }
            pair[isRefined] = (CpuTimeMs(pid) - before) / FramesPerSample;
        }
        if (round >= 0) {
            ms.false.push(pair.false);
            ms.true.push(pair.true);
            ratios.push(pair.true / pair.false);
        }
    }
    return { plainCpuMs: summarize(ms.false), refinedCpuMs: summarize(ms.true), ratio: summarize(ratios) };
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
