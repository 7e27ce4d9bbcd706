// `node tests/install/run.mjs [core] [part of a name]`: builds nothing, see install.test.mjs.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const [first, ...rest] = process.argv.slice(2);
const core = first === "core";
const pattern = (core ? rest : [first, ...rest]).filter(Boolean);
const parameters = [
    "--test",
    ...pattern.map((text) => `--test-name-pattern=${text}`),
    fileURLToPath(new URL("install.test.mjs", import.meta.url)),
];
const { status } = spawnSync(process.execPath, parameters, {
    stdio: "inherit",
    env: { ...process.env, FLEX_INSTALL: core ? "core" : "all" },
});
process.exit(status ?? 1);
