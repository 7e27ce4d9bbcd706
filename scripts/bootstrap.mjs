// Runs before `npm test`, `npm start` and `npm run demo`: makes a fresh clone usable. Installs node_modules from the
// lock file when missing or stale, and (with --browser) Chromium through apt-get where that is usable.
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { FindChromium } from "./chromium.mjs";

const stamp = "node_modules/.flexavatar-lock";

const major = Number(process.versions.node.split(".")[0]);
if (major < 20) {
    console.error(`Node ${process.versions.node} is too old: 20 or newer is needed.`);
    process.exit(1);
}

const lock = createHash("sha256").update(readFileSync("package-lock.json")).digest("hex");
if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== lock) {
    console.log("bootstrap: installing packages (npm ci) …");
    const npm = process.platform === "win32" ? "npm.cmd" : "npm";
    execFileSync(npm, ["ci", "--no-audit", "--no-fund"], { stdio: "inherit", shell: process.platform === "win32" });
    writeFileSync(stamp, lock);
}

if (process.argv.includes("--browser") && !FindChromium()) {
    console.log("bootstrap: no Chromium found, trying apt-get …");
    const sudo = process.getuid?.() === 0 ? [] : ["sudo", "-n"];
    const apt = (...args) =>
        spawnSync([...sudo, "apt-get", ...args][0], [...sudo, "apt-get", ...args].slice(1), {
            stdio: ["ignore", "ignore", "inherit"],
            env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
        }).status === 0;
    if (
        !(apt("update", "-q") && apt("install", "-y", "-q", "--no-install-recommends", "chromium")) ||
        !FindChromium()
    ) {
        console.error(
            "bootstrap: please install Chromium or Chrome, or set CHROME_BIN to its executable, and run the command again.",
        );
        process.exit(1);
    }
}
