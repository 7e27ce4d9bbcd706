// Fresh projects outside the repository that install the packed package as a stranger would, and pages of theirs in
// headless Chromium.
import { execFile, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import ts from "typescript";
import { WithPageAsync } from "../../scripts/browser.mjs";

const execAsync = promisify(execFile);

export const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
export const repositoryPackage = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
/** Versions of the repository, so that a new release of a tool cannot break a landing. */
export const babylonVersion = repositoryPackage.devDependencies["@babylonjs/core"];
const onnxVersion = repositoryPackage.devDependencies["onnxruntime-web"];
const limitMs = 380_000;
const avatarLimitMs = 300_000;

const workFolder = mkdtempSync(path.join(os.tmpdir(), "flex-install-"));
const children = new Set();
process.on("exit", () => {
    for (const child of children) {
        try {
            process.kill(-child.pid, "SIGKILL");
        } catch {
            // it has ended
        }
    }
    if (!process.env.FLEX_KEEP) {
        rmSync(workFolder, { recursive: true, force: true });
    }
});

let packed;
/** `npm pack` of what is built, once. @returns the tarball */
function PackAsync() {
    return (packed ??= (async () => {
        if (!existsSync(path.join(root, "dist", "standalone", "flexavatar.js"))) {
            throw new Error("Nothing is built. Run `npm run build` first.");
        }
        await execAsync("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", workFolder], {
            cwd: root,
        });
        return path.join(workFolder, `babylon-flexavatar-${repositoryPackage.version}.tgz`);
    })());
}

/** The first complete code block of the README: the program that every project builds. */
export function ReadmeProgram() {
    const [block] = CompleteBlocks(readFileSync(path.join(root, "README.md"), "utf8"));
    return block;
}

/** TypeScript blocks of a page that stand under `<!-- complete -->`. */
export function CompleteBlocks(markdown) {
    return [...markdown.matchAll(/<!-- complete -->\s*```ts\n([\s\S]*?)```/g)].map(([, block]) => block);
}

/** HTML blocks of a page that stand under `<!-- complete -->`. */
export function HtmlBlocks(markdown) {
    return [...markdown.matchAll(/<!-- complete -->\s*```html\n([\s\S]*?)```/g)].map(([, block]) => block);
}

/** What the test asks of the program, besides what a reader would see. */
export const Report = `
Object.assign(globalThis, { flexResult: { gaussianCount: avatar.gaussianCount, backend: component.backend }, flexComponent: component });
component.onNoticeObservable.add((notice) => (globalThis.flexNotices ??= []).push(notice));
`;

/** The program as a script that needs no compiler, with an address in place of the README's portrait. */
export function ProgramAsScript() {
    const program = ReadmeProgram().replace(/"[^"]*portrait[^"]*"/, '"astronaut.png"') + Report;
    const { outputText } = ts.transpileModule(program, { compilerOptions: { module: "ESNext", target: "ES2022" } });
    return outputText;
}

export const page = (script) => `<!doctype html>
<html lang="en">
    <head><meta charset="utf-8" /><link rel="icon" href="data:," /><style>body { margin: 0 } canvas { width: 100vw; height: 100vh; display: block }</style></head>
    <body><canvas></canvas>${script}</body>
</html>
`;

