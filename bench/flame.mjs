// How well a FLAME of your own drives the 52 expressions: `node bench/flame.mjs flame.npz` (or .pkl). Turns of its jaw
// and, where the file has expression directions, each of the first ten at two standard deviations: the largest weights
// that stand for them, and the share of the movement that is left over.
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const modules = ["flame/expression", "flame/headModel", "runtime/flame/flameFaceMap", "runtime/flame/flameFile"];
const { outputFiles } = await build({
    stdin: { contents: modules.map((name) => `export * from "./src/${name}.ts";`).join("\n"), resolveDir: root },
    bundle: true,
    format: "esm",
    write: false,
    logLevel: "error",
});
const code = Buffer.from(outputFiles[0].contents).toString("base64");
const library = await import(`data:text/javascript;base64,${code}`);
const head = library.ParseHeadModel(
    new Uint8Array(readFileSync(path.join(root, "assets", "models", "open-head.bin"))).buffer,
);
const flame = library.ReadFlame(new Uint8Array(readFileSync(process.argv[2])));
const map = new library.FlameFaceMap(flame, head);
const frames = {
    ...Object.fromEntries([0.1, 0.2, 0.3].map((angle) => [`jaw open by ${angle}`, { jaw: [angle, 0, 0] }])),
    ...Object.fromEntries([-0.1, 0.1].map((angle) => [`jaw aside by ${angle}`, { jaw: [0, angle, 0] }])),
    ...Object.fromEntries(
        Array.from({ length: Math.min(10, map.expressionCount) }, (_, k) => [
            `expression ${k}`,
            { expression: Array.from({ length: k + 1 }, (_unused, i) => (i === k ? 2 : 0)) },
        ]),
    ),
};
for (const [name, frame] of Object.entries(frames)) {
    const weights = new Float32Array(52);
    const residual = map.weightsToRef(frame, weights);
    const largest = library.ArkitNames.map((track, i) => [track, weights[i]])
        .filter(([, weight]) => weight > 0.02)
        .sort((a, b) => b[1] - a[1])
        .slice(0, 4)
        .map(([track, weight]) => `${track} ${weight.toFixed(2)}`);
    console.log(`| ${name} | ${largest.join(", ")} | ${(100 * residual).toFixed(0)} % left |`);
}
