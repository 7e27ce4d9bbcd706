// `npm run demo`: builds the samples, opens the tests' harness in headless Chromium, turns the bundled portrait into an
// avatar, plays the clip beside the mesh character and writes out/demo/: contact-sheet.png, ada.flexavatar and
// report.json.
//
//   node scripts/demo.mjs [--no-build]
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { WithPageAsync } from "./browser.mjs";
import { StartServerAsync } from "./serve.mjs";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const outFolder = path.join(root, "out", "demo");
const tilePx = 360;
const stages = [];

/** Runs one stage, prints its line and remembers its time. */
async function stageAsync(name, work) {
    const start = performance.now();
    process.stdout.write(`${name} … `);
    try {
        const result = await work();
        const ms = Math.round(performance.now() - start);
        stages.push({ name, ms });
        console.log(`${(ms / 1000).toFixed(1)} s`);
        return result;
    } catch (error) {
        console.log("failed");
        throw error;
    }
}

function runAsync(command, args) {
    return new Promise((resolve, reject) => {
        const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
        let output = "";
        child.stdout.on("data", (data) => (output += data));
        child.stderr.on("data", (data) => (output += data));
        child.on("error", reject);
        child.on("exit", (code) =>
            code === 0 ? resolve(output) : reject(new Error(`${args.join(" ")} ended with code ${code}\n${output}`)),
        );
    });
}

const saveDataUrl = (name, dataUrl) =>
    writeFileSync(path.join(outFolder, name), Buffer.from(dataUrl.slice(dataUrl.indexOf(",") + 1), "base64"));

/** Everything that happens in the page. Returns the report. */
async function runPageAsync({ page, consoleErrors, requests }, server) {
    const problems = [];
    // A page that fails to start shows why; there is nothing to wait for then.
    const startPage = async () => {
        await page.goto(`${server.url}/harness/`, { waitUntil: "load" });
        await page.waitForFunction(() => window.flexDemo || !document.getElementById("message").hidden);
        const message = await page.evaluate(() =>
            window.flexDemo ? "" : document.getElementById("message").textContent,
        );
        if (message) {
            throw new Error(`The page could not start: ${message}`);
        }
    };
    await stageAsync("Opening the page", startPage);

    const reported = new Set();
    await page.exposeFunction("reportProgress", (stage) => {
        if (!reported.has(stage)) {
            reported.add(stage);
            console.log(`    ${stage}`);
        }
    });
    console.log("Photo to avatar:");
    const created = await page.evaluate(async () => {
        try {
            return await window.flexDemo.createAsync(["../assets/astronaut.png"], ({ stage }) =>
                window.reportProgress(stage),
            );
        } catch (error) {
            return { error: `${error.message ?? error} ${error.advice ?? ""}` };
        }
    });
    if (created.error) {
        throw new Error(`No avatar: ${created.error}`);
    }
    stages.push(...created.stages);
    console.log(
        `    ${created.gaussianCount} Gaussians in ${(created.totalMs / 1000).toFixed(1)} s, networks on ${created.backend}`,
    );
    const loadedAtMs = Date.now();

    const picture = (setUp, parameters, width = tilePx, height = tilePx) =>
        page.evaluate(
            async (source, values, w, h) => {
                // The set-up is one of the functions below, sent as text.
                await new Function("demo", "values", `return (${source})(demo, values);`)(window.flexDemo, values);
                return window.flexDemo.captureAsync(w, h);
            },
            setUp.toString(),
            parameters,
            width,
            height,
        );

    const rows = [];
    await stageAsync("Same pose as the photo", async () => {
        const crop = await page.evaluate(() => window.flexDemo.cropPictureAsync());
        const photo = `data:image/png;base64,${readFileSync(path.join(root, "samples", "assets", "astronaut.png")).toString("base64")}`;
        const same = await picture((demo) => {
            demo.showAlone("crop");
            demo.poseAsInPhoto();
        });
        const neutral = await picture((demo) => {
            demo.showAlone();
            demo.pose();
            demo.look(0);
        });
        rows.push([
            { label: "Input photo", picture: photo },
            { label: "What the networks see", picture: crop },
            { label: "Avatar, same pose and camera", picture: same },
            { label: "Avatar, neutral", picture: neutral },
        ]);
    });

    await stageAsync("Turning the camera", async () => {
        const row = [];
        for (const yaw of [-60, -30, 0, 30, 60]) {
            const turned = await picture((demo, degrees) => {
                demo.pose();
                demo.look(degrees);
            }, yaw);
            row.push({ label: `Camera yaw ${yaw}°`, picture: turned });
        }
        rows.push(row);
    });

    await stageAsync("Expressions of the clip", async () => {
        const row = [];
        for (const [label, track] of [
            ["Speech: “nice”", "jawOpen"],
            ["Smile", "mouthSmileRight"],
            ["Blink", "eyeBlinkLeft"],
            ["Pucker: “you”", "mouthPucker"],
            ["Brow raise", "browOuterUpLeft"],
        ]) {
            const shown = await picture((demo, name) => {
                demo.pose(demo.peakFrame(name));
                demo.look(0, 0, demo.closeUpDistance);
            }, track);
            row.push({ label: `${label} (${track})`, picture: shown });
        }
        rows.push(row);
    });

    await stageAsync("Mixed scene", async () => {
        const row = [];
        const width = 2 * tilePx + 8;
        for (const [label, place, track] of [
            ["Mesh character in front of the avatar", "front", "mouthPucker"],
            ["Mesh character behind the avatar", "behind", "jawOpen"],
        ]) {
            const mixed = await picture(
                (demo, values) => {
                    demo.showMixed(values.place);
                    demo.goToFrame(demo.peakFrame(values.track));
                },
                { place, track },
                width,
                tilePx,
            );
            row.push({ label, picture: mixed, columns: 2 });
        }
        rows[0].push({
            label: "Clip, head turn",
            picture: await picture((demo) => {
                demo.showAlone();
                demo.goToFrame(demo.clip.from + (demo.clip.to - demo.clip.from) * (2.5 / 8));
                demo.look(0);
            }),
        });
        row.push({
            label: "From the side",
            picture: await picture((demo) => {
                demo.showMixed("behind");
                demo.goToFrame(demo.peakFrame("mouthSmileRight"));
                demo.look(42, 8, 1.5);
            }),
        });
        rows.push(row);
    });

    await stageAsync("Contact sheet", async () => {
        const title = `FlexAvatar for Babylon.js: one photo to a talking head (${created.gaussianCount} Gaussians)`;
        const sheet = await page.evaluate(
            (...parameters) => window.flexDemo.composeSheetAsync(...parameters),
            title,
            rows,
            tilePx,
        );
        saveDataUrl("contact-sheet.png", sheet);
    });

    const frame = await stageAsync("Playing the clip", () =>
        page.evaluate(() => window.flexDemo.measureFramesAsync(12)),
    );
    const file = await stageAsync("Saving", () => page.evaluate(() => window.flexDemo.saveAsDataUrlAsync()));
    saveDataUrl("ada.flexavatar", file);

    const local = (url) => url.startsWith(server.url);
    const requestsAfterLoad = requests
        .filter(({ url, timeMs }) => timeMs > loadedAtMs && !url.startsWith("data:"))
        .map(({ url }) => url);
    const foreign = requests.filter(({ url }) => !local(url)).map(({ url }) => url);
    const failed = server.requests.filter(({ status }) => status >= 400).map((request) => request.path);
    if (requestsAfterLoad.length > 0) {
        problems.push(
            `${requestsAfterLoad.length} requests after the avatar was loaded: ${requestsAfterLoad.slice(0, 3).join(", ")}`,
        );
    }
    if (foreign.length > 0) {
        problems.push(`requests to other servers: ${foreign.slice(0, 3).join(", ")}`);
    }
    if (consoleErrors.length > 0) {
        problems.push(`${consoleErrors.length} console errors: ${consoleErrors.slice(0, 3).join(" | ")}`);
    }
    if (frame.readBacks > 0) {
        problems.push(`${frame.readBacks} read-backs per frame`);
    }
    return {
        problems,
        stages,
        photoToAvatarMs: created.totalMs,
        networksMs: created.networksMs,
        networkBackend: created.backend,
        adapter: created.adapter,
        notices: created.notices,
        gaussianCount: created.gaussianCount,
        frame,
        modelBytes: created.modelBytes,
        avatarFileBytes: statSync(path.join(outFolder, "ada.flexavatar")).size,
        load: {
            requests: server.requests.length,
            bytes: server.requests.reduce((sum, { bytes }) => sum + bytes, 0),
            failed,
        },
        requestsAfterLoad: requestsAfterLoad.length,
        consoleErrors,
        machine: {
            cores: os.cpus().length,
            cpu: os.cpus()[0]?.model,
            memoryGiB: Math.round(os.totalmem() / 2 ** 30),
            node: process.version,
        },
    };
}

