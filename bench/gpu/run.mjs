// `node bench/gpu/run.mjs --results=<machine>`: the compute passes in Node with Dawn (npm package `webgpu`), for
// machines with a GPU and no browser. Options: --counts=141445,500000 (Gaussians), --frames=20, --software (take a
// software adapter), --dawn=<options of webgpu's create, a;b>. A machine without a network: bench/gpu/pack.mjs.
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { WriteResultsAsync } from "../writeResults.mjs";
import { StartDawnAsync } from "./dawn.mjs";

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const models = path.join(root, "assets", "models");
const option = (name, fallback) =>
    process.argv.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3) ?? fallback;

const software = process.argv.includes("--software");
const { gpu, adapter, name } = await StartDawnAsync({ software, dawn: option("dawn", "").split(";").filter(Boolean) });
if (existsSync(path.join(root, "node_modules", "webpack"))) {
    const { gpuConfig, RunWebpackAsync } = await import("../webpack.config.mjs");
    await RunWebpackAsync(gpuConfig());
}
const { MeasureAsync } = await import(pathToFileURL(path.join(root, "dist", "bench-gpu", "index.mjs")).href);
const load = os.loadavg().map((value) => Number(value.toFixed(1)));
const measured = await MeasureAsync({
    gpu,
    counts: option("counts", "141445,500000,1000000,2000000").split(",").map(Number),
    frames: Number(option("frames", "20")),
    models: JSON.parse(readFileSync(path.join(models, "models.json"), "utf8")),
    readAsync: async (file) => new Uint8Array(await readFile(path.join(models, file))),
    log: (text) => console.log(`    ${text}`),
});
const results = path.join(root, "bench", "results");
mkdirSync(results, { recursive: true });
const file = path.join(results, `${option("results", os.hostname())}.json`);
const machine = {
    adapter: name,
    software: adapter.info.isFallbackAdapter,
    cpu: os.cpus()[0]?.model,
    cores: os.cpus().length,
    node: process.version,
};
await WriteResultsAsync(file, { date: new Date().toISOString(), load, machine, ...measured });
console.log(`Written to ${path.relative(root, file)}`);
process.exit(0); // Dawn keeps Node alive
