// What a page downloads of us stays small: the built library, without Babylon, ONNX Runtime and models.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

const folder = new URL("../../dist/lib/", import.meta.url);
const LimitBytes = 300_000;

test("the library is at most 300 kB gzip", () => {
    const files = readdirSync(folder, { recursive: true }).filter((file) => /\.m?js$/.test(file));
    const sizes = files.map((file) => gzipSync(readFileSync(new URL(file, folder)), { level: 9 }).length);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    console.log(`${(total / 1000).toFixed(1)} kB gzip in ${files.length} files`);
    assert.ok(files.includes("index.js"), "dist/lib/index.js is built");
    assert.ok(total <= LimitBytes, `${total} bytes`);
});
