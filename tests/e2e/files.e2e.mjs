// A saved person is binary glTF that others read: Khronos' validator, glTF-Transform and three.js. Babylon's loader
// reads it in tests/gpu/plugin/files/personFile.gpu.spec.ts.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { NodeIO } from "@gltf-transform/core";
import { Ajv2020 } from "ajv/dist/2020.js";
import { build } from "esbuild";
import validator from "gltf-validator";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const MapSize = 64;

let format;
let file;
let splats;
let mesh;

before(async () => {
    const outfile = path.join(mkdtempSync(path.join(tmpdir(), "flex-files-")), "format.mjs");
    const modules = [
        "flame/headModel",
        "flame/levels",
        "flame/pageModel",
        "flame/texelTable",
        "runtime/format/avatarFile",
        "runtime/format/restSplats",
        "runtime/format/splatGlb",
        "runtime/mesh/meshFile",
        "runtime/slices",
    ];
    await build({
        stdin: {
            contents: modules.map((name) => `export * from "./src/${name}.ts";`).join("\n"),
            resolveDir: root,
        },
        bundle: true,
        format: "esm",
        outfile,
        logLevel: "error",
    });
    format = await import(pathToFileURL(outfile));
    const bytes = readFileSync(path.join(root, "assets/models/open-head.bin"));
    const head = format.ParseHeadModel(new Uint8Array(bytes).buffer);
    const table = format.BuildTexelTable(head, MapSize);
    const staticMap = new Float32Array(14 * MapSize ** 2);
    staticMap.forEach((_, i) => {
        const [channel, texel] = [Math.floor(i / MapSize ** 2), i % MapSize ** 2];
        const wave = Math.sin(0.37 * texel + channel);
        const means = [0, 0, 0, 4, 0.6, 0.5, 0.4, -5.5, -5.5, -8, 0, 0, 0, 1];
        staticMap[i] = means[channel] + (channel < 3 ? 0.001 : 0.1) * wave;
    });
    const levels = format.BuildLevels(head, table);
    splats = format.Finish(format.RestSplats([{ head, table, levels, map: staticMap }]));
    file = format.WriteAvatarFile(
        {
            name: "Ada",
            headModel: { name: "open-head", sha256: "ab".repeat(32) },
            model: { name: "nano-128", step: 1 },
            mapSize: MapSize,
            staticMap,
            mouth: new Float32Array(3 * MapSize ** 2).fill(0.2, 100, 200),
            identityFeatures: new Float32Array(8),
            identityShape: [2, 2, 2],
            fit: { shape: new Float32Array(4), photos: [] },
            provenance: "A wave.",
            license: "CC0-1.0",
            consent: "Nobody is shown.",
            thumbnail: new Uint8Array([137, 80, 78, 71]),
        },
        splats,
    );
    const sha256 = "ab".repeat(32);
    const pageBytes = new Uint8Array(readFileSync(path.join(root, "assets/models/open-head-page2.bin")));
    const page = { ...format.ParsePageModel(pageBytes.buffer, head), sha256 };
    const pageMap = new Float32Array(14 * page.mapSize ** 2);
    pageMap.forEach((_, i) => {
        pageMap[i] = [0, 0, 0, 4, 0.4, 0.3, 0.2, -5, -5, -7, 0, 0, 0, 1][Math.floor(i / page.mapSize ** 2)];
    });
    const person = {
        ...format.ReadAvatarFile(file),
        page: { headModel: { name: "page", sha256 }, mapSize: page.mapSize, map: pageMap },
    };
    mesh = await format.WriteMeshFileAsync({ file: person, head, page }, { textureSize: 256 });
});

/** What the validator finds, without the attribute names of the ratified extension, which its last release lacks. */
async function faultsOf(bytes) {
    const { issues } = await validator.validateBytes(bytes, { maxIssues: 0 });
    const prescribed = /\/attributes\/KHR_gaussian_splatting:(ROTATION|SCALE|OPACITY|SH_DEGREE_0_COEF_0)$/;
    return issues.messages
        .filter(({ severity }) => severity <= 1) // errors and warnings
        .filter(({ code, pointer }) => code !== "MESH_PRIMITIVE_INVALID_ATTRIBUTE" || !prescribed.test(pointer))
        .map(({ code, message, pointer }) => `${code} ${pointer}: ${message}`);
}

test("Khronos' validator finds no error and no warning in a person, with and without splats, and in splats alone", async () => {
    assert.ok(splats.length / 32 > 800, `${splats.length / 32} splats`);
    assert.deepEqual(await faultsOf(file), []);
    const person = format.ReadAvatarFile(file);
    assert.deepEqual(await faultsOf(format.WriteAvatarFile(person)), []);
    assert.deepEqual(await faultsOf(format.WriteSplatGlb(splats, { name: "Ada", license: "CC0-1.0" })), []);
});

