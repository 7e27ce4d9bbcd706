// What a page downloads of us stays small: the library for plain pages, without Babylon, ONNX Runtime, models, and the
// parts that load when they are used.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

const LimitBytes = 300_000;
const library = new URL("../../dist/standalone/flexavatar.js", import.meta.url);

test("the library is at most 300 kB gzip", () => {
    const total = gzipSync(readFileSync(library), { level: 9 }).length;
    console.log(`${(total / 1000).toFixed(1)} kB gzip`);
    assert.ok(total > 10_000 && total <= LimitBytes, `${total} bytes`);
});

test("README.md tells its size", () => {
    const total = gzipSync(readFileSync(library), { level: 9 }).length / 1000;
    const told = Number(
        /library (\d+) kB gzip/.exec(readFileSync(new URL("../../README.md", import.meta.url), "utf8"))[1],
    );
    assert.ok(Math.abs(told / total - 1) < 0.02, `README.md says ${told} kB, it is ${total.toFixed(1)} kB`);
});
