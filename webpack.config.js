// Two bundles: "standalone" (the library in one file for plain pages, on Babylon's global) and "samples" (one page per
// samples/*/index.ts). The modules of dist/lib come from scripts/buildLib.mjs. What both import as text (`.wgsl`,
// `.ts?text`) has a rule here. karma.conf.js reuses `rules` and `resolve`, so that tests and bundles are built alike.
import { existsSync, readdirSync } from "node:fs";
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

const sampleNames = readdirSync(at("samples")).filter((name) => existsSync(at("samples", name, "index.ts")));

export default [
    {
        ...common,
        name: "standalone",
        entry: at("src/standalone.ts"),
        experiments: { outputModule: true },
        output: {
            path: at("dist/standalone"),
            filename: "flexavatar.js",
            library: { type: "module" },
            clean: true,
            asyncChunks: false, // one file
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
        entry: Object.fromEntries(sampleNames.map((name) => [name, at("samples", name, "index.ts")])),
        output: {
            path: at("dist/samples"),
            filename: "[name]/index.js",
            chunkFilename: "chunks/[name].[contenthash].js",
            publicPath: "auto",
            clean: true,
        },
        plugins: [
            new CopyPlugin({
                patterns: [
                    {
                        from: "samples/*/*.{html,css}",
                        to: ({ absoluteFilename }) => path.relative(at("samples"), absoluteFilename),
                    },
                    { from: "samples/assets", to: "assets", noErrorOnMissing: true },
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
