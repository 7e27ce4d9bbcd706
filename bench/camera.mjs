// How well and how late a camera is followed, by films of known faces (training/evaluate/film.py):
//
//   node bench/camera.mjs FILM...                      each frame of each film, through the library's worker
//   node bench/camera.mjs --live --picture=FILE FILM   as a fake camera that drives an avatar, with a picture
//
// Prints the head pose's error, the correlation of the tracks, and the filter's delay.
import { createReadStream, existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { WithPageAsync } from "../scripts/browser.mjs";
import { WorkerTextAsync } from "../scripts/workerText.mjs";
import { Report } from "./camera/report.mjs";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const films = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const live = process.argv.includes("--live");
const pictureFile = process.argv.find((argument) => argument.startsWith("--picture="))?.slice(10);

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
            `<link rel="icon" href="data:," /><canvas id="canvas" width="640" height="480"></canvas><script type="module" src="/page.js"></script>`,
        );
    } else if (pathname === "/page.js") {
        head("text/javascript");
        response.end(script);
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
    await LiveAsync();
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

async function LiveAsync() {
    const flags = [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        `--use-file-for-fake-video-capture=${path.resolve(films[0], "film.mjpeg")}`,
    ];
    await WithPageAsync({ limitMs: 580_000, flags }, async ({ page, consoleErrors }) => {
        await page.goto(url);
        await page.waitForFunction(() => window.ShowLiveAsync);
        const look = await page.evaluate(() => window.ShowLiveAsync("/assets/astronaut.png", [1, 4, 7, 10]));
        if (pictureFile) {
            writeFileSync(pictureFile, Buffer.from(look.picture.slice(look.picture.indexOf(",") + 1), "base64"));
        }
        console.log({ ...look, picture: pictureFile, consoleErrors });
    });
}

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
