// Every reader of bytes that come from outside, with sound files to spoil. A reader may give anything or throw a
// FlexAvatarError, and nothing else.
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { pickleMutations, zipMutations } from "./mutatePython.mjs";

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));

const entry = `
export { FlexAvatarError } from "./src/flame/error.ts";
export { ParseHeadModel } from "./src/flame/headModel.ts";
export { ParsePageModel } from "./src/flame/pageModel.ts";
export { ReadAvatarFile, WriteAvatarFile } from "./src/runtime/format/avatarFile.ts";
export { LiveLinkNames, ReadLiveLinkPacket, ReadOscPacket } from "./src/plugin/live/facePackets.ts";
export { ParseFaceClip } from "./src/plugin/live/readFaceClip.ts";
export { ReadCompanions } from "./src/runtime/flame/flameCompanions.ts";
export { ReadFlame } from "./src/runtime/flame/flameFile.ts";
export { ReadFlameSequence } from "./src/runtime/flame/flameSequence.ts";
export { MakeTinyFlame } from "./tests/support/flameShaped.ts";
export { WriteNpy, WriteNpz, WritePickle } from "./tests/support/pythonFiles.ts";
export { ParseModelManifest } from "./src/runtime/models/manifest.ts";
export { ReadImageSize } from "./src/runtime/photo/imageHeader.ts";
export { WriteFirstVersion } from "./tests/support/firstVersionFile.ts";
`;

/** @returns names to { seeds, read } and the class of the errors that may come */
export async function loadReadersAsync() {
    const { outputFiles } = await build({
        stdin: { contents: entry, resolveDir: root },
        bundle: true,
        format: "esm",
        write: false,
        logLevel: "error",
    });
    const library = await import(
        `data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`
    );
    const file = (name) => new Uint8Array(readFileSync(path.join(root, name)));
    const bytesOf = (text) => new TextEncoder().encode(text);
    const persons = [samplePerson(false), samplePerson(true)];
    const head = library.ParseHeadModel(file("assets/models/open-head.bin").slice().buffer);
    const json = (bytes) => JSON.parse(new TextDecoder().decode(bytes));
    const orJson = (read) => (bytes) => {
        let value;
        try {
            value = json(bytes);
        } catch {
            return; // the caller's own, told as such
        }
        read(value);
    };
    const tinyFlame = library.ReadFlame(library.WritePickle(library.MakeTinyFlame()));
    return {
        FlexAvatarError: library.FlexAvatarError,
        readers: {
            avatar: {
                seeds: persons.map((person) => library.WriteAvatarFile(person, new Uint8Array(64).fill(60))),
                read: (bytes) => library.ReadAvatarFile(bytes),
            },
            "avatar of the first version": {
                seeds: persons.map((person) => library.WriteFirstVersion(person)),
                read: (bytes) => library.ReadAvatarFile(bytes),
            },
            "head model": {
                seeds: [file("assets/models/open-head.bin")],
                read: (bytes) => library.ParseHeadModel(bytes.slice().buffer),
            },
            "second page": {
                seeds: [file("assets/models/open-head-page2.bin")],
                read: (bytes) => library.ParsePageModel(bytes.slice().buffer, head),
            },
            "FLAME as a pickle": {
                seeds: [library.WritePickle(library.MakeTinyFlame())],
                read: (bytes) => library.ReadFlame(bytes),
                mutations: pickleMutations,
            },
            "FLAME as .npz": {
                seeds: [0, 6].map((level) => library.WriteNpz(library.MakeTinyFlame(), level)),
                read: (bytes) => library.ReadFlame(bytes),
                mutations: zipMutations,
            },
            "FLAME's coefficients": {
                seeds: sequences(library),
                read: (bytes) => library.ReadFlameSequence(bytes),
                mutations: zipMutations,
            },
            "further files of FLAME": {
                seeds: companions(library),
                read: (bytes) => library.ReadCompanions([bytes]).atlas?.(tinyFlame),
                mutations: [...pickleMutations, ...zipMutations],
            },
            "models.json": {
                seeds: [file("assets/models/models.json")],
                read: orJson((value) => library.ParseModelManifest(value)),
            },
            "performance of a face": {
                seeds: performances(library.LiveLinkNames).map(bytesOf),
                read: (bytes) => library.ParseFaceClip(bytes),
            },
            "packet of a face": {
                seeds: packets(),
                read: (bytes) => {
                    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
                    library.ReadLiveLinkPacket(view, () => undefined);
                    library.ReadOscPacket(view, () => undefined);
                },
            },
            "header of an image": {
                seeds: [
                    file("samples/assets/astronaut.png").slice(0, 4096),
                    file("docs/images/first-light.jpg").slice(0, 4096),
                    bytesOf("RIFF\x24\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\x03\0\xff\x02\0"),
                    bytesOf("GIF89a\x10\0\x20\0\0\0\0"),
                ],
                read: (bytes) => library.ReadImageSize(bytes),
            },
        },
    };
}

