// `node bench/gpu/run.mjs --results=<machine>`: the compute passes in Node with Dawn (npm package `webgpu`), for machines with a GPU and no browser.
// Options: --counts=141445,500000 (Gaussians), --frames=20, --options=<of webgpu's create, e.g. backend=vulkan>. Without a GPU, point
// VK_ICD_FILENAMES at a software driver to see that it runs.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { WriteResultsAsync } from "../writeResults.mjs";

const folder = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(path.dirname(folder));
const models = path.join(root, "assets", "models");
const option = (name, fallback) => process.argv.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3) ?? fallback;

if (!existsSync(path.join(folder, "node_modules", "webgpu"))) {
    execFileSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: folder, stdio: "inherit" });
}
const { gpuConfig, RunWebpackAsync } = await import("../webpack.config.mjs");
await RunWebpackAsync(gpuConfig());
const { create, globals } = await import("webgpu");
Object.assign(globalThis, globals);
const { MeasureAsync } = await import(pathToFileURL(path.join(root, "dist", "bench-gpu", "index.mjs")).href);
const measured = await MeasureAsync({
    gpu: create(option("options", "enable-dawn-features=allow_unsafe_apis").split(";")),
    counts: option("counts", "141445,500000,1000000,2000000").split(",").map(Number),
    frames: Number(option("frames", "20")),
    models: JSON.parse(readFileSync(path.join(models, "models.json"), "utf8")),
    readAsync: async (file) => new Uint8Array(await readFile(path.join(models, file))),
    log: (text) => console.log(`    ${text}`),
});
const file = path.join(root, "bench", "results", `${option("results", os.hostname())}.json`);
const machine = { cpu: os.cpus()[0]?.model, cores: os.cpus().length, node: process.version };
await WriteResultsAsync(file, { date: new Date().toISOString(), machine, ...measured });
console.log(`Written to ${path.relative(root, file)}`);
process.exit(0); // Dawn keeps Node alive
