// Faces are found by networks of models.json in ONNX Runtime: no script makes code from text, and the page's globals
// stay as they were.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { samplesFolder } from "../../scripts/serve.mjs";
import { WithDemoPageAsync } from "./demoPage.mjs";

const Policy = "script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:";

/** Serves the harness with a policy that has no 'unsafe-eval'. */
function withPolicy(pathname) {
    if (pathname !== "/harness/index.html") {
        return undefined;
    }
    const page = readFileSync(path.join(samplesFolder, "harness", "index.html"), "utf8");
    return { body: page.replace("<head>", `<head><meta http-equiv="Content-Security-Policy" content="${Policy}" />`) };
}

test("an avatar from a photo needs no 'unsafe-eval' and leaves the page's globals alone", async () => {
    await WithDemoPageAsync(
        { limitMs: 560_000, address: "harness/index.html", intercept: withPolicy },
        async ({ page, consoleErrors, requests }) => {
            const result = await page.evaluate(async () => {
                // out of the debugger's call, which may make code from text
                await new Promise((resolve) => setTimeout(resolve, 0));
                let evalRefused = false;
                try {
                    new Function("return 1");
                } catch (error) {
                    evalRefused = error instanceof EvalError;
                }
                const own = {
                    Module: { of: "page" },
                    VERSION: "page",
                    FaceMesh: class {},
                    SelfieSegmentation: class {},
                    createMediapipeSolutionsWasm: 1,
                };
                Object.assign(window, own);
                const before = Object.getOwnPropertyNames(window).sort();
                const scripts = document.scripts.length;
                const { gaussianCount } = await window.flexDemo.createAsync(["../assets/astronaut.png"]);
                return {
                    evalRefused,
                    gaussianCount,
                    changed: Object.keys(own).filter((name) => window[name] !== own[name]),
                    before,
                    after: Object.getOwnPropertyNames(window).sort(),
                    scripts: document.scripts.length - scripts,
                };
            });
            assert.ok(result.evalRefused, "the policy does not work, so the test would prove nothing");
            assert.ok(result.gaussianCount > 1000);
            assert.deepEqual(result.changed, []);
            assert.deepEqual(result.after, result.before);
            assert.equal(result.scripts, 0);
            assert.deepEqual(
                requests.map(({ url }) => url).filter((url) => url.includes("mediapipe")),
                [],
            );
            assert.deepEqual(consoleErrors, []);
        },
    );
});
