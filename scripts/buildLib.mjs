// Builds dist/lib, one ES module per source file, and dist/types with the TypeScript compiler. What is imported as text
// becomes a module of its own: `x.wgsl` turns into `x.wgsl.js`, and `x.ts?text`, a worker's script in one piece, into
// `x.text.js`. So what ships is plain JavaScript that needs no rule.
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { WorkerTextAsync } from "./workerText.mjs";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const source = path.join(root, "src");
const target = path.join(root, "dist", "lib");

for (const folder of ["lib", "types"]) {
    rmSync(path.join(root, "dist", folder), { recursive: true, force: true });
}
execFileSync(
    process.execPath,
    [path.join(root, "node_modules", "typescript", "bin", "tsc"), "-p", path.join(root, "tsconfig.lib.json")],
    {
        stdio: "inherit",
    },
);

const texts = new Map();
const workers = new Map(); // sources
for (const name of readdirSync(target, { recursive: true }).filter((file) => file.endsWith(".js"))) {
    const file = path.join(target, name);
    const code = readFileSync(file, "utf8");
    const changed = code.replace(/(from\s*)"([^"]+?)(\.wgsl|\.ts\?text)"/g, (_, from, base, kind) => {
        const imported = path.resolve(path.dirname(file), base);
        const original = path.join(source, path.relative(target, imported));
        if (kind === ".wgsl") {
            texts.set(`${imported}.wgsl.js`, readFileSync(`${original}.wgsl`, "utf8"));
            return `${from}"${base}.wgsl.js"`;
        }
        workers.set(`${imported}.text.js`, `${original}.ts`);
        return `${from}"${base}.text.js"`;
    });
    if (changed !== code) {
        writeFileSync(file, changed);
    }
}
// A page whose policy refuses workers that start from their text takes the same script as a file.
mkdirSync(path.join(target, "workers"));
for (const [file, original] of workers) {
    const text = await WorkerTextAsync(original);
    texts.set(file, text);
    writeFileSync(path.join(target, "workers", `${path.basename(original, ".ts")}.js`), text);
}
for (const [file, text] of texts) {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, `export default ${JSON.stringify(text)};\n`);
}
console.log(
    `dist/lib: ${readdirSync(target, { recursive: true }).filter((file) => file.endsWith(".js")).length} modules`,
);
