// Without WebGPU: a saved avatar is a mesh on a WebGL engine, looks as the splats do, and does what they do.
import assert from "node:assert/strict";
import { readFileSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { SharePage } from "./sharedPage.mjs";

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const photo = `data:image/png;base64,${readFileSync(path.join(root, "samples/assets/astronaut.png")).toString("base64")}`;
const size = 400;
/** Around the face in the picture. */
const face = { left: 0.32, top: 0.25, right: 0.68, bottom: 0.75 };
const outFolder = path.join(root, "out", "webgl");

let tools;
let splats;
const keep = (name, url) => writeFileSync(path.join(outFolder, name), Buffer.from(url.split(",")[1], "base64"));
const psnr = (a, b) => tools.page.evaluate((...given) => window.pictures.psnrAsync(...given), a, b, face);

SharePage(async (shared) => {
    tools = shared;
    mkdirSync(outFolder, { recursive: true });
    splats = await tools.page.evaluate(
        async (address, px) => {
            const { flexDemo: demo } = window;
            const image = await (await fetch(address)).blob();
            await demo.createAsync([image]);
            await demo.avatar.whenRefinedAsync();
            demo.showAlone();
            demo.look(0, 0, demo.closeUpDistance);
            const pictures = [];
            for (const track of ["jawOpen", "mouthSmileLeft", "eyeBlinkLeft"]) {
                demo.goToFrame(demo.peakFrame(track));
                pictures.push(await demo.captureAsync(px));
            }
            window.withoutWebGpu = await demo.openWithoutWebGpuAsync();
            return pictures;
        },
        photo,
        size,
    );
});

test("a notice says so, and there are no splats", async () => {
    const said = await tools.page.evaluate(() => {
        const { avatar, notices } = window.withoutWebGpu;
        let code;
        try {
            void avatar.splatMesh;
        } catch (error) {
            code = error.code;
        }
        return { code, notices, isMesh: avatar.isMesh, gaussians: avatar.gaussianCount };
    });
    assert.deepEqual(said, { code: "webgpu-missing", notices: ["drawn-as-mesh"], isMesh: true, gaussians: 0 });
});

test("the same clip moves the face as it moves the splats", async () => {
    const pictures = await tools.page.evaluate(async (px) => {
        const all = [];
        for (const track of ["jawOpen", "mouthSmileLeft", "eyeBlinkLeft"]) {
            window.withoutWebGpu.goToFrame(window.flexDemo.peakFrame(track));
            all.push(await window.withoutWebGpu.captureAsync(px));
        }
        return all;
    }, size);
    for (const [i, picture] of pictures.entries()) {
        keep(`splats${i}.png`, splats[i]);
        keep(`mesh${i}.png`, picture);
        const same = await psnr(picture, splats[i]);
        const other = await psnr(picture, splats[(i + 1) % 3]);
        console.log(`mesh beside splats ${i}: ${same.toFixed(1)} dB; another expression: ${other.toFixed(1)} dB`);
        assert.ok(same > 22, `${same} dB`);
        assert.ok(same > other + 1, `${same} dB, and ${other} dB to another expression`);
    }
});

test("copies of a container look as the avatar does, with materials of their own too, when all others are gone", async () => {
    const [alone, ...copies] = await tools.page.evaluate(async (px) => {
        const other = window.withoutWebGpu;
        other.avatar.clips.forEach((clip) => clip.stop());
        other.avatar.resetPose();
        const settings = [{}, { cloneMaterials: true }, { doNotInstantiate: false }, { cloneMaterials: true }];
        return [await other.captureAsync(px), ...(await other.captureCopiesAsync(settings, px))];
    }, size);
    for (const [i, copy] of copies.entries()) {
        keep(`copy${i}.png`, copy);
        const same = await tools.page.evaluate((...given) => window.pictures.psnrAsync(...given), copy, alone);
        assert.ok(same > 60, `copy ${i}: ${same} dB`);
    }
});

test("the exported mesh has ARKit's 52 names and looks as the avatar does at rest", async () => {
    const [names, ...pictures] = await tools.page.evaluate(async (px) => {
        const { withoutWebGpu: other, flexDemo: demo } = window;
        demo.pose();
        other.avatar.clips.forEach((clip) => clip.stop());
        other.avatar.resetPose();
        const atRest = await other.captureAsync(px);
        const targets = await other.showExportedAsync();
        return [targets, atRest, await other.captureAsync(px)];
    }, size);
    assert.equal(new Set(names).size, 52);
    assert.ok(names.includes("tongueOut"));
    keep("atRest.png", pictures[0]);
    keep("exported.png", pictures[1]);
    const same = await psnr(...pictures);
    console.log(`exported mesh beside the avatar: ${same.toFixed(1)} dB`);
    assert.ok(same > 32, `${same} dB`);
});

test("it is picked by region, and leaves nothing behind", async () => {
    const { region, ...left } = await tools.page.evaluate(() => window.withoutWebGpu.pickAndDispose());
    assert.equal(region, "face");
    assert.deepEqual(left, { meshes: 0, materials: 0, textures: 0 });
    assert.deepEqual(tools.consoleErrors, []);
});
