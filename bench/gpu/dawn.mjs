// Dawn in Node (npm package `webgpu`), for run.mjs and specs.mjs: installs it once, and gives navigator.gpu as a browser has it.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const folder = path.dirname(fileURLToPath(import.meta.url));

/**
 * WebGPU of this process. Dawn keeps Node alive: end with process.exit.
 * @param options of Dawn, `name=value` each, such as `backend=vulkan` or `adapter=<part of a name>`
 */
export async function StartDawnAsync(options = ["enable-dawn-features=allow_unsafe_apis"]) {
    if (!existsSync(path.join(folder, "node_modules", "webgpu"))) {
        execFileSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: folder, stdio: "inherit" });
    }
    const { create, globals } = await import("webgpu");
    Object.assign(globalThis, globals);
    return create(options);
}
