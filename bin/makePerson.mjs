/* global Blob, Response */
// Makes a .flexavatar file of photos in Node: what a page does with createFromPhotosAsync and saveAsync. Networks run on
// the processor; pictures are opened and drawn by @napi-rs/canvas, which the project installs beside this package.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { findPackage } from "./assets.mjs";

const packageRoot = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const folderUrl = (folder) => `${pathToFileURL(folder).href}/`;

/** What a browser has and Node has not: canvases, pictures, and fetch of files. */
function bringBrowserParts({ createCanvas, ImageData, loadImage }) {
    globalThis.ImageData = ImageData;
    globalThis.OffscreenCanvas = class {
        constructor(width, height) {
            const canvas = createCanvas(width, height);
            canvas.convertToBlob = async () => new Blob([canvas.toBuffer("image/png")]);
            return canvas;
        }
    };
    globalThis.createImageBitmap = async (blob) => {
        const image = await loadImage(Buffer.from(await blob.arrayBuffer())); // upright, as its EXIF says
        image.close = () => undefined;
        return image;
    };
    bringFetchOfFiles();
}

/** Node's own fetch knows no files. */
export function bringFetchOfFiles() {
    const webFetch = globalThis.fetch;
    globalThis.fetch = async (url, options) =>
        String(url).startsWith("file:") ? new Response(readFileSync(fileURLToPath(url))) : webFetch(url, options);
}

/** A maker that has its networks from this package, or another folder, and ONNX Runtime from the project. */
export async function createMaker(
    project,
    onNotice,
    modelsUrl = folderUrl(path.join(packageRoot, "assets", "models")),
) {
    const { PersonMaker } = await import("../dist/lib/person.js");
    return await PersonMaker.CreateAsync({
        modelsUrl,
        runtimeUrls: folderUrl(path.join(findPackage("onnxruntime-web", project), "dist")),
        worker: false,
        onNotice: ({ code, message }) => code !== "refine-on-page" && onNotice?.(message), // here there is no page
    });
}

function loadCanvas(project) {
    try {
        return createRequire(import.meta.url)(findPackage("@napi-rs/canvas", project));
    } catch (error) {
        throw new Error("Photos are opened by @napi-rs/canvas. Run: npm install @napi-rs/canvas", { cause: error });
    }
}

/**
 * @param photos one to four image files
 * @param target the file to write
 * @param options `refine`: false leaves the photos' own detail, hair and bust out; `back`: an image file from behind;
 * `project`: the folder whose packages are used; `modelsUrl`: the folder of other networks; `onStage`, `onNotice`: told
 * what is done
 * @returns bytes written
 */
export async function makePerson(photos, target, options = {}) {
    const { refine = true, back, project = process.cwd(), modelsUrl, onStage, onNotice } = options;
    bringBrowserParts(loadCanvas(project));
    const maker = await createMaker(project, onNotice, modelsUrl);
    let last = "";
    const tell = ({ stage }) => {
        if (stage !== last && !stage.startsWith("loading ")) {
            onStage?.((last = stage));
        }
    };
    try {
        const name = path.basename(target, path.extname(target));
        const open = (photo) => new Blob([readFileSync(photo)]);
        const settings = { name, refine: refine && (back === undefined ? "auto" : { back: open(back) }) };
        const person = await maker.makeAsync(photos.map(open), { ...settings, onProgress: tell });
        const bytes = await maker.writeAsync(person);
        writeFileSync(target, bytes);
        return bytes.length;
    } finally {
        maker.dispose();
    }
}
