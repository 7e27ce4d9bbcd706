// What saved people are as files: `node bench/files.mjs a.flexavatar b.flexavatar ...`. Sizes and layers, whether they
// are written again byte for byte, what Khronos' validator says of them, of their splats and of their meshes, what
// glTF-Transform and three.js find in them, and milliseconds of what a page does between the bytes and its first frame,
// in this process. Meshes need a built package (`npm run build`).
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Logger, NodeIO } from "@gltf-transform/core";
import { build } from "esbuild";
import validator from "gltf-validator";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
import { bringFetchOfFiles, createMaker } from "../bin/makePerson.mjs";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const models = path.join(root, "assets", "models");
const Rounds = 7;
/** Names of a ratified extension that the validator's last release does not know. */
const Prescribed = /\/attributes\/KHR_gaussian_splatting:(ROTATION|SCALE|OPACITY|SH_DEGREE_0_COEF_0)$/;

async function loadLibraryAsync() {
    const outfile = path.join(mkdtempSync(path.join(tmpdir(), "flex-files-")), "library.mjs");
    const names = [
        "flame/headModel",
        "flame/levels",
        "flame/occluder",
        "flame/pageCover",
        "flame/personalHead",
        "flame/texelTable",
        "runtime/format/avatarFile",
        "runtime/format/splatGlb",
        "runtime/person/pageMap",
        "runtime/person/pageShape",
        "runtime/person/personSplats",
        "runtime/person/refinedMap",
        "runtime/slices",
    ];
    await build({
        stdin: { contents: names.map((name) => `export * from "./src/${name}.ts";`).join("\n"), resolveDir: root },
        bundle: true,
        format: "esm",
        outfile,
        logLevel: "error",
    });
    return await import(pathToFileURL(outfile));
}

/** Milliseconds the first time, and the least of the others. */
function timed(work) {
    const times = Array.from({ length: Rounds }, () => {
        const start = performance.now();
        work();
        return performance.now() - start;
    });
    return `${times[0].toFixed(0)}, then ${Math.min(...times.slice(1)).toFixed(0)}`;
}

/** Errors and warnings, and those among them that are the extension's own names. */
async function faultsOf(bytes) {
    const { issues } = await validator.validateBytes(bytes, { maxIssues: 0 });
    const faults = issues.messages.filter(({ severity }) => severity <= 1);
    const names = faults.filter(({ code, pointer }) => code.endsWith("INVALID_ATTRIBUTE") && Prescribed.test(pointer));
    return `${faults.length - names.length} (and ${names.length} names of the extension)`;
}

async function openedBy(bytes) {
    const reader = new NodeIO().setLogger(new Logger(Logger.Verbosity.SILENT));
    const meshes = (await reader.readBinary(bytes)).getRoot().listMeshes();
    const counts = meshes.flatMap((mesh) =>
        mesh.listPrimitives().map((primitive) => primitive.getAttribute("POSITION").getCount()),
    );
    const targets = Math.max(0, ...meshes.map((mesh) => mesh.listPrimitives()[0].listTargets().length));
    const { scene } = await new GLTFLoader().parseAsync(withoutPictures(bytes).buffer, "");
    let seen = 0;
    scene.traverse((node) => (seen += node.isPoints || node.isMesh ? node.geometry.attributes.position.count : 0));
    return `${counts.join(" + ")} places, ${targets} targets; ${seen} places`;
}

/** Node opens no pictures for three. */
function withoutPictures(bytes) {
    const jsonBytes = new DataView(bytes.buffer, bytes.byteOffset).getUint32(12, true);
    const gltf = JSON.parse(new TextDecoder().decode(bytes.subarray(20, 20 + jsonBytes)));
    delete gltf.images;
    delete gltf.textures;
    gltf.materials?.forEach(({ pbrMetallicRoughness: look }) => delete look.baseColorTexture);
    const copy = bytes.slice();
    copy.fill(0x20, 20, 20 + jsonBytes);
    copy.set(new TextEncoder().encode(JSON.stringify(gltf)), 20);
    return copy;
}

globalThis.self ??= globalThis; // three's loader of pictures asks for it
bringFetchOfFiles();
const library = await loadLibraryAsync();
const manifest = JSON.parse(readFileSync(path.join(models, "models.json"), "utf8"));
const { headModel: headName, graphs } = manifest.models[manifest.default];
const entry = manifest.headModels[headName];
const bytesOf = (name) => new Uint8Array(readFileSync(path.join(models, name)));
const headBytes = bytesOf(entry.file);
const pageBytes = bytesOf(entry.page.file);
const driver = [graphs.driver.file, graphs.driver.data.file].map(bytesOf);
const head = library.ParseHeadModel(headBytes.slice().buffer);
const page = library.ReadPageModel(pageBytes, head, entry);
const row = (...cells) => console.log(`| ${cells.join(" | ")} |`);

row("once per component", "ms, first and best of the others");
row(
    "SHA-256 of head model, page and driver",
    timed(() => [headBytes, pageBytes, ...driver].map((bytes) => createHash("sha256").update(bytes).digest())),
);
row(
    "head model read",
    timed(() => library.ParseHeadModel(headBytes.slice().buffer)),
);
row(
    "tables of texels",
    timed(() => [256, 128].map((size) => library.BuildTexelTable(head, size))),
);
const table = library.TexelTableOf(head, 256);
row(
    "levels of detail",
    timed(() => library.BuildLevels(head, table)),
);
const levels = library.BuildLevels(head, table);
const maker = await createMaker(root);
for (const name of process.argv.slice(2)) {
    const bytes = new Uint8Array(readFileSync(name));
    const person = library.ReadAvatarFile(bytes);
    const splats = library.Finish(library.SplatsOfPerson(person, { head, table, levels }, page));
    const again = library.WriteAvatarFile(person, splats);
    const layers = ["detail", "closeUp", "mouth", "page", "thumbnail"].filter((layer) => person[layer] !== undefined);
    const isSame = Buffer.compare(Buffer.from(again), Buffer.from(bytes)) === 0;
    row(`**${path.basename(name)}**`, `${(bytes.length / 1e6).toFixed(2)} MB, with ${layers.join(", ")}`);
    row("with all layers, written again", `${(again.length / 1e6).toFixed(2)} MB, the same bytes: ${isSame}`);
    row(
        ".flexavatar read",
        timed(() => library.ReadAvatarFile(bytes)),
    );
    const map = library.RefinedMap(person);
    row(
        "occluder",
        timed(() => library.OccluderOffsets(head, table, map)),
    );
    if (person.page) {
        const pageMap = { model: page, map: person.page.map };
        row(
            "second page: what is seen, its levels",
            timed(() => library.Finish(library.WholePage(pageMap))),
        );
        const pageTable = library.TexelTableOf(page.model, page.mapSize);
        const own = { model: head, table, map };
        const other = { model: page.model, table: pageTable, map: person.page.map };
        row(
            "what hair hides of the head",
            timed(() => library.Finish(library.FindPageCover(own, other, page.fill))),
        );
    }
    const mesh = await maker.exportMeshAsync(person);
    const glb = library.WriteSplatGlb(splats, person);
    for (const [what, file] of Object.entries({ ".flexavatar": bytes, "splats as .glb": glb, "mesh as .glb": mesh })) {
        row(
            `${what}, ${(file.length / 1e6).toFixed(2)} MB`,
            `validator's errors and warnings: ${await faultsOf(file)}`,
        );
        row(`${what}: glTF-Transform; three.js`, await openedBy(file));
    }
}
maker.dispose();
process.exit(0); // ONNX Runtime's threads would wait for more
