// Karma with WebGPU in headless Chromium. The base launcher is "Chrome", because "ChromeHeadless" adds --disable-gpu
// and the device is lost. Groups: unit (no GPU), gpu (WebGPU device needed: a spec fails without one), visual (golden
// images). Default: all.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { resolve, rules } from "./webpack.config.js";

const root = path.dirname(fileURLToPath(import.meta.url));
const output = mkdtempSync(path.join(tmpdir(), "flex-karma-"));
const group = process.env.FLEX_TEST_GROUP ?? "";

export const chromiumFlags = [
    "--headless=new",
    "--no-sandbox",
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
    "--enable-features=Vulkan",
    "--use-vulkan=swiftshader",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--disable-vulkan-surface",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--enable-precise-memory-info", // for what a frame allocates
    "--js-flags=--expose-gc",
];

export default (config) =>
    config.set({
        basePath: root,
        frameworks: ["jasmine", "webpack"],
        files: [
            { pattern: `tests/browser.ts`, watched: false },
            { pattern: path.join(output, "**/*"), included: false, served: true, watched: false }, // the worker's bundle
            { pattern: "assets/**/*", included: false, served: true, watched: false, nocache: true },
            { pattern: "tests/{fixtures,golden}/**/*", included: false, served: true, watched: false },
            { pattern: "samples/assets/**/*", included: false, served: true, watched: false },
            {
                pattern: "node_modules/onnxruntime-web/dist/*.{wasm,mjs}",
                included: false,
                served: true,
                watched: false,
            },
        ],
        proxies: { "/repo/": "/base/" },
        preprocessors: { "tests/browser.ts": ["webpack"] },
        mime: { "text/x-typescript": ["ts"], "application/wasm": ["wasm"], "text/javascript": ["mjs"] },
        webpack: {
            mode: "development",
            output: { path: output, publicPath: `/absolute${output}/` },
            devtool: false, // positions are not mapped back in reports anyway, and the page would parse 23 MB of them
            module: { rules },
            resolve,
            stats: "errors-only",
            performance: { hints: false },
            plugins: [new DefineGroup(group)],
        },
        browsers: ["ChromiumWebGPU"],
        customLaunchers: { ChromiumWebGPU: { base: "Chrome", flags: chromiumFlags } },
        singleRun: true,
        concurrency: 1,
        browserNoActivityTimeout: 300000,
        browserDisconnectTimeout: 20000,
        pingTimeout: 120000, // a spec that computes for longer would cut the socket, and results got lost
        captureTimeout: 120000,
        client: {
            jasmine: { timeoutInterval: 180000, random: false },
            args: process.env.FLEX_TEST_GREP ? ["--grep", process.env.FLEX_TEST_GREP] : [],
        },
        plugins: ["karma-*", { "reporter:whole": ["type", WholeReporter] }],
        reporters: ["spec", "whole"],
        specReporter: { suppressSkipped: false },
        customHeaders: [
            { match: ".*", name: "Cross-Origin-Opener-Policy", value: "same-origin" },
            { match: ".*", name: "Cross-Origin-Embedder-Policy", value: "require-corp" },
        ],
    });

/** Fails a run of which results are missing. Made by karma. */
function WholeReporter() {
    this.onRunComplete = (browsers, results) =>
        browsers.forEach(({ lastResult: { total, success, failed, skipped } }) => {
            const missing = total - success - failed - skipped;
            if (missing > 0) {
                console.error(`${missing} specs of ${total} did not tell how they ended.`);
                results.exitCode = 1;
            }
        });
}

/** Narrows the specs that tests/browser.ts collects to one group's folder. */
class DefineGroup {
    constructor(name) {
        this._name = name;
    }
    apply(compiler) {
        const { DefinePlugin } = compiler.webpack;
        new DefinePlugin({ __FLEX_TEST_GROUP__: JSON.stringify(this._name) }).apply(compiler);
    }
}
