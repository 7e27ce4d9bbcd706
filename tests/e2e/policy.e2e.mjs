// A page with a Content-Security-Policy: the one of docs/hosting.md is enough, and what a narrower one refuses is
// named.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { WithDemoPageAsync } from "./demoPage.mjs";

/** All that a page needs, directive by directive; docs/hosting.md shows the same. */
const Policy = {
    "default-src": "'none'",
    "script-src": "'self' 'wasm-unsafe-eval'",
    "worker-src": "'self' blob:",
    "connect-src": "'self' blob:",
    "img-src": "'self' blob: data:",
    "style-src": "'self'",
};

const headersOf = (policy) => ({
    "Content-Security-Policy": Object.entries(policy)
        .map(([directive, sources]) => `${directive} ${sources}`)
        .join("; "),
});

/**
 * An avatar from the portrait on a page with a policy: the error if there is one, notices, and all that the policy
 * refused.
 */
const makeAsync = (policy, work) =>
    WithDemoPageAsync({ limitMs: 560_000, headers: headersOf(policy) }, async (tools) => {
        const result = await tools.page.evaluate(async () => {
            const demo = window.flexDemo;
            const notices = [];
            demo.component.onNoticeObservable.add(({ code, message }) => notices.push({ code, message }));
            try {
                const { gaussianCount } = await demo.createAsync(["../assets/astronaut.png"]);
                return { code: "none", gaussianCount, notices };
            } catch ({ code, message, advice }) {
                return { code, message, advice, notices };
            }
        });
        work(result, tools.consoleErrors);
    });

describe("a page with a policy", () => {
    test("makes an avatar under the documented one, with networks in their worker and nothing refused", async () => {
        await makeAsync(Policy, ({ code, message, notices, gaussianCount }, consoleErrors) => {
            assert.equal(code, "none", message);
            assert.ok(gaussianCount > 1000);
            assert.deepEqual(
                notices.map((notice) => notice.code),
                ["backend-wasm"],
            );
            assert.deepEqual(consoleErrors, []);
        });
    });

    test("is told when WebAssembly is refused", async () => {
        await makeAsync({ ...Policy, "script-src": "'self'" }, ({ code, message, advice }) => {
            assert.equal(code, "policy-refused", message);
            assert.match(`${message} ${advice}`, /script-src.*'(wasm-)?unsafe-eval'/);
        });
    });

    test("is told when the models are refused", async () => {
        await makeAsync(
            {
                ...Policy,
                "connect-src": "blob: data: http://localhost:*/assets/ http://localhost:*/harness/",
            },
            (result) => {
                assert.equal(result.code, "policy-refused", result.message);
                assert.match(result.message, /connect-src.*models\.json/);
                assert.match(result.advice, /'self' to connect-src/);
            },
        );
    });

    test("starts the worker from its file where blob: is refused", async () => {
        await makeAsync({ ...Policy, "worker-src": "'self'" }, ({ code, message, notices }) => {
            assert.equal(code, "none", message);
            assert.deepEqual(
                notices.map((notice) => notice.code),
                ["backend-wasm"],
            );
        });
    });

    test("still makes an avatar where the worker is refused, and says what that costs and why", async () => {
        await makeAsync({ ...Policy, "worker-src": "'none'" }, ({ code, message, notices }) => {
            assert.equal(code, "none", message);
            const notice = notices.find((each) => each.code === "networks-on-page");
            assert.match(notice?.message ?? "", /Content-Security-Policy.*worker-src/);
        });
    });
});

test("docs/hosting.md shows the policy that is tested here", () => {
    const text = readFileSync(new URL("../../docs/hosting.md", import.meta.url), "utf8");
    const documented = Object.fromEntries(
        Array.from(text.matchAll(/^(\w+-src) (.*?);?$/gm), ([, directive, sources]) => [directive, sources]),
    );
    assert.deepEqual(documented, Policy);
});