test("the validator would find a wrong length and wrong bounds", async () => {
    for (const [from, to] of [
        [/"byteStride":48/, '"byteStride":44'],
        [/"max":\[-?\d/, '"max":[9'],
    ]) {
        const spoiled = file.slice();
        const jsonBytes = new DataView(file.buffer).getUint32(12, true);
        const json = new TextDecoder().decode(file.subarray(20, 20 + jsonBytes)).replace(from, to);
        spoiled.fill(0x20, 20, 20 + jsonBytes);
        spoiled.set(new TextEncoder().encode(json).subarray(0, jsonBytes), 20);
        assert.notDeepEqual(await faultsOf(spoiled), [], String(from));
    }
});

test("the extension is what the schema says, every field of it described", () => {
    const schema = JSON.parse(readFileSync(path.join(root, "docs/schema/FLEX_avatar.schema.json"), "utf8"));
    const validate = new Ajv2020({ strict: false, allErrors: true }).compile(schema);
    const jsonBytes = new DataView(file.buffer).getUint32(12, true);
    const person = JSON.parse(new TextDecoder().decode(file.subarray(20, 20 + jsonBytes))).extensions.FLEX_avatar;
    assert.ok(validate(person), JSON.stringify(validate.errors));
    const unknown = Object.keys(person).filter((key) => !Object.hasOwn(schema.properties, key));
    assert.deepEqual(unknown, []);
    for (const key of schema.required) {
        const { [key]: _left, ...rest } = person;
        assert.ok(!validate(rest), `without ${key}`);
    }
    assert.ok(!validate({ ...person, map: { ranges: person.map.ranges.slice(1) } }));
});

test("glTF-Transform reads the node, the licence and every splat", async () => {
    const document = await new NodeIO().readBinary(file);
    const [node] = document.getRoot().listNodes();
    assert.equal(node.getName(), "Ada");
    assert.equal(document.getRoot().getAsset().copyright, "CC0-1.0");
    const [primitive] = node.getMesh().listPrimitives();
    assert.equal(primitive.getAttribute("POSITION").getCount(), splats.length / 32);
    const places = primitive.getAttribute("POSITION").getArray();
    const first = new Float32Array(splats.buffer, 0, 3);
    assert.deepEqual([...places.slice(0, 3)], [...first]);
});

test("three.js shows it as colored points, the face towards +Z", async () => {
    const { scene } = await new GLTFLoader().parseAsync(file.buffer, "");
    const points = [];
    scene.traverse((node) => node.isPoints && points.push(node));
    assert.equal(points.length, 1);
    const { position, color } = points[0].geometry.attributes;
    assert.equal(position.count, splats.length / 32);
    assert.ok(color.getX(0) > 0.4 && color.getX(0) < 0.8);
    points[0].geometry.computeBoundingBox();
    const { min, max } = points[0].geometry.boundingBox;
    assert.ok(max.y - min.y > 0.2 && max.y - min.y < 0.45, `${max.y - min.y} m high`);
});

test("Khronos' validator finds no error and no warning in a mesh", async () => {
    assert.deepEqual(await faultsOf(mesh), []);
});

test("glTF-Transform reads a mesh: 52 targets by name, three parts, two textures, five joints", async () => {
    const gltf = (await new NodeIO().readBinary(mesh)).getRoot();
    assert.deepEqual(
        gltf.listMeshes().map((part) => part.getName()),
        ["face", "hair", "bust"],
    );
    const [face] = gltf.listMeshes();
    const { targetNames } = face.getExtras();
    assert.equal(targetNames.length, 52);
    const [primitive] = face.listPrimitives();
    const targets = primitive.listTargets();
    assert.equal(targets.length, 52);
    const lowest = (accessor) => Math.min(...accessor.getArray());
    const jawOpen = targets[targetNames.indexOf("jawOpen")].getAttribute("POSITION");
    assert.ok(lowest(jawOpen) < -0.015, `the jaw opens by ${lowest(jawOpen)} m`);
    const weights = primitive.getAttribute("WEIGHTS_0").getArray();
    for (let i = 0; i < weights.length; i += 4) {
        assert.equal(weights[i] + weights[i + 1] + weights[i + 2] + weights[i + 3], 255);
    }
    assert.deepEqual(
        gltf.listTextures().map((texture) => texture.getSize()),
        [
            [256, 256],
            [832, 832],
        ],
    );
    const [skin] = gltf.listSkins();
    assert.deepEqual(
        skin.listJoints().map((joint) => joint.getName()),
        ["Chest", "Head", "Jaw", "LeftEye", "RightEye"],
    );
});

test("three.js opens a mesh, and its morph targets and joints move it", async () => {
    globalThis.self ??= globalThis; // three's loader of pictures asks for it
    const withoutPictures = stripped(mesh);
    const { scene } = await new GLTFLoader().parseAsync(withoutPictures.buffer, "");
    const skins = [];
    scene.traverse((node) => node.isSkinnedMesh && skins.push(node));
    assert.equal(skins.length, 4); // head, hair, bust, and the bust's lower end, which fades out
    const [face] = skins;
    assert.equal(Object.keys(face.morphTargetDictionary).length, 52);
    scene.updateMatrixWorld(true);
    const lowestPoint = () => {
        let lowest = Infinity;
        for (let i = 0; i < face.geometry.attributes.position.count; i++) {
            lowest = Math.min(lowest, face.getVertexPosition(i, face.position.clone()).z);
        }
        return lowest;
    };
    const rest = lowestPoint();
    face.skeleton.bones.find(({ name }) => name === "Head").rotation.y = Math.PI;
    scene.updateMatrixWorld(true);
    face.skeleton.update();
    assert.ok(lowestPoint() < rest - 0.02, "a head that is turned round has its nose behind");
});

/** The same without pictures, which Node does not open for three. */
function stripped(bytes) {
    const jsonBytes = new DataView(bytes.buffer).getUint32(12, true);
    const gltf = JSON.parse(new TextDecoder().decode(bytes.subarray(20, 20 + jsonBytes)));
    delete gltf.images;
    delete gltf.textures;
    gltf.materials.forEach(({ pbrMetallicRoughness: look }) => delete look.baseColorTexture);
    const copy = bytes.slice();
    copy.fill(0x20, 20, 20 + jsonBytes);
    copy.set(new TextEncoder().encode(JSON.stringify(gltf)), 20);
    return copy;
}
