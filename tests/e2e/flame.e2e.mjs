// npx babylon-flexavatar convert-flame: a file of FLAME's shape becomes a head model, in Node. With FLEX_FLAME=<file> of a
// real FLAME, `.pkl` or `.npz`, that one too, and its faces must look like faces.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { ParseHeadModel } from "../../dist/lib/person.js";

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const command = path.join(root, "bin", "babylon-flexavatar.mjs");
const own = process.env.FLEX_FLAME;

async function supportAsync() {
    const contents = 'export * from "./tests/support/flameShaped.ts"; export * from "./tests/support/pythonFiles.ts";';
    const { outputFiles } = await build({
        stdin: { contents, resolveDir: root },
        bundle: true,
        format: "esm",
        write: false,
    });
    return await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);
}

function inFolder(work) {
    const folder = mkdtempSync(path.join(tmpdir(), "flex-flame-"));
    return Promise.resolve(work(folder)).finally(() => rmSync(folder, { recursive: true, force: true }));
}

const convert = (...words) =>
    execFileSync(process.execPath, [command, "convert-flame", ...words], { encoding: "utf8", cwd: root });
const headOf = (file) => ParseHeadModel(new Uint8Array(readFileSync(file)).buffer);

test("converts a pickle of FLAME's full size, and says what it found", async () => {
    const { MakeFlameShaped, WritePickle } = await supportAsync();
    await inFolder((folder) => {
        const [pickle, target] = ["flame.pkl", "head.bin"].map((name) => path.join(folder, name));
        writeFileSync(pickle, WritePickle(MakeFlameShaped()));
        const said = convert(pickle, "-o", target, "--license", "CC-BY-4.0");
        assert.match(said, /5143 vertices with teeth, \d+ valid texels/);
        assert.match(said, /mouthSmileLeft +\d+\.\d\d mm +\d+\.\d\d mm/);
        const head = headOf(target);
        assert.deepEqual(
            [head.vertexCount, head.faceCount, head.expressionCount, head.correctiveCount, head.license],
            [5143, 10144, 52, 36, "CC-BY-4.0"],
        );
    });
});

test("refuses a pickle that asks for a call, without making it", async () => {
    await inFolder((folder) => {
        const [pickle, proof] = ["evil.pkl", "proof"].map((name) => path.join(folder, name));
        writeFileSync(pickle, `cos\nsystem\n(S'touch ${proof}'\ntR.`);
        const { status, stderr } = spawnSync(process.execPath, [command, "convert-flame", pickle], {
            encoding: "utf8",
        });
        assert.equal(status, 1);
        assert.match(stderr, /asks for "os system"/);
        assert.ok(!existsSync(proof));
    });
});

test("converts the FLAME of FLEX_FLAME", { skip: own ? false : "FLEX_FLAME names no file" }, async () => {
    await inFolder((folder) => {
        const target = path.join(folder, "head.bin");
        console.log(convert(own, "-o", target));
        const { template, joints, vertexCount, expressionDelta } = headOf(target);
        assert.equal(vertexCount, 5143);
        assert.ok(expressionDelta.length > 3000);
        const [left, right] = [joints.subarray(9, 12), joints.subarray(12, 15)];
        assert.ok(left[0] > 0.025 && right[0] < -0.025, "eyes are 6 cm apart, the left one at +X");
        const teeth = template.subarray(3 * 5023);
        const front = template.filter((_, i) => i % 3 === 2 && i < 3 * 5023).reduce((a, b) => Math.max(a, b), 0);
        for (let i = 2; i < teeth.length; i += 3) {
            assert.ok(teeth[i] < front - 0.01 && teeth[i] > left[2] - 0.02, "teeth are behind the lips");
        }
    });
});
