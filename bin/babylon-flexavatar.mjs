#!/usr/bin/env node
// npx babylon-flexavatar copy-assets <folder>: puts what a page needs at run time into a folder that is served.
// npx babylon-flexavatar make <file> <photo>...: makes a .flexavatar file of photos, without a browser.
// npx babylon-flexavatar convert-flame <file>: makes a head model of the user's own FLAME.
// npx babylon-flexavatar export <file> <target>: writes a .flexavatar file as a mesh, without a browser.
import path from "node:path";
import { copyAssets } from "./assets.mjs";

const usage = `Usage: babylon-flexavatar copy-assets <folder>
       babylon-flexavatar make <person.flexavatar> <photo>... [--back <photo> | --plain]
       babylon-flexavatar convert-flame <flame.pkl|flame.npz> [further file]... [-o <head.bin>] [--license <SPDX>]
       babylon-flexavatar export <person.flexavatar> <person.glb> [--as mesh] [--texture <pixels>]

Copies the networks, the head model, ONNX Runtime and the face detector into <folder>, for example public/flexavatar.
The page names the address of that folder: FlexAvatarComponent.GetOrCreate(scene, { assetsUrl: "/flexavatar/" }).
Running it again copies only what changed; run it after every update of babylon-flexavatar or onnxruntime-web.

make writes the avatar of one to four photos of a person. Photos are opened by @napi-rs/canvas: npm install @napi-rs/canvas.
--back is one more photo, from straight behind: hair and bust look there as it shows them.
--plain leaves out the photos' own detail, hair and bust, which take most of the time.

convert-flame makes a head model file of your own FLAME (2020, 2023, 2023 Open), by default beside it. Further files give
FLAME's atlas and landmarks; docs/flame.md says which. --license names FLAME's licence in the file: CC-BY-4.0 for 2023 Open.

export writes a skinned mesh with textures and ARKit's 52 morph targets, for any engine. --texture is the edge of the
head's texture, 128 to 2048, 1024 by default.`;

/** Words without an option and its value. @returns the value too */
function takeOption(words, option) {
    const at = words.indexOf(option);
    return at < 0 ? [words, undefined] : [words.toSpliced(at, 2), words[at + 1]];
}

const describe = ({ message, advice }) => `babylon-flexavatar: ${message}${advice ? ` ${advice}` : ""}`;

async function convert(words) {
    const [withoutTarget, target] = takeOption(words, "-o");
    const [files, license] = takeOption(withoutTarget, "--license");
    if (files.length === 0 || files.some((file) => file.startsWith("-"))) {
        console.error(usage);
        process.exitCode = 2;
        return;
    }
    try {
        const { convertFlame, describeReport } = await import("./convertFlame.mjs");
        const written = path.resolve(target ?? files[0].replace(/\.\w+$/, ".bin"));
        const report = await convertFlame(files, written, license === undefined ? {} : { license });
        describeReport(report).forEach((line) => console.log(line));
        console.log(`${written} ${megabytes(report.bytes)}`);
    } catch (error) {
        console.error(describe(error));
        process.exitCode = 1;
    }
}

async function make(file, { photos, back, refine }) {
    try {
        const { makePerson } = await import("./makePerson.mjs");
        const bytes = await makePerson(photos, path.resolve(file), {
            refine,
            back,
            onStage: (stage) => console.log(`${stage} ...`),
            onNotice: (message) => console.log(message),
        });
        console.log(`${file} ${megabytes(bytes)}`);
        process.exit(0); // ONNX Runtime's threads would wait for more
    } catch (error) {
        console.error(describe(error));
        process.exit(1);
    }
}

async function exportMesh(file, target, textureSize) {
    try {
        const { exportMesh: write } = await import("./exportMesh.mjs");
        console.log(`${target} ${megabytes(await write(file, path.resolve(target), { textureSize }))}`);
        process.exit(0); // ONNX Runtime's threads would wait for more
    } catch (error) {
        console.error(describe(error));
        process.exit(1);
    }
}

/** The words of `export` without its options, and these; null for what it does not know. */
function readExport(words) {
    const {
        as = "mesh",
        texture,
        ...rest
    } = Object.fromEntries(words.flatMap((word, i) => (word.startsWith("--") ? [[word.slice(2), words[i + 1]]] : [])));
    const files = words.filter((word, i) => !word.startsWith("--") && !words[i - 1]?.startsWith("--"));
    const knows = files.length === 2 && as === "mesh" && Object.keys(rest).length === 0;
    return knows ? { files, textureSize: texture === undefined ? undefined : Number(texture) } : null;
}

/** The words of `make` after its file; null for what it does not know. */
function readMake(words) {
    const [withoutBack, back] = takeOption(words, "--back");
    const photos = withoutBack.filter((word) => word !== "--plain");
    const refine = photos.length === withoutBack.length;
    const isBackGiven = words.includes("--back");
    const knows =
        photos.length > 0 &&
        ![...photos, back ?? ""].some((word) => word.startsWith("--")) &&
        isBackGiven === (back !== undefined) &&
        (refine || !isBackGiven);
    return knows ? { photos, back, refine } : null;
}

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

const [command, target, ...rest] = process.argv.slice(2);
if (command === "--help" || command === "help") {
    console.log(usage);
} else if (command === "convert-flame" && target !== undefined) {
    await convert([target, ...rest]);
} else if (command === "make" && target !== undefined && !target.startsWith("-") && readMake(rest)) {
    await make(target, readMake(rest));
} else if (command === "export" && readExport([target, ...rest].filter(Boolean))) {
    const { files, textureSize } = readExport([target, ...rest]);
    await exportMesh(...files, textureSize);
} else if (command !== "copy-assets" || target === undefined || target.startsWith("-") || rest.length > 0) {
    console.error(usage);
    process.exitCode = 2;
} else {
    try {
        const assets = copyAssets(path.resolve(target));
        const folders = new Map();
        for (const { to, bytes } of assets) {
            const folder = to.split("/")[0];
            const sum = folders.get(folder) ?? { files: 0, bytes: 0 };
            folders.set(folder, { files: sum.files + 1, bytes: sum.bytes + bytes });
        }
        for (const [folder, { files, bytes }] of folders) {
            console.log(
                `${path.join(target, folder).padEnd(40)} ${String(files).padStart(3)} files ${megabytes(bytes).padStart(9)}`,
            );
        }
        const copied = assets.filter((asset) => asset.copied);
        const sum = copied.reduce((total, { bytes }) => total + bytes, 0);
        console.log(
            `${copied.length} of ${assets.length} files copied (${megabytes(sum)}). A page fetches only those that it needs.`,
        );
    } catch (error) {
        console.error(describe(error));
        process.exitCode = 1;
    }
}
