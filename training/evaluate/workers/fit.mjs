// The landmark fit that ships (src/flame/fit), run in Node on landmarks of photos.
//   node fit.mjs <repository> <scratch folder> <landmarks.bin> <count> <anchor size> <out.bin> [<photos of one person>]
// Each so many photos, 1 if not said, share an identity.
// landmarks.bin: float32 [count,478,2] in crop coordinates 0..1. out.bin, float32, per photo: residual in % of the eye
// distance, focal (crop sides), rotation 9, translation 3, expression E, anchors 3·A·A, prior 4·A·A.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [, , repositoryPath, scratch, landmarksFile, countText, sizeText, outFile, togetherText = "1"] = process.argv;
const repository = resolve(repositoryPath);
const ts = createRequire(join(repository, "package.json"))("typescript");

/** Strips the types of src/flame, which imports nothing outside itself, into `scratch`. */
function transpile() {
    const source = join(repository, "src/flame");
    for (const name of readdirSync(source, { recursive: true })) {
        if (!name.endsWith(".ts")) {
            continue;
        }
        const { outputText } = ts.transpileModule(readFileSync(join(source, name), "utf8"), {
            compilerOptions: { target: "ES2022", module: "ESNext" },
        });
        const target = join(scratch, name.replace(/\.ts$/, ".mjs"));
        mkdirSync(dirname(target), { recursive: true });
        writeFileSync(target, outputText.replace(/(from\s+"\.{1,2}\/[^"]+)\.js"/g, '$1.mjs"'));
    }
    return (name) => import(pathToFileURL(resolve(scratch, `${name}.mjs`)).href);
}

const load = transpile();
const { ParseHeadModel } = await load("headModel");
const { FitHeadModel } = await load("fit/fitHeadModel");
const { PhotoAnchors } = await load("fit/anchors");
const { IdentityPrior } = await load("fit/prior");

const bytes = readFileSync(join(repository, "assets/models/open-head.bin"));
const head = ParseHeadModel(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
const [count, size, together] = [Number(countText), Number(sizeText), Number(togetherText)];
const landmarks = new Float32Array(new Uint8Array(readFileSync(landmarksFile)).buffer);
const out = [];
for (let first = 0; first < count; first += together) {
    const photos = Array.from({ length: together }, (_, k) => ({
        landmarks: landmarks.subarray(956 * (first + k), 956 * (first + k + 1)),
    }));
    const fit = FitHeadModel(head, photos);
    for (const view of fit.views) {
        out.push(
            Float32Array.from([
                fit.residual,
                view.focal,
                ...view.rotation,
                ...view.translation,
                ...view.expression,
                ...PhotoAnchors(head, fit, view, size),
                ...IdentityPrior(head, fit, size),
            ]),
        );
    }
}
writeFileSync(outFile, Buffer.concat(out.map((values) => Buffer.from(values.buffer))));
