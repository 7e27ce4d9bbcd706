// `node bench/gpu/specs.mjs [part of a name]`: the specs of tests/gpu/runtime/passes in Node with Dawn, on whatever adapter
// there is: a GPU without a browser, or lavapipe, the software adapter that has shader-f16 (`node scripts/lavapipe.mjs
// node bench/gpu/specs.mjs`).
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import jasmineCore from "jasmine-core";
import { StartDawnAsync } from "./dawn.mjs";

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const [part = ""] = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));

const { gpu } = await StartDawnAsync({ software: true });
Object.defineProperty(globalThis, "navigator", { value: { gpu }, configurable: true });
// Karma serves the repository under this address.
globalThis.fetch = async (address) =>
    new globalThis.Response(await readFile(path.join(root, address.replace(/^\/repo\//, ""))));

if (existsSync(path.join(root, "node_modules", "webpack"))) {
    const { RunWebpackAsync, specsConfig } = await import("../webpack.config.mjs");
    await RunWebpackAsync(specsConfig());
}
jasmineCore.installGlobals();
const { jasmine } = jasmineCore;
const env = jasmine.getEnv();
env.configure({ random: false, specFilter: (spec) => spec.getFullName().includes(part) });
jasmine.DEFAULT_TIMEOUT_INTERVAL = 300_000;
const count = { passed: 0, failed: 0, pending: 0, excluded: 0 };
env.addReporter({
    specDone: ({ status, fullName, duration, failedExpectations, pendingReason }) => {
        count[status]++;
        if (status === "failed") {
            console.log(
                `  FAILED ${fullName}\n${failedExpectations.map(({ message }) => `      ${message}`).join("\n")}`,
            );
        } else if (status === "pending") {
            console.log(`  skipped ${fullName}: ${pendingReason}`);
        } else if (status === "passed") {
            console.log(`  ${fullName} (${duration} ms)`);
        }
    },
    suiteDone: ({ failedExpectations }) =>
        failedExpectations.forEach(({ message }) => (count.failed++, console.log(`  FAILED ${message}`))),
});
const log = console.log;
console.log = (...values) => (/^seed /.test(String(values[0])) ? undefined : log(...values));
await import(pathToFileURL(path.join(root, "dist", "bench-specs", "index.mjs")).href);
await env.execute();
console.log(`${count.passed} passed, ${count.failed} failed, ${count.pending} skipped`);
process.exit(count.failed > 0 || count.passed === 0 ? 1 : 0); // Dawn keeps Node alive
