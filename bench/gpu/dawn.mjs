// Dawn in Node (npm package `webgpu`), for run.mjs and specs.mjs: installs it once, finds the machine's Vulkan driver,
// and takes a GPU, never a software adapter by accident.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const folder = path.dirname(fileURLToPath(import.meta.url));
// where containers get it, and the Vulkan loader does not look
const nvidiaManifest = "/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json";
const hasNvidia = () => existsSync("/dev/nvidiactl") || existsSync("/proc/driver/nvidia/version");

const hints = `Look at \`vulkaninfo --summary\`. It takes the loader (libvulkan1) and a driver's manifest (nvidia_icd.json); in a container start it with
NVIDIA_DRIVER_CAPABILITIES=all, or name the manifest in VK_DRIVER_FILES. For a software adapter: node scripts/lavapipe.mjs <command> --software`;

/**
 * Starts WebGPU in this process. Dawn keeps Node alive: end with process.exit.
 * @param options `software`: whether a software adapter will do; `dawn`: options of Dawn, `name=value` each, such as
 * `adapter=<part of a name>`
 * @returns `{ gpu, adapter, name }`; gpu.requestAdapter() gives the same adapter to all who ask
 */
export async function StartDawnAsync({ software = false, dawn = [] } = {}) {
    if (!existsSync(path.join(folder, "node_modules", "webgpu"))) {
        execFileSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: folder, stdio: "inherit" });
    }
    if (!process.env.VK_DRIVER_FILES && !process.env.VK_ICD_FILENAMES && existsSync(nvidiaManifest)) {
        process.env.VK_DRIVER_FILES = nvidiaManifest;
    }
    const { create, globals } = await import("webgpu");
    Object.assign(globalThis, globals);
    // Timestamps come in steps of 0.1 ms otherwise, and passes are shorter.
    const dawnGpu = create([
        "enable-dawn-features=allow_unsafe_apis",
        "disable-dawn-features=timestamp_quantization",
        ...dawn,
    ]);
    const gpu = { requestAdapter: () => dawnGpu.requestAdapter({ powerPreference: "high-performance" }) };
    const adapter = await gpu.requestAdapter();
    if (!adapter) {
        fail(`No WebGPU adapter${hasNvidia() ? ", though there is an NVIDIA driver" : ""}.`);
    }
    const { vendor, architecture, description, device, isFallbackAdapter } = adapter.info;
    const name = `${description || device || architecture} (${vendor})`;
    if (isFallbackAdapter && !software) {
        fail(
            `The only adapter is a software one, ${name}${hasNvidia() ? ", though there is an NVIDIA driver" : ""}. Add --software to take it.`,
        );
    }
    console.log(
        `${name}${isFallbackAdapter ? ", SOFTWARE" : ""}; shader-f16: ${adapter.features.has("shader-f16") ? "yes" : "no"}`,
    );
    return { gpu, adapter, name };
}

function fail(message) {
    console.error(`${message}\n${hints}`);
    process.exit(1);
}
