// npx babylon-flexavatar make: a photo becomes a .flexavatar file in Node, without a browser and without Babylon.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ReadAvatarFile } from "../../dist/lib/person.js";

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const photo = path.join(root, "samples", "assets", "astronaut.png");
const command = path.join(root, "bin", "babylon-flexavatar.mjs");

test("makes a person of a photo in Node", () => {
    const folder = mkdtempSync(path.join(tmpdir(), "flex-make-"));
    try {
        const target = path.join(folder, "eileen.flexavatar");
        const words = [command, "make", target, photo, "--back", photo];
        const said = execFileSync(process.execPath, words, { encoding: "utf8", cwd: root });
        assert.match(said, /photo from behind shows a face/);
        for (const stage of ["finding the face", "fitting the head", "sharpening", "filling hair and bust"]) {
            assert.match(said, new RegExp(stage));
        }
        const person = ReadAvatarFile(new Uint8Array(readFileSync(target)));
        assert.equal(person.name, "eileen");
        assert.equal(person.fit.photos.length, 1);
        assert.ok(person.staticMap.every(Number.isFinite));
        assert.ok(person.detail.some((value) => Math.abs(value) > 0.02));
        assert.ok(person.mouth.some((value) => Math.abs(value) > 0.02));
        assert.ok(person.page.map.length > 0);
        const bytes = readFileSync(target);
        const { meshes, accessors } = JSON.parse(bytes.subarray(20, 20 + bytes.readUInt32LE(12)).toString());
        const splats = accessors[meshes[0].primitives[0].attributes.POSITION].count;
        assert.ok(splats > 10_000 && splats < 25_000, `${splats} splats for other viewers`);
        assert.deepEqual([...person.thumbnail.slice(1, 4)], [...Buffer.from("PNG")]);
    } finally {
        rmSync(folder, { recursive: true, force: true });
    }
});

test("wants the photo that --back is about", () => {
    for (const words of [["--back"], [photo, "--back"], [photo, "--back", "--plain"]]) {
        const { status, stderr } = spawnSync(process.execPath, [command, "make", "x.flexavatar", ...words], {
            encoding: "utf8",
            cwd: root,
        });
        assert.equal(status, 2);
        assert.match(stderr, /--back <photo>/);
    }
});

test("says what is wrong with a file that is no photo", () => {
    const { status, stderr } = spawnSync(process.execPath, [command, "make", "x.flexavatar", command], {
        encoding: "utf8",
        cwd: root,
    });
    assert.equal(status, 1);
    assert.match(stderr, /babylon-flexavatar: .*decode/);
});