/** Files of Live Link Face, Audio2Face, MediaPipe and numbers alone, two frames each. */
function performances(names) {
    const row = (time) => [time, names.length, ...names.map((_, i) => ((i * 7) % 10) / 20)].join(",");
    const some = ["jawOpen", "mouthSmileLeft", "eyeBlinkRight"];
    const categories = some.map((categoryName, i) => ({ categoryName, score: i / 4 }));
    return [
        [`Timecode,BlendShapeCount,${names.join(",")}`, row("10:00:00:01.5"), row("10:00:00:02.5")].join("\n"),
        JSON.stringify({
            exportFps: 30,
            facsNames: some,
            numFrames: 2,
            weightMat: [
                [0, 0.5, 1],
                [1, 0, 0.25],
            ],
        }),
        JSON.stringify([{ faceBlendshapes: [{ categories }] }, { faceBlendshapes: [{ categories }] }]),
        Array.from({ length: 2 }, () => Array.from({ length: 52 }, (_, i) => i / 60).join(",")).join("\n"),
        `timeCode,blendShapes.JawOpen,blendShapes.MouthClose\n0.0,0.5,0.1\n0.033,0.25,0`,
    ];
}

/** Two trackers' layouts, stored and deflated. */
function sequences({ WriteNpz }) {
    const wave = (shape, type) => ({
        shape,
        values: Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, i) => Math.sin(i) / 4),
        type,
    });
    const vhap = { expr: wave([4, 5], "<f4"), jaw_pose: wave([4, 3]), rotation: wave([4, 3]), eyes_pose: wave([4, 6]) };
    const batch = { exp: wave([1, 4, 5], ">f8"), pose: wave([4, 6]), eyelids: wave([4, 2]), fps: wave([]) };
    return [WriteNpz(vhap, 0), WriteNpz(vhap, 6), WriteNpz(batch, 6)];
}

/** An atlas as text and as arrays, landmarks as .npz and as a pickle. */
function companions({ WriteNpz, WritePickle }) {
    const atlas = "v 0 0 0\nvt 0 0\nvt 1 0\nvt 0.5 1\nf 1/1 6/2 3/3\nf 2/1/1 3/2/2 4/3/3\n";
    const count = (shape, scale, type) => ({
        shape,
        values: Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, i) => i * scale),
        type,
    });
    return [
        new TextEncoder().encode(atlas),
        WriteNpz({ vt: count([6, 2], 0.05), ft: count([6, 3], 0.3, "<i4") }),
        WriteNpz({
            lmk_face_idx: count([3], 1, "<i8"),
            lmk_b_coords: count([3, 3], 0.1),
            landmark_indices: count([3], 50, "<i8"),
        }),
        WritePickle({ full_lmk_faces_idx: count([1, 68], 0, "<i8"), full_lmk_bary_coords: count([1, 68, 3], 0.001) }),
    ];
}

/** A packet of Live Link Face and a bundle of OSC. */
function packets() {
    const liveLink = new DataView(new ArrayBuffer(1 + 4 + 4 + 4 + 4 + 17 + 4 * 61));
    liveLink.setUint8(0, 6);
    [5, 13].forEach((at) => liveLink.setUint32(at, 0x70686f6e));
    [1, 9].forEach((at) => liveLink.setInt32(at, 4));
    liveLink.setInt32(17, 100);
    [25, 29].forEach((at, i) => liveLink.setInt32(at, [60, 1][i]));
    liveLink.setUint8(33, 61);
    const message = "/avatar/parameters/JawOpen\0\0,f\0\0\x3f\0\0\0";
    const bundle = `#bundle\0${"\0".repeat(8)}\0\0\0${String.fromCharCode(message.length)}${message}`;
    return [new Uint8Array(liveLink.buffer), Uint8Array.from(bundle, (letter) => letter.charCodeAt(0))];
}

function samplePerson(withLayers) {
    const wave = (length, scale = 1) => Float32Array.from({ length }, (_, i) => scale * Math.sin(0.7 * i));
    return {
        name: "Ada",
        headModel: { name: "open-head", sha256: "ab".repeat(32) },
        model: { name: "nano-128", step: 1234 },
        mapSize: 8,
        staticMap: wave(14 * 64, 2),
        identityFeatures: wave(18),
        identityShape: [2, 3, 3],
        fit: {
            shape: wave(5),
            photos: [
                { camera: { rotation: [0, 0, 0, 1], translation: [0, 0, -0.7], focal: 2.4 }, expression: wave(52) },
            ],
        },
        thumbnail: new Uint8Array([137, 80, 78, 71]),
        provenance: "A wave.",
        license: "CC0-1.0",
        consent: "",
        ...(withLayers
            ? {
                  detail: wave(3 * 64, 0.2),
                  closeUp: { edge: 32, shades: new Int8Array(1024).map((_, i) => (i % 7 === 0 ? i % 100 : 0)) },
                  page: { headModel: { name: "page", sha256: "cd".repeat(32) }, mapSize: 8, map: wave(14 * 64, 3) },
              }
            : {}),
    };
}
