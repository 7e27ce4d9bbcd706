// The text of a worker's script: what `import text from "./worker.ts?text"` gives. The script and all that it imports
// become one file, because a worker that starts from its text has no folder to import from. A loader for webpack by
// default; scripts/buildLib.mjs calls the function.
import path from "node:path";
import { build } from "esbuild";

/**
 * @param file path of the worker's entry
 * @returns its script, minified, without imports
 */
export async function WorkerTextAsync(file) {
    const { outputFiles } = await build({
        entryPoints: [file],
        bundle: true,
        minify: true,
        write: false,
        format: "esm",
        target: "es2022",
        legalComments: "none",
        loader: { ".wgsl": "text" },
    });
    return outputFiles[0].text;
}

/** Webpack's loader. */
export default function () {
    const callback = this.async();
    this.addContextDependency(path.dirname(this.resourcePath));
    WorkerTextAsync(this.resourcePath).then(
        (text) => callback(null, `export default ${JSON.stringify(text)};`),
        (error) => callback(error),
    );
}
