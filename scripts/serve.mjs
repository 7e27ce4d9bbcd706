// Serves the built samples: `node scripts/serve.mjs [port]`, also used by the demo and the end-to-end tests. The pages
// are cross-origin isolated (WASM threads), nothing is cached, and every request is written down with its time.
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { fileURLToPath } from "node:url";

const repositoryRoot = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** Where `npm run build:samples` puts the pages with everything they need. */
export const samplesFolder = path.join(repositoryRoot, "dist", "samples");

const mimeTypes = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
    ".map": "application/json",
    ".wasm": "application/wasm",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".glb": "model/gltf-binary",
    ".svg": "image/svg+xml",
};

/**
 * Starts a static server on this machine only.
 * @param options `folder` to serve (default the built samples), `port` (default: a free one), and `intercept`, which
 * may answer a request itself: it gets the path and returns `{ status, body }` or nothing. Tests use it to break a
 * download. `headers` are sent with everything, in the place of ours of the same name.
 * @returns the address, the list of requests `{ path, status, bytes, timeMs }` (timeMs as performance.timeOrigin-based
 * clock), a setter for `intercept`, and `closeAsync`
 */
export async function StartServerAsync({ folder = samplesFolder, port = 0, intercept, headers: wanted = {} } = {}) {
    if (!existsSync(folder)) {
        throw new Error(`Nothing to serve: ${folder} does not exist. Run \`npm run build:samples\` first.`);
    }
    const requests = [];
    const state = { intercept };
    const server = createServer((request, response) => {
        const pathname = decodeURIComponent(new URL(request.url, "http://localhost").pathname);
        const entry = { path: pathname, status: 0, bytes: 0, timeMs: Date.now() };
        requests.push(entry);
        const answer = (status, headers = {}) => {
            entry.status = status;
            response.writeHead(status, {
                "Cross-Origin-Opener-Policy": "same-origin",
                "Cross-Origin-Embedder-Policy": "require-corp",
                "Cross-Origin-Resource-Policy": "same-origin",
                "Cache-Control": "no-store",
                ...wanted,
                ...headers,
            });
        };
        const replaced = state.intercept?.(pathname);
        if (replaced) {
            answer(replaced.status ?? 200, {
                "Content-Type": mimeTypes[path.extname(pathname)] ?? "application/octet-stream",
            });
            response.end(replaced.body ?? "");
            return;
        }
        let file = path.join(folder, path.normalize(pathname));
        if (pathname === "/") {
            answer(302, { Location: "/index.html" });
            response.end();
            return;
        }
        if (existsSync(file) && statSync(file).isDirectory()) {
            file = path.join(file, "index.html");
        }
        if (!file.startsWith(folder + path.sep) || !existsSync(file)) {
            answer(404, { "Content-Type": "text/plain" });
            response.end(`Not found: ${pathname}\n`);
            return;
        }
        entry.bytes = statSync(file).size;
        answer(200, {
            "Content-Type": mimeTypes[path.extname(file)] ?? "application/octet-stream",
            "Content-Length": entry.bytes,
        });
        createReadStream(file).pipe(response);
    });
    await new Promise((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, "127.0.0.1", resolve);
    });
    return {
        url: `http://localhost:${server.address().port}`,
        requests,
        set intercept(value) {
            state.intercept = value;
        },
        closeAsync: () =>
            new Promise((resolve) => {
                server.close(() => resolve());
                server.closeAllConnections();
            }),
    };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    const port = Number(process.argv[2] ?? process.env.PORT ?? 8080);
    try {
        const server = await StartServerAsync({ port });
        console.log(`The samples are at ${server.url}/ (a browser with WebGPU is needed; Ctrl+C stops the server)`);
    } catch (error) {
        console.error(
            error.code === "EADDRINUSE" ? `Port ${port} is taken. Try: npm start -- ${port + 1}` : error.message,
        );
        process.exit(1);
    }
}