/** Makes a project of its own and installs the package and `dependencies` (name to version) into it. */
export async function CreateProjectAsync(name, dependencies, files) {
    const folder = path.join(workFolder, name);
    mkdirSync(folder, { recursive: true });
    const manifest = {
        name: `flex-install-${name}`,
        private: true,
        type: "module",
        dependencies: {
            "babylon-flexavatar": `file:${await PackAsync()}`,
            "@babylonjs/core": babylonVersion,
            "onnxruntime-web": onnxVersion,
            ...dependencies,
        },
    };
    writeFileSync(path.join(folder, "package.json"), JSON.stringify(manifest, null, 4));
    const project = {
        folder,
        at: (...parts) => path.join(folder, ...parts),
        write(written) {
            for (const [file, text] of Object.entries(written)) {
                mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
                writeFileSync(path.join(folder, file), text);
            }
        },
        /** Runs a program of the project. @returns what it printed @throws Error with what it printed */
        async runAsync(program, ...parameters) {
            const local = path.join(folder, "node_modules", ".bin", program);
            try {
                const { stdout, stderr } = await execAsync(existsSync(local) ? local : program, parameters, {
                    cwd: folder,
                    timeout: limitMs,
                    maxBuffer: 1 << 26,
                    env: { ...process.env, NODE_ENV: "", NO_COLOR: "1", CI: "1", NEXT_TELEMETRY_DISABLED: "1" },
                });
                return stdout + stderr;
            } catch (error) {
                throw new Error(`${program} ${parameters.join(" ")} failed:\n${error.stdout}${error.stderr}`, {
                    cause: error,
                });
            }
        },
        /** Starts a server of the project. @returns its address and a function that ends it */
        async startAsync(program, ...parameters) {
            const child = spawn(path.join(folder, "node_modules", ".bin", program), parameters, {
                cwd: folder,
                detached: true,
                stdio: ["ignore", "pipe", "pipe"],
                env: { ...process.env, NODE_ENV: "", NO_COLOR: "1", CI: "1", NEXT_TELEMETRY_DISABLED: "1" },
            });
            children.add(child);
            let output = "";
            const url = await new Promise((resolve, reject) => {
                const read = (data) => {
                    output += data;
                    const address = /http:\/\/(?:localhost|127\.0\.0\.1):(\d+)/.exec(output);
                    if (address) {
                        resolve(`http://localhost:${address[1]}`);
                    }
                };
                child.stdout.on("data", read);
                child.stderr.on("data", read);
                child.on("exit", () => reject(new Error(`${program} ended:\n${output}`)));
            });
            return {
                url,
                output: () => output,
                stop() {
                    children.delete(child);
                    process.kill(-child.pid, "SIGKILL");
                },
            };
        },
        copyAssetsAsync: (target) => project.runAsync("babylon-flexavatar", "copy-assets", target),
        addPortrait(target) {
            mkdirSync(path.join(folder, target), { recursive: true });
            cpSync(path.join(root, "samples", "assets", "astronaut.png"), path.join(folder, target, "astronaut.png"));
        },
    };
    project.write(files);
    await execAsync("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"], {
        cwd: folder,
        timeout: limitMs,
        maxBuffer: 1 << 26,
    });
    return project;
}

/**
 * Opens a page of a project and waits for its avatar.
 * @returns `{ gaussianCount, backend, notices, shown, errors, requests }`; `shown` is the part of the canvas that is
 * not of its most common color
 */
export async function OpenAvatarPageAsync(url, { picture } = {}) {
    return await WithPageAsync({ width: 640, height: 640, limitMs }, async ({ page: tab, consoleErrors, requests }) => {
        await tab.goto(url, { waitUntil: "load" });
        const failed = () => consoleErrors.find((text) => text.includes("uncaught"));
        const start = performance.now();
        while (!(await tab.evaluate(() => Boolean(globalThis.flexResult)))) {
            if (failed() || performance.now() - start > avatarLimitMs) {
                throw new Error(
                    `No avatar at ${tab.url()}: ${failed() ?? "it does not come"}\n${consoleErrors.join("\n")}`,
                );
            }
            await new Promise((resolve) => setTimeout(resolve, 500));
        }
        const { shown, data } = await tab.evaluate(ReadCanvasAsync);
        if (picture) {
            writeFileSync(picture, Buffer.from(data.slice(data.indexOf(",") + 1), "base64"));
        }
        const result = await tab.evaluate(() => ({ ...globalThis.flexResult, notices: globalThis.flexNotices ?? [] }));
        return { ...result, shown, errors: consoleErrors, requests: requests.map(({ url: address }) => address) };
    });
}

/**
 * Runs in the page: draws a frame and reads the canvas at once, because headless browsers show no picture of it later.
 */
async function ReadCanvasAsync() {
    const { scene, avatars } = globalThis.flexComponent;
    const engine = scene.getEngine();
    await avatars[0].evaluateAsync();
    await scene.whenReadyAsync();
    engine.beginFrame();
    scene.render();
    engine.endFrame();
    const data = engine.getRenderingCanvas().toDataURL();
    const image = new window.Image();
    image.src = data;
    await image.decode();
    const canvas = Object.assign(document.createElement("canvas"), {
        width: image.naturalWidth,
        height: image.naturalHeight,
    });
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const pixels = new Uint32Array(context.getImageData(0, 0, canvas.width, canvas.height).data.buffer);
    const counts = new Map();
    pixels.forEach((color) => counts.set(color, (counts.get(color) ?? 0) + 1));
    return { shown: 1 - Math.max(...counts.values()) / pixels.length, data };
}

/** Files below a folder, relative, with `/`. */
export function FilesOf(folder) {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) =>
            path
                .relative(folder, path.join(entry.parentPath ?? entry.path, entry.name))
                .split(path.sep)
                .join("/"),
        );
}
