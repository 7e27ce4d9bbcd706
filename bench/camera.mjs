// How well and how late a camera is followed, by films of known faces (training/evaluate/film.py):
//
//   node bench/camera.mjs FILM...                      each frame of each film, through the library's worker
//   node bench/camera.mjs --live FILM                  as a fake camera that drives an avatar
//
// The first prints the head pose's error, the correlation of the tracks, and the filter's delay. The second prints the
// way of a picture to the drawn face part by part, what is allocated, and long tasks. Options of it:
//   --kinds=undrawn,mesh,splats   what draws; undrawn: splats of which nothing reaches the graphics card
//   --person=FILE.flexavatar      a saved avatar in the place of one that is made of the bundled portrait
//   --size=640x480  --frames=300  --picture=FILE   (camera and avatar side by side)
import { createReadStream, existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { WithPageAsync } from "../scripts/browser.mjs";
import { WorkerTextAsync } from "../scripts/workerText.mjs";
import { LiveAsync } from "./camera/live.mjs";
import { Report } from "./camera/report.mjs";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const films = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const live = process.argv.includes("--live");
const option = (name) => process.argv.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3);
const personFile = option("person");

const script = await BundleAsync();
const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const head = (type) =>
        response.writeHead(200, {
            "Content-Type": type,
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Embedder-Policy": "require-corp",
        });
    if (pathname === "/") {
        head("text/html");
        response.end(
            `<!doctype html><link rel="icon" href="data:," /><body><script type="module" src="/page.js"></script></body>`,
        );
    } else if (pathname === "/page.js") {
        head("text/javascript");
        response.end(script);
    } else if (pathname === "/person.flexavatar" && personFile) {
        head("application/octet-stream");
        createReadStream(personFile).pipe(response);
    } else {
        const [folder, ...rest] = pathname.slice(1).split("/");
        const folders = {
            models: path.join(root, "assets", "models"),
            runtime: path.join(root, "node_modules", "onnxruntime-web", "dist"),
            assets: path.join(root, "samples", "assets"),
            film: films[Number(rest.shift())],
        };
        const file = path.join(
            folders[folder] ?? root,
            ...(folder === "film" ? rest : pathname.slice(1).split("/").slice(1)),
        );
        if (!folders[folder] || !existsSync(file)) {
            response.writeHead(404).end();
            return;
        }
        const types = { ".mjs": "text/javascript", ".wasm": "application/wasm", ".json": "application/json" };
        head(types[path.extname(file)] ?? "application/octet-stream");
        createReadStream(file).pipe(response);
    }
});
await new Promise((resolve) => server.listen(0, "localhost", resolve));
const url = `http://localhost:${server.address().port}/`;

if (live) {
    await LiveAsync({
        url,
        film: films[0],
        person: personFile ? "/person.flexavatar" : "/assets/astronaut.png",
        script,
        kinds: (option("kinds") ?? "undrawn,mesh,splats").split(","),
        frames: Number(option("frames") ?? 300),
        size: (option("size") ?? "640x480").split("x").map(Number),
        pictureFile: option("picture"),
    });
} else {
    const followed = [];
    for (const [index, film] of films.entries()) {
        const result = await WithPageAsync({ limitMs: 580_000 }, async ({ page, consoleErrors }) => {
            await page.goto(url);
            await page.waitForFunction(() => window.FollowFilmAsync);
            const answer = await page.evaluate(
                (address) => window.FollowFilmAsync(address),
                `/film/${index}/film.mjpeg`,
            );
            if (consoleErrors.length > 0) {
                throw new Error(consoleErrors.join("\n"));
            }
            return answer;
        });
        followed.push({
            name: path.basename(film),
            truth: JSON.parse(readFileSync(path.join(film, "truth.json"), "utf8")),
            ...result,
        });
        console.log(Report([followed.at(-1)], false));
    }
    console.log(Report(followed, true));
}
server.close();
process.exit(0);

/** The page's script in one file. */
async function BundleAsync() {
    const { outputFiles } = await build({
        entryPoints: [path.join(root, "bench", "camera", "page.ts")],
        bundle: true,
        write: false,
        format: "esm",
        target: "es2022",
        loader: { ".wgsl": "text" },
        alias: { "babylon-flexavatar": path.join(root, "src", "index.ts") },
        plugins: [
            {
                name: "worker text",
                setup({ onResolve, onLoad }) {
                    onResolve({ filter: /\.ts\?text$/ }, ({ path: file, resolveDir }) => ({
                        path: path.join(resolveDir, file.replace(/\?text$/, "")),
                        namespace: "worker",
                    }));
                    onLoad({ filter: /.*/, namespace: "worker" }, async ({ path: file }) => ({
                        contents: await WorkerTextAsync(file),
                        loader: "text",
                    }));
                },
            },
        ],
    });
    return outputFiles[0].text;
}
