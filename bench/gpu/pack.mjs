// `node bench/gpu/pack.mjs <file.tar.xz>`: run.mjs and specs.mjs with all they need, Node and the Vulkan loader
// included (about 40 MB), for a machine of the same kind as this one with a GPU, its driver, and no network:
//     tar -xf <file.tar.xz> && bench-gpu/run bench/gpu/specs.mjs && bench-gpu/run bench/gpu/run.mjs --results=<machine>
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gpuConfig, RunWebpackAsync, specsConfig } from "../webpack.config.mjs";

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const [target] = process.argv.slice(2);
if (!target) {
    console.error("node bench/gpu/pack.mjs <file.tar.xz>");
    process.exit(1);
}
await RunWebpackAsync(gpuConfig());
await RunWebpackAsync(specsConfig());
const { models } = JSON.parse(readFileSync(path.join(root, "assets", "models", "models.json"), "utf8"));
const drivers = Object.values(models).flatMap(({ graphs: { driver } }) => [driver.file, driver.data.file]);
const dawn = "bench/gpu/node_modules/webgpu";
const files = [
    "package.json",
    "bench/writeResults.mjs",
    ...["dawn.mjs", "run.mjs", "specs.mjs", "package.json"].map((file) => `bench/gpu/${file}`),
    ...["index.js", "package.json", "LICENSE.md", `dist/${process.platform}-${process.arch}`].map(
        (file) => `${dawn}/${file}`,
    ),
    "dist/bench-gpu/index.mjs",
    "dist/bench-specs/index.mjs",
    "node_modules/jasmine-core",
    "assets/models/models.json",
    "assets/models/open-head.bin", // the specs of the occluder
    ...drivers.map((file) => `assets/models/${file}`),
];
const staging = mkdtempSync(path.join(os.tmpdir(), "bench-gpu-"));
const packed = path.join(staging, "bench-gpu");
files.forEach((file) => cpSync(path.join(root, file), path.join(packed, file), { recursive: true, dereference: true }));
mkdirSync(path.join(packed, "bin"));
cpSync(process.execPath, path.join(packed, "bin", "node"));
const loader = /=> (\/\S*libvulkan\.so\.1)$/m.exec(execFileSync("/sbin/ldconfig", ["-p"], { encoding: "utf8" }))?.[1];
const unpacked = path.join(
    root,
    "node_modules",
    ".cache",
    "lavapipe",
    "root",
    "usr",
    "lib",
    "x86_64-linux-gnu",
    "libvulkan.so.1",
);
mkdirSync(path.join(packed, "lib"));
cpSync(loader ?? unpacked, path.join(packed, "lib", "libvulkan.so.1"), { dereference: true });
writeFileSync(
    path.join(packed, "run"),
    `#!/bin/sh
# The machine's own Vulkan loader comes first, ours where it has none.
here=$(cd "$(dirname "$0")" && pwd)
ldconfig -p 2>/dev/null | grep -q 'libvulkan\\.so\\.1' || export LD_LIBRARY_PATH="$here/lib:$LD_LIBRARY_PATH"
script=$1
shift
exec "$here/bin/node" "$here/$script" "$@"
`,
    { mode: 0o755 },
);
execFileSync("tar", ["-cJf", path.resolve(target), "-C", staging, "bench-gpu"], {
    stdio: "inherit",
    env: { ...process.env, XZ_OPT: "-3" },
});
rmSync(staging, { recursive: true });
console.log(`Written to ${target}`);
