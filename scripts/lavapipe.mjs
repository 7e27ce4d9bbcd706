// Runs a command with lavapipe, Mesa's software Vulkan driver, which has shader-f16 (SwiftShader has not):
//     node scripts/lavapipe.mjs [--optional] node bench/gpu/specs.mjs The driver is unpacked into node_modules/.cache
//     from Debian's packages (20 MB, a few seconds; nothing is installed, no root needed). Elsewhere install Mesa 24 or
//     newer and set VK_DRIVER_FILES to its lvp_icd….json. With --optional, no driver means skipped, with a message and
//     success.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const cache = path.join(
    path.dirname(path.dirname(fileURLToPath(import.meta.url))),
    "node_modules",
    ".cache",
    "lavapipe",
);
const unpacked = path.join(cache, "root");

const optional = process.argv[2] === "--optional";
const [command, ...values] = process.argv.slice(optional ? 3 : 2);
const driver = FindDriver();
if (!command || !driver) {
    console.error(
        `${optional ? "SKIPPED" : "Failed"}: no lavapipe here, so nothing ran with shader-f16: ${command ?? "no command"} ${values.join(" ")}`,
    );
    process.exit(optional ? 0 : 1);
}
process.exit(spawnSync(command, values, { stdio: "inherit", env: { ...process.env, ...driver } }).status ?? 1);

/** Environment variables that make Vulkan use lavapipe and nothing else, or null. */
function FindDriver() {
    if (process.env.VK_DRIVER_FILES) {
        return {};
    }
    return ReadUnpacked() ?? (Unpack() ? ReadUnpacked() : null);
}

function ReadUnpacked() {
    const manifests = path.join(unpacked, "usr", "share", "vulkan", "icd.d");
    const manifest = existsSync(manifests) && readdirSync(manifests).find((file) => /^lvp_icd.*\.json$/.test(file));
    if (!manifest) {
        return null;
    }
    const libraries = path.join(
        unpacked,
        "usr",
        "lib",
        { x64: "x86_64", arm64: "aarch64" }[process.arch] + "-linux-gnu",
    );
    const content = JSON.parse(readFileSync(path.join(manifests, manifest), "utf8"));
    const { library_path: library } = content.ICD;
    content.ICD = { ...content.ICD, library_path: path.join(libraries, path.basename(library)) };
    const file = path.join(cache, "lavapipe.json");
    writeFileSync(file, JSON.stringify(content));
    return {
        VK_DRIVER_FILES: file,
        LD_LIBRARY_PATH: [libraries, process.env.LD_LIBRARY_PATH].filter(Boolean).join(":"),
    };
}

/**
 * Gets the packages with lists and a cache of its own, so that the machine's are left alone. Debian 12 has the driver
 * in its backports only.
 */
function Unpack() {
    const release = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
    const [, suite] = /^VERSION_CODENAME=(\w+)$/m.exec(release) ?? [];
    const keys = "/usr/share/keyrings/debian-archive-keyring.gpg";
    if (!/^ID=debian$/m.test(release) || !suite || !existsSync(keys)) {
        return false;
    }
    console.log("lavapipe: unpacking Debian's packages …");
    rmSync(cache, { recursive: true, force: true });
    ["lists/partial", "archives/partial", "root"].forEach((folder) =>
        mkdirSync(path.join(cache, folder), { recursive: true }),
    );
    const suites = suite === "bookworm" ? [suite, `${suite}-backports`] : [suite];
    const sources = path.join(cache, "sources.list");
    writeFileSync(
        sources,
        suites.map((name) => `deb [signed-by=${keys}] http://deb.debian.org/debian ${name} main\n`).join(""),
    );
    const options = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": path.join(cache, "lists"),
        "Dir::Cache": cache,
        "Dir::Cache::archives": path.join(cache, "archives"),
        "Debug::NoLocking": "1",
        "APT::Sandbox::User": "root",
    };
    const apt = (...args) => {
        const given = Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
        return (
            spawnSync("apt-get", [...given, "-q", ...args], {
                stdio: ["ignore", "ignore", "inherit"],
                timeout: 120_000,
            }).status === 0
        );
    };
    const wanted = [
        "install",
        "-y",
        "--reinstall",
        "--download-only",
        "--no-install-recommends",
        "-t",
        suites.at(-1),
        "mesa-vulkan-drivers",
        "libvulkan1",
    ];
    if (!apt("update") || !apt(...wanted)) {
        return false;
    }
    const packages = readdirSync(path.join(cache, "archives")).filter((file) => file.endsWith(".deb"));
    return packages.every(
        (file) => spawnSync("dpkg", ["-x", path.join(cache, "archives", file), unpacked]).status === 0,
    );
}
