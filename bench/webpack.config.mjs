// The page of the bench, and its compute passes as one file for Node (bench/gpu).
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import webpack from "webpack";
import { resolve, rules } from "../webpack.config.js";

const bench = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(bench);
const versionOf = (name) =>
    JSON.parse(readFileSync(path.join(bench, "node_modules", name, "package.json"), "utf8")).version;

const common = (name) => ({
    name, // caches are kept apart by it: modules of a page and of Node differ
    mode: "none", // minifying the peers takes minutes and changes no frame
    devtool: false,
    stats: "errors-warnings",
    performance: { hints: false },
    module: { rules },
    cache: { type: "filesystem", cacheDirectory: path.join(bench, "node_modules", ".cache") },
    resolve: { ...resolve, modules: [path.join(bench, "node_modules"), path.join(root, "node_modules")] },
});

export const pageConfig = () => ({
    ...common("bench"),
    entry: path.join(bench, "page", "index.ts"),
    output: { path: path.join(root, "dist", "bench"), filename: "index.js", publicPath: "auto", clean: true },
    plugins: [new webpack.DefinePlugin({ SPARK_VERSION: JSON.stringify(versionOf("@sparkjsdev/spark")) })],
});

/** The page of the first visit, minified as a user's would be, in files by part. */
export const visitConfig = () => ({
    name: "visit",
    mode: "production",
    devtool: false,
    stats: "errors-warnings",
    performance: { hints: false },
    module: { rules },
    resolve: {
        ...resolve,
        alias: { "babylon-flexavatar": path.join(root, "src", "index.ts") },
        modules: [path.join(root, "node_modules")],
    },
    entry: { page: path.join(bench, "visit", "index.ts") },
    output: {
        path: path.join(root, "dist", "visit"),
        filename: "[name].js",
        chunkFilename: "[id].js",
        publicPath: "auto",
        clean: true,
    },
    optimization: {
        splitChunks: {
            cacheGroups: {
                default: false,
                defaultVendors: false,
                babylon: { test: /node_modules[\\/]@babylonjs/, chunks: "initial", name: "babylon", enforce: true },
                library: {
                    test: ({ resource }) => resource?.startsWith(path.join(root, "src")),
                    chunks: "initial",
                    name: "library",
                    enforce: true,
                },
            },
        },
    },
});

/** A page that uses the library as a user's does: `refine` or `person`. */
export const libraryConfig = (name) => ({
    ...common(name),
    cache: false,
    resolve: {
        ...resolve,
        alias: { "babylon-flexavatar": path.join(root, "src", "index.ts") },
        modules: [path.join(root, "node_modules")],
    },
    entry: path.join(bench, name, "index.ts"),
    output: { path: path.join(root, "dist", `bench-${name}`), filename: "index.js", publicPath: "auto", clean: true },
});

const nodeConfig = (entry, folder) => ({
    ...common(folder),
    target: "node20",
    entry: path.join(bench, "gpu", entry),
    experiments: { outputModule: true },
    output: { path: path.join(root, "dist", folder), filename: "index.mjs", library: { type: "module" }, clean: true },
});

export const gpuConfig = () => nodeConfig("index.ts", "bench-gpu");
export const specsConfig = () => nodeConfig("specs.ts", "bench-specs");

/** Builds one configuration and returns webpack's account of it. */
export async function RunWebpackAsync(config) {
    return await new Promise((resolve, reject) => {
        webpack(config).run((error, stats) => {
            if (error || stats.hasErrors()) {
                reject(error ?? new Error(stats.toString("errors-only")));
            } else {
                resolve(stats);
            }
        });
    });
}