async function mainAsync() {
    rmSync(outFolder, { recursive: true, force: true });
    mkdirSync(outFolder, { recursive: true });
    if (!process.argv.includes("--no-build")) {
        await stageAsync("Building the samples", () =>
            runAsync(process.execPath, [
                "node_modules/webpack/bin/webpack.js",
                "--mode",
                "production",
                "--config-name",
                "samples",
            ]),
        );
    }
    const server = await StartServerAsync();
    try {
        const report = await WithPageAsync({ limitMs: 480_000 }, (tools) => runPageAsync(tools, server));
        writeFileSync(path.join(outFolder, "report.json"), `${JSON.stringify(report, null, 4)}\n`);
        const kilobytes = (report.load.bytes / 1024).toFixed(0);
        console.log(
            `\nAvatar of ${report.gaussianCount} Gaussians in ${(report.photoToAvatarMs / 1000).toFixed(1)} s (networks ${(report.networksMs / 1000).toFixed(1)} s, ${report.networkBackend}; ${report.adapter})`,
        );
        console.log(
            `${report.frame.dispatches} dispatches and ${report.frame.draws} draws per frame, ${report.load.requests} files (${kilobytes} KiB) loaded, ${report.requestsAfterLoad} requests after that`,
        );
        console.log(
            `Look at out/demo/contact-sheet.png, out/demo/ada.flexavatar and out/demo/report.json.\nFor the interactive page: npm start`,
        );
        if (report.problems.length > 0) {
            throw new Error(`The demo ran, but not as promised:\n  - ${report.problems.join("\n  - ")}`);
        }
    } finally {
        await server.closeAsync();
    }
}

mainAsync().then(
    () => process.exit(0),
    (error) => {
        console.error(`\nDemo failed: ${process.env.FLEX_BROWSER_LOG ? error.stack : error.message}`);
        process.exit(1);
    },
);
