// People saved from the page, with their hair beyond the scalp and their bust, and without: what a frame costs.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { WithPageAsync } from "../scripts/browser.mjs";
import { StartServerAsync } from "../scripts/serve.mjs";
import { TriplesAsync } from "./triples.mjs";
import { libraryConfig, RunWebpackAsync } from "./webpack.config.mjs";

const bench = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(bench);
/** Heights of the head in a picture of 512²: as in the section page, and with the whole bust in the picture. */
const HeadsPx = [400, 200];

/**
 * @param files saved avatars
 * @param rounds samples of the frames of each, taken in turns
 * @param summarize of numbers: median and spread
 */
export async function PersonAsync({ files, rounds, summarize }) {
    if (files.length === 0) {
        throw new Error("The section person wants saved avatars: --avatars=a.flexavatar,b.flexavatar");
    }
    await RunWebpackAsync(libraryConfig("person"));
    writeFileSync(
        path.join(root, "dist", "bench-person", "index.html"),
        readFileSync(path.join(bench, "person", "index.html")),
    );
    // Served under a number: a name may say more than a bench should know.
    const intercept = (address) => {
        const index = /^\/saved\/(\d+)$/.exec(address)?.[1];
        return index === undefined ? undefined : { body: readFileSync(files[index]) };
    };
    const server = await StartServerAsync({ folder: root, intercept });
    try {
        return await WithPageAsync({ limitMs: 20 * 60_000 * files.length }, async ({ page }) => {
            await page.goto(`${server.url}/dist/bench-person/index.html`);
            await page.waitForFunction("window.personBench");
            const call = (method, ...values) => page.evaluate((m, v) => window.personBench[m](...v), method, values);
            const pid = page.browser().process().pid;
            const frames = [];
            for (const [index, file] of files.entries()) {
                const gaussians = await call("openAsync", `/saved/${index}`);
                for (const headPx of HeadsPx) {
                    const frameAsync = (isWith, turn) => call("frameAsync", isWith, headPx, turn);
                    const times = await TriplesAsync(pid, frameAsync, { rounds, summarize });
                    frames.push({ name: path.basename(file, ".flexavatar"), gaussians, headPx, ...times });
                    const { ratio, control } = times;
                    console.log(
                        `    ${file}, ${gaussians.head} + ${gaussians.page} Gaussians, head of ${headPx} px: ${JSON.stringify(ratio)}, control ${JSON.stringify(control)}`,
                    );
                }
            }
            return { frames };
        });
    } finally {
        await server.closeAsync();
    }
}
