// Runs the browser tests: `node scripts/karma.mjs [unit|gpu|visual]`. FLEX_TEST_GREP="part of a name" runs matching
// specs only. A wedged GPU process can leave karma running for ever, so the whole run has a time limit.
import { spawn } from "node:child_process";
import { FindChromium } from "./chromium.mjs";

const limitMinutes = 20;
const chromium = FindChromium();
if (!chromium) {
    console.error("No Chromium or Chrome found. Install one, or set CHROME_BIN to its executable.");
    process.exit(1);
}
const child = spawn(process.execPath, ["node_modules/karma/bin/karma", "start", "karma.conf.js"], {
    stdio: "inherit",
    detached: true,
    env: { ...process.env, CHROME_BIN: chromium, FLEX_TEST_GROUP: process.argv[2] ?? "" },
});
const timer = setTimeout(() => {
    console.error(`Browser tests ran longer than ${limitMinutes} minutes and were stopped.`);
    process.kill(-child.pid, "SIGKILL");
    process.exit(124);
}, limitMinutes * 60_000);
for (const signal of ["SIGINT", "SIGTERM"]) {
    process.on(signal, () => process.kill(-child.pid, "SIGKILL"));
}
child.on("exit", (code) => {
    clearTimeout(timer);
    process.exit(code ?? 1);
});
