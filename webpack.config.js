// Two bundles: "library" (what the package exports; Babylon and ONNX Runtime stay external) and "samples" (one page per samples/*/index.ts).
// karma.conf.js reuses `rules` and `resolve`, so that tests and bundles are built alike.
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import CopyPlugin from "copy-webpack-plugin";

const root = path.dirname(fileURLToPath(import.meta.url));
const at = (...parts) => path.join(root, ...parts);

export const rules = [
    { test: /\.ts$/, loader: "ts-loader", options: { transpileOnly: true } },
    { test: /\.wgsl$/, type: "asset/source" },
    { test: /ort-wasm-simd-threaded.*\.(wasm|mjs)$/, type: "asset/resource", generator: { filename: "runtime/[name][ext]" } },
];

export const resolve = {
    extensions: [".ts", ".js", ".mjs"],
    alias: { "babylon-flexavatar": at("src/index.ts") },
    extensionAlias: { ".js": [".ts", ".js"] }, // workers are named by the file that the library ships
    conditionNames: ["onnxruntime-web-use-extern-wasm", "import", "module", "browser", "default"],
};

const common = { devtool: "source-map", performance: { hints: false }, stats: "errors-warnings", module: { rules }, resolve };

const sampleNames = readdirSync(at("samples")).filter((name) => existsSync(at("samples", name, "index.ts")));

export default [
    {
        ...common,
        name: "library",
        // The workers stay files of their own, and their addresses in index.js as they are written, so that the user's bundler finds them.
        entry: {
            index: at("src/index.ts"),
            "worker/onnxWorker": at("src/runtime/models/worker/onnxWorker.ts"),
            "worker/refineWorker": at("src/runtime/refine/worker/refineWorker.ts"),
        },
        module: { rules, parser: { javascript: { importMeta: false, url: false, worker: false } } },
        experiments: { outputModule: true },
        output: { path: at("dist/lib"), filename: "[name].js", library: { type: "module" }, clean: true },
        externalsType: "module",
        externals: [/^@babylonjs\//, /^onnxruntime-web/],
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
                    { from: "samples/*/*.{html,css}", to: ({ absoluteFilename }) => path.relative(at("samples"), absoluteFilename) },
                    { from: "samples/assets", to: "assets", noErrorOnMissing: true },
                    { from: "assets/models", to: "models", noErrorOnMissing: true },
                    { from: "node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded{,.asyncify}.{mjs,wasm}", to: "runtime/[name][ext]" },
                    { from: "node_modules/@mediapipe/face_mesh", to: "mediapipe/face_mesh" },
                    { from: "node_modules/@mediapipe/selfie_segmentation", to: "mediapipe/selfie_segmentation" },
                ],
            }),
        ],
    },
];
