// The bundled clip: made by its script, to the byte; loads in Babylon without a warning; moves as a face does.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, test } from "node:test";
import { LoadAssetContainerAsync } from "@babylonjs/core/Loading/sceneLoader.js";
import { FreeCamera } from "@babylonjs/core/Cameras/freeCamera.js";
import { NullEngine } from "@babylonjs/core/Engines/nullEngine.js";
import { Logger } from "@babylonjs/core/Misc/logger.js";
import { Vector3 } from "@babylonjs/core/Maths/math.vector.js";
import { Scene } from "@babylonjs/core/scene.js";
import "@babylonjs/loaders/glTF/index.js";
import { makeClip, TARGET_NAMES } from "../../scripts/makeClip.mjs";

const file = readFileSync(new URL("../../samples/assets/phrase.glb", import.meta.url));
const secondsPerKey = 1 / 30;
const complaints = [];
let clip;
/** Weights by track name, one number per 1/30 s. */
const tracks = new Map();

before(async () => {
    // Setting LogLevels replaces these functions, so it comes first.
    Logger.LogLevels = Logger.NoneLogLevel;
    Logger.Warn = Logger.Error = (message) => complaints.push(message);
    const scene = new Scene(new NullEngine());
    new FreeCamera("camera", Vector3.Zero(), scene);
    const container = await LoadAssetContainerAsync(new Uint8Array(file), scene, { pluginExtension: ".glb" });
    [clip] = container.animationGroups;
    for (const { animation, target } of clip.targetedAnimations) {
        const values = animation.getKeys().map((key) => key.value);
        tracks.set(target.name, values);
    }
});

test("the committed clip is what makeClip writes", () => {
    assert.ok(makeClip().equals(file), "run `node scripts/makeClip.mjs` and commit samples/assets/phrase.glb");
});

test("is small and loads without a warning", () => {
    assert.ok(file.length < 150 * 1024);
    assert.deepEqual(complaints, []);
});

test("has the 52 ARKit tracks and a head node", () => {
    assert.equal(TARGET_NAMES.length, 52);
    assert.deepEqual([...tracks.keys()].sort(), [...TARGET_NAMES, "head"].sort());
    assert.equal(tracks.get("head")[0].getClassName(), "Quaternion");
});

test("weights stay in 0..1 and start and end at rest", () => {
    for (const name of TARGET_NAMES) {
        const values = tracks.get(name);
        assert.ok(
            values.every((value) => value >= 0 && value <= 1),
            name,
        );
        assert.ok(
            values[0] < 0.05 && values.at(-1) < 0.05,
            `${name} starts at ${values[0]} and ends at ${values.at(-1)}`,
        );
    }
});

test("moves smoothly: only lids and eyes may jump more than 0.4 in a frame", () => {
    for (const name of TARGET_NAMES.filter((name) => !name.startsWith("eye"))) {
        const values = tracks.get(name);
        const step = Math.max(...values.slice(1).map((value, index) => Math.abs(value - values[index])));
        assert.ok(step <= 0.4, `${name} jumps ${step}`);
    }
});

test("lids close fully several times, for less than half a second", () => {
    for (const name of ["eyeBlinkLeft", "eyeBlinkRight"]) {
        const values = tracks.get(name);
        const closures = values.filter((value, index) => value > 0.9 && !(values[index - 1] > 0.9)).length;
        assert.ok(closures >= 4, `${name} closes ${closures} times`);
        let run = 0;
        for (const value of values) {
            run = value > 0.5 ? run + 1 : 0;
            assert.ok(run * secondsPerKey < 0.5, `${name} stays closed`);
        }
    }
});

test("lips meet in “meet”, open in “nice”, round in “you”, smile at the end", () => {
    const peak = (name) => tracks.get(name).indexOf(Math.max(...tracks.get(name))) * secondsPerKey;
    const at = (name, seconds) => tracks.get(name)[Math.round(seconds / secondsPerKey)];
    assert.ok(peak("mouthPressLeft") > 4.8 && peak("mouthPressLeft") < 5.05);
    assert.ok(at("jawOpen", 4.9) < 0.12, `the jaw is ${at("jawOpen", 4.9)} open in “m”`);
    assert.ok(at("jawOpen", 4.3) > 0.6);
    assert.ok(at("mouthPucker", 5.43) > 0.7);
    assert.ok(at("mouthSmileLeft", 6.4) > 0.8 && at("cheekSquintLeft", 6.4) > 0.5);
});

test("the head turns to both sides and nods", () => {
    const forward = tracks.get("head").map((rotation) => new Vector3(0, 0, 1).applyRotationQuaternion(rotation));
    const degrees = (value) => (Math.asin(value) * 180) / Math.PI;
    assert.ok(degrees(Math.max(...forward.map(({ x }) => x))) > 20);
    assert.ok(degrees(Math.min(...forward.map(({ x }) => x))) < -20);
    assert.ok(degrees(Math.min(...forward.map(({ y }) => y))) < -10);
});
