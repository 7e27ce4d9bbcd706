// What a page loads for an avatar, and what it is told where that does not come.
/* global caches */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { StartServerAsync } from "../../scripts/serve.mjs";
import { ServeModelsAt, WithDemoPageAsync } from "./demoPage.mjs";
import { SharePage } from "./sharedPage.mjs";

let tools;
/** An avatar file, made from the bundled portrait. */
let saved;

SharePage(async (opened) => {
    tools = opened;
    await tools.page.evaluate(InstallComponents);
    const address = await tools.page.evaluate(async () => {
        await window.flexDemo.createAsync(["../assets/astronaut.png"]);
        return window.flexDemo.saveAsDataUrlAsync();
    });
    saved = Buffer.from(address.slice(address.indexOf(",") + 1), "base64");
});

/** Runs in the page: components with other options, each on a scene of its own, that open the saved avatar. */
function InstallComponents() {
    window.openAsync = async (options) => {
        const demo = window.flexDemo;
        const first = demo.newComponent();
        const { scene } = first;
        const merged = { ...first.options, ...options };
        first.dispose();
        const component = first.constructor.GetOrCreate(scene, merged);
        const notices = [];
        component.onNoticeObservable.add(({ code, message }) => notices.push({ code, message }));
        try {
            const avatar = await component.loadAsync("../saved.flexavatar");
            await avatar.whenReadyAsync();
            return { code: "none", backend: component.backend, gaussians: avatar.gaussianCount, notices };
        } catch ({ code, message, advice }) {
            return { code, message, advice, notices };
        } finally {
            scene.dispose();
        }
    };
}

/**
 * Opens the saved avatar with other options on top of the page's, and lists what the server was asked for meanwhile.
 */
async function openAsync(page, server, options, intercept = () => undefined) {
    server.intercept = (path) => (path === "/saved.flexavatar" ? { body: saved } : intercept(path));
    const from = server.requests.length;
    const result = await page.evaluate((wanted) => window.openAsync(wanted), options);
    server.intercept = undefined;
    return { ...result, paths: server.requests.slice(from).map(({ path }) => path) };
}

describe("a saved avatar", () => {
    test("asks for the head model, its second page and the driver and for nothing else where the driver runs by shaders", async () => {
        // A page that has loaded nothing yet.
        await WithDemoPageAsync({ limitMs: 560_000 }, async ({ page, server }) => {
            await page.evaluate(InstallComponents);
            const { code, backend, gaussians, notices, paths } = await openAsync(page, server, { driver: "shaders" });
            assert.equal(code, "none");
            assert.equal(backend, null);
            assert.ok(gaussians > 1000);
            assert.deepEqual(notices, []);
            assert.deepEqual(paths.sort(), [
                "/flexavatar/models/models.json",
                "/flexavatar/models/nano-128/driver.data",
                "/flexavatar/models/nano-128/driver.onnx",
                "/flexavatar/models/open-head-page2.bin",
                "/flexavatar/models/open-head.bin",
                "/saved.flexavatar",
            ]);
        });
    });

    test("asks for models.json alone on the next visit", async () => {
        await WithDemoPageAsync({ limitMs: 560_000 }, async ({ page, server }) => {
            const options = { driver: "shaders", cacheModels: true };
            await page.evaluate(InstallComponents);
            assert.equal((await openAsync(page, server, options)).paths.length, 6);
            await page.waitForFunction(
                async () => (await (await caches.open("flexavatar-models")).keys()).length === 4,
                { polling: 100 },
            );
            const { code, paths } = await openAsync(page, server, options);
            assert.equal(code, "none");
            assert.deepEqual(paths.sort(), ["/flexavatar/models/models.json", "/saved.flexavatar"]);
        });
    });

    test("starts the one build for the processor where the driver runs there, and says so", async () => {
        const { code, backend, notices, paths } = await openAsync(tools.page, tools.server, {});
        assert.equal(code, "none");
        assert.equal(backend, "wasm");
        assert.deepEqual(
            notices.map(({ code: notice }) => notice),
            ["backend-wasm"],
        );
        assert.ok(!paths.some((path) => /encoder|reconstructor|mediapipe|asyncify|jspi/.test(path)), paths.join());
    });
});

describe("what does not come is told by its cause", () => {
    const models = (change) => ServeModelsAt("/other/", change);
    const other = { modelsUrl: "../other/" };

    test("a page of HTML in the place of a network", async () => {
        const page = models((path) =>
            path.endsWith("driver.data") ? { body: "<!doctype html><p>Not here</p>" } : undefined,
        );
        const { code, message } = await openAsync(tools.page, tools.server, other, page);
        assert.equal(code, "models-missing");
        assert.match(message, /weights of driver.*page of HTML/i);
    });

    test("a status", async () => {
        const { code, message } = await openAsync(
            tools.page,
            tools.server,
            other,
            models((path) => (path.endsWith("driver.onnx") ? { status: 404 } : undefined)),
        );
        assert.equal(code, "models-missing");
        assert.match(message, /404/);
    });

    /** ONNX Runtime is compiled once per page, so each of these needs a page that has not started it. */
    const onNewPage = (options, check, headers) =>
        WithDemoPageAsync({ limitMs: 560_000, headers }, async ({ page, server }) => {
            await page.evaluate(InstallComponents);
            check(await openAsync(page, server, options));
        });

    test("a page of HTML in the place of ONNX Runtime", async () => {
        const build = {
            script: "../flexavatar/runtime/ort.wasm.min.mjs",
            mjs: "../flexavatar/runtime/ort-wasm-simd-threaded.mjs",
            wasm: "../harness/index.html",
        };
        await onNewPage({ runtimeUrls: { wasm: build } }, ({ code, message }) => {
            assert.equal(code, "models-missing");
            assert.match(message, /ONNX Runtime.*page of HTML/);
        });
    });

    test("no ONNX Runtime", async () => {
        await onNewPage({ runtimeUrls: "../nowhere/" }, ({ code, message }) => {
            assert.equal(code, "models-missing");
            assert.match(message, /ONNX Runtime.*404/);
        });
    });

    test("another site that does not let the page read its files", async () => {
        for (const [allowed, cause] of [
            [
                { "Cross-Origin-Resource-Policy": "cross-origin" },
                /answers, but does not let this page read it \(CORS\)/,
            ],
            [{}, /does not answer, or does not let this page read it \(CORS\)/],
        ]) {
            const elsewhere = await StartServerAsync({ headers: allowed });
            try {
                const { code, message, advice } = await openAsync(tools.page, tools.server, {
                    modelsUrl: `${elsewhere.url}/flexavatar/models/`,
                });
                assert.equal(code, "models-missing");
                assert.match(message, cause);
                assert.match(advice, /Access-Control-Allow-Origin/);
            } finally {
                await elsewhere.closeAsync();
            }
        }
    });

    test("and it works from there once it does", async () => {
        const headers = { "Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin" };
        const elsewhere = await StartServerAsync({ headers });
        try {
            const { code, message } = await openAsync(tools.page, tools.server, {
                modelsUrl: `${elsewhere.url}/flexavatar/models/`,
            });
            assert.equal(code, "none", message);
        } finally {
            await elsewhere.closeAsync();
        }
    });
});
