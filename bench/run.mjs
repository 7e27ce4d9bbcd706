// `npm run bench`: one page, one run, contenders interleaved. Options: --rounds=5 (frames per contender),
// --only=frames,passes,… (sections),
// --results=<name> (bench/results/<name>.json, default software-adapter), --contenders=ours,three (parts of names),
// --visits=<part of a name> (of the section visit), --avatars=a.flexavatar,b.flexavatar (of the section person).
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { WithPageAsync } from "../scripts/browser.mjs";
import { StartServerAsync } from "../scripts/serve.mjs";
import { WriteResultsAsync } from "./writeResults.mjs";

const bench = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(bench);
const option = (name, fallback) =>
    process.argv.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3) ?? fallback;

/** Sections that need no other renderer. */
const withoutPeers = ["bundle", "visit", "refine", "person"];
const needsPeers = option("only", "frames")
    .split(",")
    .some((name) => !withoutPeers.includes(name));
if (needsPeers && !existsSync(path.join(bench, "node_modules", "playcanvas"))) {
    console.log("Installing the peers (once) …");
    execFileSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: bench, stdio: "inherit" });
}
if (needsPeers) {
    const { pageConfig, RunWebpackAsync } = await import("./webpack.config.mjs");
    await RunWebpackAsync(pageConfig());
    writeFileSync(path.join(root, "dist", "bench", "index.html"), readFileSync(path.join(bench, "page", "index.html")));
}

const { Sections } = await import("./sections.mjs");
const resultsName = option("results", "software-adapter");
const picturesFolder = path.join(bench, "results", "pictures");
mkdirSync(picturesFolder, { recursive: true });
const resultsFile = path.join(bench, "results", `${resultsName}.json`);
const results = existsSync(resultsFile) ? JSON.parse(readFileSync(resultsFile, "utf8")) : {};
const everything = Object.keys(Sections).filter((name) => name !== "person" || option("avatars"));
const only = option("only", everything.join(",")).split(",");
const server = await StartServerAsync({ folder: root });
try {
    for (const name of only) {
        console.log(`— ${name}`);
        const browsers = [];
        try {
            const section = await Sections[name]({
                openAsync: async () => (browsers.push(await OpenAsync()), browsers.at(-1)),
                rounds: Number(option("rounds", "5")),
                contenders: option("contenders", "").split(",").filter(Boolean),
                picturesFolder,
                option,
            });
            results[name] = {
                date: new Date().toISOString(),
                load: os.loadavg().map((load) => Number(load.toFixed(1))),
                ...section,
            };
            // a section without a browser leaves what another found
            const adapter = await browsers[0]?.call("adapterAsync");
            results.machine = { ...results.machine, ...adapter, cpu: os.cpus()[0]?.model, cores: os.cpus().length };
            await WriteResultsAsync(resultsFile, results);
        } finally {
            await Promise.all(browsers.map(({ closeAsync }) => closeAsync()));
        }
    }
} finally {
    await server.closeAsync();
}
if (resultsName === "software-adapter") {
    (await import("./report.mjs")).WriteReport(resultsFile);
}
console.log(`Written to ${path.relative(root, resultsFile)}`);

/** The page in a browser of its own, so that processor time can be told apart. */
async function OpenAsync() {
    let closeAsync;
    const opened = await new Promise((resolve, reject) => {
        const done = WithPageAsync({ limitMs: 60 * 60_000 }, async ({ page, consoleErrors }) => {
            await page.goto(`${server.url}/dist/bench/index.html`);
            await page.waitForFunction("window.bench");
            const closing = new Promise((close) => {
                closeAsync = async () => {
                    close();
                    await done.catch(() => undefined);
                    const errors = [...new Set(consoleErrors)].filter((text) => !text.includes("favicon"));
                    errors.slice(0, 5).forEach((text) => console.log(`    the page said: ${text}`));
                };
            });
            const call = (method, ...values) => page.evaluate((m, v) => window.bench[m](...v), method, values);
            resolve({ call, pid: page.browser().process().pid });
            await closing;
        });
        done.catch(reject);
    });
    return { ...opened, closeAsync };
}
