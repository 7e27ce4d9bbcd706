// docs/errors.md lists every error code and every notice code of the sources, and no others.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import test from "node:test";

const read = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const documented = (text) => Array.from(text.matchAll(/^\| `([a-z-]+)`/gm), (match) => match[1]).sort();
const declared = (source, start) => {
    const from = source.indexOf(start);
    assert.ok(from >= 0, `${start} not found`);
    return Array.from(
        source.slice(from, source.indexOf(";", from)).matchAll(/"([a-z-]+)"/g),
        (match) => match[1],
    ).sort();
};
/** Notices of the plugin, and of the making of persons, are written where they are given. */
const notified = () =>
    ["src/plugin/", "src/runtime/person/"].flatMap((folder) =>
        readdirSync(new URL(`../../${folder}`, import.meta.url), { recursive: true })
            .filter((name) => name.endsWith(".ts"))
            .flatMap((name) =>
                Array.from(read(`${folder}${name}`).matchAll(/notify\(\s*"([a-z-]+)"/g), (match) => match[1]),
            ),
    );

test("docs/errors.md lists every error code and notice code", () => {
    const [errors, notices] = read("docs/errors.md").split("## Notices");
    assert.deepEqual(documented(errors), declared(read("src/flame/error.ts"), "export type FlexAvatarErrorCode"));
    const given = [...declared(read("src/runtime/models/progress.ts"), "    code:"), ...notified()];
    assert.deepEqual(documented(notices), [...new Set(given)].sort());
});
