// Heads of files, from a real person: found whatever axes, unit and place the file has, and put on the character. The
// page is the sample "character"; its person is written as .ply and read back.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { GoToSampleAsync, ShareSamples } from "./sharedPage.mjs";

const outFolder = path.join(path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url)))), "out", "e2e");

/** Turns of files, as quaternions x, y, z, w, with a scale and a place. */
const poses = {
    "as it was written": { turn: [0, 0, 0, 1], scale: 1, place: [0, 0, 0] },
    "with y down, as cameras of 3D Gaussian Splatting have it": { turn: [1, 0, 0, 0], scale: 1, place: [0, 1.5, 0] },
    "with z up, ten times as large": {
        turn: [Math.SQRT1_2, 0, 0, Math.SQRT1_2],
        scale: 10,
        place: [3, -2, 17],
    },
    "turned by 25° and ten times smaller": {
        turn: [0.5 * Math.sin(0.218), Math.sqrt(0.75) * Math.sin(0.218), 0, Math.cos(0.218)],
        scale: 0.1,
        place: [-0.2, 0.05, 0.4],
    },
};

/** Where the camera stands around the character, radians from its face. */
const sides = [0.35, -0.9, 2.4];
/** How near the pictures of the person and of its file must be, dB. */
const LeastPsnr = 27.5;

const pictures = {};
let page;
let consoleErrors;

ShareSamples({ width: 700, height: 700 }, async (tools) => {
    ({ page, consoleErrors } = tools);
    await GoToSampleAsync(tools, "character");
    await page.evaluate(async () => {
        const { scene } = window.sample;
        window.person = scene.transformNodes.find((node) => node.getClassName() === "FlexAvatar");
        window.component = scene._components.find((one) => typeof one.loadSplatsAsync === "function");
        await window.person.whenRefinedAsync();
        scene.animationGroups.forEach((group) => group.pause());
        // A file has the pose of its moment: at rest, head and shoulders look one way.
        window.person.resetPose();
    });
    pictures.person = await drawAsync();
    await page.evaluate(async () => {
        // The character has its own head back, and the file the whole of the person's.
        const box = [...document.querySelectorAll("#controls label")].find(({ textContent }) =>
            textContent.includes("Head of Gaussians"),
        );
        box.querySelector("input").click();
        await new Promise((done) => setTimeout(done, 200));
        window.ply = await window.person.exportSplatsAsync("ply");
    });
    pictures.own = await drawAsync();
});

/** The canvas from all sides, as PNG. */
async function drawAsync() {
    const urls = [];
    for (const side of sides) {
        urls.push(
            await page.evaluate(async (angle) => {
                const { scene, engine, camera } = window.sample;
                Object.assign(camera, { alpha: Math.PI / 2 + angle, beta: 1.42, radius: 1.1 });
                await scene.whenReadyAsync();
                for (let frame = 0; frame < 6; frame++) {
                    await new Promise((done) => scene.onAfterRenderObservable.addOnce(done));
                }
                return await new Promise((done) =>
                    engine.onEndFrameObservable.addOnce(() => done(engine.getRenderingCanvas().toDataURL())),
                );
            }, side),
        );
    }
    return urls;
}

const psnrAsync = (a, b) => page.evaluate((...urls) => window.pictures.psnrAsync(...urls), a, b);

/**
 * Loads the person's file in a pose and tells how far from the person it was put: the neck in millimeters, the axes in
 * degrees, the size as a share.
 */
