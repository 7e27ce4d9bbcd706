// The landmark fit that ships (src/flame/fit), run in Node on landmarks of single photos.
//   node fit.mjs <repository> <scratch folder> <landmarks.bin> <count> <anchor size> <out.bin>
// landmarks.bin: float32 [count,478,2] in crop coordinates 0..1. out.bin, float32, per photo: residual in % of the eye distance, focal (crop sides),
// rotation 9, translation 3, expression E, anchors 3·A·A, prior 4·A·A.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [, , repositoryPath, scratch, landmarksFile, countText, sizeText, outFile] = process.argv;
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
const [count, size] = [Number(countText), Number(sizeText)];
const landmarks = new Float32Array(new Uint8Array(readFileSync(landmarksFile)).buffer);
const out = [];
for (let i = 0; i < count; i++) {
    const fit = FitHeadModel(head, [{ landmarks: landmarks.subarray(956 * i, 956 * (i + 1)) }]);
    const [view] = fit.views;
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
writeFileSync(outFile, Buffer.concat(out.map((values) => Buffer.from(values.buffer))));
