// What a page downloads of us stays small: the library for plain pages, without Babylon, ONNX Runtime, models, and the
// parts that load when they are used.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

const LimitBytes = 300_000;

test("the library is at most 300 kB gzip", () => {
    const file = new URL("../../dist/standalone/flexavatar.js", import.meta.url);
    const total = gzipSync(readFileSync(file), { level: 9 }).length;
    console.log(`${(total / 1000).toFixed(1)} kB gzip`);
    assert.ok(total > 10_000 && total <= LimitBytes, `${total} bytes`);
});
