// paper-400 on a head of FLAME's shape, from a photo to drawn frames: `node bench/paperOnFlame.mjs [folder] [photo]`.
// Weights are random, so the picture is no person; what is shown is that every part fits. Needs a built package
// (`npm run build`), Python with training/requirements.txt (PYTHON, default .venv/bin/python), 8 GB of memory and some
// minutes. What is in the folder already is used again.
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { createCanvas } from "@napi-rs/canvas";
import { build } from "esbuild";
import { findPackage } from "../bin/assets.mjs";
import { convertFlame, describeReport } from "../bin/convertFlame.mjs";
import { makePerson } from "../bin/makePerson.mjs";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const folder = path.resolve(process.argv[2] ?? path.join(root, "out", "paper-400"));
const photo = path.resolve(process.argv[3] ?? path.join(root, "samples", "assets", "astronaut.png"));
const models = path.join(root, "assets", "models");
const library = (name) => import(pathToFileURL(path.join(root, "dist", "lib", name)).href);
/** Edge of the drawn frames, and pixels from which a head at its distance is seen. */
const [Edge, Focal, Distance] = [256, 2.4, 0.77];

async function timed(what, work) {
    const start = performance.now();
    const value = await work();
    console.log(`${what}: ${((performance.now() - start) / 1000).toFixed(1)} s`);
    return value;
}

async function writeFlameShaped(target) {
    const { outputFiles } = await build({
        stdin: {
            contents: 'export * from "./tests/support/flameShaped.ts"; export * from "./tests/support/pythonFiles.ts";',
            resolveDir: root,
        },
        bundle: true,
        format: "esm",
        write: false,
    });
    const code = Buffer.from(outputFiles[0].contents).toString("base64");
    const { MakeFlameShaped, WritePickle } = await import(`data:text/javascript;base64,${code}`);
    writeFileSync(target, WritePickle(MakeFlameShaped()));
}

/** models.json of the export, with the networks that find faces. */
function addFaceNetworks() {
    const file = path.join(folder, "models.json");
    const manifest = JSON.parse(readFileSync(file, "utf8"));
    const { face } = JSON.parse(readFileSync(path.join(models, "models.json"), "utf8"));
    for (const graph of Object.values(face.graphs)) {
        for (const name of [graph.file, graph.data?.file].filter(Boolean)) {
            mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
            copyFileSync(path.join(models, name), path.join(folder, name));
        }
    }
    writeFileSync(file, JSON.stringify({ ...manifest, default: "paper-400", face }, null, 4));
}

async function draw(person, head, driver, weights, target) {
    const { CreateExpressionPose, ExpressionIndex } = await library("flame/expression.js");
    const { PositionMap } = await library("flame/positionMap.js");
    const { BuildTexelTable } = await library("flame/texelTable.js");
    const { PoseVerticesReference } = await library("runtime/reference/poseVertices.js");
    const { SplatProjectReference } = await library("runtime/reference/splatProject.js");
    const { RasterizeReference } = await library("runtime/reference/rasterize.js");
    const table = BuildTexelTable(head, person.mapSize);
    const pose = CreateExpressionPose(head);
    for (const [name, weight] of Object.entries(weights)) {
        pose.expression[ExpressionIndex(head, name)] = weight;
    }
    const position = PositionMap(head, table, pose, new Float32Array(3 * person.mapSize ** 2));
    const delta = await timed(`driver, ${target}`, () =>
        driver.readAsync({
            positionCount: position.length,
            writePositionMap: (into) => (into.set(position), into),
        }),
    );
    const { expressed, jointMatrices } = PoseVerticesReference(head, pose);
    const far = 20;
    const near = 0.05;
    const splats = SplatProjectReference(
        { table, expressed, jointMatrices, staticMap: person.staticMap, deltas: [{ map: delta, weight: 1 }] },
        {
            worldFromPosed: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
            viewFromWorld: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, -Distance, 1],
            clipFromView: [
                ...[2 * Focal, 0, 0, 0, 0, 2 * Focal, 0, 0],
                ...[0, 0, far / (near - far), -1, 0, 0, (far * near) / (near - far), 0],
            ],
            viewportWidthPx: Edge,
            viewportHeightPx: Edge,
            rightHanded: true,
        },
    )
        .filter(({ visible }) => visible)
        .sort((a, b) => b.viewDepth - a.viewDepth);
    const canvas = createCanvas(Edge, Edge);
    const context = canvas.getContext("2d");
    const picture = context.createImageData(Edge, Edge);
    RasterizeReference(splats, Edge, Edge).forEach((value, i) => (picture.data[i] = i % 4 === 3 ? 255 : 255 * value));
    context.putImageData(picture, 0, 0);
    writeFileSync(path.join(folder, target), canvas.toBuffer("image/png"));
    const largest = delta.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    console.log(`${target}: ${splats.length} of ${table.gaussianCount} Gaussians, largest delta ${largest.toFixed(4)}`);
    return picture.data;
}

mkdirSync(folder, { recursive: true });
const [pickle, flame] = ["flameShaped.pkl", "flame.bin"].map((name) => path.join(folder, name));
if (!existsSync(flame)) {
    await timed("a file of FLAME's shape", () => writeFlameShaped(pickle));
    const report = await timed("convert-flame", () => convertFlame([pickle], flame));
    describeReport(report)
        .slice(0, 4)
        .forEach((line) => console.log(line));
}
if (!existsSync(path.join(folder, "models.json"))) {
    const python = process.env.PYTHON ?? path.join(root, ".venv", "bin", "python");
    const words = ["-m", "training.export.export_onnx", "--config", "paper-400", "--root", folder];
    await timed("export of paper-400", async () =>
        execFileSync(python, words, { cwd: root, stdio: "inherit", env: { ...process.env, FLEX_HEAD_MODEL: flame } }),
    );
}
addFaceNetworks();
const saved = path.join(folder, "person.flexavatar");
const bytes = await timed("photo to person", () =>
    makePerson([photo], saved, { refine: false, modelsUrl: `${pathToFileURL(folder).href}/`, onStage: console.log }),
);
console.log(`person.flexavatar: ${(bytes / 1e6).toFixed(1)} MB`);
const { ReadAvatarFile, ParseHeadModel } = await library("person.js");
const { ModelRuntime } = await library("runtime/models/modelRuntime.js");
const person = ReadAvatarFile(new Uint8Array(readFileSync(saved)));
const head = ParseHeadModel(new Uint8Array(readFileSync(flame)).buffer);
const networks = await ModelRuntime.CreateAsync({
    modelsUrl: `${pathToFileURL(folder).href}/`,
    runtimeUrls: `${pathToFileURL(path.join(findPackage("onnxruntime-web", root), "dist")).href}/`,
    backend: "wasm",
    driver: "onnx",
    worker: false,
});
const driver = await timed("driver's session", () => networks.createDriverAsync(person.identityFeatures));
const rest = await draw(person, head, driver, {}, "rest.png");
const open = await draw(person, head, driver, { jawOpen: 1, mouthSmileLeft: 0.6 }, "open.png");
const changed = rest.reduce((count, value, i) => count + Number(Math.abs(value - open[i]) > 8), 0);
console.log(`${changed} values of the picture change with the expression`);
process.exit(changed > 0 ? 0 : 1);
