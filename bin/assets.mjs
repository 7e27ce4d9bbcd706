// What a page needs at run time, as one table, and copying it. The addresses in `assetsUrl`
// (src/plugin/componentOptions.ts) and the names of ONNX Runtime's files (src/runtime/models/runtimeFiles.ts) follow
// this layout; tests/install compares them.
import { copyFileSync, existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const packageRoot = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** models.json names its files. */
function modelFiles(folder) {
    const { headModels, models, face } = JSON.parse(readFileSync(path.join(folder, "models.json"), "utf8"));
    const named = (value) =>
        typeof value !== "object" || value === null
            ? []
            : [...(typeof value.file === "string" ? [value.file] : []), ...Object.values(value).flatMap(named)];
    return ["models.json", ...new Set(named([headModels, models, face ?? {}]))];
}

const build = (name, module) => [
    `ort.${name}.min.mjs`,
    `ort-wasm-simd-threaded${module}.mjs`,
    `ort-wasm-simd-threaded${module}.wasm`,
];

/**
 * One row per folder: where it goes, which package it comes from (null: this one) and from which folder of that, and
 * which of its files. `files` may be a function of the folder.
 */
export const assetTable = [
    { to: "models", from: null, folder: "assets/models", files: modelFiles },
    {
        to: "runtime",
        from: "onnxruntime-web",
        folder: "dist",
        files: [...build("webgpu", ".asyncify"), ...build("jspi", ".jspi"), ...build("wasm", "")],
    },
    {
        to: "runtime",
        from: null,
        folder: "dist/lib/workers",
        files: ["onnxWorker.js", "refineWorker.js", "cameraWorker.js", "voiceWorklet.js"],
        built: true,
    },
];

/** Folder of an installed package: the project's own copy first, then the one that this package would load. */
export function findPackage(name, project) {
    for (const start of [path.join(project, "package.json"), fileURLToPath(import.meta.url)]) {
        for (const folder of createRequire(start).resolve.paths(name)) {
            const found = path.join(folder, name);
            if (existsSync(path.join(found, "package.json"))) {
                return found;
            }
        }
    }
    throw new Error(`${name} is not installed. Run: npm install ${name}`);
}

/**
 * Every file as `{ from, to, bytes }`, `to` relative to the target folder.
 * @param options `project`: the folder whose packages are used; `built`: false leaves out what only a built package has
 */
export function listAssets({ project = process.cwd(), built = true } = {}) {
    return assetTable
        .filter((row) => built || !row.built)
        .flatMap(({ to, from, folder, files }) => {
            const root = path.join(from === null ? packageRoot : findPackage(from, project), folder);
            return (typeof files === "function" ? files(root) : files).map((file) => {
                const source = path.join(root, file);
                if (!existsSync(source)) {
                    const version =
                        from &&
                        JSON.parse(readFileSync(path.join(findPackage(from, project), "package.json"), "utf8")).version;
                    throw new Error(
                        from === null
                            ? `${source} is missing: this package is not whole. Install it again.`
                            : `${from} ${version} has no ${path.posix.join(folder, file)}. Install a release that babylon-flexavatar names as its peer.`,
                    );
                }
                return { from: source, to: path.posix.join(to, file), bytes: statSync(source).size };
            });
        });
}

/**
 * Copies all files that are not there yet or differ.
 * @returns the list of {@link listAssets}, each with `copied`
 */
export function copyAssets(target, options) {
    return listAssets(options).map((asset) => {
        const file = path.join(target, asset.to);
        const same =
            existsSync(file) &&
            statSync(file).size === asset.bytes &&
            readFileSync(file).equals(readFileSync(asset.from));
        if (!same) {
            mkdirSync(path.dirname(file), { recursive: true });
            copyFileSync(asset.from, file);
        }
        return { ...asset, copied: !same };
    });
}