async function placeAsync({ turn, scale, place }) {
    return await page.evaluate(
        async ([qx, qy, qz, qw], size, offset) => {
            const bytes = new Uint8Array(window.ply.slice(0));
            const header = new TextDecoder("latin1").decode(bytes.subarray(0, 4096));
            const start = header.indexOf("end_header\n") + 11;
            const names = [...header.slice(0, start).matchAll(/property float (\w+)/g)].map(([, name]) => name);
            const at = Object.fromEntries(names.map((name, i) => [name, 4 * i]));
            const stride = 4 * names.length;
            const view = new DataView(bytes.buffer);
            const turned = (x, y, z) => {
                const [tx, ty, tz] = [2 * (qy * z - qz * y), 2 * (qz * x - qx * z), 2 * (qx * y - qy * x)];
                return [
                    x + qw * tx + qy * tz - qz * ty,
                    y + qw * ty + qz * tx - qx * tz,
                    z + qw * tz + qx * ty - qy * tx,
                ];
            };
            for (let row = start; row < bytes.length; row += stride) {
                const get = (name) => view.getFloat32(row + at[name], true);
                const set = (name, value) => view.setFloat32(row + at[name], value, true);
                turned(get("x"), get("y"), get("z")).forEach((value, i) => set("xyz"[i], size * value + offset[i]));
                [0, 1, 2].forEach((i) => set(`scale_${i}`, get(`scale_${i}`) + Math.log(size)));
                const [w, x, y, z] = [0, 1, 2, 3].map((i) => get(`rot_${i}`));
                set("rot_0", qw * w - qx * x - qy * y - qz * z);
                set("rot_1", qw * x + qx * w + qy * z - qz * y);
                set("rot_2", qw * y - qx * z + qy * w + qz * x);
                set("rot_3", qw * z + qx * y - qy * x + qz * w);
            }
            const head = await window.component.loadSplatsAsync(bytes.buffer);
            const saved = new Uint8Array(await head.saveAsync());
            head.dispose();
            const length = new DataView(saved.buffer).getUint32(12, true);
            const json = JSON.parse(new TextDecoder().decode(saved.subarray(20, 20 + length)));
            // From the person to the file to where the library has it: should be nothing.
            const { rotation: r, scale, translation } = json.extensions.FLEX_avatar.splats;
            const placed = (point) =>
                translation.map((value, i) => value + scale * point.reduce((sum, x, k) => sum + r[3 * i + k] * x, 0));
            const neck = [...window.person._core.parts.head.joints.subarray(3, 6)];
            const again = placed(turned(...neck).map((value, i) => size * value + offset[i]));
            const columns = [turned(1, 0, 0), turned(0, 1, 0), turned(0, 0, 1)];
            const trace = columns.reduce(
                (sum, column, i) => sum + column.reduce((s, x, k) => s + r[3 * i + k] * x, 0),
                0,
            );
            return {
                neck: 1000 * Math.hypot(...again.map((value, i) => value - neck[i])),
                axes: (180 / Math.PI) * Math.acos(Math.min(1, (trace - 1) / 2)),
                size: Math.abs(scale * size - 1),
            };
        },
        turn,
        scale,
        place,
    );
}

for (const [name, pose] of Object.entries(poses)) {
    test(`the head is found in a file ${name}`, async () => {
        const found = await placeAsync(pose);
        console.log(
            Object.entries(found)
                .map(([what, value]) => `${what} ${value.toFixed(3)}`)
                .join(", "),
        );
        assert.ok(found.neck < 5, `the neck is ${found.neck} mm off`);
        assert.ok(found.axes < 4, `the axes are ${found.axes}° off`);
        assert.ok(found.size < 0.04, `the size is off by ${found.size}`);
    });
}

test("a head of a file stands on the character as the person does whose file it is", async () => {
    await page.evaluate(async () => {
        const { scene } = window.sample;
        const head = await window.component.loadSplatsAsync(window.ply);
        head.attachToCharacter(
            scene.meshes.find(({ name }) => name === "__root__"),
            "head",
        );
    });
    pictures.imported = await drawAsync();
    mkdirSync(outFolder, { recursive: true });
    for (const [name, views] of Object.entries(pictures)) {
        views.forEach((url, i) =>
            writeFileSync(path.join(outFolder, `${name}${i}.png`), Buffer.from(url.split(",")[1], "base64")),
        );
    }
    for (const i of sides.keys()) {
        const same = await psnrAsync(pictures.imported[i], pictures.person[i]);
        const other = await psnrAsync(pictures.own[i], pictures.person[i]);
        console.log(`from ${sides[i]}: ${same.toFixed(1)} dB to the person, the own head ${other.toFixed(1)} dB`);
        assert.ok(same > LeastPsnr, `${same} dB`);
        assert.ok(other < LeastPsnr - 5, `${other} dB`);
    }
    assert.deepEqual(consoleErrors, []);
});
