// Two bundles: "standalone" (the library in one file for plain pages, on Babylon's global) and "samples" (one page per
// line of samples/samples.json, the gallery that links them, and the harness of the end-to-end tests). The modules of
// dist/lib come from scripts/buildLib.mjs. What both import as text (`.wgsl`, `.ts?text`) has a rule here.
// karma.conf.js reuses `rules` and `resolve`, so that tests and bundles are built alike.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import CopyPlugin from "copy-webpack-plugin";
import { listAssets } from "./bin/assets.mjs";

const root = path.dirname(fileURLToPath(import.meta.url));
const at = (...parts) => path.join(root, ...parts);

export const rules = [
    { test: /\.ts$/, resourceQuery: { not: [/text/] }, loader: "ts-loader", options: { transpileOnly: true } },
    { test: /\.ts$/, resourceQuery: /text/, type: "javascript/auto", loader: at("scripts/workerText.mjs") },
    { test: /\.wgsl$/, type: "asset/source" },
];

export const resolve = {
    extensions: [".ts", ".js", ".mjs"],
    alias: { "babylon-flexavatar": at("src/index.ts") },
    extensionAlias: { ".js": [".ts", ".js"] }, // sources name the files that the library ships
};

const common = {
    devtool: "source-map",
    performance: { hints: false },
    stats: "errors-warnings",
    module: { rules },
    resolve,
};

const samples = JSON.parse(readFileSync(at("samples/samples.json"), "utf8"));
const pageNames = [...samples.map(({ name }) => name), "harness"];

/** Puts values in the places of their `{{names}}`. */
const fill = (values) => (text) => text.toString().replace(/\{\{(\w+)\}\}/g, (_, name) => values[name]);

const card = ({ name, title, text }) =>
    `<li><a href="${name}/index.html"><img src="assets/pictures/${name}.jpg" alt="" width="480" height="360" />` +
    `<h2>${title}</h2><p>${text}</p></a></li>`;

/**
 * What a sample's page consists of besides its bundle: its own page or the one that all share, its styles, and its code
 * to read.
 */
const pageFiles = (sample) => [
    sample.page === "own"
        ? { from: `samples/${sample.name}/*.{html,css}`, to: `${sample.name}/[name][ext]` }
        : { from: "samples/shared/page.html", to: `${sample.name}/index.html`, transform: fill(sample) },
    {
        from: `samples/${sample.name}/index.ts`,
        to: `${sample.name}/code.txt`,
        toType: "file",
        info: { minimized: true },
    },
];

export default [
    {
        ...common,
        name: "standalone",
        entry: at("src/standalone.ts"),
        module: { rules },
        experiments: { outputModule: true },
        output: {
            path: at("dist/standalone"),
            filename: "flexavatar.js",
            chunkFilename: "flexavatar.[id].js", // parts that load when they are used
            library: { type: "module" },
            publicPath: "auto",
            clean: true,
        },
        externalsType: "var",
        externals: [
            ({ request }, callback) =>
                request.startsWith("@babylonjs/core/") ? callback(null, "globalThis.BABYLON") : callback(),
        ],
    },
    {
        ...common,
        name: "samples",
        entry: Object.fromEntries(
            pageNames.map((name) => [name, at(name === "harness" ? "tests/e2e" : "samples", name, "index.ts")]),
        ),
        experiments: { outputModule: true },
        optimization: { runtimeChunk: "single", splitChunks: { chunks: "all" } }, // Babylon once for all pages
        output: {
            path: at("dist/samples"),
            module: true,
            filename: ({ chunk }) =>
                pageNames.includes(chunk.name) ? "[name]/index.js" : "chunks/[id].[contenthash].js",
            chunkFilename: "chunks/[id].[contenthash].js",
            publicPath: "auto",
            clean: true,
        },
        plugins: [
            new CopyPlugin({
                patterns: [
                    ...samples.flatMap(pageFiles),
                    {
                        from: "samples/shared/gallery.html",
                        to: "index.html",
                        transform: fill({ cards: samples.map(card).join("\n") }),
                    },
                    { from: "samples/shared/style.css", to: "shared/style.css" },
                    { from: "tests/e2e/harness/*.{html,css}", to: "harness/[name][ext]" },
                    { from: "samples/assets", to: "assets" },
                    ...listAssets({ project: root, built: existsSync(at("dist/lib")) }).map(({ from, to }) => ({
                        from,
                        to: `flexavatar/${to}`,
                        info: { minimized: true }, // as they were released
                    })),
                ],
            }),
        ],
    },
];
