#!/usr/bin/env node
// npx babylon-flexavatar copy-assets <folder>: puts what a page needs at run time into a folder that is served.
// npx babylon-flexavatar make <file> <photo>...: makes a .flexavatar file of photos, without a browser.
// npx babylon-flexavatar export <file> <target>: writes a .flexavatar file as a mesh, without a browser.
import path from "node:path";
import { copyAssets } from "./assets.mjs";

const usage = `Usage: babylon-flexavatar copy-assets <folder>
       babylon-flexavatar make <person.flexavatar> <photo>... [--plain]
       babylon-flexavatar export <person.flexavatar> <person.glb> [--as mesh] [--texture <pixels>]

Copies the networks, the head model, ONNX Runtime and the face detector into <folder>, for example public/flexavatar.
The page names the address of that folder: FlexAvatarComponent.GetOrCreate(scene, { assetsUrl: "/flexavatar/" }).
Running it again copies only what changed; run it after every update of babylon-flexavatar or onnxruntime-web.

make writes the avatar of one to four photos of a person. Photos are opened by @napi-rs/canvas: npm install @napi-rs/canvas.
--plain leaves out the photos' own detail, hair and bust, which take most of the time.

export writes a skinned mesh with textures and ARKit's 52 morph targets, for any engine. --texture is the edge of the
head's texture, 128 to 2048, 1024 by default.`;

async function make(file, photos, refine) {
    try {
        const { makePerson } = await import("./makePerson.mjs");
        const bytes = await makePerson(photos, path.resolve(file), {
            refine,
            onStage: (stage) => console.log(`${stage} ...`),
            onNotice: (message) => console.log(message),
        });
        console.log(`${file} ${megabytes(bytes)}`);
        process.exit(0); // ONNX Runtime's threads would wait for more
    } catch (error) {
        console.error(`babylon-flexavatar: ${error.message}`);
        process.exit(1);
    }
}

async function exportMesh(file, target, textureSize) {
    try {
        const { exportMesh: write } = await import("./exportMesh.mjs");
        console.log(`${target} ${megabytes(await write(file, path.resolve(target), { textureSize }))}`);
        process.exit(0); // ONNX Runtime's threads would wait for more
    } catch (error) {
        console.error(`babylon-flexavatar: ${error.message}`);
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

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

const [command, target, ...rest] = process.argv.slice(2);
if (command === "--help" || command === "help") {
    console.log(usage);
} else if (command === "make" && target !== undefined && !target.startsWith("-") && rest.length > 0) {
    await make(
        target,
        rest.filter((word) => word !== "--plain"),
        !rest.includes("--plain"),
    );
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
        console.error(`babylon-flexavatar: ${error.message}`);
        process.exitCode = 1;
    }
}
